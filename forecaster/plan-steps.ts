/** From what each function gets to the steps of a plan. */
import { assert } from '../core/assert.ts';
import type { CapacityStep, GivenUp } from '../core/capacity.ts';
import type { EpochMs } from '../core/time.ts';
import { explainFloor, explainWindow } from './because.ts';
import { billingPeriodMs, usdOfHolding } from './cost.ts';
import { isManual, wasCut, windowEndOf, type EventWindow } from './event-window.ts';
import type { PlanInput } from './planner.ts';
import type { Cell, Row } from './row.ts';
import { spilledAt } from './worth/chain.ts';
import type { Levels } from './worth/constraint.ts';

interface Got {
  readonly levels: Levels;
  readonly cutBy: readonly (GivenUp | undefined)[];
  readonly blocks: readonly EpochMs[];
}

export function cellsOf(row: Row, { levels, cutBy, blocks }: Got): Cell[] {
  return blocks.map((blockAtMs, block) => {
    const level = levels[block]!;
    const window = level > row.spec.concurrencyFloor ? row.windowAt[block] : undefined;
    const { worthUsd, spilled } = worthAt(row, block, level);
    return {
      blockAtMs,
      level,
      worthUsd,
      spilled,
      ...limitAt(row, block, level, cutBy[block]),
      ...(window && { window }),
    };
  });
}

function limitAt(
  row: Row,
  block: number,
  level: number,
  givenUp: GivenUp | undefined,
): Pick<Cell, 'wanted' | 'limit' | 'cutBy' | 'givenUp'> {
  const { spec, member, begun } = row;
  const window = row.windowAt[block];
  const wanted = Math.max(level, row.alone[block]!);
  if (givenUp && level < member.wanted[block]!) {
    return { wanted, limit: givenUp.limit, cutBy: givenUp.name, givenUp };
  }
  if (level < wanted) {
    const isReserved = (spec.reservedConcurrency ?? Infinity) < spec.concurrencyCeiling;
    return isReserved
      ? { wanted, limit: 'reserved', cutBy: "the function's reserved concurrency" }
      : { wanted, limit: 'ceiling', cutBy: "the function's ceiling" };
  }
  if (level <= spec.concurrencyFloor || !window) return { wanted, limit: 'floor' };
  const { current } = begun?.group === window.group ? begun : {};
  if (current && wasCut(current) && level === current.concurrency) {
    const { concurrencyWanted, bindingLimit } = current;
    const cutBy = concurrencyWanted > level && { cutBy: `the ${bindingLimit} limit when it was raised` };
    return { wanted: concurrencyWanted, limit: bindingLimit, ...cutBy };
  }
  return { wanted, limit: row.decided.get(window)?.limit ?? current?.bindingLimit ?? 'concurrency' };
}

function worthAt(
  { member }: Row,
  block: number,
  level: number,
): { readonly worthUsd: number; readonly spilled: number } {
  const { chain } = member;
  const saved = chain.usdSaved[block]!;
  let worthUsd = 0;
  for (let c = 0; c < level; c++) worthUsd += saved[c] ?? 0;
  return { worthUsd, spilled: spilledAt(chain, block, level) };
}

export function stepsOf(row: Row, cells: readonly Cell[], input: PlanInput): CapacityStep[] {
  const runs: Cell[][] = [];
  for (const cell of cells) {
    const run = runs.at(-1);
    const first = run?.[0];
    if (run && first?.level === cell.level && first.window === cell.window) run.push(cell);
    else runs.push([cell]);
  }
  const ahead = runs.filter(([first]) => first!.level > 0).map((run) => stepOf(row, run, { cells, input }));
  const [first, ...later] = ahead;
  const behind = (row.begun?.steps ?? []).map((step) => priced(step, row, input));
  const last = behind.at(-1);
  // A step that goes on is one step since it was asked for, not a new one at every plan.
  const isSame = last?.concurrency === first?.concurrency && last?.eventId === first?.eventId;
  const goesOn = first !== undefined && last?.untilMs === first.fromMs && isSame;
  if (!goesOn) return [...behind, ...ahead];
  const whole = priced({ ...first, fromMs: last.fromMs, readyByMs: last.readyByMs }, row, input);
  return [...behind.slice(0, -1), whole, ...later];
}

function stepOf(
  row: Row,
  run: readonly Cell[],
  { cells, input }: { readonly cells: readonly Cell[]; readonly input: PlanInput },
): CapacityStep {
  const cell = run[0]!;
  const { window, givenUp } = cell;
  const fromMs = Math.max(cell.blockAtMs, input.nowMs);
  const untilMs = Math.min(run.at(-1)!.blockAtMs + billingPeriodMs, input.untilMs);
  assert(untilMs > fromMs, 'a step covers some time');
  const principal = window?.group.principal;
  const decided = window && row.decided.get(window);
  const step: Omit<CapacityStep, 'usd' | 'because'> = {
    key: row.spec.key,
    fromMs,
    untilMs,
    readyByMs: Math.max(fromMs, window?.readyByMs ?? fromMs),
    concurrency: cell.level,
    concurrencyWanted: cell.wanted,
    bindingLimit: cell.limit,
    worthUsd: run.reduce((usd, { worthUsd }) => usd + worthUsd, 0),
    ...(givenUp && { marginalUsd: givenUp.marginalUsd }),
    ...(decided && decided.usdPerSpill > 0 && { usdPerSpill: decided.usdPerSpill }),
    ...(principal && { eventId: principal.id, eventAtMs: principal.startsAtMs }),
    ...(window && isAskedLate(window, row) && { raiseUntilMs: windowEndOf(window.group) }),
  };
  const because = window ? explainWindow(cell, { window, row, cells }) : explainFloor(cell, row);
  return priced({ ...step, because }, row, input);
}

/** Asked for when its event has begun. */
function isAskedLate({ group }: EventWindow, { raisedLate }: Row): boolean {
  return isManual(group) || raisedLate === group;
}

function priced(step: Omit<CapacityStep, 'usd'>, row: Row, input: PlanInput): CapacityStep {
  return { ...step, usd: usdOfHolding(row.spec, input.prices, step) };
}
