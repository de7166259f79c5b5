import fc from 'fast-check';
import { expect, it } from 'vitest';
import { endOf, sliceSeries, type VolumeSeries } from './volume-series.ts';

const series: VolumeSeries = { fromMs: 600, stepMs: 60, values: Float64Array.of(1, 2, Number.NaN, 4) };

it.each([
  { name: 'the whole', fromMs: 600, untilMs: 840, values: [1, 2, Number.NaN, 4], startsAtMs: 600 },
  { name: 'no bucket that ends a millisecond late', fromMs: 600, untilMs: 719, values: [1], startsAtMs: 600 },
  { name: 'a bucket that ends in time', fromMs: 600, untilMs: 720, values: [1, 2], startsAtMs: 600 },
  {
    name: 'no bucket that begins a millisecond early',
    fromMs: 601,
    untilMs: 840,
    values: [2, Number.NaN, 4],
    startsAtMs: 660,
  },
  { name: 'no more than there is', fromMs: 0, untilMs: 9_999, values: [1, 2, Number.NaN, 4], startsAtMs: 600 },
  { name: 'nothing from after the end', fromMs: 840, untilMs: 900, values: [], startsAtMs: 840 },
  { name: 'nothing from before the start', fromMs: 0, untilMs: 600, values: [], startsAtMs: 600 },
  { name: 'nothing from within one bucket', fromMs: 610, untilMs: 650, values: [], startsAtMs: 660 },
  { name: 'nothing backwards', fromMs: 800, untilMs: 700, values: [], startsAtMs: 840 },
])('cuts out $name', ({ fromMs, untilMs, values, startsAtMs }) => {
  const slice = sliceSeries(series, fromMs, untilMs);
  expect({ startsAtMs: slice.fromMs, values: [...slice.values] }).toEqual({ startsAtMs, values });
});

// Goal: at an origin nothing is seen that ends after it, and nothing is lost that ends before.
it('holds exactly the buckets that lie wholly inside', () => {
  const instant = fc.integer({ min: -50, max: 600 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.nat(20), instant, instant, (stepMs, length, fromMs, untilMs) => {
      const whole: VolumeSeries = {
        fromMs: 2 * stepMs,
        stepMs,
        values: Float64Array.from({ length }, (_, index) => index),
      };
      const slice = sliceSeries(whole, fromMs, untilMs);
      const inside = [...whole.values].filter((index) => {
        const startsAtMs = whole.fromMs + index * stepMs;
        return startsAtMs >= fromMs && startsAtMs + stepMs <= untilMs;
      });
      expect([...slice.values]).toEqual(inside);
      if (inside.length > 0) expect(slice.fromMs).toBe(whole.fromMs + inside[0]! * stepMs);
      expect(endOf(slice)).toBe(slice.fromMs + inside.length * stepMs);
    }),
    { numRuns: 300 },
  );
});

it('is a view, so that cutting a year costs nothing', () => {
  expect(sliceSeries(series, 660, 840).values.buffer).toBe(series.values.buffer);
});
