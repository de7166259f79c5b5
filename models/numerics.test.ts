import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../core/random.ts';
import { createCalibration } from './calibration.ts';
import { createResidualHistory } from './residual-history.ts';
import { createRidge } from './ridge.ts';

describe('residual history', () => {
  const capacity = 64;
  const entries = fc.array(
    fc.record({
      residual: fc.oneof(fc.constant(NaN), fc.double({ min: -8, max: 8, noNaN: true })),
      weight: fc.integer({ min: 1, max: 255 }),
      isTouched: fc.boolean(),
    }),
    { minLength: 1, maxLength: 200 },
  );
  type Entry = typeof entries extends fc.Arbitrary<(infer E)[]> ? E : never;
  const naiveMean = (kept: readonly Entry[]): number | undefined => {
    const seen = kept.filter(({ residual }) => !Number.isNaN(residual));
    const weight = seen.reduce((sum, entry) => sum + entry.weight, 0);
    return seen.length === 0 ? undefined : seen.reduce((sum, entry) => sum + entry.weight * entry.residual, 0) / weight;
  };

  it('averages what a plain list would, and still does after a sleep', () => {
    fc.assert(
      fc.property(entries, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 80 }), (all, from, length, lastCount) => {
        const awake = createResidualHistory(capacity);
        for (const entry of all) awake.append(entry);
        const slept = createResidualHistory(capacity, awake.snapshot());
        const oldest = Math.max(0, all.length - capacity + 1);
        const start = Math.max(oldest, from % all.length);
        const end = Math.min(all.length, start + (length % 70));
        const recorded = all.slice(oldest).filter(({ residual }) => !Number.isNaN(residual));
        for (const history of [awake, slept]) {
          expect(history.oldest).toBe(oldest);
          const expected = naiveMean(all.slice(start, end));
          const mean = history.meanBetween(start, end);
          expect(mean === undefined).toBe(expected === undefined);
          if (mean !== undefined) expect(mean).toBeCloseTo(expected!, 3);
          const last = history.meanOfLast(lastCount, all.length);
          if (recorded.length > 0) expect(last).toBeCloseTo(naiveMean(recorded.slice(-lastCount))!, 3);
        }
        expect(slept.meanBetween(start, end)).toBe(awake.meanBetween(start, end));
        expect(slept.snapshot()).toEqual(awake.snapshot());
      }),
      { seed: 5 },
    );
  });
});

describe('ridge', () => {
  const rows = [
    [1, 0, 2],
    [0, 1, -1],
    [1, 1, 0.5],
    [2, -1, 1],
  ];
  const truth = [0.5, -2, 1];
  const targetOf = (row: readonly number[]): number =>
    row.reduce((sum, value, index) => sum + value * truth[index]!, 0);

  it.each([
    ['no rows: the belief', 0, 1, [3, 3, 3]],
    ['enough rows and a weak belief: the truth', 4, 1e-9, truth],
    ['enough rows and a belief beyond doubt: the belief', 4, 1e12, [3, 3, 3]],
  ])('%s', (_, rowCount, penalty, expected) => {
    const ridge = createRidge(3);
    for (const row of rows.slice(0, rowCount)) ridge.add(Float64Array.from(row), targetOf(row), 2);
    for (const [index, value] of ridge.solve([3, 3, 3], penalty).entries())
      expect(value).toBeCloseTo(expected[index]!, 4);
  });
});

describe('calibration', () => {
  it('begins with a heavy-tailed belief: Student with 5 degrees of freedom', () => {
    const calibration = createCalibration();
    // Quantiles of the t distribution with 5 degrees of freedom, from any table.
    for (const [level, expected] of [
      [0.5, 0],
      [0.9, 1.476],
      [0.95, 2.015],
      [0.99, 3.365],
    ] as const) {
      expect(calibration.quantile(level)).toBeCloseTo(expected, 1);
    }
  });

  it('comes round to the errors that it sees, and forgets old ones', () => {
    const random = createRandom(3);
    const calibration = createCalibration();
    const feed = (spread: number): void => {
      for (let window = 0; window < 3_000; window++)
        calibration.learn([spread * random.normal(), spread * random.normal()]);
    };
    feed(1);
    expect(calibration.quantile(0.95)).toBeCloseTo(1.645, 0);
    feed(2);
    expect(calibration.quantile(0.95)).toBeGreaterThan(2.8);
  });

  it('counts a window once, however many buckets it has, and an empty one not at all', () => {
    const [long, short] = [createCalibration(), createCalibration()];
    long.learn(Array<number>(30).fill(5));
    short.learn([5]);
    expect(long.quantile(0.9)).toBeCloseTo(short.quantile(0.9), 10);
    const before = long.snapshot();
    long.learn([]);
    expect(long.snapshot()).toBe(before);
  });

  it('counts a window by its weight', () => {
    // A prior of 40 windows, and 60 at five spreads: whole, they are most of all; at a tenth, 6 of 46, they are the highest eighth.
    const medianAfter = (weight: number): number => {
      const calibration = createCalibration();
      for (let window = 0; window < 60; window++) calibration.learn([5], weight);
      return calibration.quantile(0.5);
    };
    expect(medianAfter(1)).toBeCloseTo(5, 0);
    expect(Math.abs(medianAfter(0.1))).toBeLessThan(0.5);
    expect(medianAfter(0)).toBeCloseTo(0, 1);
  });
});
