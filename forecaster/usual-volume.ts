/**
 * The usual volume of a bucket: the median over the forty latest days that have the same local time and no event near it. It is the
 * yardstick of the backtest, and nothing is forecast from it.
 */
import type { MarketEvent } from '../core/market-event.ts';
import type { SessionClock } from '../core/session-clock.ts';
import { msPerDay, msPerMinute } from '../core/time.ts';
import type { VolumeSeries } from '../core/volume-series.ts';

const dayCountMax = 40;
const dayCountMin = 5;
/** Looks back over at most this many days. */
const lagMax = 56;
const minutesBefore = 30;
const minutesAfter = 120;

/** A function of the bucket's index in the series; NaN where fewer than five days are known. */
export function createUsualVolume(
  series: VolumeSeries,
  { clock, events }: { readonly clock: SessionClock; readonly events: readonly MarketEvent[] },
): (bucket: number) => number {
  const { fromMs, stepMs, values } = series;
  const isNearEvent = new Uint8Array(values.length);
  for (const { startsAtMs } of events) {
    const first = Math.floor((startsAtMs - minutesBefore * msPerMinute - fromMs) / stepMs);
    const end = Math.floor((startsAtMs + minutesAfter * msPerMinute - fromMs) / stepMs);
    isNearEvent.fill(1, Math.max(0, first), Math.max(0, end));
  }
  return (bucket) => {
    const atMs = fromMs + bucket * stepMs;
    const offsetMs = clock.utcOffsetMsAt(atMs);
    const seen: number[] = [];
    for (let lag = 1; lag <= lagMax && seen.length < dayCountMax; lag++) {
      const pastMs = atMs - lag * msPerDay;
      const past = bucket - Math.round((lag * msPerDay + clock.utcOffsetMsAt(pastMs) - offsetMs) / stepMs);
      const value = values[past] ?? NaN;
      if (!Number.isNaN(value) && isNearEvent[past] === 0) seen.push(value);
    }
    if (seen.length < dayCountMin) return NaN;
    seen.sort((left, right) => left - right);
    const middle = seen.length >> 1;
    return seen.length % 2 === 1
      ? seen[middle]!
      : Math.expm1((Math.log1p(seen[middle - 1]!) + Math.log1p(seen[middle]!)) / 2);
  };
}
