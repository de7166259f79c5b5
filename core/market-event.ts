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
  /** What humans expect of it: a floor under the model's forecast. */
  readonly expect?: Expectation;
  /** Set on what no calendar says any more, or only one of two says: warmed for all the same, and not learned from. */
  readonly doubt?: EventDoubt;
  readonly source: EventSource;
}

/**
 * Demand that people foresee and history cannot know: a campaign, a listing, a tariff speech. It holds for the functions of one group, from the
 * event's instant on.
 */
export type Expectation = {
  readonly group: string;
  readonly minutes: number;
} & (
  | {
      /** At least that many times what would be usual then. */
      readonly lift: number;
    }
  | { readonly requestsPerSecond: number }
);

/** Doubt is asymmetric: a window too many costs cents, and one that is missing costs the event. */
export interface EventDoubt {
  /**
   * `held-over`: the calendar moved or dropped it less than a day before. `sources-disagree`: another calendar has another time.
   * `lost-events`: its feed lost many events at once.
   */
  readonly kind: 'held-over' | 'sources-disagree' | 'lost-events';
  /** The event as the calendar names it; a human who confirms that one ends this one. */
  readonly eventId: string;
  /** When the calendar stopped saying so; absent where another one still does. */
  readonly sinceMs?: EpochMs;
}

/** What people start by hand, now. It concerns the group of its expectation alone, and is no release that a model could learn. */
export const manualKind = 'manual';

/** Where an event was read: the calendar's name, the line or component in it, and what the source says of itself. */
export interface EventSource {
  readonly calendar: string;
  readonly line?: number;
  readonly says: string;
}
