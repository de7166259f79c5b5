import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shareOut, type Claim, type Resource } from './share.ts';

const environments = (capacity: number): Resource => ({ limit: 'ceiling', name: 'the ceiling', capacity });
const dollars = (capacity: number): Resource => ({ limit: 'usd', name: 'dollars', capacity });

function levelsOf(claims: readonly Claim[], resources: readonly Resource[], weights: readonly (readonly number[])[]) {
  return shareOut(claims, resources, weights).map(({ level }) => level);
}

describe('shareOut', () => {
  const claims: Claim[] = [
    { floor: 10, level: 110, importance: 3 },
    { floor: 0, level: 300, importance: 3 },
    { floor: 5, level: 55, importance: 2 },
    { floor: 20, level: 20, importance: 0 },
  ];
  it.each([
    { name: 'enough for all', capacity: 485, levels: [110, 300, 55, 20] },
    { name: 'one short: the less important gives', capacity: 484, levels: [110, 300, 54, 20] },
    { name: 'nothing left for the less important', capacity: 435, levels: [110, 300, 5, 20] },
    { name: 'half of what the important want above their floors', capacity: 235, levels: [60, 150, 5, 20] },
    { name: 'floors only', capacity: 35, levels: [10, 0, 5, 20] },
    { name: 'not even floors: the same ratio of each, rounded down', capacity: 18, levels: [5, 0, 2, 10] },
    { name: 'nothing', capacity: 0, levels: [0, 0, 0, 0] },
    { name: 'less than nothing: others hold more than there is', capacity: -50, levels: [0, 0, 0, 0] },
  ])('$name', ({ capacity, levels }) => {
    expect(levelsOf(claims, [environments(capacity)], [[1], [1], [1], [1]])).toEqual(levels);
  });

  it('names the scarcer of two resources', () => {
    const two = claims.slice(0, 2);
    const weights = [
      [1, 0.1],
      [1, 0.01],
    ];
    const byDollars = shareOut(two, [environments(409), dollars(7.5)], weights);
    expect(byDollars.map(({ level, cutBy }) => `${level} ${cutBy?.limit}`)).toEqual(['60 usd', '150 usd']);
    expect(shareOut(two, [environments(210), dollars(7.6)], weights).map(({ cutBy }) => cutBy?.limit)).toEqual([
      'ceiling',
      'ceiling',
    ]);
  });

  const claimsAndLimits = fc.record({
    claims: fc.array(
      fc.record({
        floor: fc.nat(50),
        above: fc.nat(500),
        importance: fc.constantFrom(0, 1, 2, 3),
        usd: fc.integer({ min: 1, max: 100 }),
      }),
      { minLength: 1, maxLength: 8 },
    ),
    capacity: fc.nat(2_000),
    usd: fc.nat(3_000),
    more: fc.record({ capacity: fc.nat(200), usd: fc.nat(200) }),
  });

  it('never exceeds a resource, and more of any never gives anybody less', () => {
    fc.assert(
      fc.property(claimsAndLimits, ({ claims: drawn, capacity, usd, more }) => {
        const wanted = drawn.map(({ floor, above, importance }) => ({
          floor,
          level: floor + (importance ? above : 0),
          importance,
        }));
        const weights = drawn.map((claim) => [1, claim.usd / 100]);
        const few = levelsOf(wanted, [environments(capacity), dollars(usd)], weights);
        const many = levelsOf(wanted, [environments(capacity + more.capacity), dollars(usd + more.usd)], weights);
        expect(few.reduce((sum, level) => sum + level, 0)).toBeLessThanOrEqual(capacity);
        expect(few.reduce((sum, level, claim) => sum + level * weights[claim]![1]!, 0)).toBeLessThanOrEqual(usd + 1e-6);
        for (const [claim, level] of few.entries()) expect(many[claim]).toBeGreaterThanOrEqual(level);
      }),
      { numRuns: 500 },
    );
  });
});
