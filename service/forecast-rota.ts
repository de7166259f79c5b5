/**
 * When each of many streams of volume is forecast anew. A forecast of a day takes some milliseconds: five hundred of them in one tick would be seconds in which nothing
 * else is heard, so they take turns, a fifth of them each minute, as their minutes are learned. A plan then rests on forecasts that are five minutes old at most, as
 * plans themselves are.
 *
 * The turns follow from what was learned and from nothing else, so the same facts give the same forecasts wherever they are replayed. A few streams take no turns: they are
 * forecast whenever a plan is made.
 */
import type { Forecast } from '../core/forecast.ts';
import type { MarketEvent } from '../core/market-event.ts';
import { msPerMinute, type EpochMs } from '../core/time.ts';
import type { NotReady } from '../models/model.ts';

/** One stream of volume, as far as it has been learned. */
export interface ForecastSource {
  readonly stepMs: number;
  /** End of what was learned. */
  untilMs(): EpochMs;
  forecast(fromMs: EpochMs, untilMs: EpochMs): Forecast | NotReady;
}

export interface ForecastRota<Source extends ForecastSource> {
  /** The source has learned this bucket: perhaps it is its turn. */
  learned(source: Source, bucketAtMs: EpochMs): void;
  /** One that covers the span at least. */
  forecast(source: Source, fromMs: EpochMs, untilMs: EpochMs): Forecast | NotReady;
}

/** As many as are forecast within a quarter of a second. */
const atOnceMax = 50;
const turnMs = 5 * msPerMinute;
/** What a forecast reaches beyond the plan's end when it is made, so that it still reaches it when it is used; volume may be told ten minutes late. */
const aheadMs = 15 * msPerMinute;

export function createForecastRota<Source extends ForecastSource>(options: {
  readonly sources: readonly Source[];
  readonly horizonMs: number;
  /** The calendar in force: with another one every forecast is another. */
  readonly events: () => readonly MarketEvent[];
}): ForecastRota<Source> {
  const { sources, horizonMs, events } = options;
  if (sources.length <= atOnceMax) {
    return { learned: () => undefined, forecast: (source, fromMs, untilMs) => source.forecast(fromMs, untilMs) };
  }
  const ordinals = new Map(sources.map((source, index) => [source, index]));
  const kept = new Map<Source, { readonly forecast: Forecast; readonly under: readonly MarketEvent[] }>();
  let newestBucketAtMs = -Infinity;

  const forecastAnew = (source: Source, fromMs: EpochMs, untilMs: EpochMs): Forecast | NotReady => {
    const forecast = source.forecast(fromMs, untilMs + aheadMs);
    if ('notReady' in forecast) kept.delete(source);
    else kept.set(source, { forecast, under: events() });
    return forecast;
  };
  return {
    learned(source, bucketAtMs) {
      // Of a backlog that comes at once only the end is worth a forecast.
      if (bucketAtMs < newestBucketAtMs) return;
      newestBucketAtMs = bucketAtMs;
      const turnCount = Math.round(turnMs / source.stepMs);
      if (turnCount < 2 || (bucketAtMs / source.stepMs + ordinals.get(source)!) % turnCount !== 0) return;
      forecastAnew(source, source.untilMs(), source.untilMs() + horizonMs);
    },
    forecast(source, fromMs, untilMs) {
      const { forecast, under } = kept.get(source) ?? {};
      const isCurrent =
        forecast !== undefined &&
        under === events() &&
        forecast.issuedAtMs > source.untilMs() - turnMs &&
        forecast.fromMs <= Math.max(fromMs, source.untilMs()) &&
        endOfForecast(forecast) >= untilMs;
      return isCurrent ? forecast : forecastAnew(source, fromMs, untilMs);
    },
  };
}

function endOfForecast({ fromMs, stepMs, requestCount }: Forecast): EpochMs {
  return fromMs + requestCount.length * stepMs;
}
