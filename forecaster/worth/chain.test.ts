import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scaleStepAfter } from '../event-window.ts';
import { bestPath, finestScale, savedBy, type Chain } from './chain.ts';
import { spillPriceFor } from './spill-price.ts';

/** Dollars by block and environment; a window that asks in its first block and may step down from the third on. */
function chainOf(usdSaved: readonly (readonly number[])[], changes: Partial<Chain> = {}): Chain {
  const blockCount = usdSaved.length;
  return {
    blockCount,
    usdPerBlock: 1,
    usdPerRaise: 0.1,
    floor: 0,
    held: 0,
    mayRaise: Uint8Array.from({ length: blockCount }, (_, block) => (block === 0 ? 1 : 0)),
    mayLower: Uint8Array.from({ length: blockCount }, (_, block) => (block < 2 ? 0 : 1)),
    usdSaved: usdSaved.map((saved) => Float64Array.from(saved)),
    spillAvoided: usdSaved.map(() => new Float64Array(0)),
    ...changes,
  };
}

const pathOf = (chain: Chain, scale = finestScale): number[] => [
  ...bestPath(chain, { usdPerSpill: new Float64Array(chain.blockCount), scale }),
];

describe('bestPath', () => {
  it.each<{ name: string; usdSaved: number[][]; changes?: Partial<Chain>; levels: number[] }>([
    {
      name: 'what saves more than it costs is held',
      usdSaved: [
        [0, 0],
        [3, 2.2],
        [0, 0],
      ],
      levels: [2, 2, 0],
    },
    { name: 'what saves as much as price and start, just', usdSaved: [[0], [2.1], [0]], levels: [1, 1, 0] },
    { name: 'and a cent less is not', usdSaved: [[0], [2.09], [0]], levels: [0, 0, 0] },
    { name: 'through a lull that is shorter than it is dear', usdSaved: [[0], [4], [0], [2.5]], levels: [1, 1, 1, 1] },
    { name: 'and not through a longer one', usdSaved: [[0], [4], [0], [0], [2.5]], levels: [1, 1, 0, 0, 0] },
    {
      name: 'never raised where nobody asks',
      usdSaved: [[0], [0], [9], [9]],
      changes: { mayRaise: new Uint8Array(4) },
      levels: [0, 0, 0, 0],
    },
    {
      name: 'what stands costs no start',
      usdSaved: [[0], [2.05], [0]],
      changes: { held: 1, mayRaise: new Uint8Array(3) },
      levels: [1, 1, 0],
    },
    {
      name: 'what has begun stays until it may go',
      usdSaved: [[0], [0], [0]],
      changes: { held: 1 },
      levels: [1, 1, 0],
    },
    {
      name: 'the floor is never given up',
      usdSaved: [[0], [0], [0]],
      changes: { held: 2, floor: 2 },
      levels: [2, 2, 2],
    },
  ])('$name', ({ usdSaved, changes, levels }) => {
    expect(pathOf(chainOf(usdSaved, changes))).toEqual(levels);
  });

  it('steps down along the scale: 5 would do, and 6 stay', () => {
    const peak = new Array<number>(9).fill(9);
    expect(pathOf(chainOf([[], peak, [5, 5, 5, 5, 1.6]]), scaleStepAfter)).toEqual([9, 9, 6]);
    expect(pathOf(chainOf([[], peak, [5, 5, 5, 5]]), scaleStepAfter)).toEqual([9, 9, 4]);
    expect(pathOf(chainOf([[], peak, []]), scaleStepAfter)).toEqual([9, 9, 0]);
  });

  const drawnBlock = fc
    .array(fc.integer({ min: 0, max: 40 }), { maxLength: 5 })
    .map((dimes) => dimes.toSorted((a, b) => b - a).map((dime) => dime / 10));
  const drawn = fc.array(drawnBlock, { minLength: 3, maxLength: 5 });

  it('is the best of all paths', () => {
    fc.assert(
      fc.property(drawn, (usdSaved) => {
        const chain = chainOf(usdSaved);
        const usdPerSpill = new Float64Array(chain.blockCount);
        let paths: number[][] = [0, 1, 2, 3, 4, 5].map((level) => [level, level]);
        for (let block = 2; block < chain.blockCount; block++) {
          paths = paths.flatMap((path) => Array.from({ length: path.at(-1)! + 1 }, (_, level) => [...path, level]));
        }
        const best = Math.max(...paths.map((path) => savedBy(chain, usdPerSpill, Int32Array.from(path))));
        expect(savedBy(chain, usdPerSpill, Int32Array.from(pathOf(chain)))).toBeCloseTo(best, 9);
      }),
      { numRuns: 60 },
    );
  });

  it('never holds less where anything is worth more', () => {
    const more = fc.array(fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 5, maxLength: 5 }), {
      minLength: 5,
      maxLength: 5,
    });
    fc.assert(
      fc.property(drawn, more, fc.boolean(), (usdSaved, extra, isCoarse) => {
        const lifted = usdSaved.map((saved, block) =>
          extra[block]!.map((dimes, c) => (saved[c] ?? 0) + dimes / 10).map((_, c, all) => Math.max(...all.slice(c))),
        );
        const scale = isCoarse ? scaleStepAfter : finestScale;
        const before = pathOf(chainOf(usdSaved), scale);
        const after = pathOf(chainOf(lifted), scale);
        expect(after.map((level, block) => Math.max(level, before[block]!))).toEqual(after);
      }),
      { numRuns: 300 },
    );
  });

  // Goal: a plan made again with the same facts is the same. Method: from each later block on, with what stands then.
  it('goes on as it was planned', () => {
    fc.assert(
      fc.property(drawn, fc.boolean(), (usdSaved, isCoarse) => {
        const scale = isCoarse ? scaleStepAfter : finestScale;
        const chain = chainOf(usdSaved);
        const planned = pathOf(chain, scale);
        for (let now = 1; now < chain.blockCount; now++) {
          const rest = chainOf(usdSaved.slice(now), {
            held: planned[now]!,
            mayRaise: chain.mayRaise.slice(now),
            mayLower: chain.mayLower.slice(now),
          });
          expect(pathOf(rest, scale)).toEqual(planned.slice(now));
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('spillPriceFor', () => {
  it('is the least price that keeps the share, and nothing where dollars keep it', () => {
    const spillAvoided = [[], [600, 300, 90, 10], []].map((counts) => Float64Array.from(counts));
    const requestCount = Float64Array.of(0, 1_000, 0);
    const share = (ratioMax: number) => ({
      ratioMax,
      blockFrom: 1,
      blockEnd: 2,
      requestCount,
      cap: Infinity,
      scale: finestScale,
    });
    const chain = chainOf([[], [], []], { spillAvoided });
    // Two blocks and a start are 2.1 dollars: the second environment avoids 300 for it, the third 90.
    expect(spillPriceFor(chain, share(0.1))).toBeCloseTo(2.1 / 300, 4);
    expect(spillPriceFor(chain, share(0.0999))).toBeCloseTo(2.1 / 90, 3);
    expect(spillPriceFor(chain, share(1))).toBe(0);
    const paid = chainOf([[], [9, 9, 9, 9], []], { spillAvoided });
    expect(spillPriceFor(paid, share(0.001))).toBe(0);
  });

  it.each([
    { name: 'a cap that suffices changes nothing', cap: 2, ratioMax: 0.1, price: 2.1 / 300 },
    {
      name: 'what only environments beyond the cap would avoid is spilled too',
      cap: 2,
      ratioMax: 0.35,
      price: 2.1 / 300,
    },
    {
      name: 'a share that the cap does not let be kept: the last under it',
      cap: 2,
      ratioMax: 0.0999,
      price: 2.1 / 300,
    },
    { name: 'nothing under the cap', cap: 0, ratioMax: 0.1, price: 0 },
  ])('counts what a cap leaves: $name', ({ cap, ratioMax, price }) => {
    const spillAvoided = [[], [600, 300, 90, 10], []].map((counts) => Float64Array.from(counts));
    const requestCount = Float64Array.of(0, 1_000, 0);
    const chain = chainOf([[], [], []], { spillAvoided });
    const share = { ratioMax, blockFrom: 1, blockEnd: 2, requestCount, cap, scale: finestScale };
    expect(spillPriceFor(chain, share)).toBeCloseTo(price, 4);
  });
});
