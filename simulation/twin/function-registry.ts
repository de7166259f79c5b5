/**
 * The functions of one account and region: versions, aliases and their provisioned concurrency; how a caller may name them, and what it is
 * told when there is no such thing.
 */
import type { Random } from '../../core/random.ts';
import { parseFunctionKey } from '../../core/series-key.ts';
import { invalidMember, invalidParameter, notFound } from './answer.ts';
import type { ProvisionedConfig } from './provisioned-config.ts';
import { placeOf, type TwinFunction, type TwinPlace } from './twin-function.ts';

export interface AliasRecord {
  readonly name: string;
  readonly functionVersion: string;
  readonly description: string;
  readonly revisionId: string;
  /** Weight by version, while a deployment shifts traffic. */
  readonly additionalVersionWeights?: Readonly<Record<string, number>>;
}

export interface FunctionRecord {
  readonly name: string;
  readonly spec: TwinFunction;
  readonly trafficAlias: string;
  readonly versions: Set<string>;
  readonly aliases: Map<string, AliasRecord>;
  /** By qualifier, version or alias, in the order of the first Put. */
  readonly configs: Map<string, ProvisionedConfig>;
  readonly revisionId: string;
  readonly random: Random;
  initFails: boolean;
}

export interface FunctionRegistry {
  readonly place: TwinPlace;
  readonly records: ReadonlyMap<string, FunctionRecord>;
  arnOf(functionName: string, qualifier?: string): string;
  /** The function and qualifier that a path and a `Qualifier` name together; the function need not exist. */
  nameIn(text: string, qualifier: string | undefined): { readonly functionName: string; readonly qualifier?: string };
  /** The function. @throws Refusal "Function not found". */
  find(functionName: string): FunctionRecord;
  /** The function that has this version or alias. @throws Refusal, in different words for a version and for an alias. */
  findQualified(functionName: string, qualifier: string): FunctionRecord;
}

const namePattern =
  /^(?:arn:aws:lambda:(?<region>[a-z0-9-]{1,32}):)?(?:(?<account>\d{12}):)?(?:function:)?(?<name>[a-zA-Z0-9-_]{1,64})(?::(?<qualifier>\$LATEST|[a-zA-Z0-9-_]{1,128}))?$/;

export function createFunctionRegistry(functions: readonly TwinFunction[], random: Random): FunctionRegistry {
  const place = placeOf(functions);
  const records = new Map(functions.map((spec) => recordOf(spec, random)).map((record) => [record.name, record]));

  const arnOf = (functionName: string, qualifier?: string): string =>
    `arn:aws:lambda:${place.region}:${place.accountId}:function:${functionName}${qualifier === undefined ? '' : `:${qualifier}`}`;

  return {
    place,
    records,
    arnOf,
    find(functionName) {
      const record = records.get(functionName);
      if (!record) throw notFound(`Function not found: ${arnOf(functionName)}`);
      return record;
    },
    nameIn(text, qualifier) {
      const groups = namePattern.exec(text)?.groups;
      if (!groups) {
        throw invalidMember(
          `'${text.slice(0, 200)}'`,
          'functionName',
          'Member must be a function name or function ARN',
        );
      }
      if ((groups['region'] ?? place.region) !== place.region) {
        throw notFound(`Functions from '${groups['region']!}' are not reachable in this region ('${place.region}')`);
      }
      if ((groups['account'] ?? place.accountId) !== place.accountId) throw notFound(`Function not found: ${text}`);
      if (qualifier !== undefined && groups['qualifier'] !== undefined && groups['qualifier'] !== qualifier) {
        throw invalidParameter('The derived qualifier from the function name does not match the specified qualifier.');
      }
      const named = qualifier ?? groups['qualifier'];
      return { functionName: groups['name']!, ...(named !== undefined && { qualifier: named }) };
    },
    findQualified(functionName, qualifier) {
      // The real service looks for the alias or version by its ARN: a function that does not exist reads the same as a missing alias.
      const record = records.get(functionName);
      if (isVersion(qualifier)) {
        if (!record?.versions.has(qualifier)) throw notFound(`Function not found: ${arnOf(functionName, qualifier)}`);
        return record;
      }
      if (!record?.aliases.has(qualifier)) throw notFound(`Cannot find alias arn: ${arnOf(functionName, qualifier)}`);
      return record;
    },
  };
}

export function isVersion(qualifier: string): boolean {
  return /^\d+$/.test(qualifier);
}

/** A UUID in the shape of a random one, from the seed. */
export function uuidFrom(random: Random): string {
  const digits = Array.from({ length: 32 }, () => Math.floor(random.next() * 16).toString(16));
  digits[12] = '4';
  digits[16] = '8';
  const text = digits.join('');
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join('-');
}

function recordOf(spec: TwinFunction, random: Random): FunctionRecord {
  const { functionName, alias } = parseFunctionKey(spec.key)!;
  const own = random.fork(spec.key);
  const versions = Array.from({ length: Number(spec.version) }, (_, index) => String(index + 1));
  return {
    name: functionName,
    spec,
    trafficAlias: alias,
    versions: new Set(versions),
    revisionId: uuidFrom(own),
    aliases: new Map([
      [alias, { name: alias, functionVersion: spec.version, description: '', revisionId: uuidFrom(own) }],
    ]),
    configs: new Map(),
    random: own,
    initFails: spec.initFails ?? false,
  };
}
