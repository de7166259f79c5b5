/** What is no demand, or not all of it: minutes in which capacity was exhausted, and peaks that no event explains. */
import { describe, expect, it } from 'vitest';
import type { QuantilePath } from '../core/forecast.ts';
import type { MarketEvent } from '../core/market-event.ts';
import type { EpochMs } from '../core/time.ts';
import type { VolumeSeries } from '../core/volume-series.ts';
import { isNotReady } from './model.ts';
import { createSessionEvent } from './session-event.ts';
import { localInstant, startMs, stepMs, syntheticSeries, testClock, testEvent } from './synthetic.fixture.ts';

const bucketOf = (atMs: EpochMs): number => (atMs - startMs) / stepMs;

/** The series with some buckets changed. */
function changed(
  series: VolumeSeries,
  spans: readonly { readonly fromMs: EpochMs; readonly count: number }[],
  change: (value: number) => number,
): { readonly series: VolumeSeries; readonly isAtLeast: Uint8Array } {
  const values = series.values.slice();
  const isAtLeast = new Uint8Array(values.length);
  for (const { fromMs, count } of spans)
    for (let bucket = bucketOf(fromMs); bucket < bucketOf(fromMs) + count; bucket++) {
      values[bucket] = change(values[bucket]!);
      isAtLeast[bucket] = 1;
    }
  return { series: { ...series, values }, isAtLeast };
}

interface Question {
  readonly series: VolumeSeries;
  readonly isAtLeast?: Uint8Array;
  readonly events?: readonly MarketEvent[];
  readonly atMs: EpochMs;
}

function ask({ series, isAtLeast, events = [], atMs }: Question): QuantilePath {
  const model = createSessionEvent({ stepMs, clock: testClock });
  model.learn({ volume: series, ...(isAtLeast && { isAtLeast }), events });
  const answer = model.forecast({ fromMs: atMs, stepMs, stepCount: 12, levels: [0.5, 0.95], events });
  if (isNotReady(answer)) throw new Error(answer.notReady);
  return answer;
}

/** Mean log of one level over another's. */
function logRatio(one: QuantilePath, other: QuantilePath, level: 0 | 1 = 0): number {
  const logs = one.requestCount.map((quantiles, step) =>
    Math.log(quantiles[level]! / other.requestCount[step]![level]!),
  );
  return logs.reduce((sum, log) => sum + log, 0) / logs.length;
}

describe('a saturated minute', () => {
  const plain = syntheticSeries({ dayCount: 60 });
  const atMs = localInstant(60, 11);
  // From 11:00 to 12:00 of the last twelve sessions.
  const spans = [44, 45, 46, 49, 50, 51, 52, 53, 56, 57, 58, 59].map((day) => ({
    fromMs: localInstant(day, 11),
    count: 12,
  }));

  it('that shows less than is usual is as if nobody had counted it', () => {
    const cut = changed(plain, spans, (value) => value / 3);
    const missing = changed(plain, spans, () => NaN);
    expect(ask({ ...cut, atMs })).toEqual(ask({ series: missing.series, atMs }));
    // And would have been taken for less demand.
    const taken = ask({ series: cut.series, atMs });
    expect(logRatio(taken, ask({ series: plain, atMs }))).toBeLessThan(-0.2);
  });

  it('that shows more than is usual raises what is expected', () => {
    const grown = changed(plain, spans, (value) => 2 * value);
    expect(logRatio(ask({ ...grown, atMs }), ask({ series: plain, atMs }))).toBeGreaterThan(0.2);
  });
});

describe('an event whose minutes are saturated', () => {
  const days = [14, 17, 21, 25, 29, 35, 42, 49];
  const events = [...days, 58].map((day) => testEvent('great', localInstant(day, 8.5)));
  const plain = syntheticSeries({ dayCount: 58, events, liftOf: () => 2 });
  const atMs = localInstant(58, 8.5);
  const whole = ask({ series: plain, events, atMs });
  // Capacity for half of what came, in the later four.
  const spans = days.slice(4).map((day) => ({ fromMs: localInstant(day, 8.5), count: 12 }));
  const cut = changed(plain, spans, (value) => value / 2);

  it('is remembered as it was when all was counted', () => {
    expect(logRatio(ask({ ...cut, events, atMs }), whole)).toBeGreaterThan(-0.1);
  });

  it('would be remembered as a smaller one', () => {
    expect(logRatio(ask({ series: cut.series, events, atMs }), whole)).toBeLessThan(-0.25);
  });
});

describe('peaks that no event explains', () => {
  const events = [14, 17, 21, 25, 29, 35, 42, 49, 58].map((day) => testEvent('great', localInstant(day, 8.5)));
  const plain = syntheticSeries({ dayCount: 58, events, liftOf: () => 2 });
  const peaksAt = (hour: number, days: readonly number[]) =>
    changed(
      plain,
      days.map((day) => ({ fromMs: localInstant(day, hour), count: 3 })),
      (value) => 30 * value,
    );
  const noonMs = localInstant(58, 12);
  const eventMs = localInstant(58, 8.5);

  it('far from any leave what is usual and what events bring as they are', () => {
    const { series } = peaksAt(12, [30, 36, 43, 50]);
    for (const atMs of [noonMs, eventMs])
      for (const level of [0, 1] as const)
        expect(
          Math.abs(logRatio(ask({ series, events, atMs }), ask({ series: plain, events, atMs }), level)),
        ).toBeLessThan(0.1);
  });

  // Two hours after an event its curve is still being learned.
  it('in the wake of one are not taken for its doing', () => {
    const { series } = peaksAt(9.5, [49]);
    const atMs = localInstant(58, 9.5);
    const learned = ask({ series, events, atMs });
    // Thirtyfold is 3.4 in the log; one of eight events would move the mean by 0.43.
    expect(logRatio(learned, ask({ series: plain, events, atMs }))).toBeLessThan(0.1);
  });
});
