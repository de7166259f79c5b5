/**
 * The stages of the gate, in the order in which they are asked. First what needs no look at the world (may we, are we waiting, is there anything
 * to do), then a fresh look, then what depends on it, and the joint limits last, on the newest numbers.
 */
import type { HoldProvisionedConcurrency, Outcome } from '../core/action.ts';
import { createRandom } from '../core/random.ts';
import { formatInstant } from '../core/time.ts';
import type { GateContext, GateStage, Stop } from './gate.ts';
import { baselineOf, seenLevelOf } from './pursuit.ts';

/** A look that is older than this describes the past: deployments take a minute or two. */
const observedAgeMsMax = 30_000;

/** Lambda always keeps this much of the account for functions without a reservation. */
const unreservedConcurrencyMin = 100;

const retryFirstMs = 1_000;
const retryMsMax = 30_000;
const passingRefusalMs = 30_000;
/** At half a minute each this is a quarter of an hour: longer than any pre-warm leads. */
const attemptCountMax = 30;

const modeStage: GateStage = {
  name: 'mode',
  judge: (_action, { mode }) =>
    mode === 'enforce' ? undefined : refuse(`mode is ${mode}: decided and recorded, not carried out`),
};

// A raise ends by a call that the other end has booked: an address that is neither AWS nor the twin may book it and never make it.
const endpointStage: GateStage = {
  name: 'endpoint',
  judge: (_action, { endpointKind }) =>
    endpointKind === 'unknown'
      ? refuse('nobody knows what answers as the control plane: enforce acts on AWS and on the twin only')
      : undefined,
};

// Two controllers on one knob is an outage: who turns it is said before it is turned.
const ownerStage: GateStage = {
  name: 'owner',
  judge(_action, { spec: { ownership } }) {
    if (ownership === 'own' || ownership === 'steer') return undefined;
    return refuse(ownership ? 'ownership is observe: somebody else sets it' : 'nobody said who owns it');
  },
};

const heldStage: GateStage = {
  name: 'held',
  judge(_action, { operatorHold, nowMs }) {
    if (!operatorHold || (operatorHold.untilMs !== undefined && operatorHold.untilMs <= nowMs)) return undefined;
    return wait(`held by an operator: ${operatorHold.because}`, operatorHold.untilMs);
  },
};

// What is held ends by itself and may be given back; nothing more is asked for.
const brakeStage: GateStage = {
  name: 'brake',
  judge(action, context) {
    const { brake } = context;
    return brake && isRaise(action, context) ? wait(`the brake is on (${brake.by}): ${brake.because}`) : undefined;
  },
};

const approvalStage: GateStage = {
  name: 'approval',
  judge(action, context) {
    const { unapproved } = context;
    return unapproved !== undefined && isRaise(action, context) ? wait(unapproved) : undefined;
  },
};

const inFlightStage: GateStage = {
  name: 'in-flight',
  judge(_action, { pursuit: { inFlight } }) {
    if (!inFlight) return undefined;
    return wait(`the answer to ${inFlight.concurrency} asked at ${formatInstant(inFlight.sentAtMs)} is awaited`);
  },
};

const alreadyStage: GateStage = {
  name: 'already',
  judge({ concurrency }, { pursuit }) {
    const { state, observed, askedConcurrency, isSteered } = pursuit;
    if (state === 'idle') return concurrency === 0 ? already('nothing of ours is there') : undefined;
    if (state === 'asked' && askedConcurrency === concurrency)
      return already(`${concurrency} is asked for, not seen yet`);
    const isWatched = state === 'allocating' || state === 'ready' || state === 'lost';
    const held = observed?.provisioned;
    if (!isWatched || seenLevelOf(pursuit) !== concurrency || held?.status === 'FAILED') return undefined;
    const isWhole = !isSteered || (observed?.scalable?.max ?? 0) >= (pursuit.baselineBounds?.max ?? 0);
    if (!isWhole || (!isSteered && !held)) return undefined;
    return already(`${concurrency} is asked for, ${held?.available ?? 0} available, ${held?.status ?? 'nothing yet'}`);
  },
};

