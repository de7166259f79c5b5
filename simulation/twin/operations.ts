/**
 * What each operation of the control plane checks, changes and answers. The order of the checks is the recorded one: values first, then
 * whether the thing exists, then conflicts, then limits.
 */
import type { EpochMs } from '../../core/time.ts';
import {
  answer,
  conflict,
  invalidMember,
  invalidParameter,
  noConfigFound,
  notFound,
  overLimit,
  type TwinResponse,
} from './answer.ts';
import { aliasBody, codeSizeBytes, configBody, configurationBody } from './bodies.ts';
import { isVersion, type FunctionRecord, type FunctionRegistry } from './function-registry.ts';
import type { TwinParams } from './limits.ts';
import { claimedBy, putConfig } from './provisioned-config.ts';
import { concurrencyIn, pageOf, qualifierIn, type Call, type OperationName } from './routes.ts';

type Operation = (call: Call, nowMs: EpochMs) => TwinResponse;

interface OperationContext {
  readonly registry: FunctionRegistry;
  readonly params: TwinParams;
  /** Says that the provisioned concurrency of a function has changed. */
  readonly tell: (record: FunctionRecord, atMs: EpochMs) => void;
}

const latest = '$LATEST';

export function createOperations(context: OperationContext): Record<OperationName, Operation> {
  const { registry } = context;
  return {
    PutProvisionedConcurrencyConfig: (call, nowMs) => putProvisioned(context, call, nowMs),
    GetProvisionedConcurrencyConfig: (call) => {
      const { record, qualifier } = provisionable(
        registry,
        call,
        'The function resource provided must be an alias or a published version.',
      );
      const config = record.configs.get(qualifier);
      if (!config) throw noConfigFound();
      return answer(200, configBody(config));
    },
    DeleteProvisionedConcurrencyConfig: (call, nowMs) => {
      const { record, qualifier } = provisionable(
        registry,
        call,
        'The function resource provided must be an alias or a published version.',
      );
      if (record.configs.delete(qualifier)) context.tell(record, nowMs);
      return answer(204);
    },
    ListProvisionedConcurrencyConfigs: (call) => listProvisioned(registry, call),
    GetAlias: (call) => getAlias(registry, call),
    GetFunctionConfiguration: (call) => getConfiguration(registry, call),
    GetAccountSettings: () => getAccountSettings(context),
  };
}

function putProvisioned({ registry, params, tell }: OperationContext, call: Call, nowMs: EpochMs): TwinResponse {
  const concurrency = concurrencyIn(call.body);
  const { record, qualifier } = provisionable(
    registry,
    call,
    'Provisioned Concurrency Configs cannot be applied to unpublished function versions.',
  );
  refuseConflicts(record, qualifier);
  refuseOverLimits({ registry, params, record, qualifier, concurrency });
  const config = putConfig(record.configs.get(qualifier), {
    concurrency,
    nowMs,
    initDurationMs: record.spec.initDurationMs,
    preparationRatio: record.random.next(),
    params,
  });
  record.configs.set(qualifier, config);
  tell(record, nowMs);
  return answer(202, configBody(config));
}

/** The function and qualifier of a call about provisioned concurrency, which an unpublished version cannot have. */
function provisionable(
  registry: FunctionRegistry,
  call: Call,
  refusalOfLatest: string,
): { readonly record: FunctionRecord; readonly qualifier: string } {
  const { functionName, qualifier } = registry.nameIn(call.functionName, qualifierIn(call));
  if (qualifier === undefined) throw invalidMember('null', 'qualifier', 'Member must not be null');
  if (qualifier === latest) throw invalidParameter(refusalOfLatest);
  return { record: registry.findQualified(functionName, qualifier), qualifier };
}

/** A version has provisioned concurrency by itself or through one alias, and an alias in the middle of a deployment takes none. */
function refuseConflicts(record: FunctionRecord, qualifier: string): void {
  const alias = record.aliases.get(qualifier);
  if (alias?.additionalVersionWeights) {
    throw invalidParameter('Alias with weights can not be used with Provisioned Concurrency');
  }
  if (alias && record.configs.has(alias.functionVersion)) {
    throw conflict("Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version");
  }
  const isPointedAt = [...record.configs.keys()].some(
    (other) => record.aliases.get(other)?.functionVersion === qualifier,
  );
  if (isPointedAt) throw conflict('Version is pointed by a Provisioned Concurrency alias');
}

