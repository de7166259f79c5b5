/**
 * A scheduled happening that moves demand: a release, a decision, results, an opening bell. Calendar facts are live, versioned and
 * untrusted; an event therefore carries where it came from and how precisely its time is known.
 */
import type { EpochMs } from './time.ts';

export type Importance = 1 | 2 | 3;
export type SessionPhase = 'open' | 'close' | 'halfDay' | 'holiday';

export interface MarketEvent {
  /** Unique in a calendar. Unless the source gives one: `<kind>[:<symbol>]@<ts>`. */
  readonly id: string;
  /** The family whose members move demand alike: `nfp`, `cpi`, `fomc`, `earnings`, `open`. Lower-case snake case. */
  readonly kind: string;
  readonly phase?: SessionPhase;
  readonly title: string;
  readonly startsAtMs: EpochMs;
  /** `date`: only the day is known, and `startsAtMs` is an assumption. */
  readonly precision: 'minute' | 'date';
  /** Only the day was published; the minute is the convention of its kind (calendar/convention.ts). Warmed for like any other minute. */
  readonly isTimeAssumed?: true;
  readonly importance: Importance;
  /** Empty: moves everything. Else only the series of these symbols. */
  readonly symbols: readonly string[];
  readonly status: 'scheduled' | 'cancelled';
  readonly source: EventSource;
}

/** Where an event was read: the calendar's name, the line or component in it, and what the source says of itself. */
export interface EventSource {
  readonly calendar: string;
  readonly line?: number;
  readonly says: string;
}
