/**
 * One function's levels over Lambda's billing blocks, for the most dollars that they save.
 *
 * Mental model: each environment decides for itself. The (c + 1)-th one is held or not in each block; holding costs the block's price and saves what
 * the tables of worth say (block-worth.ts), it can begin only where a window asks for capacity, and end only where a step down is allowed. That is a
 * path through two states, solved backwards in one pass. What an environment saves never grows with c, so whoever comes later is held for no longer:
 * the paths nest, and their number at each block is the level. Nothing has to be smoothed into shape afterwards: raised once, then stepping down.
 *
 * The same pass shows how answers move: worth more in any block means no environment held for less, whatever else is the case.
 *
 * - Topkis, Minimizing a Submodular Function on a Lattice, Operations Research 26 (1978): why the paths nest.
 */

/** One function over consecutive blocks; index 0 is the first block that is still to be decided. */
export interface Chain {
  readonly blockCount: number;
  /** Price of holding one environment through one block. */
  readonly usdPerBlock: number;
  /** Price of initialising one, when it is raised. */
  readonly usdPerRaise: number;
  /** Held in all blocks, whatever it is worth. */
  readonly floor: number;
  /** What stands when the first block begins; at least the floor. */
  readonly held: number;
  /** 1 where a window asks for capacity: the level may go up at the start of the block. */
  readonly mayRaise: Uint8Array;
  /** 1 where the level may go down at the start of the block. */
  readonly mayLower: Uint8Array;
  /** By block: what the (c + 1)-th environment saves in dollars, spilled requests left out; nothing beyond its end. */
  readonly usdSaved: Float64Array[];
  /** By block: spilled requests that the (c + 1)-th environment avoids. */
  readonly spillAvoided: readonly Float64Array[];
}

/** Levels that a step down may stop at: the next of them that is above `level`. */
export type StepScale = (level: number) => number;

/** Steps of one environment. */
export const finestScale: StepScale = (level) => level + 1;

export interface PathOptions {
  /** Dollars for one spilled request, by block. */
  readonly usdPerSpill: Float64Array;
  readonly scale: StepScale;
  /** Decides over the blocks before it alone. */
  readonly blockEnd?: number;
}

/** The dollars that environment `c` (counted from 0) saves in a block, less the price of holding it. */
export function netUsd(chain: Chain, usdPerSpill: Float64Array, block: number, c: number): number {
  const saved = chain.usdSaved[block]!;
  const spill = chain.spillAvoided[block]!;
  const usd = (c < saved.length ? saved[c]! : 0) + (c < spill.length ? spill[c]! * usdPerSpill[block]! : 0);
  return usd - chain.usdPerBlock;
}

/**
 * The best level for each block. Steps down stop at the scale.
 *
 * Cost: O(blocks × longest table).
 */
export function bestPath(chain: Chain, { usdPerSpill, scale, blockEnd = chain.blockCount }: PathOptions): Int32Array {
  const { usdPerBlock, usdPerRaise, floor, mayRaise, mayLower } = chain;
  let count = Math.max(floor, chain.held);
  for (let block = 0; block < blockEnd; block++) {
    count = Math.max(count, chain.usdSaved[block]!.length);
    if (usdPerSpill[block]! > 0) count = Math.max(count, chain.spillAvoided[block]!.length);
  }
  const raised = new Int32Array(blockEnd);
  const kept = new Int32Array(blockEnd);
  // What it is worth that environment c is held at the start of the block, over its not being held.
  const advantage = new Float64Array(count);
  for (let block = blockEnd - 1; block >= 0; block--) {
    const saved = chain.usdSaved[block]!;
    const spill = chain.spillAvoided[block]!;
    const perSpill = usdPerSpill[block]!;
    const mayLowerNext = block + 1 === blockEnd || mayLower[block + 1] === 1;
    const mayRaiseNext = block + 1 < blockEnd && mayRaise[block + 1] === 1;
    for (let c = 0; c < count; c++) {
      const next = advantage[c]!;
      let value = mayLowerNext && next < 0 ? 0 : next;
      if (mayRaiseNext && next > usdPerRaise) value -= next - usdPerRaise;
      if (c < saved.length) value += saved[c]!;
      if (perSpill > 0 && c < spill.length) value += spill[c]! * perSpill;
      advantage[c] = value - usdPerBlock;
    }
    if (mayRaise[block] === 1) raised[block] = countFrom(advantage, floor, usdPerRaise);
    if (mayLower[block] === 1) kept[block] = keptFrom(countFrom(advantage, floor, 0), floor, scale);
  }
  const levels = new Int32Array(blockEnd);
  let level = Math.max(floor, chain.held);
  for (let block = 0; block < blockEnd; block++) {
    if (mayLower[block] === 1) level = Math.max(floor, Math.min(level, kept[block]!));
    if (mayRaise[block] === 1) level = Math.max(level, raised[block]!);
    levels[block] = level;
  }
  return levels;
}

/** How many environments are worth at least `usd`: they are sorted by worth. */
function countFrom(advantage: Float64Array, floor: number, usd: number): number {
  let [low, high] = [Math.min(floor, advantage.length), advantage.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (advantage[middle]! >= usd) low = middle + 1;
    else high = middle;
  }
  return Math.max(floor, low);
}

/**
 * The least step of the scale that is not below: up to a tenth too much stays until the next one, or one environment. Anything cleverer lets go of more where more comes, or
 * decides otherwise when it is asked again.
 */
function keptFrom(count: number, floor: number, scale: StepScale): number {
  if (count <= floor) return floor;
  let step = 0;
  while (step < count) step = scale(step);
  return step;
}

/** Dollars that levels save over holding nothing above the floor: what they are worth, less what they cost. */
export function savedBy(chain: Chain, usdPerSpill: Float64Array, levels: Int32Array): number {
  let usd = 0;
  let before = chain.held;
  for (const [block, level] of levels.entries()) {
    for (let c = chain.floor; c < level; c++) usd += netUsd(chain, usdPerSpill, block, c);
    usd -= Math.max(0, level - before) * chain.usdPerRaise;
    before = level;
  }
  return usd;
}

/** Expected spilled requests of a block at a level. */
export function spilledAt(chain: Chain, block: number, level: number): number {
  const spill = chain.spillAvoided[block]!;
  let requests = 0;
  for (let c = spill.length - 1; c >= level; c--) requests += spill[c]!;
  return requests;
}
