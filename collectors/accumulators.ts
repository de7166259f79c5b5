/**
 * What was seen of each key in each second of event time since the last seal: one row of numbers, and lists beside it. No object until it is sealed.
 */
import { bucketOf } from '../core/histogram.ts';
import { createPairTable } from './pair-table.ts';
import { createSparseLists } from './sparse-lists.ts';
import type { WindowDelta, WindowKey } from '../core/window.ts';

/** Places in a row of numbers. */
export const fields = {
  spans: 0,
  requests: 1,
  errors: 2,
  throttles: 3,
  coldStarts: 4,
  untypedInits: 5,
  provisionedInits: 6,
  deadLetters: 7,
  selfMs: 8,
  selfSpans: 9,
  value: 10,
  /** Spans that nobody knows how many requests they stand for. */
  uncounted: 11,
} as const;

export const fieldCount = 12;

export interface Accumulators {
  /** The row of a key's second, new or not; -1 when there is no room. */
  open(key: number, second: number): number;
  /** `fieldCount` numbers a row; another array after `open`. */
  readonly numbers: Float64Array;
  addDuration(row: number, durationMs: number, weight: number): void;
  addInstance(row: number, hash: number): void;
  addVersion(row: number, version: number): void;
  /** Offers a trace id (four words of `ids` from `at`) as an example. */
  addExample(row: number, example: Example, ids: Uint32Array, at: number): void;
  readonly rowCount: number;
  /** Makes a delta of each row, in no order, and empties all. */
  drain(naming: Naming): WindowDelta[];
}

export interface Example {
  readonly durationMs: number;
  readonly hasFailed: boolean;
}

export interface Naming {
  readonly sender: string;
  readonly keyOf: (key: number) => WindowKey;
  readonly versionOf: (version: number) => string;
}

const instanceCountMax = 1_024;
const versionCountMax = 8;
const examplesPerKind = 2;
/** Beyond that, a sort that costs the square of the length is slower, and could be made so on purpose. */
const insertedCountMax = 64;
const traceByteCount = 16;
const traceBytesPerRow = 2 * examplesPerKind * traceByteCount;