/**
 * After a throttle or an outage: doubling from a second to half a minute, by a jitter of at most a half. After a refusal: until facts change, or half a
 * minute where it may pass by itself.
 */
const backoffStage: GateStage = {
  name: 'backoff',
  judge(action, context) {
    const { pursuit, nowMs, seed } = context;
    const { lastOutcome, attemptCount } = pursuit;
    if (!lastOutcome || lastOutcome.kind === 'accepted') return undefined;
    if (lastOutcome.kind === 'refused' && !isPassing(lastOutcome)) {
      return refuse(`Lambda refused: ${lastOutcome.code}: ${lastOutcome.message}`);
    }
    if (attemptCount >= attemptCountMax && isRaise(action, context))
      return refuse(`${attemptCount} attempts have failed`);
    if (lastOutcome.kind === 'refused') {
      const againAtMs = lastOutcome.atMs + passingRefusalMs;
      return nowMs < againAtMs ? wait(`${lastOutcome.code}: it may pass`, againAtMs) : undefined;
    }
    const jitter = createRandom(`${seed}/${action.key}/${attemptCount}`).next();
    const delayMs = Math.min(retryMsMax, retryFirstMs * 2 ** Math.max(0, attemptCount - 1)) * (0.5 + jitter / 2);
    const untilMs = Math.ceil(lastOutcome.atMs + Math.max(delayMs, lastOutcome.retryAfterMs ?? 0));
    return nowMs < untilMs ? wait(`${lastOutcome.kind}: ${lastOutcome.code}`, untilMs) : undefined;
  },
};

/**
 * A refusal that may end without anything to be seen: a function being updated, weights that a deployment set and took away between two looks.
 */
function isPassing({ code, message }: Extract<Outcome, { kind: 'refused' }>): boolean {
  return code === 'ResourceConflictException' || message.startsWith('Alias with weights');
}

const observedStage: GateStage = {
  name: 'observed',
  judge(action, { pursuit, nowMs }) {
    const { state, observed, lastOutcome, lookFailedCount, isSteered } = pursuit;
    if (state === 'cannot-verify') return wait('what Lambda holds cannot be verified: nothing is changed until it can');
    if (lookFailedCount > 0) return wait(`${lookFailedCount} looks in a row have failed`);
    if (!observed) return observe('never looked at');
    if (nowMs - observed.atMs > observedAgeMsMax) return observe(`last seen at ${formatInstant(observed.atMs)}`);
    // Taking away what is not there would be a call for nothing: one more look tells, and then nothing of ours is left.
    if (action.concurrency === 0 && !isSteered && !observed.provisioned) {
      return observe('nothing stood there when it was last seen');
    }
    // A throttled call did not happen; after any other failure only a later look can tell.
    const isDoubtful = lastOutcome !== undefined && lastOutcome.kind !== 'throttled' && lastOutcome.kind !== 'accepted';
    return isDoubtful && observed.atMs < lastOutcome.atMs ? observe('not seen since the last attempt') : undefined;
  },
};

const expiredStage: GateStage = {
  name: 'expired',
  judge(action, context) {
    const { nowMs } = context;
    if (action.concurrency > 0 && nowMs >= action.untilMs) {
      return refuse(`it was wanted until ${formatInstant(action.untilMs)}`);
    }
    if (nowMs <= action.deadlineMs || !isRaise(action, context) || isPutBack(context)) return undefined;
    return refuse(`raises ended at ${formatInstant(action.deadlineMs)}: capacity would come too late`);
  },
};

