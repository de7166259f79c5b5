/**
 * Aliases: a name for a version, at times with a second version beside it that gets a share of the traffic.
 */
import type { EpochMs } from '../../core/time.ts';
import {
  answer,
  codeStorageExceeded,
  conflict,
  invalidMember,
  invalidParameter,
  notFound,
  preconditionFailed,
  type TwinResponse,
} from './answer.ts';
import { aliasBody } from './bodies.ts';
import {
  isVersion,
  latest,
  nextRevision,
  type AliasRecord,
  type AliasTarget,
  type FunctionRecord,
} from './function-registry.ts';
import type { OperationContext } from './operations.ts';
import { moveProvisioned, refuseMove } from './provisioned-operations.ts';
import { membersIn, membersOf, required, textIn, upTo, type Members } from './request-body.ts';
import { listPage, pageOf, type Call } from './routes.ts';

type Weights = Readonly<Record<string, number>>;

export function createAlias(context: OperationContext, call: Call, nowMs: EpochMs): TwinResponse {
  const { registry, params, tell } = context;
  const members = membersIn(call.body);
  const name = checkedName(required(textIn(members, 'Name'), 'Name'));
  const functionVersion = required(versionIn(members), 'FunctionVersion');
  const weights = weightsIn(members) ?? {};
  const description = upTo(256, textIn(members, 'Description') ?? '', 'Description');
  const { functionName } = registry.nameIn(call.functionName, undefined);
  // The real service looks for the version by its ARN, whatever is missing of it.
  registry.findVersion(functionName, functionVersion);
  const record = registry.find(functionName);
  const arn = registry.arnOf(functionName, name);
  refuseWeights(context, record, { functionVersion, weights });
  if (record.aliases.has(name)) throw conflict(`Alias already exists: ${arn}`);
  if (record.aliases.size >= params.versionCountMax) throw codeStorageExceeded();
  const target = { name, functionVersion, description, ...weighted(weights) };
  const alias: AliasRecord = { ...target, revisionId: nextRevision(record) };
  record.aliases.set(name, alias);
  tell(record, nowMs);
  return answer(201, aliasBody(alias, arn));
}

export function updateAlias(context: OperationContext, call: Call, nowMs: EpochMs): TwinResponse {
  const { registry, params } = context;
  const members = membersIn(call.body);
  const name = checkedName(call.aliasName);
  const askedVersion = versionIn(members);
  const askedWeights = weightsIn(members);
  const askedDescription = textIn(members, 'Description');
  const { functionName } = registry.nameIn(call.functionName, undefined);
  const record = registry.records.get(functionName);
  const before = record?.aliases.get(name);
  const arn = registry.arnOf(functionName, name);
  if (!record || !before) throw notFound(`Alias not found: ${arn}`);
  const revisionId = textIn(members, 'RevisionId');
  if (revisionId !== undefined && revisionId !== before.revisionId) throw preconditionFailed();
  const functionVersion = askedVersion ?? before.functionVersion;
  if (askedVersion !== undefined) registry.findVersion(functionName, functionVersion);
  const weights = askedWeights ?? before.additionalVersionWeights ?? {};
  refuseWeights(context, record, { functionVersion, weights });
  if (
    params.weightsWhileMovingAreRefused &&
    before.movingFrom !== undefined &&
    Object.keys(askedWeights ?? {}).length > 0
  ) {
    throw conflict(`The operation cannot be performed at this time. An update is in progress for resource: ${arn}`);
  }
  const description = upTo(256, askedDescription ?? before.description, 'Description');
  const target = { name, functionVersion, description, ...weighted(weights) };
  if (functionVersion !== before.functionVersion) refuseMove(record, name, functionVersion);
  return answer(200, aliasBody(placeAlias(context, record, { target, nowMs }), arn));
}

/** Points an alias somewhere, its provisioned concurrency with it; creates the alias if need be. */
export function placeAlias(
  context: OperationContext,
  record: FunctionRecord,
  { target, nowMs }: { readonly target: AliasTarget; readonly nowMs: EpochMs },
): AliasRecord {
  const from = record.aliases.get(target.name);
  const move = from && moveProvisioned(context, record, { from, toVersion: target.functionVersion, nowMs });
  const alias: AliasRecord = {
    ...target,
    revisionId: nextRevision(record),
    ...(move?.movingFrom !== undefined && { movingFrom: move.movingFrom }),
  };
  record.aliases.set(alias.name, alias);
  context.tell(record, nowMs);
  return alias;
}

