import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { msPerMinute } from '../core/time.ts';
import { worthOfBlocks, type BlockWorth, type BlockWorthOptions } from './block-worth.ts';
import { createErlangTable } from './erlang-table.ts';
import { priorPeakProfile, type PeakProfile } from './peak-profile.ts';
import { logNormalRuns } from './run-distribution.ts';

const flat: PeakProfile = { name: 'flat', sharesOf: (stepMs) => new Float64Array(stepMs / 1_000).fill(1_000 / stepMs) };
const blockMs = 5 * msPerMinute;
const table = createErlangTable();

/** Known demand in requests a second, by block; runs of 120 ms, Poisson. */
function worthOf(perSecondByBlock: readonly number[], options: Partial<BlockWorthOptions> = {}): readonly BlockWorth[] {
  const requestCount = perSecondByBlock.flatMap((perSecond) => Array.from({ length: 5 }, () => [perSecond * 60]));
  return worthOfBlocks({
    path: { fromMs: 0, stepMs: msPerMinute, levels: [0.5], requestCount },
    runs: [{ seconds: 0.12, probability: 1 }],
    burstiness: 1,
    profile: flat,
    blocks: perSecondByBlock.map((_, index) => index * blockMs),
    table,
    ...options,
  });
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}

function spilledWith(environments: number, { spillAvoided }: BlockWorth): number {
  return sum(spillAvoided.subarray(environments));
}

/** Erlang's formula, written plainly. */
function erlang(environments: number, load: number): number {
  let loss = 1;
  for (let k = 1; k <= environments; k++) loss = (load * loss) / (k + load * loss);
  return loss;
}

describe('spilled requests', () => {
  it.each([
    { environments: 0, ratio: 1 },
    { environments: 36, ratio: erlang(36, 36) },
    { environments: 45, ratio: erlang(45, 36) },
    { environments: 55, ratio: erlang(55, 36) },
  ])('of 300/s for 120 ms with $environments: $ratio', ({ environments, ratio }) => {
    const [block] = worthOf([300]);
    expect(block!.requestCount).toBeCloseTo(90_000, 6);
    expect(Math.abs(spilledWith(environments, block!) / 90_000 / ratio - 1)).toBeLessThan(0.005);
  });

  it('are what the request rate turns away where runs are short: 30,000/s of 20 ms take 3,000, not 659', () => {
    const [block] = worthOf([30_000], { runs: [{ seconds: 0.02, probability: 1 }] });
    expect(spilledWith(659, block!) / 9e6).toBeCloseTo(0.78, 2);
    expect(spilledWith(2_700, block!) / 9e6).toBeCloseTo(0.1, 3);
    expect(spilledWith(3_000, block!) / 9e6).toBeLessThan(0.001);
    expect(block!.busySeconds[0]! / block!.spillAvoided[0]!).toBeCloseTo(0.02, 12);
  });

  it('of a forecast gone mad are counted, and each environment takes what it can', () => {
    const [block] = worthOf([1e12]);
    expect(block!.requestCount).toBeCloseTo(3e14, 0);
    expect(block!.busySeconds[0]! / 300).toBeCloseTo(1, 3);
    expect(block!.busySeconds[19_000]! / 300).toBeGreaterThan(0.95);
  });

  it('keep one environment busy for at most its block', () => {
    const [block] = worthOf([300]);
    expect(block!.busySeconds[0]! / 300).toBeCloseTo(1 - 1 / 37, 3);
  });

  it('are more where the same requests come in bursts, and where they peak inside the minute', () => {
    const calm = spilledWith(50, worthOf([300])[0]!);
    expect(spilledWith(50, worthOf([300], { burstiness: 13 })[0]!)).toBeGreaterThan(4 * calm);
    expect(spilledWith(50, worthOf([300], { profile: priorPeakProfile })[0]!)).toBeGreaterThan(4 * calm);
  });

  it('are averaged over the whole forecast: half the time 100/s, half the time 300/s', () => {
    const requestCount = Array.from({ length: 5 }, () => [6_000, 18_000]);
    const path = { fromMs: 0, stepMs: msPerMinute, levels: [0.25, 0.75], requestCount };
    const [block] = worthOf([200], { path });
    const apart = [100, 300].map((perSecond) => spilledWith(30, worthOf([perSecond])[0]!));
    expect(spilledWith(30, block!)).toBeCloseTo((apart[0]! + apart[1]!) / 2, 6);
  });
});

