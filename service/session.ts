/**
 * One configuration at work: its system on the real world, its calendars followed, its chores. When the configuration is edited a new session takes over
 * the store where the old one left it; the process and its listener stay.
 */
import type { Tracer } from '@opentelemetry/api';
import type { Config } from '../config/load.ts';
import { defaultAccountLimits, type AccountLimits, type Store } from '../core/ports.ts';
import { msPerMinute } from '../core/time.ts';
import { endOf, sliceSeries } from '../core/volume-series.ts';
import { createSigner } from '../store/anchor.ts';
import { pruneStore } from '../store/retention.ts';
import { createBreakerBoard } from './breaker-board.ts';
import { createBreakerDoors, type BreakerDoors } from './breaker-desk.ts';
import { createActingDesk } from './acting-desk.ts';
import { createAnchoring, type Anchoring } from './anchoring.ts';
import { openCalendarDesk, type CalendarDesk } from './calendar-desk.ts';
import { calendarSourceNames, followCalendars, type FollowedCalendars } from './calendar-sources.ts';
import type { CloudwatchVolume } from './cloudwatch-volume.ts';
import { compose } from './compose.ts';
import { readHistories, sessionClockOf } from './from-config.ts';
import { startHousekeeping, type Chore } from './housekeeping.ts';
import type { ActingDesk } from './http/acting.ts';
import type { Operations } from './http/operations.ts';
import type { PlaybookDesk } from './http/playbooks.ts';
import { createPlaybookDesk } from './playbook-desk.ts';
import { createCapacityCaller } from './remedies/added-capacity.ts';
import { createWebhookCaller } from './remedies/webhook.ts';
import { createHeartbeat, createMessenger } from './messenger.ts';
import type { Log } from './log.ts';
import { createOncallInbox, type OncallInbox } from './oncall-inbox.ts';
import { createRemedyCaller } from './remedies/caller.ts';
import { createOperations } from './operations.ts';
import { cronWakeups, realClock, realTimers } from './real-time.ts';
import { openSpanReceiver } from './span-receiver.ts';
import type { SessionParts, SessionPorts } from './session-parts.ts';
import type { System } from './system.ts';
import type { SystemOptions } from './system-options.ts';
import type { Scorecard, SystemView } from './view.ts';

export interface SessionOptions extends SessionPorts {
  readonly tracer: Tracer;
}

export interface Session {
  readonly parts: SessionParts;
  readonly system: System;
  readonly view: SystemView;
  readonly operations: Operations;
  readonly acting: ActingDesk;
  /** Absent: there are none. */
  readonly breakers?: BreakerDoors;
  /** Absent: there are none. */
  readonly playbooks?: PlaybookDesk;
  /** Where targets of on-call answer; absent: none may. */
  readonly inbox?: OncallInbox;
  /** Stops the chores and the system in good order. The store stays open. */
  end(because: string, how?: { readonly isHandedOver: boolean }): Promise<void>;
}

/**
 * Starts a session on what the store holds.
 *
 * @throws WorldError when the store cannot be read or written. InputError when what CloudWatch counted cannot be kept.
 */
export async function startSession(parts: SessionParts, options: SessionOptions): Promise<Session> {
  const { config } = parts;
  const { log } = options;
  const { system, desk, calendars, cloudwatch, receiver, board } = await startSystem(parts, options);
  const breakers = createBreakerDoors({ config, system, board, clock: realClock, timers: realTimers });
  const playbooks = createPlaybookDesk({ playbooks: config.playbooks, system, clock: realClock });
  const anchoring = openAnchoring(system, parts, options);
  const chores = choresOf(system, { config, ...options, anchoring, cloudwatch, desk, calendars });
  const stopHousekeeping = startHousekeeping(chores, { wakeups: cronWakeups, log });
  const end = async (because: string, isHandedOver: boolean): Promise<void> => {
    calendars.close();
    await stopHousekeeping();
    // Before the last tick: what was received until now is in it.
    await receiver?.close();
    // What somebody asked for until now is heard by the last tick; what comes later waits for the session after this one.
    await desk.close();
    try {
      await system.stop(because, { keepsStore: true });
    } finally {
      // The last word of the chain is in it too; what hinders it must not hide why the service stopped. The next session goes on from there, at its interval.
      if (!isHandedOver)
        await anchoring
          ?.writeLast()
          .catch((error: unknown) => log.error('anchor.unwritten', { error: (error as Error).message }));
    }
  };
  let ending: Promise<void> | undefined;
  return {
    parts,
    system,
    view: {
      ...system.view,
      isReady() {
        const own = system.view.isReady();
        // Blind to spans it still warms, and breaks nothing; but nobody should believe that it sees.
        const traces = receiver?.standing();
        return own.ready && traces && !traces.ready ? traces : own;
      },
      scorecard: () => scorecardOf(system, config),
      senders: () => receiver?.senders() ?? [],
    },
    operations: createOperations(config, desk, system),
    acting: createActingDesk(
      config.functions.map(({ spec }) => spec),
      { clock: realClock, admit: (fact) => system.admit(fact), view: () => system.view.acting() },
    ),
    ...(breakers && { breakers }),
    ...(playbooks && { playbooks }),
    ...(config.oncall && {
      inbox: createOncallInbox(config.oncall.targets, { clock: realClock, admit: (fact) => system.admit(fact) }),
    }),
    end: (because, { isHandedOver } = { isHandedOver: false }) => (ending ??= end(because, isHandedOver)),
  };
}

