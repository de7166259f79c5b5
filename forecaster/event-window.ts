/**
 * When capacity for events is asked for, how high, and when it may go. One raise before, steps down after, on the grid of Lambda's billing.
 *
 * A window is a group of events close together: one raise serves them all, because a second raise inside the first event would put the
 * alias back to IN_PROGRESS under load, and whether Lambda keeps the existing environments serving meanwhile is not documented.
 */
import type { CapacityStep } from '../core/capacity.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import { manualKind, type Importance, type MarketEvent } from '../core/market-event.ts';
import { msPerMinute, type EpochMs } from '../core/time.ts';
import { billingPeriodMs } from './cost.ts';
import { surgeKind } from './surge.ts';

/** A release or a speech starts minutes late now and then; and what was let go is not raised again under load. The peak is held for that long before anything steps down. */
const heldAfterMs = 15 * msPerMinute;
/** Beyond two hours no event of the measured kinds is still visible above the usual volume. */
const windowMs = 120 * msPerMinute;
/** Events of half an hour share one raise: holding the greater peak half an hour longer costs 0.75 cents for an environment of 1 GB. */
const joinWithinMs = 30 * msPerMinute;
/** A forecast that moved by less is no reason to put a warm alias back to IN_PROGRESS: the buffer that AWS itself advises. */
const raiseAgainRatio = 1.1;
/**
 * Levels that steps down stop at lie a tenth apart, and at least two environments (3 cents an hour at 1 GB): for less, the call is not worth its risk. Only the first
 * step from a peak, which lies anywhere between two of them, may give back less.
 */
const stepRatio = 1.1;
const stepMin = 2;

/** What was let go after half an hour is started again on demand within the same share, and costs what it costs there. */
const countedAfterMs = 30 * msPerMinute;

/** How long Lambda and the calls to it take. */
export interface LeadModel {
  /** Before Lambda allocates anything: "a minute or two". */
  readonly prepMs: number;
  readonly allocationPerMinute: number;
  /** Until the account's call queue has sent the request. */
  readonly queueMs: number;
  /** For one retry. */
  readonly marginMs: number;
  /** READY is wanted this long before the event. */
  readonly readyBeforeMs: number;
  /** Asked for at least this long before it, however small the raise. */
  readonly askedBeforeMs: number;
}

/**
 * What AWS documents of allocation, an empty queue, a minute for a second attempt, and READY by T − 5 min: that leaves two minutes until a
 * human must hear that it will not be.
 */
export const documentedLead: LeadModel = {
  prepMs: 2 * msPerMinute,
  allocationPerMinute: 6_000,
  queueMs: 0,
  marginMs: msPerMinute,
  readyBeforeMs: 5 * msPerMinute,
  askedBeforeMs: 10 * msPerMinute,
};

export interface EventGroup {
  /** In time order. */
  readonly events: readonly MarketEvent[];
  /** The most important, of these the earliest: it names the window and carries its budget. */
  readonly principal: MarketEvent;
  readonly firstAtMs: EpochMs;
  readonly lastAtMs: EpochMs;
  readonly importance: Importance;
}

export function windowEndOf(group: EventGroup): EpochMs {
  const visibleUntilMs = isManual(group) ? group.lastAtMs : group.lastAtMs + windowMs;
  const expectedUntilMs = group.events.map(
    ({ startsAtMs, expect }) => startsAtMs + (expect?.minutes ?? 0) * msPerMinute,
  );
  return Math.max(visibleUntilMs, ...expectedUntilMs);
}

/** Started at the instant of its event, by hand or because it was seen to begin: it joins no release, and no release ends it. */
export function isManual(group: EventGroup): boolean {
  return startsNow(group.principal);
}

/** By hand, or by the nowcast (surge.ts). */
function startsNow({ kind }: MarketEvent): boolean {
  return kind === manualKind || kind === surgeKind;
}

/**
 * Groups events by time: whatever starts within half an hour of the first of a group belongs to it. What is started by hand comes last, each by itself:
 * in the group of a release that has begun, it would be held to what that release asked for.
 */
export function groupEvents(events: readonly MarketEvent[]): EventGroup[] {
  const sorted = events.toSorted((a, b) => a.startsAtMs - b.startsAtMs || compareText(a.id, b.id));
  const groups: MarketEvent[][] = [];
  for (const event of sorted) {
    if (startsNow(event)) continue;
    const group = groups.at(-1);
    if (group && event.startsAtMs - group[0]!.startsAtMs <= joinWithinMs) group.push(event);
    else groups.push([event]);
  }
  for (const event of sorted) if (startsNow(event)) groups.push([event]);
  return groups.map((members) => {
    const principal = members.reduce((best, event) => (event.importance > best.importance ? event : best));
    return {
      events: members,
      principal,
      firstAtMs: members[0]!.startsAtMs,
      lastAtMs: members.at(-1)!.startsAtMs,
      importance: principal.importance,
    };
  });
}

