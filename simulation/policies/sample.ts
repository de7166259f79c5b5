/** A made-up market for the tests of policies: one-minute volume, flat but for an event each week that lifts it to four times for half an hour. */
import { createEvent } from '../../calendar/event.ts';
import { createVenue } from '../../calendar/venue.ts';
import { pricesUsEast1 } from '../../config/schema.ts';
import type { MarketEvent } from '../../core/market-event.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { msPerDay, msPerHour, msPerMinute, msPerSecond, type EpochMs } from '../../core/time.ts';
import { sliceSeries, type VolumeSeries } from '../../core/volume-series.ts';
import type { Moment, PolicyContext } from './policy.ts';
import type { SimulationOptions } from './simulate.ts';
import { spansOf } from './spans.ts';

/** A Monday. */
export const firstMs = Date.UTC(2026, 0, 5);
const weekCount = 5;
const eventHour = 13.5;
export const usualPerMinute = 600;
export const liftedPerMinute = 2_400;

/** Wednesdays, half past one. */
export const eventsAtMs = Array.from(
  { length: weekCount },
  (_, week) => firstMs + (7 * week + 2) * msPerDay + eventHour * msPerHour,
);
export const lastEventMs = eventsAtMs.at(-1)!;

const events: readonly MarketEvent[] = eventsAtMs.map((startsAtMs) =>
  createEvent({
    kind: 'nfp',
    title: 'made up',
    startsAtMs,
    precision: 'minute',
    importance: 3,
    symbols: [],
    status: 'scheduled',
    source: { calendar: 'sample', says: 'made up' },
  }),
);

export const flatSeries: VolumeSeries = {
  fromMs: firstMs,
  stepMs: msPerMinute,
  values: Float64Array.from({ length: (weekCount * 7 * msPerDay) / msPerMinute }, (_, minute) => {
    const atMs = firstMs + minute * msPerMinute;
    const isLifted = eventsAtMs.some((eventMs) => eventMs <= atMs && atMs < eventMs + 30 * msPerMinute);
    return isLifted ? liftedPerMinute : usualPerMinute;
  }),
};

/** 10 requests a second, 40 in an event; a second each, so that Little's law says 10 and 40 environments; 1 GB. */
export const sampleContext: PolicyContext = {
  spec: {
    key: '123456789012/us-east-1/simulated:live' as FunctionKey,
    memoryMb: 1_024,
    architecture: 'x86_64',
    initDurationMs: 800,
    runDurationMs: { p50: msPerSecond, p99: msPerSecond },
    spillTarget: { kind: 'spilloverRatioMax', ratio: 0.001 },
    concurrencyFloor: 0,
    concurrencyCeiling: 1_000,
    mode: 'shadow',
  },
  prices: pricesUsEast1,
  accountConcurrency: 1_000,
  requestsPerUnit: 1,
  stepMs: msPerMinute,
  venue: createVenue('Etc/UTC'),
  events,
  symbols: [],
};

export function sampleSimulation(changes: Partial<SimulationOptions> = {}): SimulationOptions {
  return {
    ...sampleContext,
    series: flatSeries,
    policies: ['none'],
    spans: spansOf([lastEventMs]),
    seed: 'sample',
    grain: 'requests',
    ...changes,
  };
}

/** The history as it is known at an instant. */
export function historyUntil(untilMs: EpochMs, series = flatSeries): VolumeSeries {
  return sliceSeries(series, series.fromMs, untilMs);
}

export function momentAt(nowMs: EpochMs, changes: Partial<Moment> = {}): Moment {
  return { nowMs, volume: historyUntil(nowMs), metrics: [], requested: 0, readySinceMs: 0, ...changes };
}

/** The history with another future. */
export function withFutureFrom(fromMs: EpochMs, factor: number): VolumeSeries {
  const index = (fromMs - flatSeries.fromMs) / flatSeries.stepMs;
  return { ...flatSeries, values: flatSeries.values.map((value, at) => (at < index ? value : value * factor)) };
}
