/**
 * What a share of overflow costs a policy that has a dial: its settings give points of overflow and dollars, and between two of them lies what a
 * setting between would cost.
 */

export interface FrontierPoint {
  readonly overflowRatio: number;
  readonly usd: number;
}

/** Below it a share of overflow is as good as none; a logarithm needs one. */
const overflowRatioMin = 1e-6;

/**
 * The least dollars at which at most that share overflows; undefined where no setting comes down to it. Of the points that are worth their
 * dollars, interpolated straight in the logarithms of both; a setting that overflows less and costs less than its neighbour stands for it.
 */
export function usdAtOverflow(points: readonly FrontierPoint[], overflowRatio: number): number | undefined {
  const kept = efficientPoints(points);
  const firstAbove = kept.findIndex((point) => point.overflowRatio > overflowRatio);
  if (firstAbove === 0 || kept.length === 0) return undefined;
  const below = kept.at(firstAbove === -1 ? -1 : firstAbove - 1)!;
  const above = firstAbove === -1 ? undefined : kept[firstAbove]!;
  if (!above || above.usd <= 0 || below.usd <= 0) return below.usd;
  const at = (ratio: number): number => Math.log(Math.max(overflowRatioMin, ratio));
  const share = (at(overflowRatio) - at(below.overflowRatio)) / (at(above.overflowRatio) - at(below.overflowRatio));
  return below.usd * (above.usd / below.usd) ** share;
}

/** Ascending by overflow, each cheaper than all before it. */
function efficientPoints(points: readonly FrontierPoint[]): FrontierPoint[] {
  const sorted = points.toSorted((a, b) => a.overflowRatio - b.overflowRatio || a.usd - b.usd);
  const kept: FrontierPoint[] = [];
  for (const point of sorted) if (kept.length === 0 || point.usd < kept.at(-1)!.usd) kept.push(point);
  return kept;
}