describe('cold starts', () => {
  const total = (blocks: readonly BlockWorth[]): number =>
    blocks.reduce((all, { coldStartsAvoided }) => all + sum(coldStartsAvoided), 0);

  it('come once for a place that stays taken: 2,500/s for one block and 500/s for five after it', () => {
    const blocks = worthOf([2_500, 500, 500, 500, 500, 500]);
    // 300 running at once and four standard deviations above; 60 of these stay.
    expect(total(blocks)).toBeGreaterThan(330);
    expect(total(blocks)).toBeLessThan(410);
    const [first, second] = blocks;
    // What is there for the peak alone is worth a whole cold start, and comes first; what stays, a sixth of one.
    expect(first!.coldStartsAvoided[200]).toBeCloseTo(1, 2);
    expect(first!.coldStartsAvoided[340]).toBeCloseTo(1 / 6, 2);
    expect(second!.coldStartsAvoided[30]).toBeCloseTo(1 / 6, 2);
  });

  it('come again after a block that was slept through', () => {
    const once = total(worthOf([500, 500, 500]));
    expect(total(worthOf([500, 0, 500])) / total(worthOf([500]))).toBeCloseTo(2, 3);
    expect(once).toBeLessThan(1.3 * total(worthOf([500])));
  });

  it('are none where nothing comes', () => {
    const [block] = worthOf([0]);
    const none = new Float64Array(0);
    expect(block).toEqual({
      blockAtMs: 0,
      requestCount: 0,
      spillAvoided: none,
      coldStartsAvoided: none,
      busySeconds: none,
    });
  });
});

describe('worthOfBlocks', () => {
  const thousandths = (max: number): fc.Arbitrary<number> =>
    fc.integer({ min: 0, max: max * 1_000 }).map((value) => value / 1_000);
  const levels = [0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999];
  const demand = fc.record({
    perSecond: fc.array(thousandths(60), { minLength: 1, maxLength: 2 }),
    spread: fc.double({ min: 0.01, max: 0.2, noNaN: true }),
    p50: fc.integer({ min: 5, max: 500 }),
    tail: fc.double({ min: 1, max: 8, noNaN: true }),
    burstiness: fc.double({ min: 1, max: 13, noNaN: true }),
  });
  type Demand = typeof demand extends fc.Arbitrary<infer Value> ? Value : never;

  function worthOfDemand({ perSecond, spread, p50, tail, burstiness }: Demand, factor = 1): readonly BlockWorth[] {
    const requestCount = perSecond.flatMap((mean) =>
      Array.from({ length: 5 }, () => levels.map((level) => factor * mean * 60 * (level / (1 - level)) ** spread)),
    );
    return worthOf(perSecond, {
      path: { fromMs: 0, stepMs: msPerMinute, levels, requestCount },
      runs: logNormalRuns({ p50, p99: p50 * tail }),
      burstiness,
      profile: priorPeakProfile,
      // Each has its own peakedness: nothing of the one before is asked for again.
      table: createErlangTable(),
    });
  }

  it('leaves nothing below nothing beside the kink of the request rate', () => {
    const [block] = worthOfDemand({ perSecond: [17.077], spread: 0.01, p50: 5, tail: 1, burstiness: 1 });
    expect(Math.min(...block!.spillAvoided)).toBeGreaterThanOrEqual(0);
  });

  it('never rises along concurrency, and leaves no request out', () => {
    fc.assert(
      fc.property(demand, (given) => {
        for (const block of worthOfDemand(given)) {
          for (const values of [block.spillAvoided, block.coldStartsAvoided, block.busySeconds]) {
            values.forEach((value, index) => {
              expect(value).toBeGreaterThanOrEqual(0);
              if (index > 0) expect(value).toBeLessThanOrEqual(values[index - 1]! + 1e-9 * values[0]!);
            });
          }
          expect(Math.abs(sum(block.spillAvoided) - block.requestCount)).toBeLessThanOrEqual(1e-9 * block.requestCount);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('is never worth less where more comes', () => {
    fc.assert(
      fc.property(demand, fc.double({ min: 1.05, max: 3, noNaN: true }), (given, factor) => {
        const more = worthOfDemand(given, factor);
        worthOfDemand(given).forEach((less, index) => {
          // Where runs are below 0.1 s, the kink of the request rate lies between loads of the grid: some of what the first avoids is misplaced (0012).
          const slackRatio = given.p50 < 20 ? 0.1 : given.p50 < 50 ? 0.03 : 0.006;
          const slack = slackRatio * (less.spillAvoided[0] ?? 0);
          less.spillAvoided.forEach((avoided, environments) => {
            expect((more[index]!.spillAvoided[environments] ?? 0) + slack).toBeGreaterThanOrEqual(avoided);
          });
        });
      }),
      { numRuns: 20 },
    );
  });
});
