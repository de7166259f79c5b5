/**
 * What a model answers: for each coming bucket, the value that demand stays under with a given probability.
 */
import type { EpochMs } from './time.ts';
import type { FunctionKey } from './series-key.ts';

/** Quantiles of arrivals (a count a bucket, not concurrency) over a horizon. */
export interface QuantilePath {
  readonly fromMs: EpochMs;
  readonly stepMs: number;
  /** Ascending, each inside (0, 1). */
  readonly levels: readonly number[];
  /** [step][level]; ascending along levels, never negative, never NaN. */
  readonly requestCount: readonly (readonly number[])[];
}

export interface Forecast extends QuantilePath {
  readonly key: FunctionKey;
  readonly issuedAtMs: EpochMs;
  /** Name and version of the model. */
  readonly model: string;
}

/** The levels that a model keeps by itself: 19 inside, four in the tail beyond 0.95 where capacity is decided. */
export const standardLevels: readonly number[] = [
  0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.975,
  0.99, 0.995, 0.999,
];
