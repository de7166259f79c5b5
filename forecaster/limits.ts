/**
 * The limits that a plan keeps, one stage each: what concerns one function, then dollars for an event, then what all share at the same time.
 */
import type { Limits, Prices } from '../core/function-spec.ts';
import type { AccountLimits } from '../core/ports.ts';
import { msPerHour, type EpochMs } from '../core/time.ts';
import { billingPeriodMs, usdOfHolding } from './cost.ts';
import { blockOf } from './event-window.ts';
import { cut, isForEvent, type Cell, type Row } from './row.ts';
import { shareOut, type Resource } from './share.ts';

/** Lambda refuses provisioned concurrency that would leave the account less than this unreserved. */
const unreservedMin = 100;

export interface LimitsInForce {
  readonly nowMs: EpochMs;
  readonly limits: Limits;
  readonly prices: Prices;
  readonly account: AccountCapacity;
}

/** `unreservedConcurrency`: the limit less all reservations; provisioned concurrency is taken out of it here. */
export interface AccountCapacity extends AccountLimits {
  /** Held by others on functions without reserved concurrency. */
  readonly otherProvisioned: number;
}

/** Cuts what is wanted to what every limit allows; each stage only ever lowers a level. */
export function keepLimits(rows: readonly Row[], inForce: LimitsInForce): readonly Row[] {
  const stages = [capByFunction, capByEventBudget, shareAccount, shareLimits, neverRaiseInside];
  return stages.reduce((sofar, stage) => stage(sofar, inForce), rows);
}

function capByFunction(rows: readonly Row[]): readonly Row[] {
  return rows.map((row) => {
    const { concurrencyCeiling, reservedConcurrency = Infinity } = row.spec;
    const cells = row.cells
      .map((cell) => cut(cell, concurrencyCeiling, 'ceiling', "the function's ceiling"))
      .map((cell) => cut(cell, reservedConcurrency, 'reserved', "the function's reserved concurrency"));
    return { ...row, cells };
  });
}

/** Keeps the steps of each event, over all functions, within its dollars. Floors alone are not an event's doing. */
function capByEventBudget(rows: readonly Row[], inForce: LimitsInForce): readonly Row[] {
  const ids = new Set(rows.flatMap((row) => row.cells.flatMap((cell) => idOf(cell) ?? [])));
  return [...ids].reduce((sofar, id) => keepEventBudget(sofar, id, inForce), rows);
}

/**
 * Windows that have begun keep what they hold, in time order until the money is spent. The others are capped, each between its floor and its
 * peak by one ratio for all: the greatest that fits. Capping, not scaling, so that the same plan comes out when the window has begun.
 */
function keepEventBudget(rows: readonly Row[], id: string, inForce: LimitsInForce): readonly Row[] {
  const usdMax = inForce.limits.usdPerEventMax;
  const name = `$${usdMax} an event`;
  const lower = (row: Row, levelMax: number, fromMs: EpochMs): Row => ({
    ...row,
    cells: row.cells.map((cell) =>
      idOf(cell) === id && cell.blockAtMs >= fromMs ? cut(cell, Math.max(cell.floor, levelMax), 'usd', name) : cell,
    ),
  });
  const isBegun = (row: Row): boolean => row.begun?.group.principal.id === id;
  const usdAll = (table: readonly Row[]): number =>
    table.reduce((usd, row) => usd + usdAhead(row, id) + (isBegun(row) ? usdBehind(row, inForce) : 0), 0);

  // A raise inside a running window bills its block twice, at the old level and at the new: rounding.
  const usdTwice = rows
    .filter((row) => isBegun(row) && row.cells[0]!.level > row.begun!.current.concurrency)
    .reduce((usd, row) => usd + row.begun!.current.concurrency * row.usdPerBlock, 0);
  if (usdAll(rows) + usdTwice <= usdMax) return rows;

  const kept = rows.map((row) => (isBegun(row) ? lower(row, row.begun!.current.concurrency, -Infinity) : row));
  const capped = (ratio: number): readonly Row[] =>
    kept.map((row) => {
      if (isBegun(row)) return row;
      const [floor, peak] = [
        row.spec.concurrencyFloor,
        Math.max(0, ...row.cells.filter((cell) => idOf(cell) === id).map((cell) => cell.level)),
      ];
      return lower(row, floor + Math.floor(Math.max(0, peak - floor) * ratio), -Infinity);
    });
  const ratio = greatestRatio((candidate) => usdAll(capped(candidate)) <= usdMax);
  const fitting = capped(ratio);
  if (usdAll(fitting) <= usdMax) return fitting;
  const blocks = [
    ...new Set(fitting.flatMap((row) => row.cells.filter((cell) => idOf(cell) === id).map((cell) => cell.blockAtMs))),
  ];
  return blocks
    .toSorted((a, b) => b - a)
    .reduce((table, fromMs) => (usdAll(table) <= usdMax ? table : table.map((row) => lower(row, 0, fromMs))), fitting);
}

