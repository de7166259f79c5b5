/**
 * Live minutes of demand from CloudWatch: told once, in time order, when they have settled, and kept on disk before they are told.
 *
 * Mental model: a cursor a function, the first minute that has not been told. A reading covers all cursors and reaches to now; from each cursor on, minutes that are
 * old enough are told: with their count, or as zero where CloudWatch has shown to have that minute. A minute that nobody has anything of is waited for until a later one
 * is known, three hours at the most, and then missing.
 *
 * Settled: Lambda reports a request when it has ended, under the minute in which it began, and CloudWatch shows it one to three minutes later (nothing is promised). So a
 * minute is old enough three minutes after its end, and the whole minutes of the function's longest usual run later. What comes later still is counted, so that the wait can be judged.
 *
 * Price: by the metric and not by the minute. A fleet that would ask too often reads less often, never more cheaply wrong.
 */
import { assert } from '../core/assert.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerDay, msPerHour, msPerMinute, type Clock, type EpochMs } from '../core/time.ts';
import type { MetricPoints, MetricReader, MetricReading, MetricSpan } from './cloudwatch.ts';
import {
  demandMetricCount,
  demandOf,
  demandQueries,
  demandRows,
  saturatedBuckets,
  witnessedBuckets,
} from './cloudwatch-demand.ts';
import type { HistoryKeep, KeptRow } from './kept-history.ts';

export interface WatchedFunction {
  readonly key: FunctionKey;
  /** 99th percentile: until then a request that began in a minute may still be running, and is not reported. */
  readonly runDurationMsP99: number;
}

export interface ToldMinutes {
  readonly key: FunctionKey;
  readonly rows: readonly KeptRow[];
}

/** How far behind CloudWatch is, as seen at the last reading. */
export interface MinuteStatus {
  readonly key: FunctionKey;
  /** The newest minute with a point; null where none was ever seen. */
  readonly newestAtMs: EpochMs | null;
  /** From the end of that minute to the reading; quiet functions have old ones. */
  readonly newestAgeMs: number | null;
  /** Up to here minutes have been told, or found missing. */
  readonly toldUntilMs: EpochMs;
  readonly missingCount: number;
  /** Requests that were reported after their minute had been told: what a longer wait would have counted. */
  readonly lateRequestCount: number;
}

export interface MinuteCollector {
  /** How often a reading is due under the limit on metrics. */
  readonly intervalMs: number;
  readonly isDue: () => boolean;
  /**
   * Reads the minutes that have settled, keeps them, and then tells them. Where it throws, what was told stays told, and the next reading begins at the minutes that were not.
   *
   * @throws what the reader throws; InputError when the minutes cannot be kept.
   */
  collect(collecting: Collecting): Promise<void>;
  /** From the end of the newest minute that CloudWatch had anything of to the last reading: its lag, where anything runs at all. */
  readonly lagMs: () => number | null;
  readonly status: () => readonly MinuteStatus[];
}

export interface Collecting {
  readonly signal: AbortSignal;
  readonly tell: (told: ToldMinutes) => void;
  /** For one call that fails, as the reader takes it. */
  readonly patienceMs?: number;
  /** No call is begun after it; what was not read is read the next time. */
  readonly deadlineMs?: EpochMs;
  /** Minutes told at once, all functions together. Default: what the queue in front of the engine takes. */
  readonly rowCountMax?: number;
}

export interface MinuteCollectorOptions {
  readonly functions: readonly WatchedFunction[];
  readonly reader: MetricReader;
  readonly keep: HistoryKeep;
  readonly clock: Clock;
  readonly metricsPerHourMax: number;
  /** Wait after the end of a minute, beside the function's run. */
  readonly settleMs?: number;
}

/** Visible "1 to 3 minutes later" by what people report; nothing is promised. */
const settleMsDefault = 3 * msPerMinute;

/**
 * How long after its end a minute is taken as it is shown. Whole minutes of the run come on top of the wait; what is less lies within it: a part of a minute would cost a
 * whole one, since readings come on the minute.
 */
export function settledAfterMs(runDurationMsP99: number, settleMs = settleMsDefault): number {
  return settleMs + Math.floor(runDurationMsP99 / msPerMinute) * msPerMinute;
}

/** Lambda's longest run: under a minute that is older nothing is reported any more. */
const lateMs = 15 * msPerMinute;

/** Minutes are there for 15 days; an hour less, so that the oldest is not lost on the way. */
const reachMs = 15 * msPerDay - 60 * msPerMinute;

/** More would fill the queue in front of the engine. 500 functions catch up two hours a reading. */
const rowCountMaxDefault = 60_000;

/** An outage of CloudWatch may fill up after hours; after three, forecasts need what is newer more than what is missing. */
const giveUpMs = 3 * msPerHour;

/** A reading that begins where nothing was given up yet reaches to now. */
const spanMsMin = 4 * msPerHour;

/** Functions are read together while they are about as far. */
const togetherMs = msPerHour;

/** Points held in memory at a time, about 100 MB of them. */
const pointCountMax = 1_000_000;

