/** A small system for tests: one function with two weeks of history, a daily event, and a Lambda on paper. */
import { trace } from '@opentelemetry/api';
import { calendarVersion } from '../calendar/event.ts';
import { createVenue } from '../calendar/venue.ts';
import { pricesUsEast1 } from '../config/schema.ts';
import type { Action, Outcome } from '../core/action.ts';
import { assertNever } from '../core/assert.ts';
import { bookingNameOf, type Booking } from '../core/booking.ts';
import type { Observed } from '../core/capacity.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import type { MarketEvent } from '../core/market-event.ts';
import type { AccountLimits, Store } from '../core/ports.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerDay, msPerHour, msPerMinute, msPerSecond, parseInstant, type EpochMs } from '../core/time.ts';
import { createVirtualClock } from '../core/virtual-clock.ts';
import { sliceSeries, type VolumeSeries } from '../core/volume-series.ts';
import { documentedLead } from '../forecaster/event-window.ts';
import type { Effect, Fact } from './facts.ts';
import type { Log } from './log.ts';
import type { SystemOptions, SystemPorts } from './system-options.ts';

export const eventAtMs: EpochMs = parseInstant('2026-03-18T12:30:00Z')!;
export const key = '123456789012/us-east-1/orders-validate:live' as FunctionKey;
export const account: AccountLimits = { concurrencyLimit: 1_000, unreservedConcurrency: 1_000 };
export const accountFact: Fact = { kind: 'account', limits: account };
export const controlPlaneFact: Fact = { kind: 'control-plane', endpointKind: 'twin', queueWaitMs: 0 };

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
  ownership: 'own',
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

/** Ten requests a second, give or take a tenth, and `eventLift` times as many for ten minutes from the event. */
function sampleVolume(eventLift: number): VolumeSeries {
  const usual = (10 * stepMs) / msPerSecond;
  const values = Float64Array.from({ length: (historyDays * msPerDay) / stepMs }, (_, index) => {
    const lift = (index * stepMs) % msPerDay < 2 * stepMs ? eventLift : 1;
    return Math.round(usual * lift * (1 + ((index * 7) % 11) / 50 - 0.1));
  });
  return { fromMs: eventAtMs - historyDays * msPerDay, stepMs, values };
}

/** History ends an hour before the event. */
export const historyUntilMs = minute(-60);

export function sampleOptions(functions: readonly FunctionSpec[] = [spec], eventLift = 6): SystemOptions {
  const volume = sampleVolume(eventLift);
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
  /** What it would do of itself, by name; on paper it never does. */
  readonly booked: ReadonlyMap<string, Booking>;
  /** What becomes of an effect: a fact of the next tick. */
  answer(effect: Effect, nowMs: EpochMs): Fact;
  apply(action: Action, nowMs: EpochMs): Outcome;
  observe(key: FunctionKey, nowMs: EpochMs): Observed;
}

export function createPaperLambda(): PaperLambda {
  const levels: number[] = [];
  const booked = new Map<string, Booking>();
  const aliases = new Map<FunctionKey, { readonly requested: number; readonly readyAtMs: EpochMs }>();
  return {
    levels,
    booked,
    answer(effect, nowMs) {
      switch (effect.kind) {
        case 'observe':
          return { kind: 'observed', observed: this.observe(effect.key, nowMs) };
        case 'list-bookings':
          return { kind: 'booked', bookings: [...booked.values()], askedAtMs: nowMs };
        case 'apply': {
          const { intentSeq, action } = effect;
          return { kind: 'outcome', intentSeq, action, outcome: this.apply(action, nowMs) };
        }
        case 'remedy': {
          const { jobId, intentSeq } = effect;
          const answer = { kind: 'outcome', outcome: { kind: 'accepted', atMs: nowMs } } as const;
          return { kind: 'remedied', jobId, answer, ...(intentSeq !== undefined && { intentSeq }) };
        }
        case 'deliver': {
          const { laneId, target } = effect.delivery;
          const outcome = { kind: 'taken', atMs: nowMs, status: 202 } as const;
          return { kind: 'delivered', laneId, target, intentSeq: effect.intentSeq, outcome };
        }
        default:
          return assertNever(effect);
      }
    },
    apply(action, nowMs) {
      if (action.kind !== 'hold-provisioned-concurrency') {
        const name = bookingNameOf(action.booking);
        if (action.kind === 'book-call') booked.set(name, action.booking);
        else booked.delete(name);
        return { kind: 'accepted', atMs: nowMs };
      }
      const { key, concurrency } = action;
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
      apply: async (action: Action) => {
        calls.push(
          action.kind === 'hold-provisioned-concurrency'
            ? `apply ${action.concurrency}`
            : `${action.kind} ${action.booking.purpose}`,
        );
        return lambda.apply(action, clock.nowMs());
      },
    },
    bookkeeper: { listBookings: async () => [...lambda.booked.values()] },
    readAccountLimits: async () => account,
    endpointKindOf: () => 'twin',
    queueWaitMs: () => 0,
  };
  return { ports, clock, lambda, calls };
}
