/**
 * A circuit breaker: when calls to one callee are stopped, by whose word, and how they come back.
 *
 * Mental model: the state is a lease. Open says "until 10:15:40", is renewed while it stands, and is closed by nobody renewing it. Opening needs an incident that
 * its own calls still show; closing needs calls that go well. While nothing goes through there is nothing to judge by, so after a hold-off a trickle is let
 * through *within* open: harmed, it is a longer hold-off and no transition; well, it is half-open. An ordinary episode has three transitions.
 *
 * No clock, no counts of its own: it is handed both. Counts are read by time, so what was before an idle hour decides nothing.
 *
 * - Envoy, outlier detection: minimum volume, ejections few and longer each time, panic threshold.
 * - resilience4j, CircuitBreaker: listed transitions, forced and metrics-only states.
 */
import { assert } from '../../core/assert.ts';
import type { BreakerGuards, BreakerSpec } from '../../core/breaker.ts';
import { formatInstant, msPerSecond, type EpochMs } from '../../core/time.ts';
import type { Incident } from '../../core/incident.ts';
import type { BreakerStanding, BreakerStateName } from '../../core/remedy.ts';
import type { EdgeCounts } from './edge-counts.ts';
import type { FleetShare } from './fleet.ts';
import { concerns } from './spec.ts';

export type ForcedState = 'forced-open' | 'forced-closed' | 'metrics-only';

const forcedStates: readonly ForcedState[] = ['forced-open', 'forced-closed', 'metrics-only'];

/** What may follow on what. `closed` follows on everything, since every lease and every human's word ends. */
export const transitions: Readonly<Record<BreakerStateName, readonly BreakerStateName[]>> = {
  closed: ['open', ...forcedStates],
  open: ['half-open', 'closed', ...forcedStates],
  'half-open': ['open', 'closed', ...forcedStates],
  'forced-open': ['closed', 'forced-closed', 'metrics-only'],
  'forced-closed': ['closed', 'forced-open', 'metrics-only'],
  'metrics-only': ['closed', 'forced-open', 'forced-closed'],
};

/** Plain JSON, sealed with the tick that changed it. */
export interface BreakerState {
  readonly state: BreakerStateName;
  readonly sinceMs: EpochMs;
  readonly admitRatio: number;
  /** When that share began. */
  readonly shareSinceMs: EpochMs;
  readonly revision: number;
  /** When the standing was last told, and until when it holds. */
  readonly leasedAtMs: EpochMs;
  readonly untilMs: EpochMs;
  /** How often a hold-off was too short: each doubles the next. */
  readonly holdOffCount: number;
  readonly closedAtMs?: EpochMs;
  /** By which it opened. */
  readonly incidentId?: string;
  readonly forced?: ForcedBy;
  /** Why it would open and does not, as it is on record. */
  readonly held?: string;
}

interface ForcedBy {
  readonly by: string;
  readonly because: string;
  readonly untilMs: EpochMs;
}

/** `none` takes a human's word back. */
export interface BreakerCommand extends ForcedBy {
  readonly to: ForcedState | 'none';
}

/** The gate's word, corroboration in it. */
export interface Permit {
  readonly isAllowed: boolean;
  readonly because: string;
}

export interface BreakerMoment {
  readonly nowMs: EpochMs;
  /** All that are not resolved; those that are not about this callee are passed over. */
  readonly incidents: readonly Incident[];
  /** Calls over the breaker's edges in [fromMs, untilMs), as live windows have them now. */
  readonly count: (fromMs: EpochMs, untilMs: EpochMs) => EdgeCounts;
  /** Share of these calls that is harmed when all is well, 0…1. */
  readonly usualHarmedRatio: number;
  readonly fleet: FleetShare;
  readonly guards: BreakerGuards;
  /** Functions marked `neverBreak` among those that it touches (`touchedBy`). */
  readonly neverBreak: readonly string[];
  /**
   * Asked right before calls are stopped, or stopped for longer; never before more are let through. `open`: none are now. `renew`: the same, or what was let
   * through to see how it fares is not any more.
   */
  readonly permit: (standing: BreakerStanding, step: 'open' | 'renew') => Permit;
  readonly command?: BreakerCommand;
}

