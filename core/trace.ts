/** Whole traces, as far as they are known afterwards: what an explanation reads. Detection folds spans into windows and never sees these. */
import type { EpochMs } from './time.ts';

export interface TraceSpan {
  /** Place of the parent in the same trace, which is before this one; -1 for a root, or where the parent is missing. */
  readonly parent: number;
  /** Who ran it: a function, a service. */
  readonly node: string;
  readonly operation: string;
  readonly startsAtMs: EpochMs;
  readonly durationMs: number;
  readonly isFailed: boolean;
}

export interface Trace {
  readonly id: string;
  readonly startsAtMs: EpochMs;
  readonly spans: readonly TraceSpan[];
}
