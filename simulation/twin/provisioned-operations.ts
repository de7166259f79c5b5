/**
 * Provisioned concurrency of an alias or a version: Put, Get, Delete, List. The order of the checks is the recorded one: values first, then
 * whether the thing exists, then conflicts, then limits.
 */
import type { EpochMs } from '../../core/time.ts';
import { refuseProvisionedOverLimits } from './account-room.ts';
import {
  answer,
  conflict,
  invalidMember,
  invalidParameter,
  noConfigFound,
  type Refusal,
  type TwinResponse,
} from './answer.ts';
import { configBody } from './bodies.ts';
import { latest, type AliasRecord, type FunctionRecord, type FunctionRegistry } from './function-registry.ts';
import type { OperationContext } from './operations.ts';
import { moveConfig, putConfig, type PutOptions } from './provisioned-config.ts';
import { inRange, integerIn, membersIn, required } from './request-body.ts';
import { pageOf, provisionedPage, qualifierIn, type Call } from './routes.ts';

const notOnLatest = 'Provisioned Concurrency Configs cannot be applied to unpublished function versions.';
const onlyPublished = 'The function resource provided must be an alias or a published version.';

export function putProvisioned(context: OperationContext, call: Call, nowMs: EpochMs): TwinResponse {
  const { registry, params, tell } = context;
  const name = 'ProvisionedConcurrentExecutions';
  if (call.body === '') membersIn('null');
  // 0 is refused and is not a delete.
  const concurrency = inRange(required(integerIn(membersIn(call.body), name), name), name, { min: 1 });
  const { record, qualifier } = provisionable(registry, call, notOnLatest);
  refuseConflicts(record, qualifier);
  refuseProvisionedOverLimits({ registry, params, record, qualifier, concurrency });
  const config = putConfig(record.configs.get(qualifier), preparation(context, { record, concurrency, nowMs }));
  record.configs.set(qualifier, config);
  tell(record, nowMs);
  return answer(202, configBody(config));
}

export function getProvisioned({ registry }: OperationContext, call: Call): TwinResponse {
  const { record, qualifier } = provisionable(registry, call, onlyPublished);
  const config = record.configs.get(qualifier);
  if (!config) throw noConfigFound();
  return answer(200, configBody(config));
}

export function deleteProvisioned({ registry, tell }: OperationContext, call: Call, nowMs: EpochMs): TwinResponse {
  const { record, qualifier } = provisionable(registry, call, onlyPublished);
  if (record.configs.delete(qualifier)) {
    endMove(record, qualifier);
    tell(record, nowMs);
  }
  return answer(204);
}

export function listProvisioned({ registry }: OperationContext, call: Call): TwinResponse {
  const { functionName } = registry.nameIn(call.functionName, undefined);
  const items = [...registry.find(functionName).configs].map(([qualifier, config]) => ({
    FunctionArn: registry.arnOf(functionName, qualifier),
    ...configBody(config),
  }));
  const { page, next } = pageOf(items, call.query, provisionedPage);
  return answer(200, { ProvisionedConcurrencyConfigs: page, ...next });
}

/**
 * An alias is about to point at another version. Its provisioned concurrency goes with it and is IN_PROGRESS again without a Put; while the
 * old environments serve, the old version stays on the alias with all the weight. After a failure the alias stays like that, and takes no
 * Put, until its configuration is deleted or it moves once more.
 */
export function moveProvisioned(
  context: OperationContext,
  record: FunctionRecord,
  move: { readonly from: AliasRecord; readonly toVersion: string; readonly nowMs: EpochMs },
): Pick<AliasRecord, 'movingFrom'> {
  const { from, toVersion, nowMs } = move;
  const config = record.configs.get(from.name);
  if (!config || from.functionVersion === toVersion) return from.movingFrom === undefined ? {} : from;
  const served = from.movingFrom ?? from.functionVersion;
  const options = preparation(context, { record, concurrency: config.requested, nowMs });
  if (served === toVersion) {
    // Back to the version whose environments still stand: there is nothing to replace.
    record.configs.set(from.name, putConfig(config, options));
    return {};
  }
  record.configs.set(from.name, moveConfig(config, options));
  return context.params.aliasMoveKeepsServing ? { movingFrom: served } : {};
}

/** @throws Refusal when an alias that has provisioned concurrency may not point at that version. */
export function refuseMove(record: FunctionRecord, aliasName: string, toVersion: string): void {
  if (!record.configs.has(aliasName)) return;
  if (toVersion === latest) throw invalidParameter(notOnLatest);
  if (record.configs.has(toVersion)) throw onProvisionedVersion();
}

/** The alias is all at its version: nothing of another one serves it. */
export function endMove(record: FunctionRecord, qualifier: string): void {
  const alias = record.aliases.get(qualifier);
  if (alias?.movingFrom === undefined) return;
  const { movingFrom: _, ...settled } = alias;
  record.aliases.set(qualifier, settled);
}

function preparation(
  { params, faults }: OperationContext,
  { record, concurrency, nowMs }: { readonly record: FunctionRecord; concurrency: number; nowMs: EpochMs },
): PutOptions {
  const { initDurationMs, random } = record;
  const slowness = faults.slownessOf(record.name, nowMs);
  return { concurrency, nowMs, initDurationMs, preparationRatio: random.next(), slowness, params };
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
  if (alias?.additionalVersionWeights || alias?.movingFrom !== undefined) {
    throw invalidParameter('Alias with weights can not be used with Provisioned Concurrency');
  }
  if (alias?.functionVersion === latest) throw invalidParameter(notOnLatest);
  if (alias && record.configs.has(alias.functionVersion)) throw onProvisionedVersion();
  const isPointedAt = [...record.configs.keys()].some(
    (other) => record.aliases.get(other)?.functionVersion === qualifier,
  );
  if (isPointedAt) throw conflict('Version is pointed by a Provisioned Concurrency alias');
}

function onProvisionedVersion(): Refusal {
  return conflict("Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version");
}
