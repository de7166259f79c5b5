/**
 * The composition root: plain options and ports in, the running system out. `serve` hands it the real world, the demo a simulated one; nothing else
 * differs.
 *
 * It owns the order that makes a crash harmless: a tick's records are durable before any of its effects starts, and what an effect brought is a fact of
 * a later tick.
 */
import type { AuditDraft } from '../core/audit.ts';
import type { LogRecord, Position } from '../core/ports.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import { staleHistories } from '../detector/stale-history.ts';
import { openAuditChain, type AuditChain } from '../store/audit-log.ts';
import { lastTickHash, sealTick } from '../store/tick-log.ts';
import { createEngine } from './engine.ts';
import { createEffects, unansweredFacts } from './effects.ts';
import type { Fact } from './facts.ts';
import { logDrafts } from './log-drafts.ts';
import { recordOptions, recordSnapshot } from './recorded-options.ts';
import { startDrafts } from './start-drafts.ts';
import { aliasOf } from './function-state.ts';
import { standingsOf } from './breaker-view.ts';
import { recoverState, saveState, type SavedSnapshot } from './saved-state.ts';
import { createSpanSource } from './span-facts.ts';
import type { StopOptions, System } from './system.ts';
import type { SystemOptions, SystemPorts } from './system-options.ts';
import { createSystemView } from './system-view.ts';

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
    standings: () => standingsOf(options.remedies?.breakers ?? [], engine.breakers(), clock.nowMs()),
    learnedUntilMs: engine.planning.learnedUntilMs,
    startedAtMs,
    tickedAtMs: () => tickedAtMs,
    readAccount: effects.readAccount,
    saveSnapshot,
    stop: (because, how = {}) => (stopping ??= stop(because, how)),
  };
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
