/**
 * Volume on a regular grid: requests, quotes or shares for each bucket. A bucket without data is NaN, never zero: missing data is a
 * finding, and zero is a measurement.
 */
import { assert } from './assert.ts';
import type { EpochMs } from './time.ts';

export interface VolumeSeries {
  /** Start of the first bucket; a multiple of `stepMs`. */
  readonly fromMs: EpochMs;
  readonly stepMs: number;
  /** One value a bucket, in time order; NaN where nothing was recorded. */
  readonly values: Float64Array;
}

export function endOf(series: VolumeSeries): EpochMs {
  return series.fromMs + series.values.length * series.stepMs;
}

/**
 * The buckets that lie wholly inside [fromMs, untilMs): the one way to cut a series at an origin, so that no bucket which ends after it is
 * ever seen. The values are a view, not a copy.
 */
export function sliceSeries(series: VolumeSeries, fromMs: EpochMs, untilMs: EpochMs): VolumeSeries {
  const { stepMs } = series;
  assert(stepMs > 0, 'a series has a step');
  const length = series.values.length;
  const first = Math.min(length, Math.max(0, Math.ceil((fromMs - series.fromMs) / stepMs)));
  const end = Math.min(length, Math.max(first, Math.floor((untilMs - series.fromMs) / stepMs)));
  return { fromMs: series.fromMs + first * stepMs, stepMs, values: series.values.subarray(first, end) };
}