/** The event whose dollars a cell spends. */
function idOf(cell: Cell): string | undefined {
  return isForEvent(cell) ? cell.asked?.window.group.principal.id : undefined;
}

function usdAhead(row: Row, id: string): number {
  return row.cells.reduce((usd, cell) => (idOf(cell) === id ? usd + cell.level * row.usdPerBlock : usd), 0);
}

/** What a window that has begun cost before the current block, which is counted ahead. */
function usdBehind(row: Row, inForce: LimitsInForce): number {
  const blockAtMs = blockOf(inForce.nowMs);
  return row.begun!.steps.reduce((usd, step) => {
    const untilMs = Math.max(step.fromMs, Math.min(step.untilMs, blockAtMs));
    return usd + usdOfHolding(row.spec, inForce.prices, { ...step, untilMs });
  }, 0);
}

/** The greatest ratio that fits, to a millionth; 0 where none does. More fits where less does. */
function greatestRatio(fits: (ratio: number) => boolean): number {
  let [low, high] = [0, 2 ** 20];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle / 2 ** 20)) low = middle;
    else high = middle - 1;
  }
  return low / 2 ** 20;
}

/** Provisioned concurrency of functions without a reservation comes out of the account's unreserved pool. */
function shareAccount(rows: readonly Row[], { account }: LimitsInForce): readonly Row[] {
  const unreserved = Math.min(account.concurrencyLimit, account.unreservedConcurrency);
  const capacity = unreserved - unreservedMin - account.otherProvisioned;
  const pool: Resource = { limit: 'account', name: "the account's unreserved concurrency less 100", capacity };
  const isInPool = (row: Row): boolean => row.spec.reservedConcurrency === undefined;
  const shared = shareByBlock(rows.filter(isInPool), [pool], () => [1]).values();
  return rows.map((row) => (isInPool(row) ? shared.next().value! : row));
}

function shareLimits(rows: readonly Row[], { limits }: LimitsInForce): readonly Row[] {
  const resources: Resource[] = [
    { limit: 'ceiling', name: 'the ceiling over all functions', capacity: limits.concurrencyMax },
    { limit: 'usd', name: `$${limits.usdPerHourMax} an hour over all functions`, capacity: limits.usdPerHourMax },
  ];
  return shareByBlock(rows, resources, (row) => [1, (msPerHour / billingPeriodMs) * row.usdPerBlock]);
}

function shareByBlock(
  rows: readonly Row[],
  resources: readonly Resource[],
  weightsOf: (row: Row) => readonly number[],
): Row[] {
  const weights = rows.map(weightsOf);
  const cells = rows.map((row) => [...row.cells]);
  for (let block = 0; block < (cells[0]?.length ?? 0); block++) {
    const claims = cells.map((row) => {
      const cell = row[block]!;
      const importance = isForEvent(cell) ? (cell.asked?.window.group.importance ?? 0) : 0;
      return { floor: cell.floor, level: cell.level, importance };
    });
    for (const [index, { floor, level, cutBy }] of shareOut(claims, resources, weights).entries()) {
      const cell = cells[index]![block]!;
      if (cutBy) cells[index]![block] = { ...cell, floor, level, limit: cutBy.limit, cutBy: cutBy.name };
    }
  }
  return rows.map((row, index) => ({ ...row, cells: cells[index]! }));
}

/**
 * A window is raised once. When a limit relents halfway (another function's window has ended), what was cut stays cut: a raise under load
 * comes late and puts the alias back to IN_PROGRESS.
 */
function neverRaiseInside(rows: readonly Row[]): readonly Row[] {
  return rows.map((row) => {
    const cells: Cell[] = [];
    for (const cell of row.cells) {
      const before = cells.at(-1);
      const isSameWindow = before?.asked !== undefined && before.asked.window === cell.asked?.window;
      cells.push(isSameWindow && before.cutBy ? cut(cell, before.level, before.limit, before.cutBy) : cell);
    }
    return { ...row, cells };
  });
}
