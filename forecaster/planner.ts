/**
 * From forecasts to a capacity plan: which function holds how much provisioned concurrency from when to when, at what price, and which limit
 * said so. A plan covers the functions of one account and region together, because warming one takes room from the others.
 *
 * Mental model: time is cut into Lambda's billing blocks of five minutes. Each function has one cell a block, which starts as what its demand
 * asks for (need.ts, event-window.ts) and is then lowered by the limits (limits.ts). Cells of equal level become steps.
 *
 * Pure: the same input gives the same bytes.
 */
import { assert } from '../core/assert.ts';
import type { CapacityPlan, CapacityStep, NotPlanned } from '../core/capacity.ts';
import type { Forecast } from '../core/forecast.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import { manualKind, type Importance, type MarketEvent } from '../core/market-event.ts';
import { formatInstant, msPerDay, msPerHour, msPerSecond, type EpochMs } from '../core/time.ts';
import { explainFloor, explainWindow } from './because.ts';
import { billingPeriodMs, usdOfHolding, usdPerEnvironmentSecond } from './cost.ts';
import {
  blocksOf,
  compareText,
  groupEvents,
  isManual,
  layOutWindow,
  peakHeldMs,
  windowEndOf,
  type EventGroup,
  type EventWindow,
  type LeadModel,
  type WindowLevel,
} from './event-window.ts';
import { keepLimits } from './limits.ts';
import type { LimitsInForce } from './limits-in-force.ts';
import { keepWhilePaying, neverRegrow, payingIn } from './keep.ts';
import { needByBlock, noNeed, targetOf, type NeedByBlock } from './need.ts';
import { isForEvent, type BegunWindow, type Cell, type Row } from './row.ts';
import { surgesOf, type Revision } from './surge.ts';

/** A plan is a table of blocks; two months of them are 18,000 a function. */
const horizonMsMax = 62 * msPerDay;

export interface PlanInput extends LimitsInForce {
  /** End of the plan. What starts less than its lead before is left to a later plan: look two hours and more beyond the next one. */
  readonly untilMs: EpochMs;
  readonly functions: readonly PlannedFunction[];
  /** From three hours before `nowMs` on, session opens included, so that windows which have begun stay in sight. */
  readonly events: readonly MarketEvent[];
  readonly lead: LeadModel;
  readonly policy: PlanningPolicy;
  /** The plan in force: windows that have begun are carried on from it, and what they cost so far counts. */
  readonly previous?: CapacityPlan;
}

export interface PlannedFunction {
  readonly spec: FunctionSpec;
  readonly forecast: Forecast | { readonly notReady: string };
  /** An event that names symbols concerns only the functions which have one of them. */
  readonly symbols: readonly string[];
  /** What has begun is more than was foretold: the window that stands is raised again, or where there is none, one begins. */
  readonly revision?: Revision;
}

export interface PlanningPolicy {
  /** The level of demand to be ready for, where a function states a share of spillover. */
  readonly quantile: number;
  /** Events below it get no window. */
  readonly importanceMin: Importance;
  /** Hand capacity back after an event only as demand falls, while it costs less than on demand (keep.ts). */
  readonly keepWhilePaying: boolean;
  /** Raise again what is held when far more comes than was foretold (nowcast.ts); so where absent. */
  readonly reviseOnSurge?: boolean;
}

/**
 * 0.95: the highest level whose coverage backtests prove (0.92 to 0.98 in each class of windows); the busiest second is still taken 1.6 times
 * as high as its minute. Importance 1 is for the many small releases: to warm for all of them is a choice, and a bill, of its own.
 */
export const standardPolicy: PlanningPolicy = { quantile: 0.95, importanceMin: 2, keepWhilePaying: true };

/**
 * Makes the plan. Steps are sorted by function and time, do not overlap, and all end by `untilMs`.
 *
 * More demand never means less capacity for that function, and higher limits never mean less for anybody, with one exception: dollars for
 * one event are one sum over its whole window, so that more in one block leaves less for the others.
 */
