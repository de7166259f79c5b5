/**
 * The single steps by which a joint plan gives capacity up and takes it back: one environment of one function, in the blocks where that hurts least or
 * helps most. A step knows its dollars.
 */
import { netUsd, type Chain } from './chain.ts';
import type { Levels } from './constraint.ts';

export interface Member {
  readonly chain: Chain;
  /** Dollars for one spilled request, by block. */
  readonly usdPerSpill: Float64Array;
  /** What it would have if nothing were shared, within its own ceiling, by block. */
  readonly wanted: Levels;
}

/** One environment more or less in some blocks, ascending. */
export interface Move {
  readonly blocks: readonly number[];
  /** What the plan saves by it; what is given up costs, and is negative. */
  readonly usd: number;
}

/** More than any demand is worth: floors go last, and those that are held to a greater part first. */
const usdOfFloor = 1e9;

/**
 * Gives up the topmost environment at a block; undefined where there is none. It stays before, as far as that pays and a window that has begun asks for
 * it, and comes again with the next window, if that pays.
 */
export function giveUp({ chain, usdPerSpill }: Member, levels: Levels, block: number): Move | undefined {
  const c = levels[block]! - 1;
  if (c < 0) return undefined;
  if (c < chain.floor) return { blocks: [block], usd: -usdOfFloor * (2 - c / chain.floor) };
  let first = block;
  while (first > 0 && levels[first - 1]! > c) first--;
  let end = block + 1;
  while (end < levels.length && levels[end]! > c) end++;
  const isHeld = first === 0 && c < chain.held;
  const net = (at: number): number => netUsd(chain, usdPerSpill, at, c);

  // What is kept before the block: a run from its raise, to wherever it may end. Others above it in those blocks need it there.
  let keptUsd = 0;
  let keptEnd = first;
  let leftMin = first;
  for (let at = first; at < block; at++) if (levels[at]! > c + 1) leftMin = at + 1;
  let usd = isHeld ? 0 : -chain.usdPerRaise;
  const mayGoAtOnce = !isHeld || chain.mayLower[first] === 1 || block === first;
  let best = leftMin === first && mayGoAtOnce ? 0 : -Infinity;
  for (let at = first; at < block; at++) {
    usd += net(at);
    const mayEnd = at + 1 === block || chain.mayLower[at + 1] === 1;
    if (mayEnd && at + 1 >= leftMin && usd > best) [best, keptEnd] = [usd, at + 1];
  }
  keptUsd = best;

  // What comes again after it.
  let rightMax = end;
  for (let at = end - 1; at > block; at--) if (levels[at]! > c + 1) rightMax = at;
  let after = 0;
  let afterUsd = rightMax === end ? 0 : -Infinity;
  let againFrom = end;
  for (let at = end - 1; at > block; at--) {
    after += net(at);
    if (chain.mayRaise[at] === 1 && at <= rightMax && after - chain.usdPerRaise > afterUsd) {
      [afterUsd, againFrom] = [after - chain.usdPerRaise, at];
    }
  }
  // A run above that began inside, where no raise is: it cannot be had without this one.
  if (afterUsd === -Infinity) return undefined;
  let whole = isHeld ? 0 : -chain.usdPerRaise;
  for (let at = first; at < end; at++) whole += net(at);
  const blocks: number[] = [];
  for (let at = keptEnd; at < againFrom; at++) blocks.push(at);
  return { blocks, usd: keptUsd + afterUsd - whole };
}

/** Gives up the topmost environment at a block for as long as it is held there; undefined where others stand on it. */
export function giveUpWholly({ chain, usdPerSpill }: Member, levels: Levels, block: number): Move | undefined {
  const c = levels[block]! - 1;
  if (c < chain.floor) return undefined;
  let first = block;
  while (first > 0 && levels[first - 1]! > c) first--;
  const blocks: number[] = [];
  let usd = first === 0 && c < chain.held ? 0 : chain.usdPerRaise;
  for (let at = first; at < levels.length && levels[at]! > c; at++) {
    if (levels[at]! > c + 1) return undefined;
    blocks.push(at);
    usd -= netUsd(chain, usdPerSpill, at, c);
  }
  return { blocks, usd };
}

/**
 * Takes one environment back where it saves the most: the one above `level`, in blocks that stand at exactly that level, want more and have room.
 * Undefined where it would save nothing.
 */
export function takeBack(
  { chain, usdPerSpill, wanted }: Member,
  levels: Levels,
  level: number,
  hasRoom: (block: number) => boolean,
): Move | undefined {
  const count = chain.blockCount;
  if (level < chain.floor) return takeBackFloor(chain, levels, level, hasRoom);
  // Backwards: the dollars to come when the environment is on in the block, and when it is not.
  const on = new Float64Array(count + 1);
  const off = new Float64Array(count + 1);
  const isThere = (block: number): boolean => levels[block]! > level;
  for (let block = count - 1; block >= 0; block--) {
    const mayBeOn = isThere(block) || (levels[block] === level && wanted[block]! > level && hasRoom(block));
    const mayEnd = block + 1 === count || chain.mayLower[block + 1] === 1 || !mayBeOnAt(block + 1);
    const mayBegin = block + 1 < count && chain.mayRaise[block + 1] === 1;
    const stay = Math.max(on[block + 1]!, mayEnd ? off[block + 1]! : -Infinity);
    const rest = Math.max(off[block + 1]!, mayBegin ? on[block + 1]! - chain.usdPerRaise : -Infinity);
    on[block] = mayBeOn ? netUsd(chain, usdPerSpill, block, level) + stay : -Infinity;
    off[block] = isThere(block) ? -Infinity : rest;
  }
  function mayBeOnAt(block: number): boolean {
    return isThere(block) || (levels[block] === level && wanted[block]! > level && hasRoom(block));
  }
  const now = pathOf(chain, usdPerSpill, levels, level);
  let isOn = level < chain.held;
  let usd = 0;
  const blocks: number[] = [];
  for (let block = 0; block < count; block++) {
    const mayEnd = chain.mayLower[block] === 1 || !mayBeOnAt(block);
    const turnsOn = isOn
      ? !(mayEnd && off[block]! > on[block]!)
      : chain.mayRaise[block] === 1 && on[block]! - chain.usdPerRaise > off[block]!;
    if (turnsOn && !isOn) usd -= chain.usdPerRaise;
    isOn = turnsOn;
    if (!isOn) continue;
    usd += netUsd(chain, usdPerSpill, block, level);
    if (!isThere(block)) blocks.push(block);
  }
  const gain = usd - now;
  return blocks.length > 0 && gain > 1e-12 ? { blocks, usd: gain } : undefined;
}

function takeBackFloor(
  chain: Chain,
  levels: Levels,
  level: number,
  hasRoom: (block: number) => boolean,
): Move | undefined {
  for (let block = 0; block < chain.blockCount; block++) {
    if (levels[block] === level && hasRoom(block))
      return { blocks: [block], usd: usdOfFloor * (2 - level / chain.floor) };
  }
  return undefined;
}

/** What one environment saves as it stands. */
function pathOf(chain: Chain, usdPerSpill: Float64Array, levels: Levels, c: number): number {
  let usd = 0;
  let isOn = c < chain.held;
  for (let block = 0; block < chain.blockCount; block++) {
    const isOnNow = levels[block]! > c;
    if (isOnNow && !isOn) usd -= chain.usdPerRaise;
    if (isOnNow) usd += netUsd(chain, usdPerSpill, block, c);
    isOn = isOnNow;
  }
  return usd;
}
