/** Effects: started once what announces them is durable, and answered by facts of a later tick. */
import type { DeliveryOutcome } from '../actuators/notify/outbox.ts';
import { assertNever } from '../core/assert.ts';
import { WorldError } from '../core/errors.ts';
import type { EpochMs } from '../core/time.ts';
import type { EngineSnapshot } from './engine-snapshot.ts';
import type { Effect, Fact } from './facts.ts';
import type { JobAnswer } from './remedies/job.ts';
import type { SystemOptions, SystemPorts } from './system-options.ts';
import { inSpan } from './telemetry.ts';

/** Facts that wait for the next tick; beyond it a collector is told that its fact was shed. */
const waitingFactCountMax = 100_000;

/** Intents without an outcome: the process ended between writing and hearing. Their effect is unknown, and a look comes before anything else. */
export function unansweredFacts({ openIntents, oncall, remedies }: EngineSnapshot, nowMs: EpochMs): Fact[] {
  const because = 'the service ended before the answer was written';
  const messages = Object.entries(oncall?.lanes ?? {}).flatMap(([laneId, { target, inFlightSeq }]): Fact[] => {
    if (inFlightSeq === undefined) return [];
    const outcome = { kind: 'failed', atMs: nowMs, because, mayHaveArrived: true } as const;
    return [{ kind: 'delivered', laneId, target, intentSeq: inFlightSeq, outcome }];
  });
  const actions = Object.entries(openIntents).map(([seq, action]): Fact => ({
    kind: 'outcome',
    intentSeq: Number(seq),
    action,
    outcome: {
      kind: 'unknown',
      atMs: nowMs,
      code: 'Restarted',
      message: because,
    },
  }));
  const calls = Object.values(remedies?.jobs ?? {}).flatMap(({ id, isAsked, intentSeq }): Fact[] => {
    const outcome = { kind: 'unknown', atMs: nowMs, code: 'Restarted', message: because } as const;
    const answer = { kind: 'outcome', outcome } as const;
    return isAsked ? [{ kind: 'remedied', jobId: id, answer, ...(intentSeq !== undefined && { intentSeq }) }] : [];
  });
  return [...actions, ...messages, ...calls];
}

function nobodyRemedies(atMs: EpochMs): JobAnswer {
  const message = 'nothing carries remedies out here';
  return { kind: 'outcome', outcome: { kind: 'refused', atMs, code: 'NoRemedies', message } };
}

/** Starts effects and turns their answers into facts. What is no answer of the world is a bug, and goes to `fail`. */
export function createEffects(
  { functions }: SystemOptions,
  { actuator, bookkeeper, messenger, remedies, clock, log, tracer, readAccountLimits }: SystemPorts,
  fail: (error: unknown) => void,
) {
  const aborted = new AbortController();
  const waiting: Fact[] = [];
  const pending = new Set<Promise<void>>();
  let shedCount = 0;

  const admit = (fact: Fact): 'admitted' | 'shed' => {
    if (fact.kind === 'volume' && waiting.length >= waitingFactCountMax) {
      if (shedCount++ === 0)
        log.warn('facts.shed', {
          waiting: waiting.length,
          consequence: 'volume that came now will be missing from forecasts',
        });
      return 'shed';
    }
    waiting.push(fact);
    return 'admitted';
  };
  const track = (work: Promise<void>): void => {
    const watched = work.catch(fail).finally(() => pending.delete(watched));
    pending.add(watched);
  };
  const observe = async ({ key, urgency }: Extract<Effect, { kind: 'observe' }>): Promise<void> => {
    try {
      const observed = await inSpan(tracer, 'observe', { 'foreshock.function': key }, () =>
        actuator.observe(key, aborted.signal, urgency),
      );
      admit({ kind: 'observed', observed });
    } catch (error) {
      if (!(error instanceof WorldError)) throw error;
      admit({ kind: 'unverifiable', key, atMs: clock.nowMs(), code: error.code, message: error.message });
    }
  };
  const list = async (): Promise<void> => {
    const askedAtMs = clock.nowMs();
    try {
      const keys = functions.map(({ spec }) => spec.key);
      const bookings = await inSpan(tracer, 'list-bookings', {}, () => bookkeeper.listBookings(keys, aborted.signal));
      admit({ kind: 'booked', bookings, askedAtMs });
    } catch (error) {
      if (!(error instanceof WorldError)) throw error;
      admit({ kind: 'unlisted', atMs: clock.nowMs(), code: error.code, message: error.message });
    }
  };
  const apply = async ({ action, intentSeq }: Extract<Effect, { kind: 'apply' }>): Promise<void> => {
    const isHold = action.kind === 'hold-provisioned-concurrency';
    const { concurrency } = isHold ? action : action.booking;
    const attributes = { 'foreshock.function': action.key, 'foreshock.concurrency': concurrency };
    const outcome = await inSpan(tracer, isHold ? 'apply' : action.kind, attributes, () =>
      actuator.apply(action, aborted.signal),
    );
    admit({ kind: 'outcome', intentSeq, action, outcome });
  };
  const deliver = async ({ delivery, intentSeq }: Extract<Effect, { kind: 'deliver' }>): Promise<void> => {
    const { laneId, target } = delivery;
    const refused: DeliveryOutcome = { kind: 'refused', atMs: clock.nowMs(), because: 'nothing carries messages here' };
    const outcome = await inSpan(tracer, 'deliver', { 'foreshock.target': target }, async () =>
      messenger ? messenger.deliver(delivery, aborted.signal) : refused,
    );
    admit({ kind: 'delivered', laneId, target, intentSeq, outcome });
  };
  const remedy = async ({ jobId, call, intentSeq }: Extract<Effect, { kind: 'remedy' }>): Promise<void> => {
    const answer = await inSpan(tracer, `remedy ${call.kind}`, { 'foreshock.job': jobId }, async () =>
      remedies ? remedies.call(call, aborted.signal) : nobodyRemedies(clock.nowMs()),
    );
    admit({ kind: 'remedied', jobId, answer, ...(intentSeq !== undefined && { intentSeq }) });
  };
  const run = (effect: Effect): Promise<void> => {
    switch (effect.kind) {
      case 'remedy':
        return remedy(effect);
      case 'observe':
        return observe(effect);
      case 'list-bookings':
        return list();
      case 'apply':
        return apply(effect);
      case 'deliver':
        return deliver(effect);
      default:
        return assertNever(effect);
    }
  };
  return {
    admit,
    start: (effect: Effect) => track(run(effect)),
    readAccount: () =>
      track(
        readAccountLimits().then(
          (limits) => void admit({ kind: 'account', limits }),
          (error: unknown) =>
            log.warn('account.unreadable', {
              error: (error as Error).message,
              consequence: 'the last limits known stay in force; without any, nothing is planned',
            }),
        ),
      ),
    takeFacts: () => waiting.splice(0),
    pendingCount: () => pending.size,
    abort: () => aborted.abort(),
    finished: async () => {
      while (pending.size > 0) await Promise.all(pending);
    },
  };
}