/** `moved`: another state. `share`: another share in the same state. `renewed`: the same for longer. `held`: it would have opened. */
export interface BreakerStep {
  readonly state: BreakerState;
  readonly kind: 'nothing' | 'moved' | 'share' | 'renewed' | 'held';
  readonly because: string;
}

export function closedSince(nowMs: EpochMs): BreakerState {
  const at = { sinceMs: nowMs, shareSinceMs: nowMs, leasedAtMs: nowMs, untilMs: nowMs };
  return { state: 'closed', admitRatio: 1, revision: 0, holdOffCount: 0, ...at };
}

/** What clients are told now. After its end it is closed, whatever the state says. */
export function standingOf({ name }: BreakerSpec, state: BreakerState, nowMs: EpochMs): BreakerStanding {
  const { revision, admitRatio, sinceMs, untilMs } = state;
  const told = state.state === 'forced-open' ? 'open' : state.state;
  if ((told === 'open' || told === 'half-open') && nowMs < untilMs)
    return { name, state: told, admitRatio, sinceMs, untilMs, revision };
  const isOver = told === 'open' || told === 'half-open';
  return { name, state: 'closed', admitRatio: 1, sinceMs: isOver ? untilMs : sinceMs, untilMs, revision };
}

/** The step that this moment makes: at most one transition. */
export function next(spec: BreakerSpec, state: BreakerState, moment: BreakerMoment): BreakerStep {
  const step = moment.command ? obey(spec, state, moment.command, moment) : proceed(spec, state, moment);
  const { state: before } = state;
  const { state: after } = step.state;
  assert(before === after || transitions[before].includes(after), `${before} is not followed by ${after}`);
  assert(step.state.revision >= state.revision, 'an older standing never replaces a newer');
  return step;
}

function proceed(spec: BreakerSpec, state: BreakerState, moment: BreakerMoment): BreakerStep {
  const { nowMs } = moment;
  if (state.forced && nowMs >= state.forced.untilMs)
    return move(spec, state, nowMs, { to: 'closed', because: `the word of ${state.forced.by} has ended` });
  switch (state.state) {
    case 'closed':
      return watch(spec, state, moment);
    case 'open':
    case 'half-open':
      return hasLapsed(state, nowMs)
        ? move(spec, state, nowMs, { to: 'closed', because: 'nobody renewed it in time: calls go through since' })
        : probe(spec, state, moment);
    case 'forced-open':
      return renew(spec, state, moment);
    case 'forced-closed':
      return nothing(state);
    case 'metrics-only': {
      const trouble = findTrouble(spec, moment);
      return trouble ? hold(state, `metrics only: would open for ${trouble.incident.id}`) : nothing(state);
    }
  }
}

function hasLapsed({ untilMs }: BreakerState, nowMs: EpochMs): boolean {
  return nowMs >= untilMs;
}

/** A human's word wins over everything but `neverBreak`, which is one as well. */
function obey(spec: BreakerSpec, state: BreakerState, command: BreakerCommand, moment: BreakerMoment): BreakerStep {
  const { nowMs, neverBreak } = moment;
  const { to, by, because, untilMs } = command;
  if (to === 'none') {
    if (!state.forced) return nothing(state);
    return move(spec, state, nowMs, { to: 'closed', because: `${by} took it back: ${because}` });
  }
  if (to === 'forced-open' && neverBreak.length > 0)
    return hold(state, `${by} may not open it: ${neverBreak.join(', ')} is marked neverBreak`);
  if (untilMs <= nowMs) return nothing(state);
  const forced = { by, because, untilMs };
  const words = `${by} said so until ${formatInstant(untilMs)}: ${because}`;
  const step =
    to === state.state
      ? // The same word again is a longer or a better founded one, and no transition.
        lease(spec, { ...state, forced }, nowMs, { kind: 'renewed', because: words })
      : move(spec, state, nowMs, { to, admitRatio: to === 'forced-open' ? 0 : 1, because: words, forced });
  return to === 'forced-open' ? ifPermitted(spec, state, step, moment, to === state.state ? 'renew' : 'open') : step;
}

interface Trouble {
  readonly incident: Incident;
  readonly because: string;
}

