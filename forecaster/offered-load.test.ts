import { describe, expect, it } from 'vitest';
import { createRandom } from '../core/random.ts';
import { createDemand } from './offered-load.ts';
import { peakInBucketRatio } from './peak-profile.ts';

const second = 1_000;
const minute = 60_000;

function pathOf(stepMs: number, counts: readonly number[]) {
  return { fromMs: 0, stepMs, levels: [0.5, 0.9], requestCount: counts.map((count) => [count, 2 * count]) };
}

describe('createDemand', () => {
  it.each([
    { name: '300/s of 120 ms: 36 erlang', perSecond: 300, run: { p50: 120, p99: 120 }, offeredLoad: 36 },
    { name: '30,000/s of 20 ms: 600', perSecond: 30_000, run: { p50: 20, p99: 20 }, offeredLoad: 600 },
    { name: '10/s of 30 s: 300', perSecond: 10, run: { p50: 30_000, p99: 30_000 }, offeredLoad: 300 },
    // exp(σ²/2) with σ = ln(500 / 120) / 2.3263 = 0.6135: the mean is 1.207 times the median.
    { name: 'a tail carries 20 % more', perSecond: 300, run: { p50: 120, p99: 500 }, offeredLoad: 43.453 },
    { name: 'Lambda ends a run after 15 minutes', perSecond: 1, run: { p50: 9e6, p99: 9e6 }, offeredLoad: 900 },
  ])('$name', ({ perSecond, run, offeredLoad }) => {
    const demand = createDemand({ path: pathOf(second, Array(100).fill(perSecond)), level: 0.5, runDurationMs: run });
    const peak = demand.peakWithin(50 * second, 51 * second);
    expect(peak.offeredLoad).toBeCloseTo(offeredLoad, 2);
    expect(peak.arrivalsPerSecond).toBe(perSecond);
  });

  it('counts what began before the span, and what began before the forecast', () => {
    const runDurationMs = { p50: 10_000, p99: 10_000 };
    const step = createDemand({ path: pathOf(second, [100, ...Array<number>(60).fill(0)]), level: 0.5, runDurationMs });
    // 100 a second for ever until second 1, each running 10 s. Over the second [5, 6) those are running that arrived in the last 4.5 s of it, on average.
    expect(step.peakWithin(5 * second, 6 * second).offeredLoad).toBeCloseTo(100 * 5.5, 6);
    expect(step.peakWithin(20 * second, 21 * second).offeredLoad).toBe(0);
  });

  it('keeps the count of a bucket, and puts 1.6 times its mean at the start of a minute', () => {
    const demand = createDemand({
      path: pathOf(minute, [0, 6_000, 0]),
      level: 0.5,
      runDurationMs: { p50: 50, p99: 50 },
    });
    const seconds = Array.from(
      { length: 180 },
      (_, index) => demand.peakWithin(index * second, (index + 1) * second).arrivalsPerSecond,
    );
    expect(seconds.reduce((sum, count) => sum + count, 0)).toBeCloseTo(6_000, 6);
    expect(seconds[60]).toBeCloseTo(159.2, 1);
    expect(seconds.slice(60, 120)).toEqual(seconds.slice(60, 120).toSorted((a, b) => b - a));
  });

  it.each([
    { level: 0.7, count: 1.5 },
    { level: 0.1, count: 1 },
    { level: 0.999, count: 2 },
  ])('reads level $level between and at the ends of the known ones', ({ level, count }) => {
    const demand = createDemand({ path: pathOf(second, [1, 1]), level, runDurationMs: { p50: 1, p99: 1 } });
    expect(demand.peakWithin(0, second).arrivalsPerSecond).toBeCloseTo(count, 12);
  });

  // Goal: the integral is the expected number busy. Method: throw arrivals and log-normal runs, count who is running; 4 standard errors.
  it('agrees with counting', () => {
    const random = createRandom('offered load');
    const run = { p50: 800, p99: 6_000 };
    const sigma = Math.log(run.p99 / run.p50) / 2.326_347_874;
    const arrivals = Array.from({ length: 30 }, (_, index) => (index === 20 ? 400 : 50));
    const demand = createDemand({ path: pathOf(second, arrivals), level: 0.5, runDurationMs: run });
    const rounds = 300;
    let busySeconds = 0;
    for (let round = 0; round < rounds; round++) {
      for (let start = -60; start < 23; start++) {
        for (let count = random.poisson(arrivals[Math.max(0, start)]!); count > 0; count--) {
          const from = start + random.next();
          const until = from + 0.8 * Math.exp(sigma * random.normal());
          busySeconds += Math.max(0, Math.min(until, 23) - Math.max(from, 22));
        }
      }
    }
    const expected = demand.peakWithin(22 * second, 23 * second).offeredLoad;
    expect(Math.abs(busySeconds / rounds - expected)).toBeLessThan(4 * Math.sqrt(expected / rounds));
  });
});

describe('peakInBucketRatio', () => {
  it.each([
    { stepMs: 1_000, ratio: 1 },
    { stepMs: 60_000, ratio: 1.6 },
    { stepMs: 300_000, ratio: 1.925 },
  ])('$stepMs ms: $ratio', ({ stepMs, ratio }) => {
    expect(peakInBucketRatio(stepMs)).toBeCloseTo(ratio, 3);
  });
});
