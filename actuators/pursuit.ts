/**
 * One function's way from "we want 40 warm" to "Lambda says READY", as a pure state machine fed by facts.
 *
 * Mental model: a chase with three witnesses. What we want (the plan's level), what we asked (the last Put that Lambda may have taken), and what
 * Lambda says it holds (an observation with its instant). The state is what the three together allow us to claim, and no more: READY is claimed
 * only from an observation that shows our level requested, allocated and available, no deployment in flight, and status READY.
 *
 * Where Application Auto Scaling is steered, the knob that we turn is its minimum: what we asked is seen there, and READY is still what Lambda shows.
 *
 * A pursuit is plain JSON: it goes into the snapshot as it is. After a restart whoever finds `inFlight` set reports its outcome as `unknown`.
 */
import type { Outcome } from '../core/action.ts';
import { assertNever } from '../core/assert.ts';
import type { ScalableBounds } from '../core/booking.ts';
import type { Observed } from '../core/capacity.ts';
import type { EpochMs } from '../core/time.ts';

/**
 * - `idle`: nothing of ours is out there.
 * - `wanted`: a level is wanted that nobody has accepted yet, or that was overwritten before it was READY.
 * - `asked`: accepted, not seen since. `allocating`: seen, being prepared.
 * - `ready`: verified. `lost`: was verified, and a later look shows otherwise (a deployment, another hand).
 * - `failed`: Lambda gave up on our request. An incident in the function, not a reason to ask again.
 * - `cannot-verify`: an answer was lost, or looks have failed for `verifyWithinMs`. Hold and page; never undo.
 */
export type PursuitState = 'idle' | 'wanted' | 'asked' | 'allocating' | 'ready' | 'lost' | 'failed' | 'cannot-verify';

/** Every change of state that may happen; staying is always possible. */
export const pursuitTransitions: Readonly<Record<PursuitState, readonly PursuitState[]>> = {
  idle: ['wanted'],
  wanted: ['idle', 'asked', 'allocating', 'ready', 'failed', 'cannot-verify'],
  asked: ['idle', 'wanted', 'allocating', 'ready', 'failed', 'cannot-verify'],
  allocating: ['idle', 'wanted', 'ready', 'failed', 'cannot-verify'],
  ready: ['idle', 'wanted', 'lost', 'failed', 'cannot-verify'],
  lost: ['idle', 'wanted', 'asked', 'ready', 'failed', 'cannot-verify'],
  failed: ['idle', 'wanted', 'asked', 'allocating', 'ready', 'lost', 'cannot-verify'],
  'cannot-verify': ['idle', 'wanted', 'asked', 'allocating', 'ready', 'lost', 'failed'],
};

export interface Pursuit {
  readonly state: PursuitState;
  readonly sinceMs: EpochMs;
  /** What the plan or the floor wants. */
  readonly wantedConcurrency: number;
  /** What is pursued, and what an action states: the wanted level, but never below what stood before us. */
  readonly concurrency: number;
  /** What was configured when we last looked before we asked for anything: what we return to. Removing it is not ours to do. */
  readonly baselineConcurrency?: number | undefined;
  /** Steered: the bounds that stood there at that look, and what was provisioned between them. */
  readonly baselineBounds?: ScalableBounds | undefined;
  readonly baselineProvisioned?: number | undefined;
  /** The last level that Lambda took, or may have taken, from us. */
  readonly askedConcurrency?: number | undefined;
  /** When it answered; absent where that is to be tried again. */
  readonly askedAtMs?: EpochMs | undefined;
  /** The highest level that may be ours in what is seen: a lost call may have left the one before it standing. Above it is another hand. */
  readonly oursConcurrencyMax?: number | undefined;
  /** A call whose answer is awaited. */
  readonly inFlight?: { readonly concurrency: number; readonly sentAtMs: EpochMs } | undefined;
  /** Attempts at the present level since it was wanted, reached, or facts changed. */
  readonly attemptCount: number;
  /** The answer to the last attempt at the present level; absent once facts have changed. */
  readonly lastOutcome?: Outcome | undefined;
  /** The newest observation. */
  readonly observed?: Observed | undefined;
  /** Looks that failed in a row since the last that succeeded. */
  readonly lookFailedCount: number;
  /** The first and the last of these. */
  readonly lookFailedSinceMs?: EpochMs | undefined;
  readonly lookFailedAtMs?: EpochMs | undefined;
  /** The instant of the first observation that showed the present level verified. */
  readonly readyAtMs?: EpochMs | undefined;
  readonly lostAtMs?: EpochMs | undefined;
  /** What the level is wanted for: an event's window, or `undefined` for the floor. */
  readonly windowId?: string | undefined;
  /** Times in this window that another hand changed what was verified READY, and the level that it left. */
  readonly drift?: { readonly count: number; readonly seen: number; readonly atMs: EpochMs } | undefined;
  /** We move the minimum of a scalable target, and not the provisioned concurrency itself. */
  readonly isSteered?: true | undefined;
  /** Stands until the alias has moved, READY was seen, nothing of ours is left, or a human says so: no raise meanwhile. */
  readonly failure?: { readonly atMs: EpochMs; readonly reason: string; readonly version: string } | undefined;
}

