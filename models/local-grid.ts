/**
 * Buckets counted on two clocks: the straight one (index since the first bucket learned) and the venue's local one (day and slot). The
 * same local time of another day is found through the clock, so that a change to summer time moves nothing.
 */
import type { DayType, SessionClock } from '../core/session-clock.ts';
import { msPerDay, type EpochMs } from '../core/time.ts';

export interface LocalGrid {
  readonly slotCount: number;
  msOf(bucket: number): EpochMs;
  bucketOf(atMs: EpochMs): number;
  /** Local days since 1970-01-01, whole. */
  localDayOf(bucket: number): number;
  slotOf(bucket: number): number;
  dayTypeOf(localDay: number): DayType;
  /** The bucket at the same local time, `dayCount` local days earlier. */
  sameTimeBefore(bucket: number, dayCount: number): number;
}

const quarterMs = 15 * 60_000;

export function createLocalGrid(clock: SessionClock, stepMs: number, baseMs: EpochMs): LocalGrid {
  // No zone of today changes its offset within a quarter of an hour, and buckets are mostly asked for one after the other.
  let quarter = -1;
  let offsetMs = 0;
  const localMsOf = (bucket: number): number => {
    const atMs = baseMs + bucket * stepMs;
    const quarterNow = Math.floor(atMs / quarterMs);
    if (quarterNow !== quarter) {
      quarter = quarterNow;
      offsetMs = clock.utcOffsetMsAt(quarterNow * quarterMs);
    }
    return atMs + offsetMs;
  };
  // Days are asked for about one after the other; a plain list by distance from the first is quicker than a map.
  const dayTypes: DayType[] = [];
  const dayZero = Math.floor(baseMs / msPerDay) - 1;
  return {
    slotCount: msPerDay / stepMs,
    msOf: (bucket) => baseMs + bucket * stepMs,
    bucketOf: (atMs) => Math.round((atMs - baseMs) / stepMs),
    localDayOf: (bucket) => Math.floor(localMsOf(bucket) / msPerDay),
    slotOf(bucket) {
      const localMs = localMsOf(bucket);
      return Math.floor((localMs - Math.floor(localMs / msPerDay) * msPerDay) / stepMs);
    },
    dayTypeOf(localDay) {
      const place = localDay - dayZero;
      if (place < 0) return clock.dayTypeOf(localDay);
      return (dayTypes[place] ??= clock.dayTypeOf(localDay));
    },
    sameTimeBefore(bucket, dayCount) {
      const atMs = baseMs + bucket * stepMs;
      const guessMs = atMs - dayCount * msPerDay;
      const shiftMs = clock.utcOffsetMsAt(atMs) - clock.utcOffsetMsAt(guessMs);
      return Math.round((guessMs + shiftMs - baseMs) / stepMs);
    },
  };
}
