/**
 * Reserved concurrency, and what an account may use. Without a reservation Lambda answers `{}`: absent is not 0, which throttles everything.
 */
import type { EpochMs } from '../../core/time.ts';
import { provisionedTotal, refuseReservationOverLimits, reservedTotal } from './account-room.ts';
import { answer, invalidParameter, notFound, type TwinResponse } from './answer.ts';
import { latest, type FunctionRecord } from './function-registry.ts';
import type { OperationContext } from './operations.ts';
import { inRange, integerIn, membersIn, required } from './request-body.ts';
import { qualifierIn, type Call } from './routes.ts';

export function putReserved(context: OperationContext, call: Call, nowMs: EpochMs): TwinResponse {
  const { registry, params, tell } = context;
  const functionName = unqualified(context, call);
  const wanted = integerIn(membersIn(call.body), 'ReservedConcurrentExecutions');
  const record = registry.records.get(functionName);
  // Recorded: a Put looks for `$LATEST`, and before it looks at the number.
  if (!record) throw notFound(`Function not found: ${registry.arnOf(functionName, latest)}`);
  const name = 'ReservedConcurrentExecutions';
  const concurrency = inRange(required(wanted, name), name, { min: 0 });
  refuseReservationOverLimits({ registry, params, record, concurrency });
  record.reservedConcurrency = concurrency;
  tell(record, nowMs);
  return answer(200, reservedBody(record));
}

export function getReserved(context: OperationContext, call: Call): TwinResponse {
  return answer(200, reservedBody(context.registry.find(unqualified(context, call))));
}

export function deleteReserved(context: OperationContext, call: Call, nowMs: EpochMs): TwinResponse {
  const record = context.registry.find(unqualified(context, call));
  record.reservedConcurrency = undefined;
  context.tell(record, nowMs);
  return answer(204);
}

export function reservedBody({ reservedConcurrency }: FunctionRecord): object {
  return reservedConcurrency === undefined ? {} : { ReservedConcurrentExecutions: reservedConcurrency };
}

export function getAccountSettings({ registry, params }: OperationContext): TwinResponse {
  const provisioned = params.unreservedSubtractsProvisioned ? provisionedTotal(registry) : 0;
  const versions = [...registry.records.values()].flatMap((record) => [record.latest, ...record.versions.values()]);
  return answer(200, {
    AccountLimit: {
      TotalCodeSize: 80_530_636_800,
      CodeSizeUnzipped: 262_144_000,
      CodeSizeZipped: 52_428_800,
      ConcurrentExecutions: params.accountConcurrency,
      UnreservedConcurrentExecutions: params.accountConcurrency - reservedTotal(registry) - provisioned,
    },
    AccountUsage: {
      TotalCodeSize: versions.reduce((sum, { settings }) => sum + settings.codeBytes, 0),
      FunctionCount: registry.records.size,
    },
  });
}

function unqualified({ registry }: OperationContext, call: Call): string {
  const { functionName, qualifier } = registry.nameIn(call.functionName, qualifierIn(call));
  if (qualifier !== undefined) {
    throw invalidParameter(
      'This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.',
    );
  }
  return functionName;
}