export type PursuitFact =
  | {
      readonly kind: 'want';
      readonly concurrency: number;
      readonly atMs: EpochMs;
      readonly windowId?: string | undefined;
    }
  /** A booking of an earlier life of ours was found, whose memory is gone: what stands there is ours, and this is what it goes back to. */
  /** The minute of a booked raise has come: what it asks for is ours, whether it has come about or not. */
  | { readonly kind: 'booked-raise'; readonly concurrency: number; readonly atMs: EpochMs }
  | { readonly kind: 'adopt'; readonly baselineConcurrency: number; readonly atMs: EpochMs }
  /** Another hand has set what stands there now, and has it: that is what stood before whatever we ask for next. */
  | { readonly kind: 'yield' }
  | { readonly kind: 'sent'; readonly concurrency: number; readonly atMs: EpochMs }
  | { readonly kind: 'outcome'; readonly concurrency: number; readonly outcome: Outcome }
  | { readonly kind: 'observed'; readonly observed: Observed }
  | { readonly kind: 'look-failed'; readonly atMs: EpochMs }
  /** A human, or a change of the account's limits: what was refused or has failed may be tried again. */
  | { readonly kind: 'reconsider'; readonly atMs: EpochMs };

/** Looks that fail for this long (five in a row, at the pace of their retries) are not a hiccup: what we saw before them is history. */
export const verifyWithinMs = 60_000;

export function createPursuit(atMs: EpochMs, { isSteered = false }: { readonly isSteered?: boolean } = {}): Pursuit {
  return {
    state: 'idle',
    sinceMs: atMs,
    wantedConcurrency: 0,
    concurrency: 0,
    attemptCount: 0,
    lookFailedCount: 0,
    ...(isSteered && { isSteered: true }),
  };
}

/** The level that stands at the knob we turn, as last seen: what Lambda was asked for, or the minimum of the scalable target. */
export function seenLevelOf({ observed, isSteered }: Pick<Pursuit, 'observed' | 'isSteered'>): number {
  return (isSteered ? observed?.scalable?.min : observed?.provisioned?.requested) ?? 0;
}

/** What stood before us, as far as it is known: what everything of ours goes back to. */
export function baselineOf(pursuit: Pursuit): number {
  const { baselineConcurrency, observed, isSteered } = pursuit;
  if (baselineConcurrency !== undefined) return baselineConcurrency;
  return observed ? standing(observed, isSteered === true) : 0;
}

/** What is known after one more fact. Facts that are too old to tell anything change nothing. */
export function advance(pursuit: Pursuit, fact: PursuitFact): Pursuit {
  switch (fact.kind) {
    case 'want':
      return want(enterWindow(pursuit, fact.windowId), fact.concurrency, fact.atMs);
    case 'booked-raise':
      return takeBookedRaise(pursuit, fact.concurrency, fact.atMs);
    case 'adopt':
      return adopt(pursuit, fact.baselineConcurrency, fact.atMs);
    case 'yield':
      return yieldToOthers(pursuit);
    case 'sent':
      return {
        ...pursuit,
        inFlight: { concurrency: fact.concurrency, sentAtMs: fact.atMs },
        attemptCount: pursuit.attemptCount + 1,
      };
    case 'outcome':
      return hear(pursuit, fact.concurrency, fact.outcome);
    case 'observed':
      return see(pursuit, fact.observed);
    case 'look-failed':
      return missLook(pursuit, fact.atMs);
    case 'reconsider':
      return reconsider(pursuit, fact.atMs);
    default:
      return assertNever(fact);
  }
}

