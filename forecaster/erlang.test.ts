import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { serversFor } from './erlang.ts';

describe('serversFor', () => {
  // Published Erlang B tables: the greatest load that so many servers carry at that loss; a hundredth more takes one server more.
  it.each([
    { servers: 10, blockingRatioMax: 0.01, offeredLoadMax: 4.46 },
    { servers: 100, blockingRatioMax: 0.01, offeredLoadMax: 84.06 },
    { servers: 10, blockingRatioMax: 0.001, offeredLoadMax: 3.09 },
    { servers: 50, blockingRatioMax: 0.001, offeredLoadMax: 32.5 },
    { servers: 100, blockingRatioMax: 0.001, offeredLoadMax: 75.2 },
  ])('finds $servers in the table at $blockingRatioMax for $offeredLoadMax erlang', (row) => {
    const { servers, blockingRatioMax, offeredLoadMax } = row;
    expect(serversFor({ offeredLoad: offeredLoadMax - 0.01, blockingRatioMax })).toBe(servers);
    expect(serversFor({ offeredLoad: offeredLoadMax * 1.01, blockingRatioMax })).toBe(servers + 1);
  });

  it.each([
    { name: '300 requests/s of 120 ms', offeredLoad: 36, blockingRatioMax: 0.001, servers: 55 },
    { name: '30,000 quotes/s of 20 ms', offeredLoad: 600, blockingRatioMax: 0.001, servers: 659 },
    { name: 'nothing', offeredLoad: 0, blockingRatioMax: 0.001, servers: 0 },
    { name: 'next to nothing', offeredLoad: 1e-9, blockingRatioMax: 0.001, servers: 1 },
    { name: 'a forecast gone mad', offeredLoad: 1e12, blockingRatioMax: 0.001, servers: 1_000_000 },
  ])('$name: $servers', ({ offeredLoad, blockingRatioMax, servers }) => {
    expect(serversFor({ offeredLoad, blockingRatioMax })).toBe(servers);
  });

  // Goal: the answer is the least. Method: B(c, m) = (m^c / c!) / Σ m^k / k!, summed in logarithms, which shares nothing with the recursion.
  it('is the least number that keeps to the ratio', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 300, noNaN: true }),
        fc.double({ min: 1e-5, max: 0.5, noNaN: true }),
        (offeredLoad, ratio) => {
          const servers = serversFor({ offeredLoad, blockingRatioMax: ratio });
          expect(blockingBySum(servers, offeredLoad)).toBeLessThanOrEqual(ratio * (1 + 1e-9));
          expect(blockingBySum(servers - 1, offeredLoad)).toBeGreaterThan(ratio * (1 - 1e-9));
        },
      ),
      { numRuns: 200 },
    );
  });
});

function blockingBySum(servers: number, offeredLoad: number): number {
  let logTerm = 0;
  const logTerms = [0];
  for (let k = 1; k <= servers; k++) logTerms.push((logTerm += Math.log(offeredLoad / k)));
  const last = logTerms.at(-1)!;
  return 1 / logTerms.reduce((sum, term) => sum + Math.exp(term - last), 0);
}
