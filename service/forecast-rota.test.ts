import { describe, expect, it } from 'vitest';
import type { Forecast } from '../core/forecast.ts';
import type { MarketEvent } from '../core/market-event.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerHour, msPerMinute } from '../core/time.ts';
import { createForecastRota, type ForecastSource } from './forecast-rota.ts';

interface Counted extends ForecastSource {
  learn(): void;
  readonly asked: number[];
}

/** A source that has learned up to minute 0, and notes at which minute it was asked. */
function source(stepMinutes = 1): Counted {
  const stepMs = stepMinutes * msPerMinute;
  let learned = 0;
  const asked: number[] = [];
  return {
    stepMs,
    asked,
    learn: () => void (learned += stepMinutes),
    untilMs: () => learned * msPerMinute,
    forecast(fromMs, untilMs): Forecast {
      asked.push(learned);
      const requestCount = Array.from({ length: Math.ceil((untilMs - fromMs) / stepMs) }, () => [1]);
      const about = { key: 'k' as FunctionKey, model: 'm', levels: [0.5], issuedAtMs: learned * msPerMinute };
      return { ...about, fromMs, stepMs, requestCount };
    },
  };
}

function rotaOf(sources: readonly Counted[]) {
  const calendar = { events: [] as readonly MarketEvent[] };
  const rota = createForecastRota({ sources, horizonMs: 2 * msPerHour, events: () => calendar.events });
  const plan = (minute: number): Forecast[] =>
    sources.map((one) => {
      const fromMs = minute * msPerMinute;
      return rota.forecast(one, fromMs, fromMs + 2 * msPerHour) as Forecast;
    });
  const learn = (one: Counted): void => {
    const bucketAtMs = one.untilMs();
    one.learn();
    rota.learned(one, bucketAtMs);
  };
  return { calendar, plan, learn };
}

const many = (stepMinutes?: number): Counted[] => Array.from({ length: 60 }, () => source(stepMinutes));
const askedOf = (sources: readonly Counted[]): number => sources.reduce((sum, { asked }) => sum + asked.length, 0);

describe('many streams of volume', () => {
  it('are forecast in turns of a fifth each minute, and the plans ask for none', () => {
    const sources = many();
    const { plan, learn } = rotaOf(sources);
    plan(0);
    expect(askedOf(sources)).toBe(60);
    for (let minute = 0; minute < 60; minute++) {
      const before = askedOf(sources);
      sources.forEach(learn);
      expect(askedOf(sources) - before).toBe(12);
      if (minute % 5 !== 4) continue;
      const forecasts = plan(minute + 1);
      expect(askedOf(sources) - before).toBe(12);
      for (const { issuedAtMs, fromMs, requestCount } of forecasts) {
        expect(issuedAtMs).toBeGreaterThan((minute - 4) * msPerMinute);
        expect(fromMs + requestCount.length * msPerMinute).toBeGreaterThanOrEqual((minute + 121) * msPerMinute);
      }
    }
  });

  type Act = (rota: ReturnType<typeof rotaOf>, sources: readonly Counted[]) => void;
  it.each<[string, number, Act]>([
    ['none when nothing was learned and time went little on', 0, ({ plan }) => void plan(10)],
    ['all when the kept ones end before the plan does', 60, ({ plan }) => void plan(16)],
    [
      'all under another calendar',
      60,
      ({ calendar, plan }) => {
        calendar.events = [];
        plan(1);
      },
    ],
    [
      // Of the first the whole backlog is news, of the others its last minute, and that is the turn of a fifth of them.
      'those at its end where a backlog comes at once',
      12 + 12,
      ({ learn }, sources) => {
        for (const one of sources) for (let count = 0; count < 60; count++) learn(one);
      },
    ],
  ])('are asked for: %s', (_name, count, act) => {
    const sources = many();
    const rota = rotaOf(sources);
    rota.plan(0);
    const before = askedOf(sources);
    act(rota, sources);
    expect(askedOf(sources) - before).toBe(count);
  });

  it('of five minutes are forecast with each plan that knows more', () => {
    const sources = many(5);
    const { plan, learn } = rotaOf(sources);
    plan(0);
    sources.forEach(learn);
    expect(askedOf(sources)).toBe(60);
    plan(5);
    expect(askedOf(sources)).toBe(120);
  });
});

it('takes no turns where there are few', () => {
  const sources = many().slice(0, 50);
  const { plan, learn } = rotaOf(sources);
  plan(0);
  sources.forEach(learn);
  expect(askedOf(sources)).toBe(50);
  plan(1);
  expect(askedOf(sources)).toBe(100);
});
