/**
 * Functions and their published versions: as much of them as a deployment needs, so that a test can begin with an empty account. Code is kept
 * as its hash and size; the twin runs none.
 */
import { createHash } from 'node:crypto';
import type { EpochMs } from '../../core/time.ts';
import {
  answer,
  codeStorageExceeded,
  conflict,
  invalidMember,
  invalidParameter,
  preconditionFailed,
  type TwinResponse,
} from './answer.ts';
import { configurationBody, listedBody } from './bodies.ts';
import { reservedBody } from './concurrency-operations.ts';
import {
  isVersion,
  latest,
  nextRevision,
  type FunctionRecord,
  type FunctionRegistry,
  type VersionRecord,
} from './function-registry.ts';
import { settingsIn } from './function-settings.ts';
import type { OperationContext } from './operations.ts';
import { booleanIn, membersIn, membersOf, required, textIn, upTo, type Members } from './request-body.ts';
import { listPage, pageOf, qualifierIn, type Call } from './routes.ts';

/** An initialisation of a function that nobody described: the median of the managed runtimes' published measurements, rounded up. */
const createdInitDurationMs = 300;

export function createFunction(context: OperationContext, call: Call, nowMs: EpochMs): TwinResponse {
  const { registry, params, tell } = context;
  const members = membersIn(call.body);
  const asked = required(textIn(members, 'FunctionName'), 'FunctionName');
  const { functionName: name, qualifier } = registry.nameIn(asked, undefined);
  if (qualifier !== undefined) throw invalidParameter('A function is created without a version or an alias.');
  for (const member of ['Role', 'Runtime', 'Handler']) required(textIn(members, member), member);
  const settings = settingsIn(members, { ...defaultSettings, ...codeIn(required(membersOf(members, 'Code'), 'Code')) });
  const description = descriptionIn(members) ?? '';
  const isPublished = booleanIn(members, 'Publish');
  if (registry.records.has(name)) throw conflict(`Function already exist: ${name}`);
  if (registry.records.size >= params.functionCountMax) throw codeStorageExceeded();
  const ahead = registry.ahead(name);
  const record: FunctionRecord = {
    name,
    initDurationMs: createdInitDurationMs,
    latest: { version: latest, settings, description, revisionId: '', lastModifiedMs: nowMs },
    versions: new Map(),
    publishedCount: 0,
    aliases: new Map(),
    configs: new Map(),
    reservedConcurrency: undefined,
    eventRunsUntilMs: [],
    ...ahead,
    revisions: ahead.random.fork('revisions'),
    initFails: false,
  };
  change(context, record, { what: 'create', changed: {}, nowMs });
  registry.records.set(name, record);
  tell(record, nowMs);
  return published(context, record, isPublished ? publish(context, record, { nowMs }) : record.latest, 201);
}

const defaultSettings = {
  runtime: '',
  role: '',
  handler: '',
  timeoutSeconds: 3,
  memoryMb: 128,
  architecture: 'x86_64',
} as const;

export function updateCode(context: OperationContext, call: Call, nowMs: EpochMs): TwinResponse {
  const members = membersIn(call.body);
  const record = changeable(context, call, members);
  const settings = settingsIn(members, { ...record.latest.settings, ...codeIn(members) });
  if (!booleanIn(members, 'DryRun')) change(context, record, { what: 'update', changed: { settings }, nowMs });
  const version = booleanIn(members, 'Publish') ? publish(context, record, { nowMs }) : record.latest;
  return published(context, record, version, 200);
}

export function updateConfiguration(context: OperationContext, call: Call, nowMs: EpochMs): TwinResponse {
  const members = membersIn(call.body);
  const record = changeable(context, call, members);
  const settings = settingsIn(members, record.latest.settings);
  const description = descriptionIn(members) ?? record.latest.description;
  change(context, record, { what: 'update', changed: { settings, description }, nowMs });
  return published(context, record, record.latest, 200);
}

