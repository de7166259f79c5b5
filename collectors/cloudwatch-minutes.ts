/**
 * Live minutes of demand from CloudWatch: told once, in time order, when they have settled, and kept on disk before they are told.
 *
 * Mental model: a cursor a function, the first minute that has not been told. A reading covers all cursors and reaches to now; from each cursor on, minutes that are
 * old enough are told: with their count, or as zero where CloudWatch has shown to have that minute. A minute that nobody has anything of is waited for until a later one
 * is known, and then missing.
 *
 * Settled: Lambda reports a request when it has ended, under the minute in which it began, and CloudWatch shows it one to three minutes later (nothing is promised). So a
 * minute is old enough three minutes after its end, and the whole minutes of the function's longest usual run later. What comes later still is counted, so that the wait can be judged.
 *
 * Price: by the metric and not by the minute. A fleet that would ask too often reads less often, never more cheaply wrong.
 */
import { assert } from '../core/assert.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerDay, msPerMinute, type Clock, type EpochMs } from '../core/time.ts';
import type { MetricPoints, MetricReader, MetricReading } from './cloudwatch.ts';
import { demandMetricCount, demandOf, demandQueries, demandRows, witnessedBuckets } from './cloudwatch-demand.ts';
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
   * Reads, keeps and answers the minutes that have settled. Where it throws nothing was told, and the next reading begins at the same minutes.
   *
   * @throws what the reader throws; InputError when the minutes cannot be kept.
   */
  collect(signal: AbortSignal, patienceMs?: number): Promise<readonly ToldMinutes[]>;
  /** From the end of the newest minute that CloudWatch had anything of to the last reading: its lag, where anything runs at all. */
  readonly lagMs: () => number | null;
  readonly status: () => readonly MinuteStatus[];
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

/** Minutes told at once, all functions together: more would fill the queue in front of the engine. 500 functions catch up two hours a reading. */
const rowCountMax = 60_000;

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
  const queries = demandQueries(functions.map(({ key }) => key));
  const intervalMs = intervalMsOf(functions.length, metricsPerHourMax);
  const cursors: Cursor[] = [];
  for (const { key, runDurationMsP99 } of functions)
    cursors.push(
      await openCursor(keep, { key, waitMs: settledAfterMs(runDurationMsP99, settleMs), nowMs: clock.nowMs() }),
    );
  let dueAtMs = -Infinity;
  let readAtMs: EpochMs | undefined;
  let newestAtMs: EpochMs | undefined;

  const spanAt = (nowMs: EpochMs) => {
    const oldestMs = Math.ceil((nowMs - reachMs) / msPerMinute) * msPerMinute;
    const firstMs = Math.min(...cursors.map(({ nextMs }) => nextMs)) - lateMs;
    return {
      fromMs: Math.max(oldestMs, firstMs),
      // The running minute too: how new the newest point is tells the lag.
      untilMs: (Math.floor(nowMs / msPerMinute) + 1) * msPerMinute,
      stepMs: msPerMinute,
    };
  };

  return {
    intervalMs,
    isDue: () => clock.nowMs() >= dueAtMs,
    async collect(signal, patienceMs) {
      const nowMs = clock.nowMs();
      // On the grid of its own interval, so that readings do not drift into the next minute.
      dueAtMs = (Math.floor(nowMs / intervalMs) + 1) * intervalMs;
      const span = spanAt(nowMs);
      const reading = await reader.read(queries, span, { signal, ...(patienceMs !== undefined && { patienceMs }) });
      const witnessed = witnessedBuckets(reading);
      const minutesMax = Math.floor(rowCountMax / cursors.length);
      const moves = cursors.map((cursor) => {
        const demand = demandOf(reading, cursor.key);
        return { cursor, demand, move: moveOf(cursor, demand, { witnessed, fromMs: span.fromMs, nowMs, minutesMax }) };
      });
      // Kept first: what was told and not kept would be told again after a crash.
      for (const { cursor, move } of moves) if (move.rows.length > 0) await keep.append(cursor.key, move.rows);
      for (const { cursor, demand, move } of moves) {
        countLate(cursor, demand);
        takeMove(cursor, move, demand);
      }
      readAtMs = reading.readAtMs;
      newestAtMs = newestOf(reading) ?? newestAtMs;
      return moves.flatMap(({ cursor, move }) => (move.rows.length > 0 ? [{ key: cursor.key, rows: move.rows }] : []));
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
  /** The first minute that was read: of one before it nothing will be known. */
  readonly fromMs: EpochMs;
  readonly nowMs: EpochMs;
  readonly minutesMax: number;
}

/** What one reading settles for one function. */
function moveOf(cursor: Cursor, demand: MetricPoints, { witnessed, fromMs, nowMs, minutesMax }: Sight): Move {
  const settledMs = Math.floor((nowMs - cursor.waitMs) / msPerMinute) * msPerMinute;
  const seenFromMs = cursor.seenFromMs ?? firstOf(demand);
  // Never seen: all of it has been looked at, and there is nothing to wait for.
  if (seenFromMs === undefined)
    return { rows: [], nextMs: Math.max(cursor.nextMs, settledMs), missingCount: 0, seenFromMs };
  const firstMs = Math.max(cursor.nextMs, seenFromMs, fromMs);
  const untilMs = Math.min(settledMs, firstMs + minutesMax * msPerMinute);
  const span = { fromMs: firstMs, untilMs, stepMs: msPerMinute };
  const rows = demandRows(demand, witnessed, { span, seenFromMs });
  const last = rows.at(-1);
  if (!last) return { rows, nextMs: cursor.nextMs, missingCount: 0, seenFromMs };
  const nextMs = last.atMs + msPerMinute;
  const passedCount = (nextMs - Math.max(cursor.nextMs, seenFromMs)) / msPerMinute;
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
  const newest = Math.max(...[...points.values()].map((one) => lastOf(one) ?? -Infinity));
  return newest === -Infinity ? undefined : newest;
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