function enter(pursuit: Pursuit, state: PursuitState, atMs: EpochMs): Pursuit {
  if (state === 'idle')
    return { ...createPursuit(atMs, { isSteered: pursuit.isSteered === true }), observed: pursuit.observed };
  return state === pursuit.state ? pursuit : { ...pursuit, state, sinceMs: atMs };
}

/** A new window is met anew: what somebody did in the last one is over. */
function enterWindow(pursuit: Pursuit, windowId: string | undefined): Pursuit {
  return windowId === pursuit.windowId ? pursuit : { ...pursuit, windowId, drift: undefined };
}

function takeBookedRaise(pursuit: Pursuit, concurrency: number, atMs: EpochMs): Pursuit {
  const { oursConcurrencyMax = 0, askedConcurrency = 0 } = pursuit;
  const isKnown = pursuit.askedConcurrency !== undefined && oursConcurrencyMax >= concurrency;
  const baselineConcurrency = baselineOf(pursuit);
  if (isKnown || concurrency <= baselineConcurrency) return pursuit;
  const raised: Pursuit = {
    ...pursuit,
    baselineConcurrency,
    concurrency: Math.max(pursuit.wantedConcurrency, baselineConcurrency),
    askedConcurrency: Math.max(askedConcurrency, concurrency),
    oursConcurrencyMax: Math.max(oursConcurrencyMax, concurrency),
  };
  return pursuit.state === 'idle' ? enter(raised, 'wanted', atMs) : raised;
}

function adopt(pursuit: Pursuit, baselineConcurrency: number, atMs: EpochMs): Pursuit {
  const level = seenLevelOf(pursuit);
  if (pursuit.state !== 'idle' || level <= baselineConcurrency) return pursuit;
  const adopted: Pursuit = {
    ...pursuit,
    baselineConcurrency,
    concurrency: Math.max(pursuit.wantedConcurrency, baselineConcurrency),
    askedConcurrency: level,
    oursConcurrencyMax: level,
  };
  return enter(adopted, 'wanted', atMs);
}

function yieldToOthers(pursuit: Pursuit): Pursuit {
  if (pursuit.inFlight || pursuit.askedConcurrency === undefined || !pursuit.observed) return pursuit;
  const baselineConcurrency = standing(pursuit.observed, pursuit.isSteered === true);
  return {
    ...pursuit,
    baselineConcurrency,
    concurrency: Math.max(pursuit.wantedConcurrency, baselineConcurrency),
    askedConcurrency: undefined,
    askedAtMs: undefined,
    oursConcurrencyMax: undefined,
  };
}

function want(pursuit: Pursuit, wantedConcurrency: number, atMs: EpochMs): Pursuit {
  const concurrency = Math.max(wantedConcurrency, pursuit.baselineConcurrency ?? 0);
  if (pursuit.state === 'idle' && concurrency === 0) return pursuit;
  if (concurrency === pursuit.concurrency) {
    // The same object where nothing is new: whoever asks every second must not see a change every second.
    return wantedConcurrency === pursuit.wantedConcurrency ? pursuit : { ...pursuit, wantedConcurrency };
  }
  const isNothingOut = pursuit.askedConcurrency === undefined && pursuit.inFlight === undefined;
  if (wantedConcurrency === 0 && isNothingOut) return enter(pursuit, 'idle', atMs);
  const changed: Pursuit = {
    ...pursuit,
    wantedConcurrency,
    concurrency,
    attemptCount: 0,
    lastOutcome: undefined,
    readyAtMs: undefined,
  };
  // Wanting something else does not end a doubt.
  return pursuit.state === 'cannot-verify' ? changed : enter(changed, 'wanted', atMs);
}

