/**
 * A world to run the production system in: a virtual clock, a fleet with its traffic, and two Lambda twins that get the very same requests. One
 * is driven by Foreshock over real HTTP through the real SDK; the other gets no calls, and is what would have been.
 *
 * One step is one second: arrivals are served, the system ticks, and its calls are answered before the next second begins. The same seed
 * and inputs therefore give the same decisions, byte for byte.
 */
import { createBucketCounter, type BucketCounter, type CountedBucket } from '../../collectors/bucket-counter.ts';
import type { MarketEvent } from '../../core/market-event.ts';
import { createRandom } from '../../core/random.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../../core/time.ts';
import { createVirtualClock } from '../../core/virtual-clock.ts';
import type { VolumeSeries } from '../../core/volume-series.ts';
import type { Fact } from '../../service/facts.ts';
import type { System } from '../../service/system.ts';
import type { SystemPorts } from '../../service/system-options.ts';
import type { EventWindowView, Measured } from '../../service/view.ts';
import { createArrivalSource, type Arrivals, type ArrivalSource } from '../twin/arrivals.ts';
import { listenTwin, type ListenOptions } from '../twin/control-plane-http.ts';
import type { TwinParams } from '../twin/limits.ts';
import type { MinuteCount } from '../twin/minute-counter.ts';
import { createTwin } from '../twin/twin.ts';
import type { TwinFunction } from '../twin/twin-function.ts';
import { createDrive, type WorldPorts } from './drive.ts';
import { measuredOf, openEventWindow, type TwinPair } from './measure.ts';
import { openTraceFeed, type TraceFeed } from './trace-feed.ts';
import { exportStepMs, type TraceOptions } from './traces.ts';

export interface WorldFunction {
  readonly twin: TwinFunction;
  /** The volume that comes, the future included; the system is only told of buckets that have ended. */
  readonly volume: VolumeSeries;
  readonly requestsPerUnit: number;
}

export interface WorldOptions {
  readonly functions: readonly WorldFunction[];
  /** Measured over the half hour from their start. */
  readonly events: readonly MarketEvent[];
  readonly fromMs: EpochMs;
  readonly untilMs: EpochMs;
  readonly seed: string | number;
  /** Builds the production system on the world's ports. */
  readonly compose: (ports: WorldPorts & SpanPorts) => Promise<System>;
  /** What goes wrong between Foreshock and Lambda; nothing where absent. */
  readonly beforeAnswer?: ListenOptions['beforeAnswer'];
  /** Of the socket, so in real time: a fault that hangs holds the world up for that long. */
  readonly requestTimeoutMs?: number;
  /** Requests are counted by the second too, and told as soon as it is over. */
  readonly countsSeconds?: boolean;
  /** Requests leave spans, and the system receives them; none where absent. */
  readonly traces?: TraceOptions;
  /** Share of its calls that a function's breaker lets through now; all of them where absent. */
  readonly admitRatioOf?: (key: FunctionKey) => number;
  /** What this account's Lambda does differently from the documented one. */
  readonly twinParams?: Partial<TwinParams>;
}

/** What is received of the world's spans. */
export type SpanPorts = Pick<SystemPorts, 'sealSpans'>;

export interface World {
  readonly system: System;
  /** The hand of somebody else: deployments, broken versions, Puts that are not ours. */
  readonly twins: TwinPair;
  nowMs(): EpochMs;
  /** End of the first request that a fault harmed; undefined: none was yet. */
  firstBadSpanAtMs(): EpochMs | undefined;
  /** When hardly a request was harmed by it any more; undefined: it was not, or there was none. */
  recoveredAtMs(): EpochMs | undefined;
  /** Requests that it failed, throttled or slowed; undefined where nothing is traced. */
  harmed(): { readonly with: number; readonly without: number } | undefined;
  /** One second. Answers false when the span is over. */
  step(): Promise<boolean>;
  measured(key: FunctionKey): {
    readonly with: Measured;
    readonly without: Measured;
    readonly eventWindows: readonly EventWindowView[];
  };
  close(): Promise<void>;
}

/** Traffic before the first counted second: environments are where a running day would have them, and a floor is READY. */
export const warmUpMs = 15 * msPerMinute;

/** Where a pre-warm is judged: the half hour of the forecast benchmark. */
const eventWindowMs = 30 * msPerMinute;