export function plan(input: PlanInput): CapacityPlan {
  const { nowMs, untilMs } = input;
  assert(untilMs > nowMs && untilMs - nowMs <= horizonMsMax, 'a plan covers some time, and two months at most');
  const functions = input.functions.toSorted((a, b) => compareText(a.spec.key, b.spec.key));
  assert(new Set(functions.map(({ spec }) => spec.key)).size === functions.length, 'a function is planned once');
  const drafted = functions.map((planned) => draftRow(planned, input));
  const limited = keepLimits(drafted, input);
  const rows = input.policy.keepWhilePaying ? keepAfterEvents(limited, input) : limited;
  return {
    issuedAtMs: nowMs,
    untilMs,
    steps: rows.flatMap((row) => stepsOf(row, input)),
    notPlanned: [
      ...undatedEvents(input),
      ...groupless(input),
      ...functions.flatMap((planned) => unforeseenOf(planned, input)),
      ...rows.flatMap(refusedOf),
    ],
  };
}

/** What is kept follows from what was held within the limits, and has to keep to them in its turn. */
function keepAfterEvents(limited: readonly Row[], input: PlanInput): readonly Row[] {
  const heldNow = (row: Row): number => stepNow(row.spec, input)?.concurrency ?? 0;
  const kept = limited.map((row) => ({ ...row, cells: keepWhilePaying(row, heldNow(row)) }));
  return keepLimits(kept, input).map((row) => ({ ...row, cells: neverRegrow(row, heldNow(row)) }));
}

// What demand asks for.

function draftRow(planned: PlannedFunction, input: PlanInput): Row {
  const { spec, forecast } = planned;
  const usdPerEnvironment = usdOfHolding(spec, input.prices, { concurrency: 1, fromMs: 0, untilMs: peakHeldMs });
  const target = targetOf(spec.spillTarget, { quantile: input.policy.quantile, usdPerEnvironment });
  const usdPerBlock = (billingPeriodMs / msPerSecond) * usdPerEnvironmentSecond(spec, input.prices);
  const floors = blocksOf(input.nowMs, input.untilMs).map((at) => floorCell(spec, at));
  const surges = surgesOf(planned, input);
  const groups = groupEvents([...input.events.filter((event) => concerns(event, planned, input.policy)), ...surges]);
  const begun = begunWindowOf(spec, groups, input);
  const isRevised = begun && (planned.revision !== undefined || begun.current.raiseUntilMs !== undefined);
  const row = { spec, usdPerBlock, ...(begun && { begun }), ...(isRevised && { raisedLate: begun.group }) };
  if ('notReady' in forecast) {
    const kept = keptWindowsOf(spec, groups, input);
    return { ...row, target, cells: floors.map((floor) => kept.reduce(raiseTo, floor)), notReady: forecast.notReady };
  }
  assert(forecast.key === spec.key, 'a forecast belongs to its function');
  const demand = needByBlock(spec, forecast, target);
  const windows = windowsOf(planned, groups, demand, begun, input);
  return {
    ...row,
    target: { ...target, level: demand.level },
    cells: floors.map((floor) => windows.reduce(raiseTo, floor)),
    paying: payingIn(forecast, spec, input.prices),
  };
}

/** Does the event move this function's demand, and is its minute known? */
function concerns(event: MarketEvent, planned: PlannedFunction, policy: PlanningPolicy): boolean {
  const isOurs = event.symbols.length === 0 || event.symbols.some((symbol) => planned.symbols.includes(symbol));
  const isExpected = event.expect !== undefined && event.expect.group === planned.spec.group;
  if (event.kind === manualKind && !isExpected) return false;
  // Whoever writes down what to expect of an event wants to be ready for it, however small its kind is.
  const isPlanned = isPlannable(event, isExpected ? { ...policy, importanceMin: 1 } : policy);
  return (isOurs || isExpected) && isPlanned && event.precision === 'minute';
}

/** A holiday and a half day say that a session is missing or shorter: nothing to be warm for. */
export function isPlannable(event: MarketEvent, policy: PlanningPolicy): boolean {
  const isAbsence = event.phase === 'holiday' || event.phase === 'halfDay';
  return event.status === 'scheduled' && !isAbsence && event.importance >= policy.importanceMin;
}

