/**
 * What provisioned concurrency costs, and how sure of it one should be for that price.
 */
import { assert } from '../core/assert.ts';
import type { FunctionSpec, Prices } from '../core/function-spec.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';

/** Configured time is rounded up to whole periods of five minutes (AWS Lambda pricing); plans step on the same grid. */
export const billingPeriodMs = 5 * msPerMinute;

type Priced = Pick<FunctionSpec, 'memoryMb' | 'architecture'>;

/**
 * Price in dollars of holding `concurrency` environments over [fromMs, untilMs), used or not, the length rounded up to whole billing periods.
 * Whether a change of the amount opens a period of its own is not documented; each step is priced as if it did. Not counted: that duration on
 * provisioned environments is cheaper than on demand (worth the whole price from 60 % utilisation on).
 */
export function usdOfHolding(
  spec: Priced,
  prices: Prices,
  held: { readonly concurrency: number; readonly fromMs: EpochMs; readonly untilMs: EpochMs },
): number {
  assert(held.untilMs >= held.fromMs, 'holding ends after it starts');
  const seconds = (Math.ceil((held.untilMs - held.fromMs) / billingPeriodMs) * billingPeriodMs) / msPerSecond;
  return held.concurrency * seconds * usdPerEnvironmentSecond(spec, prices);
}

export function usdPerEnvironmentSecond(spec: Priced, prices: Prices): number {
  return (spec.memoryMb / 1024) * prices.usdPerGbSecond[spec.architecture].provisioned;
}

/**
 * How sure to be that capacity suffices, when each missing environment costs one cold start: the newsvendor's critical ratio. One more
 * environment costs its price for certain and saves `usdPerColdStart` with the probability that demand passes it; the two balance at
 * 1 − usdPerEnvironment / usdPerColdStart.
 *
 * Kept within [0.5, 0.999]: under the median it would be no preparation at all, and beyond 0.999 forecasts know nothing.
 *
 * - Arrow, Harris & Marschak, Optimal Inventory Policy, Econometrica 19 (1951).
 */
export function newsvendorLevel(usd: { readonly usdPerEnvironment: number; readonly usdPerColdStart: number }): number {
  assert(usd.usdPerEnvironment >= 0, 'a price is not negative');
  return Math.min(0.999, Math.max(0.5, 1 - usd.usdPerEnvironment / usd.usdPerColdStart));
}