const secondsPerMinute = msPerMinute / msPerSecond;

// Independent clients, with some batching: the lower of two public request logs (1.3 and 13).
const burstiness = 1.3;

export async function createWorld(options: WorldOptions): Promise<World> {
  const { functions, fromMs, untilMs, seed } = options;
  const clock = createVirtualClock(fromMs - warmUpMs);
  const random = createRandom(seed);
  const traffic = functions.map((spec) => createTraffic(spec, random.fork(`arrivals ${spec.twin.key}`)));
  const trafficOf = new Map(traffic.map((one) => [one.key, one]));

  const feed = options.traces && (await openTraceFeed(options.traces, { clock, random: random.fork('traces') }));
  const told: { system?: System } = {};
  const { twinParams: params = {} } = options;
  const twinOptions = { functions: functions.map((spec) => spec.twin), seed, clock, params };
  const twins: TwinPair = {
    with: createTwin({
      ...twinOptions,
      onMinute: ({ key, ...count }) =>
        trafficOf.get(key)!.tell(count, (bucket) => told.system?.admit({ kind: 'volume', key, ...bucket })),
      ...(feed && { onRequest: feed.served, onProvisioned: feed.provisioned }),
    }),
    without: createTwin({ ...twinOptions, ...(feed && { onRequest: feed.servedWithout }) }),
  };
  const { beforeAnswer } = options;
  const server = await listenTwin({
    handle: (request) => twins.with.handle(request),
    host: '127.0.0.1',
    port: 0,
    ...(beforeAnswer && { beforeAnswer }),
  });
  const { requestTimeoutMs } = options;
  const drive = createDrive({ clock, endpointUrl: server.url, requestTimeoutMs });
  const composed = options.compose({ ...drive.ports, ...(feed && { sealSpans: feed.seal }) });
  // A system that cannot start (a full disk) leaves nothing listening, or the process would never end.
  const system = await composed.catch(async (error: unknown) => {
    await feed?.close();
    await server.close();
    throw error;
  });
  told.system = system;
  // What it asked at its start is answered before time begins to move.
  await drive.settled();
  const windows = createWindows(options, twins);
  /** In one go, or in as many as spans are sent in. */
  const passSecond = async (fromMs: EpochMs): Promise<void> => {
    const stepMs = feed?.isExporting(fromMs) ? exportStepMs : msPerSecond;
    for (let atMs = fromMs + stepMs; atMs <= fromMs + msPerSecond; atMs += stepMs) {
      await drive.passTo(atMs);
      twins.with.advance();
      await feed?.export(atMs);
    }
  };

  return {
    system,
    twins,
    nowMs: () => clock.nowMs(),
    async step() {
      const nowMs = clock.nowMs();
      if (nowMs % msPerMinute === 0) for (const one of traffic) one.draw(nowMs, twins, feed);
      if (feed) for (const one of traffic) one.strike(nowMs, twins, feed, options.admitRatioOf ?? alwaysAdmits);
      await passSecond(nowMs);
      twins.without.advance();
      if (options.countsSeconds) for (const one of traffic) system.admit(one.countOf(nowMs));
      if (clock.nowMs() === fromMs) {
        twins.with.resetCounters();
        twins.without.resetCounters();
      }
      windows.turn(clock.nowMs());
      await drive.tick(system);
      return clock.nowMs() < untilMs;
    },
    firstBadSpanAtMs: () => feed?.firstHarmedAtMs(),
    recoveredAtMs: () => feed?.recoveredAtMs(),
    harmed: () => (feed ? { with: feed.harmedCount('with'), without: feed.harmedCount('without') } : undefined),
    measured: (key) => ({
      with: measuredOf(twins.with.countersOf(key)),
      without: measuredOf(twins.without.countersOf(key)),
      eventWindows: windows.of(key),
    }),
    async close() {
      await system.stop('the demo is over');
      await feed?.close();
      await server.close();
    },
  };
}

interface Traffic {
  readonly key: FunctionKey;
  draw(minuteAtMs: EpochMs, twins: TwinPair, feed: TraceFeed | undefined): void;
  /** Where the minute meets trouble, its seconds are handed over one by one: what a breaker does is known when each begins. */
  strike(secondAtMs: EpochMs, twins: TwinPair, feed: TraceFeed, admitRatioOf: (key: FunctionKey) => number): void;
  /** What has come in a second of the minute that was drawn last. */
  countOf(secondAtMs: EpochMs): Extract<Fact, { kind: 'counts' }>;
  tell(minute: Omit<MinuteCount, 'key'>, admit: (bucket: CountedBucket) => void): void;
}