/** By code unit: the same order on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A window that has begun: what the plan in force holds for it now. */
export type Begun = Pick<CapacityStep, 'concurrency' | 'concurrencyWanted' | 'bindingLimit'>;

/** Did a limit set its level, and not demand? */
export function wasCut(begun: Begun): boolean {
  return begun.bindingLimit !== 'concurrency' && begun.bindingLimit !== 'rate';
}

/** A forecast that moved by a tenth is no reason for a call. What a limit had cut stays as it is too: its rounding is no reason either. */
export function isRaisedAgain(begun: Begun, concurrency: number): boolean {
  return !wasCut(begun) && concurrency > begun.concurrency * raiseAgainRatio;
}

export interface WindowOptions {
  readonly group: EventGroup;
  /** Start of the next group's first event: from there on demand is that group's affair. */
  readonly nextAtMs: EpochMs;
  /** The forecast and the plan end here. */
  readonly endMs: EpochMs;
  readonly lead: LeadModel;
  readonly spec: Pick<FunctionSpec, 'initDurationMs'>;
}

/** When capacity is asked for, held and let go: the shape of a window, whatever its level. All but `readyByMs` are starts of billing blocks. */
export interface EventWindow {
  readonly group: EventGroup;
  readonly readyByMs: EpochMs;
  /** For a raise that is allocated in no time; a larger one is asked for earlier (`askMsFor`). */
  readonly askMs: EpochMs;
  /** Nothing steps down before. */
  readonly heldUntilMs: EpochMs;
  /** A stated share of spilled requests is kept up to here: the half hour after the event, in which demand is what nobody could be ready for otherwise. */
  readonly countedUntilMs: EpochMs;
  /** The window's end: what is held from here on is for no event. */
  readonly endMs: EpochMs;
}

export function layOutWindow({ group, nextAtMs, endMs, lead, spec }: WindowOptions): EventWindow {
  const windowEndMs = Math.min(endMs, windowEndOf(group));
  const expectedUntilMs = group.events.map(
    ({ startsAtMs, expect }) => startsAtMs + (expect?.minutes ?? 0) * msPerMinute,
  );
  const countedMs = Math.max(group.lastAtMs + countedAfterMs, ...expectedUntilMs);
  return {
    group,
    readyByMs: group.firstAtMs - lead.readyBeforeMs,
    askMs: askMsFor(0, { group, lead, spec }),
    heldUntilMs: blockFrom(Math.min(windowEndMs, group.lastAtMs + heldAfterMs)),
    countedUntilMs: blockFrom(Math.min(windowEndMs, countedMs, Math.max(blockOf(nextAtMs), group.lastAtMs))),
    endMs: blockFrom(windowEndMs),
  };
}

/** The block in which to ask for so many that READY comes in time: 2 min + n / 6,000 min + initialisation + queue + margin before it is wanted. */
export function askMsFor(
  concurrency: number,
  { group, lead, spec }: Pick<WindowOptions, 'group' | 'lead' | 'spec'>,
): EpochMs {
  const allocationMs = (concurrency / lead.allocationPerMinute) * msPerMinute;
  const leadMs = lead.prepMs + allocationMs + spec.initDurationMs + lead.queueMs + lead.marginMs;
  return blockOf(group.firstAtMs - Math.max(lead.askedBeforeMs, lead.readyBeforeMs + leadMs));
}

/** Levels that steps down stop at: 2, 4, 6 … 20, 22, 25, 28, 31, 35 … A Put for every request less a second is not worth its calls. */
export function scaleStepAfter(step: number): number {
  return Math.max(step + stepMin, Math.ceil(step * stepRatio));
}

export function blockOf(atMs: EpochMs): EpochMs {
  return Math.floor(atMs / billingPeriodMs) * billingPeriodMs;
}

/** The first block that starts no earlier. */
function blockFrom(atMs: EpochMs): EpochMs {
  return Math.ceil(atMs / billingPeriodMs) * billingPeriodMs;
}

/** Starts of the billing blocks that [fromMs, untilMs) touches. */
export function blocksOf(fromMs: EpochMs, untilMs: EpochMs): EpochMs[] {
  const first = blockOf(fromMs);
  const count = Math.max(0, Math.ceil((untilMs - first) / billingPeriodMs));
  return Array.from({ length: count }, (_, index) => first + index * billingPeriodMs);
}
