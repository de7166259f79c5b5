/**
 * What a breaker is, as the configuration says it: whose calls it stops, by what means, and how patient it is.
 *
 * Mental model: a breaker belongs to what is *called*. It stops calls over the edges that lead there, and nothing else is ever touched by it.
 */
import type { BreakerItemPlace, BreakerName } from './remedy.ts';
import type { FunctionKey } from './series-key.ts';

/**
 * `shared-state`: callers read it (over HTTP always, and in these tables), so it costs nothing to renew and ends by itself. `alias-weight`: calls go to
 * another version of the callee. `reserved-concurrency`: the last resort, everything above so many calls at a time is refused by AWS.
 */
export type BreakerEnactment =
  | { readonly kind: 'shared-state'; readonly places: readonly BreakerItemPlace[] }
  | { readonly kind: 'alias-weight'; readonly key: FunctionKey; readonly fallbackVersion: string }
  | { readonly kind: 'reserved-concurrency'; readonly key: FunctionKey; readonly concurrency: number };

export interface BreakerSpec {
  readonly name: BreakerName;
  /** As the keys of edges name it: `dynamodb/orders`, `service:ledger`, a function. */
  readonly callee: string;
  /** Keys of those who call through it; none: everybody does. */
  readonly callers: readonly string[];
  readonly enactment: BreakerEnactment;
  /** Fewer calls than this say nothing. */
  readonly requestCountMin: number;
  /** Share of calls that has to be harmed before all are stopped, 0…1. */
  readonly harmedRatioMin: number;
  /** How far back calls are counted, at most; never before the trouble began. */
  readonly windowMs: number;
  /** For so long nothing goes through at first; twice as long after each trickle that was harmed. */
  readonly holdOffMs: number;
  readonly holdOffMsMax: number;
  /** Ascending, each above 0 and below 1: the first is the trickle while open, the others are half-open in turn; after the last it is closed. */
  readonly probeShares: readonly number[];
  /** Each share is looked at for at least so long… */
  readonly probeMs: number;
  /** …and over so many calls; where fewer come, `quietMs` is waited out and the calls there are decide. */
  readonly probeCountMin: number;
  readonly quietMs: number;
  /** A share is harmed above this, or above three times what is usual. */
  readonly probeHarmedRatioMax: number;
  /** Until clients have heard of a change: what comes before says nothing about it. */
  readonly settleMs: number;
  /** A standing means nothing after it; renewed each third of it. */
  readonly leaseMs: number;
}

/** What keeps breakers few. */
export interface BreakerGuards {
  /** Share of functions that open breakers may touch together. One breaker may always be open, however small the fleet. */
  readonly openRatioMax: number;
  /** More of the fleet than this in trouble of other kinds: nobody knows what is going on, and none opens. */
  readonly panicRatioMin: number;
}