// FAILED means that the function's own start is broken under load: more of the same makes it worse, and a person must look. What remains is to
// go back down to what stood before, once.
const failedStage: GateStage = {
  name: 'failed',
  judge(action, context) {
    const { failure, baselineConcurrency = 0 } = context.pursuit;
    if (!failure || action.concurrency === 0) return undefined;
    const isReturn = action.concurrency <= Math.max(context.spec.concurrencyFloor, baselineConcurrency);
    if (isReturn && action.concurrency < requestedNow(context)) return undefined;
    return refuse(`version ${failure.version} failed to start (${failure.reason}): an incident, not a retry`);
  },
};

const ownershipStage: GateStage = {
  name: 'ownership',
  judge(action, context) {
    const { baselineConcurrency = 0, oursConcurrencyMax = 0, isSteered, observed } = context.pursuit;
    // Registering it would make one, and somebody has taken it away.
    if (isSteered && observed && !observed.scalable) {
      return refuse('there is no scalable target to steer: register one, or say that ownership is own');
    }
    const requested = requestedNow(context);
    if (action.concurrency >= requested) return undefined;
    if (action.concurrency < baselineConcurrency) {
      return refuse(`${baselineConcurrency} stood there before us, and is not ours to remove`);
    }
    if (requested > oursConcurrencyMax) {
      return wait(`somebody else asked for ${requested}: not ours to lower`);
    }
    return undefined;
  },
};

// What a window holds is put back once. A second change is no accident, and two who set the same thing by turns would set it for ever.
const driftStage: GateStage = {
  name: 'drift',
  judge({ concurrency }, { pursuit, spec: { onDrift = 'restore' } }) {
    const { drift, state } = pursuit;
    if (state !== 'lost' || !drift || concurrency === 0 || seenLevelOf(pursuit) === concurrency) return undefined;
    if (onDrift === 'yield') return refuse(`another hand set ${drift.seen}, and has it: onDrift is yield`);
    return drift.count > 1 ? refuse(`another hand set ${drift.seen}, after it had been put back once`) : undefined;
  },
};

// Lambda refuses a Put on a weighted alias, its own weights while an alias moves included. A release needs no routing: it goes through, or a canary
// of three days would hold an event's capacity for three days.
const deploymentStage: GateStage = {
  name: 'deployment',
  judge(action, { pursuit }) {
    const { observed, oursConcurrencyMax = 0, readyAtMs, lostAtMs } = pursuit;
    if (action.concurrency === 0 || !observed) return undefined;
    if (observed.hasRoutingWeights) return wait('a deployment is in flight: the alias has routing weights');
    if (observed.provisioned?.status !== 'IN_PROGRESS') return undefined;
    // Lambda goes back to allocating what was READY when somebody moves the alias.
    const isMoved = readyAtMs !== undefined || lostAtMs !== undefined;
    const isOurs = observed.provisioned.requested <= oursConcurrencyMax && !isMoved;
    // Application Auto Scaling moves what we steer whenever it likes; its minimum may be moved meanwhile.
    return isOurs || pursuit.isSteered ? undefined : wait('Lambda is reallocating by another hand than ours');
  },
};

/** Above it the control plane has a bad day: one call in twenty does not succeed. */
export const badDayErrorRatio = 0.05;

// What is given back on a bad day may not be had again. Its booked end still comes.
const badDayStage: GateStage = {
  name: 'bad-day',
  judge(action, context) {
    const { errorRatio = 0, pursuit } = context;
    if (errorRatio <= badDayErrorRatio || action.concurrency >= requestedNow(context) || pursuit.failure)
      return undefined;
    return wait(
      `${Math.round(errorRatio * 100)} % of calls to the control plane fail: nothing is lowered until they do not`,
    );
  },
};

// The call that ends it first: whatever happens to us, it ends. What only goes back to what stood before needs no end.
const bookedStage: GateStage = {
  name: 'booked',
  judge({ concurrency }, { pursuit, bookedEndMs }) {
    if (concurrency <= baselineOf(pursuit) || bookedEndMs !== undefined) return undefined;
    return wait('no call that ends it is booked in AWS yet');
  },
};

