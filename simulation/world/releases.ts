/**
 * A known kind of event, drawn: its release every third day, each of a size of its own, and the volume by the minute that they bring. The last one is the day that
 * is played, at a multiple of the largest size that was seen before it.
 */
import type { MarketEvent } from '../../core/market-event.ts';
import { createRandom } from '../../core/random.ts';
import { msPerDay, msPerHour, msPerMinute, parseInstant, type EpochMs } from '../../core/time.ts';
import type { VolumeSeries } from '../../core/volume-series.ts';

/** When the one that is played strikes. */
export const releaseAtMs: EpochMs = parseInstant('2026-03-18T12:30:00Z')!;

const historyDays = 40;
const everyDays = 3;
/** One event's size about the median, as a standard deviation of the logarithm: what payrolls have in silver quotes. */
const sizeSpread = 0.28;

/** Multiples of the usual in the minutes after payrolls, medians (market.ts). */
const multiples = [5.5, 5.2, 4.8, 4.6, 4.45, 4.3, 4.1, 3.9, 3.7, 3.45, 3.2];
function multipleAt(minute: number): number {
  const far = 3.2 * Math.exp(-(minute - 10) / 35);
  return minute < 0 || minute > 120 ? 1 : Math.max(1, multiples[Math.floor(minute)] ?? far);
}

export interface ReleaseDays {
  /** Requests by the minute, to three hours after the release that is played. */
  readonly volume: VolumeSeries;
  /** All of them, in time order; the last one is played. */
  readonly events: readonly MarketEvent[];
  /** Requests a second in the first minute of the one that is played, and the most of it in any before. */
  readonly requestsPerSecond: number;
  readonly largestSeenPerSecond: number;
}

export interface DrawOptions {
  readonly seed: string;
  /** Of the largest that was seen; 1 is as large as that. */
  readonly times: number;
  /** Requests a second at any other minute. */
  readonly usualPerSecond: number;
}

/** The same seed draws the same days, whatever they are a multiple of. */
export function drawReleaseDays({ seed, times, usualPerSecond }: DrawOptions): ReleaseDays {
  const fromMs = releaseAtMs - historyDays * msPerDay;
  const days = Array.from({ length: Math.floor(historyDays / everyDays) + 1 }, (_, index) => 0 - index * everyDays);
  const sizes = createRandom(`sizes ${seed}`);
  const sizeOf = new Map(days.map((day) => [day, Math.exp(sizeSpread * sizes.normal())]));
  const largestSeen = Math.max(...[...sizeOf].flatMap(([day, size]) => (day < 0 ? [size] : [])));
  sizeOf.set(0, times * largestSeen);
  const noise = createRandom(`noise ${seed}`);
  const length = (historyDays * msPerDay + 3 * msPerHour) / msPerMinute;
  const values = Float64Array.from({ length }, (_, index) => {
    const atMs = fromMs + index * msPerMinute;
    const day = Math.floor((atMs - releaseAtMs) / msPerDay);
    const minute = (atMs - releaseAtMs) / msPerMinute - day * 24 * 60;
    const lift = 1 + (multipleAt(minute) - 1) * (sizeOf.get(day) ?? 0);
    return noise.poisson(60 * usualPerSecond * lift * Math.exp(0.06 * noise.normal()));
  });
  const firstMinuteAt = (size: number): number => usualPerSecond * (1 + (multiples[0]! - 1) * size);
  return {
    volume: { fromMs, stepMs: msPerMinute, values },
    events: days.map(releaseOf).reverse(),
    requestsPerSecond: firstMinuteAt(times * largestSeen),
    largestSeenPerSecond: firstMinuteAt(largestSeen),
  };
}

function releaseOf(day: number): MarketEvent {
  return {
    id: `release@${day}`,
    kind: 'release',
    title: 'a release',
    startsAtMs: releaseAtMs + day * msPerDay,
    precision: 'minute',
    importance: 3,
    symbols: [],
    status: 'scheduled',
    source: { calendar: 'releases', says: 'every third day' },
  };
}
