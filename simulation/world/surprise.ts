/**
 * A known kind of event that comes at a multiple of the largest size that was ever seen of it: the production system on the twin, with seconds counted, and
 * what became of it. The same seed draws the same day for every arm.
 */
import { calendarVersion } from '../../calendar/event.ts';
import { createVenue } from '../../calendar/venue.ts';
import { pricesUsEast1 } from '../../config/schema.ts';
import type { AuditEvent } from '../../core/audit.ts';
import type { FunctionSpec, SpillTarget } from '../../core/function-spec.ts';
import type { MarketEvent } from '../../core/market-event.ts';
import type { Store } from '../../core/ports.ts';
import { createRandom } from '../../core/random.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { msPerDay, msPerHour, msPerMinute, msPerSecond, parseInstant, type EpochMs } from '../../core/time.ts';
import { sliceSeries, type VolumeSeries } from '../../core/volume-series.ts';
import { documentedLead } from '../../forecaster/event-window.ts';
import type { SystemOptions } from '../../service/system-options.ts';
import type { Measured } from '../../service/view.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { listenToAudit, silentLog } from './audit-ear.ts';
import { composeOn } from './demo.ts';
import { createWorld, warmUpMs } from './world.ts';

export const surpriseAtMs: EpochMs = parseInstant('2026-03-18T12:30:00Z')!;

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
  /** When the last of them was seen READY; null where nothing was asked for. */
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
const historyDays = 40;
/** A release every third day. */
const everyDays = 3;
const usualPerSecond = 60;
/** One event's size about the median, as a standard deviation of the logarithm: what payrolls have in silver quotes. */
const sizeSpread = 0.28;

/** Multiples of the usual in the minutes after payrolls, medians (market.ts). */
const multiples = [5.5, 5.2, 4.8, 4.6, 4.45, 4.3, 4.1, 3.9, 3.7, 3.45, 3.2];
function multipleAt(minute: number): number {
  const far = 3.2 * Math.exp(-(minute - 10) / 35);
  return minute < 0 || minute > 120 ? 1 : Math.max(1, multiples[Math.floor(minute)] ?? far);
}

interface Drawn {
  readonly volume: VolumeSeries;
  readonly largestSeen: number;
}

function draw({ seed, times }: SurpriseOptions): Drawn {
  const fromMs = surpriseAtMs - historyDays * msPerDay;
  const sizes = createRandom(`sizes ${seed}`);
  const sizeOf = new Map(daysOfEvents().map((day) => [day, Math.exp(sizeSpread * sizes.normal())]));
  const largestSeen = Math.max(...[...sizeOf].flatMap(([day, size]) => (day < 0 ? [size] : [])));
  sizeOf.set(0, times * largestSeen);
  const noise = createRandom(`noise ${seed}`);
  const length = (historyDays * msPerDay + 3 * msPerHour) / msPerMinute;
  const values = Float64Array.from({ length }, (_, index) => {
    const atMs = fromMs + index * msPerMinute;
    const day = Math.floor((atMs - surpriseAtMs) / msPerDay);
    const minute = (atMs - surpriseAtMs) / msPerMinute - day * 24 * 60;
    const lift = 1 + (multipleAt(minute) - 1) * (sizeOf.get(day) ?? 0);
    return noise.poisson(60 * usualPerSecond * lift * Math.exp(0.06 * noise.normal()));
  });
  return { volume: { fromMs, stepMs: msPerMinute, values }, largestSeen };
}

function daysOfEvents(): number[] {
  return Array.from({ length: Math.floor(historyDays / everyDays) + 1 }, (_, index) => 0 - index * everyDays);
}

function releaseOf(day: number): MarketEvent {
  return {
    id: `release@${day}`,
    kind: 'release',
    title: 'a release',
    startsAtMs: surpriseAtMs + day * msPerDay,
    precision: 'minute',
    importance: 3,
    symbols: [],
    status: 'scheduled',
    source: { calendar: 'surprise', says: 'every third day' },
  };
}

export async function surprise(options: SurpriseOptions): Promise<Surprise> {
  const { volume, largestSeen } = draw(options);
  const fromMs = surpriseAtMs - 20 * msPerMinute;
  const systemOptions = optionsOf(volume, fromMs, options);
  const { spec } = systemOptions.functions[0]!;
  const audit: AuditEvent[] = [];
  // Read after the run is over.
  const store: Store = { ...createMemoryStore(), close: async () => undefined };
  const world = await createWorld({
    functions: [{ twin: { ...spec, version: '1' }, volume, requestsPerUnit: 1 }],
    events: [releaseOf(0)],
    fromMs,
    untilMs: surpriseAtMs + options.minutesAfter * msPerMinute,
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
  while (world.nowMs() < surpriseAtMs) await world.step();
  world.twins.with.resetCounters();
  world.twins.without.resetCounters();
  const concurrencyBefore = provisioned().requested;
  const asked: { concurrency: number; atSeconds: number }[] = [];
  let readyAtSeconds: number | null = null;
  for (let isRunning = true; isRunning;) {
    isRunning = await world.step();
    const { requested, isReady } = provisioned();
    const atSeconds = (world.nowMs() - surpriseAtMs) / msPerSecond;
    const last = asked.at(-1)?.concurrency ?? concurrencyBefore;
    if (requested > last) readyAtSeconds = null;
    if (requested !== last) asked.push({ concurrency: requested, atSeconds });
    if (asked.some(({ concurrency }) => concurrency > concurrencyBefore) && isReady) readyAtSeconds ??= atSeconds;
  }
  const { with: withUs, without } = world.measured(key);
  await world.close();
  const saidIn = (kind: string): string[] => audit.flatMap((event) => (event.kind === kind ? [textOf(event)] : []));
  return {
    requestsPerSecond: usualPerSecond * (1 + 4.5 * options.times * largestSeen),
    largestSeenPerSecond: usualPerSecond * (1 + 4.5 * largestSeen),
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
  return `T${((atMs - surpriseAtMs) / msPerSecond).toFixed(0)} s: ${typeof because === 'string' ? because : ''}`;
}

function optionsOf(
  volume: VolumeSeries,
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
  const events = daysOfEvents().map(releaseOf).reverse();
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
