/**
 * How many on-demand environments a function has to start, and how many of these each unit of provisioned concurrency avoids.
 *
 * Mental model: environments are places 0, 1, 2 … filled from below. A place is taken in a billing block if ever more requests than its number ran at once
 * there. An overflow environment that served in one block is still warm in the next (seven minutes are usual, five to ten are reported), and gone after one
 * that it slept through: so each stretch of blocks in which a place is taken costs one cold start, whatever its length.
 *
 * What avoids it is provisioned concurrency through the whole stretch, since what is released early starts cold on demand in the next block. The cold start
 * is therefore shared evenly among the blocks of its stretch: the sum over them is what holding through saves. As environments are alike, the shares of a block are then
 * put in order, greatest first: the first environment that one holds serves the demand that goes away soonest, and what stays taken for hours is left to on
 * demand, which starts once and stays warm. For demand that rises once and falls, and is known, minimising price less worth block by block over this table
 * is exactly the optimum of the whole.
 */
import type { LoadHistogram } from './load-histogram.ts';
import { requestsPerSecondPerEnvironment, type SpillCurves } from './spill-curves.ts';

/** Expected spills from which on a place is surely taken, and below which it is not. */
const surelyTaken = 10;
const neverTaken = 1e-4;

export interface NewEnvironments {
  /** What one path brings in a block; blocks in order. */
  addBlock(block: number, loads: LoadHistogram): void;
  /** All blocks of a path are there. */
  endPath(weight: number): void;
  /** New environments that the (c + 1)-th provisioned one avoids, over all paths that ended. */
  avoidedIn(block: number): Float64Array;
}

/** Places are looked at in groups of a third of a standard deviation of the load. */
const groupsPerDeviation = 3;

export function createNewEnvironments(options: {
  readonly curves: SpillCurves;
  readonly blockCount: number;
  /** No load of any path passes it. */
  readonly loadBound: number;
}): NewEnvironments {
  const { curves, blockCount, loadBound } = options;
  const groupSize = Math.max(1, Math.floor(Math.sqrt(loadBound * curves.peakedness) / groupsPerDeviation));
  const lengthMax = Math.ceil(curves.placesAt(loadBound) / groupSize) + 1;
  // One piece of memory for all rows: a plan of 500 functions would else allocate 50,000 of them.
  const rows = new Float64Array(3 * blockCount * lengthMax);
  const rowsFrom = (first: number): Float64Array[] =>
    Array.from({ length: blockCount }, (_, block) =>
      rows.subarray((first + block) * lengthMax, (first + block + 1) * lengthMax),
    );
  const taken: Taken[] = rowsFrom(0).map((ratios) => ({ sure: 0, end: 0, ratios }));
  const shares = rowsFrom(blockCount);
  const sums = rowsFrom(2 * blockCount);
  return {
    addBlock(block, loads) {
      groupsTaken(curves, loads, groupSize, taken[block]!);
    },
    endPath(weight) {
      const base = taken.reduce((least, { sure, end }) => Math.min(least, sure, end), Infinity);
      shareStretches(taken, base, shares);
      taken.forEach(({ end }, block) => {
        const ofBlock = shares[block]!.subarray(0, end - base);
        addInOrder(sums[block]!, ofBlock, { base, baseShare: 1 / blockCount, weight });
      });
    },
    avoidedIn: (block) => perEnvironment(sums[block]!, groupSize, curves.meanSeconds),
  };
}

/** The probability that each group of places is taken in one block: one below `sure`, then `ratios` from there on, none from `end` on. */
interface Taken {
  sure: number;
  end: number;
  /** From group `sure` on. */
  readonly ratios: Float64Array;
}

/**
 * A place u is taken if an arrival finds u environments busy; with u of them that happens Λ(u) = Σ arrivals × loss times. These come in clumps, of z requests at
 * once and of excursions that last: independent ones are fewer by (1 − m / (u + 1)) / z, and at least one comes with probability 1 − exp(−that many). The place
 * in the middle speaks for its group.
 *
 * - Aldous, Probability Approximations via the Poisson Clumping Heuristic (1989), §C: the clump of an M/M/∞ queue.
 */
