/**
 * Invocations by a caller of the control plane's port, for what they are told: which version ran, or that the reservation is used up. They are
 * not traffic: the world feeds that, and only that is served, counted and billed.
 *
 * The twin runs no code. An invocation that waits is answered at once; one of the kind `Event` is taken to run for the function's whole
 * time-out, the longest it may.
 */
import type { EpochMs } from '../../core/time.ts';
import { claimedOf } from './account-room.ts';
import { answer, invalidParameter, invocationThrottled, type TwinResponse } from './answer.ts';
import type { FunctionRecord } from './function-registry.ts';
import type { OperationContext } from './operations.ts';
import { qualifierIn, type Call } from './routes.ts';

export function invoke({ registry }: OperationContext, call: Call, nowMs: EpochMs): TwinResponse {
  const { functionName, qualifier } = registry.nameIn(call.functionName, qualifierIn(call));
  const { version, settings } = registry.findVersion(functionName, qualifier);
  const record = registry.find(functionName);
  const hasRoom = isProvisioned(record, qualifier) || roomOf(record, nowMs) > 0;
  const headers = { 'x-amz-executed-version': version };
  switch (call.invocationType) {
    case 'DryRun':
      return answer(204);
    case 'Event':
      // Taken into the queue in any case; without room it waits there.
      if (hasRoom && record.reservedConcurrency !== undefined) {
        const untilMs = nowMs + settings.timeoutSeconds * 1_000;
        record.eventRunsUntilMs = [...running(record, nowMs), untilMs];
      }
      return { status: 202, headers: {}, body: '' };
    case 'RequestResponse':
      if (!hasRoom) throw invocationThrottled();
      return { status: 200, headers: { 'content-type': 'application/json', ...headers }, body: 'null' };
    default:
      throw invalidParameter(`Unknown invocation type: ${call.invocationType.slice(0, 100)}`);
  }
}

/** Environments that stand for this very version or alias. */
function isProvisioned(record: FunctionRecord, qualifier: string | undefined): boolean {
  const target = record.aliases.get(qualifier ?? '')?.functionVersion;
  const config = record.configs.get(qualifier ?? '') ?? record.configs.get(target ?? '');
  return (config?.allocated ?? 0) > 0;
}

/** What is left of the reservation beside its provisioned part: nothing where all of it is provisioned. */
function roomOf(record: FunctionRecord, nowMs: EpochMs): number {
  const { reservedConcurrency } = record;
  if (reservedConcurrency === undefined) return Infinity;
  return reservedConcurrency - claimedOf(record) - running(record, nowMs).length;
}

function running({ eventRunsUntilMs }: FunctionRecord, nowMs: EpochMs): readonly EpochMs[] {
  return eventRunsUntilMs.filter((untilMs) => untilMs > nowMs);
}
