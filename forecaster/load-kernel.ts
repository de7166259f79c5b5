/**
 * From the count of a bucket to the requests that run at once: since one is linear in the other, what one request of a bucket adds to each moment is worked out
 * once for a function, and serves all its quantiles.
 */
import { msPerSecond } from '../core/time.ts';
import type { PeakProfile } from './peak-profile.ts';
import { runWeightsOf, type RunDistribution } from './run-distribution.ts';

/** A moment is ten seconds of a bucket, or the greatest part of them that divides it. */
const momentSecondsMax = 10;

export interface LoadKernel {
  readonly momentSeconds: number;
  readonly momentCount: number;
  /** The share of a bucket's count that arrives in each of its moments. */
  readonly arrivals: Float64Array;
  /** [moment][lag]: what one request of the bucket `lag` buckets before adds to the mean number running in this moment; cut where nothing is left. */
  readonly running: readonly Float64Array[];
}

/**
 * m(t) = ∫ λ(u) · P(run > t − u) du with λ at one-second grain, averaged over each moment.
 *
 * Cost: O(bucket seconds × longest run in seconds).
 *
 * - Eick, Massey & Whitt, The Physics of the Mt/G/∞ Queue, Operations Research 41 (1993): m(t) is that integral.
 */
export function loadKernelOf(stepMs: number, profile: PeakProfile, runs: RunDistribution): LoadKernel {
  const shares = profile.sharesOf(stepMs);
  const weights = runWeightsOf(runs);
  const seconds = stepMs / msPerSecond;
  let momentSeconds = Math.min(momentSecondsMax, seconds);
  while (seconds % momentSeconds !== 0) momentSeconds--;
  const momentCount = seconds / momentSeconds;
  const lagCount = Math.ceil((seconds + weights.length) / seconds);
  const running = Array.from({ length: momentCount }, () => new Float64Array(lagCount));
  const arrivals = new Float64Array(momentCount);
  for (let second = 0; second < seconds; second++) {
    const share = shares[second]!;
    arrivals[Math.floor(second / momentSeconds)]! += share;
    for (let age = 0; age < weights.length; age++) {
      const moment = Math.floor((second + age) / momentSeconds);
      running[moment % momentCount]![Math.floor(moment / momentCount)]! += (share * weights[age]!) / momentSeconds;
    }
  }
  return { momentSeconds, momentCount, arrivals, running: running.map(withoutTail) };
}

function withoutTail(lags: Float64Array): Float64Array {
  const whole = lags.reduce((sum, value) => sum + value, 0);
  let length = lags.length;
  for (let tail = 0; length > 1; length--) if ((tail += lags[length - 1]!) > whole * 1e-6) break;
  return lags.subarray(0, length);
}
