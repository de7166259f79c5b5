/**
 * What CloudWatch keeps of a function's traffic: a record for each minute in which anything came, and coarser ones of an imported past.
 *
 * A minute without a request has no record: the real service publishes no zeros. Durations are kept by the buckets of a histogram, four of them put
 * together, so a percentile is within 6 % of the truth and a minute costs some 300 bytes.
 */
import { assert } from '../../core/assert.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { msPerDay, msPerHour, msPerMinute, type EpochMs } from '../../core/time.ts';
import { resetPeaks, type FunctionPlane } from './function-plane.ts';

export interface MetricRecord {
  readonly startsAtMs: EpochMs;
  readonly lengthMs: number;
  readonly invocationCount: number;
  readonly throttleCount: number;
  /** Undefined where no provisioned concurrency stood, or the past does not say. */
  readonly provisioned:
    { readonly invocationCount: number; readonly spilloverCount: number; readonly peak: number } | undefined;
  /** Undefined of a past that does not say. */
  readonly runs: { readonly totalMs: number; readonly packed: Uint32Array } | undefined;
  readonly concurrencyPeak: number | undefined;
}

export interface AccountRecord {
  readonly startsAtMs: EpochMs;
  readonly lengthMs: number;
  readonly unreservedPeak: number;
  readonly claimed: number;
}

/** A past that the twin did not play: what came in each step of one grain. `NaN` where nothing came. */
export interface PastMetrics {
  readonly fromMs: EpochMs;
  /** A minute or a multiple of it. */
  readonly stepMs: number;
  readonly invocationCounts: ArrayLike<number>;
  readonly throttleCounts?: ArrayLike<number>;
  /** Most at once in each step. */
  readonly concurrencyPeaks?: ArrayLike<number>;
}

export interface MetricBook {
  readonly keys: readonly FunctionKey[];
  add(key: FunctionKey, record: MetricRecord): void;
  addAccount(record: AccountRecord): void;
  /** Puts a past to what is kept of a function; the two do not overlap. */
  importPast(key: FunctionKey, past: PastMetrics, nowMs: EpochMs): void;
  /** In time order. */
  recordsOf(key: FunctionKey): readonly MetricRecord[];
  accountRecords(): readonly AccountRecord[];
}

/** How long CloudWatch keeps minutes, five minutes and hours. Documented. */
export const retention = [
  { stepMs: msPerMinute, keptMs: 15 * msPerDay },
  { stepMs: 5 * msPerMinute, keptMs: 63 * msPerDay },
  { stepMs: msPerHour, keptMs: 455 * msPerDay },
] as const;

export function createMetricBook(keys: readonly FunctionKey[]): MetricBook {
  const records = new Map<FunctionKey, MetricRecord[]>(keys.map((key) => [key, []]));
  const account: AccountRecord[] = [];
  const listOf = (key: FunctionKey): MetricRecord[] => {
    const list = records.get(key);
    assert(list !== undefined, `the twin has no function ${key}`);
    return list;
  };
  return {
    keys,
    recordsOf: listOf,
    accountRecords: () => account,
    add(key, record) {
      const list = listOf(key);
      list.push(record);
      dropFirst(list, record.startsAtMs);
    },
    addAccount(record) {
      account.push(record);
      dropFirst(account, record.startsAtMs);
    },
    importPast(key, past, nowMs) {
      const merged = [...pastRecords(past, nowMs), ...listOf(key)].sort((a, b) => a.startsAtMs - b.startsAtMs);
      merged.forEach(({ startsAtMs }, index) => {
        const before = merged[index - 1];
        const isAfter = !before || before.startsAtMs + before.lengthMs <= startsAtMs || past.stepMs < before.lengthMs;
        assert(isAfter, 'a past does not lie over what is kept already');
      });
      records.set(key, merged);
    },
  };
}

/** Drops from the front what is older than everything that is kept. */
function dropFirst(list: { readonly startsAtMs: EpochMs }[], nowMs: EpochMs): void {
  const keptFromMs = nowMs - retention[2].keptMs;
  while (list.length > 0 && list[0]!.startsAtMs < keptFromMs) list.shift();
}

