/**
 * Volume that is kept because its source forgets it: CloudWatch has a minute for 15 days, five minutes for 63, an hour for 455.
 *
 * Mental model: a folder a function, a CSV file a grain and month (`1m-2026-11.csv`, the `ts,volume` of every other history), so that a person can
 * read, copy, pack or remove them by name. Rows are only ever added behind the last one; an import fills in what is missing and overwrites nothing.
 *
 * A crash may leave half a line at the end, which reads as a smaller number: a reader takes whole lines alone, a writer cuts the rest off first.
 * Nothing is forced to disk: what a power cut takes, CloudWatch still has.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { InputError } from '../core/errors.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { formatInstant, msPerDay, msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import { endOf, sliceSeries, type VolumeSeries } from '../core/volume-series.ts';
import { createVolumeParser, type VolumeHistory } from './volume-parser.ts';

export type Grain = '1m' | '5m' | '1h';

export const grainMsOf: Readonly<Record<Grain, number>> = { '1m': msPerMinute, '5m': 5 * msPerMinute, '1h': msPerHour };

export interface KeptRow {
  readonly atMs: EpochMs;
  readonly volume: number;
  /** Something of it was throttled. Told while it is live, and not kept in the file. */
  readonly isSaturated?: true;
}

/** What a minute of one alias was like, as far as CloudWatch has a point; null where it has none. */
export interface VitalsRow {
  readonly atMs: EpochMs;
  readonly errors: number | null;
  readonly durationMsAverage: number | null;
  readonly durationMsP50: number | null;
  readonly durationMsP99: number | null;
  /** Requests beyond warm capacity. */
  readonly spillover: number | null;
  /** Provisioned environments that were busy at once; how many were allocated is no metric. */
  readonly provisionedConcurrency: number | null;
  /** Of the whole account: reserved, provisioned and in use. */
  readonly claimedConcurrency: number | null;
}

/** What was kept of one grain; buckets that nobody knows are NaN. */
export type KeptHistory = Pick<VolumeHistory, 'series' | 'rowCount' | 'sha256'> & { readonly badRowCount: number };

export interface HistoryKeep {
  /** The folder of one function, for people. */
  folderOf(key: FunctionKey): string;
  /** Adds minutes behind the last one kept; what is not behind it is left out. */
  append(key: FunctionKey, rows: readonly KeptRow[]): Promise<void>;
  /** Adds what a minute was like, beside its volume, under the same rule. */
  appendVitals(key: FunctionKey, rows: readonly VitalsRow[]): Promise<void>;
  /** Fills in buckets that are missing. What is there stays. Answers how many were new. */
  fill(key: FunctionKey, grain: Grain, rows: readonly KeptRow[]): Promise<number>;
  /** The buckets that lie in [fromMs, untilMs); undefined where none is kept. @throws InputError when a file is not what was written there. */
  read(
    key: FunctionKey,
    grain: Grain,
    span: { readonly fromMs: EpochMs; readonly untilMs: EpochMs },
  ): Promise<KeptHistory | undefined>;
}

const header = 'ts,volume\n';
/** A month of minutes is 1.2 MB. */
const fileByteCountMax = 16 * 1024 ** 2;
const fileNamePattern = /^(1m|5m|1h)-(\d{4}-\d{2})\.csv$/;
/** Two lines and more, of minutes as of vitals. */
const tailByteCount = 512;
const rowPattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ),/;

export function openHistoryKeep(root: string): HistoryKeep {
  // Dots stand in no account, region, function or alias.
  const folderOf = (key: FunctionKey): string => path.join(root, key.replaceAll(/[/:]/g, '.'));

  return {
    folderOf,
    async append(key, rows) {
      const months = Map.groupBy(rows, ({ atMs }) => monthOf(atMs));
      await mkdir(folderOf(key), { recursive: true }).catch((error: unknown) => refuse(folderOf(key), error));
      for (const [month, rowsOfMonth] of months)
        await appendLines(
          fileIn(folderOf(key), '1m', month),
          header,
          rowsOfMonth.map((row) => ({ atMs: row.atMs, line: lineOf(row) })),
        );
    },
    async appendVitals(key, rows) {
      const months = Map.groupBy(rows, ({ atMs }) => monthOf(atMs));
      await mkdir(folderOf(key), { recursive: true }).catch((error: unknown) => refuse(folderOf(key), error));
      for (const [month, rowsOfMonth] of months) {
        const file = path.join(folderOf(key), `vitals-${month}.csv`);
        await appendLines(
          file,
          vitalsHeader,
          rowsOfMonth.map((row) => ({ atMs: row.atMs, line: vitalsLineOf(row) })),
        );
      }
    },
    async fill(key, grain, rows) {
      const months = Map.groupBy(rows, ({ atMs }) => monthOf(atMs));
      await mkdir(folderOf(key), { recursive: true }).catch((error: unknown) => refuse(folderOf(key), error));
      let addedCount = 0;
      for (const [month, rowsOfMonth] of months)
        addedCount += await fillFile(fileIn(folderOf(key), grain, month), grain, rowsOfMonth);
      return addedCount;
    },
    read: (key, grain, span) => readGrain(folderOf(key), grain, span),
  };
}

