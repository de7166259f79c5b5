import { describe, expect, it } from 'vitest';
import { msPerMinute } from '../core/time.ts';
import type { BlockWorth } from './block-worth.ts';
import { billingPeriodMs } from './cost.ts';
import { judgeRevision, type RevisionQuestion } from './revision.ts';
import { releaseAtMs, samplePrices, sampleSpec } from './sample.ts';

const requestsPerBlock = 36_000;

/** A fluid: so many environments share the load evenly, and beyond them nothing is left to avoid. */
function blocksOf(loadOf: (minute: number) => number, { coldStarts = 0 } = {}): BlockWorth[] {
  return Array.from({ length: 12 }, (_, block) => {
    const load = loadOf(block * 5);
    return {
      blockAtMs: releaseAtMs + block * billingPeriodMs,
      requestCount: (requestsPerBlock * load) / 100,
      spillAvoided: new Float64Array(load).fill(requestsPerBlock / 100),
      coldStartsAvoided: new Float64Array(load).fill(coldStarts),
      busySeconds: new Float64Array(load).fill(240),
    };
  });
}

function ask(worth: readonly BlockWorth[], changes: Partial<RevisionQuestion> = {}) {
  return judgeRevision({
    nowMs: releaseAtMs,
    leadMs: 2.5 * msPerMinute,
    heldConcurrency: 40,
    concurrencyMax: 1_000,
    worth,
    startedBefore: [],
    spec: sampleSpec(),
    prices: samplePrices,
    ...changes,
  });
}

describe('by the share that may spill', () => {
  // Worked: 100 busy, 40 held, so 60 % spill. Raised, 60 % do for 2.5 of 60 minutes, which is 2.5 %, or all of them, which is 4.2 %.
  it('is worth it where what has come lasts', () => {
    const { isWorthIt, concurrency, because } = ask(blocksOf(() => 100));
    expect([isWorthIt, concurrency]).toEqual([true, 100]);
    expect(because).toContain('60 % of 432000 requests');
    expect(because).toContain('with 100, 2.5 %, or 4.2 % if nothing served');
  });

  it.each([
    ['lasts five minutes', (minute: number) => (minute < 5 ? 100 : 0), true],
    ['is nothing', () => 0, false],
    ['is a quarter more than is held', () => 50, false],
    ['is a little more than that', () => 52, true],
    ['is less than is held', () => 30, false],
  ])('and what %s: %s', (_, loadOf, isWorthIt) => {
    expect(ask(blocksOf(loadOf)).isWorthIt).toBe(isWorthIt);
  });

  it('is not worth it where most of it is over by then', () => {
    const worth = blocksOf((minute) => (minute < 10 ? 100 : 0));
    // 60 of 100 spill for ten minutes: 600. Raised after x of them, 60 x, and one in four of the 40 x that might not be served: 70 x, so up to 8.57 minutes.
    expect(ask(worth, { leadMs: 8.5 * msPerMinute }).isWorthIt).toBe(true);
    expect(ask(worth, { leadMs: 8.6 * msPerMinute }).isWorthIt).toBe(false);
  });

  it('asks for no more than may be had, and not at all where that is what is held', () => {
    expect(
      ask(
        blocksOf(() => 100),
        { concurrencyMax: 60 },
      ),
    ).toMatchObject({ isWorthIt: true, concurrency: 60 });
    expect(
      ask(
        blocksOf(() => 100),
        { concurrencyMax: 45 },
      ),
    ).toMatchObject({ isWorthIt: false, concurrency: 45 });
  });
});

describe('by the price of a cold start', () => {
  const spec = sampleSpec({ spillTarget: { kind: 'usdPerColdStart', usd: 0.3 } });

  // One start for each place in the hour. Forty that stand are set on starting anew, one time in four: ten starts are lost, and sixty are there to be saved.
  it.each([
    ['come when the raise is READY', 0, true],
    ['are over by then: on demand has started what it needs', 1, false],
  ])('where the cold starts %s: %s', (_, startedCount, isWorthIt) => {
    const worth = blocksOf(() => 100, { coldStarts: 1 / 12 });
    const startedBefore = blocksOf(() => 100, { coldStarts: startedCount }).slice(0, 1);
    expect(ask(worth, { spec, startedBefore }).isWorthIt).toBe(isWorthIt);
  });
});