/** A version of what `$LATEST` is now; the last one again where nothing has changed since. */
export function publishVersion(context: OperationContext, call: Call, nowMs: EpochMs): TwinResponse {
  const members = membersIn(call.body);
  const record = changeable(context, call, members);
  const { codeSha256 } = record.latest.settings;
  const expected = textIn(members, 'CodeSha256') || codeSha256;
  if (expected !== codeSha256) {
    throw invalidParameter(
      `CodeSHA256 (${expected.slice(0, 200)}) is different from current CodeSHA256 in $LATEST (${codeSha256}). Please try again with the CodeSHA256 in $LATEST.`,
    );
  }
  const description = descriptionIn(members);
  return published(context, record, publish(context, record, { nowMs, ...(description && { description }) }), 201);
}

export function getFunction({ registry }: OperationContext, call: Call): TwinResponse {
  const { functionName, qualifier } = registry.nameIn(call.functionName, qualifierIn(call));
  const version = registry.findVersion(functionName, qualifier);
  const record = registry.find(functionName);
  const arn = registry.arnOf(functionName, qualifier);
  return answer(200, {
    Configuration: configurationBody(record, { arn, version, place: registry.place }),
    Code: { RepositoryType: 'S3', Location: `https://twin.invalid/${version.settings.codeSha256}` },
    ...(record.reservedConcurrency !== undefined && { Concurrency: reservedBody(record) }),
  });
}

export function getConfiguration({ registry }: OperationContext, call: Call): TwinResponse {
  const { functionName, qualifier } = registry.nameIn(call.functionName, qualifierIn(call));
  const version = registry.findVersion(functionName, qualifier);
  const arn = registry.arnOf(functionName, qualifier);
  return answer(200, configurationBody(registry.find(functionName), { arn, version, place: registry.place }));
}

export function deleteFunction({ registry, tell }: OperationContext, call: Call, nowMs: EpochMs): TwinResponse {
  const { functionName, qualifier } = registry.nameIn(call.functionName, qualifierIn(call));
  const record = registry.find(functionName);
  if (qualifier === undefined) {
    registry.records.delete(functionName);
    record.configs.clear();
    record.aliases.clear();
    // Requests to a function that is gone are refused.
    record.reservedConcurrency = 0;
  } else if (qualifier === latest) {
    throw invalidParameter('$LATEST version cannot be deleted without deleting the function.');
  } else if (!isVersion(qualifier)) throw invalidParameter('Deletion of aliases is not currently supported.');
  else {
    const isNamed = [...record.aliases.values()].some(
      (alias) => alias.functionVersion === qualifier || alias.additionalVersionWeights?.[qualifier] !== undefined,
    );
    if (isNamed) throw conflict(`Version ${qualifier} is named by an alias`);
    record.versions.delete(qualifier);
    record.configs.delete(qualifier);
  }
  tell(record, nowMs);
  return answer(204);
}

export function listFunctions({ registry }: OperationContext, call: Call): TwinResponse {
  const asked = call.query.get('FunctionVersion');
  if (asked !== null && asked !== 'ALL') {
    const constraint = 'Member must satisfy enum value set: [ALL]';
    throw invalidMember(`'${asked.slice(0, 200)}'`, 'functionVersion', constraint);
  }
  const items = [...registry.records.values()].flatMap((record): readonly Listed[] =>
    asked === 'ALL' ? versionsOf(record) : [{ record, version: record.latest }],
  );
  const { page, next } = pageOf(items, call.query, listPage);
  return answer(200, { Functions: page.map((one) => listedIn(registry, one)), ...next });
}

export function listVersions({ registry }: OperationContext, call: Call): TwinResponse {
  const { functionName } = registry.nameIn(call.functionName, undefined);
  const { page, next } = pageOf(versionsOf(registry.find(functionName)), call.query, listPage);
  return answer(200, { Versions: page.map((one) => listedIn(registry, one)), ...next });
}

