/**
 * What a capacity policy is: from what could be seen by now, how much provisioned concurrency it wants. A policy never sees what is still to
 * come; the oracle alone is handed it, and is there as the measure of the others.
 *
 * A policy lives through all spans of a simulation in time order, so that it may go on learning between them.
 */
import type { MarketEvent } from '../../core/market-event.ts';
import type { FunctionSpec, Prices } from '../../core/function-spec.ts';
import { msPerSecond, type EpochMs } from '../../core/time.ts';
import type { VolumeSeries } from '../../core/volume-series.ts';
import type { Venue } from '../../calendar/venue.ts';
import type { MinuteMetrics } from './fleet.ts';
import type { OverflowCurve } from './overflow.ts';
import type { Span } from './spans.ts';

/** What stays the same through a whole simulation. */
export interface PolicyContext {
  readonly spec: FunctionSpec;
  readonly prices: Prices;
  /** Concurrent executions that the account may have. */
  readonly accountConcurrency: number;
  readonly requestsPerUnit: number;
  readonly stepMs: number;
  readonly venue: Venue;
  /** The whole calendar, sorted. */
  readonly events: readonly MarketEvent[];
  readonly symbols: readonly string[];
}

/** One stretch of time that is about to be simulated. */
export interface SpanStart {
  readonly span: Span;
  /** Volume that had ended when the span starts. */
  readonly history: VolumeSeries;
  /** What will come: how much of it would overflow, for every ten seconds of the span. For the oracle, and for nobody else. */
  readonly future: () => readonly OverflowCurve[];
}

export interface Moment {
  readonly nowMs: EpochMs;
  /** Volume of the span that has ended by now, in units of the history. */
  readonly volume: VolumeSeries;
  /** What CloudWatch shows of each minute of the span in which requests came, as late as it shows it. */
  readonly metrics: readonly MinuteMetrics[];
  /** Provisioned concurrency that was asked for last. */
  readonly requested: number;
  /** Since when all of it is READY; undefined while it is not. */
  readonly readySinceMs: EpochMs | undefined;
}

/** How often a policy is asked. */
export const decisionMs = 10 * msPerSecond;

export interface SpanPolicy {
  /** What stands READY as the span begins, because the policy has held it for long. */
  readonly initialLevel: number;
  /** Asked every `decisionMs`; undefined leaves things as they are. */
  levelAt(moment: Moment): number | undefined;
}

export interface Policy {
  /** Spans come in time order. */
  begin(start: SpanStart): SpanPolicy;
}

export interface PolicyParameter {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** A phrase for people. */
  readonly means: string;
}

export interface PolicyEntry<Name extends string = string> {
  readonly summary: string;
  /** It looks at metrics, so that it can be judged only where every request is served. */
  readonly isReactive?: true;
  readonly parameters: Readonly<Record<Name, PolicyParameter>>;
  create(settings: Readonly<Record<Name, number>>, context: PolicyContext): Policy;
}

/** Lets an entry's own parameter names be checked where it is written. */
export function policyEntry<const Name extends string>(entry: PolicyEntry<Name>): PolicyEntry {
  return entry;
}