/** An incident about the callee that the breaker's own calls show now, since it began. */
function findTrouble(spec: BreakerSpec, moment: BreakerMoment): Trouble | undefined {
  const { incidents, nowMs } = moment;
  for (const incident of incidents) {
    const isLive = incident.state === 'open' || incident.state === 'acknowledged';
    if (!isLive || incident.silencedBy !== undefined || !concerns(spec, incident)) continue;
    const fromMs = Math.max(incident.startsAtMs, nowMs - spec.windowMs);
    const told = toldSince(spec, moment, fromMs);
    if (!told) continue;
    const { callCount, harmedCount } = told;
    const share = `${Math.round(harmedCount)} of ${Math.round(callCount)} calls to ${spec.callee} are harmed`;
    return { incident, because: `${share} (${incident.id})` };
  }
  return undefined;
}

/** Where a trouble begins is known to a few seconds: what was well in these says nothing against it, where there are enough calls without them. */
const startSecondsMax = 5;
const enoughTimes = 3;
/** Of sampled calls one stands for many: what one span says may be its own. */
const harmedSeenMin = 3;

function toldSince(spec: BreakerSpec, { count, nowMs }: BreakerMoment, fromMs: EpochMs): EdgeCounts | undefined {
  for (let skipped = 0; skipped <= startSecondsMax; skipped++) {
    const seen = count(fromMs + skipped * msPerSecond, nowMs);
    const counts = judged(spec, seen, 1);
    const { callCount, harmedCount } = counts;
    const seenRatio = seenRatioOf(seen);
    const isEnough =
      skipped === 0 ? callCount >= spec.requestCountMin : callCount * seenRatio >= enoughTimes * spec.requestCountMin;
    if (!isEnough) return undefined;
    if (harmedCount >= spec.harmedRatioMin * callCount && harmedCount * seenRatio >= harmedSeenMin) return counts;
  }
  return undefined;
}

function watch(spec: BreakerSpec, state: BreakerState, moment: BreakerMoment): BreakerStep {
  const trouble = findTrouble(spec, moment);
  if (!trouble) return nothing(state);
  const { nowMs } = moment;
  const refusal = refusalOf(spec, moment);
  if (refusal !== undefined) return hold(state, refusal);
  // Trouble that comes back soon was let back too early.
  const isAgain = state.closedAtMs !== undefined && nowMs - state.closedAtMs < forgetHoldOffs * spec.holdOffMsMax;
  const step = move(spec, state, nowMs, {
    to: 'open',
    admitRatio: 0,
    because: trouble.because,
    incidentId: trouble.incident.id,
    holdOffCount: isAgain ? state.holdOffCount + 1 : 0,
  });
  return ifPermitted(spec, state, step, moment, 'open');
}

/** What is not allowed is not done: what stands is not renewed either, runs out, and calls go through. */
function ifPermitted(
  spec: BreakerSpec,
  before: BreakerState,
  step: BreakerStep,
  { nowMs, permit }: BreakerMoment,
  kind: 'open' | 'renew',
): BreakerStep {
  const { isAllowed, because } = permit(standingOf(spec, step.state, nowMs), kind);
  return isAllowed ? step : hold(before, because);
}

/** In longest hold-offs: with 2 minutes, 20 minutes after it closed an episode is a new one. */
const forgetHoldOffs = 10;

/** Why none opens, whatever the gate says. */
function refusalOf(spec: BreakerSpec, { neverBreak, fleet, guards }: BreakerMoment): string | undefined {
  if (neverBreak.length > 0) return `${neverBreak.join(', ')} is marked neverBreak`;
  const { functionCount, openCount, otherTroubledCount } = fleet;
  // Two troubled functions are two incidents, not a fleet that nobody understands.
  if (otherTroubledCount >= 3 && otherTroubledCount > guards.panicRatioMin * functionCount)
    return `${otherTroubledCount} of ${functionCount} functions are in other trouble: no breaker opens while so much is wrong at once`;
  if (openCount > 0 && openCount >= guards.openRatioMax * functionCount)
    return `open breakers touch ${openCount} of ${functionCount} functions already: ${spec.name} stays closed`;
  return undefined;
}

