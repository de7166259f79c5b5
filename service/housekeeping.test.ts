import { expect, it } from 'vitest';
import { createWakeups, msPerHour, msPerMinute } from '../core/time.ts';
import { createVirtualClock } from '../core/virtual-clock.ts';
import { startHousekeeping, type Chore } from './housekeeping.ts';
import type { Log } from './log.ts';
import { minute, silentLog } from './sample.ts';

function keepHouse(chores: readonly Chore[], log: Log = silentLog) {
  const clock = createVirtualClock(minute(0) + 20_000);
  const stop = startHousekeeping(chores, { wakeups: createWakeups(clock, clock), log });
  return { clock, stop };
}

/** Lets what hangs on a resolved promise run. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

it('wakes each chore on its own grid of UTC, and none after the stop', async () => {
  const woken: string[] = [];
  const chores = (['minute', 'hour', 'day'] as const).map((every): Chore => ({
    name: every,
    every,
    run: async () => void woken.push(`${every} ${new Date(clock.nowMs()).toISOString().slice(11, 19)}`),
  }));
  const { clock, stop } = keepHouse(chores);
  for (let count = 1; count <= 31; count++) {
    clock.advanceTo(minute(count));
    await turn();
  }
  // The event is at 12:30.
  expect(woken.slice(0, 2)).toEqual(['minute 12:31:00', 'minute 12:32:00']);
  expect(woken.filter((text) => text.startsWith('hour'))).toEqual(['hour 13:00:00']);
  clock.advanceTo(minute(0) + 11.5 * msPerHour);
  await turn();
  expect(woken.at(-1)).toBe('day 00:00:00');
  await stop();
  const count = woken.length;
  clock.advanceTo(minute(0) + 40 * msPerHour);
  expect(woken).toHaveLength(count);
});

it('does not start a chore that still runs, and the stop waits for it', async () => {
  let startCount = 0;
  let finish = (): void => undefined;
  const run = (): Promise<void> => {
    startCount++;
    return new Promise((resolve) => (finish = resolve));
  };
  const { clock, stop } = keepHouse([{ name: 'slow', every: 'minute', run }]);
  clock.advanceTo(minute(5));
  expect(startCount).toBe(1);
  finish();
  await turn();
  clock.advanceTo(minute(6));
  expect(startCount).toBe(2);
  let hasStopped = false;
  const stopped = stop().then(() => (hasStopped = true));
  await turn();
  expect(hasStopped).toBe(false);
  finish();
  await stopped;
});

it('logs a chore that fails, with the consequence, and tries it again', async () => {
  const warnings: string[] = [];
  const log: Log = {
    ...silentLog,
    warn: (event, fields) => void warnings.push(`${event} ${String(fields?.['chore'])}`),
  };
  const run = async (): Promise<void> => {
    throw new Error('disk full');
  };
  const { clock, stop } = keepHouse([{ name: 'snapshot', every: 'minute', run }], log);
  for (const at of [msPerMinute, 2 * msPerMinute]) {
    clock.advanceTo(minute(0) + at);
    await turn();
  }
  await stop();
  expect(warnings).toEqual(['housekeeping.failed snapshot', 'housekeeping.failed snapshot']);
});
