/**
 * The last ten minutes of one key, second by second, as far as they are known now: deltas that come late correct them. A second without spans is silent:
 * no data, not no traffic.
 *
 * Columns of 32-bit floats in a ring, 26 KiB a key: objects would be ten times that, and 8,000 keys have to fit.
 */
import type { Json } from '../core/json.ts';
import { msPerSecond, type EpochMs } from '../core/time.ts';
import type { WindowDelta } from '../core/window.ts';

export const liveSecondCount = 600;

/** What is counted of a second. Requests are those the spans stand for, or the spans themselves where nobody knows the sampling. */
const columns = [
  'spanCount',
  'requestCount',
  'errorCount',
  'throttleCount',
  'coldStartCount',
  'provisionedInitCount',
  'deadLetterCount',
  'slowCount',
  'valueSum',
  'unknownRateCount',
] as const;

export type LiveColumn = (typeof columns)[number];
const columnCount = columns.length;
const placeOf = Object.fromEntries(columns.map((name, place) => [name, place])) as Record<LiveColumn, number>;

export interface LiveRing {
  /** One figure of one second; 0 where it is silent or older than the ring. */
  at(secondAtMs: EpochMs, column: LiveColumn): number;
  /** Added up over [fromMs, untilMs). */
  sum(column: LiveColumn, fromMs: EpochMs, untilMs: EpochMs): number;
  /** No span of that second is known. */
  isSilent(secondAtMs: EpochMs): boolean;
  /** The last second that has spans; undefined before the first. */
  readonly newestAtMs: EpochMs | undefined;
  /** Trace ids worth opening of the seconds since `fromMs`, the failed before the slow; at most four. */
  traceIds(fromMs: EpochMs): readonly string[];
}

export interface WritableRing extends LiveRing {
  /** `slowFromBucket`: where durations begin that count as slow. False where the second is older than the ring. */
  fold(delta: WindowDelta, slowFromBucket: number): boolean;
  snapshot(): Json;
}

interface Examples {
  readonly atMs: EpochMs;
  readonly ids: readonly string[];
}
const exampleSecondsMax = 8;

interface Kept {
  /** That have spans, in order. */
  readonly seconds: readonly EpochMs[];
  /** Of these seconds; a column that is all 0 is left out. */
  readonly columns: Readonly<Record<string, readonly number[]>>;
  readonly examples: readonly Examples[];
}

export function createLiveRing(snapshot?: Json): WritableRing {
  const cells = new Float32Array(liveSecondCount * columnCount);
  const seconds = new Float64Array(liveSecondCount).fill(-1);
  let newestAtMs: EpochMs | undefined;
  let examples: Examples[] = [];
  if (snapshot !== undefined) {
    const kept = snapshot as unknown as Kept;
    for (const [place, atMs] of kept.seconds.entries()) {
      const slot = slotOf(atMs);
      seconds[slot] = atMs;
      newestAtMs = Math.max(newestAtMs ?? 0, atMs);
      for (const [column, values] of Object.entries(kept.columns))
        cells[slot * columnCount + placeOf[column as LiveColumn]] = values[place]!;
    }
    examples = [...kept.examples];
  }
  const known = (atMs: EpochMs): boolean => seconds[slotOf(atMs)] === atMs;
  return {
    get newestAtMs() {
      return newestAtMs;
    },
    at: (atMs, column) => (known(atMs) ? cells[slotOf(atMs) * columnCount + placeOf[column]]! : 0),
    isSilent: (atMs) => !known(atMs),
    sum(column, fromMs, untilMs) {
      const place = placeOf[column];
      let total = 0;
      for (let atMs = Math.max(fromMs, untilMs - liveSecondCount * msPerSecond); atMs < untilMs; atMs += msPerSecond)
        if (known(atMs)) total += cells[slotOf(atMs) * columnCount + place]!;
      return total;
    },
    traceIds(fromMs) {
      return [...new Set(examples.filter(({ atMs }) => atMs >= fromMs).flatMap(({ ids }) => ids))].slice(0, 4);
    },
    fold(delta, slowFromBucket) {
      const atMs = delta.secondAtMs;
      if (newestAtMs !== undefined && atMs <= newestAtMs - liveSecondCount * msPerSecond) return false;
      const slot = slotOf(atMs);
      const start = slot * columnCount;
      if (seconds[slot] !== atMs) {
        seconds[slot] = atMs;
        cells.fill(0, start, start + columnCount);
      }
      if (newestAtMs === undefined || atMs > newestAtMs) newestAtMs = atMs;
      add(cells, start, delta, slowFromBucket);
      const ids = delta.examples.failed.length > 0 ? delta.examples.failed : delta.examples.slowest;
      if (ids.length > 0) examples = [{ atMs, ids }, ...examples.slice(0, exampleSecondsMax - 1)];
      return true;
    },
    snapshot() {
      const known: EpochMs[] = [];
      const slots: number[] = [];
      const lastAtMs = newestAtMs ?? -1;
      for (let atMs = lastAtMs - (liveSecondCount - 1) * msPerSecond; atMs <= lastAtMs; atMs += msPerSecond) {
        const slot = slotOf(atMs);
        if (seconds[slot] !== atMs) continue;
        known.push(atMs);
        slots.push(slot * columnCount);
      }
      const kept: Record<string, number[]> = {};
      for (const [place, name] of columns.entries()) {
        let isEmpty = true;
        const values = new Array<number>(slots.length);
        for (let index = 0; index < slots.length; index++) {
          const value = cells[slots[index]! + place]!;
          values[index] = value;
          isEmpty &&= value === 0;
        }
        if (!isEmpty) kept[name] = values;
      }
      return { seconds: known, columns: kept, examples: examples as unknown as Json };
    },
  };
}

function slotOf(secondAtMs: EpochMs): number {
  return Math.floor(secondAtMs / msPerSecond) % liveSecondCount;
}

function add(cells: Float32Array, start: number, delta: WindowDelta, slowFromBucket: number): void {
  cells[start + placeOf.spanCount]! += delta.spanCount;
  cells[start + placeOf.requestCount]! += delta.requestCount ?? delta.spanCount;
  cells[start + placeOf.errorCount]! += delta.errorCount;
  cells[start + placeOf.throttleCount]! += delta.throttleCount;
  cells[start + placeOf.coldStartCount]! += delta.coldStartCount;
  cells[start + placeOf.provisionedInitCount]! += delta.provisionedInitCount;
  cells[start + placeOf.deadLetterCount]! += delta.deadLetterCount;
  cells[start + placeOf.valueSum]! += delta.valueSum;
  if (delta.requestCount === undefined) cells[start + placeOf.unknownRateCount]! += delta.spanCount;
  const { durationMs } = delta;
  let slow = 0;
  for (let index = durationMs.length - 2; index >= 0 && durationMs[index]! >= slowFromBucket; index -= 2)
    slow += durationMs[index + 1]!;
  cells[start + placeOf.slowCount]! += slow;
}
