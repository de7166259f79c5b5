/**
 * What a model is: numbers and market events in, quantiles out. It has never heard of Lambda, and it is able to sleep: restored from its
 * snapshot it answers exactly as before.
 *
 * A model learns its series as one unbroken line of buckets; a forecast is issued at the end of what was learned (the origin), and so
 * cannot read past it.
 */
import type { QuantilePath } from '../core/forecast.ts';
import type { Json } from '../core/json.ts';
import type { MarketEvent } from '../core/market-event.ts';
import type { SessionClock } from '../core/session-clock.ts';
import type { EpochMs } from '../core/time.ts';
import type { VolumeSeries } from '../core/volume-series.ts';
import type { EventResponse } from './event-response.ts';

export interface Observation {
  /** The next block: it starts where the last one ended, or later (what lies between counts as not recorded). */
  readonly volume: VolumeSeries;
  /**
   * 1 for each bucket whose value is a lower bound: capacity was exhausted, and nobody knows how many more would have come. It lowers no level. None where absent.
   */
  readonly isAtLeast?: Uint8Array;
  /** The calendar as it is known now, at least within 3 h of the block on both sides, and only what concerns this series. */
  readonly events: readonly MarketEvent[];
}

/** The buckets asked for: they may start later than the origin, and end at most 36 h after it. */
export interface Horizon {
  readonly fromMs: EpochMs;
  readonly stepMs: number;
  readonly stepCount: number;
  /** Ascending, each inside (0, 1). */
  readonly levels: readonly number[];
  /** The calendar as it is known at the origin, at least within 3 h of the horizon on both sides. */
  readonly events: readonly MarketEvent[];
}

/** An expected answer, with a reason for people. */
export interface NotReady {
  readonly notReady: string;
}

export interface Model {
  learn(observation: Observation): void;
  /** Changes nothing: asking twice gives the same answer. */
  forecast(horizon: Horizon): QuantilePath | NotReady;
  snapshot(): Json;
}

export interface ModelOptions {
  /** Bucket length of the series that it will learn: whole minutes that divide half an hour. */
  readonly stepMs: number;
  readonly clock: SessionClock;
  /** Shared by the models of one calendar, so that they learn from each other's events. Alone when absent. */
  readonly eventResponse?: EventResponse;
  /** The series' own name in the shared event response. */
  readonly seriesName?: string;
}

export interface ModelEntry {
  /** Name and version, as written into forecasts and records. */
  readonly version: string;
  create(options: ModelOptions, snapshot?: Json): Model;
}

export function isNotReady(answer: QuantilePath | NotReady): answer is NotReady {
  return 'notReady' in answer;
}

/** The longest way ahead that a model is asked to see. */
export const horizonMsMax = 36 * 3_600_000;
