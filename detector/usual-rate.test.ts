import { describe, expect, it } from 'vitest';
import { msPerDay, msPerHour, msPerMinute } from '../core/time.ts';
import { createLearningMinute } from './learning-minute.ts';
import { createUsualRate } from './usual-rate.ts';

const startMs = Date.UTC(2026, 2, 2);

/** A hundred calls a second on working days and thirty at weekends; on the first Monday a surge to four hundred from 13:00 to 14:00. */
function rateAt(atMs: number): number {
  const sinceMs = atMs - startMs;
  if (sinceMs >= 13 * msPerHour && sinceMs < 14 * msPerHour) return 400;
  return Math.floor(sinceMs / msPerDay) % 7 >= 5 ? 30 : 100;
}

describe('the usual rate after one week', () => {
  const usual = createUsualRate();
  for (let atMs = startMs; atMs < startMs + 7 * msPerDay; atMs += msPerMinute) {
    const requestsPerSecond = rateAt(atMs);
    const minute = createLearningMinute();
    minute.fromMs = atMs;
    minute.secondCount = 60;
    minute.requestSum = 60 * requestsPerSecond;
    minute.requestSquareSum = 60 * requestsPerSecond ** 2;
    minute.spanSum = minute.requestSum;
    for (const block of minute.blocks) block.spanCount = 10 * requestsPerSecond;
    usual.learn(minute);
  }

  it.each([
    ['a working day without a surge is no drop, though the same hour had one a week ago', 7, 100],
    ['a working day', 8, 100],
    ['a weekend', 12, 30],
  ])('%s', (_, day, requestsPerSecond) => {
    const bounds = usual.at(startMs + day * msPerDay + 13.5 * msPerHour);
    expect(bounds?.low).toBeLessThan(requestsPerSecond);
    expect(bounds?.high).toBeGreaterThan(requestsPerSecond);
  });

  it('half of a working day’s calls are still too few', () => {
    expect(usual.at(startMs + 8 * msPerDay + 13.5 * msPerHour)?.low).toBeGreaterThan(50);
  });
});
