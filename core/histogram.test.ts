import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createHistogram, type Histogram } from './histogram.ts';
import { createRandom } from './random.ts';

const histogramOf = (values: readonly number[]): Histogram => {
  const histogram = createHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
};

const exactQuantile = (values: readonly number[], ratio: number): number =>
  values.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(ratio * values.length)) - 1]!;

// The middle of a bucket is at most half a bucket away, and a bucket is at most 1/32 of its lower edge: 1/64.
const errorRatioMax = 1 / 64;

it('reads quantiles within 1.6 % of the exact ones, at any scale', () => {
  const value = fc.double({ min: 2 ** -20, max: 2 ** 43, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 50 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (values, ratio) => {
        const exact = exactQuantile(values, ratio);
        expect(Math.abs(histogramOf(values).quantile(ratio)! - exact)).toBeLessThanOrEqual(errorRatioMax * exact);
      },
    ),
    { numRuns: 500 },
  );
});

it('reads the tail of log-normal durations', () => {
  const random = createRandom(20_240_917);
  const values = Array.from({ length: 20_000 }, () => 120 * Math.exp(0.8 * random.normal()));
  const histogram = histogramOf(values);
  for (const ratio of [0.5, 0.9, 0.99, 0.999]) {
    const exact = exactQuantile(values, ratio);
    expect(Math.abs(histogram.quantile(ratio)! / exact - 1)).toBeLessThanOrEqual(errorRatioMax);
  }
});

it('merges to what it would have recorded alone, and takes an earlier state out again', () => {
  const values = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { maxLength: 30 });
  fc.assert(
    fc.property(values, values, (first, later) => {
      const merged = histogramOf(first);
      merged.merge(histogramOf(later));
      expect(merged.buckets).toEqual(histogramOf([...first, ...later]).buckets);
      expect(merged.count).toBe(first.length + later.length);
      merged.subtract(histogramOf(first));
      expect(merged.buckets).toEqual(histogramOf(later).buckets);
      expect(merged.count).toBe(later.length);
    }),
    // A histogram is 16 KiB, and each run makes five.
    { numRuns: 30 },
  );
});

it('counts a value as often as it is told', () => {
  const histogram = createHistogram();
  histogram.record(10, 99);
  histogram.record(1_000);
  expect(histogram.count).toBe(100);
  expect(histogram.quantile(0.99)).toBeCloseTo(10, 0);
  expect(histogram.quantile(0.991)).toBeGreaterThan(980);
});

it('knows no quantile of nothing, and keeps what lies outside its range in its end buckets', () => {
  expect(createHistogram().quantile(0.5)).toBeUndefined();
  for (const [value, end] of [
    [0, 0],
    [-5, 0],
    [Number.NaN, 0],
    [1e-9, 0],
    [1e300, -1],
    [Number.POSITIVE_INFINITY, -1],
  ] as const) {
    expect(histogramOf([value]).buckets.at(end), `${value}`).toBe(1);
  }
});

it('is the same again after it was packed by its buckets', () => {
  const packed = histogramOf([1, 1, 120, 3_000]);
  const unpacked = createHistogram();
  packed.buckets.forEach((count, bucket) => {
    if (count > 0) unpacked.add(bucket, count);
  });
  expect(unpacked.count).toBe(4);
  expect([0.25, 0.75, 1].map((ratio) => unpacked.quantile(ratio))).toEqual(
    [0.25, 0.75, 1].map((ratio) => packed.quantile(ratio)),
  );
});