function windowsOf(
  { spec, revision }: PlannedFunction,
  groups: readonly EventGroup[],
  demand: NeedByBlock,
  begun: BegunWindow | undefined,
  input: PlanInput,
): EventWindow[] {
  const endMs = Math.min(input.untilMs, demand.untilMs);
  return groups.flatMap((group, index) => {
    // The next release takes over from the one before; what was started by hand takes nothing over.
    const isFollowed = begun && !isManual(begun.group) && !isManual(group) && group.firstAtMs < begun.group.firstAtMs;
    if (windowEndOf(group) <= input.nowMs || isFollowed || group.firstAtMs >= endMs) return [];
    const next = groups[index + 1];
    return layOutWindow({
      group,
      nextAtMs: next === undefined || isManual(next) ? Infinity : next.firstAtMs,
      nowMs: input.nowMs,
      endMs,
      lead: input.lead,
      spec,
      begun: begun?.group === group ? begun.current : undefined,
      isRevised: revision !== undefined && begun?.group === group,
      needIn: (blockAtMs) => demand.needIn(blockAtMs),
    });
  });
}

function floorCell(spec: FunctionSpec, blockAtMs: EpochMs): Cell {
  const floor = spec.concurrencyFloor;
  return { blockAtMs, wanted: floor, floor, level: floor, limit: 'floor' };
}

/**
 * Where windows overlap, the level is the greater one, and belongs to the later: from its raise on it is the later event that must be met. To what was
 * started by hand it belongs only where that is greater.
 */
function raiseTo(cell: Cell, window: EventWindow): Cell {
  const asked = window.levels.get(cell.blockAtMs);
  if (!asked || asked.concurrency <= cell.floor) return cell;
  if (isManual(window.group) && cell.asked && asked.concurrency <= cell.level) return cell;
  if (cell.asked && asked.concurrency <= cell.level) return { ...cell, asked: { window, need: cell.asked.need } };
  const { concurrency, wanted, limit, need } = asked;
  const cutBy = wanted > concurrency && { cutBy: `the ${limit} limit when it was raised` };
  return { ...cell, wanted, level: concurrency, limit, asked: { window, need }, ...cutBy };
}

/**
 * Doubt changes nothing: without a forecast, what the plan in force holds or is about to hold for an event stays until it ends by itself.
 */
function keptWindowsOf(spec: FunctionSpec, groups: readonly EventGroup[], input: PlanInput): EventWindow[] {
  const { nowMs, previous, lead } = input;
  return groups.map((group) => {
    const steps = ownSteps(spec, previous).filter((step) => step.untilMs > nowMs && groupOf(step, groups) === group);
    const levels = steps.flatMap((step) => {
      const { concurrency, concurrencyWanted: wanted, bindingLimit: limit } = step;
      const kept: WindowLevel = { concurrency, wanted, limit, need: noNeed };
      return blocksOf(Math.max(nowMs, step.fromMs), step.untilMs).map((at): [EpochMs, WindowLevel] => [at, kept]);
    });
    return { group, readyByMs: group.firstAtMs - lead.readyBeforeMs, levels: new Map(levels) };
  });
}

function ownSteps(spec: FunctionSpec, previous: CapacityPlan | undefined): readonly CapacityStep[] {
  return previous?.steps.filter((step) => step.key === spec.key) ?? [];
}

/** The step that the plan in force holds at this instant. */
function stepNow(spec: FunctionSpec, { nowMs, previous }: PlanInput): CapacityStep | undefined {
  return ownSteps(spec, previous).find((step) => step.fromMs <= nowMs && nowMs < step.untilMs);
}

function groupOf(step: CapacityStep, groups: readonly EventGroup[]): EventGroup | undefined {
  return groups.find(({ events }) => events.some((event) => event.id === step.eventId));
}

/** The window that the plan in force holds at this instant, if its event is still in the calendar. */
function begunWindowOf(spec: FunctionSpec, groups: readonly EventGroup[], input: PlanInput): BegunWindow | undefined {
  const { nowMs, previous } = input;
  const own = ownSteps(spec, previous);
  const current = stepNow(spec, input);
  const group = current && groupOf(current, groups);
  if (!group) return undefined;
  const steps = own
    .filter((step) => step.fromMs < nowMs && groupOf(step, groups) === group)
    .map((step) => ({ ...step, untilMs: Math.min(step.untilMs, nowMs) }));
  return { group, current, steps };
}

// From cells to steps.

