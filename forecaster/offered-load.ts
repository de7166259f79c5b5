/**
 * From a forecast of counts a bucket to requests that are running at the same time. A minute's count says how many come; capacity is decided
 * by how many are there at once, in the busiest second of that minute.
 */
import { assert } from '../core/assert.ts';
import type { QuantilePath } from '../core/forecast.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import { msPerSecond, type EpochMs } from '../core/time.ts';
import { priorPeakProfile } from './peak-profile.ts';
import { logNormalRuns, runWeightsOf } from './run-distribution.ts';

/** The busiest second of a span: arrivals in it, and requests running at once on average over it (not necessarily the same second). */
export interface DemandPeak {
  readonly arrivalsPerSecond: number;
  readonly offeredLoad: number;
}

export interface Demand {
  /** The level that was read: the one asked for, or the nearest that the forecast has. */
  readonly level: number;
  readonly untilMs: EpochMs;
  /** Peak over the seconds of [fromMs, untilMs); both zero when the span is empty. */
  peakWithin(fromMs: EpochMs, untilMs: EpochMs): DemandPeak;
}

/**
 * Demand along one quantile of a forecast: m(t) = ∫ λ(u) · P(run > t − u) du, where λ is the bucket's count spread over its seconds by the
 * peak profile, and runs are log-normal through p50 and p99. Requests that began before the span are counted in; before the first bucket of
 * the path its mean is taken to have held always.
 *
 * Cost: O(seconds × longest run in seconds) for a span.
 *
 * - Eick, Massey & Whitt, The Physics of the Mt/G/∞ Queue, Operations Research 41 (1993): m(t) is that integral.
 */
export function createDemand(options: {
  readonly path: QuantilePath;
  readonly level: number;
  readonly runDurationMs: FunctionSpec['runDurationMs'];
}): Demand {
  const { path } = options;
  assert(path.fromMs % msPerSecond === 0 && path.stepMs % msPerSecond === 0, 'a forecast lies on whole seconds');
  const level = Math.min(Math.max(options.level, path.levels[0]!), path.levels.at(-1)!);
  const counts = path.requestCount.map((quantiles) => countAt(path.levels, quantiles, level));
  const shares = priorPeakProfile.sharesOf(path.stepMs);
  const weights = runWeightsOf(logNormalRuns(options.runDurationMs));
  const firstSecond = path.fromMs / msPerSecond;
  /** One second after the other; the mean of the first bucket before it, nothing after the last. */
  const arrivalsFrom = (second: number, length: number): Float64Array => {
    const arrivals = new Float64Array(length);
    let bucket = Math.floor((second - firstSecond) / shares.length);
    let offset = second - firstSecond - bucket * shares.length;
    for (let index = 0; index < length; index++) {
      arrivals[index] = bucket < 0 ? (counts[0] ?? 0) / shares.length : (counts[bucket] ?? 0) * shares[offset]!;
      if (++offset === shares.length) {
        bucket++;
        offset = 0;
      }
    }
    return arrivals;
  };
  return {
    level,
    untilMs: path.fromMs + counts.length * path.stepMs,
    peakWithin(fromMs, untilMs) {
      const from = Math.floor(fromMs / msPerSecond);
      const length = Math.max(0, Math.ceil(untilMs / msPerSecond) - from);
      const before = weights.length - 1;
      return peakOf(arrivalsFrom(from - before, before + length), weights);
    },
  };
}

/** Over the seconds that have all their past in `arrivals`. */
function peakOf(arrivals: Float64Array, weights: Float64Array): DemandPeak {
  let arrivalsPerSecond = 0;
  let offeredLoad = 0;
  for (let index = weights.length - 1; index < arrivals.length; index++) {
    let busy = 0;
    for (let age = 0; age < weights.length; age++) busy += weights[age]! * arrivals[index - age]!;
    arrivalsPerSecond = Math.max(arrivalsPerSecond, arrivals[index]!);
    offeredLoad = Math.max(offeredLoad, busy);
  }
  return { arrivalsPerSecond, offeredLoad };
}

/** The count at a level between those of the forecast, by linear interpolation; levels inside the tail are close enough for it. */
function countAt(levels: readonly number[], quantiles: readonly number[], level: number): number {
  const right = levels.findIndex((known) => known >= level);
  if (right <= 0) return quantiles[0]!;
  const ratio = (level - levels[right - 1]!) / (levels[right]! - levels[right - 1]!);
  return quantiles[right - 1]! + ratio * (quantiles[right]! - quantiles[right - 1]!);
}
