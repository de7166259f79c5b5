/**
 * What a breaker is, as the configuration says it: whose calls it stops, by what means, and how patient it is.
 *
 * Mental model: a breaker belongs to what is *called*. It stops calls over the edges that lead there, and nothing else is ever touched by it.
 */
import { endsOfEdge, isEdgeKey, type Incident } from '../../core/incident.ts';
import type { BreakerItemPlace, BreakerName } from '../../core/remedy.ts';
import type { FunctionKey } from '../../core/series-key.ts';

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

/** The breakers whose callee this incident is about: that and nothing else. An edge concerns those who call over it; a node, all who call it. */
export function breakersFor(incident: Incident, specs: readonly BreakerSpec[]): readonly BreakerSpec[] {
  return specs.filter((spec) => concerns(spec, incident));
}

export function concerns(spec: BreakerSpec, { origin }: Pick<Incident, 'origin'>): boolean {
  if (!isEdgeKey(origin)) return origin === spec.callee;
  const { caller, callee } = endsOfEdge(origin);
  return callee === spec.callee && (spec.callers.length === 0 || spec.callers.includes(caller));
}

/** The nodes on which an open breaker is felt: the callee and those who call it through it. `callers`: everybody known to call it. */
export function touchedBy(spec: BreakerSpec, callers: readonly string[]): readonly string[] {
  return [spec.callee, ...(spec.callers.length > 0 ? spec.callers : callers)];
}
