/**
 * One configuration at work: its system on the real world, its calendars followed, its chores. When the configuration is edited a new session takes over
 * the store where the old one left it; the process and its listener stay.
 */
import { createAwsDoors } from '../actuators/aws-doors.ts';
import { resolveEndpointUrl } from '../actuators/endpoint.ts';
import type { Config } from '../config/load.ts';
import { InputError } from '../core/errors.ts';
import { defaultAccountLimits, type AccountLimits, type Store } from '../core/ports.ts';
import { parseFunctionKey } from '../core/series-key.ts';
import { msPerMinute } from '../core/time.ts';
import { endOf, sliceSeries } from '../core/volume-series.ts';
import { createWarmEvent } from '../calendar/warm-event.ts';
import { createSigner } from '../store/anchor.ts';
import { openAnchorSinks } from './anchor-places.ts';
import { createAnchoring, type Anchoring } from './anchoring.ts';
import { createAwsPorts } from './aws-ports.ts';
import { openCalendarDesk, type CalendarDesk } from './calendar-desk.ts';
import { calendarSourceNames, followCalendars, type FollowedCalendars } from './calendar-sources.ts';
import { openCloudwatchVolume, type CloudwatchVolume } from './cloudwatch-volume.ts';
import { compose } from './compose.ts';
import { requireEnforcement } from './enforcement.ts';
import { readCalendarFiles, readHistories, readSystemOptions, sessionClockOf } from './from-config.ts';
import { startHousekeeping, type Chore } from './housekeeping.ts';
import type { Operations } from './http/operations.ts';
import type { Log } from './log.ts';
import { cronWakeups, realClock, realTimers } from './real-time.ts';
import { pruneStore } from '../store/retention.ts';
import type { System } from './system.ts';
import type { SystemOptions } from './system-options.ts';
import { startTelemetry } from './telemetry.ts';
import type { Scorecard, SystemView } from './view.ts';

export interface SessionOptions {
  readonly config: Config;
  readonly store: Store;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Prints checkpoints, where the configuration asks for it. */
  readonly out: (text: string) => void;
}

export interface Session {
  readonly config: Config;
  readonly system: System;
  readonly view: SystemView;
  readonly operations: Operations;
  /** Stops the chores and the system in good order; the store stays open where another session goes on. */
  end(because: string, how: { readonly keepsStore: boolean }): Promise<void>;
}

/**
 * Starts a session on what the store holds. Where it throws, the store is as it was, and open.
 *
 * @throws InputError when files, feeds or the other end cannot be used as the configuration says.
 */
export async function startSession(options: SessionOptions): Promise<Session> {
  const { config, log, signal } = options;
  const { system, desk, calendars, cloudwatch, telemetry } = await startSystem(options);
  const endSystem = async (because: string, how: { readonly keepsStore: boolean }): Promise<void> => {
    calendars.close();
    try {
      await system.stop(because, how);
    } finally {
      await telemetry.stop();
    }
  };
  const anchoring = await openAnchoring(system, options).catch(async (error: unknown) => {
    await endSystem('the anchor cannot be written', { keepsStore: true });
    throw error;
  });
  const chores = choresOf(system, { ...options, anchoring, cloudwatch, desk, calendars });
  const stopHousekeeping = startHousekeeping(chores, { wakeups: cronWakeups, log });
  return {
    config,
    system,
    view: { ...system.view, scorecard: () => scorecardOf(system, config) },
    operations: createOperations(config, desk),
    async end(because, how) {
      await stopHousekeeping();
      try {
        await endSystem(because, how);
      } finally {
        // The last word of the chain is in it too; what hinders it must not hide why the service stopped.
        await anchoring
          ?.writeLast()
          .catch((error: unknown) => log.error('anchor.unwritten', { error: (error as Error).message }));
      }
      if (signal.aborted) log.debug('session.ended', { because });
    },
  };
}

