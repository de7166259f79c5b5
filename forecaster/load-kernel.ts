/**
 * From the count of a bucket to the requests that run at once: since one is linear in the other, what one request of a bucket adds to each moment is worked out
 * once for a function, and serves all its quantiles.
 */
import { msPerSecond } from '../core/time.ts';
import type { PeakProfile } from './peak-profile.ts';
import { runWeightsOf, type RunDistribution } from './run-distribution.ts';

/** Seconds are looked at together as long as the load changes by no more than this many of its standard deviations at the peak; below the peak by more. */
const deviationsMax = 1;
const relaxedBelowPeak = 3;
/** And never across a minute, so that no billing block begins inside. */
const togetherSecondsMax = 60;

/**
 * A load beyond this, in erlang, is one of a forecast gone mad: it is twenty times the largest default of an account. What comes on top spills whatever is held, and what one
 * environment takes of it stays the same.
 */
export const loadMax = 20_000;

export interface LoadKernel {
  readonly points: readonly LoadPoint[];
  /** No load of any path passes it, in erlang; `loadMax` where they do. */
  readonly loadBound: number;
}

/** Some of the arrivals of a bucket, and the load that they meet. */
export interface LoadPoint {
  /** From the start of the bucket. */
  readonly atMs: number;
  /** The share of the bucket's count that arrives then. */
  readonly share: number;
  /** By lag: what one request of the bucket so many buckets before adds to the mean number running; cut where nothing is left. */
  readonly running: Float64Array;
}

export interface KernelOptions {
  readonly stepMs: number;
  readonly profile: PeakProfile;
  readonly runs: RunDistribution;
  /** The greatest count of a bucket on any path. */
  readonly countMax: number;
  readonly peakedness: number;
}

/**
 * m(t) = ∫ λ(u) · P(run > t − u) du at one-second grain; seconds of like load then become two points, set apart so that they have its variance inside the
 * stretch (Gauss's rule for two points on a slope).
 *
 * Cost: O(bucket seconds × longest run in seconds).
 *
 * - Eick, Massey & Whitt, The Physics of the Mt/G/∞ Queue, Operations Research 41 (1993): m(t) is that integral.
 */
export function loadKernelOf({ stepMs, profile, runs, countMax, peakedness }: KernelOptions): LoadKernel {
  const shares = profile.sharesOf(stepMs);
  const running = runningBySecond(shares, runWeightsOf(runs));
  const steady = running.map((lags) => lags.reduce((sum, value) => sum + value, 0));
  const peak = Math.max(...steady);
  const loadBound = peak * countMax;
  const tolerance = deviationsMax * Math.sqrt(peakedness / Math.max(loadBound, 1e-9)) * peak;
  const points: LoadPoint[] = [];
  for (let from = 0, until = 0; from < shares.length; from = until) {
    // By lag as well as in sum: where one minute brings more than the one before, the parts matter, though their sum for like minutes stands still.
    const range = createRange();
    for (until = from; until < shares.length; until++) {
      const spread = widen(range, running[until]!, steady[until]!);
      const allowed = tolerance * (1 + relaxedBelowPeak * (1 - range.most / peak));
      if (until > from && (spread > allowed || until % togetherSecondsMax === 0)) break;
    }
    points.push(...pointsOf({ from, until }, shares, running));
  }
  // The two points of a stretch that bends lie a little beyond its greatest load; and where a lag fell below nothing, its bucket may have brought less than the others.
  const passed = points.map((point) => point.running.reduce((sum, value) => sum + Math.max(0, value), 0) * countMax);
  return { points, loadBound: Math.min(loadMax, Math.max(loadBound, ...passed)) };
}

interface Range {
  /** The greatest sum over lags so far: a stretch that rises to the peak is as near to it as its highest second. */
  most: number;
  readonly least: number[];
  readonly greatest: number[];
}

function createRange(): Range {
  return { most: 0, least: [], greatest: [] };
}

/** Takes one more second in, and answers how far apart its seconds lie now. */
function widen(range: Range, lags: Float64Array, sum: number): number {
  range.most = Math.max(range.most, sum);
  let spread = 0;
  for (let part = 0; part <= lags.length; part++) {
    const value = lags[part] ?? sum;
    const least = (range.least[part] = Math.min(range.least[part] ?? value, value));
    const greatest = (range.greatest[part] = Math.max(range.greatest[part] ?? value, value));
    spread = Math.max(spread, greatest - least);
  }
  return spread;
}

/** [second][lag] */
function runningBySecond(shares: Float64Array, weights: Float64Array): Float64Array[] {
  const seconds = shares.length;
  const lagCount = Math.ceil((seconds + weights.length) / seconds);
  const running = Array.from({ length: seconds }, () => new Float64Array(lagCount));
  shares.forEach((share, second) => {
    let [place, lag] = [second, 0];
    for (const weight of weights) {
      running[place]![lag]! += share * weight;
      if (++place < seconds) continue;
      place = 0;
      lag++;
    }
  });
  return running;
}

interface Stretch {
  readonly from: number;
  readonly until: number;
}

function pointsOf(stretch: Stretch, shares: Float64Array, running: readonly Float64Array[]): LoadPoint[] {
  const { from, until } = stretch;
  if (until - from === 1) return [pointOf(stretch, shares, running[from]!)];
  const middle = (from + until) >> 1;
  const halves = [
    { from, until: middle },
    { from: middle, until },
  ];
  const [first, second] = halves.map((half) => meanOf(half, running));
  // Halves of a slope have their means a half of it apart; the same variance as the slope takes 1/√3.
  const further = 1 / Math.sqrt(3) - 1 / 2;
  return halves.map((half, index) => {
    const [own, other] = index === 0 ? [first!, second!] : [second!, first!];
    // Single lags may fall below nothing by a hair; clipping them would add to the load.
    const spread = own.map((value, lag) => value + further * (value - other[lag]!));
    return pointOf(half, shares, spread);
  });
}

function pointOf({ from, until }: Stretch, shares: Float64Array, running: Float64Array): LoadPoint {
  const share = shares.subarray(from, until).reduce((sum, value) => sum + value, 0);
  return { atMs: from * msPerSecond, share, running: withoutTail(running) };
}

function meanOf({ from, until }: Stretch, running: readonly Float64Array[]): Float64Array {
  const mean = new Float64Array(running[from]!.length);
  for (let second = from; second < until; second++) {
    for (let lag = 0; lag < mean.length; lag++) mean[lag]! += running[second]![lag]! / (until - from);
  }
  return mean;
}

function withoutTail(lags: Float64Array): Float64Array {
  const whole = lags.reduce((sum, value) => sum + value, 0);
  let length = lags.length;
  for (let tail = 0; length > 1; length--) if ((tail += Math.abs(lags[length - 1]!)) > whole * 1e-6) break;
  return lags.subarray(0, length);
}
