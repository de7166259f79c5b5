/**
 * Who gets what is scarce. All functions start from what each would have alone; where that breaks a limit, the environment that saves the fewest dollars
 * for what it takes goes first, until every limit is kept. What integers left over is then handed back and traded for something better.
 *
 * For one limit of which all environments take the same, giving up in that order is exact: worth falls with concurrency, so what is given up next is
 * always the least of all that is left. With several limits at once, or environments of different sizes, it is a knapsack; trading one for others closes
 * most of what is missing (joint.test.ts compares with every possible plan).
 *
 * - Ibaraki & Katoh, Resource Allocation Problems, MIT Press (1988): greedy algorithms for separable concave resource allocation.
 */
import { savedBy } from './chain.ts';
import type { Constraint, Levels } from './constraint.ts';
import { createHeap } from './heap.ts';
import { giveUp, giveUpWholly, takeBack, type Member, type Move } from './moves.ts';

export interface JointPlan {
  readonly levels: readonly Levels[];
  /** By function and block: the constraint (its index) that last took something there, or -1. */
  readonly cutBy: readonly Int32Array[];
  readonly limits: readonly LimitReport[];
}

/** What a limit cost. */
export interface LimitReport {
  readonly isKept: boolean;
  /** Environments given up because of it, in the block where they are most. */
  readonly concurrency: number;
  /** What they would have saved over what they cost. */
  readonly usd: number;
  /** What one more unit of it would save; 0 where it did not bind. */
  readonly marginalUsd: number;
}

/** Sums of dollars carry rounding errors of this order and less; no limit is stated so finely. */
const tolerance = 1e-9;
/** Relieving one limit can burden another only where capacity that goes leaves environments on demand behind. */
const roundsMax = 4;
/** Among more environments than that a single one is less than a hundredth of the whole, and trades are not worth their time. */
const tradedConcurrencyMax = 100;
const tradesMax = 1_000;

export function planJointly(members: readonly Member[], constraints: readonly Constraint[]): JointPlan {
  const desk = createDesk(members, constraints);
  for (let round = 0; round < roundsMax && desk.isBroken(); round++) {
    for (const index of constraints.keys()) desk.relieve(index);
  }
  for (const index of constraints.keys()) desk.strip(index);
  if (desk.hasGivenUp()) {
    desk.refill();
    desk.trade();
  }
  return {
    levels: desk.levels,
    cutBy: desk.cutBy,
    limits: constraints.map((_, index) => desk.report(index)),
  };
}

