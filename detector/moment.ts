/**
 * All that a detector may know at one tick about one key: what arrived, what stands in its live seconds, what is usual, what is expected, what we did.
 */
import type { MarketEvent } from '../core/market-event.ts';
import type { EpochMs } from '../core/time.ts';
import type { WindowDelta, WindowKey } from '../core/window.ts';
import type { LearningMinute } from './learning-minute.ts';
import type { LiveRing } from './live-windows.ts';
import type { UsualRate } from './usual-rate.ts';
import type { UsualShape } from './usual-shape.ts';

/** What arrived since the last tick, counted in spans as they were received: evidence counts what was seen, not what it stands for. */
export interface Arrived {
  readonly spanCount: number;
  readonly errorCount: number;
  readonly throttleCount: number;
  readonly coldStartCount: number;
  readonly deadLetterCount: number;
  /** The second that most of it is about. */
  readonly secondAtMs: EpochMs;
  /**
   * The second that most of what is bad in it (failed, throttled, given up, slow) is about, the oldest of equals: late spans of a fault that is over speak of
   * then, in whatever good company they come. Where nothing is bad: `secondAtMs`.
   */
  readonly worstSecondAtMs: EpochMs;
  readonly deltas: readonly WindowDelta[];
}

/** Demand of this minute as the event-conditioned forecast has it: a rate stays under `requestsPerSecond[i]` with probability `levels[i]`. */
export interface ExpectedRate {
  readonly levels: readonly number[];
  readonly requestsPerSecond: readonly number[];
}

/** Provisioned concurrency that is wanted for what comes next, and what was last seen of it. */
export interface CapacitySeen {
  readonly concurrencyWanted: number;
  readonly concurrencyReady: number;
  readonly isFailed: boolean;
  readonly eventId: string;
  readonly eventAtMs: EpochMs;
  /** When we last looked; undefined: never. */
  readonly seenAtMs: EpochMs | undefined;
}

/** What we did, or asked for: initialisations and cold starts that follow from it are ours. */
export interface OwnAction {
  readonly kind: string;
  readonly atMs: EpochMs;
  readonly untilMs: EpochMs;
}

export interface Moment {
  readonly nowMs: EpochMs;
  readonly key: WindowKey;
  readonly arrived: Arrived;
  readonly live: LiveRing;
  /** Seconds of which all came that will come, by this key's own delay: [fromMs, untilMs). Rates are judged on these alone. */
  readonly settledFromMs: EpochMs;
  readonly settledUntilMs: EpochMs;
  readonly usualRate: UsualRate;
  readonly usualShape: UsualShape;
  /**
   * A minute that ended a minute ago, and in which and after which nobody had a doubt: to be learned. A doubt about how many calls there are is one for those
   * alone who judge that: a surge that harms nobody does not keep from learning how calls look.
   */
  readonly clean: LearningMinute | undefined;
  /**
   * Requests that were slow because an environment started cold, of this key or of the function at the end of this edge, and not yet set off against
   * slow spans: cold starts have a detector of their own.
   */
  readonly coldRequestCount: number;
  /** Of the minute of that instant. */
  readonly expectedAt: (atMs: EpochMs) => ExpectedRate | undefined;
  /** Spans received for a request, lately: 1 where all are. */
  readonly spanRatio: number;
  readonly capacity: CapacitySeen | undefined;
  readonly ownActions: readonly OwnAction[];
  /** From half an hour before their start to an hour after it. */
  readonly events: readonly MarketEvent[];
  /** What a busy millisecond of this function costs; undefined where its memory is not known. */
  readonly usdPerBusyMs: number | undefined;
  readonly usdPerHourLimit: number | undefined;
}
