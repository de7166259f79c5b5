/** The last day of each function by the minute, for charts: what came, what was forecast at the time, what was warm. Bounded; nothing is decided from it. */
import type { Forecast } from '../core/forecast.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerMinute, type EpochMs } from '../core/time.ts';
import type { TimelinePoint } from './view.ts';

const pointCountMax = 1_440;

interface MutablePoint {
  atMs: EpochMs;
  requests: number | null;
  expectedP50: number | null;
  expectedP95: number | null;
  concurrencyReady: number;
}

export interface Timeline {
  /** Opens the minute of `nowMs` for a function. */
  mark(key: FunctionKey, nowMs: EpochMs, concurrencyReady: number): void;
  /** Requests of one finished bucket, spread over its minutes. */
  arrived(
    key: FunctionKey,
    bucket: { readonly atMs: EpochMs; readonly stepMs: number; readonly requestCount: number },
  ): void;
  /** The latest forecast is what the coming minutes are measured against; minutes that have begun keep theirs. */
  expect(forecast: Forecast): void;
  of(key: FunctionKey): readonly TimelinePoint[];
}

export function createTimeline(): Timeline {
  const points = new Map<FunctionKey, MutablePoint[]>();
  const expected = new Map<FunctionKey, Forecast>();
  const pointsOf = (key: FunctionKey): MutablePoint[] => {
    const known = points.get(key);
    if (known) return known;
    const fresh: MutablePoint[] = [];
    points.set(key, fresh);
    return fresh;
  };
  return {
    mark(key, nowMs, concurrencyReady) {
      const line = pointsOf(key);
      const atMs = Math.floor(nowMs / msPerMinute) * msPerMinute;
      const last = line.at(-1);
      if (last?.atMs === atMs) {
        last.concurrencyReady = concurrencyReady;
        return;
      }
      const forecast = expected.get(key);
      line.push({
        atMs,
        requests: null,
        expectedP50: perMinute(forecast, atMs, 0.5),
        expectedP95: perMinute(forecast, atMs, 0.95),
        concurrencyReady,
      });
      if (line.length > pointCountMax) line.shift();
    },
    arrived(key, { atMs, stepMs, requestCount }) {
      const perMinuteCount = requestCount / (stepMs / msPerMinute);
      for (const point of pointsOf(key))
        if (point.atMs >= atMs && point.atMs < atMs + stepMs) point.requests = perMinuteCount;
    },
    expect: (forecast) => void expected.set(forecast.key, forecast),
    of: (key) => points.get(key) ?? [],
  };
}

function perMinute(forecast: Forecast | undefined, atMs: EpochMs, level: number): number | null {
  if (!forecast) return null;
  const step = forecast.requestCount[Math.floor((atMs - forecast.fromMs) / forecast.stepMs)];
  const value = step?.[forecast.levels.indexOf(level)];
  return value === undefined ? null : value / (forecast.stepMs / msPerMinute);
}
