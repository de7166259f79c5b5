import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cheapestNeeds } from './oracle.ts';
import { joinCurves, overflowCurves, type OverflowCurve } from './overflow.ts';
import { blockMs } from './sizing.ts';

describe('overflow from any number of environments', () => {
  const arrivals = {
    atMs: Float64Array.of(0, 100, 200, 1_050, 1_100),
    runMs: Float64Array.of(1_000, 1_000, 50, 1_000, 10),
  };
  const curves = (perSecondMax = 1_000): OverflowCurve[] =>
    overflowCurves([arrivals], { fromMs: 0, untilMs: 2_000, stepMs: 1_000, perSecondMax });

  it('is counted by hand for five requests', () => {
    // Places: 0, 1, 2 in the first second; 0 again at 1,050; at 1,100 place 1 is free to the millisecond.
    expect([0, 1, 2, 3].map((count) => curves()[0]!.overflowOf(count))).toEqual([3, 2, 1, 0]);
    expect([0, 1, 2, 3].map((count) => curves()[1]!.overflowOf(count))).toEqual([2, 1, 0, 0]);
    expect(curves().map(({ environmentMax }) => environmentMax)).toEqual([3, 2]);
    expect(joinCurves(curves()).overflowOf(1)).toBe(3);
  });

  it('counts what comes above the rate of so many environments', () => {
    // One request a second each: three requests in the first second need three, and two let two through.
    expect(curves(1)[0]!.overflowOf(2)).toBe(1);
    expect(curves(1)[1]!.environmentMax).toBe(2);
  });

  it('is what so many environments alone turn away', () => {
    const requests = fc.array(
      fc.record({ gapMs: fc.integer({ min: 0, max: 50 }), runMs: fc.integer({ min: 1, max: 200 }) }),
      {
        maxLength: 60,
      },
    );
    fc.assert(
      fc.property(requests, fc.integer({ min: 0, max: 12 }), (list, environments) => {
        let atMs = 0;
        const batch = { atMs: new Float64Array(list.length), runMs: new Float64Array(list.length) };
        list.forEach(({ gapMs, runMs }, index) => {
          atMs += gapMs;
          batch.atMs[index] = atMs;
          batch.runMs[index] = runMs;
        });
        const [curve] = overflowCurves([batch], { fromMs: 0, untilMs: 4_000, stepMs: 4_000, perSecondMax: Infinity });
        expect(curve!.overflowOf(environments)).toBe(turnedAway(batch, environments));
      }),
    );
  });
});

/** The plainest loss system: a list of the instants at which environments are free. */
function turnedAway(batch: { atMs: Float64Array; runMs: Float64Array }, environments: number): number {
  let busy: number[] = [];
  let count = 0;
  batch.atMs.forEach((atMs, index) => {
    busy = busy.filter((untilMs) => untilMs > atMs);
    if (busy.length < environments) busy.push(atMs + batch.runMs[index]!);
    else count++;
  });
  return count;
}

describe('the oracle', () => {
  /** So many requests overflow for each environment under the level at which none does. */
  const curve = (environmentMax: number, perEnvironment: number): OverflowCurve => ({
    environmentMax,
    arrivalCount: environmentMax * perEnvironment,
    overflowOf: (count) => Math.max(0, environmentMax - count) * perEnvironment,
  });
  const levels = (curves: readonly OverflowCurve[], usdPerOverflow: number, blocks = [0, 1, 2]): number[] =>
    cheapestNeeds(
      blocks.slice(0, curves.length).map((block) => block * blockMs),
      curves,
      { usdPerBlock: 1, usdPerOverflow },
    ).map(({ concurrency }) => concurrency);

  it('lets nothing overflow where it must not', () => {
    expect(levels([curve(10, 1), curve(4, 1)], 1_000)).toEqual([10, 4]);
  });

  it('pays the first raise twice, in the block of its asking too', () => {
    // An environment that saves three requests is worth its two blocks above 2/3 of a dollar a request.
    expect(levels([curve(10, 3)], 0.7)).toEqual([10]);
    expect(levels([curve(10, 3)], 0.6)).toEqual([0]);
  });

  it('gets a second block for one block’s price', () => {
    // Two blocks of three requests each: three blocks are paid for six requests, above half a dollar each.
    expect(levels([curve(10, 3), curve(10, 3)], 0.51)).toEqual([10, 10]);
    expect(levels([curve(10, 3), curve(10, 3)], 0.49)).toEqual([0, 0]);
  });

  it('pays a raise of its own for blocks that do not follow each other', () => {
    expect(levels([curve(10, 3), curve(10, 3)], 0.6, [0, 3])).toEqual([0, 0]);
    expect(levels([curve(10, 3), curve(10, 3)], 0.7, [0, 3])).toEqual([10, 10]);
  });
});