function createTraffic(
  { twin, volume, requestsPerUnit }: WorldFunction,
  random: ReturnType<typeof createRandom>,
): Traffic {
  const source: ArrivalSource = createArrivalSource({ random, runDurationMs: twin.runDurationMs, burstiness });
  const rounding = random.fork('rounding');
  const counter: BucketCounter = createBucketCounter(Math.max(volume.stepMs, msPerMinute));
  const { key } = twin;
  const perSecond = new Float64Array(secondsPerMinute);
  let held: Arrivals | undefined;
  const volumeAt = (atMs: EpochMs): number => volume.values[Math.floor((atMs - volume.fromMs) / volume.stepMs)] ?? NaN;
  return {
    key,
    draw(minuteAtMs, twins, feed) {
      const requests = ((volumeAt(minuteAtMs) || 0) * requestsPerUnit * msPerMinute) / volume.stepMs;
      // Rounded at random, so that a tenth of a request a minute is six an hour and not none.
      const count = Math.floor(requests + rounding.next());
      const arrivals = source.draw({ fromMs: minuteAtMs, lengthMs: msPerMinute, count });
      perSecond.fill(0);
      for (const atMs of arrivals.atMs) perSecond[Math.floor((atMs - minuteAtMs) / msPerSecond)]!++;
      held = feed?.isTouched(key, minuteAtMs) ? arrivals : undefined;
      if (held) return;
      twins.with.feed(key, arrivals);
      twins.without.feed(key, arrivals);
    },
    strike(secondAtMs, twins, feed, admitRatioOf) {
      if (!held) return;
      const second = arrivalsOf(held, secondAtMs);
      const struck = feed.strike(key, second, admitRatioOf(key));
      twins.with.feed(key, struck.with);
      twins.without.feed(key, struck.without);
    },
    countOf: (atMs) => ({
      kind: 'counts',
      key,
      atMs,
      lengthMs: msPerSecond,
      requestCount: perSecond[(atMs % msPerMinute) / msPerSecond]!,
    }),
    tell({ startsAtMs, arrivalCount, throttleCount }, admit) {
      // Where the record has no data there is no count either: missing is not zero.
      if (Number.isNaN(volumeAt(startsAtMs))) return;
      const bucket = counter.push(startsAtMs, arrivalCount, { isSaturated: throttleCount > 0 });
      if (bucket) admit(bucket);
    },
  };
}

function arrivalsOf({ atMs, runMs }: Arrivals, secondAtMs: EpochMs): Arrivals {
  const placeOf = (instantMs: EpochMs): number => {
    const place = atMs.findIndex((at) => at >= instantMs);
    return place < 0 ? atMs.length : place;
  };
  const [from, until] = [placeOf(secondAtMs), placeOf(secondAtMs + msPerSecond)];
  return { atMs: atMs.slice(from, until), runMs: runMs.slice(from, until) };
}

const alwaysAdmits = (): number => 1;

function createWindows({ functions, events, fromMs, untilMs }: WorldOptions, twins: TwinPair) {
  const closed = new Map<FunctionKey, EventWindowView[]>(functions.map(({ twin }) => [twin.key, []]));
  let open: ReturnType<typeof openEventWindow>[] = [];
  const ahead = events.filter(
    (event) =>
      event.status === 'scheduled' && event.startsAtMs >= fromMs && event.startsAtMs + eventWindowMs <= untilMs,
  );
  return {
    turn(nowMs: EpochMs) {
      for (const window of open) if (window.untilMs <= nowMs) closed.get(window.key)!.push(window.close());
      open = open.filter((window) => window.untilMs > nowMs);
      for (const event of ahead) {
        if (event.startsAtMs !== nowMs) continue;
        const window = { eventId: event.id, fromMs: nowMs, untilMs: nowMs + eventWindowMs };
        open.push(...functions.map(({ twin }) => openEventWindow(twins, twin.key, window)));
      }
    },
    of: (key: FunctionKey) => closed.get(key) ?? [],
  };
}
