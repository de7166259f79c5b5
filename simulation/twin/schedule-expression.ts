/**
 * When a schedule is for: `at(2026-09-04T12:40:00)` on the clock of a zone, as EventBridge Scheduler and Application Auto Scaling write it.
 */
import { Temporal } from 'temporal-polyfill';
import type { EpochMs } from '../../core/time.ts';

export type ScheduleTime =
  | { readonly kind: 'at'; readonly atMs: EpochMs }
  /** Well formed, and not played: `rate` and `cron`. */
  | { readonly kind: 'recurring' }
  /** Malformed, or a time that the zone's clock skips or the calendar does not have. */
  | { readonly kind: 'invalid' };

const atPattern = /^at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)$/;
const ratePattern = /^rate\([1-9]\d{0,8} (?:minute|hour|day)s?\)$/;
const cronPattern = /^cron\((?=[^?]*\?[^?]*\))(?:[\w*?/,#-]{1,60} ){5}[\w*/,-]{1,60}\)$/;

/** Of a time that comes twice, the first. */
export function readScheduleExpression(expression: string, timeZone: string): ScheduleTime {
  const local = atPattern.exec(expression)?.[1];
  if (local === undefined) {
    const isRecurring = ratePattern.test(expression) || cronPattern.test(expression);
    return { kind: isRecurring ? 'recurring' : 'invalid' };
  }
  try {
    const wall = Temporal.PlainDateTime.from(local, { overflow: 'reject' });
    const zoned = wall.toZonedDateTime(timeZone, { disambiguation: 'earlier' });
    // A leap second is read as the second before it; a skipped time as one before the gap.
    const isSaid = zoned.toPlainDateTime().toString() === local;
    return isSaid ? { kind: 'at', atMs: zoned.epochMilliseconds } : { kind: 'invalid' };
  } catch {
    return { kind: 'invalid' };
  }
}

export function isTimeZone(name: string): boolean {
  try {
    // An offset is no zone: daylight saving is what a zone is for.
    return !/^[+-]/.test(name) && Boolean(new Intl.DateTimeFormat('en-US', { timeZone: name }));
  } catch {
    return false;
  }
}
