/**
 * When capacity for events is asked for, how high, and when it may go. One raise before, steps down after, on the grid of Lambda's billing.
 *
 * A window is a group of events close together: one raise serves them all, because a second raise inside the first event would put the
 * alias back to IN_PROGRESS under load, and whether Lambda keeps the existing environments serving meanwhile is not documented.
 */
import type { BindingLimit, CapacityStep } from '../core/capacity.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import { manualKind, type Importance, type MarketEvent } from '../core/market-event.ts';
import { msPerMinute, type EpochMs } from '../core/time.ts';
import { billingPeriodMs } from './cost.ts';
import { noNeed, type Need } from './need.ts';
import { surgeKind } from './surge.ts';

/** Asked for at least this long before the event, however small the raise. */
const askedBeforeMs = 10 * msPerMinute;
/** A release or a speech starts minutes late now and then; the peak is held for that long before anything steps down. */
const heldAfterMs = 15 * msPerMinute;
/** Beyond two hours no event of the measured kinds is still visible above the usual volume. */
const windowMs = 120 * msPerMinute;
/** Events of half an hour share one raise: holding the greater peak half an hour longer costs 0.75 cents for an environment of 1 GB. */
const joinWithinMs = 30 * msPerMinute;
/** A forecast that moved by less is no reason to put a warm alias back to IN_PROGRESS: the buffer that AWS itself advises. */
const raiseAgainRatio = 1.1;
/** A step down gives back a fifth and at least four environments (6 cents an hour at 1 GB each); for less, the call is not worth its risk. */
const stepRatio = 1.25;
const stepMin = 4;

/** How long the environment that is needed only at the peak is held: from asking to the first step down, and one billing period. */
export const peakHeldMs = askedBeforeMs + heldAfterMs + billingPeriodMs;

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
function wasCut(begun: Begun): boolean {
  return begun.bindingLimit !== 'concurrency' && begun.bindingLimit !== 'rate';
}

export interface WindowOptions {
  readonly group: EventGroup;
  /** Start of the next group's first event: from there on demand is that group's affair. */
  readonly nextAtMs: EpochMs;
  readonly nowMs: EpochMs;
  /** The forecast and the plan end here. */
  readonly endMs: EpochMs;
  readonly lead: LeadModel;
  readonly spec: Pick<FunctionSpec, 'initDurationMs' | 'concurrencyCeiling'>;
  readonly begun: Begun | undefined;
  /** What has begun is more than was foretold, and worth another raise: begun or not, it is asked for now. */
  readonly isRevised?: boolean;
  needIn(blockAtMs: EpochMs): Need;
}

export interface EventWindow {
  readonly group: EventGroup;
  readonly readyByMs: EpochMs;
  /** By the start of each billing block from the asking on; the first may contain `nowMs`. */
  readonly levels: ReadonlyMap<EpochMs, WindowLevel>;
}

export interface WindowLevel {
  readonly concurrency: number;
  /** What demand asks for; more than `concurrency` only where a limit cut the raise that still stands. */
  readonly wanted: number;
  readonly limit: BindingLimit;
  /** The greatest need from this block on: what the level is for. */
  readonly need: Need;
}

/**
 * Lays out one window. From the asking to `heldAfterMs` after the last event it holds the greatest need of the whole window, run-up and lull
 * included; afterwards the greatest need still to come, rounded up to a coarse scale so that it steps down seldom. More need never gives a lower level.
 *
 * A window that has begun keeps what it has; it is raised again only before READY is wanted or where the nowcast asks for it, and only by more than a tenth.
 */
