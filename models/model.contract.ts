/** What every registered model is held to. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { standardLevels, type QuantilePath } from '../core/forecast.ts';
import { msPerDay, msPerHour } from '../core/time.ts';
import { endOf, sliceSeries, type VolumeSeries } from '../core/volume-series.ts';
import { isNotReady, type Horizon, type Model, type ModelEntry } from './model.ts';
import { localInstant, startMs, stepMs, syntheticSeries, testClock, testEvent } from './synthetic.fixture.ts';

const dayCount = 30;
// Every third weekday at 08:30, two kinds in turn; one more lies in the horizon.
const events = [2, 7, 10, 15, 18, 23, 28, 30, 31].map((day, index) =>
  testEvent(index % 2 === 0 ? 'great' : 'small', localInstant(day, 8.5), index % 2 === 0 ? 3 : 1),
);
const series = syntheticSeries({ dayCount, events, liftOf: (kind) => (kind === 'great' ? 1.5 : 0.2) });

export function describeModel(name: string, entry: ModelEntry): void {
  const create = (snapshot?: Parameters<ModelEntry['create']>[1]): Model =>
    entry.create({ stepMs, clock: testClock }, snapshot);
  const learned = (volume: VolumeSeries = series): Model => {
    const model = create();
    model.learn({ volume, events });
    return model;
  };
  const horizonAt = (fromMs: number, stepCount = 12, levels: readonly number[] = standardLevels): Horizon => ({
    fromMs,
    stepMs,
    stepCount,
    levels,
    events,
  });
  const forecastOf = (model: Model, horizon: Horizon): QuantilePath => {
    const answer = model.forecast(horizon);
    if (isNotReady(answer)) throw new Error(answer.notReady);
    return answer;
  };

  describe(`${name}: the contract of a model`, () => {
    it('answers any horizon of a day with paths of the right length whose levels ascend', () => {
      const model = learned();
      const anyHorizon = fc.record({
        leadSteps: fc.integer({ min: 0, max: (24 * msPerHour) / stepMs }),
        stepCount: fc.integer({ min: 0, max: 40 }),
        levels: fc.uniqueArray(fc.integer({ min: 1, max: 999 }), { minLength: 1, maxLength: 6 }),
      });
      fc.assert(
        fc.property(anyHorizon, ({ leadSteps, stepCount, levels }) => {
          const ascending = levels.map((level) => level / 1_000).sort((left, right) => left - right);
          const path = forecastOf(model, horizonAt(endOf(series) + leadSteps * stepMs, stepCount, ascending));
          expect(path.requestCount).toHaveLength(stepCount);
          for (const quantiles of path.requestCount) {
            expect(quantiles).toHaveLength(ascending.length);
            for (const [index, value] of quantiles.entries()) {
              expect(value).toBeGreaterThanOrEqual(index === 0 ? 0 : quantiles[index - 1]!);
              expect(value).toBeLessThan(1e9);
            }
          }
        }),
        { numRuns: 30, seed: 11 },
      );
    });

    it('gives the same answer to the same question, and changes neither itself nor what it was given', () => {
      const given = { ...series, values: series.values.slice() };
      const model = learned(given);
      const before = JSON.stringify(model.snapshot());
      const horizon = horizonAt(endOf(series) + 3 * msPerHour);
      expect(forecastOf(model, horizon)).toEqual(forecastOf(model, horizon));
      expect(forecastOf(learned(), horizon)).toEqual(forecastOf(model, horizon));
      expect(JSON.stringify(model.snapshot())).toBe(before);
      expect(given.values).toEqual(series.values);
    });

    // Goal: no model reads past its origin. Method: what lies behind the block, in the same memory, is the true future once, nonsense once.
    it('answers the same bytes from a truncated history as from a view on the whole', () => {
      const originMs = localInstant(28, 8);
      const whole = sliceSeries(series, startMs, originMs);
      const nonsense = { ...series, values: series.values.slice().fill(1e6, whole.values.length) };
      const truncated = { ...whole, values: whole.values.slice() };
      const horizon = horizonAt(originMs, 24);
      const answers = [whole, sliceSeries(nonsense, startMs, originMs), truncated].map((volume) =>
        JSON.stringify(forecastOf(learned(volume), horizon)),
      );
      expect(new Set(answers).size).toBe(1);
    });

    it('does not care in how many blocks it learns', () => {
      const blocks = create();
      for (let fromMs = startMs; fromMs < endOf(series); fromMs += 7 * msPerHour) {
        blocks.learn({ volume: sliceSeries(series, fromMs, fromMs + 7 * msPerHour), events });
      }
      const horizon = horizonAt(endOf(series) + 8 * msPerHour, 24);
      expect(forecastOf(blocks, horizon)).toEqual(forecastOf(learned(), horizon));
    });

    // 08:40 local on an event day: an event is under way, a check of half an hour is open.
    it.each([
      ['during an event', localInstant(28, 8 + 40 / 60)],
      ['at midnight UTC', startMs + 20 * msPerDay],
      ['before it is ready', startMs + 3 * msPerDay],
    ])('goes on from its snapshot as if nothing had happened, %s', (_, atMs) => {
      const awake = create();
      awake.learn({ volume: sliceSeries(series, startMs, atMs), events });
      const slept = create(JSON.parse(JSON.stringify(awake.snapshot())) as ReturnType<Model['snapshot']>);
      const horizon = horizonAt(atMs, 24);
      expect(slept.forecast(horizon)).toEqual(awake.forecast(horizon));
      for (const model of [awake, slept]) model.learn({ volume: sliceSeries(series, atMs, endOf(series)), events });
      const later = horizonAt(endOf(series) + 8 * msPerHour, 24);
      expect(forecastOf(slept, later)).toEqual(forecastOf(awake, later));
      expect(slept.snapshot()).toEqual(awake.snapshot());
    });

    it('says that it is not ready, and why, before it has seen enough', () => {
      expect(create().forecast(horizonAt(startMs))).toEqual({ notReady: expect.stringMatching(/0 days/) as string });
      const young = create();
      young.learn({ volume: sliceSeries(series, startMs, startMs + 4 * msPerDay), events });
      const answer = young.forecast(horizonAt(startMs + 4 * msPerDay));
      expect(isNotReady(answer)).toBe(true);
    });

    it('takes a hole in the history for missing, not for zero', () => {
      const holed = { ...series, values: series.values.slice() };
      const noon = (localInstant(24, 11) - startMs) / stepMs;
      holed.values.fill(NaN, noon, noon + 24);
      const horizon = horizonAt(localInstant(30, 11), 6, [0.5]);
      const [whole, withHole] = [learned(), learned(holed)].map(
        (model) => forecastOf(model, horizon).requestCount[0]![0]!,
      );
      expect(Math.abs(Math.log(withHole! / whole!))).toBeLessThan(0.15);
    });

    it('goes on after a gap between two blocks', () => {
      const model = create();
      model.learn({ volume: sliceSeries(series, startMs, startMs + 20 * msPerDay), events });
      model.learn({ volume: sliceSeries(series, startMs + 22 * msPerDay, endOf(series)), events });
      expect(forecastOf(model, horizonAt(localInstant(30, 11))).requestCount).toHaveLength(12);
    });
  });
}
