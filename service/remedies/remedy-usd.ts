/** What a remedy promises to pay until it ends. */
import { usdOfHolding } from '../../forecaster/cost.ts';
import type { Remedy } from '../../core/remedy.ts';
import type { EpochMs } from '../../core/time.ts';
import type { SystemOptions } from '../system-options.ts';

/** Everything but added capacity is free; what is not watched has no price. */
export function remedyUsd({ functions, prices }: SystemOptions, remedy: Remedy, nowMs: EpochMs): number {
  if (remedy.kind !== 'add-provisioned') return 0;
  const found = functions.find(({ spec }) => spec.key === remedy.key);
  const { concurrency, untilMs } = remedy;
  const held = { concurrency, fromMs: nowMs, untilMs: Math.max(nowMs, untilMs) };
  return found ? usdOfHolding(found.spec, prices, held) : 0;
}
