/**
 * The composition root: plain options and ports in, the running system out. `serve` hands it the real world, the demo a simulated one; nothing else
 * differs.
 *
 * It owns the order that makes a crash harmless: a tick's records are durable before any of its effects starts, and what an effect brought is a fact of
 * a later tick.
 */
import type { DeliveryOutcome } from '../actuators/notify/outbox.ts';
import { assertNever } from '../core/assert.ts';
import type { AuditDraft } from '../core/audit.ts';
import { WorldError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import type { LogRecord, Position } from '../core/ports.ts';
import { formatInstant, msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import { endOf } from '../core/volume-series.ts';
import { staleHistories } from '../detector/stale-history.ts';
import { openAuditChain, type AuditChain } from '../store/audit-log.ts';
import { lastTickHash, sealTick } from '../store/tick-log.ts';
import type { EngineSnapshot } from './engine-snapshot.ts';
import { createEngine } from './engine.ts';
import type { Effect, Fact } from './facts.ts';
import { recordOptions, recordSnapshot, type RecordedHashes } from './recorded-options.ts';
import { aliasOf } from './function-state.ts';
import type { JobAnswer } from './remedies/job.ts';
import { standingsOf } from './breaker-view.ts';
import { recoverState, saveState, type SavedSnapshot } from './saved-state.ts';
import { createSpanSource } from './span-facts.ts';
import type { StopOptions, System } from './system.ts';
import type { SystemOptions, SystemPorts } from './system-options.ts';
import { createSystemView } from './system-view.ts';
import { inSpan } from './telemetry.ts';

/** Facts that wait for the next tick; beyond it a collector is told that its fact was shed. */
const waitingFactCountMax = 100_000;

/** To write what is usual of spans holds everything else up, for a second or so where there are 6,000 keys; to judge again at a start what came since takes longer (docs/benchmarks.md). */
const watchSavedEveryMs = 5 * msPerMinute;

/** What a tick leaves to be read again. */
interface SealedText {
  readonly text: string;
  readonly atMs: EpochMs;
}

/**
 * Starts the system on its store: recovers how far it was, writes `service.started` with its inputs, and returns. The first tick decides.
 *
 * @throws WorldError when the store cannot be read or written.
 */
export async function compose(options: SystemOptions, ports: SystemPorts): Promise<System> {
  const { store, clock, log } = ports;
  // Why there is no further tick: the store takes no more, or a bug of ours. What the engine knows may be ahead of its record then, and nothing goes on from it.
  let failure: Error | undefined;
  let isFailureTold = false;
  const fail = (error: unknown): void => {
    failure ??= error as Error;
  };
  let head: Position = await store.head();
  let chain: AuditChain = await openAuditChain(store);
  let tickHash = await lastTickHash(store);
  const { engine: recovered, minutes } = await recoverState(store, options, head);
  const engine = createEngine(options, recovered);
  const controlPlane = watchControlPlane(options, ports);
  const effects = createEffects(options, ports, fail);
  const spans = await createSpanSource(store, ports.sealSpans, { watchedUntilMs: recovered.watch?.atMs, minutes });

  const append = async (
    drafts: readonly AuditDraft[],
    sealed?: SealedText,
    before: readonly LogRecord[] = [],
  ): Promise<void> => {
    const { records, next } = chain.extend(drafts);
    const tick = sealed && sealTick(sealed.text, { prevHash: tickHash, atMs: sealed.atMs });
    const all = [...before, ...(tick ? [tick.record] : []), ...records];
    if (all.length === 0) return;
    head = await store.append(all, head);
    chain = next;
    tickHash = tick?.hash ?? tickHash;
  };

  // Before the events that name it, so that nothing is ever named that is not there.
  const recorded = await recordOptions(store, options);
  const snapshotSha256 = await recordSnapshot(store, recovered);
  const isRecovered = head > 0;
  await append(
    startDrafts(options, { nowMs: clock.nowMs(), position: head, isRecovered, recorded, snapshotSha256, tickHash }),
  );
  for (const finding of staleHistories(
    options.functions.map(({ history }) => history),
    clock.nowMs(),
  ))
    log.warn('history.stale', { finding, consequence: 'forecasts may be far off until it is brought up to date' });
  for (const fact of unansweredFacts(recovered, clock.nowMs())) effects.admit(fact);

  const startedAtMs = clock.nowMs();
  let tickedAtMs: EpochMs | null = null;
  let stopping: Promise<void> | undefined;

  // The state as of the head. While an append is under way the engine is ahead of it, and what is ahead may never become durable.
  let settled: SavedSnapshot = { position: head, engine: recovered, minutes: [] };
  let isJudging = false;
  let isSaveDue = false;
  let savedAtMs = startedAtMs;

  const judge = async (how: 'tick' | 'hear'): Promise<void> => {
    const nowMs = clock.nowMs();
    isJudging = true;
    const seen = spans.take(nowMs);
    const facts = [...seen.facts, ...controlPlane.news(), ...effects.takeFacts()];
    const result = engine[how](nowMs, facts, chain.nextSeq);
    // What was not written was not decided: where this throws no effect starts.
    const sealed = result.sealed === undefined ? undefined : { text: JSON.stringify(result.sealed), atMs: nowMs };
    await append(result.drafts, sealed, seen.records);
    isJudging = false;
    settled = { position: head, engine: engine.snapshot(), minutes: [] };
    logDrafts(result.drafts, log);
    tickedAtMs = nowMs;
    for (const effect of result.effects) effects.start(effect);
    await spans.tidy();
    if (isSaveDue) await saveSnapshot();
  };

  const tick = async (): Promise<void> => {
    if (failure === undefined) await judge('tick').catch(fail);
    if (failure === undefined) return;
    isFailureTold = true;
    throw failure;
  };

  // What is usual of spans is too large to be copied each second: it is taken between two ticks, when the engine stands where the log does.
  const saveSnapshot: System['saveSnapshot'] = async ({ isRoutine = false } = {}) => {
    const nowMs = clock.nowMs();
    if (isRoutine && engine.watch.isWatching && nowMs - savedAtMs < watchSavedEveryMs) return;
    isSaveDue = isJudging && engine.watch.isWatching;
    if (isSaveDue) return;
    await saveState(store, isJudging ? settled : { ...settled, engine: engine.wholeSnapshot(), minutes: spans.open() });
    savedAtMs = nowMs;
  };

  effects.readAccount();
  const stop = async (because: string, { keepsStore = false }: StopOptions): Promise<void> => {
    effects.abort();
    await effects.finished();
    try {
      if (failure === undefined) await judge('hear').catch(fail);
      const why = failure === undefined ? because : `${because}: ${failure.message}`;
      await append([{ atMs: clock.nowMs(), kind: 'service.stopped', actor: 'service', body: { because: why } }]);
      await saveSnapshot();
    } catch (error) {
      fail(error);
    } finally {
      if (!keepsStore) await store.close();
    }
    if (failure !== undefined && !isFailureTold) throw failure;
  };

  return {
    tick,
    admit: effects.admit,
    pendingEffectCount: effects.pendingCount,
    prewarmsOf: (key) => engine.ledger.of(key),
    view: createSystemView({
      options,
      engine,
      tickedAtMs: () => tickedAtMs,
      failure: () => failure?.message,
      findings: ports.calendarFindings ?? (() => []),
    }),
    audit: () => ({ eventCount: chain.nextSeq, head: chain.head?.hash ?? null }),
    incidentCount: engine.incidentCount,
    toldCounts: engine.toldCounts,
    aliasOf: (functionArn, version) => aliasOf(engine.functions, functionArn, version),
    playbooks: {
      ...engine.playbooks,
      dryRun: (name, incidentId) => engine.playbooks.dryRun(clock.nowMs(), { name, incidentId }),
    },
    standings: () => standingsOf(options, engine.breakers(), clock.nowMs()),
    learnedUntilMs: engine.planning.learnedUntilMs,
    startedAtMs,
    tickedAtMs: () => tickedAtMs,
    readAccount: effects.readAccount,
    saveSnapshot,
    stop: (because, how = {}) => (stopping ??= stop(because, how)),
  };
}

/** Intents without an outcome: the process ended between writing and hearing. Their effect is unknown, and a look comes before anything else. */
function unansweredFacts({ openIntents, oncall, remedies }: EngineSnapshot, nowMs: EpochMs): Fact[] {
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

function startDrafts(
  options: SystemOptions,
  {
    nowMs,
    position,
    isRecovered,
    recorded,
    snapshotSha256,
    tickHash,
  }: {
    readonly nowMs: EpochMs;
    readonly position: Position;
    readonly isRecovered: boolean;
    readonly recorded: RecordedHashes;
    readonly snapshotSha256: string;
    /** Of the last tick before: the first of this run is chained to it, so that facts which are gone are missed. */
    readonly tickHash: string;
  },
): AuditDraft[] {
  const draft = (kind: AuditDraft['kind'], body: AuditDraft['body']): AuditDraft => ({
    atMs: nowMs,
    kind,
    actor: 'service',
    body,
  });
  const { calendar } = options;
  const histories = new Map(options.functions.map(({ history }) => [history.name, history.history]));
  return [
    draft('service.started', {
      release: options.release,
      simulated: options.simulated,
      position,
      snapshotSha256,
      tickHash,
      because: isRecovered ? 'started on what an earlier run left' : 'started on an empty store',
    }),
    draft('config.loaded', {
      sha256: options.configSha256,
      optionsSha256: recorded.optionsSha256,
      functions: options.functions.map(({ spec }) => ({ function: spec.key, mode: spec.mode })),
      limits: { ...options.limits },
      because: `${options.functions.length} functions`,
    }),
    draft('calendar.loaded', {
      name: calendar.name,
      version: calendar.version,
      eventCount: calendar.events.length,
      because: `${calendar.events.length} events`,
    }),
    ...[...histories].map(([name, { series, sha256, rowCount, badRowCount }]) =>
      draft('history.loaded', {
        name,
        sha256,
        seriesSha256: recorded.seriesSha256.get(name)!,
        rowCount,
        badRowCount,
        fromMs: series.fromMs,
        stepMs: series.stepMs,
        bucketCount: series.values.length,
        because: `${rowCount} rows from ${formatInstant(series.fromMs)} to ${formatInstant(endOf(series))}`,
      }),
    ),
  ];
}

/** Who answers and how long the queue is, told when it is another than before: what judgement reads is a fact like all others. */
function watchControlPlane({ functions }: SystemOptions, { endpointKindOf, queueWaitMs }: SystemPorts) {
  let told: Extract<Fact, { kind: 'control-plane' }> | undefined;
  return {
    news(): Fact[] {
      const endpointKind = endpointKindOf();
      // In whole seconds: a queue that is one call longer is no news.
      const waitMs = Math.ceil(queueWaitMs(functions.length) / msPerSecond) * msPerSecond;
      if (told?.endpointKind === endpointKind && told.queueWaitMs === waitMs) return [];
      told = { kind: 'control-plane', endpointKind, queueWaitMs: waitMs };
      return [told];
    },
  };
}

function nobodyRemedies(atMs: EpochMs): JobAnswer {
  const message = 'nothing carries remedies out here';
  return { kind: 'outcome', outcome: { kind: 'refused', atMs, code: 'NoRemedies', message } };
}

/** Starts effects and turns their answers into facts. What is no answer of the world is a bug, and goes to `fail`. */
function createEffects(
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

/** Milestones for whoever reads the log; the audit chain has them all. */
function logDrafts(drafts: readonly AuditDraft[], log: SystemPorts['log']): void {
  for (const { kind, body } of drafts) {
    const because = body['because'];
    const { wanted, target } = body;
    const key = body['function'] ?? body['key'];
    const fields = {
      function: typeof key === 'string' ? key : undefined,
      because: typeof because === 'string' ? because : undefined,
      ...(typeof wanted === 'string' && { wanted }),
      ...(typeof target === 'string' && { target }),
    };
    if (kind === 'notification.dropped') log.error(kind, { ...fields, consequence: 'nobody is told of it there' });
    else if (kind.startsWith('notification.')) logTold(kind, body, { fields, log });
    else if (kind === 'incident.opened' || kind === 'prewarm.late') log.error(kind, fields);
    // In shadow every action is refused, which is the point of it; in advise it is what people want to hear.
    else if (kind === 'action.refused' && body['mode'] === 'shadow') log.debug(kind, fields);
    // The second that a booking takes; one that is not to be had is an incident of its own.
    else if (kind === 'action.refused' && body['stage'] === 'booked') log.debug(kind, fields);
    else if (kind === 'action.refused' || kind === 'prewarm.lost') log.warn(kind, fields);
    else if (kind === 'prewarm.ready' || kind === 'action.intended' || kind === 'action.outcome')
      log.info(kind, fields);
    else log.debug(kind, fields);
  }
}

/** What a person at the log wants to know of messages: that they left, that they are not taken, and what came back. */
function logTold(
  kind: AuditDraft['kind'],
  { outcome, consequence }: AuditDraft['body'],
  { fields, log }: { readonly fields: Readonly<Record<string, string | undefined>>; readonly log: SystemPorts['log'] },
): void {
  const kindOf = (value: Json | undefined): Json | undefined =>
    (value as Readonly<Record<string, Json>> | undefined)?.['kind'];
  if (kind !== 'notification.outcome') log.info(kind, fields);
  else if (kindOf(consequence) === 'dropped')
    log.error(kind, { ...fields, consequence: 'others are paged in its place, where there are any' });
  else if (kindOf(outcome) === 'taken') log.debug(kind, fields);
  else log.warn(kind, { ...fields, consequence: 'it is tried again' });
}