/** A past at the grain that is left of it at its age. */
function pastRecords(past: PastMetrics, nowMs: EpochMs): MetricRecord[] {
  const { fromMs, stepMs, invocationCounts } = past;
  assert(stepMs > 0 && stepMs % msPerMinute === 0 && fromMs % msPerMinute === 0, 'a past comes in whole minutes');
  const found: MetricRecord[] = [];
  for (let index = 0; index < invocationCounts.length; index++) {
    const atMs = fromMs + index * stepMs;
    const invocationCount = invocationCounts[index] ?? NaN;
    const kept = retention.find(({ keptMs }) => nowMs - atMs <= keptMs);
    if (Number.isNaN(invocationCount) || !kept || atMs + stepMs > nowMs) continue;
    const lengthMs = Math.max(stepMs, kept.stepMs);
    const startsAtMs = Math.floor(atMs / lengthMs) * lengthMs;
    const last = found.at(-1);
    const before = last?.startsAtMs === startsAtMs ? found.pop() : undefined;
    const concurrencyPeak = past.concurrencyPeaks?.[index];
    found.push({
      startsAtMs,
      lengthMs,
      invocationCount: (before?.invocationCount ?? 0) + invocationCount,
      throttleCount: (before?.throttleCount ?? 0) + (past.throttleCounts?.[index] ?? 0),
      provisioned: undefined,
      runs: undefined,
      concurrencyPeak:
        concurrencyPeak === undefined ? undefined : Math.max(before?.concurrencyPeak ?? 0, concurrencyPeak),
    });
  }
  return found;
}

export interface MinuteReader {
  /** What came since the last reading, in the minute that starts there; undefined when nothing did. */
  read(startsAtMs: EpochMs): MetricRecord | undefined;
  /** Most at once on demand since the last reading. */
  onDemandPeak(): number;
}

export function createMinuteReader(plane: FunctionPlane): MinuteReader {
  let before = totalsOf(plane);
  const buckets = new Float64Array(plane.durationMs.buckets.length);
  let onDemandPeak = 0;
  return {
    onDemandPeak: () => onDemandPeak,
    read(startsAtMs) {
      const now = totalsOf(plane);
      const came = now.requests + now.throttles - before.requests - before.throttles;
      const provisionedCount = now.provisionedRequests - before.provisionedRequests;
      const spilloverCount = now.spillover - before.spillover;
      const stood = plane.allocated > 0 || provisionedCount + spilloverCount > 0;
      const record: MetricRecord | undefined =
        came === 0
          ? undefined
          : {
              startsAtMs,
              lengthMs: msPerMinute,
              invocationCount: now.requests - before.requests,
              throttleCount: now.throttles - before.throttles,
              provisioned: stood
                ? { invocationCount: provisionedCount, spilloverCount, peak: plane.provisionedPeak }
                : undefined,
              runs: { totalMs: now.runMs - before.runMs, packed: packRuns(plane, buckets) },
              concurrencyPeak: plane.concurrencyPeak,
            };
      onDemandPeak = plane.onDemandPeak;
      resetPeaks(plane, startsAtMs + msPerMinute);
      before = now;
      return record;
    },
  };
}

function totalsOf({ requests, throttles, spillover, provisionedRequests, runMs }: FunctionPlane) {
  return { requests, throttles, spillover, provisionedRequests, runMs };
}

/** How many buckets of a histogram are put together; the third of the four stands for all. */
const packedWidth = 4;

/**
 * Durations without initialisations since the last packing, as pairs of bucket and count. `before` is what was packed until now, and is brought up
 * to date.
 */
function packRuns({ durationMs, coldDurationMs, coldRunMs }: FunctionPlane, before: Float64Array): Uint32Array {
  const pairs: number[] = [];
  for (let first = 0; first < before.length; first += packedWidth) {
    let count = 0;
    for (let bucket = first; bucket < first + packedWidth; bucket++) {
      const total = durationMs.buckets[bucket]! - coldDurationMs.buckets[bucket]! + coldRunMs.buckets[bucket]!;
      count += total - before[bucket]!;
      before[bucket] = total;
    }
    if (count > 0) pairs.push(first + packedWidth / 2, count);
  }
  return Uint32Array.from(pairs);
}