function createDesk(members: readonly Member[], constraints: readonly Constraint[]) {
  const levels = members.map(({ wanted }) => wanted.slice());
  const cutBy = members.map(({ wanted }) => new Int32Array(wanted.length).fill(-1));
  const usage = constraints.map(({ entryCount, usedAlready }) => new Float64Array(entryCount).fill(usedAlready));
  for (const [index, constraint] of constraints.entries()) {
    for (const [member, own] of levels.entries()) {
      constraint.eachUse(member, own, (entry, used) => (usage[index]![entry]! += used));
    }
  }
  const touched = new Set<number>();

  const apply = (member: number, { blocks }: Move, by: 1 | -1): void => {
    const own = levels[member]!;
    for (const [index, constraint] of constraints.entries()) {
      constraint.eachChange({ member, blocks, by }, own, (entry, change) => (usage[index]![entry]! += change));
    }
    for (const block of blocks) own[block]! += by;
  };

  const capacityOf = (index: number): number => Math.max(0, constraints[index]!.capacity) + tolerance;

  /** By how much a move relieves what is broken of a constraint. */
  const reliefOf = (index: number, member: number, { blocks }: Move): number => {
    const capacity = capacityOf(index);
    const used = usage[index]!;
    let relief = 0;
    constraints[index]!.eachChange({ member, blocks, by: -1 }, levels[member]!, (entry, change) => {
      const now = used[entry]!;
      relief += Math.max(0, now - capacity) - Math.max(0, now + change - capacity);
    });
    return relief;
  };

  /** The cheapest way for a function to relieve an entry: dollars for each unit. */
  const offerOf = (index: number, member: number, entry: number): Offer | undefined => {
    const constraint = constraints[index]!;
    const own = levels[member]!;
    let best: Offer | undefined;
    const consider = (block: number): void => {
      const move = giveUp(members[member]!, own, block);
      const relief = move === undefined ? 0 : reliefOf(index, member, move);
      if (move === undefined || relief <= 0) return;
      const price = -move.usd / relief;
      if (!best || price < best.price) best = { member, move, price };
    };
    if (constraint.entryCount > 1) {
      if (constraint.entryOf(member, entry) !== undefined) consider(entry);
      return best;
    }
    for (let block = 0; block < own.length; block++) {
      if (constraint.entryOf(member, block) === entry) consider(block);
    }
    return best;
  };

  const relieveEntry = (index: number, entry: number): void => {
    const heap = createHeap<Offer>((a, b) => a.price - b.price || a.member - b.member);
    const offer = (member: number): void => {
      const next = offerOf(index, member, entry);
      if (next) heap.push(next);
    };
    for (const member of members.keys()) offer(member);
    while (usage[index]![entry]! > capacityOf(index)) {
      const first = heap.pop();
      if (!first) return;
      // As less is missing, a large environment relieves less than it did when it was weighed.
      const again = offerOf(index, first.member, entry);
      if (!again) continue;
      const second = heap.peek();
      if (second && again.price > second.price && again.price > first.price) {
        heap.push(again);
        continue;
      }
      apply(again.member, again.move, -1);
      touched.add(again.member);
      for (const block of again.move.blocks) cutBy[again.member]![block] = index;
      offer(again.member);
    }
  };

  const worstEntry = (index: number, hopeless: ReadonlySet<number>): number | undefined => {
    let worst: number | undefined;
    for (const [entry, used] of usage[index]!.entries()) {
      if (used > capacityOf(index) && !hopeless.has(entry) && used > (worst === undefined ? 0 : usage[index]![worst]!))
        worst = entry;
    }
    return worst;
  };

  /** Giving up, too, can take room: environments on demand stay behind it. */
  const hasRoom = (member: number, { blocks }: Move, ignored = -1, by: 1 | -1 = 1): boolean =>
    constraints.every((constraint, index) => {
      if (index === ignored) return true;
      let missing = 0;
      constraint.eachChange({ member, blocks, by }, levels[member]!, (entry, change) => {
        if (change > 0 && usage[index]![entry]! + change > capacityOf(index)) missing++;
      });
      return missing === 0;
    });

  /** The best environment that a function could take back, every limit but the ignored one kept. */
  const bestReturn = (member: number, ignored = -1): Move | undefined => {
    const own = levels[member]!;
    const one = members[member]!;
    const isBelow = (block: number): boolean => own[block]! < one.wanted[block]!;
    const missing = new Set<number>();
    for (let block = 0; block < own.length; block++) if (isBelow(block)) missing.add(own[block]!);
    let best: Move | undefined;
    for (const level of missing) {
      // What fits block by block may be too much for an event's dollars: then for a shorter time.
      for (let end = own.length; end > 0;) {
        const fits = (block: number): boolean => block < end && hasRoom(member, { blocks: [block], usd: 0 }, ignored);
        const move = takeBack(one, own, level, fits);
        if (!move) break;
        if (hasRoom(member, move, ignored)) {
          if (!best || move.usd > best.usd) best = move;
          break;
        }
        end = move.blocks.at(-1)!;
      }
    }
    return best;
  };

  /** Hands back what fits, the best first; answers what that saves. */
  const refill = (
    left: Iterable<number> = touched,
    moves?: [number, Move][],
    sizeOf = (_: Move): number => 1,
  ): number => {
    const heap = createHeap<{ readonly member: number; readonly move: Move }>(
      (a, b) => b.move.usd / sizeOf(b.move) - a.move.usd / sizeOf(a.move) || a.member - b.member,
    );
    const offer = (member: number): void => {
      const move = bestReturn(member);
      if (move) heap.push({ member, move });
    };
    for (const member of left) offer(member);
    let usd = 0;
    for (let first = heap.pop(); first; first = heap.pop()) {
      const { member, move } = first;
      if (hasRoom(member, move)) {
        apply(member, move, 1);
        moves?.push([member, move]);
        usd += move.usd;
      }
      offer(member);
    }
    return usd;
  };

  const undo = (moves: readonly (readonly [number, Move])[], by: 1 | -1): void => {
    for (const [member, move] of moves.toReversed()) apply(member, move, by);
  };

  /** Gives environments up for others that then fit; keeps what saves more. */
  const tradeOf = (places: readonly Place[], sizeOf: (move: Move) => number): boolean => {
    const given: [number, Move][] = [];
    const returned: [number, Move][] = [];
    let usd = 0;
    for (const { member, block, isWhole } of places) {
      const move = (isWhole ? giveUpWholly : giveUp)(members[member]!, levels[member]!, block);
      if (!move || move.usd < -1e8 || !hasRoom(member, move, -1, -1)) break;
      apply(member, move, -1);
      given.push([member, move]);
      usd += move.usd;
    }
    if (given.length === places.length) {
      const givers = new Set(places.map(({ member }) => member));
      usd += refill(
        [...touched].filter((member) => !givers.has(member)),
        returned,
        sizeOf,
      );
      usd += refill(touched, returned, sizeOf);
      if (usd > tolerance) return true;
    }
    undo(returned, -1);
    undo(given, 1);
    return false;
  };

  const everyPlace = (): Place[] =>
    members.flatMap((_, member) =>
      turningBlocks(levels[member]!).flatMap((block) => [
        { member, block, isWhole: false },
        { member, block, isWhole: true },
      ]),
    );

  /** Trades until nothing more is won. */
  const tradeAll = (offersOf: () => Iterable<readonly Place[]>, tries: { left: number }): void => {
    for (let hasTraded = true; hasTraded;) {
      hasTraded = false;
      for (const places of offersOf()) {
        if (tries.left-- <= 0) return;
        if (tradeOf(places, () => 1) || tradeOf(places, ({ blocks }) => blocks.length)) hasTraded = true;
      }
    }
  };

  return {
    levels,
    cutBy,
    hasGivenUp: () => touched.size > 0,
    isBroken: () => constraints.some((_, index) => worstEntry(index, new Set()) !== undefined),
    relieve(index: number): void {
      const hopeless = new Set<number>();
      for (let entry = worstEntry(index, hopeless); entry !== undefined; entry = worstEntry(index, hopeless)) {
        relieveEntry(index, entry);
        if (usage[index]![entry]! > capacityOf(index)) hopeless.add(entry);
      }
    },
    /**
     * Where giving up one by one does not lead out: nobody who shares in it holds anything above the floor. Where even that does not keep it, demand alone takes
     * more than there is, and what is held stays.
     */
    strip(index: number): void {
      if (worstEntry(index, new Set()) === undefined) return;
      const given: [number, Move][] = [];
      for (const [member, { chain }] of members.entries()) {
        for (const block of levels[member]!.keys()) {
          if (constraints[index]!.entryOf(member, block) === undefined) continue;
          for (let level = levels[member]![block]!; level > chain.floor; level--) {
            const move = { blocks: [block], usd: 0 };
            apply(member, move, -1);
            given.push([member, move]);
          }
        }
      }
      if (worstEntry(index, new Set()) !== undefined) {
        undo(given, 1);
        return;
      }
      for (const [member, { blocks }] of given) {
        cutBy[member]![blocks[0]!] = index;
        touched.add(member);
      }
    },
    refill,
    trade(): void {
      const concurrency = members.reduce(
        (sum, { wanted }) => sum + wanted.reduce((most, level) => Math.max(most, level), 0),
        0,
      );
      if (concurrency > tradedConcurrencyMax) return;
      const tries = { left: tradesMax };
      const single = () => everyPlace().map((place) => [place]);
      const pairs = () => everyPlace().flatMap((one, index, all) => all.slice(index).map((other) => [one, other]));
      tradeAll(single, tries);
      tradeAll(pairs, tries);
    },
    report(index: number): LimitReport {
      const { concurrency, usd } = lossOf(index);
      return {
        isKept: worstEntry(index, new Set()) === undefined,
        concurrency,
        usd,
        marginalUsd: concurrency === 0 ? 0 : marginalUsdOf(index),
      };
    },
  };

  function lossOf(index: number): { concurrency: number; usd: number } {
    let usd = 0;
    const missing = new Float64Array(members[0]?.wanted.length ?? 0);
    for (const member of touched) {
      const { wanted } = members[member]!;
      let isCut = false;
      for (const [block, by] of cutBy[member]!.entries()) {
        if (by !== index || levels[member]![block]! >= wanted[block]!) continue;
        isCut = true;
        missing[block]! += wanted[block]! - levels[member]![block]!;
      }
      if (isCut) usd += valueOf(members[member]!, wanted) - valueOf(members[member]!, levels[member]!);
    }
    return { concurrency: missing.reduce((most, count) => Math.max(most, count), 0), usd: Math.max(0, usd) };
  }

  /** What one more unit of a constraint would save: the best return that only it forbids, for each unit that it takes. */
  function marginalUsdOf(index: number): number {
    let best = 0;
    for (const member of touched) {
      const move = bestReturn(member, index);
      if (!move || move.usd >= 1e8) continue;
      let most = 0;
      const used = usage[index]!;
      constraints[index]!.eachChange({ member, blocks: move.blocks, by: 1 }, levels[member]!, (entry, change) => {
        if (used[entry]! + change > capacityOf(index)) most = Math.max(most, change);
      });
      if (most > 0) best = Math.max(best, move.usd / most);
    }
    return best;
  }
}

interface Place {
  readonly member: number;
  readonly block: number;
  readonly isWhole: boolean;
}

interface Offer {
  readonly member: number;
  readonly move: Move;
  /** Dollars lost for each unit relieved. */
  readonly price: number;
}

/** The first and the last block of each step. */
function turningBlocks(levels: Levels): number[] {
  const blocks: number[] = [];
  for (let block = 0; block < levels.length; block++) {
    if (levels[block]! > 0 && (levels[block] !== levels[block - 1] || levels[block] !== levels[block + 1]))
      blocks.push(block);
  }
  return blocks;
}

function valueOf({ chain, usdPerSpill }: Member, levels: Levels): number {
  return savedBy(chain, usdPerSpill, levels);
}
