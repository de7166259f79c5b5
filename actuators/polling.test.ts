import { describe, expect, it } from 'vitest';
import { after, answered, asked40, missed, ready40, seen, sent, want } from './pursuit-example.ts';
import { nextPollAtMs } from './polling.ts';
import { advance, createPursuit, type Pursuit } from './pursuit.ts';

describe('polling', () => {
  const alone = { spreadRatio: 0, pollingCount: 1 };
  const asked = after(...asked40);
  const preparing = (lookedAtMs: number) => after(...asked40, seen(lookedAtMs, 40, { status: 'IN_PROGRESS' }));

  it.each<[string, Pursuit, number | undefined]>([
    ['nothing while idle', createPursuit(0), undefined],
    ['nothing before it asks: the gate calls for the look', after(want(1, 40)), undefined],
    ['15 s after asking', asked, 4 + 15_000],
    ['every 15 s in the first minute', preparing(4 + 59_999), 4 + 59_999 + 15_000],
    ['every 5 s after it', preparing(4 + 60_000), 4 + 60_000 + 5_000],
    ['every minute once ready', after(...ready40), 100 + 60_000],
    ['every minute once failed', after(...asked40, seen(100, 40, { status: 'FAILED' })), 100 + 60_000],
    ['slowly again right after a loss', after(...ready40, seen(90_000, 40, { weights: true })), 90_000 + 15_000],
    ['at once after a lost answer', after(want(1, 40), sent(3, 40), answered(9, 40, 'unknown')), 9],
    ['5 s after a look that failed', after(...ready40, missed(200)), 5_200],
    ['30 s after many', after(...ready40, ...[1, 2, 3, 4, 5].map((n) => missed(200 + n))), 30_205],
    [
      'a minute after a refusal, for changed facts',
      after(want(1, 40), seen(2, 0), sent(3, 40), answered(4, 40, 'refused')),
      60_002,
    ],
  ])('%s', (_name, pursuit, atMs) => {
    expect(nextPollAtMs(pursuit, alone)).toBe(atMs);
  });

  it.each<[string, Pursuit, number, number]>([
    ['every 15 s once ready', after(...ready40), 1, 100 + 15_000],
    ['with half of the call budget', after(...ready40), 50, 100 + 40_000],
    ['with no more of it than everybody at any time', after(...ready40), 500, 100 + 200_000],
    ['10 s after many looks that failed', after(...ready40, ...[1, 2, 3, 4, 5].map((n) => missed(200 + n))), 1, 10_205],
    ['every minute once failed', after(...asked40, seen(100, 40, { status: 'FAILED' })), 1, 100 + 60_000],
  ])('around an event: %s', (_name, pursuit, pollingCount, atMs) => {
    expect(nextPollAtMs(pursuit, { spreadRatio: 0, pollingCount, isEventNear: true })).toBe(atMs);
  });

  // Goal: a whole fleet that was asked at once stays inside five calls a second, and is not polled in step.
  // Method: each function looks whenever it is told to, at two calls a look, for twenty minutes.
  it.each([2, 12, 500])('keeps %i functions inside the call budget', (pollingCount) => {
    const looks: number[] = [];
    const untilMs = 1_200_000;
    for (let id = 0; id < pollingCount; id++) {
      let pursuit = asked;
      const options = { spreadRatio: id / pollingCount, pollingCount };
      for (let atMs = nextPollAtMs(pursuit, options)!; atMs < untilMs; atMs = nextPollAtMs(pursuit, options)!) {
        looks.push(atMs);
        pursuit = advance(pursuit, seen(atMs, 40, { status: 'IN_PROGRESS' }));
      }
    }
    expect((looks.length * 2) / (untilMs / 1_000)).toBeLessThanOrEqual(5);
    expect(looks.length).toBeGreaterThan(pollingCount);
  });
});