async function startSystem({ config, store, env, log, signal }: SessionOptions) {
  const read = { untilMs: realClock.nowMs(), signal };
  const volume = await openCloudwatchVolume(config, { env, clock: realClock, timers: realTimers, log }, signal);
  const given = await readCalendarFiles(config, read);
  const sessionClock = sessionClockOf(config);
  const sources = calendarSourceNames(config);
  const desk = await openCalendarDesk({ store, clock: realClock, log, sessionClock, given, sources });
  const options = await readSystemOptions(config, read, desk.calendar());
  const { accountId, region } = parseFunctionKey(options.functions[0]!.spec.key)!;
  const doors = createAwsDoors({
    accountId,
    region,
    endpointUrlOf: (service) => resolveEndpointUrl(config.aws.endpoint, env, service),
    clock: realClock,
    timers: realTimers,
    callsPerSecond: config.limits.controlPlaneCallsPerSecond,
  });
  const specs = options.functions.map(({ spec }) => spec);
  const { scheduler } = config.aws;
  const ports = createAwsPorts({ doorsOf: () => doors, clock: realClock, specs, ...scheduler, signal });
  await requireEnforcement(specs, { door: doors.lambda, ports, scheduler, log, signal });
  const telemetry = await startTelemetry(config.telemetry.otlpEndpoint);
  const system = await compose(options, {
    clock: realClock,
    store,
    log,
    tracer: telemetry.tracer,
    ...ports,
    readAccountLimits: limitsReader(options, { read: ports.readAccountLimits, log }),
    calendarFindings: () => desk.findings(),
  });
  desk.connect((fact) => system.admit(fact));
  const calendars = followCalendars({ config, desk, known: given, clock: realClock, timers: realTimers, log });
  return { system, desk, calendars, telemetry, cloudwatch: await volume?.follow(system, options.functions) };
}

/** What people may ask: everything goes through the desk, and from there is an event like all others. */
function createOperations({ functions }: Config, desk: CalendarDesk): Operations {
  return {
    async confirmCalendar(id, actor) {
      const released = await desk.confirm(id, actor);
      return released?.map((event) => event.id);
    },
    async warm({ group, lift, forMs, because }, actor) {
      const members = functions.filter(({ spec }) => spec.group === group).map(({ spec }) => spec.key);
      if (members.length === 0) {
        const groups = [...new Set(functions.flatMap(({ spec }) => spec.group ?? []))];
        const known = groups.length === 0 ? 'no function names a group' : `there are ${groups.join(', ')}`;
        throw new InputError('warm.group', `no function is of group ${group}: ${known}`);
      }
      const event = createWarmEvent({ group, lift, forMs, because, nowMs: realClock.nowMs(), actor });
      await desk.add(event, actor);
      return { eventId: event.id, functions: members };
    },
  };
}

/**
 * Reads the account's limits. Where nothing acts and nobody has answered yet (a laptop without credentials), the default of a new account stands in, marked as assumed: a
 * shadow that plans nothing shows nothing.
 */
function limitsReader(
  { functions }: SystemOptions,
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

async function openAnchoring(
  system: System,
  { config, log, signal, out }: SessionOptions,
): Promise<Anchoring | undefined> {
  const { anchors, anchorEveryMinutes, signingKey } = config.audit;
  if (anchors.length === 0) return undefined;
  const { region } = parseFunctionKey(config.functions[0]!.spec.key)!;
  return createAnchoring({
    sinks: await openAnchorSinks(anchors, { clock: realClock, region, out }),
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
  readonly anchoring: Anchoring | undefined;
  readonly cloudwatch: CloudwatchVolume | undefined;
  readonly desk: CalendarDesk;
  readonly calendars: FollowedCalendars;
}

function choresOf(
  system: System,
  { config, store, signal, anchoring, cloudwatch, desk, calendars }: ChoreSources,
): Chore[] {
  return [
    ...(cloudwatch ? cloudwatchChores(cloudwatch, signal) : []),
    ...(anchoring ? [{ name: 'write-anchor', every: 'minute', run: () => anchoring.writeWhenDue() } as const] : []),
    { name: 'save-snapshot', every: 'minute', run: () => system.saveSnapshot() },
    { name: 'read-account-limits', every: 'minute', run: async () => system.readAccount() },
    { name: 'look-over-calendars', every: 'hour', run: async () => desk.lookOver(calendars.health()) },
    { name: 'read-volume', every: 'hour', run: () => readNewVolume(system, config, signal) },
    {
      name: 'prune',
      every: 'day',
      run: () => pruneStore(store, config.retention, realClock.nowMs()).then(() => undefined),
    },
  ];
}

function cloudwatchChores(cloudwatch: CloudwatchVolume, signal: AbortSignal): Chore[] {
  return [
    { name: 'read-cloudwatch', every: 'minute', run: () => cloudwatch.read(signal) },
    { name: 'read-vitals', every: 'hour', run: () => cloudwatch.readVitals(signal) },
  ];
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
    },
    incidents: system.incidentCount(),
    falseIncidents: 0,
    pages: 0,
    audit: { events: eventCount, verified: false, head },
  };
}
