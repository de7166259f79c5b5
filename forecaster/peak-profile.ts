/**
 * How the requests of a bucket lie inside it: the seconds of a busy minute are not alike, and its busiest is what spills.
 *
 * Mental model: one number, how far the busiest second lies above the mean of its minute. It is learned from counts of seconds where there are any; else it is
 * what the configuration says.
 */
import { msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';

/** Learned from one-second counts where there are any, else the prior. */
export interface PeakProfile {
  /** For the plan, which says what it assumed. */
  readonly name: string;
  /** The share of a bucket's count that each of its seconds gets, of its expectation: they sum to one. Counting noise is not in it. */
  sharesOf(stepMs: number): Float64Array;
}

/**
 * A prior, not a measurement of the function: nobody publishes the request log of a broker by the second. The growth with length fits what
 * can be measured: the busiest minute of five around 126 releases in silver quote updates 2012–2015 is 1.3 times their mean (median; a
 * tenth of it counting noise), and 1.9 / 1.6 = 1.2. Counting noise inside a second is not in here: Erlang's formula has it.
 */
export const peakRatioPrior = 1.6;

/** @param peakRatio the busiest second of a minute over the minute's mean; 1: a minute is even. A second is even by itself, five minutes are less so. */
export function profileOfPeak(peakRatio: number, name: string): PeakProfile {
  const growth = Math.log(Math.max(1, peakRatio)) / Math.log(msPerMinute / msPerSecond);
  return { name, sharesOf: (stepMs) => sharesAt(stepMs, Math.max(1, (stepMs / msPerSecond) ** growth)) };
}

/**
 * r·(1 − x)^(r−1) over the bucket's length, which starts at r times the mean, falls to nothing, and sums to one whatever r is. A release
 * strikes at the start of its minute; for any other minute, one busy stretch somewhere in it has the same peak.
 */
function sharesAt(stepMs: number, ratio: number): Float64Array {
  const seconds = stepMs / msPerSecond;
  return Float64Array.from(
    { length: seconds },
    (_, second) => (1 - second / seconds) ** ratio - (1 - (second + 1) / seconds) ** ratio,
  );
}

/** Where nothing was counted by the second. */
export function statedProfile(peakRatio: number): PeakProfile {
  return profileOfPeak(peakRatio, `assumed: the busiest second of a minute has ${peakRatio} times its mean`);
}

export const priorPeakProfile: PeakProfile = statedProfile(peakRatioPrior);

/** Below this many requests counting noise is all there is to see in a minute. */
const requestCountMin = 600;
/** The busiest of the last minutes say what an event's minutes are like. */
const minutesMin = 20;
const minutesKept = 240;

export interface PeakWatch {
  /** Counts of single seconds, in time order; what is longer tells nothing. */
  hear(count: { readonly atMs: EpochMs; readonly lengthMs: number; readonly requestCount: number }): void;
  /** Undefined before twenty minutes were counted whole. */
  profile(): PeakProfile | undefined;
}

/**
 * Learns the ratio from the second moment of each minute's counts: for r·(1 − x)^(r−1) the mean of the squared density is r² / (2r − 1), and counting adds the
 * minute's total to the sum of squares, so (n / N²)·(Σ c² − b·N) estimates it without bias, b the counts' variance over their mean where they scatter more than
 * Poisson's. The median over the minutes is not moved by a single outage.
 */
export function createPeakWatch(burstinessRatio: () => number): PeakWatch {
  let minuteMs: EpochMs = -1;
  let counts: number[] = [];
  const moments: number[] = [];
  const close = (): void => {
    const total = counts.reduce((sum, count) => sum + count, 0);
    if (counts.length < msPerMinute / msPerSecond || total < requestCountMin) return;
    const squares = counts.reduce((sum, count) => sum + count * count, 0);
    moments.push((counts.length / total ** 2) * (squares - burstinessRatio() * total));
    if (moments.length > minutesKept) moments.shift();
  };
  return {
    hear({ atMs, lengthMs, requestCount }) {
      if (lengthMs !== msPerSecond) return;
      const startMs = Math.floor(atMs / msPerMinute) * msPerMinute;
      if (startMs !== minuteMs) {
        close();
        counts = [];
        minuteMs = startMs;
      }
      counts.push(requestCount);
    },
    profile() {
      if (moments.length < minutesMin) return undefined;
      const sorted = moments.toSorted((a, b) => a - b);
      const moment = Math.max(1, sorted[Math.floor(sorted.length / 2)]!);
      const ratio = moment + Math.sqrt(moment * moment - moment);
      return profileOfPeak(
        ratio,
        `learned from ${moments.length} minutes: the busiest second of a minute has ${ratio.toFixed(2)} times its mean`,
      );
    },
  };
}