interface Cursor {
  readonly key: FunctionKey;
  readonly waitMs: number;
  nextMs: EpochMs;
  /** Since when it is known to be there; nothing is told of before. */
  seenFromMs: EpochMs | undefined;
  newestAtMs: EpochMs | undefined;
  missingCount: number;
  lateRequestCount: number;
  /** What was told of the minutes that may still change. */
  readonly told: Map<EpochMs, number>;
}

/** Goes on behind what is kept; of a function of which nothing is kept, with what CloudWatch still has. */
export async function openMinuteCollector(options: MinuteCollectorOptions): Promise<MinuteCollector> {
  const { functions, reader, keep, clock, metricsPerHourMax, settleMs } = options;
  assert(functions.length > 0, 'a collector watches something');
  const intervalMs = intervalMsOf(functions.length, metricsPerHourMax);
  const cursors: Cursor[] = [];
  for (const { key, runDurationMsP99 } of functions)
    cursors.push(
      await openCursor(keep, { key, waitMs: settledAfterMs(runDurationMsP99, settleMs), nowMs: clock.nowMs() }),
    );
  let dueAtMs = -Infinity;
  let readAtMs: EpochMs | undefined;
  let newestAtMs: EpochMs | undefined;

  const collectBatch = async ({ members, span }: Batch, minutesMax: number, collecting: Collecting): Promise<void> => {
    const { signal, patienceMs, tell } = collecting;
    const nowMs = clock.nowMs();
    const queries = demandQueries(members.map(({ key }) => key));
    const reading = await reader.read(queries, span, { signal, ...(patienceMs !== undefined && { patienceMs }) });
    const witnessed = witnessedBuckets(reading);
    for (const cursor of members) {
      const demand = demandOf(reading, cursor.key);
      const move = moveOf(cursor, demand, { witnessed, span, nowMs, minutesMax });
      // Kept first: what was told and not kept would be told again after a crash.
      if (move.rows.length > 0) await keep.append(cursor.key, move.rows);
      countLate(cursor, demand);
      takeMove(cursor, move, demand);
      const saturated = saturatedBuckets(reading, cursor.key);
      const told = move.rows.map((row) => (saturated.has(row.atMs) ? { ...row, isSaturated: true as const } : row));
      if (told.length > 0) tell({ key: cursor.key, rows: told });
    }
    readAtMs = reading.readAtMs;
    newestAtMs = laterOf(newestAtMs, newestOf(reading));
  };

  return {
    intervalMs,
    isDue: () => clock.nowMs() >= dueAtMs,
    async collect(collecting) {
      const { deadlineMs = Infinity, rowCountMax = rowCountMaxDefault } = collecting;
      const nowMs = clock.nowMs();
      // On the grid of its own interval, so that readings do not drift into the next minute.
      dueAtMs = (Math.floor(nowMs / intervalMs) + 1) * intervalMs;
      const minutesMax = Math.floor(rowCountMax / cursors.length);
      for (const batch of batchesOf(cursors, nowMs, minutesMax)) {
        if (clock.nowMs() > deadlineMs) return;
        await collectBatch(batch, minutesMax, collecting);
      }
    },
    lagMs: () => ageMs(newestAtMs, readAtMs),
    status: () =>
      cursors.map(({ key, newestAtMs: atMs, nextMs, missingCount, lateRequestCount }) => ({
        key,
        newestAtMs: atMs ?? null,
        newestAgeMs: ageMs(atMs, readAtMs),
        toldUntilMs: nextMs,
        missingCount,
        lateRequestCount,
      })),
  };
}

interface Batch {
  readonly members: readonly Cursor[];
  readonly span: MetricSpan;
}

/** Those that are about as far are read together, as many as memory takes; who is far behind does not make the others' readings long. */
function batchesOf(cursors: readonly Cursor[], nowMs: EpochMs, minutesMax: number): readonly Batch[] {
  const oldestMs = Math.ceil((nowMs - reachMs) / msPerMinute) * msPerMinute;
  // The running minute too: how new the newest point is tells the lag.
  const endMs = (Math.floor(nowMs / msPerMinute) + 1) * msPerMinute;
  const lengthMsMax = lateMs + Math.max(spanMsMin, minutesMax * msPerMinute);
  const sorted = cursors.toSorted((one, other) => one.nextMs - other.nextMs);
  const batches: Batch[] = [];
  for (let first = 0; first < sorted.length;) {
    const { nextMs } = sorted[first]!;
    const fromMs = Math.max(oldestMs, nextMs - lateMs);
    const span = { fromMs, untilMs: Math.min(endMs, fromMs + lengthMsMax), stepMs: msPerMinute };
    const pointCount = ((span.untilMs - fromMs) / msPerMinute) * demandMetricCount;
    const sizeMax = Math.max(1, Math.floor(pointCountMax / pointCount));
    const members = sorted.slice(first, first + sizeMax).filter((one) => one.nextMs - nextMs <= togetherMs);
    batches.push({ members, span });
    first += members.length;
  }
  return batches;
}

