/**
 * The real clock, timers and wake-ups: handed to `compose` by `serve`, and by nobody else.
 *
 * node-cron only wakes, and only in UTC: its local-time schedules skip an hour in March and lose one in November. Local times come from the calendar.
 */
import cron from 'node-cron';
import type { Clock, Timers, Wakeups } from '../core/time.ts';

export const realClock: Clock = { nowMs: () => Date.now() };

export const realTimers: Timers = {
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

const schedules = { minute: '* * * * *', hour: '0 * * * *', day: '0 0 * * *' } as const;

export const cronWakeups: Wakeups = {
  every(period, run) {
    const task = cron.schedule(schedules[period], () => run(), { timezone: 'Etc/UTC' });
    return () => void task.destroy();
  },
};