/** The share of its calls that each version gets: while provisioned concurrency moves, all go to the version that it comes from. */
export function sharesOf(alias: AliasRecord): Weights {
  if (alias.movingFrom !== undefined) return { [alias.movingFrom]: 1 };
  const others = Object.entries(alias.additionalVersionWeights ?? {}).filter(([, weight]) => weight > 0);
  const rest = 1 - others.reduce((sum, [, weight]) => sum + weight, 0);
  return Object.fromEntries([...others, ...(rest > 0 ? [[alias.functionVersion, rest]] : [])]) as Weights;
}

export function getAlias({ registry }: OperationContext, call: Call): TwinResponse {
  const name = checkedName(call.aliasName);
  const { functionName } = registry.nameIn(call.functionName, undefined);
  const alias = registry.findQualified(functionName, name).aliases.get(name)!;
  return answer(200, aliasBody(alias, registry.arnOf(functionName, name)));
}

export function listAliases({ registry }: OperationContext, call: Call): TwinResponse {
  const { functionName } = registry.nameIn(call.functionName, undefined);
  const { aliases } = registry.find(functionName);
  const version = call.query.get('FunctionVersion');
  if (version !== null) checkedVersion(version);
  const items = [...aliases.values()]
    .filter(({ functionVersion }) => version === null || functionVersion === version)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((alias) => aliasBody(alias, registry.arnOf(functionName, alias.name)));
  const { page, next } = pageOf(items, call.query, listPage);
  return answer(200, { Aliases: page, ...next });
}

/** An alias takes its provisioned concurrency with it. One that does not exist is deleted all the same. */
export function deleteAlias({ registry, tell }: OperationContext, call: Call, nowMs: EpochMs): TwinResponse {
  const name = checkedName(call.aliasName);
  const { functionName } = registry.nameIn(call.functionName, undefined);
  const record = registry.find(functionName);
  record.configs.delete(name);
  if (record.aliases.delete(name)) tell(record, nowMs);
  return answer(204);
}

function checkedName(name: string): string {
  upTo(128, name, 'Name');
  if (isVersion(name) || !/^[a-zA-Z0-9-_]+$/.test(name)) {
    const constraint = 'Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)';
    throw invalidMember(`'${name.slice(0, 200)}'`, 'name', constraint);
  }
  return name;
}

function versionIn(members: Members): string | undefined {
  const version = textIn(members, 'FunctionVersion');
  return version === undefined ? undefined : checkedVersion(version);
}

function checkedVersion(version: string): string {
  if (version !== latest && !isVersion(version)) {
    const constraint = 'Member must satisfy regular expression pattern: (\\$LATEST|[0-9]+)';
    throw invalidMember(`'${version.slice(0, 200)}'`, 'functionVersion', constraint);
  }
  return upTo(1_024, version, 'FunctionVersion');
}

const keyConstraint =
  'Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+, Member must not be null]';
const weightConstraint =
  'Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]';

/** The weights as sent, each a share of versions by number; undefined where the caller says nothing of them. */
function weightsIn(members: Members): Weights | undefined {
  const routing = membersOf(members, 'RoutingConfig');
  if (!routing) return undefined;
  const weights = Object.entries(membersOf(routing, 'AdditionalVersionWeights') ?? {});
  const place = 'routingConfig.additionalVersionWeights';
  const shown = `'{${weights.map(([key, weight]) => `${key}=${decimalText(weight)}`).join(', ')}}'`.slice(0, 300);
  for (const [key, weight] of weights) {
    if (!isVersion(key) || key.length > 1_024) throw invalidMember(shown, place, keyConstraint);
    if (typeof weight !== 'number' || !(weight >= 0 && weight <= 1))
      throw invalidMember(shown, place, weightConstraint);
  }
  return Object.fromEntries(weights) as Weights;
}

/** The real service writes a whole number with its decimal: `2.0`. */
function decimalText(weight: unknown): string {
  return typeof weight === 'number' && Number.isInteger(weight) ? weight.toFixed(1) : String(weight);
}

interface Weighted {
  readonly functionVersion: string;
  readonly weights: Weights;
}

/** One more version at most, another than the alias's own, and both of them published. */
function refuseWeights(
  { registry }: OperationContext,
  record: FunctionRecord,
  { functionVersion, weights }: Weighted,
): void {
  const versions = Object.keys(weights);
  if (versions.length > 1) {
    throw invalidParameter('Number of items in AdditionalVersionWeights cannot be greater than 1');
  }
  for (const version of versions) {
    if (version === functionVersion) {
      throw invalidParameter(
        `Invalid function version ${version}. Function version ${version} is already included in routing configuration.`,
      );
    }
    if (functionVersion === latest) {
      throw invalidParameter('$LATEST is not supported for an alias pointing to more than 1 version');
    }
    registry.findVersion(record.name, version);
  }
}

function weighted(weights: Weights): { readonly additionalVersionWeights?: Weights } {
  return Object.keys(weights).length === 0 ? {} : { additionalVersionWeights: weights };
}
