import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AssertionError } from './assert.ts';
import { createVirtualClock } from './virtual-clock.ts';

describe('virtual clock', () => {
  // Goal: the order of ringing is the order of instants, then of setting, whatever was cancelled between.
  // Method: compare with a stable sort of the timers that were not cancelled.
  it('rings in time order, ties in the order of setting, cancelled ones never', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20), fc.boolean())), fc.nat(25), (timers, untilMs) => {
        const clock = createVirtualClock(1_000);
        const rung: [number, number][] = [];
        const cancels = timers.map(([delayMs], id) => clock.after(delayMs, () => rung.push([clock.nowMs(), id])));
        timers.forEach(([, isCancelled], id) => {
          if (isCancelled) cancels[id]!();
        });
        clock.advanceTo(1_000 + untilMs);
        const expected = timers
          .map(([delayMs, isCancelled], id) => ({ delayMs, isCancelled, id }))
          .filter(({ delayMs, isCancelled }) => !isCancelled && delayMs <= untilMs)
          .sort((a, b) => a.delayMs - b.delayMs)
          .map(({ delayMs, id }) => [1_000 + delayMs, id]);
        expect(rung).toEqual(expected);
        expect(clock.nowMs()).toBe(1_000 + untilMs);
      }),
    );
  });

  it('rings what a timer sets inside the same advance, at its own instant, and not what lies beyond', () => {
    const clock = createVirtualClock(0);
    const rung: number[] = [];
    const again = (): void => {
      rung.push(clock.nowMs());
      clock.after(10, again);
    };
    clock.after(10, again);
    clock.advanceTo(35);
    expect(rung).toEqual([10, 20, 30]);
    expect(clock.nextTimerAtMs()).toBe(40);
  });

  it('lets a timer cancel another that is due in the same instant', () => {
    const clock = createVirtualClock(0);
    const rung: string[] = [];
    clock.after(5, () => {
      rung.push('first');
      cancel();
    });
    const cancel = clock.after(5, () => rung.push('second'));
    clock.advanceTo(5);
    cancel();
    expect(rung).toEqual(['first']);
    expect(clock.nextTimerAtMs()).toBeUndefined();
  });

  it('keeps the later timers when one throws', () => {
    const clock = createVirtualClock(0);
    const rung: number[] = [];
    clock.after(1, () => {
      throw new Error('broken');
    });
    clock.after(2, () => rung.push(clock.nowMs()));
    expect(() => clock.advanceTo(3)).toThrow('broken');
    expect(clock.nowMs()).toBe(1);
    clock.advanceTo(3);
    expect(rung).toEqual([2]);
  });

  it.each([
    ['going back', () => createVirtualClock(10).advanceTo(9)],
    ['a delay that is not a number', () => createVirtualClock(0).after(Number.NaN, () => undefined)],
    [
      'a timer that advances its own clock',
      () => {
        const clock = createVirtualClock(0);
        clock.after(1, () => clock.advanceTo(5));
        clock.advanceTo(2);
      },
    ],
    [
      'a timer that holds its instant for ever',
      () => {
        const clock = createVirtualClock(0);
        const again = (): void => void clock.after(0, again);
        again();
        clock.advanceTo(1);
      },
    ],
  ])('takes %s for a bug', (_name, act) => {
    expect(act).toThrow(AssertionError);
  });
});