/** The shortest time between readings, in whole minutes, that asks for at most so many metrics an hour. */
function intervalMsOf(functionCount: number, metricsPerHourMax: number): number {
  return Math.ceil((60 * demandMetricsOf(functionCount)) / metricsPerHourMax) * msPerMinute;
}

/** What one reading asks for. */
export function demandMetricsOf(functionCount: number): number {
  return functionCount * demandMetricCount + 1;
}

async function openCursor(
  keep: HistoryKeep,
  { key, waitMs, nowMs }: { readonly key: FunctionKey; readonly waitMs: number; readonly nowMs: EpochMs },
): Promise<Cursor> {
  const fromMs = Math.ceil((nowMs - reachMs) / msPerMinute) * msPerMinute;
  const kept = await keep.read(key, '1m', { fromMs, untilMs: nowMs });
  const nextMs = kept ? kept.series.fromMs + kept.series.values.length * msPerMinute : fromMs;
  return {
    key,
    waitMs,
    nextMs,
    seenFromMs: kept?.series.fromMs,
    newestAtMs: undefined,
    missingCount: 0,
    lateRequestCount: 0,
    told: new Map(),
  };
}

interface Move {
  readonly rows: readonly KeptRow[];
  readonly nextMs: EpochMs;
  readonly missingCount: number;
  readonly seenFromMs: EpochMs | undefined;
}

interface Sight {
  readonly witnessed: ReadonlySet<EpochMs>;
  /** What was read: of a minute before it nothing will be known. */
  readonly span: MetricSpan;
  readonly nowMs: EpochMs;
  readonly minutesMax: number;
}

/** What one reading settles for one function. */
function moveOf(cursor: Cursor, demand: MetricPoints, { witnessed, span, nowMs, minutesMax }: Sight): Move {
  const settledMs = Math.min(span.untilMs, Math.floor((nowMs - cursor.waitMs) / msPerMinute) * msPerMinute);
  const seenFromMs = cursor.seenFromMs ?? firstOf(demand);
  // Never seen: all of it has been looked at, and there is nothing to wait for.
  if (seenFromMs === undefined)
    return { rows: [], nextMs: Math.max(cursor.nextMs, settledMs), missingCount: 0, seenFromMs };
  const firstMs = Math.max(cursor.nextMs, seenFromMs, span.fromMs);
  const untilMs = Math.min(settledMs, firstMs + minutesMax * msPerMinute);
  const rows = demandRows(demand, witnessed, { span: { ...span, fromMs: firstMs, untilMs }, seenFromMs });
  const givenUpMs = Math.min(untilMs, Math.floor((nowMs - giveUpMs) / msPerMinute) * msPerMinute);
  const knownUntilMs = (rows.at(-1)?.atMs ?? -Infinity) + msPerMinute;
  const nextMs = Math.max(cursor.nextMs, knownUntilMs, givenUpMs);
  const passedCount = Math.max(0, nextMs - Math.max(cursor.nextMs, seenFromMs)) / msPerMinute;
  return { rows, nextMs, missingCount: passedCount - rows.length, seenFromMs };
}

function takeMove(cursor: Cursor, { rows, nextMs, missingCount, seenFromMs }: Move, demand: MetricPoints): void {
  cursor.nextMs = nextMs;
  cursor.missingCount += missingCount;
  cursor.seenFromMs = seenFromMs;
  cursor.newestAtMs = lastOf(demand) ?? cursor.newestAtMs;
  for (const { atMs, volume } of rows) if (atMs >= nextMs - lateMs) cursor.told.set(atMs, volume);
  for (const atMs of cursor.told.keys()) if (atMs < nextMs - lateMs) cursor.told.delete(atMs);
}

function countLate(cursor: Cursor, demand: MetricPoints): void {
  for (const [atMs, volume] of cursor.told) {
    const nowKnown = demand.get(atMs) ?? 0;
    if (nowKnown <= volume) continue;
    cursor.lateRequestCount += nowKnown - volume;
    cursor.told.set(atMs, nowKnown);
  }
}

function newestOf({ points }: MetricReading): EpochMs | undefined {
  return [...points.values()].map(lastOf).reduce(laterOf, undefined);
}

function laterOf(one: EpochMs | undefined, other: EpochMs | undefined): EpochMs | undefined {
  return one === undefined || (other !== undefined && other > one) ? other : one;
}

function firstOf(points: MetricPoints): EpochMs | undefined {
  let first: EpochMs | undefined;
  for (const atMs of points.keys()) if (first === undefined || atMs < first) first = atMs;
  return first;
}

function lastOf(points: MetricPoints): EpochMs | undefined {
  let last: EpochMs | undefined;
  for (const atMs of points.keys()) if (last === undefined || atMs > last) last = atMs;
  return last;
}

function ageMs(atMs: EpochMs | undefined, readAtMs: EpochMs | undefined): number | null {
  // The minute that is still filling up has no age.
  return atMs === undefined || readAtMs === undefined ? null : Math.max(0, readAtMs - atMs - msPerMinute);
}
