import { describe, expect, it } from 'vitest';
import type { Forecast } from '../core/forecast.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { endOf, sliceSeries } from '../core/volume-series.ts';
import { isNotReady, type NotReady } from '../models/model.ts';
import { localInstant, startMs, stepMs, syntheticSeries, testClock, testEvent } from '../models/synthetic.fixture.ts';
import { createForecaster, requestsOf, requireForecastable, type ForecasterOptions } from './forecaster.ts';

const key = '123456789012/us-east-1/orders-validate:live' as FunctionKey;
const atMs = localInstant(58, 8.5);
const events = [14, 21, 28, 35, 42, 49, 58].map((day) => ({
  ...testEvent('earnings', localInstant(day, 8.5)),
  symbols: ['AAPL', 'MSFT'],
}));
const series = syntheticSeries({ dayCount: 60, events, liftOf: () => 2 });
const history = sliceSeries(series, startMs, atMs - 6 * stepMs);

function ready(answer: Forecast | NotReady): Forecast {
  if (isNotReady(answer)) throw new Error(answer.notReady);
  return answer;
}
function forecastWith(options: Partial<ForecasterOptions>): Forecast {
  const forecaster = createForecaster({ key, stepMs, clock: testClock, ...options });
  forecaster.learn(history, events);
  return ready(forecaster.forecast({ fromMs: atMs, untilMs: atMs + 6 * stepMs, levels: [0.5], events }));
}

describe('forecaster', () => {
  it('names the function, the origin and the model', () => {
    const { requestCount, ...rest } = forecastWith({});
    expect(rest).toEqual({
      key,
      issuedAtMs: endOf(history),
      fromMs: atMs,
      stepMs,
      levels: [0.5],
      model: 'session-event/1',
    });
    expect(requestCount).toHaveLength(6);
  });

  it.each([
    ['has one of its symbols', ['MSFT'], 4, 12],
    ['has none of its symbols', ['NVDA'], 0.5, 1.6],
    ['has no symbols', [], 0.5, 1.6],
  ])('an event with symbols moves a function that %s as it should', (_, symbols, least, most) => {
    const usual = Math.exp(5.5 - 1.5 * Math.cos((8.5 / 24) * 2 * Math.PI));
    const lift = forecastWith({ symbols }).requestCount[0]![0]! / usual;
    expect(lift).toBeGreaterThan(least);
    expect(lift).toBeLessThan(most);
  });

  it('learns nothing from a second time that doubt keeps warm, and forecasts for it all the same', () => {
    const doubt = { kind: 'held-over', eventId: 'x' } as const;
    const symbols = ['MSFT'];
    const answer = (learned: typeof events, asked: typeof events): number => {
      const forecaster = createForecaster({ key, stepMs, clock: testClock, symbols });
      forecaster.learn(history, learned);
      return ready(forecaster.forecast({ fromMs: atMs, untilMs: atMs + stepMs, levels: [0.5], events: asked }))
        .requestCount[0]![0]!;
    };
    const past = events.slice(0, -1);
    const others = [10, 17, 24].map((day) => ({
      ...past[0]!,
      id: `held ${day}`,
      startsAtMs: localInstant(day, 8.5),
      doubt,
    }));
    const all = [...past, ...others].sort((a, b) => a.startsAtMs - b.startsAtMs);
    const said = answer(past, events);
    expect(answer(all, events)).toBe(said);
    expect(answer(past, [...past, { ...events.at(-1)!, doubt }])).toBe(said);
  });

  it('takes what people start by hand for no kind of event', () => {
    const manual = { ...testEvent('manual', atMs), symbols: [] };
    const forecaster = createForecaster({ key, stepMs, clock: testClock });
    forecaster.learn(history, events);
    const [without, withIt] = [[], [manual]].map((asked) =>
      ready(forecaster.forecast({ fromMs: atMs, untilMs: atMs + 6 * stepMs, events: asked })),
    );
    expect(withIt).toEqual(without);
  });

  it('answers in requests: so many to a unit of volume', () => {
    const volume = forecastWith({});
    const other = '123456789012/us-east-1/other:live' as FunctionKey;
    const requests = ready(requestsOf(volume, { key: other, requestsPerUnit: 4 }));
    expect(requests.key).toBe(other);
    expect(requests.requestCount[0]![0]).toBeCloseTo(4 * volume.requestCount[0]![0]!, 6);
    expect(requestsOf({ notReady: 'too early' }, { key: other, requestsPerUnit: 4 })).toEqual({
      notReady: 'too early',
    });
  });

  it('rounds a request outwards to whole buckets, and starts at the origin what asks for the past', () => {
    const forecaster = createForecaster({ key, stepMs, clock: testClock });
    forecaster.learn(history, events);
    const inside = ready(forecaster.forecast({ fromMs: atMs + 1, untilMs: atMs + stepMs + 1, events }));
    expect([inside.fromMs, inside.requestCount.length]).toEqual([atMs, 2]);
    const past = ready(forecaster.forecast({ fromMs: atMs - 20 * stepMs, untilMs: atMs, events }));
    expect([past.fromMs, past.requestCount.length]).toEqual([endOf(history), 6]);
  });

  it('goes on from its snapshot, and is not ready before it learned', () => {
    const empty = createForecaster({ key, stepMs, clock: testClock });
    const request = { fromMs: atMs, untilMs: atMs + 6 * stepMs, events };
    expect(isNotReady(empty.forecast(request))).toBe(true);
    const awake = createForecaster({ key, stepMs, clock: testClock });
    awake.learn(history, events);
    const slept = createForecaster({ key, stepMs, clock: testClock, snapshot: awake.snapshot() });
    expect(slept.forecast(request)).toEqual(awake.forecast(request));
  });
});

describe('the buckets of a history', () => {
  it.each([
    ['a minute', 60_000, true],
    ['half an hour', 1_800_000, true],
    ['twenty minutes', 1_200_000, false],
    ['a second', 1_000, false],
    ['ninety seconds', 90_000, false],
    ['an hour', 3_600_000, false],
  ])('of %s can be forecast, or are refused by the name of the file', (_, length, isFit) => {
    const require = (): void => requireForecastable(length, 'orders.csv');
    if (isFit) expect(require).not.toThrow();
    else expect(require).toThrow(/^orders\.csv: buckets of \d+ s cannot be forecast/);
  });
});
