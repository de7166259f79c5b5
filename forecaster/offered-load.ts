/**
 * From a forecast of counts a bucket to requests that are running at the same time. A minute's count says how many come; capacity is decided
 * by how many are there at once, in the busiest second of that minute.
 */
import { assert } from '../core/assert.ts';
import type { QuantilePath } from '../core/forecast.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import { msPerSecond, type EpochMs } from '../core/time.ts';

/**
 * How far the first second of a bucket lies above the bucket's mean: 1.6 for a minute, 1.9 for five minutes, 1 for a second.
 *
 * A prior, not a measurement of the function: nobody publishes the request log of a broker by the second. The growth with length fits what
 * can be measured: the busiest minute of five around 126 releases in silver quote updates 2012–2015 is 1.3 times their mean (median; a
 * tenth of it counting noise), and 1.9 / 1.6 = 1.2. Counting noise inside a second is not in here: Erlang's formula has it.
 */
export function peakInBucketRatio(stepMs: number): number {
  return Math.max(1, (stepMs / msPerSecond) ** peakGrowth);
}
const peakGrowth = Math.log(1.6) / Math.log(60);

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
  const shares = sharesOfBucket(path.stepMs);
  const weights = runWeights(options.runDurationMs);
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

/**
 * The share of a bucket's count that each of its seconds gets: r·(1 − x)^(r−1) over the bucket's length, which starts at r times the mean,
 * falls to nothing, and sums to one whatever r is. A release strikes at the start of its minute; for any other minute, one busy stretch
 * somewhere in it has the same peak.
 */
function sharesOfBucket(stepMs: number): Float64Array {
  const seconds = stepMs / msPerSecond;
  const ratio = peakInBucketRatio(stepMs);
  return Float64Array.from(
    { length: seconds },
    (_, second) => (1 - second / seconds) ** ratio - (1 - (second + 1) / seconds) ** ratio,
  );
}

/** Lambda ends a run after 15 minutes. */
const runSecondsMax = 900;
const z99 = 2.326_347_874;

/** Mean of a log-normal duration through its median and its 99th percentile, in milliseconds. */
export function meanRunMs(run: FunctionSpec['runDurationMs']): number {
  const sigma = Math.log(run.p99 / run.p50) / z99;
  return run.p50 * Math.exp(sigma ** 2 / 2);
}

/**
 * weights[j]: of one request that arrived somewhere in a second, the seconds that it is expected to run within the j-th second after (0: the
 * same one). They sum to the mean run time.
 *
 * Exact for a run of length d: the overlap of two unit seconds j apart shifted by up to d is the second difference of h(x) = ∫₀ˣ (x − t)⁺
 * over t < d. The log-normal is a sum of such d at z = −8, −7.9 … 8 with normal weights: the trapezoid rule, which converges faster than any power
 * for a bell curve.
 */
function runWeights(run: FunctionSpec['runDurationMs']): Float64Array {
  const sigma = Math.log(run.p99 / run.p50) / z99;
  const weights = new Float64Array(runSecondsMax + 2);
  let total = 0;
  for (let tenth = -80; tenth <= 80; tenth++) total += Math.exp(-((tenth / 10) ** 2) / 2);
  for (let tenth = -80; tenth <= 80; tenth++) {
    const z = tenth / 10;
    const seconds = Math.min(runSecondsMax, (run.p50 / msPerSecond) * Math.exp(sigma * z));
    addWeightsOf(seconds, Math.exp(-(z ** 2) / 2) / total, weights);
  }
  // What lies beyond the 0.999 999 part of the whole moves no decision and costs a multiplication for each second planned.
  const mean = weights.reduce((sum, weight) => sum + weight, 0);
  let kept = 0;
  const length = 1 + weights.findIndex((weight) => (kept += weight) >= mean * 0.999_999);
  return weights.slice(0, length);
}

function addWeightsOf(seconds: number, probability: number, weights: Float64Array): void {
  const area = (x: number): number => (x <= seconds ? x ** 2 / 2 : seconds * x - seconds ** 2 / 2);
  weights[0]! += probability * area(1);
  for (let age = 1; age < seconds + 1; age++) {
    weights[age]! += probability * (area(age + 1) - 2 * area(age) + area(age - 1));
  }
}
