/**
 * Which of Lambda's metrics there are, under which dimensions, and what a statistic over a period makes of the records.
 *
 * Each invocation publishes a 1 or a 0 to the counting metrics, so `Sum` counts and `Average` is a share. Measures of concurrency are the highest
 * value of each minute, and are added up over the aliases of a function at the same minute: an upper bound, as the minute's peaks need not coincide.
 */
import { createHistogram, type Histogram } from '../../core/histogram.ts';
import { parseFunctionKey } from '../../core/series-key.ts';
import type { EpochMs } from '../../core/time.ts';
import { retention, type AccountRecord, type MetricBook, type MetricRecord } from './metric-book.ts';

/** What was published in one record, of one metric. */
interface Sample {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly packed?: Uint32Array;
}

type Of<Kind> = (record: Kind) => Sample | undefined;

const functionMetrics: Readonly<Record<string, Of<MetricRecord>>> = {
  Invocations: ({ invocationCount: count }) => counted(count, count),
  Errors: ({ invocationCount }) => counted(invocationCount, 0),
  Throttles: ({ invocationCount, throttleCount }) => counted(invocationCount + throttleCount, throttleCount),
  Duration: ({ invocationCount, runs }) =>
    runs && invocationCount > 0
      ? {
          count: invocationCount,
          sum: runs.totalMs,
          min: edgeOf(runs.packed, 0),
          max: edgeOf(runs.packed, 1),
          packed: runs.packed,
        }
      : undefined,
  ProvisionedConcurrencyInvocations: ({ invocationCount, provisioned }) =>
    provisioned && counted(invocationCount, provisioned.invocationCount),
  ProvisionedConcurrencySpilloverInvocations: ({ invocationCount, provisioned }) =>
    provisioned && counted(invocationCount, provisioned.spilloverCount),
  ProvisionedConcurrentExecutions: ({ provisioned }) => measured(provisioned?.peak),
  ConcurrentExecutions: ({ concurrencyPeak }) => measured(concurrencyPeak),
};

const accountMetrics: Readonly<Record<string, Of<AccountRecord>>> = {
  UnreservedConcurrentExecutions: ({ unreservedPeak }) => measured(unreservedPeak),
  ClaimedAccountConcurrency: ({ claimed }) => measured(claimed),
};

export const metricNames: readonly string[] = [...Object.keys(functionMetrics), ...Object.keys(accountMetrics)];

/** Of a function the name alone, or with one alias; neither is the whole account. */
export interface Dimensions {
  readonly functionName?: string;
  /** `name:alias` */
  readonly resource?: string;
}

export interface Statistic {
  readonly kind: 'Sum' | 'Average' | 'Minimum' | 'Maximum' | 'SampleCount' | 'percentile';
  /** Of a percentile, in [0, 1]. */
  readonly ratio: number;
}

export interface MetricAsked {
  readonly metricName: string;
  readonly dimensions: Dimensions;
  readonly statistic: Statistic;
  readonly periodMs: number;
  readonly fromMs: EpochMs;
  /** Not included. */
  readonly untilMs: EpochMs;
  /** What is younger is not to be seen yet. */
  readonly visibleUntilMs: EpochMs;
  /** The age is counted back from there. */
  readonly nowMs: EpochMs;
}

export interface MetricPoint {
  readonly atMs: EpochMs;
  readonly value: number;
}

/** The points in time order; a period in which nothing was published has none, nor has one that is finer than what is kept at its age. */
export function pointsOf(book: MetricBook, asked: MetricAsked): readonly MetricPoint[] {
  const periods = new Map<EpochMs, Fold>();
  for (const { startsAtMs, lengthMs, sample } of samplesOf(book, asked)) {
    const atMs = Math.floor(startsAtMs / asked.periodMs) * asked.periodMs;
    if (atMs < asked.fromMs || atMs >= asked.untilMs || startsAtMs + lengthMs > asked.visibleUntilMs) continue;
    if (asked.periodMs % lengthMs !== 0 || asked.periodMs % grainAtAge(asked.nowMs - atMs) !== 0) continue;
    periods.set(atMs, fold(periods.get(atMs), sample));
  }
  const points: MetricPoint[] = [];
  for (const [atMs, period] of periods) {
    const value = valueOf(period, asked.statistic);
    if (value !== undefined) points.push({ atMs, value });
  }
  return points.sort((a, b) => a.atMs - b.atMs);
}

/** Whether anything was ever published under that name and those dimensions. */
export function isPublished(book: MetricBook, metricName: string, dimensions: Dimensions): boolean {
  for (const _ of samplesOf(book, { metricName, dimensions, fromMs: -Infinity, untilMs: Infinity })) return true;
  return false;
}

interface Published {
  readonly startsAtMs: EpochMs;
  readonly lengthMs: number;
  readonly sample: Sample;
}

