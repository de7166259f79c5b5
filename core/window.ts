/**
 * What was seen of one thing in one second, folded from its spans: counts, and how long they took. What collectors seal and detectors judge.
 *
 * Mental model: a delta is what *arrived* since the last tick about one second of *event time* (the second in which the spans ended). Deltas of one key
 * and second add up; later ones correct what was judged before. Nothing here is a zero that nobody saw: no delta means no data, not no traffic.
 */
import type { FunctionKey } from './series-key.ts';
import type { EpochMs } from './time.ts';

/** What is not a Lambda function: a container, a gateway, by its `service.name`. */
export type ServiceKey = `service:${string}`;

/** Who runs code and sends spans of it. */
export type NodeKey = FunctionKey | ServiceKey;

/** One direction of calls: `edge:<caller>><callee>`. The caller is a node; the callee is a node where it is known, else what the CLIENT span names (`dynamodb/orders`, `sqs/fills`, a host). */
export type EdgeKey = `edge:${string}>${string}`;

/** A measure of the business, by its name in the configuration and the value of its key attribute: `signal:reject-ratio/algo-7`. */
export type SignalKey = `signal:${string}/${string}`;

export type WindowKey = NodeKey | EdgeKey | SignalKey;

/**
 * Places and counts of a histogram (histogram.ts) in turn, `[bucket, count, bucket, count, …]`, places ascending. Counts are adjusted for sampling and
 * need not be whole.
 */
export type PackedHistogram = readonly number[];

export interface WindowDelta {
  readonly key: WindowKey;
  /** Start of the second in which its spans ended. */
  readonly secondAtMs: EpochMs;
  /** Who sent the spans, by the name of its token: another sender is another observer only where it watches another side. */
  readonly sender: string;
  /** Spans that were received. The only whole count: all others are adjusted for sampling. */
  readonly spanCount: number;
  /**
   * Requests that the spans stand for; undefined where the sender samples in a way that nobody knows: then all counts here are of spans, fit for shares and
   * shapes, never for rates or demand.
   */
  readonly requestCount?: number;
  /** Failed spans; throttled ones may be among them. For a signal that is a ratio: those of which its condition holds. */
  readonly errorCount: number;
  /**
   * Refused for lack of room. A function's own spans never show it, since it did not run: those that its callers' spans saw are counted here too, and in no
   * other count of the function, so that a delta of a function may have throttles alone.
   */
  readonly throttleCount: number;
  /** Initialisations on demand. Those of provisioned concurrency are counted apart: our own pre-warm is not a storm. */
  readonly coldStartCount: number;
  /** Those among them of which no span said whether a request waited; absent where there are none. What we ourselves warmed may be among them. */
  readonly untypedInitCount?: number;
  readonly provisionedInitCount: number;
  /** Messages that were given up: sent to a dead-letter queue or an on-failure destination, where spans show it. */
  readonly deadLetterCount: number;
  /** End less start. For a signal that is a quantity: its values. */
  readonly durationMs: PackedHistogram;
  /** Of a node: what is left of its spans' time without the CLIENT spans under them in the same batch, added up; undefined where none was seen whole. */
  readonly selfMsSum?: number;
  /** Added up over spans: time, and for a signal its values. */
  readonly valueSum: number;
  /** Hashes of the execution environments (`faas.instance`) seen, 32 bits each, ascending; at most 1,024 of them. */
  readonly instances?: readonly number[];
  /** Spans by `faas.version`, at most eight. */
  readonly versions?: Readonly<Record<string, number>>;
  /** Trace ids worth showing: of the slowest and of the failed, at most two each. */
  readonly examples: { readonly slowest: readonly string[]; readonly failed: readonly string[] };
}