function hear(pursuit: Pursuit, concurrency: number, outcome: Outcome): Pursuit {
  const { inFlight } = pursuit;
  if (inFlight?.concurrency !== concurrency) return pursuit;
  const isPresent = concurrency === pursuit.concurrency;
  const heard: Pursuit = { ...pursuit, inFlight: undefined, ...(isPresent && { lastOutcome: outcome }) };
  if (outcome.kind === 'refused' || outcome.kind === 'throttled') return heard;
  const asked: Pursuit = {
    ...heard,
    askedConcurrency: concurrency,
    askedAtMs: outcome.atMs,
    oursConcurrencyMax: Math.max(pursuit.oursConcurrencyMax ?? 0, concurrency),
  };
  if (outcome.kind === 'unknown') return enter(asked, 'cannot-verify', outcome.atMs);
  if (outcome.kind === 'unavailable' || !isPresent) return asked;
  // A look between sending and answer may have shown it already.
  const isSeen = pursuit.state === 'allocating' || pursuit.state === 'ready';
  return isSeen ? asked : enter({ ...asked, readyAtMs: undefined, lostAtMs: undefined }, 'asked', outcome.atMs);
}

function see(pursuit: Pursuit, observed: Observed): Pursuit {
  const isOutdated =
    observed.atMs < (pursuit.askedAtMs ?? -Infinity) || observed.atMs < (pursuit.observed?.atMs ?? -Infinity);
  if (isOutdated) return pursuit;
  const looked = recordLook(pursuit, observed);
  if (pursuit.state === 'idle') return looked;
  const state = judge(looked, observed);
  return enter({ ...looked, ...learned(state, looked, observed) }, state, observed.atMs);
}

/** What a claim leaves behind. */
function learned(state: PursuitState, pursuit: Pursuit, observed: Observed): Partial<Pursuit> {
  const { atMs, version, provisioned } = observed;
  if (state === 'ready') {
    return { readyAtMs: pursuit.readyAtMs ?? atMs, lostAtMs: undefined, failure: undefined, attemptCount: 0 };
  }
  if (state === 'lost') {
    const seen = seenLevelOf(pursuit);
    const isDrift = pursuit.state === 'ready' && pursuit.inFlight === undefined && seen !== pursuit.concurrency;
    const drift = isDrift && { drift: { count: (pursuit.drift?.count ?? 0) + 1, seen, atMs } };
    return { lostAtMs: pursuit.lostAtMs ?? atMs, ...drift };
  }
  if (state === 'failed') {
    return { failure: pursuit.failure ?? { atMs, reason: provisioned?.statusReason ?? 'FAILED', version } };
  }
  return {};
}

function recordLook(pursuit: Pursuit, observed: Observed): Pursuit {
  const { askedConcurrency, inFlight, state, failure, isSteered } = pursuit;
  const isUntouched = askedConcurrency === undefined && inFlight === undefined && state !== 'idle';
  const baseline = isUntouched ? standing(observed, isSteered === true) : pursuit.baselineConcurrency;
  const baselineBounds = isUntouched && isSteered ? observed.scalable : pursuit.baselineBounds;
  const baselineProvisioned = isUntouched && isSteered ? observed.provisioned?.requested : pursuit.baselineProvisioned;
  return {
    ...pursuit,
    observed,
    lookFailedCount: 0,
    lookFailedSinceMs: undefined,
    lookFailedAtMs: undefined,
    ...(askedConcurrency !== undefined &&
      seenLevelOf({ observed, isSteered }) === askedConcurrency && { oursConcurrencyMax: askedConcurrency }),
    baselineConcurrency: baseline,
    ...(baselineBounds && { baselineBounds }),
    ...(baselineProvisioned !== undefined && { baselineProvisioned }),
    concurrency: Math.max(pursuit.wantedConcurrency, baseline ?? 0),
    // Facts have changed: what was refused may be asked again, and a version that failed is gone.
    ...(isChanged(pursuit.observed, observed) && pursuit.lastOutcome?.kind === 'refused'
      ? { lastOutcome: undefined, attemptCount: 0 }
      : {}),
    ...(failure && failure.version !== observed.version ? { failure: undefined } : {}),
  };
}

/** A configuration that FAILED holds no capacity: nothing to return to. */
function standing({ provisioned, scalable }: Observed, isSteered: boolean): number {
  if (isSteered) return scalable?.min ?? 0;
  return provisioned && provisioned.status !== 'FAILED' ? provisioned.requested : 0;
}

