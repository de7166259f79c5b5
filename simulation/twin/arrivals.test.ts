import { describe, expect, it } from 'vitest';
import { createRandom } from '../../core/random.ts';
import { createArrivalSource, type Arrivals } from './arrivals.ts';

const source = (burstiness: number, seed = 3) =>
  createArrivalSource({ random: createRandom(seed), runDurationMs: { p50: 100, p99: 400 }, burstiness });

describe('arrivals of a bucket', () => {
  it.each([0, 1, 59, 18_000])('are exactly %i, in order and inside it', (count) => {
    const { atMs, runMs } = source(13).draw({ fromMs: 120_000, lengthMs: 60_000, count });
    expect([atMs.length, runMs.length]).toEqual([count, count]);
    expect(atMs.every((at, index) => at >= (atMs[index - 1] ?? 120_000) && at < 180_000)).toBe(true);
    expect(runMs.every((run) => run > 0)).toBe(true);
  });

  // Goal: the count a second varies as much as asked for, whatever the volume.
  // Method: 40 minutes of Poisson totals; variance over mean of 2,400 seconds has a standard error of about 3 to 6 % of itself.
  it.each([
    [1, 300],
    [1.3, 300],
    [4, 300],
    [13, 300],
    [4, 20],
  ])('have variance over mean %d at %i a second', (burstiness, perSecond) => {
    const totals = createRandom('totals');
    const drawn = source(burstiness);
    const counts = new Float64Array(2_400);
    for (let minute = 0; minute < 40; minute++) {
      const count = totals.poisson(perSecond * 60);
      const { atMs } = drawn.draw({ fromMs: minute * 60_000, lengthMs: 60_000, count });
      for (const at of atMs) counts[Math.floor(at / 1_000)]! += 1;
    }
    const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
    const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / (counts.length - 1);
    expect(mean).toBeCloseTo(perSecond, -1);
    expect(variance / mean / burstiness).toBeGreaterThan(0.8);
    expect(variance / mean / burstiness).toBeLessThan(1.2);
  });

  it('run for the stated median and 99th percentile', () => {
    const { runMs } = source(4).draw({ fromMs: 0, lengthMs: 60_000, count: 100_000 });
    const sorted = runMs.toSorted();
    expect(sorted[50_000]! / 100).toBeCloseTo(1, 1);
    expect(sorted[99_000]! / 400).toBeCloseTo(1, 1);
  });

  it('come the same from the same seed, and others from another', () => {
    const draw = (seed: number): Arrivals => source(4, seed).draw({ fromMs: 0, lengthMs: 1_000, count: 50 });
    expect(draw(5)).toEqual(draw(5));
    expect(draw(5)).not.toEqual(draw(6));
  });
});
