/**
 * Dollars for one event: what all functions' windows for it may cost together, from the first raise to the last step down. Floors alone are not
 * an event's doing; a block that holds more than its floor is paid whole by its event.
 */
import type { EpochMs } from '../core/time.ts';
import { usdOfHolding } from './cost.ts';
import { blockOf } from './event-window.ts';
import type { LimitsInForce } from './limits-in-force.ts';
import { cut, isForEvent, type BegunWindow, type Cell, type Row } from './row.ts';

/** One function's window for the event. */
interface Member {
  readonly row: Row;
  /** The cells that its event pays for, in time order. */
  readonly cells: readonly Cell[];
  readonly floor: number;
  readonly peak: number;
  /** Where the window has begun: what is held. */
  readonly begun?: BegunWindow;
}

export function capByEventBudget(rows: readonly Row[], inForce: LimitsInForce): readonly Row[] {
  const ids = new Set(rows.flatMap((row) => row.cells.flatMap((cell) => payerOf(cell) ?? [])));
  return [...ids].reduce((sofar, id) => keepBudget(sofar, id, inForce), rows);
}

/**
 * Windows that have begun keep what they hold, in time order until the money is spent. The others are capped, each between its floor and its
 * peak by one ratio for all: the greatest that fits. Capping, not scaling, so that the same levels come out once the window has begun.
 */
function keepBudget(rows: readonly Row[], id: string, inForce: LimitsInForce): readonly Row[] {
  const { usdPerEventMax } = inForce.limits;
  const members = rows.map((row) => memberOf(row, id));
  const usdLeft = usdPerEventMax - sum(members.map((member) => usdBehind(member, inForce)));
  if (sum(members.map((member) => usdAhead(member, Infinity) + usdBilledTwice(member))) <= usdLeft) return rows;

  const levelMaxOf = ({ begun, floor, peak }: Member, ratio: number): number =>
    begun ? begun.current.concurrency : floor + Math.floor((peak - floor) * ratio);
  const usdAt = (ratio: number): number => sum(members.map((member) => usdAhead(member, levelMaxOf(member, ratio))));
  const ratio = greatestRatio((candidate) => usdAt(candidate) <= usdLeft);
  const spentAtMs = usdAt(ratio) <= usdLeft ? Infinity : whenSpent(members, usdLeft);
  return members.map((member) => {
    const levelMax = levelMaxOf(member, ratio);
    const lower = (cell: Cell): Cell => {
      const level = Math.max(cell.floor, cell.blockAtMs < spentAtMs ? levelMax : 0);
      return cut(cell, level, 'usd', `$${usdPerEventMax} an event`);
    };
    return { ...member.row, cells: member.row.cells.map((cell) => (payerOf(cell) === id ? lower(cell) : cell)) };
  });
}

/** The event that pays for a cell. */
function payerOf(cell: Cell): string | undefined {
  return isForEvent(cell) ? cell.asked?.window.group.principal.id : undefined;
}

function memberOf(row: Row, id: string): Member {
  const cells = row.cells.filter((cell) => payerOf(cell) === id);
  const floor = cells[0]?.floor ?? 0;
  const peak = cells.reduce((level, cell) => Math.max(level, cell.level), floor);
  const begun = row.begun?.group.principal.id === id && { begun: row.begun };
  return { row, cells, floor, peak, ...begun };
}

/** What the blocks from the current one on cost, when none holds more than `levelMax`. */
function usdAhead(member: Member, levelMax: number): number {
  const paid = member.cells.map((cell) => (levelMax > cell.floor ? Math.min(cell.level, levelMax) : 0));
  return sum(paid) * member.row.usdPerBlock;
}

/** What a window that has begun cost before the current block. */
function usdBehind({ begun, row }: Member, { nowMs, prices }: LimitsInForce): number {
  const steps = begun?.steps ?? [];
  return sum(
    steps.map((step) => {
      const untilMs = Math.max(step.fromMs, Math.min(step.untilMs, blockOf(nowMs)));
      return usdOfHolding(row.spec, prices, { concurrency: step.concurrency, fromMs: step.fromMs, untilMs });
    }),
  );
}

/** A raise inside a running window bills its block at the old level and at the new: rounding. */
function usdBilledTwice({ begun, row }: Member): number {
  const isRaised = begun !== undefined && row.cells[0]!.level > begun.current.concurrency;
  return isRaised ? begun.current.concurrency * row.usdPerBlock : 0;
}

/** The block in which the windows that have begun run out of money, all of them together. */
function whenSpent(members: readonly Member[], usdLeft: number): EpochMs {
  const bills = members
    .filter((member) => member.begun)
    .flatMap(({ cells, row, begun }) =>
      cells.map(({ blockAtMs, level }) => ({
        blockAtMs,
        usd: Math.min(level, begun!.current.concurrency) * row.usdPerBlock,
      })),
    )
    .toSorted((a, b) => a.blockAtMs - b.blockAtMs);
  let usd = 0;
  return bills.find((bill) => (usd += bill.usd) > usdLeft)?.blockAtMs ?? Infinity;
}

/** The greatest ratio that fits, to a millionth; 0 where none does. Whatever is below one that fits, fits. */
function greatestRatio(fits: (ratio: number) => boolean): number {
  let [low, high] = [0, 2 ** 20];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle / 2 ** 20)) low = middle;
    else high = middle - 1;
  }
  return low / 2 ** 20;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