function* samplesOf(
  book: MetricBook,
  asked: Pick<MetricAsked, 'metricName' | 'dimensions' | 'fromMs' | 'untilMs'>,
): Generator<Published> {
  const { metricName, dimensions } = asked;
  const isOfAccount = dimensions.functionName === undefined && dimensions.resource === undefined;
  if (isOfAccount && Object.hasOwn(accountMetrics, metricName)) {
    yield* publishedIn(book.accountRecords(), accountMetrics[metricName]!, asked);
  }
  if (!Object.hasOwn(functionMetrics, metricName)) return;
  const lists = book.keys.filter((key) => isOf(key, dimensions)).map((key) => book.recordsOf(key));
  const of = functionMetrics[metricName]!;
  const isMeasure = metricName.endsWith('ConcurrentExecutions');
  if (lists.length === 1 || !isMeasure) for (const list of lists) yield* publishedIn(list, of, asked);
  else yield* addedUp(lists, of, asked);
}

interface Span {
  readonly fromMs: EpochMs;
  readonly untilMs: EpochMs;
}

function* publishedIn<Kind extends { readonly startsAtMs: EpochMs; readonly lengthMs: number }>(
  list: readonly Kind[],
  of: Of<Kind>,
  { fromMs, untilMs }: Span,
): Generator<Published> {
  for (let index = firstFrom(list, fromMs); index < list.length; index++) {
    const record = list[index]!;
    const { startsAtMs, lengthMs } = record;
    if (startsAtMs >= untilMs) return;
    const sample = of(record);
    if (sample) yield { startsAtMs, lengthMs, sample };
  }
}

/** Measures of several functions at the same minute, added up. */
function* addedUp(lists: readonly (readonly MetricRecord[])[], of: Of<MetricRecord>, span: Span): Generator<Published> {
  const sums = new Map<EpochMs, { readonly lengthMs: number; readonly value: number }>();
  for (const list of lists) {
    for (const { startsAtMs, lengthMs, sample } of publishedIn(list, of, span)) {
      const before = sums.get(startsAtMs);
      const value = (before?.value ?? 0) + sample.max;
      sums.set(startsAtMs, { lengthMs: Math.max(lengthMs, before?.lengthMs ?? 0), value });
    }
  }
  for (const [startsAtMs, { lengthMs, value }] of sums) yield { startsAtMs, lengthMs, sample: measured(value)! };
}

/** Place of the first record that may reach into the span. */
function firstFrom(list: readonly { readonly startsAtMs: EpochMs }[], fromMs: EpochMs): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]!.startsAtMs < fromMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isOf(key: MetricBook['keys'][number], { functionName, resource }: Dimensions): boolean {
  const name = parseFunctionKey(key)!;
  return (
    (functionName ?? name.functionName) === name.functionName &&
    (resource ?? `${name.functionName}:${name.alias}`) === `${name.functionName}:${name.alias}`
  );
}

/** The finest grain that is kept at an age; no period is a multiple of Infinity. */
function grainAtAge(ageMs: number): number {
  return retention.find(({ keptMs }) => ageMs <= keptMs)?.stepMs ?? Infinity;
}

interface Fold extends Omit<Sample, 'packed'> {
  readonly packed: Uint32Array[];
}

function fold(before: Fold | undefined, { count, sum, min, max, packed }: Sample): Fold {
  if (!before) return { count, sum, min, max, packed: packed ? [packed] : [] };
  if (packed) before.packed.push(packed);
  return {
    count: before.count + count,
    sum: before.sum + sum,
    min: Math.min(before.min, min),
    max: Math.max(before.max, max),
    packed: before.packed,
  };
}

function valueOf({ count, sum, min, max, packed }: Fold, { kind, ratio }: Statistic): number | undefined {
  switch (kind) {
    case 'Sum':
      return sum;
    case 'SampleCount':
      return count;
    case 'Average':
      return sum / count;
    case 'Minimum':
      return min;
    case 'Maximum':
      return max;
    case 'percentile':
      return unpack(packed).quantile(ratio);
  }
}

function unpack(packed: readonly Uint32Array[]): Histogram {
  const histogram = createHistogram();
  for (const pairs of packed) {
    for (let index = 0; index < pairs.length; index += 2) histogram.add(pairs[index]!, pairs[index + 1]!);
  }
  return histogram;
}

function edgeOf(packed: Uint32Array, ratio: 0 | 1): number {
  return unpack([packed]).quantile(ratio) ?? 0;
}

/** A counting metric: so many published, so many of them a 1. */
function counted(count: number, sum: number): Sample | undefined {
  return count > 0 ? { count, sum, min: sum === count ? 1 : 0, max: sum > 0 ? 1 : 0 } : undefined;
}

function measured(value: number | undefined): Sample | undefined {
  return value === undefined ? undefined : { count: 1, sum: value, min: value, max: value };
}