async function startSystem(
  { config, given, options, aws, openVolume }: SessionParts,
  { store, log, tracer }: SessionOptions,
) {
  const volume = await openVolume();
  const sessionClock = sessionClockOf(config);
  const sources = calendarSourceNames(config);
  const desk = await openCalendarDesk({ store, clock: realClock, log, sessionClock, given, sources });
  const known: { system?: System } = {};
  const { otlp } = config.telemetry;
  const aliasOf = (functionArn: string, version: string) => known.system?.aliasOf(functionArn, version);
  const receiver =
    otlp && (await openSpanReceiver(otlp, config, { clock: realClock, timers: realTimers, aliasOf, log }));
  if (receiver) log.info('traces.listening', { url: receiver.url });
  const messenger = config.oncall && createMessenger({ targets: config.oncall.targets, clock: realClock });
  const board = createBreakerBoard(realClock);
  const remedies = createRemedyCaller({
    remedies: aws.remediesAtAws,
    ...{ clock: realClock, board },
    callWebhook: createWebhookCaller(messenger, realClock),
    addProvisioned: createCapacityCaller({ specs: config.functions.map(({ spec }) => spec), desk, clock: realClock }),
  });
  const composed = compose(
    { ...options, calendar: desk.calendar() },
    {
      clock: realClock,
      store,
      log,
      tracer,
      ...aws,
      remedies,
      ...(messenger && { messenger }),
      readAccountLimits: limitsReader(options, { read: aws.readAccountLimits, log }),
      calendarFindings: () => desk.findings(),
      ...(receiver && { sealSpans: receiver.seal }),
    },
  );
  const system = await composed.catch(async (error: unknown) => {
    await receiver?.close();
    throw error;
  });
  known.system = system;
  desk.connect((fact) => system.admit(fact));
  const calendars = followCalendars({ config, desk, known: given, clock: realClock, timers: realTimers, log });
  // All of them: who asks for one that never opened waits for news of it like the others.
  board.publish(system.standings());
  return { system, desk, calendars, receiver, board, cloudwatch: await volume?.follow(system, options.functions) };
}

/**
 * Reads the account's limits. Where nothing acts and nobody has answered yet (a laptop without credentials), the default of a new account stands in, marked as assumed: a
 * shadow that plans nothing shows nothing.
 */
function limitsReader(
  { functions }: Pick<SystemOptions, 'functions'>,
  { read, log }: { readonly read: () => Promise<AccountLimits>; readonly log: Log },
): () => Promise<AccountLimits> {
  const isActing = functions.some(({ spec }) => spec.mode === 'enforce');
  let hasAnswered = false;
  let isTold = false;
  return async () => {
    try {
      const limits = await read();
      hasAnswered = true;
      return limits;
    } catch (error) {
      if (isActing || hasAnswered) throw error;
      const consequence = `plans assume ${defaultAccountLimits.concurrencyLimit} concurrent executions`;
      if (!isTold) log.warn('account.assumed', { error: (error as Error).message, consequence });
      isTold = true;
      return { ...defaultAccountLimits, isAssumed: true };
    }
  };
}

function openAnchoring(
  system: System,
  { config, sinks }: SessionParts,
  { log, signal }: SessionOptions,
): Anchoring | undefined {
  const { anchorEveryMinutes, signingKey } = config.audit;
  if (sinks.length === 0) return undefined;
  return createAnchoring({
    sinks,
    intervalMs: anchorEveryMinutes * msPerMinute,
    ...(signingKey && { sign: createSigner(signingKey.reveal()) }),
    head() {
      const { eventCount, head } = system.audit();
      return head === null ? undefined : { seq: eventCount - 1, hash: head };
    },
    clock: realClock,
    timers: realTimers,
    log,
    signal,
  });
}