function groupsTaken(curves: SpillCurves, loads: LoadHistogram, groupSize: number, taken: Taken): void {
  taken.sure = taken.end = 0;
  if (loads.requestCount <= 0) return;
  // The busiest moments decide: their curve, scaled to what all lose together at the place where about one is lost.
  const losses = curves.busyAt(curves.nearest(loads.top));
  const reference = firstBelow(losses, 1 / loads.requestCount);
  const scale = lostAt(curves, loads, reference) / losses[reference]! / curves.peakedness;
  const clumpMin = 1 / (1 + 2.5 * Math.sqrt(loads.top));
  const middle = groupSize >> 1;
  const clumpsAt = (group: number): number => {
    const place = group * groupSize + middle;
    if (place >= losses.length) return 0;
    return scale * losses[place]! * Math.max(clumpMin, 1 - loads.top / (place + 1));
  };
  let group = Math.floor(reference / groupSize);
  while (group > 0 && clumpsAt(group - 1) < surelyTaken) group--;
  taken.sure = group;
  for (let clumps = clumpsAt(group); clumps >= neverTaken; clumps = clumpsAt(++group)) {
    taken.ratios[group - taken.sure] = 1 - Math.exp(-clumps);
  }
  taken.end = group;
}

/** The first place with a loss below this; the last one if there is none. */
function firstBelow(losses: Float64Array, ratio: number): number {
  let [low, high] = [0, losses.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (losses[middle]! < ratio) high = middle;
    else low = middle + 1;
  }
  return low;
}

function lostAt(curves: SpillCurves, { arrivals, first, end }: LoadHistogram, place: number): number {
  let lost = 0;
  for (let load = end - 1; load >= first; load--) {
    const count = arrivals[load]!;
    if (count === 0) continue;
    const losses = curves.busyAt(load);
    // Loads are ascending: where one loses nothing at this place, no smaller one does.
    if (place >= losses.length) break;
    lost += count * losses[place]!;
  }
  return lost;
}

function ratioAt({ sure, end, ratios }: Taken, group: number): number {
  return group < sure ? 1 : group < end ? ratios[group - sure]! : 0;
}

/**
 * [block][place − base]: the part of a cold start that falls to it. The expected length of the stretch that a block lies in follows from its neighbours, those of
 * one path being independent: after = next taken × (1 + after that one), and before alike. The parts are scaled so that for each place they sum to the expected
 * number of stretches, Σ taken × (1 − taken before).
 */
function shareStretches(taken: readonly Taken[], base: number, shares: readonly Float64Array[]): void {
  const width = taken.reduce((most, { end }) => Math.max(most, end), 0) - base;
  const ratios = new Float64Array(taken.length);
  const after = new Float64Array(taken.length);
  for (let index = 0; index < width; index++) {
    // Outside [from, until) the group is never taken: most are for the few blocks of the peak.
    let [from, until] = [taken.length, 0];
    for (let block = 0; block < taken.length; block++) {
      ratios[block] = ratioAt(taken[block]!, base + index);
      shares[block]![index] = 0;
      if (ratios[block] === 0) continue;
      until = block + 1;
      if (from > block) from = block;
    }
    let later = 0;
    for (let block = until - 1; block >= from; block--) {
      after[block] = later;
      later = ratios[block]! * (1 + later);
    }
    let [before, last, stretches, sum] = [0, 0, 0, 0];
    for (let block = from; block < until; block++) {
      const ratio = ratios[block]!;
      before = last * (1 + before);
      const share = ratio / (1 + before + after[block]!);
      shares[block]![index] = share;
      sum += share;
      stretches += ratio * (1 - last);
      last = ratio;
    }
    for (let block = from; block < until; block++) shares[block]![index]! *= stretches / sum;
  }
}

/** Adds the shares of one block to its sum, greatest first; `base` places below them have `baseShare` each. */
function addInOrder(
  sum: Float64Array,
  shares: Float64Array,
  given: { readonly base: number; readonly baseShare: number; readonly weight: number },
): void {
  shares.sort();
  let rank = 0;
  let left = shares.length - 1;
  for (; left >= 0 && shares[left]! > given.baseShare; left--) sum[rank++]! += given.weight * shares[left]!;
  for (let place = 0; place < given.base; place++) sum[rank++]! += given.weight * given.baseShare;
  for (; left >= 0; left--) sum[rank++]! += given.weight * shares[left]!;
}

/**
 * From groups of places to environments. A provisioned one that its request rate keeps from being busy more than 10 × run time of the time takes the load of that
 * part of a place.
 */
function perEnvironment(groups: Float64Array, groupSize: number, meanSeconds: number): Float64Array {
  const perGroup = groupSize / Math.min(1, requestsPerSecondPerEnvironment * meanSeconds);
  let groupCount = groups.length;
  while (groupCount > 0 && groups[groupCount - 1] === 0) groupCount--;
  const environments = new Float64Array(Math.ceil(groupCount * perGroup));
  // Each group is spread over perGroup environments, the first and the last of them in part.
  for (let group = 0; group < groupCount; group++) {
    const [from, until] = [group * perGroup, (group + 1) * perGroup];
    const density = (groups[group]! * groupSize) / perGroup;
    for (let index = Math.floor(from); index < until; index++) {
      environments[index]! += density * (Math.min(until, index + 1) - Math.max(from, index));
    }
  }
  return environments;
}
