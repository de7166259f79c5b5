/**
 * What provisioned concurrency is worth to one function in one of Lambda's billing blocks: a table over concurrency, over the whole distribution of its
 * forecast. What it is worth in dollars, and who gets how much, is decided elsewhere.
 */
import type { EpochMs } from '../core/time.ts';

/**
 * One function in one billing block. All arrays run over concurrency: the entry at c is what the (c + 1)-th environment adds to c of them. Each is
 * non-increasing, and cut where nothing is left.
 */
export interface BlockWorth {
  readonly blockAtMs: EpochMs;
  /** Expected arrivals in the block. */
  readonly requestCount: number;
  /** Spilled requests that the (c + 1)-th environment avoids; over all c they sum to `requestCount`, for with none of them every request spills. */
  readonly spillAvoided: Float64Array;
  /** New on-demand environments (cold starts) that it avoids: overflow environments stay warm, so only what exceeds the overflow before counts. */
  readonly coldStartsAvoided: Float64Array;
  /** Seconds of run time that it takes over from on demand, where they cost more. */
  readonly busySeconds: Float64Array;
}
