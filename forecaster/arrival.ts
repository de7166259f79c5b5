/** Has an event begun? A release is late now and then, and capacity that was raised for it must still stand when it comes. */
import type { MarketEvent } from '../core/market-event.ts';
import { msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import type { Arrival } from './event-window.ts';

/** Volume that is older than this is no live volume. */
const liveWithinMs = 10 * msPerMinute;
/** What stands before an event is read from so long before it. */
const beforeMs = 15 * msPerMinute;
/** Half of what its kind lifts the half hour after it, and a sixth at least: the first minutes of a surge are its greatest. */
const seenRatio = 0.5;
const liftRatioMin = 1 / 6;
/** Events are followed for as long as their peak may be held, and some time. */
const keptMs = msPerHour;

export interface ArrivalWatch {
  /** Volume of a finished bucket, in time order. */
  learn(bucket: { readonly bucketAtMs: EpochMs; readonly volume: number }): void;
  /** @param liftRatio how much its kind lifts the half hour after it: 1 doubles it. */
  arrivalOf(event: MarketEvent, given: { readonly nowMs: EpochMs; readonly liftRatio: number }): Arrival;
}

/** Follows one stream of volume. `stepMs`: length of its buckets. */
export function createArrivalWatch(stepMs: number): ArrivalWatch {
  let kept: { readonly bucketAtMs: EpochMs; readonly volume: number }[] = [];
  return {
    learn(bucket) {
      kept = [...kept.filter(({ bucketAtMs }) => bucketAtMs > bucket.bucketAtMs - keptMs), bucket];
    },
    arrivalOf({ startsAtMs }, { nowMs, liftRatio }) {
      const untilMs = (kept.at(-1)?.bucketAtMs ?? -Infinity) + stepMs;
      if (untilMs < nowMs - liveWithinMs) return undefined;
      const before = kept.filter(({ bucketAtMs }) => bucketAtMs >= startsAtMs - beforeMs && bucketAtMs < startsAtMs);
      const since = kept.filter(({ bucketAtMs }) => bucketAtMs >= startsAtMs);
      if (since.length === 0) return 'awaited';
      if (before.length === 0) return undefined;
      const usual = before.reduce((sum, { volume }) => sum + volume, 0) / before.length;
      const lift = Math.max(liftRatioMin, seenRatio * liftRatio);
      return since.some(({ volume }) => volume > usual * (1 + lift)) ? 'come' : 'awaited';
    },
  };
}
