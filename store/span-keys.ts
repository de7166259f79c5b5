/**
 * Names of functions, edges and signals by numbers: written into the store once, so that no second has to repeat them.
 *
 * Mental model: a dictionary is a blob, named by its hash, and what is written names the hash. A key that it does not have is written out in full; when that has
 * taken as many bytes as a new dictionary would, a new one is put. So names cost at most twice what the best moments would have cost, whatever comes (rent or buy).
 *
 * - Karlin, Manasse, Rudolph & Sleator, Competitive snoopy caching, Algorithmica 3 (1988), for the factor of two.
 */
import { createHash } from 'node:crypto';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { assert } from '../core/assert.ts';
import { InputError } from '../core/errors.ts';
import type { Store } from '../core/ports.ts';
import { createByteReader, createByteWriter, createTextReader, writeTexts } from './varint.ts';

export interface SpanKeys {
  /** The hash of what they say; undefined of those that are none. */
  readonly version: string | undefined;
  numberOf(key: string): number | undefined;
  keyAt(number: number): string | undefined;
}

export const noSpanKeys: SpanKeys = { version: undefined, numberOf: () => undefined, keyAt: () => undefined };

/** Seconds and minutes have dictionaries of their own: they are kept for different times. */
export type SpanKeysName = 'delta-keys' | 'minute-keys';

/** Beyond it names are written out: 200,000 are 20 MB of memory. */
const keyCountMax = 200_000;
const unpackedLengthMax = 128 * 1024 ** 2;
const packing = { params: { [constants.ZSTD_c_compressionLevel]: 9 } };

export interface WritableSpanKeys {
  readonly current: SpanKeys;
  /** Was written with the current one. */
  note: (keys: readonly string[]) => void;
  /** What should be put now; undefined while it would not be worth it. In force from `take` on. */
  due(): { readonly version: string; readonly bytes: Uint8Array; take(): void } | undefined;
}

/** Goes on with the dictionary that an earlier run left. */
export function createSpanKeys(kept: SpanKeys = noSpanKeys): WritableSpanKeys {
  let current = kept;
  /** Of the keys seen since the current one was taken. */
  let seen = new Set<string>();
  let seenLength = 0;
  let writtenOut = 0;
  return {
    get current() {
      return current;
    },
    note(keys) {
      for (const key of keys) {
        if (seen.size < keyCountMax && !seen.has(key)) {
          seen.add(key);
          seenLength += key.length;
        }
        if (current.numberOf(key) === undefined) writtenOut += key.length;
      }
    },
    due() {
      if (writtenOut === 0 || writtenOut < seenLength) return undefined;
      const keys = [...seen].sort();
      const bytes = packKeys(keys);
      const version = hashOf(bytes);
      const take = (): void => {
        current = spanKeysOf(keys, version);
        seen = new Set();
        seenLength = 0;
        writtenOut = 0;
      };
      return { version, bytes, take };
    },
  };
}

/**
 * The dictionary of that version, as it was put.
 *
 * @throws InputError when the store does not hold it.
 */
export async function loadSpanKeys(store: Store, name: SpanKeysName, version: string | undefined): Promise<SpanKeys> {
  if (version === undefined) return noSpanKeys;
  const blob = await store.get(name, version);
  if (!blob || hashOf(blob.bytes) !== version) {
    const message = `the store does not hold the ${name} ${version} that spans were written with: it was pruned, or damaged`;
    throw new InputError('record-missing', message);
  }
  return spanKeysOf(unpackKeys(blob.bytes), version);
}

/** The last that was put; none where it does not hold: all names are written out then, and a new one follows. */
export async function lastSpanKeys(store: Store, name: SpanKeysName): Promise<SpanKeys> {
  const blob = await store.get(name);
  if (blob === undefined) return noSpanKeys;
  return hashOf(blob.bytes) === blob.version ? spanKeysOf(unpackKeys(blob.bytes), blob.version) : noSpanKeys;
}

function spanKeysOf(keys: readonly string[], version: string): SpanKeys {
  const numbers = new Map(keys.map((key, number) => [key, number]));
  return { version, numberOf: (key) => numbers.get(key), keyAt: (number) => keys[number] };
}

function packKeys(keys: readonly string[]): Uint8Array {
  const writer = createByteWriter();
  writer.number(keys.length);
  writeTexts(writer, keys);
  return zstdCompressSync(writer.bytes(), packing);
}

function unpackKeys(bytes: Uint8Array): readonly string[] {
  const reader = createByteReader(zstdDecompressSync(bytes, { maxOutputLength: unpackedLengthMax }));
  const count = reader.number();
  assert(count <= keyCountMax, 'a dictionary has no more keys than are ever written');
  const text = createTextReader(reader);
  return Array.from({ length: count }, () => text());
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
