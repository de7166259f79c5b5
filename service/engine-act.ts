/**
 * From the level in force to calls: what should be booked, what is asked for, what has to be looked at. Everything that leaves goes through the gate,
 * and its intent is written in the same tick.
 */
import { advanceBookings, bookedEndMs } from '../actuators/bookings.ts';
import { createGate, type GateContext, type Verdict } from '../actuators/gate.ts';
import { bookedEndStages, bookedRaiseStages, gateStages } from '../actuators/gate-stages.ts';
import { nextPollAtMs } from '../actuators/polling.ts';
import { advance } from '../actuators/pursuit.ts';
import type { Action, BookCall, CancelBooking, HoldProvisionedConcurrency } from '../core/action.ts';
import { assertNever } from '../core/assert.ts';
import { bookingNameOf } from '../core/booking.ts';
import type { Urgency } from '../core/ports.ts';
import { msPerMinute, type EpochMs } from '../core/time.ts';
import { isListingDue, keepBooks } from './bookkeeping.ts';
import { sumCommitments, type Commitments } from './commitments.ts';
import { isPromisedFor, isWarmedFor, permissionsFor } from './engine-acting.ts';
import { stepAt } from './engine-plan.ts';
import { causedByPlan, note, toBody, type Scene, type Turn } from './engine-scene.ts';
import { actionOf, type FunctionState } from './function-state.ts';

/** A release comes minutes late now and then, and its peak lasts that long. */
const nearEventMs = 15 * msPerMinute;

const gate = createGate(gateStages);
const bookedRaiseGate = createGate(bookedRaiseStages);
const bookedEndGate = createGate(bookedEndStages);

type Refusal = Exclude<Verdict, { kind: 'pass' }>;

/** One tick's acting: what is known, the tick, and what the fleet has promised to pay so far in it. */
interface Acting {
  readonly scene: Scene;
  readonly turn: Turn;
  readonly commitments: Commitments;
}

export function actOnAll(scene: Scene, turn: Turn): void {
  const { functions, listing, options, plan } = scene;
  const { nowMs } = turn;
  const acting = { scene, turn, commitments: sumCommitments(functions, { plan, prices: options.prices, nowMs }) };
  if (isListingDue(listing, functions.values(), nowMs)) {
    listing.isListing = true;
    listing.askedAtMs = nowMs;
    turn.effects.push({ kind: 'list-bookings' });
  }
  for (const state of functions.values()) {
    // What stands there before us counts in every plan, so each function is looked at once, wanted or not.
    if (!state.isKnown && !state.pursuit.observed) look(state, turn, 'routine');
    state.isKnown = true;
    act(state, acting);
  }
}

/** Looks at what is due to be looked at. */
export function poll({ functions }: Scene, turn: Turn): void {
  const watched = [...functions.values()].filter((state) => state.pursuit.state !== 'idle');
  for (const state of watched) {
    const pollAtMs = nextPollAtMs(state.pursuit, {
      spreadRatio: state.spreadRatio,
      pollingCount: watched.length,
      isEventNear: isEventNear(state, turn.nowMs),
    });
    if (pollAtMs !== undefined && pollAtMs <= turn.nowMs) look(state, turn, 'routine');
  }
}

