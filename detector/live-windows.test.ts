import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLiveRing, liveSecondCount } from './live-windows.ts';
import { deltaOf } from './detector.contract.ts';

const startMs = Date.UTC(2026, 2, 2, 14);
const at = (second: number): number => startMs + 1_000 * second;
const delta = (second: number, spanCount: number, counts = {}) =>
  deltaOf('service:a', at(second), { spanCount, ...counts });

describe('live seconds', () => {
  it('adds up the same in whatever order deltas come', () => {
    const arrivals = fc.array(
      fc.record({ second: fc.integer({ min: 0, max: 20 }), spanCount: fc.integer({ min: 1, max: 5 }) }),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(arrivals, (given) => {
        const inOrder = createLiveRing();
        const reversed = createLiveRing();
        for (const { second, spanCount } of given) inOrder.fold(delta(second, spanCount), Infinity);
        for (const { second, spanCount } of given.toReversed()) reversed.fold(delta(second, spanCount), Infinity);
        for (let second = 0; second <= 20; second++)
          expect(reversed.at(at(second), 'spanCount')).toBe(inOrder.at(at(second), 'spanCount'));
        expect(inOrder.sum('spanCount', at(0), at(21))).toBe(given.reduce((sum, { spanCount }) => sum + spanCount, 0));
      }),
      { numRuns: 50, seed: 3 },
    );
  });

  it('tells silence from a second without errors', () => {
    const ring = createLiveRing();
    ring.fold(delta(0, 4), Infinity);
    expect([ring.isSilent(at(0)), ring.isSilent(at(1))]).toEqual([false, true]);
    expect(ring.at(at(0), 'errorCount')).toBe(0);
  });

  it('forgets what is ten minutes old, and takes nothing that is older', () => {
    const ring = createLiveRing();
    ring.fold(delta(0, 4), Infinity);
    expect(ring.fold(delta(liveSecondCount, 7), Infinity)).toBe(true);
    expect(ring.at(at(0), 'spanCount')).toBe(0);
    expect(ring.fold(delta(0, 1), Infinity)).toBe(false);
    expect(ring.fold(delta(1, 1), Infinity)).toBe(true);
  });

  it('counts what nobody can scale up as spans, and says so', () => {
    const ring = createLiveRing();
    const { requestCount: _, ...unknown } = delta(0, 4);
    ring.fold(unknown, Infinity);
    expect([ring.at(at(0), 'requestCount'), ring.at(at(0), 'unknownRateCount')]).toEqual([4, 4]);
  });
});
