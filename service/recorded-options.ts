/**
 * What a run decides with besides its facts, kept in the store by the hash of what it says: the options, the calendar, the histories, and the state that an earlier run
 * left. The audit log names the hashes, so whoever replays a decision has its inputs and can prove that nobody changed them.
 *
 * A blob is written once, whoever asks for it again: the same configuration started a hundred times is one blob.
 */
import { createHash } from 'node:crypto';
import { calendarVersion, type Calendar } from '../calendar/event.ts';
import { createVenue, type Venue } from '../calendar/venue.ts';
import { InputError } from '../core/errors.ts';
import type { MarketEvent } from '../core/market-event.ts';
import type { Store } from '../core/ports.ts';
import type { VolumeSeries } from '../core/volume-series.ts';
import type { EngineSnapshot } from './engine-snapshot.ts';
import { partsOf, unpackPart } from './series-blob.ts';
import type { SystemFunction, SystemHistory, SystemOptions } from './system-options.ts';
import type { WatchSnapshot } from './trace-watch.ts';

/** What the audit log names of one start. */
export interface RecordedHashes {
  readonly optionsSha256: string;
  readonly calendarVersion: string;
  /** The parts of each history, in time order, by its name. */
  readonly seriesSha256: ReadonlyMap<string, readonly string[]>;
}

const blobNames = {
  calendar: 'calendar',
  options: 'config',
  series: 'history',
  snapshot: 'engine-start',
  usual: 'watch-start',
} as const;

type BlobName = (typeof blobNames)[keyof typeof blobNames];

/** Options as JSON: a venue by its name, a history by its parts, the calendar by its version. */
interface WrittenOptions extends Omit<SystemOptions, 'functions' | 'calendar'> {
  readonly calendar: Omit<Calendar, 'events'>;
  readonly histories: readonly WrittenHistory[];
  readonly functions: readonly WrittenFunction[];
}

interface WrittenHistory {
  readonly name: string;
  readonly about: Omit<SystemHistory['history'], 'series'>;
  readonly series: Omit<VolumeSeries, 'values'> & { readonly partsSha256: readonly string[] };
}

interface WrittenFunction extends Omit<SystemFunction, 'venue' | 'history'> {
  readonly venue: string;
  /** Its place in `histories`. */
  readonly history: number;
}

/** What is usual of spans lies in a blob of its own: it is large, and goes with the spans. */
type WrittenSnapshot = Omit<EngineSnapshot, 'watch'> & { readonly watch?: WrittenWatch };
type WrittenWatch = Omit<WatchSnapshot, 'usual'> & { readonly usualSha256: string };

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Puts into the store what the options say, where it is not there yet. They hold no secrets.
 *
 * Cost: for a year of minutes 60 ms and 0.7 MB the first time, 15 ms and what has been added after that.
 */
export async function recordOptions(store: Store, options: SystemOptions): Promise<RecordedHashes> {
  const { functions, calendar, ...rest } = options;
  const { events: _, ...aboutCalendar } = calendar;
  const histories = [...new Set(functions.map(({ history }) => history))];
  const written: WrittenHistory[] = [];
  for (const history of histories) written.push(await recordHistory(store, history));
  // Members stay in their order: what is judged with them again is to be the same to the byte.
  const text = JSON.stringify({
    ...rest,
    calendar: aboutCalendar,
    histories: written,
    functions: functions.map(({ venue, history, ...about }): WrittenFunction => ({
      ...about,
      venue: venue.name,
      history: histories.indexOf(history),
    })),
  } satisfies WrittenOptions);
  const optionsSha256 = sha256Of(text);
  await putOnce(store, blobNames.options, optionsSha256, () => encoder.encode(text));
  await recordCalendar(store, calendar);
  return {
    optionsSha256,
    calendarVersion: calendar.version,
    seriesSha256: new Map(written.map(({ name, series }) => [name, series.partsSha256])),
  };
}

/** Puts the events of a calendar into the store under its version. */
export async function recordCalendar(store: Store, { version, events }: Calendar): Promise<void> {
  await putOnce(store, blobNames.calendar, version, () => encoder.encode(JSON.stringify(events)));
}

/** Puts the state that a run begins with into the store, and answers its hash. */
export async function recordSnapshot(store: Store, snapshot: EngineSnapshot): Promise<string> {
  const { watch, ...engine } = snapshot;
  const { usual, ...told } = watch ?? {};
  const usualSha256 = usual && sha256Of(usual);
  if (usual && usualSha256 !== undefined) await putOnce(store, blobNames.usual, usualSha256, () => usual);
  const written: WrittenSnapshot = { ...engine, ...(watch && { watch: { ...told, usualSha256 } as WrittenWatch }) };
  const text = JSON.stringify(written);
  const sha256 = sha256Of(text);
  await putOnce(store, blobNames.snapshot, sha256, () => encoder.encode(text));
  return sha256;
}