interface Asked {
  readonly registry: FunctionRegistry;
  readonly params: TwinParams;
  readonly record: FunctionRecord;
  readonly qualifier: string;
  readonly concurrency: number;
}

/** Inside the function's reservation where it has one, else inside what the account has unreserved, less the 100 that stay free. */
function refuseOverLimits({ registry, params, record, qualifier, concurrency }: Asked): void {
  const before = record.configs.get(qualifier);
  const ownBefore = before ? claimedBy(before) : 0;
  const { reservedConcurrency } = record.spec;
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

function listProvisioned(registry: FunctionRegistry, call: Call): TwinResponse {
  const { functionName } = registry.nameIn(call.functionName, undefined);
  const items = [...registry.find(functionName).configs].map(([qualifier, config]) => ({
    FunctionArn: registry.arnOf(functionName, qualifier),
    ...configBody(config),
  }));
  const { page, nextMarker } = pageOf(items, call.query);
  return answer(200, {
    ProvisionedConcurrencyConfigs: page,
    ...(nextMarker !== undefined && { NextMarker: nextMarker }),
  });
}

function getAlias(registry: FunctionRegistry, call: Call): TwinResponse {
  const { functionName } = registry.nameIn(call.functionName, undefined);
  if (isVersion(call.aliasName) || !/^[a-zA-Z0-9-_]{1,128}$/.test(call.aliasName)) {
    const constraint = 'Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)';
    throw invalidMember(`'${call.aliasName.slice(0, 200)}'`, 'name', constraint);
  }
  const record = registry.findQualified(functionName, call.aliasName);
  return answer(200, aliasBody(record.aliases.get(call.aliasName)!, registry.arnOf(functionName, call.aliasName)));
}

function getConfiguration(registry: FunctionRegistry, call: Call): TwinResponse {
  const { functionName, qualifier } = registry.nameIn(call.functionName, qualifierIn(call));
  const arn = registry.arnOf(functionName, qualifier);
  const record = registry.records.get(functionName);
  const version = record && versionBehind(record, qualifier);
  if (version === undefined) throw notFound(`Function not found: ${arn}`);
  return answer(200, configurationBody(record!, { arn, version, place: registry.place }));
}

function getAccountSettings({ registry, params }: OperationContext): TwinResponse {
  const provisioned = params.unreservedSubtractsProvisioned ? provisionedTotal(registry) : 0;
  return answer(200, {
    AccountLimit: {
      TotalCodeSize: 80_530_636_800,
      CodeSizeUnzipped: 262_144_000,
      CodeSizeZipped: 52_428_800,
      ConcurrentExecutions: params.accountConcurrency,
      UnreservedConcurrentExecutions: params.accountConcurrency - reservedTotal(registry) - provisioned,
    },
    AccountUsage: { TotalCodeSize: registry.records.size * codeSizeBytes, FunctionCount: registry.records.size },
  });
}

function versionBehind(record: FunctionRecord, qualifier: string | undefined): string | undefined {
  if (qualifier === undefined || qualifier === latest) return latest;
  if (isVersion(qualifier)) return record.versions.has(qualifier) ? qualifier : undefined;
  return record.aliases.get(qualifier)?.functionVersion;
}

/** What all configurations of a function take out of the account together. */
export function claimedOf(record: FunctionRecord): number {
  return [...record.configs.values()].reduce((sum, config) => sum + claimedBy(config), 0);
}

function reservedTotal({ records }: FunctionRegistry): number {
  return [...records.values()].reduce((sum, { spec }) => sum + (spec.reservedConcurrency ?? 0), 0);
}

/** Provisioned concurrency of functions without a reservation: that of the others counts inside their reservation. */
function provisionedTotal({ records }: FunctionRegistry): number {
  return [...records.values()]
    .filter(({ spec }) => spec.reservedConcurrency === undefined)
    .reduce((sum, record) => sum + claimedOf(record), 0);
}
