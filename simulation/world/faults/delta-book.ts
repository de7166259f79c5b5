/** Adds up spans of one key and second into a delta, as a collector would, for worlds that skip the wire. */
import type { EpochMs } from '../../../core/time.ts';
import type { WindowDelta, WindowKey } from '../../../core/window.ts';

const bucketCount = 2_048;

export interface DeltaBook {
  /** `weight`: how many requests the span stands for. */
  add(bucket: number, durationMs: number, weight: number): void;
  errorCount: number;
  throttleCount: number;
  coldStartCount: number;
  provisionedInitCount: number;
  /** What was added, and the book is empty again; undefined where nothing was. */
  close(key: WindowKey, secondAtMs: EpochMs, traceId: string): WindowDelta | undefined;
}

export function createDeltaBook(): DeltaBook {
  const counts = new Float64Array(bucketCount);
  const touched = new Int32Array(bucketCount);
  let touchedCount = 0;
  let spanCount = 0;
  let requestCount = 0;
  let valueSum = 0;
  const book: DeltaBook = {
    errorCount: 0,
    throttleCount: 0,
    coldStartCount: 0,
    provisionedInitCount: 0,
    add(bucket, durationMs, weight) {
      if (counts[bucket] === 0) touched[touchedCount++] = bucket;
      counts[bucket]! += weight;
      spanCount++;
      requestCount += weight;
      valueSum += durationMs * weight;
    },
    close(key, secondAtMs, traceId) {
      if (spanCount === 0 && book.provisionedInitCount === 0) return undefined;
      const places = sorted(touched, touchedCount);
      const durationMs = new Array<number>(2 * touchedCount);
      for (let index = 0; index < touchedCount; index++) {
        durationMs[2 * index] = places[index]!;
        durationMs[2 * index + 1] = counts[places[index]!]!;
        counts[places[index]!] = 0;
      }
      const { errorCount, throttleCount, coldStartCount, provisionedInitCount } = book;
      const isBad = errorCount > 0;
      const delta: WindowDelta = {
        key,
        secondAtMs,
        sender: 'world',
        spanCount,
        requestCount,
        errorCount,
        throttleCount,
        coldStartCount,
        provisionedInitCount,
        deadLetterCount: 0,
        durationMs,
        valueSum,
        examples: { slowest: isBad ? [] : noIds, failed: isBad ? [traceId] : noIds },
      };
      touchedCount = 0;
      spanCount = 0;
      requestCount = 0;
      valueSum = 0;
      book.errorCount = 0;
      book.throttleCount = 0;
      book.coldStartCount = 0;
      book.provisionedInitCount = 0;
      return delta;
    },
  };
  return book;
}

/** In place. A second has a few dozen places, which insertion sorts in less time than a view of the array takes to make. */
function sorted(places: Int32Array, count: number): Int32Array {
  if (count > insertionMax) return places.subarray(0, count).sort();
  for (let index = 1; index < count; index++) {
    const place = places[index]!;
    let at = index - 1;
    while (at >= 0 && places[at]! > place) {
      places[at + 1] = places[at]!;
      at--;
    }
    places[at + 1] = place;
  }
  return places;
}

const insertionMax = 48;
const noIds: readonly string[] = [];