interface Listed {
  readonly record: FunctionRecord;
  readonly version: VersionRecord;
  /** Named in the ARN, where the list is one of versions. */
  readonly qualifier?: string;
}

function versionsOf(record: FunctionRecord): readonly Listed[] {
  const versions = [record.latest, ...record.versions.values()];
  return versions.map((version) => ({ record, version, qualifier: version.version }));
}

function listedIn(registry: FunctionRegistry, { record, version, qualifier }: Listed): object {
  return listedBody(record, { arn: registry.arnOf(record.name, qualifier), version, place: registry.place });
}

/** The function whose `$LATEST` a call changes or publishes. @throws Refusal while a change is under way, or at another revision. */
function changeable({ registry }: OperationContext, call: Call, members: Members): FunctionRecord {
  const { functionName } = registry.nameIn(call.functionName, undefined);
  const record = registry.find(functionName);
  const { underWay, revisionId } = record.latest;
  if (underWay?.what === 'create') {
    throw conflict(
      'The operation cannot be performed at this time. The function is currently in the following state: Pending',
    );
  }
  if (underWay) {
    const arn = registry.arnOf(functionName);
    throw conflict(`The operation cannot be performed at this time. An update is in progress for resource: ${arn}`);
  }
  const expected = textIn(members, 'RevisionId');
  if (expected !== undefined && expected !== revisionId) throw preconditionFailed();
  return record;
}

interface Change {
  readonly what: 'create' | 'update';
  readonly changed: Partial<Pick<VersionRecord, 'settings' | 'description'>>;
  readonly nowMs: EpochMs;
}

function change({ params, beginUpdate }: OperationContext, record: FunctionRecord, change: Change): void {
  const { what, changed, nowMs } = change;
  record.latest = {
    ...record.latest,
    ...changed,
    revisionId: nextRevision(record),
    lastModifiedMs: nowMs,
    underWay: { what, untilMs: nowMs + params.functionUpdateMs },
  };
  beginUpdate(record);
}

function publish(
  { params }: OperationContext,
  record: FunctionRecord,
  { nowMs, description }: { readonly nowMs: EpochMs; readonly description?: string },
): VersionRecord {
  const last = record.versions.get(String(record.publishedCount));
  if (last && JSON.stringify(last.settings) === JSON.stringify(record.latest.settings)) return last;
  if (record.versions.size >= params.versionCountMax) throw codeStorageExceeded();
  const { underWay: _, ...asIs } = record.latest;
  const version = {
    ...asIs,
    version: String(++record.publishedCount),
    description: description ?? asIs.description,
    revisionId: nextRevision(record),
    lastModifiedMs: nowMs,
  };
  record.versions.set(version.version, version);
  // Recorded: publishing gives `$LATEST` a new revision too.
  record.latest = { ...record.latest, revisionId: nextRevision(record) };
  return version;
}

function published(
  { registry }: OperationContext,
  record: FunctionRecord,
  version: VersionRecord,
  status: 200 | 201,
): TwinResponse {
  const arn = registry.arnOf(record.name, version.version === latest ? undefined : version.version);
  return answer(status, configurationBody(record, { arn, version, place: registry.place }));
}

function descriptionIn(members: Members): string | undefined {
  const description = textIn(members, 'Description');
  return description === undefined ? undefined : upTo(256, description, 'Description');
}

/** Code by its hash: of the package itself, or of where it lies. */
function codeIn(members: Members): { readonly codeSha256: string; readonly codeBytes: number } {
  const bytes = Buffer.from(textIn(members, 'ZipFile') ?? '', 'base64');
  const parts = ['S3Bucket', 'S3Key', 'S3ObjectVersion', 'ImageUri'].map((member) => textIn(members, member) ?? '');
  const hashed = bytes.length > 0 ? bytes : Buffer.from(parts.join('/'));
  return { codeSha256: createHash('sha256').update(hashed).digest('base64'), codeBytes: hashed.length };
}
