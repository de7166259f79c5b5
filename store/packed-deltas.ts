/**
 * One tick's deltas as bytes: each field stands together, in the order of the keys, so that what is alike lies side by side for zstd.
 *
 * Keys are written as what they do not share with the one before; counts are whole numbers, small ones in one byte (LEB128), thousandths where sampling makes
 * them broken; times in hundredths of a millisecond. `thinDeltas` brings deltas to what can be written, so that what is judged is what stands on record.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { assert } from '../core/assert.ts';
import { msPerSecond } from '../core/time.ts';
import type { WindowDelta, WindowKey } from '../core/window.ts';
import { createByteReader, createByteWriter, type ByteReader, type ByteWriter } from './varint.ts';

/** The first byte: whether what follows is packed by zstd, which of a small fleet's tick would save nothing. */
const forms = { plain: 1, zstd: 2 } as const;
const packedLengthMin = 2_048;
const packing = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };
/** Keys of 20,000 functions with their edges are 10 MB; what claims to be more than this is none of ours. */
const unpackedLengthMax = 128 * 1024 ** 2;

/** Trace ids are noise to every packer, 16 bytes each: kept where somebody will want to open them. */
const failedExamplesMax = 64;
const slowExamplesMax = 16;
const countScale = 1_000;
const timeScale = 100;

const rareFields = [
  'errorCount',
  'throttleCount',
  'coldStartCount',
  'provisionedInitCount',
  'deadLetterCount',
  'untypedInitCount',
] as const;

/**
 * What of a tick's deltas is judged and kept: counts to a thousandth, times to a hundredth of a millisecond, trace ids of the worst. Hashes of environments are left
 * out: their count is of the moment, and nothing is decided from it.
 */
export function thinDeltas(deltas: readonly WindowDelta[]): readonly WindowDelta[] {
  const failed = placesOfMost(deltas, failedExamplesMax, (delta) =>
    delta.examples.failed.length > 0 ? delta.errorCount : 0,
  );
  const slow = placesOfMost(deltas, slowExamplesMax, (delta) =>
    delta.examples.slowest.length > 0 ? (delta.durationMs.at(-2) ?? 0) : 0,
  );
  return deltas.map((delta, index) => {
    const { instances: _instances, untypedInitCount, requestCount, selfMsSum, versions, ...rest } = delta;
    const untypedInits = toScale(untypedInitCount ?? 0, countScale);
    const isSignal = delta.key.startsWith('signal:');
    return {
      ...rest,
      ...(requestCount !== undefined && { requestCount: toScale(requestCount, countScale) }),
      errorCount: toScale(delta.errorCount, countScale),
      throttleCount: toScale(delta.throttleCount, countScale),
      coldStartCount: toScale(delta.coldStartCount, countScale),
      provisionedInitCount: toScale(delta.provisionedInitCount, countScale),
      deadLetterCount: toScale(delta.deadLetterCount, countScale),
      ...(untypedInits > 0 && { untypedInitCount: untypedInits }),
      durationMs: delta.durationMs.map((value, place) => (place % 2 === 0 ? value : toScale(value, countScale))),
      ...(selfMsSum !== undefined && { selfMsSum: Math.max(0, toScale(selfMsSum, timeScale)) }),
      valueSum: isSignal
        ? Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, delta.valueSum))
        : toScale(delta.valueSum, timeScale),
      ...(versions && Object.keys(versions).length > 0 && { versions: { ...versions } }),
      examples: {
        slowest: slow.has(index) ? delta.examples.slowest.slice(0, 1) : [],
        failed: failed.has(index) ? delta.examples.failed.slice(0, 2) : [],
      },
    };
  });
}

/** What a sender claims may be anything; beyond this it is nonsense, and written down as the largest that is sense. */
const scaledMax = 2 ** 45;

function toScale(value: number, scale: number): number {
  // Adding 0 makes 0 of -0, which no whole number of the form is.
  return Math.round(Math.min(scaledMax, Math.max(-scaledMax, value * scale))) / scale + 0;
}

/** The rows with most of something, at most so many. */
function placesOfMost(
  deltas: readonly WindowDelta[],
  countMax: number,
  measure: (delta: WindowDelta) => number,
): ReadonlySet<number> {
  const places = deltas.flatMap((delta, index) => (measure(delta) > 0 ? [index] : []));
  if (places.length > countMax) places.sort((a, b) => measure(deltas[b]!) - measure(deltas[a]!) || a - b);
  return new Set(places.slice(0, countMax));
}

