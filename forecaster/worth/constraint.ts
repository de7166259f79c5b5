/**
 * What functions share, and how much of it their levels use. Every limit is a row of entries with one capacity for each: a block of five minutes, or an
 * event's whole window.
 */
import type { BindingLimit } from '../../core/capacity.ts';

/** Environments by block; index 0 is the first block of the plan. */
export type Levels = Int32Array;

export interface Constraint {
  readonly limit: BindingLimit;
  /** How the limit is called in a sentence. */
  readonly name: string;
  /** What there is of it in each entry. */
  readonly capacity: number;
  /** What one of it is called: `environment`, `dollar`. */
  readonly unit: string;
  /** Of a budget for one event. */
  readonly eventId?: string;
  readonly entryCount: number;
  /** What is used before any function takes anything, by entry. */
  readonly usedAlready: number;
  /** Entries that a function's level at a block counts in first; undefined where it counts in none. */
  entryOf(member: number, block: number): number | undefined;
  /** Tells what a function uses at these levels. */
  eachUse(member: number, levels: Levels, visit: (entry: number, used: number) => void): void;
  /** Tells how usage changes when a function's level goes up or down by one in these blocks (ascending). `levels`: before the change. */
  eachChange(
    move: { readonly member: number; readonly blocks: readonly number[]; readonly by: 1 | -1 },
    levels: Levels,
    visit: (entry: number, change: number) => void,
  ): void;
}

/** Something of which every environment takes its share as long as it is held: concurrency, dollars an hour. */
export function perBlock(about: {
  readonly limit: BindingLimit;
  readonly name: string;
  readonly unit: string;
  readonly capacity: number;
  readonly blockCount: number;
  /** What one environment of each function takes; 0 where it takes nothing. */
  readonly weights: readonly number[];
}): Constraint {
  const { weights, blockCount } = about;
  return {
    ...about,
    entryCount: blockCount,
    usedAlready: 0,
    entryOf: (member, block) => (weights[member]! > 0 ? block : undefined),
    eachUse(member, levels, visit) {
      const weight = weights[member]!;
      if (weight > 0) for (let block = 0; block < blockCount; block++) visit(block, weight * levels[block]!);
    },
    eachChange({ member, blocks, by }, _, visit) {
      const weight = weights[member]!;
      if (weight > 0) for (const block of blocks) visit(block, by * weight);
    },
  };
}

/** A function's part in an event's budget. */
export interface BudgetMember {
  readonly usdPerBlock: number;
  readonly floor: number;
  /** Its window; a block above the floor is paid whole by the event. */
  readonly blockFrom: number;
  readonly blockEnd: number;
  /** Billed for the window's first block already, which has begun: another level in it is billed on top (Lambda's rounding). 0 where nothing is. */
  readonly heldAlready: number;
}

/** Dollars for all functions' windows for one event. */
export function perEvent(about: {
  readonly name: string;
  readonly eventId: string;
  readonly usdMax: number;
  readonly usdSpent: number;
  /** By function; absent where it has no window for the event. */
  readonly members: ReadonlyMap<number, BudgetMember>;
}): Constraint {
  const { name, eventId, usdMax, usdSpent, members } = about;
  return {
    limit: 'usd',
    name,
    eventId,
    unit: 'dollar',
    capacity: usdMax,
    entryCount: 1,
    usedAlready: usdSpent,
    entryOf(member, block) {
      const own = members.get(member);
      return own && block >= own.blockFrom && block < own.blockEnd ? 0 : undefined;
    },
    eachUse(member, levels, visit) {
      const own = members.get(member);
      if (!own) return;
      let paid = 0;
      for (let block = own.blockFrom; block < own.blockEnd; block++) paid += paidAt(own, block, levels[block]!);
      visit(0, paid * own.usdPerBlock);
    },
    eachChange({ member, blocks, by }, levels, visit) {
      const own = members.get(member);
      if (!own) return;
      let paid = 0;
      for (const block of blocks) {
        if (block < own.blockFrom || block >= own.blockEnd) continue;
        const level = levels[block]!;
        paid += paidAt(own, block, level + by) - paidAt(own, block, level);
      }
      if (paid !== 0) visit(0, paid * own.usdPerBlock);
    },
  };
}

function paidAt({ floor, blockFrom, heldAlready }: BudgetMember, block: number, level: number): number {
  const paid = level > floor ? level : 0;
  return block === blockFrom && level !== heldAlready ? paid + heldAlready : paid;
}

/** A function in front of what is shared. */
export interface SharingMember {
  /** What one environment takes, warm or on demand: connections. */
  readonly perEnvironment: number;
  /** By block: as many requests as may run at once. Those beyond the level run on demand. */
  readonly runningMax: Int32Array;
}

/** Lambda lets an idle environment go after some minutes; until then it keeps what it has opened. */
const lingerBlocks = 3;

/**
 * Something behind the functions of which environments on demand take their share too: a database's connections. Environments on demand stand for a
 * quarter of an hour after their last request, so that capacity which takes over from them comes on top of them at first.
 */
export function perSharedResource(about: {
  readonly name: string;
  readonly capacity: number;
  readonly blockCount: number;
  readonly members: ReadonlyMap<number, SharingMember>;
}): Constraint {
  const { name, capacity, blockCount, members } = about;
  const usedAt = (own: SharingMember, block: number, levelAt: (block: number) => number): number => {
    let onDemand = 0;
    for (let back = 0; back <= lingerBlocks && block - back >= 0; back++) {
      onDemand = Math.max(onDemand, (own.runningMax[block - back] ?? 0) - levelAt(block - back));
    }
    return own.perEnvironment * (levelAt(block) + onDemand);
  };
  return {
    limit: 'sharedResource',
    name,
    unit: 'unit of it',
    capacity,
    entryCount: blockCount,
    usedAlready: 0,
    entryOf: (member, block) => (members.has(member) ? block : undefined),
    eachUse(member, levels, visit) {
      const own = members.get(member);
      if (!own) return;
      for (let block = 0; block < blockCount; block++)
        visit(
          block,
          usedAt(own, block, (at) => levels[at]!),
        );
    },
    eachChange({ member, blocks, by }, levels, visit) {
      const own = members.get(member);
      if (!own || blocks.length === 0) return;
      const changed = new Set(blocks);
      const before = (block: number): number => levels[block]!;
      const after = (block: number): number => levels[block]! + (changed.has(block) ? by : 0);
      const end = Math.min(blockCount, blocks.at(-1)! + lingerBlocks + 1);
      for (let block = blocks[0]!; block < end; block++) {
        const change = usedAt(own, block, after) - usedAt(own, block, before);
        if (change !== 0) visit(block, change);
      }
    },
  };
}
