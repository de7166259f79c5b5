/**
 * The service on the real world: a configuration, a store, Lambda, and the clock on the wall.
 */
import type { RequestListener } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAwsDoors } from '../actuators/aws-doors.ts';
import type { ControlPlane } from '../actuators/control-plane.ts';
import { requireEnforceable, resolveEndpointUrl } from '../actuators/endpoint.ts';
import { requireOwnership } from '../actuators/ownership.ts';
import type { Config } from '../config/load.ts';
import { defaultAccountLimits, type AccountLimits, type Store } from '../core/ports.ts';
import { WorldError } from '../core/errors.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import { parseFunctionKey } from '../core/series-key.ts';
import { msPerMinute, msPerSecond } from '../core/time.ts';
import { endOf, sliceSeries } from '../core/volume-series.ts';
import { createSigner } from '../store/anchor.ts';
import { openEmbeddedStore } from '../store/embedded.ts';
import { pruneStore } from '../store/retention.ts';
import { openAnchorSinks } from './anchor-places.ts';
import { createAnchoring, type Anchoring } from './anchoring.ts';
import { createAwsPorts, type AwsPorts } from './aws-ports.ts';
import { openCloudwatchVolume, type CloudwatchVolume } from './cloudwatch-volume.ts';
import { compose } from './compose.ts';
import { readHistories, readSystemOptions } from './from-config.ts';
import { startHousekeeping, type Chore } from './housekeeping.ts';
import { createApp } from './http/app.ts';
import { listen } from './http/listen.ts';
import type { Log } from './log.ts';
import { cronWakeups, realClock, realTimers } from './real-time.ts';
import { webFolder } from './release.ts';
import type { System } from './system.ts';
import type { SystemOptions } from './system-options.ts';
import { startTelemetry } from './telemetry.ts';
import type { Scorecard } from './view.ts';

export interface ServiceOptions {
  readonly config: Config;
  readonly storeFile: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** Aborted: stop in good order. */
  readonly signal: AbortSignal;
  /** Told once, when the listener is open. */
  readonly onListening: (url: string) => void;
  /** Prints checkpoints, where the configuration asks for it. */
  readonly out: (text: string) => void;
}

/**
 * Runs until `signal`. Resolves when the last answer is written and the store is closed.
 *
 * @throws InputError when files, port, store or endpoint cannot be used. Anything else is a bug, or a store that takes no more.
 */
export async function runService(options: ServiceOptions): Promise<void> {
  const { config, storeFile, env, log, signal, onListening } = options;
  // The store first: a second service on it ends here, before it has read a gigabyte of history.
  const store = await openEmbeddedStore(storeFile);
  const system = await startSystem({ config, store, env, log, signal }).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  const anchoring = await openAnchoring(system, options).catch(async (error: unknown) => {
    await system.stop('the anchor cannot be written');
    throw error;
  });
  try {
    const { host, port } = config.http;
    const tokens = config.http.tokens.map((token) => token.reveal());
    const app: RequestListener = createApp({
      view: { ...system.view, scorecard: () => scorecardOf(system, config) },
      tokens,
      webFolder,
    });
    const listener = await listen(app, { host, port });
    onListening(listener.url);
    const stopHousekeeping = startHousekeeping(
      choresOf(system, { config, store, signal, anchoring, cloudwatch: system.cloudwatch }),
      {
        wakeups: cronWakeups,
        log,
      },
    );
    try {
      await runTicks(system, signal);
    } finally {
      await stopHousekeeping();
      await listener.close();
    }
  } finally {
    try {
      await system.stop(signal.aborted ? 'asked to stop' : 'the service failed');
    } finally {
      // The last word of the chain is in it too; what hinders it must not hide why the service stopped.
      await anchoring
        ?.writeLast()
        .catch((error: unknown) => log.error('anchor.unwritten', { error: (error as Error).message }));
      await system.telemetry.stop();
    }
  }
}

