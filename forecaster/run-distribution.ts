/**
 * How long runs take, as a mixture of fixed lengths. What capacity needs of a duration's distribution is linear in it, so that what is exact
 * for a fixed run is as good as the mixture for any.
 */
import type { FunctionSpec } from '../core/function-spec.ts';
import { msPerSecond } from '../core/time.ts';

/** Probabilities sum to one. */
export type RunDistribution = readonly { readonly seconds: number; readonly probability: number }[];

/** Lambda ends a run after 15 minutes. */
const runSecondsMax = 900;
const z99 = 2.326_347_874;

/** Mean of a log-normal duration through its median and its 99th percentile, in milliseconds, were no run ever ended. */
export function meanRunMs(run: FunctionSpec['runDurationMs']): number {
  const sigma = Math.log(run.p99 / run.p50) / z99;
  return run.p50 * Math.exp(sigma ** 2 / 2);
}

/**
 * A log-normal through its median and its 99th percentile, ended after 15 minutes: lengths at z = −8, −7.9 … 8 with normal weights, which is the trapezoid
 * rule and converges faster than any power for a bell curve.
 */
export function logNormalRuns(run: FunctionSpec['runDurationMs']): RunDistribution {
  const sigma = Math.log(run.p99 / run.p50) / z99;
  const atZ = (z: number): number => Math.min(runSecondsMax, (run.p50 / msPerSecond) * Math.exp(sigma * z));
  if (sigma === 0) return [{ seconds: atZ(0), probability: 1 }];
  let total = 0;
  for (let tenth = -80; tenth <= 80; tenth++) total += Math.exp(-((tenth / 10) ** 2) / 2);
  return Array.from({ length: 161 }, (_, index) => {
    const z = (index - 80) / 10;
    return { seconds: atZ(z), probability: Math.exp(-(z ** 2) / 2) / total };
  });
}

export function meanSecondsOf(runs: RunDistribution): number {
  return runs.reduce((sum, { seconds, probability }) => sum + probability * seconds, 0);
}

/**
 * weights[j]: of one request that arrived somewhere in a second, the seconds that it is expected to run within the j-th second after (0: the
 * same one). They sum to the mean run time.
 *
 * Exact for a run of length d: the overlap of two unit seconds j apart shifted by up to d is the second difference of h(x) = ∫₀ˣ (x − t)⁺
 * over t < d.
 */
export function runWeightsOf(runs: RunDistribution): Float64Array {
  const longest = runs.reduce((most, { seconds }) => Math.max(most, seconds), 0);
  const weights = new Float64Array(Math.ceil(longest) + 2);
  for (const { seconds, probability } of runs) addWeightsOf(seconds, probability, weights);
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
