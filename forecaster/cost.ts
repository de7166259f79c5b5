/** What provisioned concurrency costs. */
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
