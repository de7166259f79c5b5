import { describe, expect, it } from 'vitest';
import type { QuantilePath } from '../core/forecast.ts';
import type { Importance, MarketEvent } from '../core/market-event.ts';
import { createRandom } from '../core/random.ts';
import { msPerDay } from '../core/time.ts';
import { endOf, sliceSeries, type VolumeSeries } from '../core/volume-series.ts';
import { createEventResponse, type EventResponse } from './event-response.ts';
import { isNotReady } from './model.ts';
import { createSessionEvent } from './session-event.ts';
import {
  localInstant,
  startMs,
  stepMs,
  syntheticSeries,
  testClock,
  testEvent,
  usualLogVolume,
} from './synthetic.fixture.ts';

interface Question {
  readonly series: VolumeSeries;
  readonly events?: readonly MarketEvent[];
  /** The forecast is issued half an hour before. */
  readonly atMs: number;
  readonly levels?: readonly number[];
  /** Events of the horizon, where they are not those learned. */
  readonly ahead?: readonly MarketEvent[];
  readonly eventResponse?: EventResponse;
}

function ask({ series, events = [], atMs, levels = [0.5], ahead, eventResponse }: Question): QuantilePath {
  const model = createSessionEvent({ stepMs, clock: testClock, ...(eventResponse && { eventResponse }) });
  model.learn({ volume: sliceSeries(series, startMs, atMs - 6 * stepMs), events });
  const answer = model.forecast({ fromMs: atMs, stepMs, stepCount: 6, levels, events: ahead ?? events });
  if (isNotReady(answer)) throw new Error(answer.notReady);
  return answer;
}

/** Log of the first bucket's median over what is usual at that hour. */
function liftOf(question: Question, hour: number): number {
  return Math.log(ask(question).requestCount[0]![0]!) - usualLogVolume(hour);
}

/** What a kind looks like that comes at noon on those days. */
function noonCurve(days: readonly number[], lift: number) {
  const events = days.map((day) => testEvent('noon', localInstant(day, 12)));
  const eventResponse = createEventResponse();
  const series = syntheticSeries({ dayCount: 59, events, liftOf: () => lift });
  createSessionEvent({ stepMs, clock: testClock, seriesName: 'one', eventResponse }).learn({ volume: series, events });
  return eventResponse.curveOf('one', 'noon', 3);
}

const weekdays = (count: number): number[] =>
  Array.from({ length: 7 * count }, (_, day) => day).filter((day) => day % 7 < 5);

describe('the session profile inside the model', () => {
  // Goal: a surge that no day is without is told apart from nothing. Method: the same noons, with and without a lift; a fifth of days leaves clean ones.
  it.each([
    { name: 'every day, with a surge', days: weekdays(8), lift: 1, strength: [-0.1, 0.15], usualRise: [0.3, 1] },
    { name: 'every day, with nothing', days: weekdays(8), lift: 0, strength: [-0.05, 0.05], usualRise: [-0.05, 0.05] },
    {
      name: 'on Mondays, with a surge',
      days: weekdays(8).filter((day) => day % 7 === 0),
      lift: 1,
      strength: [0.4, 1],
      usualRise: [-0.05, 0.05],
    },
  ])('shows in what is usual what comes at noon $name', ({ days, lift, strength, usualRise }) => {
    const curve = noonCurve(days, lift);
    expect(curve.eventCount).toBeGreaterThanOrEqual(3);
    expect([curve.strength >= strength[0]!, curve.strength <= strength[1]!]).toEqual([true, true]);
    expect([curve.usualRise >= usualRise[0]!, curve.usualRise <= usualRise[1]!]).toEqual([true, true]);
  });

  it('follows the local clock over the change to summer time', () => {
    // Eleven weeks from 6 January cross 9 March; noon is at 17:00Z before and at 16:00Z after it.
    const lift = liftOf({ series: syntheticSeries({ dayCount: 66 }), atMs: localInstant(64, 8) }, 8);
    expect(Math.abs(lift)).toBeLessThan(0.1);
  });

  it.each([
    ['a level that doubles for good', 0.7],
    ['a level that falls to a third', -1.1],
  ])('follows %s within days', (_, step) => {
    const series = syntheticSeries({ dayCount: 60, levelOf: (day) => (day >= 50 ? step : 0) });
    expect(Math.abs(liftOf({ series, atMs: localInstant(58, 11) }, 11) - step)).toBeLessThan(0.2);
  });

  it('is not moved by a late print the day before', () => {
    const plain = syntheticSeries({ dayCount: 40 });
    const printed = { ...plain, values: plain.values.slice() };
    printed.values[(localInstant(37, 11) - startMs) / stepMs] = 1e7;
    const question = { atMs: localInstant(38, 11) };
    expect(liftOf({ series: printed, ...question }, 11)).toBeCloseTo(liftOf({ series: plain, ...question }, 11), 0);
  });

  it.each([
    ['ninety days', 90, false],
    ['a hundred and one', 101, true],
  ])('after %s without data (%i) a forecast is refused: %s', (_, gapDays, isRefused) => {
    const model = createSessionEvent({ stepMs, clock: testClock });
    const volume = syntheticSeries({ dayCount: 40 });
    model.learn({ volume, events: [] });
    const fromMs = endOf(volume) + gapDays * msPerDay;
    model.learn({ volume: { fromMs, stepMs, values: Float64Array.of(NaN) }, events: [] });
    const answer = model.forecast({ fromMs: fromMs + stepMs, stepMs, stepCount: 1, levels: [0.5], events: [] });
    expect(isNotReady(answer)).toBe(isRefused);
  });

  it('expects nothing where the market has always been closed', () => {
    const path = ask({ series: syntheticSeries({ dayCount: 40 }), atMs: localInstant(40, 11), levels: [0.5, 0.99] });
    expect(path.requestCount).toEqual(Array(6).fill([0, 0]));
  });
});

