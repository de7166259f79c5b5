/**
 * The clock on the trading floor's wall. Demand follows it and not UTC: 09:30 in New York is 13:30Z in summer and 14:30Z in winter.
 * A model is handed one; who opens when is the calendar's knowledge (calendar/session.ts).
 */
import type { EpochMs } from './time.ts';

export type DayType = 'session' | 'halfDay' | 'holiday' | 'weekend';

export interface SessionClock {
  /** The venue and zone, for people and for snapshots: `XNYS America/New_York`. */
  readonly name: string;
  /** Local time minus UTC. Cached: about 20 ns. */
  utcOffsetMsAt(atMs: EpochMs): number;
  /** The type of a local day, counted in days since 1970-01-01 on the local wall clock. */
  dayTypeOf(localDay: number): DayType;
}
