/**
 * A known kind of event that comes at a multiple of the largest size that was ever seen of it: the production system on the twin, with seconds counted, and
 * what became of it. The same seed draws the same day for every arm.
 */
import { calendarVersion } from '../../calendar/event.ts';
import { createVenue } from '../../calendar/venue.ts';
import { pricesUsEast1 } from '../../config/schema.ts';
import type { AuditEvent } from '../../core/audit.ts';
import type { FunctionSpec, SpillTarget } from '../../core/function-spec.ts';
import type { Store } from '../../core/ports.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { msPerHour, msPerMinute, msPerSecond, type EpochMs } from '../../core/time.ts';
import { sliceSeries } from '../../core/volume-series.ts';
import { documentedLead } from '../../forecaster/event-window.ts';
import type { SystemOptions } from '../../service/system-options.ts';
import type { Measured } from '../../service/view.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { listenToAudit, silentLog } from './audit-ear.ts';
import { composeOn } from './demo.ts';
import { drawReleaseDays, releaseAtMs, type ReleaseDays } from './releases.ts';
import { createWorld, warmUpMs } from './world.ts';

export interface SurpriseOptions {
  readonly seed: string;
  /** Of the largest that was seen; 1 is as large as that. */
  readonly times: number;
  /** By the second and a plan that is revised; else the plan stands, whatever comes. */
  readonly hasNowcast: boolean;
  readonly spillTarget: SpillTarget;
  readonly minutesAfter: number;
}

export interface Surprise {
  /** Requests a second in the event's first minute, and the most of it in any event before. */
  readonly requestsPerSecond: number;
  readonly largestSeenPerSecond: number;
  /** Provisioned at the event's instant, and the levels asked for after it, each with its seconds from the event. */
  readonly concurrencyBefore: number;
  readonly asked: readonly { readonly concurrency: number; readonly atSeconds: number }[];
  /** When the first raise after it was seen READY; null where nothing was raised. */
  readonly readyAtSeconds: number | null;
  readonly incidents: readonly string[];
  readonly notices: readonly string[];
  /** From the event's instant on, to the end of the run. */
  readonly with: Measured;
  readonly without: Measured;
  /** What it left on record. */
  readonly store: Store;
}

const key = '123456789012/us-east-1/orders-validate:live' as FunctionKey;
export async function surprise(options: SurpriseOptions): Promise<Surprise> {
  const drawn = drawReleaseDays({ ...options, usualPerSecond: 60 });
  const { volume, events } = drawn;
  const fromMs = releaseAtMs - 20 * msPerMinute;
  const systemOptions = optionsOf(drawn, fromMs, options);
  const { spec } = systemOptions.functions[0]!;
  const audit: AuditEvent[] = [];
  // Read after the run is over.
  const store: Store = { ...createMemoryStore(), close: async () => undefined };
  const world = await createWorld({
    functions: [{ twin: { ...spec, version: '1' }, volume, requestsPerUnit: 1 }],
    events: events.slice(-1),
    fromMs,
    untilMs: releaseAtMs + options.minutesAfter * msPerMinute,
    seed: options.seed,
    countsSeconds: true,
    compose: (ports) => composeOn(ports, systemOptions, { store: listenToAudit(store, audit), log: silentLog }),
  });
  const provisioned = (): { requested: number; isReady: boolean } => {
    const target = '/2019-09-30/functions/orders-validate/provisioned-concurrency?Qualifier=live';
    const { status, body } = world.twins.with.handle({ method: 'GET', target, body: '' });
    if (status !== 200) return { requested: 0, isReady: true };
    const answer = JSON.parse(body) as { RequestedProvisionedConcurrentExecutions: number; Status: string };
    return { requested: answer.RequestedProvisionedConcurrentExecutions, isReady: answer.Status === 'READY' };
  };
  while (world.nowMs() < releaseAtMs) await world.step();
  world.twins.with.resetCounters();
  world.twins.without.resetCounters();
  const concurrencyBefore = provisioned().requested;
  const asked: { concurrency: number; atSeconds: number }[] = [];
  let readyAtSeconds: number | null = null;
  for (let isRunning = true; isRunning;) {
    isRunning = await world.step();
    const { requested, isReady } = provisioned();
    const atSeconds = (world.nowMs() - releaseAtMs) / msPerSecond;
    const last = asked.at(-1)?.concurrency ?? concurrencyBefore;
    if (requested !== last) asked.push({ concurrency: requested, atSeconds });
    if (asked.some(({ concurrency }) => concurrency > concurrencyBefore) && isReady) readyAtSeconds ??= atSeconds;
  }
  const { with: withUs, without } = world.measured(key);
  await world.close();
  const saidIn = (kind: string): string[] => audit.flatMap((event) => (event.kind === kind ? [textOf(event)] : []));
  return {
    requestsPerSecond: drawn.requestsPerSecond,
    largestSeenPerSecond: drawn.largestSeenPerSecond,
    concurrencyBefore,
    asked,
    readyAtSeconds,
    incidents: saidIn('incident.opened'),
    notices: saidIn('surge.seen'),
    with: withUs,
    without,
    store,
  };
}

function textOf({ body, atMs }: AuditEvent): string {
  const because = body['because'];
  return `T${((atMs - releaseAtMs) / msPerSecond).toFixed(0)} s: ${typeof because === 'string' ? because : ''}`;
}

function optionsOf(
  { volume, events }: ReleaseDays,
  fromMs: EpochMs,
  { seed, spillTarget, hasNowcast }: SurpriseOptions,
): SystemOptions {
  const spec: FunctionSpec = {
    key,
    memoryMb: 1_024,
    architecture: 'x86_64',
    initDurationMs: 800,
    runDurationMs: { p50: 120, p99: 500 },
    spillTarget,
    concurrencyFloor: 0,
    concurrencyCeiling: 2_000,
    mode: 'enforce',
    ownership: 'own',
  };
  const series = sliceSeries(volume, volume.fromMs, fromMs - warmUpMs);
  const history = { series, sha256: `seed ${seed}`, rowCount: series.values.length, badRowCount: 0 };
  return {
    title: 'a surprise',
    simulated: true,
    release: 'surprise',
    configSha256: 'surprise',
    functions: [
      {
        spec,
        symbols: [],
        venue: createVenue('Etc/UTC'),
        history: { name: 'surprise', history },
        volumeFrom: key,
        requestsPerUnit: 1,
      },
    ],
    calendar: { name: 'surprise', events, version: calendarVersion(events), warnings: [] },
    limits: { concurrencyMax: 2_000, usdPerHourMax: 100, usdPerEventMax: 100 },
    prices: pricesUsEast1,
    policy: { quantile: 0.95, importanceMin: 2, keepWhilePaying: true, reviseOnSurge: hasNowcast },
    lead: documentedLead,
    horizonMs: 4 * msPerHour,
    seed,
  };
}