export function layOutWindow(options: WindowOptions): EventWindow {
  const { group, nowMs, begun } = options;
  const countedUntilMs = Math.min(options.endMs, blockOf(options.nextAtMs), windowEndOf(group));
  const heldUntilMs = Math.min(options.endMs, group.lastAtMs + heldAfterMs, windowEndOf(group));
  const readyByMs = group.firstAtMs - options.lead.readyBeforeMs;
  const fromMs = begun ? nowMs : askAtMs(options, countedUntilMs);
  const blocks = blocksOf(Math.max(fromMs, nowMs), Math.max(countedUntilMs, heldUntilMs));

  const needs = blocks.map((at) => (at < countedUntilMs ? options.needIn(at) : noNeed));
  const still = greatestToCome(needs);
  const peak = still[0] ?? noNeed;
  const mayRaise = nowMs < readyByMs || options.isRevised === true;
  const isKept = begun !== undefined && !(mayRaise && isRaisedAgain(begun, peak));
  const top = isKept ? begun.concurrency : peak.concurrency;
  const levels = blocks.map((blockAtMs, index): [EpochMs, WindowLevel] => {
    const isHeld = blockAtMs < heldUntilMs || (begun !== undefined && blockAtMs <= nowMs);
    const need = isHeld ? peak : still[index]!;
    const concurrency = isHeld ? top : Math.min(top, nextScaleStep(need.concurrency));
    const isStillCut = isKept && wasCut(begun) && concurrency === top;
    return isStillCut
      ? [blockAtMs, { concurrency, wanted: begun.concurrencyWanted, limit: begun.bindingLimit, need }]
      : [blockAtMs, { concurrency, wanted: concurrency, limit: need.limit, need }];
  });
  return { group, readyByMs, levels: new Map(levels) };
}

/** What a limit had cut stays as it is too: the limit is asked afresh by each plan, and its rounding is no reason to call Lambda. */
function isRaisedAgain(begun: Begun, peak: Need): boolean {
  return !wasCut(begun) && peak.concurrency > begun.concurrency * raiseAgainRatio;
}

/** The block in which to ask so that READY comes in time: 2 min + n / 6,000 min + initialisation + queue + margin before it is wanted. */
function askAtMs(options: WindowOptions, countedUntilMs: EpochMs): EpochMs {
  const { group, lead, spec } = options;
  const needs = blocksOf(group.firstAtMs, countedUntilMs).map((at) => options.needIn(at).concurrency);
  const concurrency = Math.min(spec.concurrencyCeiling, Math.max(0, ...needs));
  const allocationMs = (concurrency / lead.allocationPerMinute) * msPerMinute;
  const leadMs = lead.prepMs + allocationMs + spec.initDurationMs + lead.queueMs + lead.marginMs;
  return blockOf(group.firstAtMs - Math.max(askedBeforeMs, lead.readyBeforeMs + leadMs));
}

function greatestToCome(needs: readonly Need[]): Need[] {
  const still = [...needs];
  for (let index = still.length - 2; index >= 0; index--) {
    if (still[index + 1]!.concurrency > still[index]!.concurrency) still[index] = still[index + 1]!;
  }
  return still;
}

/** The least number of the scale 4, 8, 12, 16, 20, 25, 32, 40 … that is not below; 0 stays 0. */
function nextScaleStep(concurrency: number): number {
  let step = 0;
  while (step < concurrency) step = scaleStepAfter(step);
  return step;
}

/** The greatest number of the same scale that is not above: a Put for every request less a second is not worth its calls. */
export function scaleStepBelow(concurrency: number): number {
  let step = 0;
  for (let next = scaleStepAfter(step); next <= concurrency; next = scaleStepAfter(next)) step = next;
  return step;
}

function scaleStepAfter(step: number): number {
  return Math.max(step + stepMin, Math.ceil(step * stepRatio));
}

export function blockOf(atMs: EpochMs): EpochMs {
  return Math.floor(atMs / billingPeriodMs) * billingPeriodMs;
}

/** Starts of the billing blocks that [fromMs, untilMs) touches. */
export function blocksOf(fromMs: EpochMs, untilMs: EpochMs): EpochMs[] {
  const first = blockOf(fromMs);
  const count = Math.max(0, Math.ceil((untilMs - first) / billingPeriodMs));
  return Array.from({ length: count }, (_, index) => first + index * billingPeriodMs);
}
