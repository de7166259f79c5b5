/** One function's row of a plan: its windows, and what it would have alone. */
import type { CapacityPlan, CapacityStep, NotPlanned } from '../core/capacity.ts';
import { manualKind, type MarketEvent } from '../core/market-event.ts';
import { msPerSecond } from '../core/time.ts';
import { billingPeriodMs, usdOfHolding, usdPerEnvironmentSecond } from './cost.ts';
import type { ErlangTable } from './erlang-table.ts';
import {
  blockOf,
  blocksOf,
  groupEvents,
  isManual,
  layOutWindow,
  windowEndOf,
  type EventGroup,
  type EventWindow,
} from './event-window.ts';
import type { PlanInput, PlannedFunction, PlanningPolicy } from './planner.ts';
import type { BegunWindow, Row } from './row.ts';
import { peakRatioPrior, statedProfile, type PeakProfile } from './peak-profile.ts';
import { surgesOf, surgeKind } from './surge.ts';
import { draft, type Draft } from './worth/draft.ts';

/** A kind is known to do nothing once it was seen that often, and lifted demand by less than that. */
const effectEventsMin = 3;
const effectRatioMin = 0.05;

export interface DraftedRow {
  readonly row: Row;
  readonly notPlanned: readonly NotPlanned[];
}

export function draftRow(planned: PlannedFunction, input: PlanInput, table: ErlangTable): DraftedRow {
  const { spec, forecast } = planned;
  const { nowMs, untilMs, prices, policy, lead } = input;
  const surges = surgesOf(planned, input);
  const ours = input.events.filter((event) => concerns(event, planned, policy));
  const current = stepNow(spec.key, input);
  // What stands for an event goes on to its end, whatever was learned meanwhile.
  const inert = ours.filter((event) => event.id !== current?.eventId && isInert(event, planned));
  const groups = groupEvents([...ours.filter((event) => !inert.includes(event)), ...surges]);
  const begun = begunWindowOf(spec.key, groups, input);
  const isRevised = begun !== undefined && (planned.revision !== undefined || begun.current.raiseUntilMs !== undefined);
  const blocks = blocksOf(nowMs, untilMs);
  const held = current?.concurrency ?? spec.concurrencyFloor;
  const windows = windowsOf(planned, groups, begun, input);
  const drafted: Draft & { readonly notReady?: string } =
    'notReady' in forecast
      ? { ...keptAsPlanned(planned, groups, input), notReady: forecast.notReady }
      : draft({
          spec,
          forecast,
          windows,
          blocks,
          nowMs,
          held,
          begun,
          isRamping: begun !== undefined && isRamping(begun, input),
          isRevised: planned.revision !== undefined,
          keepWhilePaying: policy.keepWhilePaying,
          quantile: policy.quantile,
          profile: profileFor(planned, policy),
          prices,
          lead,
          table,
        });
  const row: Row = {
    spec,
    usdPerBlock: (billingPeriodMs / msPerSecond) * usdPerEnvironmentSecond(spec, prices),
    usdBehind: begun ? usdBehind(begun, planned, input) : 0,
    ...drafted,
    ...(begun && { begun }),
    ...(isRevised && { raisedLate: begun.group }),
  };
  return { row, notPlanned: inert.filter((event) => isAhead(event, input)).map((event) => tellInert(event, planned)) };
}

/** How the seconds of its busy minutes lie: as they were counted, or as the policy has it. */
export function profileFor({ profile }: PlannedFunction, { peakRatio = peakRatioPrior }: PlanningPolicy): PeakProfile {
  return profile ?? statedProfile(peakRatio);
}

