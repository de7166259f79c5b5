import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { carryMisses } from './miss-carry.ts';

const drawnMisses = fc.array(fc.oneof(fc.double({ min: -3, max: 3, noNaN: true }), fc.constant(NaN)), {
  maxLength: 60,
});

describe('carryMisses', () => {
  it('knows nothing before anything was seen', () => {
    for (const misses of [[], [NaN, NaN]]) expect(carryMisses(misses, 1).at(1)).toEqual({ mean: 0, variance: 1 });
  });

  // By hand, one miss seen: the covariance itself is the weight. 0.45·e^(−1/6) + 0.30·e^(−1/600), each averaged over buckets of a minute.
  it.each([
    { ahead: 1, share: 0.681 },
    { ahead: 5, share: 0.493 },
    { ahead: 20, share: 0.306 },
  ])('one miss is carried over by $share after $ahead minutes', ({ ahead, share }) => {
    const { mean, variance } = carryMisses([-1.5], 1).at(ahead);
    expect(mean / -1.5).toBeCloseTo(share, 1);
    expect(variance).toBeCloseTo(1 - share * share, 1);
  });

  it('goes on at what has lasted: the longer, the surer', () => {
    const after = (count: number) => carryMisses(new Array<number>(count).fill(-1), 1).at(10);
    const [one, five, thirty] = [after(1), after(5), after(30)];
    expect([one.mean, five.mean, thirty.mean].map((mean) => Math.round(10 * mean) / 10)).toEqual([-0.4, -0.5, -0.7]);
    expect(one.variance).toBeGreaterThan(five.variance);
    expect(five.variance).toBeGreaterThan(thirty.variance);
  });

  it('lets no accident count for more than four spreads', () => {
    expect(carryMisses([50], 1).at(1)).toEqual(carryMisses([4], 1).at(1));
  });

  it('is a regression: in doubt by less than before, more so further ahead, and as far as what was seen', () => {
    fc.assert(
      fc.property(
        drawnMisses,
        fc.constantFrom(1, 5, 15),
        fc.integer({ min: 1, max: 60 }),
        (misses, stepMinutes, ahead) => {
          const carry = carryMisses(misses, stepMinutes);
          const { mean, variance } = carry.at(ahead);
          expect(variance).toBeGreaterThan(0);
          expect(variance).toBeLessThanOrEqual(1);
          expect(carry.at(ahead + 1).variance).toBeGreaterThanOrEqual(variance - 1e-9);
          expect(Math.abs(mean)).toBeLessThanOrEqual(4);
        },
      ),
    );
  });
});
