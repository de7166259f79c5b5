/**
 * From `foreshock.yaml` to the plain, frozen values that the parts are made of. Parsed once, at the edge; every fault of the file comes back together.
 */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { assert } from '../core/assert.ts';
import type { FunctionSpec, Limits, Prices, SharedResource, SpillTarget } from '../core/function-spec.ts';
import type { MaintenanceWindow } from '../core/incident.ts';
import type { Json } from '../core/json.ts';
import type { Playbook } from '../core/playbook.ts';
import type { Importance } from '../core/market-event.ts';
import { functionKeyOf, parseFunctionKey } from '../core/series-key.ts';
import { checkDocument, type DocumentFault } from './check.ts';
import { parseYaml, type Path } from './document.ts';
import { ConfigError, describeValue, formatPath, type Fault } from './faults.ts';
import type { Files } from './files.ts';
import type { ConfigDraft } from './rules.ts';
import { calendarFormats, refreshMsDefault, type ConfigDocument } from './schema.ts';
import { buildOncall, maskOncall, type OncallSettings } from './oncall.ts';
import { buildBreakers, maskBreakers, type BreakerSettings } from './breakers.ts';
import { buildPeople, buildRemedies, maskPeople, type ConfiguredPerson, type RemedySettings } from './remedies.ts';
import { unknownNamesOf } from './playbook-names.ts';
import { loadPlaybook } from './playbooks.ts';
import { readText } from './read-text.ts';
import { readSecrets, type ConfigSecrets } from './read-secrets.ts';
import type { Secret } from './secrets.ts';
import { buildMaintenance, buildTelemetry, maskTelemetry, type OtlpSettings } from './trace-settings.ts';

type AnchorEntry = ConfigDocument['audit']['anchors'][number];
type FunctionEntry = ConfigDocument['functions'][number];

/** Paths are absolute; what was left out has its default. */
export interface Config {
  /** The file that was read. */
  readonly file: string;
  /** The whole file with its defaults: paths as written, secrets masked. What the audit log keeps. */
  readonly effective: Json;
  /** SHA-256 of `effective` with its keys in order: the same settings give the same hash in any folder, order or spelling. */
  readonly sha256: string;
  readonly store: string;
  readonly http: { readonly host: string; readonly port: number; readonly tokens: readonly Secret[] };
  readonly aws: { readonly endpoint?: string; readonly scheduler: SchedulerSettings };
  readonly telemetry: { readonly otlpEndpoint?: string; readonly otlp?: OtlpSettings };
  readonly audit: AuditSettings;
  readonly retention: ConfigDocument['retention'];
  readonly functions: readonly ConfiguredFunction[];
  readonly calendars: readonly CalendarSource[];
  readonly feeds: readonly CalendarFeed[];
  readonly detection: ConfigDocument['detection'];
  readonly signals: ConfigDocument['signals'];
  readonly maintenance: readonly MaintenanceWindow[];
  readonly limits: Limits & { readonly controlPlaneCallsPerSecond: number; readonly cloudwatchMetricsPerHour: number };
  readonly sharedResources: readonly SharedResource[];
  readonly planning: Planning;
  /** What may be done about trouble. */
  readonly remedies: RemedySettings;
  /** Absent: there are none. */
  readonly breakers?: BreakerSettings;
  /** In the order of the file. */
  readonly playbooks: readonly Playbook[];
  /** Who may use the API under a name. */
  readonly people: readonly ConfiguredPerson[];
  /** Who is told of trouble; absent: nobody. */
  readonly oncall?: OncallSettings;
  /** By region; every function's region is there. */
  readonly prices: Readonly<Record<string, Prices>>;
}

export interface SchedulerSettings {
  /** What the booked calls are made as; absent, only a twin takes them. */
  readonly roleArn?: string;
  readonly groupName: string;
}

export interface ConfiguredFunction {
  readonly spec: FunctionSpec;
  readonly volume: VolumeSource;
  /** Companies whose own events move this function. */
  readonly symbols: readonly string[];
  /** Who is told of its trouble. */
  readonly owner?: string;
}

export interface AuditSettings {
  /** `anchorFile` among them. */
  readonly anchors: readonly AnchorPlace[];
  readonly anchorEveryMinutes: number;
  readonly signingKey?: Secret;
}

