/**
 * Counts that arrive by the minute, gathered into the buckets of a history: a function learned from five-minute volume goes on in five-minute volume.
 */
import { assert } from '../core/assert.ts';
import { msPerMinute, type EpochMs } from '../core/time.ts';

export interface CountedBucket {
  readonly bucketAtMs: EpochMs;
  readonly requestCount: number;
  /** Something was throttled in one of its minutes. */
  readonly isSaturated?: true;
}

export interface BucketCounter {
  /** Takes one finished minute; answers the bucket that it completed, if it did. A bucket with a missing minute is never told: part of a count is no count. */
  push(
    minuteAtMs: EpochMs,
    requestCount: number,
    about?: { readonly isSaturated?: boolean },
  ): CountedBucket | undefined;
}

export function createBucketCounter(stepMs: number): BucketCounter {
  assert(stepMs >= msPerMinute && stepMs % msPerMinute === 0, 'live minutes fill buckets of whole minutes');
  const minutesPerBucket = stepMs / msPerMinute;
  let bucketAtMs = -Infinity;
  let minuteCount = 0;
  let requestCount = 0;
  let isSaturated = false;
  return {
    push(minuteAtMs, count, about = {}) {
      const startsAtMs = Math.floor(minuteAtMs / stepMs) * stepMs;
      if (startsAtMs !== bucketAtMs) {
        bucketAtMs = startsAtMs;
        minuteCount = 0;
        requestCount = 0;
        isSaturated = false;
      }
      minuteCount++;
      requestCount += count;
      isSaturated ||= about.isSaturated === true;
      if (minuteCount < minutesPerBucket) return undefined;
      return { bucketAtMs, requestCount, ...(isSaturated && { isSaturated }) };
    },
  };
}
