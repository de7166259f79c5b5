/** What a plan has to keep to at one instant: the operator's limits, the account's, and the prices that dollars are counted in. */
import type { Limits, Prices, SharedResource } from '../core/function-spec.ts';
import type { AccountLimits } from '../core/ports.ts';
import type { EpochMs } from '../core/time.ts';

export interface LimitsInForce {
  readonly nowMs: EpochMs;
  readonly limits: Limits;
  readonly prices: Prices;
  readonly account: AccountCapacity;
  /** What stands behind the functions. */
  readonly sharedResources?: readonly SharedResource[];
}

/** `unreservedConcurrency`: the limit less all reservations; provisioned concurrency is taken out of it here. */
export interface AccountCapacity extends AccountLimits {
  /** Held by others on functions without reserved concurrency. */
  readonly otherProvisioned: number;
}