/** Does the event move this function's demand, and is its minute known? */
export function concerns(event: MarketEvent, planned: PlannedFunction, policy: PlanningPolicy): boolean {
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

/** Its kind was seen often enough to say that it does nothing, and nobody expects otherwise. What opens and closes a session is the shape of a usual day. */
function isInert(event: MarketEvent, { effectOf }: PlannedFunction): boolean {
  if (event.phase !== undefined || event.expect !== undefined || event.kind === surgeKind) return false;
  const effect = effectOf?.(event);
  return effect !== undefined && effect.eventCount >= effectEventsMin && effect.liftRatio < effectRatioMin;
}

function tellInert(event: MarketEvent, { spec, effectOf }: PlannedFunction): NotPlanned {
  const { eventCount, liftRatio } = effectOf!(event)!;
  const percent = `${(100 * liftRatio).toFixed(1)} %`;
  return {
    key: spec.key,
    eventId: event.id,
    because: `${event.kind} has no effect that could be measured: seen ${Math.floor(eventCount)} times, it lifts the half hour after it by ${percent}`,
  };
}

function isAhead(event: MarketEvent, { nowMs, untilMs }: PlanInput): boolean {
  return event.startsAtMs >= nowMs && event.startsAtMs < untilMs;
}

function windowsOf(
  { spec, forecast }: PlannedFunction,
  groups: readonly EventGroup[],
  begun: BegunWindow | undefined,
  input: PlanInput,
): EventWindow[] {
  const forecastEndMs =
    'notReady' in forecast ? Infinity : forecast.fromMs + forecast.requestCount.length * forecast.stepMs;
  const endMs = Math.min(input.untilMs, forecastEndMs);
  return groups.flatMap((group, index) => {
    // The next release takes over from the one before; what was started by hand takes nothing over.
    const isFollowed = begun && !isManual(begun.group) && !isManual(group) && group.firstAtMs < begun.group.firstAtMs;
    if (windowEndOf(group) <= input.nowMs || isFollowed || group.firstAtMs >= endMs) return [];
    const next = groups[index + 1];
    const nextAtMs = next === undefined || isManual(next) ? Infinity : next.firstAtMs;
    return layOutWindow({ group, nextAtMs, endMs, lead: input.lead, spec });
  });
}

/**
 * Doubt changes nothing: without a forecast, what the plan in force holds or is about to hold for an event stays until it ends by itself.
 */
function keptAsPlanned(planned: PlannedFunction, groups: readonly EventGroup[], input: PlanInput): Draft {
  const { spec } = planned;
  const { nowMs, untilMs, previous, lead, prices } = input;
  const blocks = blocksOf(nowMs, untilMs);
  const alone = new Int32Array(blocks.length).fill(spec.concurrencyFloor);
  const windowAt: (EventWindow | undefined)[] = blocks.map(() => undefined);
  const windows = new Map(
    groups.map((group) => [group, layOutWindow({ group, nextAtMs: Infinity, endMs: untilMs, lead, spec })]),
  );
  for (const step of ownSteps(spec.key, previous)) {
    const group = step.untilMs > nowMs ? groupOf(step, groups) : undefined;
    if (!group || step.concurrency <= spec.concurrencyFloor) continue;
    const last = Math.min(blocks.length, Math.ceil((step.untilMs - blocks[0]!) / billingPeriodMs));
    for (let at = Math.max(0, Math.floor((step.fromMs - blocks[0]!) / billingPeriodMs)); at < last; at++) {
      alone[at] = step.concurrency;
      windowAt[at] = windows.get(group);
    }
  }
  const usdPerBlock = (billingPeriodMs / msPerSecond) * usdPerEnvironmentSecond(spec, prices);
  const cap = Math.min(spec.concurrencyCeiling, spec.reservedConcurrency ?? Infinity);
  const open = new Uint8Array(blocks.length).fill(1);
  return {
    member: {
      chain: {
        blockCount: blocks.length,
        usdPerBlock,
        usdPerRaise: 0,
        floor: spec.concurrencyFloor,
        held: stepNow(spec.key, input)?.concurrency ?? spec.concurrencyFloor,
        mayRaise: open,
        mayLower: open,
        // What was decided once is taken to be worth twice its price.
        usdSaved: Array.from(alone, (level) => new Float64Array(level).fill(2 * usdPerBlock)),
        spillAvoided: blocks.map(() => new Float64Array(0)),
      },
      usdPerSpill: new Float64Array(blocks.length),
      wanted: alone.map((level) => Math.min(level, cap)),
    },
    alone,
    windowAt,
    runningMax: new Int32Array(blocks.length),
    decided: new Map(),
  };
}

function ownSteps(key: string, previous: CapacityPlan | undefined): readonly CapacityStep[] {
  return previous?.steps.filter((step) => step.key === key) ?? [];
}

/** The step that the plan in force holds at this instant. */
function stepNow(key: string, { nowMs, previous }: PlanInput): CapacityStep | undefined {
  return ownSteps(key, previous).find((step) => step.fromMs <= nowMs && nowMs < step.untilMs);
}

function groupOf(step: CapacityStep, groups: readonly EventGroup[]): EventGroup | undefined {
  return groups.find(({ events }) => events.some((event) => event.id === step.eventId));
}

/** The window that the plan in force holds at this instant, if its event is still in the calendar. */
function begunWindowOf(key: string, groups: readonly EventGroup[], input: PlanInput): BegunWindow | undefined {
  const { nowMs, previous } = input;
  const current = stepNow(key, input);
  const group = current && groupOf(current, groups);
  if (!group) return undefined;
  const steps = ownSteps(key, previous)
    .filter((step) => step.fromMs < nowMs && groupOf(step, groups) === group)
    .map((step) => ({ ...step, untilMs: Math.min(step.untilMs, nowMs) }));
  return { group, current, steps };
}

/** Parts of its raise are still to come. */
function isRamping({ group, current }: BegunWindow, { nowMs, previous }: PlanInput): boolean {
  return ownSteps(current.key, previous).some(
    (step) => step.fromMs > nowMs && groupOf(step, [group]) === group && step.concurrency > current.concurrency,
  );
}

/** What a window that has begun cost before the current block. */
function usdBehind({ steps }: BegunWindow, { spec }: PlannedFunction, { nowMs, prices }: PlanInput): number {
  let usd = 0;
  for (const { concurrency, fromMs, ...step } of steps) {
    const untilMs = Math.max(fromMs, Math.min(step.untilMs, blockOf(nowMs)));
    usd += usdOfHolding(spec, prices, { concurrency, fromMs, untilMs });
  }
  return usd;
}
