/**
 * How much more the number of requests running at once varies than for Poisson arrivals, which depends on how long they run.
 */
import type { RunDistribution } from './run-distribution.ts';
import { meanSecondsOf } from './run-distribution.ts';

/**
 * Variance over mean of the number running at once, were there always room: 1 for Poisson arrivals.
 *
 * `burstiness` is variance over mean of the count a second. It is taken to come from a rate that is drawn afresh each second, so that with
 * S(t) = P(run > t) and the mean run E
 *
 *   z = 1 + (burstiness − 1) / E · ∫ (∫ S over the second that starts at y, as far as it is past)² dy, y from −1 on, in seconds:
 *
 * a second's surplus is felt by the share of it still running, and the phase of the second is any. Runs far shorter than a second feel it in
 * proportion to their length, z → 1 + (burstiness − 1) · E; far longer ones by ∫S² / E: all of it where they are fixed, half where exponential,
 * less where heavy-tailed.
 *
 * - Eckberg, Generalized Peakedness of Teletraffic Processes, Proc. 10th International Teletraffic Congress (1983).
 * - Whitt, Heavy-Traffic Approximations for Service Systems with Blocking, AT&T Bell Laboratories Technical Journal 63 (1984).
 */
export function peakednessOf(runs: RunDistribution, burstiness: number): number {
  if (burstiness === 1) return 1;
  const ranWithin = endedMeanOf(runs);
  const mean = meanSecondsOf(runs);
  const longest = runs.reduce((most, { seconds }) => Math.max(most, seconds), 0);
  // Simpson's rule on a mesh that is fine where runs end: ages grow by a tenth from a twentieth of the mean.
  const ages = [0];
  for (let age = Math.min(mean, 1) / 20; age < longest; age *= 1.1) ages.push(age);
  ages.push(longest);
  const young = ages.filter((age) => age < 1);
  const squares = integrate([...young, 1], (age) => ranWithin(age) ** 2);
  const older = integrate(ages, (age) => (ranWithin(age + 1) - ranWithin(age)) ** 2);
  return 1 + ((burstiness - 1) / mean) * (squares + older);
}

/**
 * How far bursts, which last a second, are shorter than runs: 0 for runs far below a second, in which the load stands still, up to 1 for long runs that end one by one, and a
 * half for long ones of the same length, of which a burst's end together. Chosen by eye, not derived: of 37 simulated losses that it was
 * chosen by, the blend is within a fifth of 28 (0.41 to 1.34 times; the low ones are rare losses of small loads), and of 20 others, fixed and exponential, within a fifth of all (0.85 to 1.09).
 */
export function briefnessOf(runs: RunDistribution): number {
  const mean = meanSecondsOf(runs);
  const endedMean = endedMeanOf(runs);
  const shorterOfTwo = runs.reduce((sum, { seconds, probability }) => sum + probability * endedMean(seconds), 0);
  return (mean / (1 + mean)) * Math.min(1, 1.5 - shorterOfTwo / mean);
}

/** ∫₀ˣ S as a function of x: the mean of a run ended at x. */
function endedMeanOf(runs: RunDistribution): (x: number) => number {
  const sorted = runs.toSorted((a, b) => a.seconds - b.seconds);
  const shorter = new Float64Array(sorted.length + 1);
  const longerRatio = new Float64Array(sorted.length + 1).fill(1);
  sorted.forEach(({ seconds, probability }, index) => {
    shorter[index + 1] = shorter[index]! + probability * seconds;
    longerRatio[index + 1] = longerRatio[index]! - probability;
  });
  return (x) => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle]!.seconds <= x) low = middle + 1;
      else high = middle;
    }
    return shorter[low]! + x * longerRatio[low]!;
  };
}

function integrate(mesh: readonly number[], of: (x: number) => number): number {
  let sum = 0;
  for (let index = 1; index < mesh.length; index++) {
    const [left, right] = [mesh[index - 1]!, mesh[index]!];
    sum += ((right - left) / 6) * (of(left) + 4 * of((left + right) / 2) + of(right));
  }
  return sum;
}