const ceilingStage: GateStage = {
  name: 'ceiling',
  judge(action, context) {
    if (!isRaise(action, context)) return undefined;
    const { spec, limits, account, others } = context;
    const { concurrency } = action;
    if (concurrency > spec.concurrencyCeiling)
      return refuse(`${concurrency} is above the ceiling ${spec.concurrencyCeiling}`);
    if (concurrency > (spec.reservedConcurrency ?? Infinity)) {
      return refuse(`${concurrency} is above the reserved concurrency ${spec.reservedConcurrency ?? 0}`);
    }
    const total = concurrency + others.concurrency;
    if (total > limits.concurrencyMax) return refuse(`${total} over all functions is above ${limits.concurrencyMax}`);
    const accountMax = (account?.concurrencyLimit ?? Infinity) - unreservedConcurrencyMin;
    return total > accountMax ? refuse(`${total} over all functions leaves the account less than 100`) : undefined;
  },
};

// A plan spends a limit to the last cent, and sums its dollars in another order.
const usdTolerance = 1e-9;

const budgetStage: GateStage = {
  name: 'budget',
  judge(action, context) {
    if (!isRaise(action, context)) return undefined;
    const { limits, others, cost } = context;
    const usdPerHour = others.usdPerHour + cost.usdPerHour;
    if (usdPerHour > limits.usdPerHourMax + usdTolerance)
      return refuse(overBudget(usdPerHour, 'an hour', limits.usdPerHourMax));
    const usd = others.usdOfEvent + cost.usd;
    if (action.eventId === undefined || usd <= limits.usdPerEventMax + usdTolerance) return undefined;
    return refuse(overBudget(usd, `for ${action.eventId}`, limits.usdPerEventMax));
  },
};

/** In the order in which they are asked. */
export const gateStages: readonly GateStage[] = [
  modeStage,
  ownerStage,
  endpointStage,
  heldStage,
  brakeStage,
  inFlightStage,
  alreadyStage,
  backoffStage,
  observedStage,
  expiredStage,
  failedStage,
  ownershipStage,
  driftStage,
  deploymentStage,
  badDayStage,
  bookedStage,
  ceilingStage,
  budgetStage,
  approvalStage,
];

/** A booked raise is asked what a raise is asked, but for what only a look at that instant could tell. An end is asked who may act at all. */
export const bookedRaiseStages: readonly GateStage[] = [
  modeStage,
  ownerStage,
  endpointStage,
  heldStage,
  brakeStage,
  failedStage,
  ceilingStage,
  budgetStage,
  approvalStage,
];
export const bookedEndStages: readonly GateStage[] = [modeStage, ownerStage, endpointStage];

/** What was asked for, by whomever, as far as we know. */
function requestedNow({ pursuit }: GateContext): number {
  return pursuit.state === 'asked' ? (pursuit.askedConcurrency ?? 0) : seenLevelOf(pursuit);
}

/** What was READY in this window and was taken away by another hand, once: it is late for a raise, and not for this. */
function isPutBack({ pursuit: { state, drift, windowId } }: GateContext): boolean {
  return state === 'lost' && drift?.count === 1 && windowId !== undefined;
}

/** More than stands or is being prepared; a request that FAILED holds nothing. */
function isRaise(action: HoldProvisionedConcurrency, context: GateContext): boolean {
  const { state, observed } = context.pursuit;
  const isDead = state !== 'asked' && observed?.provisioned?.status === 'FAILED';
  return action.concurrency > (isDead ? 0 : requestedNow(context));
}

function overBudget(usd: number, what: string, usdMax: number): string {
  return `${usd.toFixed(2)} dollars ${what} over all functions is above ${usdMax.toFixed(2)}`;
}

function refuse(reason: string): Stop {
  return { kind: 'refuse', reason };
}

function wait(reason: string, untilMs?: number): Stop {
  return { kind: 'wait', reason, ...(untilMs !== undefined && { untilMs }) };
}

function observe(reason: string): Stop {
  return { kind: 'observe', reason };
}

function already(reason: string): Stop {
  return { kind: 'already', reason };
}
