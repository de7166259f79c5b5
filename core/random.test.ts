import { describe, expect, it } from 'vitest';
import { createRandom, type Random } from './random.ts';

const drawCount = 20_000;
const draw = (of: (random: Random) => number, random = createRandom(20_240_917)): number[] =>
  Array.from({ length: drawCount }, () => of(random));
const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const varianceOf = (values: readonly number[]): number => {
  const mean = meanOf(values);
  return meanOf(values.map((value) => (value - mean) ** 2));
};

it('gives the same numbers for the same seed, on any machine and in any release', () => {
  // From sfc32 of PractRand and the seeding written out in Python with whole numbers.
  const random = createRandom('seed');
  const first = [random.next(), random.next(), random.next()].map((value) => value * 2 ** 32);
  expect(first).toEqual([4_135_727_470, 1_005_560_718, 148_645_057]);
});

describe('moments are those of the distribution', () => {
  // The tolerance is five standard errors of the mean, and as much for the variance through the fourth moment: a seed in a million fails.
  it.each([
    { name: 'uniform', of: (random: Random) => random.next(), mean: 1 / 2, variance: 1 / 12, fourth: 1 / 80 },
    { name: 'normal', of: (random: Random) => random.normal(), mean: 0, variance: 1, fourth: 3 },
    { name: 'exponential', of: (random: Random) => random.exponential(), mean: 1, variance: 1, fourth: 9 },
    // The fourth central moment of a Poisson variable is m + 3 m². Up to 60 it is drawn exactly, beyond by the normal distribution.
    ...[0.01, 3, 60, 61, 5_000].map((mean) => ({
      name: `Poisson of ${mean}`,
      of: (random: Random) => random.poisson(mean),
      mean,
      variance: mean,
      fourth: mean + 3 * mean ** 2,
    })),
  ])('$name', ({ of, mean, variance, fourth }) => {
    const values = draw(of);
    expect(Math.abs(meanOf(values) - mean)).toBeLessThan(5 * Math.sqrt(variance / drawCount));
    // Rounding the normal to whole numbers adds 1/12 to the variance.
    expect(Math.abs(varianceOf(values) - variance)).toBeLessThan(
      5 * Math.sqrt((fourth - variance ** 2) / drawCount) + 1 / 12,
    );
  });

  it('and counts are whole, never negative, and none for no mean', () => {
    expect(draw((random) => random.poisson(61)).every((count) => Number.isInteger(count) && count >= 0)).toBe(true);
    expect(createRandom(1).poisson(0)).toBe(0);
    expect(createRandom(1).poisson(-1)).toBe(0);
  });

  it('and uniform numbers stay below 1, evenly', () => {
    const values = draw((random) => random.next());
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    const bins = new Array<number>(64).fill(0);
    for (const value of values) bins[Math.floor(64 * value)]!++;
    const expected = drawCount / 64;
    const chiSquare = bins.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 63 degrees of freedom: 120 is passed once in 100 000.
    expect(chiSquare).toBeLessThan(120);
  });
});

describe('a fork', () => {
  it('does not depend on what was drawn before it, nor shifts what is drawn after', () => {
    const used = createRandom(7);
    const unused = createRandom(7);
    used.next();
    expect(used.fork('market').next()).toBe(unused.fork('market').next());
    unused.next();
    expect(used.next()).toBe(unused.next());
  });

  it.each([
    { name: 'its parent', other: createRandom(7) },
    { name: 'a sister', other: createRandom(7).fork('faults') },
    { name: 'its own fork of the same name', other: createRandom(7).fork('market').fork('market') },
    { name: 'the neighbouring seed', other: createRandom(8).fork('market') },
  ])('is independent of $name', ({ other }) => {
    const ours = draw((random) => random.normal(), createRandom(7).fork('market'));
    const theirs = draw((random) => random.normal(), other);
    const correlation = meanOf(ours.map((value, index) => value * theirs[index]!));
    expect(Math.abs(correlation)).toBeLessThan(5 / Math.sqrt(drawCount));
  });
});