/** Where checkpoints go to. */
export type AnchorPlace =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'stdout' }
  | { readonly kind: 'webhook'; readonly url: string; readonly secret?: Secret }
  | ({ readonly kind: 's3' } & NonNullable<AnchorEntry['s3']>);

/** `order`: its place in the list, where files and feeds stand together. */
export interface CalendarSource {
  readonly order: number;
  readonly format: CalendarFormat;
  readonly path: string;
}

export interface CalendarFeed {
  readonly order: number;
  readonly url: string;
  /** Absent: told by what comes. */
  readonly format?: CalendarFormat;
  readonly refreshMs: number;
  readonly token?: Secret;
  /** Inside the operator's own network. */
  readonly isPrivate: boolean;
}

type CalendarFormat = (typeof calendarFormats)[number];

export interface VolumeSource {
  /** Absent: CloudWatch. */
  readonly csv?: string;
  readonly requestsPerUnit: number;
  /** `XNYS`, `XNAS`, or the time zone of demand that never closes. */
  readonly venue: string;
}

export interface Planning {
  /** Level of the forecast to be ready for, where the spill target is a ratio. */
  readonly quantile: number;
  readonly importanceMin: Importance;
  /** After an event, hand back only what has stopped paying for itself. */
  readonly keepWhilePaying: boolean;
  /** When far more comes than was foretold, raise again. */
  readonly reviseOnSurge: boolean;
  readonly peakRatio: number;
  readonly horizonMs: number;
  readonly readyBeforeMs: number;
  readonly preparationMs: number;
}

export interface ConfigPorts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly files: Files;
}

/**
 * Reads, checks and freezes one configuration.
 *
 * @throws ConfigError with all faults of the file. InputError when there is no such file, or it is not text.
 */
export async function loadConfig(file: string, ports: ConfigPorts): Promise<Config> {
  const yaml = parseYaml(await readText(file, ports.files));
  if (!yaml.content) throw new ConfigError(file, yaml.faults.map(withPathText));
  const { value } = yaml.content;
  const checked = checkDocument(value);
  const folder = path.resolve(path.dirname(file));
  const secrets = await readSecrets(checked.draft, folder, ports);
  const playbooks = await readPlaybooks(checked.draft, folder, ports.files);
  const placed = [
    ...checked.faults,
    ...secrets.faults,
    ...(await findMissingFiles(checked.draft, folder, ports.files)),
    ...playbooks.faults,
  ].map((fault) => ({ ...fault, ...(fault.at === 'key' ? yaml.placeOfKey(fault.path) : yaml.placeOf(fault.path)) }));
  const faults = [...yaml.faults, ...placed]
    .map(withPathText)
    .sort((one, other) => one.line - other.line || one.column - other.column);
  if (faults.length > 0) throw new ConfigError(file, faults);
  assert(checked.document !== undefined, 'a file without faults has a document');
  return freezeDeeply(buildConfig(checked.document, { file, folder, secrets, playbooks: playbooks.playbooks }));
}

function withPathText({ path: at, line, column, got, expected }: Omit<Fault, 'path'> & { readonly path: Path }): Fault {
  return { path: formatPath(at), line, column, got, expected };
}

/** A history or calendar that is not there is found when the file is checked, not in the night when it is read. */
async function findMissingFiles(draft: ConfigDraft, folder: string, files: Files): Promise<readonly DocumentFault[]> {
  const named: { path: Path; file: string | undefined }[] = [
    ...(draft.functions ?? []).map((entry, index) => ({
      path: ['functions', index, 'volume', 'csv'],
      file: entry?.volume?.csv,
    })),
    ...(draft.calendars ?? []).flatMap((entry, index) =>
      calendarFormats.map((format) => ({ path: ['calendars', index, format], file: entry?.[format] })),
    ),
  ];
  const faults: DocumentFault[] = [];
  for (const { path: at, file } of named) {
    if (file === undefined || (await files.isFile(path.resolve(folder, file)))) continue;
    faults.push({ path: at, at: 'value', got: describeValue(file), expected: `a file that exists (from ${folder})` });
  }
  return faults;
}