describe('the event response inside the model', () => {
  const strength: Readonly<Record<string, number>> = { great: 2, other: 1.8, dud: 0 };
  /** A history in which the events lie on the given days at 08:30, and the lift that a kind gets on day 58. */
  const liftOfKind = (
    days: Readonly<Record<string, readonly number[]>>,
    kind: string,
    importance: Importance,
  ): number => {
    const events = Object.entries(days).flatMap(([name, on]) =>
      on.map((day) => testEvent(name, localInstant(day, 8.5), name === 'dud' ? 1 : 3)),
    );
    const series = syntheticSeries({ dayCount: 60, events, liftOf: (name) => strength[name] ?? 0 });
    const atMs = localInstant(58, 8.5);
    return liftOf({ series, events, atMs, ahead: [testEvent(kind, atMs, importance)] }, 8.5);
  };

  it.each([
    ['seen eight times: itself', { great: [14, 17, 21, 25, 29, 35, 42, 49] }, 'great', 3, 1.4, 2.1],
    ['seen twice: usable', { great: [35, 49] }, 'great', 3, 0.7, 2.1],
    ['never seen, of an importance that is known', { great: [21, 28, 35], other: [22, 29, 36] }, 'new', 3, 0.5, 2],
    [
      'never seen, of an importance that has no effect',
      { dud: weekdays(7).filter((day) => day > 14) },
      'new',
      1,
      -0.2,
      0.2,
    ],
    ['without effect: none', { dud: weekdays(7).filter((day) => day > 14) }, 'dud', 1, -0.2, 0.2],
    ['nothing known at all', {}, 'new', 3, -0.15, 0.15],
  ] as const)('a kind %s', (_, days, kind, importance, least, most) => {
    const lift = liftOfKind(days, kind, importance);
    expect(lift).toBeGreaterThan(least);
    expect(lift).toBeLessThan(most);
  });

  it('leaves a cancelled event, and one of which only the day is known, out', () => {
    const days = [14, 21, 28, 35, 42, 49];
    const events = days.map((day) => testEvent('great', localInstant(day, 8.5)));
    const series = syntheticSeries({ dayCount: 60, events, liftOf: () => 2 });
    const atMs = localInstant(58, 8.5);
    const ahead = testEvent('great', atMs);
    const lifts = [ahead, { ...ahead, status: 'cancelled' as const }, { ...ahead, precision: 'date' as const }].map(
      (event) => liftOf({ series, events, atMs, ahead: [event] }, 8.5),
    );
    expect(lifts[0]).toBeGreaterThan(1);
    expect(Math.max(Math.abs(lifts[1]!), Math.abs(lifts[2]!))).toBeLessThan(0.25);
  });

  it('adds the same volume to a busier hour, and so a smaller lift', () => {
    const events = [14, 17, 21, 25, 29, 35, 42, 49].map((day) => testEvent('great', localInstant(day, 4)));
    const series = syntheticSeries({ dayCount: 60, events, liftOf: () => 2 });
    const liftAt = (hour: number): number => {
      const atMs = localInstant(58, hour);
      return liftOf({ series, events, atMs, ahead: [testEvent('great', atMs)] }, hour);
    };
    // At 04:00 usual is e^4.75, at noon e^7: e^2.25 = 9.5 times as much, so (e² - 1) / 9.5 = 0.67 and log 1.67 = 0.5.
    expect(liftAt(4)).toBeGreaterThan(1.4);
    expect(liftAt(12)).toBeGreaterThan(0.2);
    expect(liftAt(12)).toBeLessThan(0.8);
  });

  it('learns from the other series of a shared calendar', () => {
    const eventResponse = createEventResponse();
    const events = [21, 28, 35, 42, 49].map((day) => testEvent('great', localInstant(day, 8.5)));
    const teacher = createSessionEvent({ stepMs, clock: testClock, eventResponse, seriesName: 'teacher' });
    teacher.learn({ volume: syntheticSeries({ dayCount: 56, events, liftOf: () => 2 }), events });
    const series = syntheticSeries({ dayCount: 60, seed: 2 });
    const atMs = localInstant(58, 8.5);
    const question = { series, atMs, ahead: [testEvent('great', atMs)] };
    expect(liftOf({ ...question, eventResponse }, 8.5)).toBeGreaterThan(1);
    expect(Math.abs(liftOf(question, 8.5))).toBeLessThan(0.2);
  });
});

