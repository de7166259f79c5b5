/**
 * The functions of one account and region: versions, aliases and their provisioned concurrency; how a caller may name them, and what it is
 * told when there is no such thing.
 */
import type { Architecture } from '../../core/function-spec.ts';
import type { Random } from '../../core/random.ts';
import { parseFunctionKey } from '../../core/series-key.ts';
import type { EpochMs } from '../../core/time.ts';
import { invalidMember, invalidParameter, notFound } from './answer.ts';
import type { ProvisionedConfig } from './provisioned-config.ts';
import { placeOf, type TwinFunction, type TwinPlace } from './twin-function.ts';

export const latest = '$LATEST';

/** An alias as a deployment sets it. */
export interface AliasTarget {
  readonly name: string;
  readonly functionVersion: string;
  readonly description: string;
  /** Weight by version, while a deployment shifts traffic. */
  readonly additionalVersionWeights?: Readonly<Record<string, number>>;
}

export interface AliasRecord extends AliasTarget {
  readonly revisionId: string;
  /** The version whose provisioned environments still serve while those of `functionVersion` are being prepared. */
  readonly movingFrom?: string;
}

/** What a caller can set of a function. */
export interface FunctionSettings {
  readonly runtime: string;
  readonly role: string;
  readonly handler: string;
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  readonly architecture: Architecture;
  readonly environment?: Readonly<Record<string, string>>;
  readonly codeSha256: string;
  readonly codeBytes: number;
}

export interface VersionRecord {
  readonly version: string;
  readonly settings: FunctionSettings;
  readonly description: string;
  readonly revisionId: string;
  readonly lastModifiedMs: EpochMs;
  /** Being created or changed until then. */
  readonly underWay?: { readonly what: 'create' | 'update'; readonly untilMs: EpochMs };
}

export interface FunctionRecord {
  readonly name: string;
  /** Aliases that the world's traffic comes to, in the order in which the twin was told of them. */
  readonly trafficAliases: readonly string[];
  readonly initDurationMs: number;
  /** `$LATEST`. */
  latest: VersionRecord;
  /** By number; a number is never used again. */
  readonly versions: Map<string, VersionRecord>;
  publishedCount: number;
  readonly aliases: Map<string, AliasRecord>;
  /** By qualifier, version or alias, in the order of the first Put. */
  readonly configs: Map<string, ProvisionedConfig>;
  reservedConcurrency: number | undefined;
  /** When invocations of the kind `Event` that run now will be over. */
  eventRunsUntilMs: readonly EpochMs[];
  readonly random: Random;
  /** Its own stream, so that the preparation times do not hang on how many revisions there were. */
  readonly revisions: Random;
  initFails: boolean;
}

export interface FunctionRegistry {
  readonly place: TwinPlace;
  readonly records: Map<string, FunctionRecord>;
  /** What the twin knows beforehand of a function that is yet to be created: its stream, and the aliases that traffic comes to. */
  ahead(functionName: string): Pick<FunctionRecord, 'random' | 'trafficAliases'>;
  arnOf(functionName: string, qualifier?: string): string;
  /** The function and qualifier that a path and a `Qualifier` name together; the function need not exist. */
  nameIn(text: string, qualifier: string | undefined): { readonly functionName: string; readonly qualifier?: string };
  /** The function. @throws Refusal "Function not found". */
  find(functionName: string): FunctionRecord;
  /** The function that has this version or alias. @throws Refusal, in different words for a version and for an alias. */
  findQualified(functionName: string, qualifier: string): FunctionRecord;
  /** What stands behind a version, an alias, or `$LATEST` where there is no qualifier. @throws Refusal "Function not found". */
  findVersion(functionName: string, qualifier: string | undefined): VersionRecord;
}

const namePattern =
  /^(?:arn:aws:lambda:(?<region>[a-z0-9-]{1,32}):)?(?:(?<account>\d{12}):)?(?:function:)?(?<name>[a-zA-Z0-9-_]{1,64})(?::(?<qualifier>\$LATEST|[a-zA-Z0-9-_]{1,128}))?$/;