function probe(spec: BreakerSpec, state: BreakerState, moment: BreakerMoment): BreakerStep {
  const { nowMs } = moment;
  const { admitRatio, holdOffCount, shareSinceMs } = state;
  const isHeldOff = admitRatio === 0 && nowMs < shareSinceMs + holdOffMsOf(spec, holdOffCount);
  const verdict =
    admitRatio === 0 ? { isWell: true, isSure: false, because: 'it held off' } : judgeProbe(spec, state, moment);
  if (isHeldOff || !verdict) return renew(spec, state, moment);
  const { isWell, isSure, because } = verdict;
  if (!isWell) return fallBack(spec, state, moment, because);
  const share = spec.probeShares.find((candidate) => candidate > admitRatio);
  if (share === undefined) return move(spec, state, nowMs, { to: 'closed', because });
  const words = `${because}: ${percentOf(share)} of calls go through, to see how they fare`;
  // Few calls went well: more of them will tell, and if they tell of harm, nothing was said that has to be taken back.
  const step =
    isSure && state.state === 'open'
      ? move(spec, state, nowMs, { to: 'half-open', admitRatio: share, because: words })
      : lease(spec, { ...state, admitRatio: share, shareSinceMs: nowMs }, nowMs, { kind: 'share', because: words });
  // More is let through whatever anybody says; that the rest is stopped for longer has to be allowed.
  return moment.permit(standingOf(spec, step.state, nowMs), 'renew').isAllowed
    ? step
    : { ...step, state: { ...step.state, untilMs: state.untilMs } };
}

/** Nothing goes through again, for longer than before. Within open that is no transition. */
function fallBack(spec: BreakerSpec, state: BreakerState, moment: BreakerMoment, because: string): BreakerStep {
  const { nowMs } = moment;
  const shut = { admitRatio: 0, holdOffCount: state.holdOffCount + 1 };
  const step =
    state.state === 'open'
      ? lease(spec, { ...state, ...shut, shareSinceMs: nowMs }, nowMs, { kind: 'share', because })
      : move(spec, state, nowMs, { to: 'open', because, ...shut });
  return ifPermitted(spec, state, step, moment, 'renew');
}

export function holdOffMsOf({ holdOffMs, holdOffMsMax }: BreakerSpec, holdOffCount: number): number {
  return Math.min(holdOffMsMax, holdOffMs * 2 ** Math.min(holdOffCount, 30));
}

interface ProbeVerdict {
  readonly isWell: boolean;
  /** By as many calls as are asked for. */
  readonly isSure: boolean;
  readonly because: string;
}

/** Undefined: not known yet. */
function judgeProbe(
  spec: BreakerSpec,
  { admitRatio, shareSinceMs }: BreakerState,
  { nowMs, count, usualHarmedRatio }: BreakerMoment,
): ProbeVerdict | undefined {
  const fromMs = shareSinceMs + spec.settleMs;
  if (nowMs <= fromMs) return undefined;
  const counts = count(fromMs, nowMs);
  const { callCount, harmedCount } = judged(spec, counts, admitRatio);
  const seenRatio = seenRatioOf(counts);
  const seenCount = callCount * seenRatio;
  const harmedSeenCount = harmedCount * seenRatio;
  const harmedRatioMax = Math.min(0.9, Math.max(spec.probeHarmedRatioMax, 3 * usualHarmedRatio));
  const because =
    callCount === 0
      ? 'nobody calls'
      : `${Math.round(harmedCount)} of ${Math.round(callCount)} calls to ${spec.callee} were harmed`;
  const isSure = seenCount >= spec.probeCountMin;
  // So many that as many good ones as are asked for would not make up for them.
  if (harmedSeenCount > harmedRatioMax * Math.max(seenCount, spec.probeCountMin))
    return { isWell: false, isSure, because };
  if (isSure && nowMs >= fromMs + spec.probeMs) return { isWell: true, isSure, because };
  if (nowMs < fromMs + spec.quietMs) return undefined;
  // Hardly anybody calls, or is seen to: the calls there are decide, and where there are none nothing speaks against letting them through.
  return { isWell: harmedSeenCount <= harmedRatioMax * seenCount, isSure, because };
}

/** Spans for each call: 1 where all are sent. */
function seenRatioOf({ callCount, spanCount = callCount }: EdgeCounts): number {
  return callCount > 0 ? Math.min(1, spanCount / callCount) : 1;
}

