/** A small system for tests: one function with two weeks of history, a daily event, and a Lambda on paper. */
import { trace } from '@opentelemetry/api';
import { calendarVersion } from '../calendar/event.ts';
import { createVenue } from '../calendar/venue.ts';
import { pricesUsEast1 } from '../config/schema.ts';
import type { Action, HoldProvisionedConcurrency, Outcome } from '../core/action.ts';
import type { Observed } from '../core/capacity.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import type { MarketEvent } from '../core/market-event.ts';
import type { AccountLimits, Store } from '../core/ports.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerDay, msPerHour, msPerMinute, msPerSecond, parseInstant, type EpochMs } from '../core/time.ts';
import { createVirtualClock } from '../core/virtual-clock.ts';
import { sliceSeries, type VolumeSeries } from '../core/volume-series.ts';
import { documentedLead } from '../forecaster/event-window.ts';
import type { Fact } from './facts.ts';
import type { Log } from './log.ts';
import type { SystemOptions, SystemPorts } from './system-options.ts';

export const eventAtMs: EpochMs = parseInstant('2026-03-18T12:30:00Z')!;
export const key = '123456789012/us-east-1/orders-validate:live' as FunctionKey;
export const account: AccountLimits = { concurrencyLimit: 1_000, unreservedConcurrency: 1_000 };
export const accountFact: Fact = { kind: 'account', limits: account };

/** That many minutes from the event. */
export function minute(count: number): EpochMs {
  return eventAtMs + count * msPerMinute;
}

const historyDays = 14;
export const stepMs = 5 * msPerMinute;

export const spec: FunctionSpec = {
  key,
  memoryMb: 1_024,
  architecture: 'x86_64',
  initDurationMs: 800,
  runDurationMs: { p50: 120, p99: 500 },
  spillTarget: { kind: 'spilloverRatioMax', ratio: 0.001 },
  concurrencyFloor: 0,
  concurrencyCeiling: 80,
  mode: 'enforce',
};

export const drill: MarketEvent = {
  id: 'drill@0',
  kind: 'drill',
  title: 'a rehearsal',
  startsAtMs: eventAtMs,
  precision: 'minute',
  importance: 3,
  symbols: [],
  status: 'scheduled',
  source: { calendar: 'sample', says: 'every day' },
};

/** Ten requests a second, give or take a tenth, and six times as many for ten minutes from the event. */
function sampleVolume(): VolumeSeries {
  const usual = (10 * stepMs) / msPerSecond;
  const values = Float64Array.from({ length: (historyDays * msPerDay) / stepMs }, (_, index) => {
    const lift = (index * stepMs) % msPerDay < 2 * stepMs ? 6 : 1;
    return Math.round(usual * lift * (1 + ((index * 7) % 11) / 50 - 0.1));
  });
  return { fromMs: eventAtMs - historyDays * msPerDay, stepMs, values };
}

/** History ends an hour before the event. */
export const historyUntilMs = minute(-60);

export function sampleOptions(functions: readonly FunctionSpec[] = [spec]): SystemOptions {
  const volume = sampleVolume();
  const series = sliceSeries(volume, volume.fromMs, historyUntilMs);
  const events = Array.from({ length: historyDays + 1 }, (_, index): MarketEvent => {
    const day = index - historyDays;
    return { ...drill, id: `drill@${day}`, startsAtMs: eventAtMs + day * msPerDay };
  });
  const history = { series, sha256: 'sample', rowCount: series.values.length, badRowCount: 0 };
  return {
    title: 'a sample',
    simulated: true,
    release: 'sample',
    configSha256: 'sample',
    functions: functions.map((one) => ({
      spec: one,
      symbols: [],
      venue: createVenue('Etc/UTC'),
      history: { name: 'sample', history },
      volumeFrom: one.key,
      requestsPerUnit: 1,
    })),
    calendar: { name: 'sample', events, version: calendarVersion(events), warnings: [] },
    limits: { concurrencyMax: 200, usdPerHourMax: 10, usdPerEventMax: 10 },
    prices: pricesUsEast1,
    policy: { quantile: 0.95, importanceMin: 1, keepWhilePaying: false },
    lead: documentedLead,
    horizonMs: 4 * msPerHour,
    seed: 'sample',
  };
}

/** Lambda on paper: takes every level at once, and is READY a minute and a half later. */
export interface PaperLambda {
  /** Levels as they were asked for; 0 is a Delete. */
  readonly levels: number[];
  apply(action: Action, nowMs: EpochMs): Outcome;
  observe(key: FunctionKey, nowMs: EpochMs): Observed;
}

export function createPaperLambda(): PaperLambda {
  const levels: number[] = [];
  const aliases = new Map<FunctionKey, { readonly requested: number; readonly readyAtMs: EpochMs }>();
  return {
    levels,
    apply({ key, concurrency }, nowMs) {
      levels.push(concurrency);
      aliases.set(key, { requested: concurrency, readyAtMs: nowMs + 1.5 * msPerMinute });
      return { kind: 'accepted', atMs: nowMs };
    },
    observe(key, nowMs) {
      const { requested, readyAtMs } = aliases.get(key) ?? { requested: 0, readyAtMs: 0 };
      const isReady = nowMs >= readyAtMs;
      const available = isReady ? requested : 0;
      const status = isReady ? 'READY' : 'IN_PROGRESS';
      const provisioned = { requested, allocated: available, available, status } as const;
      return { key, atMs: nowMs, version: '1', hasRoutingWeights: false, ...(requested > 0 && { provisioned }) };
    },
  };
}

export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** Ports on a virtual clock; `calls` lists what the actuator was called for, in order. */
export function samplePorts({ store, fromMs }: { readonly store: Store; readonly fromMs: EpochMs }) {
  const clock = createVirtualClock(fromMs);
  const lambda = createPaperLambda();
  const calls: string[] = [];
  const ports: SystemPorts = {
    clock,
    store,
    log: silentLog,
    tracer: trace.getTracer('sample'),
    actuator: {
      observe: async (observedKey) => {
        calls.push('observe');
        return lambda.observe(observedKey, clock.nowMs());
      },
      apply: async (action: HoldProvisionedConcurrency) => {
        calls.push(`apply ${action.concurrency}`);
        return lambda.apply(action, clock.nowMs());
      },
    },
    readAccountLimits: async () => account,
    endpointKindOf: () => 'twin',
    queueWaitMs: () => 0,
  };
  return { ports, clock, lambda, calls };
}
