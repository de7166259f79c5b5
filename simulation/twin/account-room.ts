/**
 * The arithmetic of an account's concurrency: what functions reserve, what provisioned concurrency claims, and what is left.
 */
import { invalidParameter, overLimit } from './answer.ts';
import type { FunctionRecord, FunctionRegistry } from './function-registry.ts';
import type { TwinParams } from './limits.ts';
import { claimedBy } from './provisioned-config.ts';

/** What all configurations of a function take out of the account together. */
export function claimedOf(record: FunctionRecord): number {
  return [...record.configs.values()].reduce((sum, config) => sum + claimedBy(config), 0);
}

export function reservedTotal({ records }: FunctionRegistry): number {
  return [...records.values()].reduce((sum, { reservedConcurrency }) => sum + (reservedConcurrency ?? 0), 0);
}

/** Provisioned concurrency of functions without a reservation: that of the others counts inside their reservation. */
export function provisionedTotal({ records }: FunctionRegistry): number {
  return [...records.values()]
    .filter(({ reservedConcurrency }) => reservedConcurrency === undefined)
    .reduce((sum, record) => sum + claimedOf(record), 0);
}

export interface Wanted {
  readonly registry: FunctionRegistry;
  readonly params: TwinParams;
  readonly record: FunctionRecord;
  readonly concurrency: number;
}

/** Inside the function's reservation where it has one, else inside what the account has unreserved, less the 100 that stay free. */
export function refuseProvisionedOverLimits({
  registry,
  params,
  record,
  qualifier,
  concurrency,
}: Wanted & { readonly qualifier: string }): void {
  const before = record.configs.get(qualifier);
  const ownBefore = before ? claimedBy(before) : 0;
  const { reservedConcurrency } = record;
  if (reservedConcurrency !== undefined) {
    if (claimedOf(record) - ownBefore + concurrency > reservedConcurrency) {
      throw invalidParameter(
        'Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function',
      );
    }
    return;
  }
  const unreserved = params.accountConcurrency - reservedTotal(registry) - provisionedTotal(registry) + ownBefore;
  if (concurrency > unreserved) {
    throw overLimit(
      `Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [${unreserved}].`,
    );
  }
  if (unreserved - concurrency < params.unreservedConcurrencyMin) {
    throw overLimit(
      `Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [${params.unreservedConcurrencyMin}].`,
    );
  }
}

/** A reservation leaves the account its 100, and holds what is provisioned of the function already. */
export function refuseReservationOverLimits({ registry, params, record, concurrency }: Wanted): void {
  const own = record.reservedConcurrency ?? claimedOf(record);
  const unreserved = params.accountConcurrency - reservedTotal(registry) - provisionedTotal(registry) + own;
  // A reservation of nothing takes nothing, however short the account is.
  if (concurrency > 0 && unreserved - concurrency < params.unreservedConcurrencyMin) {
    throw overLimit(
      `Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [${params.unreservedConcurrencyMin}].`,
    );
  }
  const provisioned = claimedOf(record);
  if (concurrency < provisioned) {
    // The leading and the double space are the real service's.
    throw overLimit(
      ` ReservedConcurrentExecutions  ${concurrency} should not be lower than function's total provisioned concurrency [${provisioned}].`,
    );
  }
}
