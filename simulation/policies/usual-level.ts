/** What "the usual level" of a history is: the yardstick by which its volume becomes requests. */
import type { Venue } from '../../calendar/venue.ts';
import { msPerDay, msPerMinute, type EpochMs } from '../../core/time.ts';
import type { VolumeSeries } from '../../core/volume-series.ts';

const lookBackMs = 28 * msPerDay;

/**
 * Median volume a minute of the buckets that lie in a session of the venue (of all buckets where it never closes), over the 28 days before an
 * instant; undefined where none was recorded, or half of them are empty.
 */
export function usualVolumePerMinute(series: VolumeSeries, venue: Venue, untilMs: EpochMs): number | undefined {
  const fromMs = untilMs - lookBackMs;
  const bells = venue.sessionEvents(fromMs, untilMs);
  const isOpenAt = (atMs: EpochMs): boolean =>
    bells.length === 0 || bells.findLast(({ startsAtMs }) => startsAtMs <= atMs)?.phase === 'open';
  const values: number[] = [];
  for (let index = 0; index < series.values.length; index++) {
    const atMs = series.fromMs + index * series.stepMs;
    const value = series.values[index]!;
    if (atMs >= fromMs && atMs + series.stepMs <= untilMs && !Number.isNaN(value) && isOpenAt(atMs)) values.push(value);
  }
  if (values.length === 0) return undefined;
  const median = values.sort((a, b) => a - b)[values.length >> 1]!;
  return median > 0 ? (median * msPerMinute) / series.stepMs : undefined;
}
