/**
 * One function's way from "we want 40 warm" to "Lambda says READY", as a pure state machine fed by facts.
 *
 * Mental model: a chase with three witnesses. What we want (the plan's level), what we asked (the last Put that Lambda may have taken), and what
 * Lambda says it holds (an observation with its instant). The state is what the three together allow us to claim, and no more: READY is claimed
 * only from an observation that shows our level requested, allocated and available, no deployment in flight, and status READY.
 *
 * A pursuit is plain JSON: it goes into the snapshot as it is. After a restart whoever finds `inFlight` set reports its outcome as `unknown`.
 */
import type { Outcome } from '../core/action.ts';
import { assertNever } from '../core/assert.ts';
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
  /** Stands until the alias has moved, READY was seen, nothing of ours is left, or a human says so: no raise meanwhile. */
  readonly failure?: { readonly atMs: EpochMs; readonly reason: string; readonly version: string } | undefined;
}

export type PursuitFact =
  | { readonly kind: 'want'; readonly concurrency: number; readonly atMs: EpochMs }
  | { readonly kind: 'sent'; readonly concurrency: number; readonly atMs: EpochMs }
  | { readonly kind: 'outcome'; readonly concurrency: number; readonly outcome: Outcome }
  | { readonly kind: 'observed'; readonly observed: Observed }
  | { readonly kind: 'look-failed'; readonly atMs: EpochMs }
  /** A human, or a change of the account's limits: what was refused or has failed may be tried again. */
  | { readonly kind: 'reconsider'; readonly atMs: EpochMs };

/** Looks that fail for this long (five in a row, at the pace of their retries) are not a hiccup: what we saw before them is history. */
export const verifyWithinMs = 60_000;

export function createPursuit(atMs: EpochMs): Pursuit {
  return { state: 'idle', sinceMs: atMs, wantedConcurrency: 0, concurrency: 0, attemptCount: 0, lookFailedCount: 0 };
}

/** What is known after one more fact. Facts that are too old to tell anything change nothing. */
export function advance(pursuit: Pursuit, fact: PursuitFact): Pursuit {
  switch (fact.kind) {
    case 'want':
      return want(pursuit, fact.concurrency, fact.atMs);
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
  if (state === 'idle') return { ...createPursuit(atMs), observed: pursuit.observed };
  return state === pursuit.state ? pursuit : { ...pursuit, state, sinceMs: atMs };
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
function learned(state: PursuitState, pursuit: Pursuit, { atMs, version, provisioned }: Observed): Partial<Pursuit> {
  if (state === 'ready') {
    return { readyAtMs: pursuit.readyAtMs ?? atMs, lostAtMs: undefined, failure: undefined, attemptCount: 0 };
  }
  if (state === 'lost') return { lostAtMs: pursuit.lostAtMs ?? atMs };
  if (state === 'failed') {
    return { failure: pursuit.failure ?? { atMs, reason: provisioned?.statusReason ?? 'FAILED', version } };
  }
  return {};
}

function recordLook(pursuit: Pursuit, observed: Observed): Pursuit {
  const { askedConcurrency, inFlight, state, failure } = pursuit;
  const isUntouched = askedConcurrency === undefined && inFlight === undefined && state !== 'idle';
  const baseline = isUntouched ? standing(observed) : pursuit.baselineConcurrency;
  return {
    ...pursuit,
    observed,
    lookFailedCount: 0,
    lookFailedSinceMs: undefined,
    lookFailedAtMs: undefined,
    ...(observed.provisioned?.requested === askedConcurrency && { oursConcurrencyMax: askedConcurrency }),
    baselineConcurrency: baseline,
    concurrency: Math.max(pursuit.wantedConcurrency, baseline ?? 0),
    // Facts have changed: what was refused may be asked again, and a version that failed is gone.
    ...(isChanged(pursuit.observed, observed) && pursuit.lastOutcome?.kind === 'refused'
      ? { lastOutcome: undefined, attemptCount: 0 }
      : {}),
    ...(failure && failure.version !== observed.version ? { failure: undefined } : {}),
  };
}

/** A configuration that FAILED holds no capacity: nothing to return to. */
function standing({ provisioned }: Observed): number {
  return provisioned && provisioned.status !== 'FAILED' ? provisioned.requested : 0;
}

function isChanged(before: Observed | undefined, after: Observed): boolean {
  return (
    before !== undefined &&
    (before.version !== after.version ||
      before.hasRoutingWeights !== after.hasRoutingWeights ||
      before.provisioned?.requested !== after.provisioned?.requested)
  );
}

/** What an observation lets us claim of the present level. */
function judge(pursuit: Pursuit, { provisioned, hasRoutingWeights }: Observed): PursuitState {
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

function missLook(pursuit: Pursuit, atMs: EpochMs): Pursuit {
  const { state, lookFailedSinceMs = atMs } = pursuit;
  const lookFailedCount = pursuit.lookFailedCount + 1;
  const missed: Pursuit = { ...pursuit, lookFailedCount, lookFailedSinceMs, lookFailedAtMs: atMs };
  const isWatching = state === 'asked' || state === 'allocating' || state === 'ready' || state === 'lost';
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
