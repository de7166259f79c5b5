/**
 * How much provisioned concurrency a function's demand asks for, before any limit: the target that its operator set, turned into a level of
 * the forecast and a share of spilled requests.
 */
import type { Forecast } from '../core/forecast.ts';
import type { FunctionSpec, SpillTarget } from '../core/function-spec.ts';
import type { EpochMs } from '../core/time.ts';
import { billingPeriodMs, newsvendorLevel } from './cost.ts';
import { serversFor } from './erlang.ts';
import { createDemand } from './offered-load.ts';

/** Lambda spills from provisioned concurrency at this rate for each environment, idle or not (AWS: Understanding function scaling). */
const requestsPerSecondPerEnvironment = 10;

/**
 * Where a cold start has a price, the forecast's level carries it; inside one path of demand the fleet must then hold the busiest moment,
 * because an overflow environment stays warm and only the greatest overflow counts. At 0.1 % of the busiest second's arrivals that is about
 * three standard deviations above the mean number busy, the greatest of some thousand draws.
 */
const spilloverRatioInsidePath = 0.001;

export interface Need {
  readonly concurrency: number;
  /** Which of the two asked for more. */
  readonly limit: 'concurrency' | 'rate';
  readonly arrivalsPerSecond: number;
  readonly offeredLoad: number;
}

/** Nothing is asked of capacity. */
export const noNeed: Need = { concurrency: 0, limit: 'concurrency', arrivalsPerSecond: 0, offeredLoad: 0 };

export interface Target {
  /** The quantile of demand to be ready for. */
  readonly level: number;
  readonly spilloverRatioMax: number;
}

/**
 * The level and the share of spilled requests that a spill target stands for. `quantile` is used where the operator stated a share: the share
 * is kept at that quantile of demand. `usdPerEnvironment`: holding the environment that only the peak needs, once.
 */
export function targetOf(
  spillTarget: SpillTarget,
  given: { readonly quantile: number; readonly usdPerEnvironment: number },
): Target {
  if (spillTarget.kind === 'spilloverRatioMax') return { level: given.quantile, spilloverRatioMax: spillTarget.ratio };
  const level = newsvendorLevel({ usdPerEnvironment: given.usdPerEnvironment, usdPerColdStart: spillTarget.usd });
  return { level, spilloverRatioMax: spilloverRatioInsidePath };
}

/** The least concurrency that keeps to the share at this peak, and at least a tenth of the request rate. */
export function concurrencyFor(demand: {
  readonly arrivalsPerSecond: number;
  readonly offeredLoad: number;
  readonly spilloverRatioMax: number;
}): Need {
  const { arrivalsPerSecond, offeredLoad, spilloverRatioMax } = demand;
  const servers = serversFor({ offeredLoad, blockingRatioMax: spilloverRatioMax });
  const forRate = Math.ceil(arrivalsPerSecond / requestsPerSecondPerEnvironment);
  return {
    concurrency: Math.max(servers, forRate),
    limit: forRate > servers ? 'rate' : 'concurrency',
    arrivalsPerSecond,
    offeredLoad,
  };
}

export interface NeedByBlock {
  /** The level of the forecast that was read. */
  readonly level: number;
  readonly untilMs: EpochMs;
  /** What the busiest second of the billing block asks for; remembered, since windows look twice. */
  needIn(blockAtMs: EpochMs): Need;
}

export function needByBlock(spec: FunctionSpec, forecast: Forecast, target: Target): NeedByBlock {
  const demand = createDemand({ path: forecast, level: target.level, runDurationMs: spec.runDurationMs });
  const known = new Map<EpochMs, Need>();
  return {
    level: demand.level,
    untilMs: demand.untilMs,
    needIn(blockAtMs) {
      const found = known.get(blockAtMs);
      if (found) return found;
      const peak = demand.peakWithin(blockAtMs, blockAtMs + billingPeriodMs);
      const need = concurrencyFor({ ...peak, spilloverRatioMax: target.spilloverRatioMax });
      known.set(blockAtMs, need);
      return need;
    },
  };
}
