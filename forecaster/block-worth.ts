/**
 * What provisioned concurrency is worth to one function in one of Lambda's billing blocks: a table over concurrency, over the whole distribution of its
 * forecast. What it is worth in dollars, and who gets how much, is decided elsewhere.
 *
 * Mental model: the quantiles of a forecast are paths of which one comes true, the whole of it (comonotone), each as likely as the spacing of its level.
 * Along a path the load changes; at each moment the share of requests that spill from c environments is what a loss system with that load would lose
 * (modified offered load), with more of it where requests come in bursts (erlang-table.ts). Loads are gathered in a histogram first, so that
 * formulas are asked once for each load of a grid and not once for each moment.
 *
 * - Massey & Whitt, An Analysis of the Modified Offered-Load Approximation, Annals of Applied Probability 4 (1994).
 */
import { assert } from '../core/assert.ts';
import type { QuantilePath } from '../core/forecast.ts';
import { msPerSecond, type EpochMs } from '../core/time.ts';
import type { Bursts, ErlangTable } from './erlang-table.ts';
import { addLoads, clearLoads, createLoads, gatherLoads, type DemandPath } from './load-histogram.ts';
import { loadKernelOf } from './load-kernel.ts';
import { createNewEnvironments } from './new-environments.ts';
import { briefnessOf, peakednessOf } from './peakedness.ts';
import type { PeakProfile } from './peak-profile.ts';
import { meanSecondsOf, type RunDistribution } from './run-distribution.ts';
import { createSpillCurves, marginalsOf, spillOver } from './spill-curves.ts';

/**
 * One function in one billing block. All arrays run over concurrency: the entry at c is what the (c + 1)-th environment adds to c of them. Each is
 * non-increasing, and cut where nothing is left.
 */
export interface BlockWorth {
  readonly blockAtMs: EpochMs;
  /** Expected arrivals in the block. */
  readonly requestCount: number;
  /**
   * Spilled requests that the (c + 1)-th environment avoids; over all c they sum to `requestCount`, for with none of them every request spills (less what comes on top of 20,000
   * at once).
   */
  readonly spillAvoided: Float64Array;
  /**
   * New on-demand environments (cold starts) that it avoids. Overflow environments stay warm, so that a place which stays taken for several blocks starts cold
   * once: its one cold start is shared evenly among those blocks, and holding it through all of them avoids it whole (see new-environments.ts).
   */
  readonly coldStartsAvoided: Float64Array;
  /** Seconds of run time that it takes over from on demand, where they cost more. */
  readonly busySeconds: Float64Array;
}

export interface BlockWorthOptions {
  readonly path: QuantilePath;
  readonly runs: RunDistribution;
  /** Variance over mean of the count a second; 1 is Poisson. */
  readonly burstiness: number;
  readonly profile: PeakProfile;
  /** Starts of the billing blocks that are asked about, in time order and without a gap. What is warm when the first begins counts as nothing. */
  readonly blocks: readonly EpochMs[];
  /** Shared by all functions of a plan. */
  readonly table: ErlangTable;
}

/**
 * Cost: proportional to quantiles × buckets × environments; figures in docs/decisions/0012-worth.md.
 */
export function worthOfBlocks(options: BlockWorthOptions): readonly BlockWorth[] {
  const { path, runs, burstiness, blocks, table } = options;
  assert(path.fromMs % msPerSecond === 0 && path.stepMs % msPerSecond === 0, 'a forecast lies on whole seconds');
  const meanSeconds = meanSecondsOf(runs);
  const bursts = burstsOf(runs, burstiness);
  const { peakedness } = bursts;
  const curves = createSpillCurves({ table, bursts, burstiness, meanSeconds });
  const paths = pathsOf(path);
  const countMax = paths.reduce((most, { counts }) => counts.reduce((sofar, count) => Math.max(sofar, count), most), 0);
  const kernel = loadKernelOf({ stepMs: path.stepMs, profile: options.profile, runs, countMax, peakedness });
  const placeCount = table.lengthFor(kernel.loadBound / peakedness);
  const gathered = createLoads(blocks.length, placeCount);
  const fresh = createNewEnvironments({ curves, blockCount: blocks.length, loadBound: kernel.loadBound });
  const ofPath = createLoads(1, placeCount)[0]!;
  for (const one of paths) {
    blocks.forEach((blockAtMs, block) => {
      gatherLoads(one, blockAtMs, { kernel, table, peakedness, isRateBound: curves.isRateBound }, ofPath);
      fresh.addBlock(block, ofPath);
      addLoads(gathered[block]!, ofPath, one.weight);
      clearLoads(ofPath);
    });
    fresh.endPath(one.weight);
  }
  return blocks.map((blockAtMs, block) => {
    const loads = gathered[block]!;
    const spillAvoided = marginalsOf(spillOver(curves, loads));
    return {
      blockAtMs,
      requestCount: loads.requestCount,
      spillAvoided,
      coldStartsAvoided: fresh.avoidedIn(block),
      busySeconds: spillAvoided.map((spilled) => spilled * meanSeconds),
    };
  });
}

/**
 * Peakedness to one percent and briefness to an eighth, so that functions which are much alike ask the table for the same curves. Poisson stays Poisson.
 */
function burstsOf(runs: RunDistribution, burstiness: number): Bursts {
  return {
    peakedness: Math.exp(Math.round(Math.log(peakednessOf(runs, burstiness)) / 0.01) * 0.01),
    briefness: Math.round(briefnessOf(runs) * 8) / 8,
  };
}

interface WeightedPath extends DemandPath {
  readonly weight: number;
}

/**
 * A quantile stands for the probability half the way to its neighbours, and to 0 and 1 at the ends. Neighbours that decide nothing become one path by their weighted mean: from the
 * bottom up, as long as together they are at most a third of what lies above the lowest of them.
 */
function pathsOf({ fromMs, stepMs, levels, requestCount }: QuantilePath): WeightedPath[] {
  const edge = (index: number): number =>
    index === 0 ? 0 : index === levels.length ? 1 : (levels[index - 1]! + levels[index]!) / 2;
  const paths: WeightedPath[] = [];
  for (let first = 0, end = 0; first < levels.length; first = end) {
    const above = 1 - edge(first);
    do end++;
    while (end < levels.length && edge(end + 1) - edge(first) <= above * mergedRatioMax);
    const weight = edge(end) - edge(first);
    const counts = new Float64Array(requestCount.length);
    for (let level = first; level < end; level++) {
      const part = (edge(level + 1) - edge(level)) / weight;
      for (let bucket = 0; bucket < counts.length; bucket++) counts[bucket]! += part * requestCount[bucket]![level]!;
    }
    paths.push({ fromMs, stepMs, counts, weight });
  }
  return paths;
}
const mergedRatioMax = 1 / 3;
