/**
 * Traffic of a fleet as it will be sealed: for each key that was active in a window, its counts and a histogram of durations, in columns, packed.
 *
 * A tick holds many keys and few numbers of each, so each field stands together: gaps between keys, requests, then errors, throttles and cold starts only where there are
 * any, then durations as buckets of the histogram of core/histogram.ts (32 an octave), each after the one before. All are whole numbers, small ones in one byte
 * (LEB128), and zstd finds what is common among them.
 */
import { constants, zstdCompressSync } from 'node:zlib';
import { createRandom, type Random } from '../core/random.ts';
import { msPerDay } from '../core/time.ts';

const bucketsPerOctave = 32;

/** One key's share of the traffic. */
interface Key {
  readonly perSecond: number;
  /** Buckets of its median duration and of one standard deviation. */
  readonly medianBucket: number;
  readonly spreadBuckets: number;
}

export interface Traffic {
  readonly keyCount: number;
  /** Draws one window that starts at this time of the day, and packs it. */
  draw(
    atMs: number,
    lengthMs: number,
  ): { readonly bytes: Uint8Array; readonly activeCount: number; readonly requestCount: number };
}

/**
 * Rates are log-normal with a median of one a second and 7.4 times as many on average, so that six keys in ten are active in a second of the busiest hour; a day's wave takes
 * them down to a fifth at night. Durations spread by a factor of 1.6 around each key's own median. One request in a thousand fails, one in two thousand starts cold.
 */
export function createTraffic(keyCount: number, seed: string | number): Traffic {
  const random = createRandom(seed);
  const keys = Array.from({ length: keyCount }, (): Key => ({
    perSecond: Math.exp(2 * random.normal()),
    medianBucket: Math.round(640 + bucketsPerOctave * Math.log2(60 * Math.exp(random.normal()))),
    spreadBuckets: (bucketsPerOctave * Math.log(1.6)) / Math.LN2,
  }));
  return {
    keyCount,
    draw(atMs, lengthMs) {
      const wave = 0.6 - 0.4 * Math.cos((2 * Math.PI * atMs) / msPerDay);
      const columns = createColumns();
      let before = -1;
      for (const [index, key] of keys.entries()) {
        const count = random.poisson((wave * key.perSecond * lengthMs) / 1_000);
        if (count === 0) continue;
        columns.add(index - before, key, drawWindow(key, count, random));
        before = index;
      }
      return { bytes: columns.pack(), activeCount: columns.activeCount, requestCount: columns.requestCount };
    },
  };
}

interface DrawnWindow {
  readonly counts: readonly [requests: number, errors: number, throttles: number, coldStarts: number];
  readonly buckets: Int32Array;
}

/** Beyond this many requests their durations are shared out evenly over as many draws: the histogram is full of small differences by then. */
const drawnMax = 2_000;

function drawWindow({ medianBucket, spreadBuckets }: Key, count: number, random: Random): DrawnWindow {
  const buckets = Int32Array.from({ length: Math.min(count, drawnMax) }, () =>
    Math.round(medianBucket + spreadBuckets * random.normal()),
  ).sort();
  return { counts: [count, random.poisson(count / 1_000), 0, random.poisson(count / 2_000)], buckets };
}

function createColumns() {
  const gaps: number[] = [];
  const requests: number[] = [];
  const rare: number[] = [];
  const buckets: number[] = [];
  const repeats: number[] = [];
  let requestCount = 0;
  return {
    get activeCount() {
      return gaps.length;
    },
    get requestCount() {
      return requestCount;
    },
    add(gap: number, { medianBucket }: Key, { counts: [count, ...few], buckets: drawn }: DrawnWindow) {
      gaps.push(gap);
      requests.push(count);
      requestCount += count;
      for (const [field, some] of few.entries()) if (some > 0) rare.push(gaps.length, field, some);
      const share = Math.round(count / drawn.length);
      let before = medianBucket;
      for (let at = 0; at < drawn.length;) {
        let end = at + 1;
        while (end < drawn.length && drawn[end] === drawn[at]) end++;
        const step = drawn[at]! - before;
        // The first may lie on either side of the median; the others only above the one before.
        buckets.push(at === 0 ? (step < 0 ? -2 * step - 1 : 2 * step) : step);
        repeats.push((end - at) * share);
        before = drawn[at]!;
        at = end;
      }
    },
    pack() {
      const columns = [gaps, requests, rare, buckets, repeats];
      const bytes: number[] = [];
      for (const column of columns) writeNumber(bytes, column.length);
      for (const column of columns) for (const value of column) writeNumber(bytes, value);
      return zstdCompressSync(Uint8Array.from(bytes), { params: { [constants.ZSTD_c_compressionLevel]: 3 } });
    },
  };
}

function writeNumber(bytes: number[], value: number): void {
  let rest = value;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}
