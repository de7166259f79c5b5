/** One function as the engine sees it: what is wanted of it, what is known of it, and why nothing is being done. */
import { noBookings, type Bookings } from '../actuators/bookings.ts';
import type { Verdict } from '../actuators/gate.ts';
import { createPursuit, seenLevelOf, type Pursuit } from '../actuators/pursuit.ts';
import type { HoldProvisionedConcurrency } from '../core/action.ts';
import type { CapacityStep } from '../core/capacity.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import { createRandom } from '../core/random.ts';
import { parseFunctionKey, type FunctionKey } from '../core/series-key.ts';
import { msPerHour, type EpochMs } from '../core/time.ts';

export interface FunctionState {
  readonly spec: FunctionSpec;
  /** Keeps functions that were asked together from being polled together. */
  readonly spreadRatio: number;
  pursuit: Pursuit;
  /** What AWS is known to do of itself. */
  bookings: Bookings;
  /** An end of ours that was found, and that nobody here remembers having booked: the level that it goes back to. */
  foundBaseline: number | undefined;
  /** Since when a level waits for its end to be booked. */
  unbookedSinceMs: EpochMs | undefined;
  /** It has been looked at once, or is being. */
  isKnown: boolean;
  /** A look is under way. */
  isLooking: boolean;
  /** The plan's step in force; absent while the floor holds. */
  step: CapacityStep | undefined;
  verdict: Verdict | undefined;
  /** The last refusals that were written down. */
  refusal: string;
  bookingRefusal: string;
}

/** What it holds or has asked for, as far as is known. */
export function heldConcurrencyOf({ askedConcurrency = 0, observed, inFlight }: Pursuit): number {
  const seen = observed?.provisioned?.requested ?? 0;
  return Math.max(askedConcurrency, seen, inFlight?.concurrency ?? 0);
}

/** What the last look showed as available; nothing while a deployment moves the alias. */
export function readyConcurrencyOf({ observed }: Pursuit): number {
  return observed && !observed.hasRoutingWeights ? (observed.provisioned?.available ?? 0) : 0;
}

/** A function that begins, or goes on from where an earlier run left its pursuit. */
export function createFunctionState(
  spec: FunctionSpec,
  seed: string,
  left: { readonly pursuit?: Pursuit | undefined; readonly bookings?: Bookings | undefined } = {},
): FunctionState {
  const isSteered = spec.ownership === 'steer';
  const { isSteered: _wasSteered, ...pursuit } = left.pursuit ?? createPursuit(0);
  return {
    spec,
    spreadRatio: createRandom(`${seed}/${spec.key}/polling`).next(),
    pursuit: { ...pursuit, ...(isSteered && { isSteered }) },
    bookings: left.bookings ?? noBookings,
    foundBaseline: undefined,
    unbookedSinceMs: undefined,
    isKnown: false,
    isLooking: false,
    step: undefined,
    verdict: undefined,
    refusal: '',
    bookingRefusal: '',
  };
}

/**
 * Provisioned concurrency on our functions that stood there before us: it is in the account's pool, and not ours to plan with. Inside a reservation it
 * was taken out of the pool already.
 */
export function heldByOthers(functions: ReadonlyMap<FunctionKey, FunctionState>): number {
  return [...functions.values()]
    .filter(({ spec, pursuit }) => spec.reservedConcurrency === undefined && pursuit.state === 'idle')
    .reduce((sum, { pursuit }) => sum + (pursuit.observed?.provisioned?.requested ?? 0), 0);
}

/** What a plan's step, or without one the floor, asks of Lambda. */
export function actionOf(
  state: FunctionState,
  step: CapacityStep | undefined,
  nowMs: EpochMs,
): HoldProvisionedConcurrency {
  const { key } = state.spec;
  const { concurrency, baselineBounds, baselineProvisioned: concurrencyBefore } = state.pursuit;
  const isLowered = concurrency < seenLevelOf(state.pursuit);
  const steered = baselineBounds && {
    steered: { ...baselineBounds, isLowered, ...(concurrencyBefore !== undefined && { concurrencyBefore }) },
  };
  if (!step) {
    const because = concurrency === 0 ? 'no event is near, and the floor is 0' : `the floor of ${concurrency}`;
    return {
      kind: 'hold-provisioned-concurrency',
      key,
      concurrency,
      untilMs: nowMs + msPerHour,
      deadlineMs: nowMs + msPerHour,
      ...steered,
      because,
    };
  }
  const { untilMs, eventId, eventAtMs, raiseUntilMs, because } = step;
  // Above the floor and for no event: kept after one while it pays. What of it is not there is not asked for anew, so its raises end before it begins.
  const isKept = eventAtMs === undefined && step.concurrency > state.spec.concurrencyFloor;
  return {
    kind: 'hold-provisioned-concurrency',
    key,
    concurrency,
    untilMs,
    deadlineMs: raiseUntilMs ?? eventAtMs ?? (isKept ? step.fromMs - 1 : untilMs),
    ...(eventId !== undefined && { eventId }),
    ...steered,
    because,
  };
}

/** The alias of ours that led to this version when it was looked at last. */
export function aliasOf(
  functions: ReadonlyMap<FunctionKey, FunctionState>,
  functionArn: string,
  version: string,
): string | undefined {
  for (const [key, { pursuit }] of functions) {
    if (pursuit.observed?.version !== version) continue;
    const { accountId, region, functionName, alias } = parseFunctionKey(key)!;
    const arn = `arn:aws:lambda:${region}:${accountId}:function:${functionName}`;
    if (arn === functionArn) return alias;
  }
  return undefined;
}