export function createAccumulators(rowCountMax: number): Accumulators {
  const rows = createPairTable(rowCountMax);
  const lists = { entryCountMax: 16 * rowCountMax };
  const buckets = createSparseLists({ ...lists, perOwnerMax: 2_048 });
  const instances = createSparseLists({ ...lists, perOwnerMax: instanceCountMax });
  const versions = createSparseLists({ ...lists, perOwnerMax: versionCountMax });
  let rowCount = 0;
  let numbers = new Float64Array(256 * fieldCount);
  let keys = new Int32Array(256);
  let seconds = new Float64Array(256);
  // The two slowest, then the first two that failed: durations (negative: none yet) and trace ids.
  let slowestMs = new Float64Array(256 * examplesPerKind);
  let failedCounts = new Uint8Array(256);
  let traces = Buffer.alloc(256 * traceBytesPerRow);
  const places = new Int32Array(insertedCountMax);
  const amounts = new Float64Array(insertedCountMax);

  const grow = (): void => {
    numbers = resized(numbers, new Float64Array(2 * numbers.length));
    keys = resized(keys, new Int32Array(2 * keys.length));
    seconds = resized(seconds, new Float64Array(2 * seconds.length));
    slowestMs = resized(slowestMs, new Float64Array(2 * slowestMs.length));
    failedCounts = resized(failedCounts, new Uint8Array(2 * failedCounts.length));
    traces = resized(traces, Buffer.alloc(2 * traces.length));
  };

  const copyTrace = (row: number, place: number, ids: Uint32Array, at: number): void => {
    const to = row * traceBytesPerRow + traceByteCount * place;
    for (let word = 0; word < 4; word++) traces.writeUInt32BE(ids[at + word]!, to + 4 * word);
  };

  const traceAt = (row: number, place: number): string => {
    const from = row * traceBytesPerRow + traceByteCount * place;
    return traces.toString('hex', from, from + traceByteCount);
  };

  const examplesOf = (row: number): WindowDelta['examples'] => {
    const slowest: string[] = [];
    for (let place = 0; place < examplesPerKind; place++) {
      if (slowestMs[row * examplesPerKind + place]! >= 0) slowest.push(traceAt(row, place));
    }
    const failed = Array.from({ length: failedCounts[row]! }, (_, index) => traceAt(row, examplesPerKind + index));
    return { slowest, failed };
  };

  const histogramOf = (row: number): number[] => (buckets.lengthOf(row) <= insertedCountMax ? fewOf(row) : manyOf(row));

  /** By insertion, without an object an entry: few are the durations of one key in one second. */
  const fewOf = (row: number): number[] => {
    let count = 0;
    buckets.each(row, (bucket, amount) => {
      let to = count++;
      for (; to > 0 && places[to - 1]! > bucket; to--) {
        places[to] = places[to - 1]!;
        amounts[to] = amounts[to - 1]!;
      }
      places[to] = bucket;
      amounts[to] = amount;
    });
    const packed: number[] = [];
    for (let place = 0; place < count; place++) packed.push(places[place]!, amounts[place]!);
    return packed;
  };

  const manyOf = (row: number): number[] => {
    const pairs: [number, number][] = [];
    buckets.each(row, (bucket, amount) => pairs.push([bucket, amount]));
    return pairs.sort(([a], [b]) => a - b).flat();
  };

  const deltaOf = (row: number, { sender, keyOf, versionOf }: Naming): WindowDelta => {
    const at = row * fieldCount;
    const hashes: number[] = [];
    instances.each(row, (hash) => hashes.push(hash >>> 0));
    const seen: [string, number][] = [];
    versions.each(row, (version, count) => seen.push([versionOf(version), count]));
    return {
      key: keyOf(keys[row]!),
      secondAtMs: seconds[row]! * 1_000,
      sender,
      spanCount: numbers[at + fields.spans]!,
      ...(numbers[at + fields.uncounted] === 0 && { requestCount: numbers[at + fields.requests]! }),
      errorCount: numbers[at + fields.errors]!,
      throttleCount: numbers[at + fields.throttles]!,
      coldStartCount: numbers[at + fields.coldStarts]!,
      ...(numbers[at + fields.untypedInits]! > 0 && { untypedInitCount: numbers[at + fields.untypedInits]! }),
      provisionedInitCount: numbers[at + fields.provisionedInits]!,
      deadLetterCount: numbers[at + fields.deadLetters]!,
      durationMs: histogramOf(row),
      ...(numbers[at + fields.selfSpans]! > 0 && { selfMsSum: numbers[at + fields.selfMs]! }),
      valueSum: numbers[at + fields.value]!,
      ...(hashes.length > 0 && { instances: hashes.sort((a, b) => a - b) }),
      ...(seen.length > 0 && { versions: Object.fromEntries(seen.sort(([a], [b]) => (a < b ? -1 : 1))) }),
      examples: examplesOf(row),
    };
  };

  return {
    get numbers() {
      return numbers;
    },
    get rowCount() {
      return rowCount;
    },
    open(key, second) {
      const known = rows.get(key, second);
      if (known >= 0) return known;
      if (!rows.set(key, second, rowCount)) return -1;
      if (rowCount === keys.length) grow();
      const row = rowCount++;
      numbers.fill(0, row * fieldCount, (row + 1) * fieldCount);
      slowestMs.fill(-1, row * examplesPerKind, (row + 1) * examplesPerKind);
      failedCounts[row] = 0;
      keys[row] = key;
      seconds[row] = second;
      return row;
    },
    addDuration(row, durationMs, weight) {
      buckets.add(row, bucketOf(durationMs), weight);
    },
    addInstance: (row, hash) => void instances.add(row, hash, 1),
    addVersion: (row, version) => void versions.add(row, version, 1),
    addExample(row, { durationMs, hasFailed }, ids, at) {
      const first = row * examplesPerKind;
      if (durationMs > slowestMs[first]!) {
        slowestMs[first + 1] = slowestMs[first]!;
        const trace = row * traceBytesPerRow;
        traces.copyWithin(trace + traceByteCount, trace, trace + traceByteCount);
        slowestMs[first] = durationMs;
        copyTrace(row, 0, ids, at);
      } else if (durationMs > slowestMs[first + 1]!) {
        slowestMs[first + 1] = durationMs;
        copyTrace(row, 1, ids, at);
      }
      if (hasFailed && failedCounts[row]! < examplesPerKind) {
        copyTrace(row, examplesPerKind + failedCounts[row]!, ids, at);
        failedCounts[row]!++;
      }
    },
    drain(naming) {
      const deltas = Array.from({ length: rowCount }, (_, row) => deltaOf(row, naming));
      rows.clear();
      buckets.clear();
      instances.clear();
      versions.clear();
      rowCount = 0;
      return deltas;
    },
  };
}

function resized<Words extends Float64Array | Int32Array | Uint8Array>(old: Words, larger: Words): Words {
  larger.set(old);
  return larger;
}
