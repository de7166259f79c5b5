import { describe, expect, it } from 'vitest';
import { createRandom } from '../core/random.ts';
import { briefnessOf, peakednessOf } from './peakedness.ts';
import { logNormalRuns, type RunDistribution } from './run-distribution.ts';

function fixed(seconds: number): RunDistribution {
  return [{ seconds, probability: 1 }];
}

function exponential(mean: number): RunDistribution {
  return Array.from({ length: 400 }, (_, index) => ({
    seconds: -mean * Math.log(1 - (index + 0.5) / 400),
    probability: 1 / 400,
  }));
}

describe('peakednessOf', () => {
  it.each([
    { name: 'Poisson arrivals', runs: fixed(3), burstiness: 1, peakedness: 1 },
    // 1 + 12 · d · (1 − d / 3) up to a second, 1 + 12 · (1 − 1 / (3 d)) beyond.
    { name: '10 ms', runs: fixed(0.01), burstiness: 13, peakedness: 1.1196 },
    { name: '120 ms', runs: fixed(0.12), burstiness: 13, peakedness: 2.3824 },
    { name: '2 s', runs: fixed(2), burstiness: 13, peakedness: 11 },
    { name: 'half of it for long exponential runs', runs: exponential(300), burstiness: 13, peakedness: 7 },
    { name: '120 ms with a tail', runs: logNormalRuns({ p50: 120, p99: 500 }), burstiness: 1.3, peakedness: 1.039 },
  ])('$name: $peakedness', ({ runs, burstiness, peakedness }) => {
    expect(Math.abs(peakednessOf(runs, burstiness) / peakedness - 1)).toBeLessThan(0.01);
  });

  // Goal: the variance of the number running. Method: rates drawn each second from two values, arrivals counted; 5 % is four standard errors.
  it('agrees with counting', () => {
    const random = createRandom('peakedness');
    const runs = logNormalRuns({ p50: 800, p99: 4_000 });
    const sigma = Math.log(5) / 2.326_347_874;
    const perSecond = 20;
    // 0 or 40 a second: the variance of the rate is 400, so that the count has 20 + 400.
    const burstiness = 21;
    const seconds = 60_000;
    const running = new Int32Array(seconds);
    for (let second = 0; second < seconds; second++) {
      for (let count = random.poisson(random.next() < 0.5 ? 0 : 2 * perSecond); count > 0; count--) {
        const at = second + random.next();
        const until = at + 0.8 * Math.exp(sigma * random.normal());
        for (let look = Math.ceil(at - phase(second)); look + phase(look) < until && look < seconds; look++) {
          if (look + phase(look) >= at) running[look]!++;
        }
      }
    }
    const mean = running.reduce((sum, count) => sum + count, 0) / seconds;
    const variance = running.reduce((sum, count) => sum + (count - mean) ** 2, 0) / seconds;
    expect(variance / mean / peakednessOf(runs, burstiness)).toBeGreaterThan(0.95);
    expect(variance / mean / peakednessOf(runs, burstiness)).toBeLessThan(1.05);
  });
});

/** When inside a second one looks: any phase alike. */
function phase(second: number): number {
  return (second * 0.618_033_988_75) % 1;
}

describe('briefnessOf', () => {
  it.each([
    { name: 'a run of 10 ms sees one burst', runs: fixed(0.01), briefness: 0.005 },
    { name: 'long and fixed', runs: fixed(99), briefness: 0.495 },
    { name: 'long and exponential', runs: exponential(99), briefness: 0.99 },
    { name: 'as long as a burst', runs: exponential(1), briefness: 0.5 },
  ])('$name: $briefness', ({ runs, briefness }) => {
    expect(briefnessOf(runs)).toBeCloseTo(briefness, 2);
  });
});
