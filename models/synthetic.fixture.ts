/** A made-up market for the models' tests: a daily wave, weekends without data, noise of a known size, events of a known effect. */
import type { Importance, MarketEvent } from '../core/market-event.ts';
import { createRandom } from '../core/random.ts';
import type { SessionClock } from '../core/session-clock.ts';
import { msPerDay, msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import type { VolumeSeries } from '../core/volume-series.ts';

export const stepMs = 5 * msPerMinute;
/** A Monday. */
export const startMs = Date.UTC(2025, 0, 6);

/** Five hours behind UTC, four from 9 March 2025 on, as New York is. */
export const testClock: SessionClock = {
  name: 'TEST -5/-4',
  utcOffsetMsAt: (atMs) => (atMs < Date.UTC(2025, 2, 9, 7) ? -5 : -4) * msPerHour,
  dayTypeOf: (localDay) => ((localDay + 3) % 7 >= 5 ? 'weekend' : 'session'),
};

export function localInstant(localDay: number, hour: number): EpochMs {
  const guessMs = startMs + localDay * msPerDay + hour * msPerHour;
  return guessMs - testClock.utcOffsetMsAt(guessMs + 5 * msPerHour);
}

export function testEvent(kind: string, startsAtMs: EpochMs, importance: Importance = 3): MarketEvent {
  return {
    id: `${kind}@${startsAtMs}`,
    kind,
    title: kind,
    startsAtMs,
    precision: 'minute',
    importance,
    symbols: [],
    status: 'scheduled',
    source: { calendar: 'test', says: 'made up' },
  };
}

export interface SyntheticOptions {
  readonly dayCount: number;
  readonly seed?: number;
  /** Standard deviation of the noise of a bucket, in log space. */
  readonly noise?: number;
  readonly events?: readonly MarketEvent[];
  /** Log lift of a kind at its minute; halves every half hour. */
  readonly liftOf?: (kind: string) => number;
  /** Log level of a day. */
  readonly levelOf?: (localDay: number) => number;
}

/** Usual log volume at a local hour: 4 at night, 7 at noon. */
export const usualLogVolume = (localHour: number): number => 5.5 - 1.5 * Math.cos((localHour / 24) * 2 * Math.PI);

export function syntheticSeries(options: SyntheticOptions): VolumeSeries {
  const { dayCount, seed = 1, noise = 0.2, events = [], liftOf = () => 0, levelOf = () => 0 } = options;
  const random = createRandom(seed);
  const values = new Float64Array((dayCount * msPerDay) / stepMs);
  for (let bucket = 0; bucket < values.length; bucket++) {
    const atMs = startMs + bucket * stepMs;
    const localMs = atMs + testClock.utcOffsetMsAt(atMs);
    const localDay = Math.floor(localMs / msPerDay);
    let logVolume = usualLogVolume((localMs - localDay * msPerDay) / msPerHour) + noise * random.normal();
    logVolume += levelOf(localDay - Math.floor(startMs / msPerDay));
    for (const { kind, startsAtMs } of events) {
      const minutes = (atMs - startsAtMs) / msPerMinute;
      if (minutes >= 0 && minutes < 120) logVolume += liftOf(kind) * 2 ** (-minutes / 30);
    }
    values[bucket] = testClock.dayTypeOf(localDay) === 'weekend' ? NaN : Math.round(Math.exp(logVolume));
  }
  return { fromMs: startMs, stepMs, values };
}
