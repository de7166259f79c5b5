/** What a block's worth is in dollars, by a function's memory and the region's prices. */
import type { FunctionSpec, Prices } from '../../core/function-spec.ts';
import { msPerSecond } from '../../core/time.ts';
import type { BlockWorth } from '../block-worth.ts';
import { billingPeriodMs, usdPerEnvironmentSecond } from '../cost.ts';

export interface UsdRates {
  /** Holding one environment for a block of five minutes, used or not. */
  readonly usdPerBlock: number;
  /** A second of run time on demand, over what it costs on provisioned concurrency. */
  readonly usdPerBusySecond: number;
  /** An environment that is started on demand: its initialisation is billed, and what it costs the business where somebody said so. */
  readonly usdPerColdStart: number;
  /** One that is initialised for provisioned concurrency. */
  readonly usdPerRaise: number;
}

/**
 * Initialisation is billed on demand as run time is, since August 2025 for every kind of function; before provisioned concurrency serves it is billed too.
 * An environment that is busy for 60 % of a block pays for itself: (300 s × 0.6) × (16.6667 − 9.7222) = 300 s × 4.1667.
 */
export function usdRatesOf(spec: FunctionSpec, prices: Prices): UsdRates {
  const { onDemand, provisionedDuration } = prices.usdPerGbSecond[spec.architecture];
  const gb = spec.memoryMb / 1024;
  const initSeconds = spec.initDurationMs / msPerSecond;
  const usdStated = spec.spillTarget.kind === 'usdPerColdStart' ? spec.spillTarget.usd : 0;
  return {
    usdPerBlock: (billingPeriodMs / msPerSecond) * usdPerEnvironmentSecond(spec, prices),
    usdPerBusySecond: gb * (onDemand - provisionedDuration),
    usdPerColdStart: gb * initSeconds * onDemand + usdStated,
    usdPerRaise: gb * initSeconds * provisionedDuration,
  };
}

/**
 * Dollars that each environment saves in a block, spilled requests and the price of holding left out. Non-increasing over concurrency.
 *
 * Where duration costs no less on provisioned concurrency, run time saves nothing.
 */
export function usdSavedIn(
  { busySeconds, coldStartsAvoided }: BlockWorth,
  { usdPerBusySecond, usdPerColdStart }: UsdRates,
  { countsColdStarts }: { readonly countsColdStarts: boolean },
): Float64Array {
  const usd = new Float64Array(Math.max(busySeconds.length, countsColdStarts ? coldStartsAvoided.length : 0));
  const perBusySecond = Math.max(0, usdPerBusySecond);
  for (let c = 0; c < usd.length; c++) {
    usd[c] = (busySeconds[c] ?? 0) * perBusySecond;
    if (countsColdStarts) usd[c]! += (coldStartsAvoided[c] ?? 0) * usdPerColdStart;
  }
  return usd;
}