interface ChoreSources extends SessionOptions {
  readonly config: Config;
  readonly anchoring: Anchoring | undefined;
  readonly cloudwatch: CloudwatchVolume | undefined;
  readonly desk: CalendarDesk;
  readonly calendars: FollowedCalendars;
}

function choresOf(
  system: System,
  { config, store, log, signal, anchoring, cloudwatch, desk, calendars }: ChoreSources,
): Chore[] {
  return [
    ...(cloudwatch ? cloudwatchChores(cloudwatch, signal) : []),
    ...(anchoring ? [{ name: 'write-anchor', every: 'minute', run: () => anchoring.writeWhenDue() } as const] : []),
    ...heartbeatChores(system, config, { log, signal }),
    { name: 'save-snapshot', every: 'minute', run: () => system.saveSnapshot({ isRoutine: true }) },
    { name: 'read-account-limits', every: 'minute', run: async () => system.readAccount() },
    { name: 'look-over-calendars', every: 'hour', run: async () => desk.lookOver(calendars.health()) },
    { name: 'read-volume', every: 'hour', run: () => readNewVolume(system, config, signal) },
    { name: 'prune', every: 'hour', run: () => prune(system, store, config.retention) },
  ];
}

function cloudwatchChores(cloudwatch: CloudwatchVolume, signal: AbortSignal): Chore[] {
  return [
    { name: 'read-cloudwatch', every: 'minute', run: () => cloudwatch.read(signal) },
    { name: 'read-vitals', every: 'hour', run: () => cloudwatch.readVitals(signal) },
  ];
}

/** Withheld where nothing was judged of late: silence is what somebody else pages on. */
function heartbeatChores(
  system: System,
  { oncall }: Config,
  { log, signal }: Pick<SessionOptions, 'log' | 'signal'>,
): Chore[] {
  if (!oncall?.heartbeat) return [];
  const beat = createHeartbeat(oncall.heartbeat, {
    clock: realClock,
    log,
    lastJudgedAtMs: () => (system.view.isReady().ready ? system.tickedAtMs() : null),
  });
  return [{ name: 'heartbeat', every: 'minute', run: () => beat(signal) }];
}

/** What went is said in the log that it went from, so that an anchor covers it. */
async function prune(system: System, store: Store, retention: Config['retention']): Promise<void> {
  const atMs = realClock.nowMs();
  const pruned = await pruneStore(store, retention, atMs);
  const { deltasCount, minuteCount, tickCount, eventCount, blobCount } = pruned;
  if (deltasCount + minuteCount + tickCount + eventCount + blobCount === 0) return;
  const because = `${deltasCount} seconds and ${minuteCount} minutes of spans, ${tickCount} ticks, ${eventCount} events and ${blobCount} blobs were older than they are kept`;
  const body = { ...pruned, retention: { ...retention }, because };
  system.admit({ kind: 'told', draft: { atMs, kind: 'store.pruned', actor: 'service', body } });
}

/** Rows that a history has gained since it was learned. */
async function readNewVolume(system: System, config: Config, signal: AbortSignal): Promise<void> {
  const histories = await readHistories(config, { untilMs: realClock.nowMs(), signal });
  for (const { spec, volume } of config.functions) {
    if (volume.csv === undefined) continue;
    const { series } = histories.get(volume.csv)!.history;
    const fresh = sliceSeries(series, system.learnedUntilMs(spec.key), endOf(series));
    for (const [index, value] of fresh.values.entries()) {
      if (Number.isNaN(value)) continue;
      const bucketAtMs = fresh.fromMs + index * fresh.stepMs;
      system.admit({ kind: 'volume', key: spec.key, bucketAtMs, requestCount: value * volume.requestsPerUnit });
    }
  }
}

/** What Foreshock promised and met; what the traffic got is measured by CloudWatch, which is not read yet. */
function scorecardOf(system: System, config: Config): Scorecard {
  const { eventCount, head } = system.audit();
  const nowMs = system.tickedAtMs() ?? 0;
  return {
    simulated: false,
    fromMs: system.startedAtMs,
    untilMs: nowMs,
    functions: config.functions.map(({ spec }) => ({
      function: spec.key,
      with: null,
      without: null,
      prewarms: system.prewarmsOf(spec.key),
      eventWindows: [],
    })),
    fault: {
      firstBadSpanAtMs: null,
      findingAtMs: null,
      incidentAtMs: null,
      breakerOpenAtMs: null,
      pageAtMs: null,
      recoveredAtMs: null,
      breakerClosedAtMs: null,
      breakerTransitions: 0,
      mitigatedAtMs: null,
      resolvedAtMs: null,
      harmed: null,
    },
    incidents: system.incidentCount(),
    falseIncidents: 0,
    ...system.toldCounts(),
    audit: { events: eventCount, verified: false, head },
  };
}
