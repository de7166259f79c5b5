/**
 * Trouble as it can be read off the state of a function: said every second while it lasts, opened and closed once (incidents.ts).
 */
import { seenLevelOf } from '../actuators/pursuit.ts';
import type { Observed } from '../core/capacity.ts';
import { formatInstant, msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import type { FunctionState } from './function-state.ts';
import type { IncidentKind, Incidents, Note } from './incidents.ts';

/** A lost answer is looked after within seconds; a doubt that outlasts three looks is for a person. */
const doubtMsMax = 30 * msPerSecond;
/** Where calls fail by chance a look succeeds now and then: an episode is over when none has begun anew for that long. */
const calmMs = 5 * msPerMinute;
/** A booking takes a second or two; what is wanted now and not booked after a minute will be missed. */
const unbookedMsMax = msPerMinute;
/** A target that was made since the last look is no fault. */
const freshMs = 90 * msPerSecond;
/** A booked call comes within its minute, and Lambda takes some seconds over it. */
const bookedCallMs = 2 * msPerMinute;

export interface TroubleContext {
  readonly nowMs: EpochMs;
  readonly note: Note;
  readonly incidents: Incidents;
}

export function reportTrouble(state: FunctionState, { nowMs, note, incidents }: TroubleContext): void {
  const { key } = state.spec;
  for (const [kind, judge] of Object.entries(judges) as [Kind, Judge][]) {
    const found = judge(state, nowMs);
    if (found === undefined) continue;
    if ('is' in found) incidents.report(note, key, kind, found.is);
    else incidents.close(note, key, kind, found.over);
  }
}

/** What is wrong, or why it is over; undefined where it is too early to say either. */
type Trouble = { readonly is: string } | { readonly over: string } | undefined;

type Kind = Exclude<
  IncidentKind,
  'approval-missing' | 'prewarm-late' | 'surge' | 'control-plane-errs' | 'on-call-fails' | 'left-behind'
>;
type Judge = (state: FunctionState, nowMs: EpochMs) => Trouble;

const judges: Readonly<Record<Kind, Judge>> = {
  'initialisation-failed'({ spec: { key }, pursuit: { failure } }) {
    if (!failure) return { over: 'the failed version is gone, or was seen READY' };
    const { version, reason } = failure;
    return { is: `${key} version ${version} does not start: ${reason}; asking again would not mend it` };
  },
  'cannot-verify'({ spec: { key }, pursuit: { state, sinceMs } }, nowMs) {
    const lastsMs = nowMs - sinceMs;
    if (state !== 'cannot-verify') {
      return state === 'idle' || lastsMs >= calmMs ? { over: `verified again: ${state}` } : undefined;
    }
    if (lastsMs < doubtMsMax) return undefined;
    const since = `could not be verified for ${doubtMsMax / msPerSecond} s`;
    return { is: `${key}: what Lambda holds ${since}; nothing is undone and nothing repeated until it can` };
  },
  'ready-lost'(state, nowMs) {
    const { spec, pursuit } = state;
    const isElsewhere = anotherHandOf(state)?.isHigher === true || steeringFaultOf(state) !== undefined;
    if (pursuit.state !== 'lost' || !isInWindow(state) || isElsewhere || isByOurBooking(state, nowMs)) {
      return { over: `what is held now: ${pursuit.state}` };
    }
    return { is: `${spec.key}: ${pursuit.concurrency} were READY for ${pursuit.windowId}, and ${lossOf(state)}` };
  },
  'another-hand'(state) {
    const { spec, pursuit } = state;
    const another = isInWindow(state) ? anotherHandOf(state) : undefined;
    if (!another?.isHigher) return { over: 'what another hand set is gone, or the window is over' };
    const what = `another hand set ${another.seen} where ${pursuit.wantedConcurrency} are wanted`;
    return { is: `${spec.key}: ${what} for ${pursuit.windowId}; it is theirs, and not ours to lower` };
  },
  'cannot-steer'(state, nowMs) {
    const { isSteered, observed } = state.pursuit;
    const isStale = nowMs - (observed?.atMs ?? -Infinity) > freshMs;
    if (isSteered && isInWindow(state) && isStale) return undefined;
    const fault = isInWindow(state) ? steeringFaultOf(state) : undefined;
    if (fault === undefined) return { over: 'it can be steered as wanted, or the window is over' };
    return { is: `${state.spec.key}: ${fault}` };
  },
  'deployment-in-flight'(state) {
    const { spec, pursuit } = state;
    const isMoving = pursuit.observed?.hasRoutingWeights === true && pursuit.concurrency > 0;
    // What was READY and is lost by it is told as that.
    if (!isMoving || !isInWindow(state) || pursuit.state === 'lost') {
      return { over: 'the raise waits for no deployment any more' };
    }
    const what = `a deployment is in flight while ${pursuit.concurrency} are wanted for ${pursuit.windowId}`;
    return { is: `${spec.key}: ${what}; the raise waits until it is over` };
  },
  'cannot-book'({ spec: { key }, unbookedSinceMs, bookings }, nowMs) {
    if (unbookedSinceMs === undefined) return { over: 'it is booked, or not wanted any more' };
    if (nowMs - unbookedSinceMs < unbookedMsMax) return undefined;
    const failure = Object.values(bookings).find((one) => one.failure !== undefined)?.failure;
    const said = failure === undefined ? '' : ` (${failure})`;
    const what = `the call that ends it cannot be booked since ${formatInstant(unbookedSinceMs)}${said}`;
    return { is: `${key}: ${what}; without it nothing is raised` };
  },
};

function isInWindow({ pursuit, spec }: FunctionState): boolean {
  return pursuit.windowId !== undefined && spec.mode === 'enforce';
}

/** What another hand has left standing in this window; undefined where nobody else changed it. */
function anotherHandOf({ pursuit }: FunctionState): { readonly seen: number; readonly isHigher: boolean } | undefined {
  const { drift, wantedConcurrency } = pursuit;
  if (drift?.seen !== seenLevelOf(pursuit)) return undefined;
  return { seen: drift.seen, isHigher: drift.seen > wantedConcurrency };
}

function steeringFaultOf({ pursuit, step }: FunctionState): string | undefined {
  const { isSteered, observed, baselineBounds } = pursuit;
  if (!isSteered || !observed || !step) return undefined;
  if (!observed.scalable)
    return `it is to be steered, and has no scalable target: ${step.concurrency} are not asked for`;
  const max = Math.max(observed.scalable.max, baselineBounds?.max ?? 0);
  if (step.concurrency <= max) return undefined;
  return `its scalable target ends at ${max}, and ${step.concurrency} are wanted: raise its max_capacity, or lower concurrencyCeiling`;
}

/** A booked call that was not taken back in time asks for what stands there: Lambda says IN_PROGRESS for some seconds, and nothing is lost. */
function isByOurBooking({ pursuit, bookings }: FunctionState, nowMs: EpochMs): boolean {
  const { observed, concurrency } = pursuit;
  if (observed === undefined || observed.hasRoutingWeights) return false;
  if ((observed.provisioned?.available ?? 0) < concurrency) return false;
  return Object.values(bookings).some(({ booking: { atMs } }) => atMs <= nowMs && nowMs < atMs + bookedCallMs);
}

/** What the last look says of a loss. */
function lossOf(state: FunctionState): string {
  const { pursuit, spec } = state;
  const another = anotherHandOf(state);
  if (another && another.seen !== pursuit.concurrency) {
    if (spec.onDrift === 'yield') return `another hand set ${another.seen}: it has it, as onDrift says`;
    const isFirst = pursuit.drift?.count === 1;
    return `another hand set ${another.seen}${isFirst ? ': it is put back once' : ', not for the first time: it is left as it is'}`;
  }
  return pursuit.observed ? describe(pursuit.observed) : 'nobody can tell what is there now';
}

function describe({ hasRoutingWeights, provisioned, version }: Observed): string {
  if (hasRoutingWeights) return 'a deployment is moving the alias';
  if (!provisioned) return 'nothing is configured any more';
  return `Lambda has ${provisioned.available} available, ${provisioned.status}, on version ${version}`;
}