/** @throws ConfigError of a playbook with faults: they stand in its own file. */
async function readPlaybooks(
  draft: ConfigDraft,
  folder: string,
  files: Files,
): Promise<{ readonly playbooks: readonly Playbook[]; readonly faults: readonly DocumentFault[] }> {
  const playbooks: Playbook[] = [];
  const faults: DocumentFault[] = [];
  for (const [index, name] of (draft.playbooks ?? []).entries()) {
    if (name === undefined) continue;
    const at = { path: ['playbooks', index], at: 'value', got: describeValue(name) } as const;
    const file = path.resolve(folder, name);
    if (!(await files.isFile(file))) {
      faults.push({ ...at, expected: `a file that exists (from ${folder})` });
      continue;
    }
    const playbook = await loadPlaybook(file, files);
    if (playbooks.some((other) => other.name === playbook.name))
      faults.push({ ...at, expected: `playbooks of different names (one before it is ${playbook.name} as well)` });
    for (const unknown of unknownNamesOf(playbook, draft)) faults.push({ ...at, ...unknown });
    playbooks.push(playbook);
  }
  return { playbooks, faults };
}

function buildConfig(
  document: ConfigDocument,
  {
    file,
    folder,
    secrets,
    playbooks,
  }: { file: string; folder: string; secrets: ConfigSecrets; playbooks: readonly Playbook[] },
): Config {
  const { tokens } = secrets;
  const { aws, telemetry } = document;
  const audit = maskAudit(document.audit, secrets);
  const http = { ...document.http, tokens: tokens.map(String) };
  const masked = {
    // What they say, and not where they stand: an edit of one is another configuration.
    playbooks,
    audit,
    calendars: maskCalendars(document.calendars, secrets),
    telemetry: maskTelemetry(telemetry),
    people: maskPeople(document.people),
    ...(document.breakers && { breakers: maskBreakers(document.breakers) }),
    ...(document.oncall && { oncall: maskOncall(document.oncall, secrets.oncall) }),
  };
  const effective = toJson({ ...document, http, ...masked });
  return {
    file: path.resolve(file),
    effective,
    sha256: createHash('sha256').update(JSON.stringify(effective)).digest('hex'),
    store: path.resolve(folder, document.store),
    http: { ...document.http, tokens },
    aws: {
      ...(aws.endpoint !== undefined && { endpoint: aws.endpoint }),
      scheduler: {
        groupName: aws.scheduler.groupName,
        ...(aws.scheduler.roleArn !== undefined && { roleArn: aws.scheduler.roleArn }),
      },
    },
    telemetry: buildTelemetry(telemetry, secrets.senderTokens),
    detection: document.detection,
    signals: document.signals,
    maintenance: document.maintenance.map(buildMaintenance),
    audit: buildAudit(document.audit, { folder, secrets }),
    retention: document.retention,
    functions: document.functions.map((entry) => buildFunction(entry, folder)),
    calendars: document.calendars.flatMap((entry, order) => buildCalendar(entry, { order, folder })),
    feeds: document.calendars.flatMap((entry, order) => buildFeed(entry, order, secrets)),
    limits: limitsOf(document.limits),
    sharedResources: document.sharedResources.map((resource) => ({
      ...resource,
      functions: document.functions
        .filter(({ sharedResources }) => sharedResources.includes(resource.name))
        .map((entry) => functionKeyOf(parseFunctionKey(entry.function)!)),
    })),
    planning: document.planning,
    remedies: buildRemedies(
      document,
      document.functions.map(({ function: name, group, neverBreak }) => {
        return { key: functionKeyOf(parseFunctionKey(name)!), group, neverBreak };
      }),
    ),
    people: buildPeople(document.people, secrets.personTokens),
    playbooks,
    ...(document.breakers && { breakers: buildBreakers(document.breakers, secrets.breakerTokens) }),
    ...(document.oncall && { oncall: buildOncall(document.oncall, secrets.oncall) }),
    prices: Object.fromEntries(document.prices.map((prices) => [prices.region, prices])),
  };
}

function limitsOf({ initsPerSecondMax, ...limits }: ConfigDocument['limits']): Config['limits'] {
  return { ...limits, ...(initsPerSecondMax !== undefined && { initsPerSecondMax }) };
}

/** As written, but for what is secret. */
function maskAudit(audit: ConfigDocument['audit'], { signingKey, webhookSecrets }: ConfigSecrets): unknown {
  const anchors = audit.anchors.map((entry, index) => {
    const secret = webhookSecrets.get(index);
    return secret ? { ...entry, webhook: { ...entry.webhook, secret: String(secret) } } : entry;
  });
  return { ...audit, anchors, ...(signingKey && { signingKey: String(signingKey) }) };
}

