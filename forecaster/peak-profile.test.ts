import { describe, expect, it } from 'vitest';
import { createRandom } from '../core/random.ts';
import { msPerMinute, msPerSecond } from '../core/time.ts';
import { createPeakWatch, priorPeakProfile, profileOfPeak } from './peak-profile.ts';

const sum = (shares: Float64Array): number => shares.reduce((total, share) => total + share, 0);

describe('profileOfPeak', () => {
  it.each([
    { stepMs: msPerSecond, peak: 1 },
    { stepMs: msPerMinute, peak: 1.6 },
    { stepMs: 5 * msPerMinute, peak: 1.925 },
  ])('the prior peaks at $peak times the mean of $stepMs ms', ({ stepMs, peak }) => {
    const shares = priorPeakProfile.sharesOf(stepMs);
    expect(sum(shares)).toBeCloseTo(1, 12);
    // The first second's mean lies a hair below the density at its start.
    expect(Math.abs(shares[0]! * shares.length - peak)).toBeLessThan(0.02);
  });

  it('is even at a ratio of one', () => {
    expect(new Set([...profileOfPeak(1, 'even').sharesOf(msPerMinute)].map((share) => share.toFixed(12))).size).toBe(1);
  });
});

describe('createPeakWatch', () => {
  /** Minutes whose seconds follow a profile, each second with counting noise. */
  function watchOf(ratio: number, minuteCount: number) {
    const random = createRandom('peaks');
    const watch = createPeakWatch(() => 1);
    const shares = profileOfPeak(ratio, 'true').sharesOf(msPerMinute);
    for (let minute = 0; minute <= minuteCount; minute++) {
      for (const [second, share] of shares.entries()) {
        const mean = 6_000 * share;
        // The normal law of so many: two uniforms by Box and Muller.
        const noise = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
        const requestCount = Math.max(0, Math.round(mean + noise * Math.sqrt(mean)));
        watch.hear({ atMs: minute * msPerMinute + second * msPerSecond, lengthMs: msPerSecond, requestCount });
      }
    }
    return watch;
  }

  it.each([1.6, 2.5])('finds a peak of %d times the mean', (ratio) => {
    const learned = watchOf(ratio, 60).profile()!;
    const truth = profileOfPeak(ratio, 'true');
    expect(learned.name).toMatch(/^learned from 60 minutes/);
    expect(learned.sharesOf(msPerMinute)[0]! / truth.sharesOf(msPerMinute)[0]!).toBeCloseTo(1, 1);
  });

  it('takes noise for no peak', () => {
    expect(watchOf(1, 60).profile()!.sharesOf(msPerMinute)[0]! * 60).toBeLessThan(1.1);
  });

  it('says nothing before twenty whole minutes, nor of what is longer than a second', () => {
    expect(watchOf(2, 19).profile()).toBeUndefined();
    expect(watchOf(2, 20).profile()).toBeDefined();
    const coarse = createPeakWatch(() => 1);
    for (let minute = 0; minute < 100; minute++)
      coarse.hear({ atMs: minute * msPerMinute, lengthMs: msPerMinute, requestCount: 9_000 });
    expect(coarse.profile()).toBeUndefined();
  });
});
