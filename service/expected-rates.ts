/**
 * How many requests a second a function is expected to get, by the forecast in force: what its spans are held against. The forecast before it is kept for seconds
 * that are judged late.
 */
import type { Forecast } from '../core/forecast.ts';
import { msPerSecond, type EpochMs } from '../core/time.ts';
import type { ExpectedRate } from '../detector/moment.ts';

export interface ExpectedRates {
  take(forecasts: readonly Forecast[]): void;
  at(key: string, atMs: EpochMs): ExpectedRate | undefined;
}

export function createExpectedRates(): ExpectedRates {
  const latest = new Map<string, Forecast>();
  const before = new Map<string, Forecast>();
  /** The rate is asked for every second, and changes by the step. */
  const answered = new Map<
    string,
    { readonly fromMs: EpochMs; readonly untilMs: EpochMs; readonly rate: ExpectedRate }
  >();
  return {
    take(forecasts) {
      for (const forecast of forecasts) {
        const known = latest.get(forecast.key);
        if (known) before.set(forecast.key, known);
        latest.set(forecast.key, forecast);
      }
      answered.clear();
    },
    at(key, atMs) {
      const known = answered.get(key);
      if (known && known.fromMs <= atMs && atMs < known.untilMs) return known.rate;
      const forecast = [latest.get(key), before.get(key)].find((one) => one && one.fromMs <= atMs);
      if (!forecast) return undefined;
      const { fromMs, stepMs, levels, requestCount } = forecast;
      const step = Math.floor((atMs - fromMs) / stepMs);
      const counts = requestCount[step];
      if (!counts) return undefined;
      const rate = { levels, requestsPerSecond: counts.map((count) => (count * msPerSecond) / stepMs) };
      answered.set(key, { fromMs: fromMs + step * stepMs, untilMs: fromMs + (step + 1) * stepMs, rate });
      return rate;
    },
  };
}