async function readGrain(
  folder: string,
  grain: Grain,
  { fromMs, untilMs }: { readonly fromMs: EpochMs; readonly untilMs: EpochMs },
): Promise<KeptHistory | undefined> {
  const months = await monthsOf(folder, grain);
  const wanted = months.filter((month) => month >= monthOf(fromMs) && month <= monthOf(untilMs - 1));
  const parts: KeptHistory[] = [];
  for (const month of wanted) {
    const part = await readFileOf(fileIn(folder, grain, month), grain);
    if (part) parts.push(part);
  }
  return joinParts(parts, { fromMs, untilMs });
}

function fileIn(folder: string, grain: Grain, month: string): string {
  return path.join(folder, `${grain}-${month}.csv`);
}

/** `2026-11` */
function monthOf(atMs: EpochMs): string {
  return formatInstant(atMs).slice(0, 7);
}

function lineOf({ atMs, volume }: KeptRow): string {
  return `${formatInstant(atMs)},${volume}\n`;
}

const vitalNames = [
  'errors',
  'durationMsAverage',
  'durationMsP50',
  'durationMsP99',
  'spillover',
  'provisionedConcurrency',
  'claimedConcurrency',
] as const;

const vitalsHeader = `${['ts', ...vitalNames].join(',')}\n`;

function vitalsLineOf(row: VitalsRow): string {
  return `${[formatInstant(row.atMs), ...vitalNames.map((name) => row[name] ?? '')].join(',')}\n`;
}

async function monthsOf(folder: string, grain: Grain): Promise<readonly string[]> {
  const names = await readdir(folder).catch((error: unknown) =>
    (error as NodeJS.ErrnoException).code === 'ENOENT' ? [] : refuse(folder, error),
  );
  return names
    .flatMap((name) => {
      const match = fileNamePattern.exec(name);
      return match?.[1] === grain ? [match[2]!] : [];
    })
    .sort();
}

interface KeptLine {
  readonly atMs: EpochMs;
  /** With its instant in front and its line break. */
  readonly line: string;
}

/** Adds lines behind the last whole one of a file that is in the order of time; those that are not behind it are left out. */
async function appendLines(file: string, firstLine: string, lines: readonly KeptLine[]): Promise<void> {
  try {
    await using handle = await open(file, 'a+');
    const { size } = await handle.stat();
    const tail = Buffer.alloc(Math.min(size, tailByteCount));
    await handle.read(tail, 0, tail.length, size - tail.length);
    const wholeLength = tail.lastIndexOf('\n') + 1;
    if (wholeLength < tail.length) await handle.truncate(size - tail.length + wholeLength);
    const lastLine = tail.subarray(0, wholeLength).toString('latin1').trimEnd().split('\n').at(-1)!;
    const lastAtMs = Date.parse(rowPattern.exec(lastLine)?.[1] ?? '');
    const fresh = Number.isNaN(lastAtMs) ? lines : lines.filter(({ atMs }) => atMs > lastAtMs);
    const isNew = size - tail.length + wholeLength === 0;
    if (fresh.length > 0) await handle.appendFile((isNew ? firstLine : '') + fresh.map(({ line }) => line).join(''));
  } catch (error) {
    refuse(file, error);
  }
}

async function fillFile(file: string, grain: Grain, rows: readonly KeptRow[]): Promise<number> {
  const known = await readFileOf(file, grain);
  const merged = new Map<EpochMs, number>();
  for (const [index, value] of (known?.series.values ?? []).entries())
    if (!Number.isNaN(value)) merged.set(known!.series.fromMs + index * grainMsOf[grain], value);
  const fresh = rows.filter(({ atMs }) => !merged.has(atMs));
  if (fresh.length === 0) return 0;
  for (const { atMs, volume } of fresh) merged.set(atMs, volume);
  const lines = [...merged].sort(([one], [other]) => one - other).map(([atMs, volume]) => lineOf({ atMs, volume }));
  try {
    // Whole or not at all: a reader never sees half a month.
    await writeFile(`${file}.new`, header + lines.join(''));
    await rename(`${file}.new`, file);
  } catch (error) {
    refuse(file, error);
  }
  return fresh.length;
}

async function readFileOf(file: string, grain: Grain): Promise<KeptHistory | undefined> {
  const bytes = await readWholeLines(file);
  // The header alone, or not even that: a crash came before the first row.
  if (bytes.length <= header.length) return undefined;
  const parser = createVolumeParser({ name: file, stepMs: grainMsOf[grain] });
  parser.push(bytes);
  const { series, rowCount, sha256, badRows } = parser.end();
  return { series, rowCount, sha256, badRowCount: badRows.count };
}

