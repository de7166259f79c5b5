/**
 * Time that moves only when it is told to: the clock and timers of tests, of the simulated world and of the demo.
 *
 * Mental model: a list of alarms. `advanceTo` walks it in time order and rings each one with the clock standing exactly at its instant; alarms
 * set meanwhile join the same walk. Nothing rings by itself, so whoever advances decides how much of the world may pass before the answers to
 * real input and output are awaited (`nextTimerAtMs` lets it walk from alarm to alarm).
 */
import { assert } from './assert.ts';
import type { Clock, EpochMs, Timers } from './time.ts';

export interface VirtualClock extends Clock, Timers {
  /**
   * Moves time forward and rings every timer due up to and including `atMs`: in time order, ties in the order in which they were set.
   * What a timer throws comes out here, with the clock at that timer's instant and the later timers still set.
   */
  advanceTo(atMs: EpochMs): void;
  /** When the next timer rings; undefined when none is set. */
  nextTimerAtMs(): EpochMs | undefined;
}

interface Alarm {
  readonly atMs: EpochMs;
  readonly order: number;
  readonly run: () => void;
}

/** A timer that sets itself again with no delay would hold the instant for ever; no honest work rings this often in one. */
const ringsInOneInstantMax = 1_000_000;

export function createVirtualClock(startMs: EpochMs): VirtualClock {
  assert(Number.isFinite(startMs), 'a clock starts at an instant');
  let nowMs = startMs;
  let orderNext = 0;
  let isAdvancing = false;
  // Sorted with the next alarm last: taking it is a pop, and a binary search finds where another goes.
  const alarms: Alarm[] = [];

  const placeOf = (alarm: Alarm): number => {
    let low = 0;
    let high = alarms.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ringsBefore(alarm, alarms[middle]!)) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  const ringDue = (untilMs: EpochMs): void => {
    let ringCount = 0;
    for (let alarm = alarms.at(-1); alarm && alarm.atMs <= untilMs; alarm = alarms.at(-1)) {
      alarms.pop();
      ringCount = alarm.atMs === nowMs ? ringCount + 1 : 0;
      assert(ringCount < ringsInOneInstantMax, 'a timer sets itself again without any delay');
      nowMs = alarm.atMs;
      alarm.run();
    }
    nowMs = untilMs;
  };

  return {
    nowMs: () => nowMs,
    nextTimerAtMs: () => alarms.at(-1)?.atMs,
    after(delayMs, run) {
      assert(Number.isFinite(delayMs), 'a timer has a length');
      const alarm: Alarm = { atMs: nowMs + Math.max(0, delayMs), order: orderNext++, run };
      alarms.splice(placeOf(alarm), 0, alarm);
      return () => {
        const place = placeOf(alarm);
        if (alarms[place] === alarm) alarms.splice(place, 1);
      };
    },
    advanceTo(atMs) {
      assert(!isAdvancing, 'a timer must not advance the clock that rings it');
      assert(atMs >= nowMs, 'time does not go back');
      isAdvancing = true;
      try {
        ringDue(atMs);
      } finally {
        isAdvancing = false;
      }
    },
  };
}

function ringsBefore(a: Alarm, b: Alarm): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
