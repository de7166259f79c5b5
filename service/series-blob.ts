/**
 * Volume series as blobs of the store, named by what they hold. A series is cut where the grid of time is cut, so that a history which has grown by a day shares all
 * but its last part with what it was: a restart writes what is new, not a year anew.
 *
 * A part is its float64 values, the first bytes of all of them, then the second bytes, and so on, by zstd: neighbours in demand share their upper bytes, and a year of
 * minutes takes 0.7 MB where it would take 1.1.
 */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { assert } from '../core/assert.ts';
import type { VolumeSeries } from '../core/volume-series.ts';

export interface SeriesPart {
  /** SHA-256 of the values as little-endian float64: the name of the blob. */
  readonly sha256: string;
  /** The blob. Computed when asked for: most parts are in the store already. */
  pack(): Promise<Uint8Array>;
}

/** 45 days of minutes: nine parts a year, and 90 kB to write again when a history has grown. */
const bucketCountPerPart = 65_536;
const bytesPerValue = 8;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

assert(new Uint8Array(Float64Array.of(1).buffer)[7] === 0x3f, 'numbers lie in memory with their lowest byte first');

/** Cuts a series into parts. Cost: a SHA-256 of it, 10 ms for a year of minutes. */
export function partsOf({ fromMs, stepMs, values }: VolumeSeries): readonly SeriesPart[] {
  // The bucket's number since 1970 decides where a part ends, not its place in this series.
  const firstIndex = Math.floor(fromMs / stepMs);
  const parts: SeriesPart[] = [];
  for (let from = 0; from < values.length;) {
    const until = Math.min(values.length, from + bucketCountPerPart - ((firstIndex + from) % bucketCountPerPart));
    const bytes = bytesOf(values.subarray(from, until));
    parts.push({ sha256: sha256Of(bytes), pack: () => pack(bytes) });
    from = until;
  }
  return parts;
}

/**
 * The values of one blob; undefined when it is not what its name says.
 */
export async function unpackPart(blob: Uint8Array, sha256: string): Promise<Float64Array | undefined> {
  let transposed: Uint8Array;
  try {
    transposed = await decompress(blob, { maxOutputLength: bucketCountPerPart * bytesPerValue });
  } catch {
    return undefined;
  }
  const count = transposed.length / bytesPerValue;
  if (!Number.isInteger(count)) return undefined;
  const bytes = new Uint8Array(transposed.length);
  for (let place = 0; place < bytesPerValue; place++)
    for (let index = 0; index < count; index++)
      bytes[index * bytesPerValue + place] = transposed[place * count + index]!;
  return sha256Of(bytes) === sha256 ? new Float64Array(bytes.buffer) : undefined;
}

function bytesOf(values: Float64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

async function pack(bytes: Uint8Array): Promise<Uint8Array> {
  const count = bytes.length / bytesPerValue;
  const transposed = new Uint8Array(bytes.length);
  for (let place = 0; place < bytesPerValue; place++)
    for (let index = 0; index < count; index++)
      transposed[place * count + index] = bytes[index * bytesPerValue + place]!;
  return compress(transposed, { params: { [constants.ZSTD_c_compressionLevel]: 3 } });
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
