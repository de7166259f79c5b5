import { describe, expect, it } from 'vitest';
import { msPerMinute } from '../core/time.ts';
import { createBucketCounter } from './bucket-counter.ts';

describe('a bucket counter', () => {
  it('passes minutes on as they are when buckets are minutes', () => {
    expect(createBucketCounter(msPerMinute).push(120_000, 7)).toEqual({ bucketAtMs: 120_000, requestCount: 7 });
  });

  it('tells a five-minute bucket when its fifth minute came', () => {
    const counter = createBucketCounter(5 * msPerMinute);
    const told = [0, 1, 2, 3, 4, 5].map((minute) => counter.push(minute * msPerMinute, 10));
    expect(told).toEqual([undefined, undefined, undefined, undefined, { bucketAtMs: 0, requestCount: 50 }, undefined]);
  });

  it('tells of a bucket that it is saturated when one of its minutes is, and not of the next', () => {
    const counter = createBucketCounter(5 * msPerMinute);
    const told = Array.from({ length: 10 }, (_, minute) =>
      counter.push(minute * msPerMinute, 10, { isSaturated: minute === 2 }),
    );
    expect(told.flatMap((bucket) => (bucket ? [bucket.isSaturated] : []))).toEqual([true, undefined]);
  });

  // Goal: an outage of the source is missing data, not low demand.
  it('never tells a bucket that lacks a minute, and starts afresh with the next', () => {
    const counter = createBucketCounter(5 * msPerMinute);
    const told = [0, 1, 3, 4, 5, 6, 7, 8, 9].map((minute) => counter.push(minute * msPerMinute, 10));
    expect(told.filter((bucket) => bucket)).toEqual([{ bucketAtMs: 5 * msPerMinute, requestCount: 50 }]);
  });
});