/** Cost: about a microsecond a delta. What `thinDeltas` answers comes back from `unpackDeltas` as it was. */
export function packDeltas(deltas: readonly WindowDelta[]): Uint8Array {
  const writer = createByteWriter();
  writer.number(deltas.length);
  const senders = dictionaryOf(deltas.map(({ sender }) => sender));
  const versions = dictionaryOf(deltas.flatMap((delta) => Object.keys(delta.versions ?? {})));
  for (const texts of [senders, versions]) {
    writer.number(texts.size);
    for (const text of texts.keys()) writer.text(text);
  }
  writeKeys(writer, deltas);
  const firstMs = deltas[0]?.secondAtMs ?? 0;
  writer.number(firstMs / msPerSecond);
  for (const { secondAtMs } of deltas) writer.signed((secondAtMs - firstMs) / msPerSecond);
  for (const { sender } of deltas) writer.number(senders.get(sender)!);
  const scales = deltas.map((delta) => (isWhole(delta) ? 1 : countScale));
  for (const scale of scales) writer.number(scale);
  for (const { spanCount } of deltas) writer.number(spanCount);
  for (const [index, { requestCount }] of deltas.entries())
    writer.number(requestCount === undefined ? 0 : 1 + scaled(requestCount, scales[index]!));
  writeRare(writer, deltas, scales);
  writeHistograms(writer, deltas, scales);
  for (const { selfMsSum } of deltas) writer.number(selfMsSum === undefined ? 0 : 1 + scaled(selfMsSum, timeScale));
  for (const { key, valueSum } of deltas)
    if (key.startsWith('signal:')) writer.float(valueSum);
    else writer.signed(scaled(valueSum, timeScale));
  writeVersions(writer, deltas, versions);
  for (const { examples } of deltas) {
    writer.number(examples.slowest.length * 4 + examples.failed.length);
    for (const id of [...examples.slowest, ...examples.failed]) writer.text(id);
  }
  const bytes = writer.bytes();
  const isPacked = bytes.length >= packedLengthMin;
  const content = isPacked ? zstdCompressSync(bytes, packing) : bytes;
  return Buffer.concat([Uint8Array.of(isPacked ? forms.zstd : forms.plain), content]);
}

/** @throws where the bytes are not what `packDeltas` wrote. */
export function unpackDeltas(bytes: Uint8Array): readonly WindowDelta[] {
  const [form] = bytes;
  assert(form === forms.plain || form === forms.zstd, 'packed deltas are of a form that this release knows');
  const content = bytes.subarray(1);
  const reader = createByteReader(
    form === forms.plain ? content : zstdDecompressSync(content, { maxOutputLength: unpackedLengthMax }),
  );
  const count = reader.number();
  const rows = Array.from({ length: count }, (_, index) => index);
  const [senders, versions] = [0, 1].map(() => Array.from({ length: reader.number() }, () => reader.text()));
  const keys = readKeys(reader, count);
  const firstMs = reader.number() * msPerSecond;
  const seconds = rows.map(() => firstMs + reader.signed() * msPerSecond);
  const sentBy = rows.map(() => senders![reader.number()]!);
  const scales = rows.map(() => reader.number());
  const spanCounts = rows.map(() => reader.number());
  const requests = rows.map((row) => optional(reader.number(), scales[row]!));
  const rare = readRare(reader, scales);
  const histograms = readHistograms(reader, scales);
  const selfMsSums = rows.map(() => optional(reader.number(), timeScale));
  const valueSums = rows.map((row) =>
    keys[row]!.startsWith('signal:') ? reader.float() : reader.signed() / timeScale,
  );
  const versionsOf = rows.map(() => readVersions(reader, versions!));
  return rows.map((row): WindowDelta => {
    const exampleCounts = reader.number();
    const slowest = Array.from({ length: exampleCounts >> 2 }, () => reader.text());
    const failed = Array.from({ length: exampleCounts & 3 }, () => reader.text());
    const [requestCount, selfMsSum, versionCounts] = [requests[row], selfMsSums[row], versionsOf[row]];
    const { untypedInitCount, ...few } = rare[row]!;
    return {
      key: keys[row] as WindowKey,
      secondAtMs: seconds[row]!,
      sender: sentBy[row]!,
      spanCount: spanCounts[row]!,
      ...(requestCount !== undefined && { requestCount }),
      ...few,
      ...(untypedInitCount > 0 && { untypedInitCount }),
      durationMs: histograms[row]!,
      ...(selfMsSum !== undefined && { selfMsSum }),
      valueSum: valueSums[row]!,
      ...(versionCounts && { versions: versionCounts }),
      examples: { slowest, failed },
    };
  });
}