async function startSystem({
  config,
  store,
  env,
  log,
  signal,
}: Pick<ServiceOptions, 'config' | 'env' | 'log' | 'signal'> & { readonly store: Store }) {
  const volume = await openCloudwatchVolume(config, { env, clock: realClock, timers: realTimers, log }, signal);
  const options = await readSystemOptions(config, { untilMs: realClock.nowMs(), signal });
  const { accountId, region } = parseFunctionKey(options.functions[0]!.spec.key)!;
  const doors = createAwsDoors({
    accountId,
    region,
    endpointUrlOf: (service) => resolveEndpointUrl(config.aws.endpoint, env, service),
    clock: realClock,
    timers: realTimers,
    callsPerSecond: config.limits.controlPlaneCallsPerSecond,
  });
  const door = doors.lambda;
  const specs = options.functions.map(({ spec }) => spec);
  const { scheduler } = config.aws;
  const ports = createAwsPorts({ doorsOf: () => doors, clock: realClock, specs, ...scheduler, signal });
  if (specs.some(({ mode }) => mode === 'enforce'))
    await requireEnforcement(specs, { door, ports, scheduler, log, signal });
  const telemetry = await startTelemetry(config.telemetry.otlpEndpoint);
  const system = await compose(options, {
    clock: realClock,
    store,
    log,
    tracer: telemetry.tracer,
    ...ports,
    readAccountLimits: limitsReader(options, { read: ports.readAccountLimits, log }),
  });
  return { ...system, telemetry, cloudwatch: await volume?.follow(system, options.functions) };
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

interface EnforcedScene {
  readonly door: ControlPlane;
  readonly ports: Pick<AwsPorts, 'readAccountLimits' | 'scalableTargets'>;
  readonly scheduler: Config['aws']['scheduler'];
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Where somebody wants to act, the other end must have shown what it is, and nobody else may turn the same knob, before the first tick. */
async function requireEnforcement(
  specs: readonly FunctionSpec[],
  { door, ports, scheduler, log, signal }: EnforcedScene,
): Promise<void> {
  // What it answers does not matter here, only who answers; a refusal to answer leaves it unknown.
  await ports.readAccountLimits().catch(() => undefined);
  const { roleArn: schedulerRoleArn } = scheduler;
  requireEnforceable(specs, { kind: door.endpointKind(), name: door.endpointName, schedulerRoleArn });
  const keys = specs.filter(({ mode }) => mode === 'enforce').map(({ key }) => key);
  try {
    requireOwnership(specs, await ports.scalableTargets.describe(keys, signal));
  } catch (error) {
    if (!(error instanceof WorldError)) throw error;
    // A restart in the middle of an outage must not end in no service at all: what is known without an answer is still asked.
    const owned = specs.filter(({ ownership }) => ownership !== 'steer');
    requireOwnership(owned, new Map());
    const consequence =
      'nobody knows whether Application Auto Scaling turns the same knob; what it changes is seen as drift';
    log.warn('scaling.unread', { error: error.message, consequence });
  }
}

/** One tick a second, on the second; a late one is not made up for, since the next judges the same facts. */
async function runTicks(system: System, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await system.tick();
    const untilNextSecondMs = msPerSecond - (realClock.nowMs() % msPerSecond);
    await sleep(untilNextSecondMs, undefined, { signal }).catch(() => undefined);
  }
}

interface ChoreSources {
  readonly config: Config;
  readonly store: Store;
  readonly signal: AbortSignal;
  readonly anchoring: Anchoring | undefined;
  readonly cloudwatch: CloudwatchVolume | undefined;
}

async function openAnchoring(
  system: System,
  { config, log, signal, out }: ServiceOptions,
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

function choresOf(system: System, { config, store, signal, anchoring, cloudwatch }: ChoreSources): Chore[] {
  return [
    ...(cloudwatch ? cloudwatchChores(cloudwatch, signal) : []),
    ...(anchoring ? [{ name: 'write-anchor', every: 'minute', run: () => anchoring.writeWhenDue() } as const] : []),
    { name: 'save-snapshot', every: 'minute', run: () => system.saveSnapshot() },
    { name: 'read-account-limits', every: 'minute', run: async () => system.readAccount() },
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