describe('the quantiles', () => {
  it('of a busy hour are not those of a night with a request now and then', () => {
    const random = createRandom(5);
    // Poisson counts by the gaps between arrivals.
    const draw = (mean: number): number => {
      let count = 0;
      for (let at = -Math.log(1 - random.next()); at < mean; at -= Math.log(1 - random.next())) count++;
      return count;
    };
    const plain = syntheticSeries({ dayCount: 60, noise: 0 });
    // The made-up day runs from e^4 at night to e^7 at noon: from 07:00 to 17:00 it is above e^5.9.
    const values = plain.values.map((value) => (Number.isNaN(value) ? NaN : draw(value > Math.exp(5.9) ? 4 : 1 / 30)));
    const path = ask({ series: { ...plain, values }, atMs: localInstant(57, 11), levels: [0.5, 0.95, 0.99] });
    // Of a Poisson count with mean 4: 4, 8 and 9. The night's errors share its histogram, so the last one is wide; were nights that see
    // next to nothing taken for regular, it would be near 200.
    for (const [middle, high, highest] of path.requestCount) {
      expect(middle).toBeGreaterThan(2.5);
      expect(high).toBeGreaterThan(5);
      expect(highest).toBeLessThan(100);
    }
  });

  // Goal: coverage holds while the level moves. Method: the level wanders by the day and jumps; each hour forecast half an hour ahead.
  it.each([
    ['a steady level', () => 0],
    ['a level that wanders', (day: number) => 0.3 * Math.sin(day / 3)],
    ['a level that doubles on day 55', (day: number) => (day >= 55 ? 0.7 : 0)],
  ])('cover what they say under %s', (_, levelOf) => {
    const series = syntheticSeries({ dayCount: 75, levelOf, noise: 0.3 });
    const model = createSessionEvent({ stepMs, clock: testClock });
    const firstMs = localInstant(42, 0);
    model.learn({ volume: sliceSeries(series, startMs, firstMs), events: [] });
    const levels = [0.05, 0.5, 0.95];
    const under = [0, 0, 0];
    let count = 0;
    for (let atMs = firstMs; atMs < endOf(series) - 18 * stepMs; atMs += 12 * stepMs) {
      const path = model.forecast({ fromMs: atMs + 6 * stepMs, stepMs, stepCount: 6, levels, events: [] });
      if (isNotReady(path)) throw new Error(path.notReady);
      for (const [step, quantiles] of path.requestCount.entries()) {
        const actual = series.values[(atMs - startMs) / stepMs + 6 + step]!;
        if (Number.isNaN(actual)) continue;
        count++;
        for (const [index, quantile] of quantiles.entries()) if (actual <= quantile) under[index]!++;
      }
      model.learn({ volume: sliceSeries(series, atMs, atMs + 12 * stepMs), events: [] });
    }
    expect(count).toBeGreaterThan(2_000);
    expect(Math.abs(under[0]! / count - 0.05)).toBeLessThan(0.03);
    expect(Math.abs(under[1]! / count - 0.5)).toBeLessThan(0.08);
    expect(Math.abs(under[2]! / count - 0.95)).toBeLessThan(0.03);
  });
});
