/**
 * What CloudWatch still has of the demand of some functions, each span at the finest grain that is left of it: minutes of 15 days, five minutes of 63, hours of 455.
 * It is kept by grain; nothing is made finer than it came.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html (retention)
 */
import type { FunctionKey } from '../core/series-key.ts';
import { msPerDay, msPerHour, msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import type { MetricPoints, MetricReader, MetricSpan } from './cloudwatch.ts';
import { demandMetricCount, demandOf, demandQueries, demandRows, witnessedBuckets } from './cloudwatch-demand.ts';
import { grainMsOf, type Grain, type HistoryKeep } from './kept-history.ts';

export interface ImportSpan {
  readonly grain: Grain;
  readonly fromMs: EpochMs;
  readonly untilMs: EpochMs;
}

export interface ImportedSpan extends ImportSpan {
  /** Buckets that are known, zeros included. */
  readonly bucketCount: number;
  /** Buckets between the first and the end of which nothing is known. */
  readonly missingCount: number;
  /** Of the known ones those that were not kept before. */
  readonly newCount: number;
  readonly requestCount: number;
}

export interface ImportedFunction {
  readonly key: FunctionKey;
  /** Finest first. Empty where CloudWatch has no point of the function at all. */
  readonly spans: readonly ImportedSpan[];
  readonly newestAtMs: EpochMs | null;
}

export interface ImportOptions {
  readonly keys: readonly FunctionKey[];
  readonly reader: MetricReader;
  readonly keep: HistoryKeep;
  /** Of `planImport`. */
  readonly spans: readonly ImportSpan[];
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: ImportProgress) => void;
}

export interface ImportProgress {
  readonly grain: Grain;
  readonly doneRatio: number;
}

const retentionMsOf: Readonly<Record<Grain, number>> = {
  '1m': 15 * msPerDay,
  '5m': 63 * msPerDay,
  '1h': 455 * msPerDay,
};

/** What is about to be forgotten is left alone: the reading itself takes its time. */
const marginMs = 5 * msPerMinute;

/** A person waits for it: long enough for a throttle to pass. */
const patienceMs = 30 * msPerSecond;

/** Points held in memory at a time, about 100 MB of them. */
const pointCountMax = 1_000_000;

export interface ImportBounds {
  /** Minutes that ended less than this ago may still grow. */
  readonly settleMs: number;
  /** Nothing older is read. */
  readonly fromMs?: EpochMs;
}

/** Minutes, before them five minutes, before them hours; they meet on full hours. Spans that `fromMs` leaves empty are left out. */
export function planImport(nowMs: EpochMs, { settleMs, fromMs = -Infinity }: ImportBounds): readonly ImportSpan[] {
  const spans: ImportSpan[] = [];
  let untilMs = Math.floor((nowMs - settleMs) / msPerMinute) * msPerMinute;
  for (const grain of ['1m', '5m', '1h'] as const) {
    const stepMs = grainMsOf[grain];
    const oldestMs = Math.ceil((nowMs - retentionMsOf[grain] + marginMs) / msPerHour) * msPerHour;
    const startMs = Math.max(oldestMs, Math.ceil(fromMs / stepMs) * stepMs);
    if (startMs < untilMs) spans.push({ grain, fromMs: startMs, untilMs });
    untilMs = Math.min(untilMs, oldestMs);
  }
  return spans;
}

/** Metrics that an import asks for: those of a function once for each grain, and the account's with every batch of functions. Pages and repeated calls come on top. */
export function importMetricCount(functionCount: number, spans: readonly ImportSpan[]): number {
  const batchCount = Math.ceil(functionCount / functionsPerBatch(spans));
  return spans.length * (functionCount * demandMetricCount + batchCount);
}

/**
 * Reads and keeps. What had been kept stays; a second import adds what is new.
 *
 * @throws what the reader throws, InputError when it cannot be kept. What was kept until then stays.
 */
export async function importHistory(options: ImportOptions): Promise<readonly ImportedFunction[]> {
  const { keys, keep, spans } = options;
  const batchSize = functionsPerBatch(spans);
  const imported: ImportedFunction[] = [];
  for (let first = 0; first < keys.length; first += batchSize) {
    const batch = keys.slice(first, first + batchSize);
    const readings = await readBatch(batch, options, first / keys.length);
    for (const key of batch) imported.push(await keepFunction(key, readings, keep));
  }
  return imported;
}

interface SpanReading {
  readonly span: ImportSpan & MetricSpan;
  readonly witnessed: ReadonlySet<EpochMs>;
  readonly demand: ReadonlyMap<FunctionKey, MetricPoints>;
}

async function readBatch(
  batch: readonly FunctionKey[],
  { keys, spans, reader, signal, onProgress }: ImportOptions,
  doneRatio: number,
): Promise<readonly SpanReading[]> {
  const readings: SpanReading[] = [];
  for (const [index, one] of spans.entries()) {
    const span = { ...one, stepMs: grainMsOf[one.grain] };
    const reading = await reader.read(demandQueries(batch), span, {
      signal,
      patienceMs,
      onProgress: ({ doneCount, totalCount }) => {
        const ofBatch = (index + doneCount / totalCount) / spans.length;
        onProgress?.({ grain: one.grain, doneRatio: doneRatio + (ofBatch * batch.length) / keys.length });
      },
    });
    const demand = new Map(batch.map((key) => [key, demandOf(reading, key)]));
    readings.push({ span, demand, witnessed: witnessedBuckets(reading) });
  }
  return readings;
}

async function keepFunction(
  key: FunctionKey,
  readings: readonly SpanReading[],
  keep: HistoryKeep,
): Promise<ImportedFunction> {
  const known = readings.flatMap(({ demand }) => [...demand.get(key)!.keys()]);
  if (known.length === 0) return { key, spans: [], newestAtMs: null };
  const seenFromMs = known.reduce((one, other) => Math.min(one, other));
  const newestAtMs = known.reduce((one, other) => Math.max(one, other));
  const spans: ImportedSpan[] = [];
  for (const { span, demand, witnessed } of readings) {
    const rows = demandRows(demand.get(key)!, witnessed, { span, seenFromMs });
    const [firstRow] = rows;
    if (!firstRow) continue;
    const { grain, stepMs, untilMs } = span;
    spans.push({
      grain,
      fromMs: firstRow.atMs,
      untilMs,
      bucketCount: rows.length,
      missingCount: (untilMs - firstRow.atMs) / stepMs - rows.length,
      newCount: await keep.fill(key, grain, rows),
      requestCount: rows.reduce((sum, { volume }) => sum + volume, 0),
    });
  }
  return { key, spans, newestAtMs };
}

function functionsPerBatch(spans: readonly ImportSpan[]): number {
  const bucketCount = Math.max(1, ...spans.map(({ grain, fromMs, untilMs }) => (untilMs - fromMs) / grainMsOf[grain]));
  return Math.max(1, Math.floor(pointCountMax / (bucketCount * demandMetricCount)));
}
