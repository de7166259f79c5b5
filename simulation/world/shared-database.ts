/**
 * Functions in front of one database, and a known kind of event for all of them at once: the production system on the twin, and how many connections were open
 * at every tick. Each environment keeps its connections for as long as it exists, warm or on demand, busy or idle, and from the Put on. The same seed draws the same day for every arm.
 */
import { calendarVersion } from '../../calendar/event.ts';
import { createVenue } from '../../calendar/venue.ts';
import { pricesUsEast1 } from '../../config/schema.ts';
import type { CapacityPlan, GivenUp } from '../../core/capacity.ts';
import type { FunctionSpec, SpillTarget } from '../../core/function-spec.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { msPerHour, msPerMinute, msPerSecond, type EpochMs } from '../../core/time.ts';
import { sliceSeries } from '../../core/volume-series.ts';
import { documentedLead } from '../../forecaster/event-window.ts';
import { createPlanning } from '../../service/planning.ts';
import type { SystemOptions } from '../../service/system-options.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { Twin } from '../twin/twin.ts';
import { silentLog } from './audit-ear.ts';
import { composeOn } from './demo.ts';
import { drawReleaseDays, releaseAtMs, type ReleaseDays } from './releases.ts';
import { createWorld, warmUpMs } from './world.ts';

export interface SharedDatabaseOptions {
  readonly seed: string;
  /** Of the largest that was seen; 1 is as large as that. */
  readonly times: number;
  readonly hasNowcast: boolean;
  readonly spillTarget: SpillTarget;
  /** Connections that the configuration names; absent, it knows of no database. */
  readonly limit?: number;
  readonly functionCount: number;
  /** Requests a second of all functions together at any other minute. */
  readonly usualPerSecond: number;
  readonly minutesAfter: number;
}

/** The most connections at a tick, and the first such tick. */
export interface ConnectionPeak {
  readonly connections: number;
  readonly provisioned: number;
  readonly onDemand: number;
  readonly atSeconds: number;
}

export interface SharedDatabase {
  readonly with: ConnectionPeak;
  readonly without: ConnectionPeak;
  /** Provisioned over all functions, at the event's instant. */
  readonly concurrencyBefore: number;
  /** From the event's instant on, over all functions. */
  readonly requests: number;
  readonly spillover: number;
  /** What the plan of the first minute says of its limits. */
  readonly givenUp: readonly GivenUp[];
}

export const connectionsEach = 2;
const accountConcurrency = 10_000;

function keysOf({ functionCount }: SharedDatabaseOptions): FunctionKey[] {
  return Array.from(
    { length: functionCount },
    (_, index) => `123456789012/us-east-1/orders-${String(index).padStart(2, '0')}:live` as FunctionKey,
  );
}

/** Of the same stream: the last takes three times what the first does. */
function shareOf(index: number, functionCount: number): number {
  return (0.5 + index / (functionCount - 1)) / functionCount;
}

const fromMs = releaseAtMs - 20 * msPerMinute;

export async function sharedDatabase(options: SharedDatabaseOptions): Promise<SharedDatabase> {
  const drawn = drawReleaseDays(options);
  const systemOptions = optionsOf(drawn, options);
  const world = await createWorld({
    functions: systemOptions.functions.map(({ spec, requestsPerUnit }) => ({
      twin: { ...spec, version: '1' },
      volume: drawn.volume,
      requestsPerUnit,
    })),
    events: drawn.events.slice(-1),
    fromMs,
    untilMs: releaseAtMs + options.minutesAfter * msPerMinute,
    seed: options.seed,
    countsSeconds: true,
    twinParams: { accountConcurrency },
    compose: (ports) => composeOn(ports, systemOptions, { store: createMemoryStore(), log: silentLog }),
  });
  const { twins } = world;
  const keys = keysOf(options);
  const peaks = { with: noPeak, without: noPeak };
  let concurrencyBefore = 0;
  for (let isRunning = true; isRunning;) {
    isRunning = await world.step();
    const atMs = world.nowMs();
    peaks.with = higher(peaks.with, connectionsIn(twins.with, keys, atMs));
    peaks.without = higher(peaks.without, connectionsIn(twins.without, keys, atMs));
    if (atMs !== releaseAtMs) continue;
    concurrencyBefore = connectionsIn(twins.with, keys, atMs).provisioned;
    twins.with.resetCounters();
    twins.without.resetCounters();
  }
  const measured = keys.map((key) => world.measured(key).with);
  await world.close();
  return {
    ...peaks,
    concurrencyBefore,
    requests: measured.reduce((sum, { requests }) => sum + requests, 0),
    spillover: measured.reduce((sum, { spillover }) => sum + spillover, 0),
    givenUp: planOf(options).givenUp ?? [],
  };
}

const noPeak: ConnectionPeak = { connections: 0, provisioned: 0, onDemand: 0, atSeconds: 0 };

function higher(one: ConnectionPeak, other: ConnectionPeak): ConnectionPeak {
  return other.connections > one.connections ? other : one;
}

function connectionsIn(twin: Twin, keys: readonly FunctionKey[], atMs: EpochMs): ConnectionPeak {
  let [provisioned, onDemand] = [0, 0];
  for (const key of keys) {
    const live = twin.environmentsOf(key);
    provisioned += live.provisioned;
    onDemand += live.onDemand;
  }
  const connections = connectionsEach * (provisioned + onDemand);
  return { connections, provisioned, onDemand, atSeconds: (atMs - releaseAtMs) / msPerSecond };
}

/** The plan of the first minute. */
export function planOf(shared: SharedDatabaseOptions): CapacityPlan {
  const options = optionsOf(drawReleaseDays(shared), shared);
  return createPlanning(options).decide({
    nowMs: fromMs,
    account: { concurrencyLimit: accountConcurrency, unreservedConcurrency: accountConcurrency },
    previous: undefined,
    held: 0,
    lead: options.lead,
    queueWaitMs: 0,
  }).plan;
}

function optionsOf({ volume, events }: ReleaseDays, shared: SharedDatabaseOptions): SystemOptions {
  const { seed, spillTarget, hasNowcast, limit } = shared;
  const keys = keysOf(shared);
  const series = sliceSeries(volume, volume.fromMs, fromMs - warmUpMs);
  const history = { series, sha256: `seed ${seed}`, rowCount: series.values.length, badRowCount: 0 };
  const specOf = (key: FunctionKey): FunctionSpec => ({
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
  });
  const resource = { name: 'orders-db', perEnvironment: connectionsEach, functions: keys };
  return {
    title: 'a shared database',
    simulated: true,
    release: 'shared',
    configSha256: 'shared',
    functions: keys.map((key, index) => ({
      spec: specOf(key),
      symbols: [],
      venue: createVenue('Etc/UTC'),
      history: { name: 'shared', history },
      volumeFrom: keys[0]!,
      requestsPerUnit: shareOf(index, keys.length),
    })),
    calendar: { name: 'shared', events, version: calendarVersion(events), warnings: [] },
    limits: { concurrencyMax: 9_000, usdPerHourMax: 1_000, usdPerEventMax: 1_000 },
    ...(limit !== undefined && { sharedResources: [{ ...resource, limit }] }),
    prices: pricesUsEast1,
    policy: { quantile: 0.95, importanceMin: 2, keepWhilePaying: true, reviseOnSurge: hasNowcast },
    lead: documentedLead,
    horizonMs: 4 * msPerHour,
    seed,
  };
}
