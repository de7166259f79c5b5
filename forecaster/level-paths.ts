/**
 * A forecast as a bundle of whole paths, from "hardly anybody comes" to "many times what was thought possible": each quantile is one, all of them equally far up
 * everywhere (comonotone), and beyond the outermost ones go multiples of them. Weights over the paths are a belief about which of them the day is on; the
 * forecast's own are the spacing of its levels.
 *
 * Whatever is believed, the bundle reads as quantiles again, and under the forecast's own weights as exactly those that it was made of.
 */
import type { QuantilePath } from '../core/forecast.ts';
import { msPerSecond, type EpochMs } from '../core/time.ts';

/** Neighbours a seventh apart; 24 of them reach 28 times the highest quantile. */
const stepUp = 1.15;
const countAbove = 24;
/** Beyond the highest quantile, twice as much is a quarter as likely: Pareto's law with exponent 2. */
const tailExponent = 2;
/** Down to a sixth of the lowest quantile. */
const stepDown = 1 / 1.25;
const countBelow = 8;
/** Where nothing is expected, one request in a hundred seconds is no shock. */
const perSecondMin = 0.01;

export interface LevelPaths {
  readonly count: number;
  /** What the forecast believes; sums to 1. */
  readonly weights: Float64Array;
  /** Does the forecast say anything of that span? */
  covers(fromMs: EpochMs, untilMs: EpochMs): boolean;
  /** Expected requests of each path over a span; ascending, and never quite zero. */
  expectedIn(fromMs: EpochMs, untilMs: EpochMs): Float64Array;
  /** The quantiles of one bucket under other weights. */
  quantilesIn(step: number, weights: Float64Array): number[];
}

export function levelPathsOf(forecast: QuantilePath): LevelPaths {
  const { fromMs: startMs, stepMs, levels, requestCount } = forecast;
  const count = countBelow + levels.length + countAbove;
  const { weights, anchors } = cellsOf(levels);
  const least = (perSecondMin * stepMs) / msPerSecond;
  const bucketOf = (step: number): Float64Array => {
    const quantiles = requestCount[step]!;
    const bucket = new Float64Array(count);
    const top = quantiles.at(-1)!;
    for (let path = 0; path < countBelow; path++) bucket[path] = quantiles[0]! * stepDown ** (countBelow - path);
    for (const [index, value] of quantiles.entries()) bucket[countBelow + index] = value;
    for (let above = 1; above <= countAbove; above++)
      bucket[countBelow + levels.length + above - 1] = Math.max(top, least) * stepUp ** above;
    return bucket;
  };
  return {
    count,
    weights,
    covers: (fromMs, untilMs) => fromMs >= startMs && untilMs <= startMs + requestCount.length * stepMs,
    expectedIn(fromMs, untilMs) {
      const expected = new Float64Array(count);
      for (let atMs = fromMs; atMs < untilMs;) {
        const step = Math.floor((atMs - startMs) / stepMs);
        const endMs = Math.min(untilMs, startMs + (step + 1) * stepMs);
        const bucket = bucketOf(step);
        for (let path = 0; path < count; path++)
          expected[path]! += (Math.max(least, bucket[path]!) * (endMs - atMs)) / stepMs;
        atMs = endMs;
      }
      return expected;
    },
    quantilesIn: (step, believed) => quantilesOf(bucketOf(step), { weights: believed, anchors, levels }),
  };
}

/**
 * Cuts (0, 1) into a cell for each path, halfway between the levels. `anchors`: where in its cell a path's own level lies, so that quantiles read off the
 * cells are those that went in.
 */
function cellsOf(levels: readonly number[]): { readonly weights: Float64Array; readonly anchors: Float64Array } {
  const first = levels[0]! / 2;
  const last = (levels.at(-1)! + 1) / 2;
  const inside = levels.map((level, index) => {
    const from = index === 0 ? first : (levels[index - 1]! + level) / 2;
    const until = index === levels.length - 1 ? last : (level + levels[index + 1]!) / 2;
    return { weight: until - from, anchor: (level - from) / (until - from) };
  });
  const above = Array.from({ length: countAbove }, (_, index) => stepUp ** (-tailExponent * index));
  const aboveSum = above.reduce((sum, weight) => sum + weight, 0);
  const cells = [
    ...Array.from({ length: countBelow }, () => ({ weight: first / countBelow, anchor: 0.5 })),
    ...inside,
    ...above.map((weight) => ({ weight: ((1 - last) * weight) / aboveSum, anchor: 0.5 })),
  ];
  return {
    weights: Float64Array.from(cells, ({ weight }) => weight),
    anchors: Float64Array.from(cells, ({ anchor }) => anchor),
  };
}

interface Cells {
  readonly weights: Float64Array;
  readonly anchors: Float64Array;
  readonly levels: readonly number[];
}

/** Between two paths by their place in the distribution; beyond the outermost ones, those. */
function quantilesOf(bucket: Float64Array, { weights, anchors, levels }: Cells): number[] {
  let path = 0;
  let before = 0;
  let placeBefore = -Infinity;
  let place = anchors[0]! * weights[0]!;
  return levels.map((level) => {
    while (place < level && path < bucket.length - 1) {
      before += weights[path]!;
      placeBefore = place;
      path++;
      place = before + anchors[path]! * weights[path]!;
    }
    const value = bucket[path]!;
    if (path === 0 || place <= level) return value;
    const share = Math.max(0, (level - placeBefore) / (place - placeBefore));
    return bucket[path - 1]! + share * (value - bucket[path - 1]!);
  });
}