/**
 * The options as they were judged with.
 *
 * @throws InputError when the store does not hold a blob that they name, or holds another under its name.
 */
export async function loadOptions(
  store: Store,
  { optionsSha256 }: Pick<RecordedHashes, 'optionsSha256'>,
): Promise<SystemOptions> {
  const text = await loadText(store, blobNames.options, optionsSha256);
  const { calendar, histories, functions, ...rest } = JSON.parse(text) as WrittenOptions;
  const loaded: SystemHistory[] = [];
  for (const history of histories) loaded.push(await loadHistory(store, history));
  const venues = new Map<string, Venue>();
  return {
    ...rest,
    calendar: { ...calendar, events: await loadEvents(store, calendar.version) },
    functions: functions.map(({ venue: name, history, ...about }): SystemFunction => {
      const venue = venues.get(name) ?? venueNamed(name);
      venues.set(name, venue);
      return { ...about, venue, history: loaded[history]! };
    }),
  };
}

/**
 * The events of a calendar by its version.
 *
 * @throws InputError as `loadOptions`.
 */
export async function loadEvents(store: Store, version: string): Promise<readonly MarketEvent[]> {
  const bytes = await loadBlob(store, blobNames.calendar, version);
  const value = parse(bytes);
  const events = Array.isArray(value) ? (value as readonly MarketEvent[]) : undefined;
  if (!events || calendarVersion(events) !== version) throw changed(blobNames.calendar, version);
  return events;
}

/** @throws InputError as `loadOptions`. */
export async function loadSnapshot(store: Store, sha256: string): Promise<EngineSnapshot> {
  const { watch, ...engine } = JSON.parse(await loadText(store, blobNames.snapshot, sha256)) as WrittenSnapshot;
  if (!watch) return engine;
  const { usualSha256, ...told } = watch;
  const usual = await loadBlob(store, blobNames.usual, usualSha256);
  if (sha256Of(usual) !== usualSha256) throw changed(blobNames.usual, usualSha256);
  return { ...engine, watch: { ...told, usual } };
}

async function recordHistory(store: Store, { name, history }: SystemHistory): Promise<WrittenHistory> {
  const { series, ...about } = history;
  const { fromMs, stepMs } = series;
  const parts = partsOf(series);
  for (const part of parts) await putOnce(store, blobNames.series, part.sha256, () => part.pack());
  return { name, about, series: { fromMs, stepMs, partsSha256: parts.map(({ sha256 }) => sha256) } };
}

async function loadHistory(store: Store, { name, about, series }: WrittenHistory): Promise<SystemHistory> {
  const { partsSha256, ...grid } = series;
  const parts: Float64Array[] = [];
  for (const sha256 of partsSha256) {
    const values = await unpackPart(await loadBlob(store, blobNames.series, sha256), sha256);
    if (!values) throw changed(blobNames.series, sha256);
    parts.push(values);
  }
  const values = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    values.set(part, at);
    at += part.length;
  }
  return { name, history: { ...about, series: { ...grid, values } } };
}

async function putOnce(
  store: Store,
  name: BlobName,
  version: string,
  bytes: () => Uint8Array | Promise<Uint8Array>,
): Promise<void> {
  if ((await store.get(name, version)) === undefined) await store.put(name, version, await bytes());
}

async function loadText(store: Store, name: BlobName, sha256: string): Promise<string> {
  const text = decode(await loadBlob(store, name, sha256));
  if (text === undefined || sha256Of(text) !== sha256) throw changed(name, sha256);
  return text;
}

async function loadBlob(store: Store, name: BlobName, version: string): Promise<Uint8Array> {
  const blob = await store.get(name, version);
  if (blob) return blob.bytes;
  throw new InputError(
    'record-missing',
    `the store does not hold the ${name} ${version} that was decided with: it was pruned, or an earlier release did not keep it`,
  );
}

function changed(name: BlobName, version: string): InputError {
  return new InputError('record-changed', `the ${name} ${version} of the store is not what was put there`);
}

function venueNamed(name: string): Venue {
  const [exchange = '', zone = ''] = name.split(' ');
  return createVenue(exchange === '24x7' ? zone : exchange);
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decode(bytes) ?? '');
  } catch {
    return undefined;
  }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function sha256Of(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex');
}