function isChanged(before: Observed | undefined, after: Observed): boolean {
  return (
    before !== undefined &&
    (before.version !== after.version ||
      before.hasRoutingWeights !== after.hasRoutingWeights ||
      before.provisioned?.requested !== after.provisioned?.requested ||
      before.scalable?.min !== after.scalable?.min ||
      before.scalable?.max !== after.scalable?.max)
  );
}

/** What an observation lets us claim of the present level. */
function judge(pursuit: Pursuit, observed: Observed): PursuitState {
  if (pursuit.isSteered) return judgeSteered(pursuit, observed);
  const { provisioned, hasRoutingWeights } = observed;
  const { concurrency, inFlight, askedConcurrency, askedAtMs } = pursuit;
  const fallen = pursuit.readyAtMs === undefined ? 'wanted' : 'lost';
  // A call under way may still put something there.
  if (!provisioned) return concurrency === 0 && !inFlight ? 'idle' : fallen;
  if (provisioned.requested !== concurrency) return fallen;
  // A failure that stood before we asked (last week's, before somebody mended the function) is not an answer to us.
  const isAsked = askedConcurrency === concurrency && askedAtMs !== undefined;
  if (provisioned.status === 'FAILED') return isAsked ? 'failed' : fallen;
  const isWhole = provisioned.allocated >= concurrency && provisioned.available >= concurrency;
  const isReady = provisioned.status === 'READY' && isWhole && !hasRoutingWeights;
  if (!isReady) return pursuit.readyAtMs === undefined ? 'allocating' : 'lost';
  return pursuit.wantedConcurrency === 0 && !inFlight ? 'idle' : 'ready';
}

/** The minimum is ours and seen at once; what follows from it is Lambda's, and may be more than we asked for, by the hand of the tracking. */
function judgeSteered(pursuit: Pursuit, { provisioned, scalable, hasRoutingWeights }: Observed): PursuitState {
  const { concurrency, inFlight, wantedConcurrency, baselineBounds, readyAtMs } = pursuit;
  const fallen = readyAtMs === undefined ? 'wanted' : 'lost';
  if (scalable?.min !== concurrency || scalable.max < (baselineBounds?.max ?? 0)) return fallen;
  if (wantedConcurrency === 0 && !inFlight) return 'idle';
  const isAsked = pursuit.askedConcurrency === concurrency && pursuit.askedAtMs !== undefined;
  if (provisioned?.status === 'FAILED') return isAsked ? 'failed' : fallen;
  const isThere = concurrency === 0 || (provisioned !== undefined && provisioned.available >= concurrency);
  if (isThere && !hasRoutingWeights && provisioned?.status !== 'IN_PROGRESS') return 'ready';
  return readyAtMs === undefined ? 'allocating' : 'lost';
}

function missLook(pursuit: Pursuit, atMs: EpochMs): Pursuit {
  const { state, lookFailedSinceMs = atMs } = pursuit;
  const lookFailedCount = pursuit.lookFailedCount + 1;
  const missed: Pursuit = { ...pursuit, lookFailedCount, lookFailedSinceMs, lookFailedAtMs: atMs };
  const isWatching = state !== 'idle' && state !== 'failed' && state !== 'cannot-verify';
  return isWatching && atMs - lookFailedSinceMs >= verifyWithinMs ? enter(missed, 'cannot-verify', atMs) : missed;
}

function reconsider(pursuit: Pursuit, atMs: EpochMs): Pursuit {
  const { lastOutcome } = pursuit;
  // What may have taken effect is still to be looked at before it is asked again: that doubt is no matter of limits.
  const again: Pursuit = {
    ...pursuit,
    attemptCount: 0,
    lastOutcome: lastOutcome?.kind === 'refused' ? undefined : lastOutcome,
    failure: undefined,
  };
  if (pursuit.state !== 'failed') return again;
  // What failed is still configured and still ours; it only is no longer the answer to what we are about to ask.
  return enter({ ...again, askedAtMs: undefined, readyAtMs: undefined, lostAtMs: undefined }, 'wanted', atMs);
}