function buildAudit(
  { anchorFile, anchors, anchorEveryMinutes }: ConfigDocument['audit'],
  { folder, secrets }: { readonly folder: string; readonly secrets: ConfigSecrets },
): AuditSettings {
  const { signingKey, webhookSecrets } = secrets;
  const fileOf = (file: string): AnchorPlace => ({ kind: 'file', path: path.resolve(folder, file) });
  const placeOf = ({ file, webhook, s3 }: AnchorEntry, index: number): AnchorPlace => {
    if (file !== undefined) return fileOf(file);
    if (s3) return { kind: 's3', ...s3 };
    if (!webhook) return { kind: 'stdout' };
    const secret = webhookSecrets.get(index);
    return { kind: 'webhook', url: webhook.url, ...(secret && { secret }) };
  };
  return {
    anchors: [...(anchorFile === undefined ? [] : [fileOf(anchorFile)]), ...anchors.map(placeOf)],
    anchorEveryMinutes,
    ...(signingKey && { signingKey }),
  };
}

type CalendarEntry = ConfigDocument['calendars'][number];

function maskCalendars(calendars: readonly CalendarEntry[], { feedTokens }: ConfigSecrets): readonly unknown[] {
  return calendars.map((entry, index) => {
    const token = feedTokens.get(index);
    return token ? { ...entry, token: String(token) } : entry;
  });
}

function buildCalendar(
  entry: CalendarEntry,
  { order, folder }: { readonly order: number; readonly folder: string },
): CalendarSource[] {
  const format = calendarFormats.find((candidate) => entry[candidate] !== undefined);
  return format === undefined ? [] : [{ order, format, path: path.resolve(folder, entry[format]!) }];
}

function buildFeed(entry: CalendarEntry, order: number, { feedTokens }: ConfigSecrets): CalendarFeed[] {
  const { url, format, refreshMs = refreshMsDefault, privateNetwork: isPrivate = false } = entry;
  if (url === undefined) return [];
  const token = feedTokens.get(order);
  return [{ order, url, ...(format && { format }), refreshMs, ...(token && { token }), isPrivate }];
}

function buildFunction(entry: FunctionEntry, folder: string): ConfiguredFunction {
  const name = parseFunctionKey(entry.function);
  assert(name !== undefined, 'the schema lets only function keys through');
  return {
    spec: {
      key: functionKeyOf(name),
      memoryMb: entry.memoryMb,
      architecture: entry.architecture,
      initDurationMs: entry.initDurationMs,
      runDurationMs: entry.runDurationMs,
      spillTarget: spillTargetOf(entry),
      concurrencyFloor: entry.concurrencyFloor,
      concurrencyCeiling: entry.concurrencyCeiling,
      ...(entry.reservedConcurrency === undefined ? {} : { reservedConcurrency: entry.reservedConcurrency }),
      ...(entry.group === undefined ? {} : { group: entry.group }),
      mode: entry.mode,
      ...(entry.ownership === undefined ? {} : { ownership: entry.ownership }),
      onDrift: entry.onDrift,
    },
    volume: buildVolume(entry.volume, folder),
    symbols: entry.symbols,
    ...(entry.owner !== undefined && { owner: entry.owner }),
  };
}

function buildVolume({ csv, requestsPerUnit, venue }: FunctionEntry['volume'], folder: string): VolumeSource {
  return { ...(csv !== undefined && { csv: path.resolve(folder, csv) }), requestsPerUnit, venue };
}

function spillTargetOf({ usdPerColdStart, usdPerSpill, spilloverRatioMax }: FunctionEntry): SpillTarget {
  if (usdPerColdStart !== undefined) return { kind: 'usdPerColdStart', usd: usdPerColdStart };
  if (usdPerSpill !== undefined) return { kind: 'usdPerSpill', usd: usdPerSpill };
  assert(spilloverRatioMax !== undefined, 'a rule lets exactly one spill target through');
  return { kind: 'spilloverRatioMax', ratio: spilloverRatioMax };
}

/** A plain copy with keys in order and without undefined: written by JSON.stringify it is in the canonical form of RFC 8785. */
function toJson(value: unknown): Json {
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object' || value === null) return value as Json;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(
    entries.sort(([one], [other]) => (one < other ? -1 : 1)).map(([key, item]) => [key, toJson(item)]),
  );
}

function freezeDeeply<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const item of Object.values(value)) freezeDeeply(item);
  return Object.freeze(value);
}