/** The calls that say something of the callee. */
function judged({ enactment }: BreakerSpec, counts: EdgeCounts, admitRatio: number): EdgeCounts {
  const { callCount, harmedCount, throttleCount } = counts;
  // What AWS refuses by our own limit says nothing.
  if (enactment.kind === 'reserved-concurrency' && admitRatio < 1) {
    const answered = Math.max(0, callCount - throttleCount);
    return { callCount: answered, harmedCount: Math.max(0, harmedCount - throttleCount), throttleCount: 0 };
  }
  // The others went to the fallback version, over the same edge. Taken as well served: so a sick fallback reads as a sick callee, and calls stay where they are.
  if (enactment.kind === 'alias-weight')
    return {
      callCount: callCount * admitRatio,
      harmedCount: Math.min(harmedCount, callCount * admitRatio),
      throttleCount,
    };
  return counts;
}

interface Move {
  readonly to: BreakerStateName;
  readonly because: string;
  readonly admitRatio?: number;
  readonly holdOffCount?: number;
  readonly incidentId?: string;
  readonly forced?: ForcedBy;
}

function move(spec: BreakerSpec, state: BreakerState, nowMs: EpochMs, { to, because, ...change }: Move): BreakerStep {
  const { admitRatio = 1, holdOffCount = state.holdOffCount, forced } = change;
  const incidentId = to === 'closed' ? undefined : (change.incidentId ?? state.incidentId);
  const closedAtMs = to === 'closed' && isStopping(state) ? nowMs : state.closedAtMs;
  const moved: BreakerState = {
    ...{ state: to, sinceMs: nowMs, admitRatio, shareSinceMs: nowMs, holdOffCount },
    ...{ revision: state.revision, leasedAtMs: nowMs, untilMs: nowMs },
    ...(closedAtMs !== undefined && { closedAtMs }),
    ...(incidentId !== undefined && { incidentId }),
    ...(forced && { forced }),
  };
  return lease(spec, moved, nowMs, { kind: 'moved', because });
}

function isStopping({ state }: BreakerState): boolean {
  return state === 'open' || state === 'half-open' || state === 'forced-open';
}

/** A standing of its own: the next revision, and where calls are stopped an end. */
function lease(
  { leaseMs }: BreakerSpec,
  { held: _held, ...state }: BreakerState,
  nowMs: EpochMs,
  told: Pick<BreakerStep, 'kind' | 'because'>,
): BreakerStep {
  // A human's word ends when they said, to the second.
  const untilMs = isStopping(state) ? Math.min(nowMs + leaseMs, state.forced?.untilMs ?? Infinity) : nowMs;
  return { state: { ...state, revision: state.revision + 1, leasedAtMs: nowMs, untilMs }, ...told };
}

/**
 * Clients that write what they counted over what they read can write over a standing with calls that began before it: they are told twice more soon after.
 * For who only reads, that is one line more in a table.
 */
const repeatsAfterMs = [2 * msPerSecond, 5 * msPerSecond];

function renew(spec: BreakerSpec, state: BreakerState, moment: BreakerMoment): BreakerStep {
  const { leasedAtMs, shareSinceMs } = state;
  const { nowMs } = moment;
  const isWrittenOver =
    spec.enactment.kind === 'shared-state' &&
    spec.enactment.places.some(({ format }) => format === 'circuitbreaker-lambda');
  const isRepeated =
    isWrittenOver && repeatsAfterMs.some((ms) => nowMs >= shareSinceMs + ms && leasedAtMs < shareSinceMs + ms);
  if (!isRepeated && nowMs < leasedAtMs + spec.leaseMs / 3) return nothing(state);
  const step = lease(spec, state, nowMs, { kind: 'renewed', because: 'it still stands' });
  return ifPermitted(spec, state, step, moment, 'renew');
}

function nothing(state: BreakerState): BreakerStep {
  const { held, ...free } = state;
  return { state: held === undefined ? state : free, kind: 'nothing', because: '' };
}

/** Said once for each reason. */
function hold(state: BreakerState, because: string): BreakerStep {
  return state.held === because
    ? { state, kind: 'nothing', because }
    : { state: { ...state, held: because }, kind: 'held', because };
}

function percentOf(ratio: number): string {
  return `${Math.round(ratio * 100)} %`;
}