async function readWholeLines(file: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(file);
    if (size > fileByteCountMax)
      throw new InputError('history-size', `${file}: longer than a month of minutes can be; is it a file of ours?`);
    const bytes = await readFile(file);
    return bytes.subarray(0, bytes.lastIndexOf('\n') + 1);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Uint8Array(0);
    return refuse(file, error);
  }
}

function refuse(file: string, error: unknown): never {
  if (error instanceof InputError) throw error;
  const { code } = error as NodeJS.ErrnoException;
  throw new InputError('history-unusable', `${file}: cannot be read or written (${code ?? 'unknown'})`, {
    cause: error,
  });
}

function joinParts(
  parts: readonly KeptHistory[],
  span: { readonly fromMs: EpochMs; readonly untilMs: EpochMs },
): KeptHistory | undefined {
  const [first] = parts;
  if (!first) return undefined;
  const { stepMs } = first.series;
  const { fromMs } = first.series;
  const untilMs = endOf(parts.at(-1)!.series);
  const values = new Float64Array((untilMs - fromMs) / stepMs).fill(NaN);
  const hash = createHash('sha256');
  for (const { series, sha256 } of parts) {
    values.set(series.values, (series.fromMs - fromMs) / stepMs);
    hash.update(sha256);
  }
  const series = sliceSeries({ fromMs, stepMs, values }, span.fromMs, span.untilMs);
  const rowCount = series.values.reduce((count, value) => count + (Number.isNaN(value) ? 0 : 1), 0);
  const badRowCount = parts.reduce((count, part) => count + part.badRowCount, 0);
  return rowCount === 0 ? undefined : { series, rowCount, sha256: hash.digest('hex'), badRowCount };
}

/** Five weeks hold one of every monthly release and 25 sessions. */
const minutesEnoughMs = 35 * msPerDay;
/** As far back as a model remembers. */
const learnedMs = 100 * msPerDay;
/** What is learned begins on this grid: the histories of starts in one month then begin alike, and are recorded once. */
const learnedGridMs = 30 * msPerDay;

export interface LearnableHistory extends KeptHistory {
  readonly grain: Exclude<Grain, '1h'>;
}

/**
 * What a forecaster is to learn from out of one function's folder: minutes, once five weeks of them are kept; before that five minutes, which reach 63 days back, with the kept minutes
 * summed into them. Minutes are never made out of anything coarser, and hours teach nothing here: they cannot say which minute of theirs was the peak.
 * Undefined where nothing is kept.
 */
export async function readLearnable(folder: string, untilMs: EpochMs): Promise<LearnableHistory | undefined> {
  const span = { fromMs: Math.floor((untilMs - learnedMs) / learnedGridMs) * learnedGridMs, untilMs };
  const minutes = await readGrain(folder, '1m', span);
  if (minutes && untilMs - minutes.series.fromMs >= minutesEnoughMs) return { ...minutes, grain: '1m' };
  const fives = await readGrain(folder, '5m', span);
  if (!fives) return minutes && { ...minutes, grain: '1m' };
  if (!minutes) return { ...fives, grain: '5m' };
  const series = overlay(fives.series, sumInto(minutes.series, grainMsOf['5m']));
  return {
    grain: '5m',
    series,
    rowCount: series.values.reduce((count, value) => count + (Number.isNaN(value) ? 0 : 1), 0),
    badRowCount: fives.badRowCount + minutes.badRowCount,
    sha256: createHash('sha256').update(fives.sha256).update(minutes.sha256).digest('hex'),
  };
}

/** Sums into longer buckets; a sum over a missing minute is missing, because a part is not the whole. */
function sumInto(series: VolumeSeries, stepMs: number): VolumeSeries {
  const fromMs = Math.ceil(series.fromMs / stepMs) * stepMs;
  const length = Math.max(0, Math.floor((endOf(series) - fromMs) / stepMs));
  const values = new Float64Array(length);
  for (let index = 0; index < length; index++) {
    const { values: parts } = sliceSeries(series, fromMs + index * stepMs, fromMs + (index + 1) * stepMs);
    values[index] = parts.reduce((sum, part) => sum + part, 0);
  }
  return { fromMs, stepMs, values };
}

/** One series out of two of the same step: the first where it knows, else the second. */
function overlay(one: VolumeSeries, other: VolumeSeries): VolumeSeries {
  const { stepMs } = one;
  if (other.values.length === 0) return one;
  const fromMs = Math.min(one.fromMs, other.fromMs);
  const values = new Float64Array((Math.max(endOf(one), endOf(other)) - fromMs) / stepMs).fill(NaN);
  values.set(other.values, (other.fromMs - fromMs) / stepMs);
  for (const [index, value] of one.values.entries())
    if (!Number.isNaN(value)) values[(one.fromMs - fromMs) / stepMs + index] = value;
  return { fromMs, stepMs, values };
}