function scaled(value: number, scale: number): number {
  return Math.round(value * scale);
}

function optional(value: number, scale: number): number | undefined {
  return value === 0 ? undefined : (value - 1) / scale;
}

function isWhole(delta: WindowDelta): boolean {
  const { requestCount = 0, durationMs } = delta;
  return (
    Number.isInteger(requestCount) &&
    rareFields.every((field) => Number.isInteger(delta[field] ?? 0)) &&
    durationMs.every(Number.isInteger)
  );
}

function dictionaryOf(texts: readonly string[]): ReadonlyMap<string, number> {
  return new Map([...new Set(texts)].map((text, index) => [text, index]));
}

function writeKeys(writer: ByteWriter, deltas: readonly WindowDelta[]): void {
  let before = '';
  for (const { key } of deltas) {
    let shared = 0;
    while (shared < key.length && shared < before.length && key.charCodeAt(shared) === before.charCodeAt(shared))
      shared++;
    // Half a character of two is not text.
    if (shared > 0 && isHighSurrogate(key.charCodeAt(shared - 1))) shared--;
    writer.number(shared);
    writer.text(key.slice(shared));
    before = key;
  }
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

function readKeys(reader: ByteReader, count: number): readonly string[] {
  let before = '';
  return Array.from({ length: count }, () => (before = before.slice(0, reader.number()) + reader.text()));
}

/** Few rows have any of these. */
function writeRare(writer: ByteWriter, deltas: readonly WindowDelta[], scales: readonly number[]): void {
  for (const field of rareFields) {
    const places = deltas.flatMap((delta, index) => ((delta[field] ?? 0) === 0 ? [] : [index]));
    writer.number(places.length);
    let before = 0;
    for (const place of places) {
      writer.number(place - before);
      writer.number(scaled(deltas[place]![field]!, scales[place]!));
      before = place;
    }
  }
}

function readRare(
  reader: ByteReader,
  scales: readonly number[],
): readonly Record<(typeof rareFields)[number], number>[] {
  const rows = scales.map(() => ({
    errorCount: 0,
    throttleCount: 0,
    coldStartCount: 0,
    provisionedInitCount: 0,
    deadLetterCount: 0,
    untypedInitCount: 0,
  }));
  for (const field of rareFields) {
    const count = reader.number();
    let place = 0;
    for (let index = 0; index < count; index++) {
      place += reader.number();
      const row = rows[place];
      assert(row !== undefined, 'a packed count belongs to a row');
      row[field] = reader.number() / scales[place]!;
    }
  }
  return rows;
}

function writeHistograms(writer: ByteWriter, deltas: readonly WindowDelta[], scales: readonly number[]): void {
  for (const { durationMs } of deltas) writer.number(durationMs.length / 2);
  for (const { durationMs } of deltas) {
    let before = 0;
    for (let index = 0; index < durationMs.length; index += 2) {
      writer.number(durationMs[index]! - before);
      before = durationMs[index]!;
    }
  }
  for (const [row, { durationMs }] of deltas.entries())
    for (let index = 1; index < durationMs.length; index += 2) writer.number(scaled(durationMs[index]!, scales[row]!));
}

function readHistograms(reader: ByteReader, scales: readonly number[]): readonly (readonly number[])[] {
  const lengths = scales.map(() => reader.number());
  const rows = lengths.map((length) => {
    let place = 0;
    return Array.from({ length: 2 * length }, (_, index) => (index % 2 === 0 ? (place += reader.number()) : 0));
  });
  for (const [row, places] of rows.entries())
    for (let index = 1; index < places.length; index += 2) places[index] = reader.number() / scales[row]!;
  return rows;
}

function writeVersions(
  writer: ByteWriter,
  deltas: readonly WindowDelta[],
  dictionary: ReadonlyMap<string, number>,
): void {
  for (const { versions = {} } of deltas) {
    const entries = Object.entries(versions);
    writer.number(entries.length);
    for (const [version, count] of entries) {
      writer.number(dictionary.get(version)!);
      writer.number(count);
    }
  }
}

function readVersions(reader: ByteReader, dictionary: readonly string[]): Readonly<Record<string, number>> | undefined {
  const count = reader.number();
  if (count === 0) return undefined;
  return Object.fromEntries(
    Array.from({ length: count }, () => [dictionary[reader.number()]!, reader.number()] as const),
  );
}