function stepsOf(row: Row, input: PlanInput): CapacityStep[] {
  const runs: Cell[][] = [];
  for (const cell of row.cells) {
    const run = runs.at(-1);
    if (run && areOneStep(run[0]!, cell)) run.push(cell);
    else runs.push([cell]);
  }
  const ahead = runs.filter(([first]) => first!.level > 0).map((run) => stepOf(row, run, input));
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

function areOneStep(a: Cell, b: Cell): boolean {
  return a.level === b.level && windowOf(a) === windowOf(b);
}

function windowOf(cell: Cell): EventWindow | undefined {
  return isForEvent(cell) ? cell.asked?.window : undefined;
}

function stepOf(row: Row, run: readonly Cell[], input: PlanInput): CapacityStep {
  const cell = run[0]!;
  const asked = isForEvent(cell) ? cell.asked : undefined;
  const fromMs = Math.max(cell.blockAtMs, input.nowMs);
  const isFloorCut = cell.cutBy !== undefined && (cell.isKept === true || cell.level < row.spec.concurrencyFloor);
  const floorLimit = isFloorCut ? cell.limit : 'floor';
  const principal = asked?.window.group.principal;
  const step: Omit<CapacityStep, 'usd'> = {
    key: row.spec.key,
    fromMs,
    untilMs: Math.min(run.at(-1)!.blockAtMs + billingPeriodMs, input.untilMs),
    readyByMs: Math.max(fromMs, asked?.window.readyByMs ?? fromMs),
    concurrency: cell.level,
    concurrencyWanted: cell.wanted,
    bindingLimit: asked ? cell.limit : floorLimit,
    ...(principal && { eventId: principal.id, eventAtMs: principal.startsAtMs }),
    ...(asked && isAskedLate(asked.window, row) && { raiseUntilMs: windowEndOf(asked.window.group) }),
    because: asked ? explainWindow(cell, asked, row) : explainFloor(cell, row),
  };
  return priced(step, row, input);
}

/** Asked for when its event has begun. */
function isAskedLate({ group }: EventWindow, { raisedLate }: Row): boolean {
  return isManual(group) || raisedLate === group;
}

function priced(step: Omit<CapacityStep, 'usd'>, row: Row, input: PlanInput): CapacityStep {
  return { ...step, usd: usdOfHolding(row.spec, input.prices, step) };
}

// What is not planned, and why.

function undatedEvents(input: PlanInput): NotPlanned[] {
  return input.events
    .filter((event) => event.precision === 'date' && isPlannable(event, input.policy))
    .filter((event) => event.startsAtMs < input.untilMs && event.startsAtMs + msPerDay > input.nowMs)
    .map((event) => ({ eventId: event.id, because: 'only its day is known; give its minute' }));
}

/** A group that no function is of is a slip of the keyboard, and what was expected would be warmed for nowhere. */
function groupless(input: PlanInput): NotPlanned[] {
  const groups = new Set(input.functions.map(({ spec }) => spec.group));
  return input.events
    .filter((event) => event.expect !== undefined && event.status === 'scheduled' && !groups.has(event.expect.group))
    .filter((event) => event.startsAtMs < input.untilMs && event.startsAtMs + msPerHour > input.nowMs)
    .map((event) => ({ eventId: event.id, because: `no function is of the group ${event.expect!.group}` }));
}

function unforeseenOf(planned: PlannedFunction, input: PlanInput): NotPlanned[] {
  const { spec, forecast } = planned;
  if ('notReady' in forecast) return [{ key: spec.key, because: `no forecast: ${forecast.notReady}` }];
  const endMs = forecast.fromMs + forecast.requestCount.length * forecast.stepMs;
  return input.events
    .filter((event) => concerns(event, planned, input.policy))
    .filter((event) => event.startsAtMs >= endMs && event.startsAtMs < input.untilMs)
    .map((event) => ({
      key: spec.key,
      eventId: event.id,
      because: `the forecast ends at ${formatInstant(endMs)}, before it`,
    }));
}

/** Windows of which the limits left nothing above the floor. */
function refusedOf(row: Row): NotPlanned[] {
  const windows = [...new Set(row.cells.flatMap((cell) => cell.asked?.window ?? []))];
  return windows
    .filter((window) => !row.cells.some((cell) => windowOf(cell) === window))
    .map((window) => {
      const cell = row.cells.find(({ asked }) => asked?.window === window)!;
      return {
        key: row.spec.key,
        eventId: window.group.principal.id,
        because: `wanted ${cell.wanted}, and ${cell.cutBy} leaves nothing above the floor of ${row.spec.concurrencyFloor}`,
      };
    });
}