export function createFunctionRegistry(functions: readonly TwinFunction[], random: Random): FunctionRegistry {
  const place = placeOf(functions);
  const records = new Map<string, FunctionRecord>();
  const specsOf = byFunction(functions);
  for (const [name, specs] of specsOf) records.set(name, recordOf(name, { specs, random, place }));

  const arnOf = (functionName: string, qualifier?: string): string =>
    `arn:aws:lambda:${place.region}:${place.accountId}:function:${functionName}${qualifier === undefined ? '' : `:${qualifier}`}`;

  return {
    place,
    records,
    ahead: (functionName) => ({
      random: random.fork(`created/${functionName}`),
      trafficAliases: (specsOf.get(functionName) ?? []).map(({ key }) => parseFunctionKey(key)!.alias),
    }),
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
    findVersion(functionName, qualifier) {
      const record = records.get(functionName);
      const found = record && versionBehind(record, qualifier);
      if (!found) throw notFound(`Function not found: ${arnOf(functionName, qualifier)}`);
      return found;
    },
  };
}

export function isVersion(qualifier: string): boolean {
  return /^\d+$/.test(qualifier);
}

export function nextRevision(record: FunctionRecord): string {
  return uuidFrom(record.revisions);
}

/** A UUID in the shape of a random one, from the seed. */
export function uuidFrom(random: Random): string {
  const digits = Array.from({ length: 32 }, () => Math.floor(random.next() * 16).toString(16));
  digits[12] = '4';
  digits[16] = '8';
  const text = digits.join('');
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join('-');
}

function versionBehind(record: FunctionRecord, qualifier: string | undefined): VersionRecord | undefined {
  if (qualifier === undefined || qualifier === latest) return record.latest;
  if (isVersion(qualifier)) return record.versions.get(qualifier);
  const target = record.aliases.get(qualifier)?.functionVersion;
  return target === latest ? record.latest : record.versions.get(target ?? '');
}

function byFunction(functions: readonly TwinFunction[]): ReadonlyMap<string, readonly TwinFunction[]> {
  const groups = new Map<string, TwinFunction[]>();
  for (const spec of functions) {
    const { functionName } = parseFunctionKey(spec.key)!;
    groups.set(functionName, [...(groups.get(functionName) ?? []), spec]);
  }
  return groups;
}

interface RecordSource {
  /** One for each alias; the first says what the function is. */
  readonly specs: readonly TwinFunction[];
  readonly random: Random;
  readonly place: TwinPlace;
}

function recordOf(name: string, { specs, random, place }: RecordSource): FunctionRecord {
  const [spec] = specs as [TwinFunction];
  const own = random.fork(spec.key);
  const revisionId = uuidFrom(own);
  const aliases = specs.map(({ key, version }) => {
    const { alias } = parseFunctionKey(key)!;
    return { name: alias, functionVersion: version, description: '', revisionId: uuidFrom(own) };
  });
  const publishedCount = Math.max(...specs.map(({ version }) => Number(version)));
  const numbered = (version: string): VersionRecord => ({
    version,
    settings,
    description: '',
    revisionId,
    lastModifiedMs: Date.UTC(2026, 0, 5),
  });
  const settings: FunctionSettings = {
    runtime: 'nodejs24.x',
    role: `arn:aws:iam::${place.accountId}:role/${name}`,
    handler: 'index.handler',
    timeoutSeconds: 30,
    memoryMb: spec.memoryMb,
    architecture: spec.architecture,
    codeSha256: '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
    codeBytes: 262_144,
  };
  const versions = Array.from({ length: publishedCount }, (_, index) => numbered(String(index + 1)));
  return {
    name,
    trafficAliases: aliases.map((alias) => alias.name),
    initDurationMs: spec.initDurationMs,
    latest: numbered(latest),
    versions: new Map(versions.map((one) => [one.version, one])),
    publishedCount,
    aliases: new Map(aliases.map((alias) => [alias.name, alias])),
    configs: new Map(),
    reservedConcurrency: spec.reservedConcurrency,
    eventRunsUntilMs: [],
    random: own,
    revisions: own.fork('revisions'),
    initFails: spec.initFails ?? false,
  };
}