function act(state: FunctionState, acting: Acting): void {
  const { scene, turn, commitments } = acting;
  const { nowMs } = turn;
  const { spec } = state;
  const planned = scene.plan && nowMs < scene.plan.untilMs ? stepAt(scene, spec.key, nowMs) : undefined;
  // What somebody said no to is not wanted: what is held for it goes back to the floor.
  const step = planned && isWarmedFor(scene, planned, nowMs) ? planned : undefined;
  state.step = step;
  adoptWhatWasFound(state, nowMs);
  want(state, nowMs);
  book(state, acting);
  const action = actionOf(state, step, nowMs);
  const verdict = gate.judge(action, contextOf(state, action, acting));
  state.verdict = verdict;
  const isUnbooked = verdict.kind === 'wait' && verdict.stage === 'booked';
  // A look in between tells nothing of it.
  if (isUnbooked) state.unbookedSinceMs ??= nowMs;
  else if (verdict.kind !== 'observe') state.unbookedSinceMs = undefined;
  switch (verdict.kind) {
    case 'pass':
      send(state, action, acting);
      commitments.pass(spec, action);
      state.refusal = '';
      return;
    case 'observe':
      look(state, turn, 'urgent');
      return;
    case 'already':
      state.refusal = '';
      return;
    case 'refuse':
    case 'wait':
      noteRefusal(state, action, { refusal: verdict, acting });
      return;
    default:
      assertNever(verdict);
  }
}

/** What a lost store meant to end is ours, once it was looked at. */
function adoptWhatWasFound(state: FunctionState, nowMs: EpochMs): void {
  if (state.foundBaseline === undefined || !state.pursuit.observed) return;
  const baselineConcurrency = state.foundBaseline;
  state.foundBaseline = undefined;
  state.pursuit = advance(state.pursuit, { kind: 'adopt', baselineConcurrency, atMs: nowMs });
}

function want(state: FunctionState, nowMs: EpochMs): void {
  const { spec, step, pursuit } = state;
  const level = levelOf(state, step?.concurrency ?? spec.concurrencyFloor);
  const windowId = step?.eventId;
  const { wantedConcurrency, concurrency } = pursuit;
  if (level === wantedConcurrency && level === concurrency && windowId === pursuit.windowId) return;
  state.pursuit = advance(pursuit, { kind: 'want', concurrency: level, atMs: nowMs, windowId });
}

/** Steered, the maximum of the scalable target is the ceiling: whoever set it meant it. */
function levelOf({ pursuit }: FunctionState, level: number): number {
  return pursuit.baselineBounds
    ? Math.min(level, Math.max(pursuit.baselineBounds.max, pursuit.baselineBounds.min))
    : level;
}

/** Books first, so that what is asked for ends; and only once it is known what stands there. */
function book(state: FunctionState, acting: Acting): void {
  const { listing, plan, stepsByFunction, importantEventIds } = acting.scene;
  const { nowMs } = acting.turn;
  if (listing.listedAtMs === undefined) return;
  const wantedSteps = (stepsByFunction.get(state.spec.key) ?? []).filter((step) =>
    isWarmedFor(acting.scene, step, nowMs),
  );
  const steps = plan && nowMs < plan.untilMs ? wantedSteps : undefined;
  const { key } = state.spec;
  const isBookedAhead = (eventId: string): boolean =>
    importantEventIds.has(eventId) && isPromisedFor(acting.scene, { key, eventId }, nowMs);
  for (const action of keepBooks(state, { nowMs, steps, isBookedAhead })) {
    const refusal = bookingRefusalOf(state, action, acting);
    if (refusal) noteBookingRefusal(state, action, { refusal, acting });
    else send(state, action, acting);
  }
}

/** What the gate says against a booking. Taking one back is asked only whether somebody is there: a raise that nobody wants must not come. */
function bookingRefusalOf(
  state: FunctionState,
  { kind, booking }: BookCall | CancelBooking,
  acting: Acting,
): Refusal | undefined {
  const { key, concurrency, atMs, purpose } = booking;
  const hold: HoldProvisionedConcurrency = {
    kind: 'hold-provisioned-concurrency',
    key,
    concurrency,
    untilMs: atMs,
    deadlineMs: atMs,
    because: 'booked',
  };
  const context = contextOf(state, hold, acting);
  const isRaise = purpose === 'raise' && kind === 'book-call';
  const mode = kind === 'cancel-booking' ? 'enforce' : context.mode;
  const verdict = (isRaise ? bookedRaiseGate : bookedEndGate).judge(hold, { ...context, mode });
  return verdict.kind === 'pass' ? undefined : verdict;
}

