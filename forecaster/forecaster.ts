/**
 * From a function's volume history and the market calendar to its forecast, in arrivals. A model knows series and events; this knows
 * which events concern a function, how many requests a unit of volume stands for, and what the answer is called.
 */
import { eventsBetween } from '../calendar/event.ts';
import { InputError } from '../core/errors.ts';
import type { Forecast } from '../core/forecast.ts';
import { standardLevels } from '../core/forecast.ts';
import type { Json } from '../core/json.ts';
import { manualKind, type MarketEvent } from '../core/market-event.ts';
import type { FunctionKey } from '../core/series-key.ts';
import type { SessionClock } from '../core/session-clock.ts';
import { msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import { endOf, type VolumeSeries } from '../core/volume-series.ts';
import { defaultModelName, models, type ModelName } from '../models/index.ts';
import type { EventResponse } from '../models/event-response.ts';
import { isNotReady, type NotReady } from '../models/model.ts';

/** How far from a block or a horizon an event can still matter: its response lasts two hours, and is foretold half an hour ahead. */
const eventReachMs = 3 * msPerHour;

export interface ForecasterOptions {
  readonly key: FunctionKey;
  /** Bucket length of the volume history. */
  readonly stepMs: number;
  readonly clock: SessionClock;
  /** Events with symbols concern the function only if it has one of them. */
  readonly symbols?: readonly string[];
  readonly model?: ModelName;
  /** Shared by the functions of one calendar, so that they learn from each other's events. */
  readonly eventResponse?: EventResponse;
  readonly snapshot?: Json;
}

export interface ForecastRequest {
  readonly fromMs: EpochMs;
  readonly untilMs: EpochMs;
  readonly levels?: readonly number[];
  /** The whole calendar as it is known now, sorted. */
  readonly events: readonly MarketEvent[];
}

export interface Forecaster {
  /** End of what was learned; undefined before anything was. */
  readonly originMs: EpochMs | undefined;
  /** Learns the next block of history, in units of volume, under the whole calendar as it is known now, sorted. `isAtLeast`: see Observation. */
  learn(volume: VolumeSeries, events: readonly MarketEvent[], isAtLeast?: Uint8Array): void;
  /** Volume over [fromMs, untilMs), issued at the origin, both rounded outwards to whole buckets; in units of the history (see `requestsOf`). */
  forecast(request: ForecastRequest): Forecast | NotReady;
  snapshot(): Json;
}

export function createForecaster(options: ForecasterOptions): Forecaster {
  const { key, stepMs, clock, symbols = [], eventResponse } = options;
  const entry = models[options.model ?? defaultModelName];
  const kept = options.snapshot as { readonly originMs: number | null; readonly model: Json } | undefined;
  const model = entry.create({ stepMs, clock, seriesName: key, ...(eventResponse && { eventResponse }) }, kept?.model);
  let originMs: EpochMs | undefined = kept?.originMs ?? undefined;

  return {
    get originMs() {
      return originMs;
    },
    learn(volume, events, isAtLeast) {
      const untilMs = endOf(volume);
      const near = concerning(events, symbols, { fromMs: volume.fromMs, untilMs });
      // Of two times for one event, at most one is the event's: the other would teach that nothing happens at it.
      model.learn({
        volume,
        ...(isAtLeast && { isAtLeast }),
        events: near.filter(({ doubt }) => doubt === undefined),
      });
      originMs = untilMs;
    },
    forecast({ fromMs, untilMs, levels = standardLevels, events }) {
      if (originMs === undefined) return { notReady: 'no history was learned' };
      // What lies before the origin has been seen, and is not forecast.
      const firstMs = Math.max(originMs, Math.floor(fromMs / stepMs) * stepMs);
      const stepCount = Math.max(0, Math.ceil((untilMs - firstMs) / stepMs));
      const endMs = firstMs + stepCount * stepMs;
      const path = model.forecast({
        fromMs: firstMs,
        stepMs,
        stepCount,
        levels,
        events: concerning(events, symbols, { fromMs: firstMs, untilMs: endMs }),
      });
      if (isNotReady(path)) return path;
      return { ...path, key, issuedAtMs: originMs, model: entry.version };
    },
    snapshot: () => ({ originMs: originMs ?? null, model: model.snapshot() }),
  };
}

/**
 * A forecast of volume as one function's arrivals: many functions may follow one volume, each with its own number of requests for each unit.
 */
export function requestsOf(
  volume: Forecast | NotReady,
  { key, requestsPerUnit }: { readonly key: FunctionKey; readonly requestsPerUnit: number },
): Forecast | NotReady {
  if ('notReady' in volume) return volume;
  // A plan of five hundred functions would copy a million numbers to multiply them by one.
  const requestCount =
    requestsPerUnit === 1
      ? volume.requestCount
      : volume.requestCount.map((quantiles) => quantiles.map((units) => units * requestsPerUnit));
  return { ...volume, key, requestCount };
}

/**
 * Models learn buckets of whole minutes that divide half an hour.
 * @throws InputError when those of a history are others.
 */
export function requireForecastable(stepMs: number, historyName: string): void {
  if (stepMs % msPerMinute === 0 && (30 * msPerMinute) % stepMs === 0) return;
  throw new InputError(
    'history-step',
    `${historyName}: buckets of ${stepMs / 1_000} s cannot be forecast; they must last 1, 2, 3, 5, 6, 10, 15 or 30 minutes`,
  );
}

/**
 * The events of a sorted calendar near a span that concern a function: those for everybody, and those of its own symbols. What people start by hand
 * is no kind of event: it says what is expected itself (expected-floor.ts).
 * Cost: O(log events + answer): the live path asks with the whole calendar for every bucket.
 */
export function concerning(
  events: readonly MarketEvent[],
  symbols: readonly string[],
  span: { readonly fromMs: EpochMs; readonly untilMs: EpochMs },
): MarketEvent[] {
  return eventsBetween(events, span.fromMs - eventReachMs, span.untilMs + eventReachMs)
    .filter(({ kind }) => kind !== manualKind)
    .filter((event) => event.symbols.length === 0 || event.symbols.some((symbol) => symbols.includes(symbol)));
}
