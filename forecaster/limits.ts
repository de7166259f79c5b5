/**
 * The limits that a plan keeps, one stage each: what concerns one function, then dollars for an event (event-budget.ts), then what all share at the same time.
 */
import { msPerHour } from '../core/time.ts';
import { billingPeriodMs } from './cost.ts';
import { capByEventBudget } from './event-budget.ts';
import type { LimitsInForce } from './limits-in-force.ts';
import { cut, isForEvent, type Cell, type Row } from './row.ts';
import { shareOut, type Resource } from './share.ts';

/** Lambda refuses provisioned concurrency that would leave the account less than this unreserved. */
const unreservedMin = 100;

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