function contextOf(
  state: FunctionState,
  action: HoldProvisionedConcurrency,
  { scene, turn, commitments }: Acting,
): GateContext {
  const { account, endpointKind, listing, health, options } = scene;
  return {
    nowMs: turn.nowMs,
    mode: state.spec.mode,
    endpointKind,
    spec: state.spec,
    limits: options.limits,
    ...(account && { account }),
    pursuit: state.pursuit,
    ...(listing.listedAtMs !== undefined && { bookedEndMs: bookedEndMs(state.bookings, turn.nowMs) }),
    errorRatio: health.errorRatio(turn.nowMs),
    ...permissionsFor(scene, state, { action, nowMs: turn.nowMs }),
    ...commitments.around(state.spec, action),
    seed: options.seed,
  };
}

/** Writes the intent, and sends. */
function send(state: FunctionState, action: Action, { scene, turn }: Acting): void {
  const isHold = action.kind === 'hold-provisioned-concurrency';
  const body = isHold
    ? { ...action, attempt: state.pursuit.attemptCount + 1 }
    : { function: action.key, call: action.kind, booking: bookingNameOf(action.booking), because: action.because };
  const intentSeq = note(turn, { kind: 'action.intended', ...causedByPlan(scene), body: toBody(body) });
  turn.effects.push({ kind: 'apply', action, intentSeq });
  scene.openIntents.set(intentSeq, action);
  if (isHold) {
    scene.actionsTaken = [...scene.actionsTaken, { atMs: turn.nowMs, key: action.key, because: action.because }];
    state.pursuit = advance(state.pursuit, { kind: 'sent', concurrency: action.concurrency, atMs: turn.nowMs });
  } else {
    state.bookings = advanceBookings(state.bookings, { kind: 'sent', action, atMs: turn.nowMs });
  }
}

interface Refused {
  readonly refusal: Refusal;
  readonly acting: Acting;
}

/** Once for each reason and level, not once a second. */
function noteRefusal(
  state: FunctionState,
  action: HoldProvisionedConcurrency,
  { refusal, acting: { scene, turn } }: Refused,
): void {
  if (refusal.stage === 'in-flight') return;
  // Nothing is wanted and nothing of ours is there: no wish that could be refused.
  if (state.pursuit.state === 'idle' && state.refusal === '') return;
  const said = `${action.concurrency} ${refusal.stage} ${refusal.kind}`;
  if (said === state.refusal) return;
  state.refusal = said;
  const body = toBody({ ...action, ...aboutRefusal(state, action, refusal) });
  note(turn, { kind: 'action.refused', ...causedByPlan(scene), body });
}

function noteBookingRefusal(
  state: FunctionState,
  action: BookCall | CancelBooking,
  { refusal, acting: { scene, turn } }: Refused,
): void {
  const { kind: call, key } = action;
  const booking = bookingNameOf(action.booking);
  const said = `${call} ${booking} ${refusal.stage}`;
  if (state.bookingRefusal === said) return;
  state.bookingRefusal = said;
  const body = toBody({ function: key, call, booking, ...aboutRefusal(state, action, refusal) });
  note(turn, { kind: 'action.refused', ...causedByPlan(scene), body });
}

function aboutRefusal({ spec }: FunctionState, { because: wanted }: Action, { stage, kind, reason }: Refusal) {
  return { mode: spec.mode, stage, verdict: kind, because: reason, wanted };
}

function look(state: FunctionState, turn: Turn, urgency: Urgency): void {
  if (state.isLooking) return;
  state.isLooking = true;
  turn.effects.push({ kind: 'observe', key: state.spec.key, urgency });
}

/** From the asking until the peak is over: whoever loses what is READY then is told at once. */
function isEventNear({ step }: FunctionState, nowMs: EpochMs): boolean {
  return step?.eventAtMs !== undefined && Math.abs(nowMs - step.eventAtMs) <= nearEventMs;
}
