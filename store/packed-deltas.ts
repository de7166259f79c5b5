/**
 * Deltas as bytes: each field stands together, in the order of the rows, so that what is alike lies side by side for zstd.
 *
 * Keys are numbers of a dictionary (span-keys.ts) that stands in the store once, and is named by its hash in front; keys that it does not have are written out. Counts are whole
 * numbers, small ones in one byte (LEB128), thousandths where sampling makes them broken. `thinDeltas` brings deltas to what can be written, so that what is
 * judged is what stands on record.
 *
 * What a second of an active key takes is mostly the noise of its durations. So a duration is written to a ninth (eight places to an octave, a quarter of what was
 * received; detectors tell durations apart by a fifth), time added up follows from the places, and time without callees is written as its ratio to that.
 */
import { createHash } from 'node:crypto';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { assert } from '../core/assert.ts';
import { bucketOf, middleOf } from '../core/histogram.ts';
import { msPerSecond } from '../core/time.ts';
import type { PackedHistogram, WindowDelta, WindowKey } from '../core/window.ts';
import type { SpanKeys } from './span-keys.ts';
import {
  createByteReader,
  createByteWriter,
  createTextReader,
  writeTexts,
  type ByteReader,
  type ByteWriter,
} from './varint.ts';

/** The first byte: whether what follows is packed by zstd, which of a small fleet's tick would save nothing. */
const forms = { plain: 2, zstd: 3 } as const;
const hashLength = 32;
const packedLengthMin = 2_048;
const packing = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };
/** A minute of 100,000 keys is 10 MB; what claims to be more than this is none of ours. */
const unpackedLengthMax = 128 * 1024 ** 2;

/** Trace ids are noise to every packer, 16 bytes each: kept where somebody will want to open them. */
const failedExamplesMax = 64;
const slowExamplesMax = 16;
const countScale = 1_000;

/** Of the 32 places to an octave that a histogram has, four together. */
const bucketsPerPlace = 4;
/** About 30 ms: most durations lie so near that their distance to it is one byte. */
const commonPlace = 200;

const rareFields = [
  'errorCount',
  'throttleCount',
  'coldStartCount',
  'provisionedInitCount',
  'deadLetterCount',
  'untypedInitCount',
] as const;

/**
 * What of a tick's deltas is judged and kept: counts to a thousandth, durations to a ninth, trace ids of the worst. Hashes of environments are left out: their count is of the
 * moment, and nothing is decided from it. The values of a signal are added up as they came.
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
    const untypedInits = toScale(untypedInitCount ?? 0);
    const durationMs = thinHistogram(delta.durationMs);
    return {
      ...rest,
      ...(requestCount !== undefined && { requestCount: toScale(requestCount) }),
      errorCount: toScale(delta.errorCount),
      throttleCount: toScale(delta.throttleCount),
      coldStartCount: toScale(delta.coldStartCount),
      provisionedInitCount: toScale(delta.provisionedInitCount),
      deadLetterCount: toScale(delta.deadLetterCount),
      ...(untypedInits > 0 && { untypedInitCount: untypedInits }),
      durationMs,
      ...(selfMsSum !== undefined && { selfMsSum: selfMsSum > 0 ? middleOf(bucketOf(selfMsSum)) : 0 }),
      valueSum: isSignal(delta.key) ? finite(delta.valueSum) : sumOf(durationMs),
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

function toScale(value: number): number {
  return Math.round(Math.min(scaledMax, Math.max(0, value * countScale))) / countScale;
}

function finite(value: number): number {
  return Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, value));
}

function isSignal(key: WindowKey): boolean {
  return key.startsWith('signal:');
}

/** Four places become the third of them; what counts nothing goes. */
function thinHistogram(fine: PackedHistogram): PackedHistogram {
  const coarse: number[] = [];
  for (let index = 0; index < fine.length; index += 2) {
    const bucket = bucketOfPlace(Math.floor(fine[index]! / bucketsPerPlace));
    const count = fine[index + 1]!;
    if (coarse.at(-2) === bucket) coarse[coarse.length - 1]! += count;
    else coarse.push(bucket, count);
  }
  for (let index = 1; index < coarse.length; index += 2) coarse[index] = toScale(coarse[index]!);
  return coarse;
}

function bucketOfPlace(place: number): number {
  return place * bucketsPerPlace + bucketsPerPlace / 2;
}

/** Where durations were rounded both ways their sum is nearly right: within a percent from some tens on. */
export function sumOf(durationMs: PackedHistogram): number {
  let sum = 0;
  for (let index = 0; index < durationMs.length; index += 2)
    sum += durationMs[index + 1]! * middleAt(durationMs[index]!);
  return sum;
}

/** A power for each place would be most of what packing takes. */
const middles: number[] = [];
function middleAt(bucket: number): number {
  return (middles[bucket] ??= middleOf(bucket));
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
export function packDeltas(deltas: readonly WindowDelta[], keys: SpanKeys): Uint8Array {
  const writer = createByteWriter();
  writer.number(deltas.length);
  const senders = dictionaryOf(deltas.map(({ sender }) => sender));
  const versions = dictionaryOf(deltas.flatMap((delta) => Object.keys(delta.versions ?? {})));
  for (const texts of [senders, versions]) {
    writer.number(texts.size);
    for (const text of texts.keys()) writer.text(text);
  }
  writeKeys(writer, deltas, keys);
  const firstMs = deltas[0]?.secondAtMs ?? 0;
  writer.number(firstMs / msPerSecond);
  for (const { secondAtMs } of deltas) writer.signed((secondAtMs - firstMs) / msPerSecond);
  for (const { sender } of deltas) writer.number(senders.get(sender)!);
  const scales = deltas.map((delta) => (isWhole(delta) ? 1 : countScale));
  for (const scale of scales) writer.number(scale === 1 ? 0 : 1);
  writeHistograms(writer, deltas, scales);
  const totals = deltas.map(({ durationMs }) => totalOf(durationMs));
  // Both are mostly what the histogram has.
  for (const [row, { spanCount }] of deltas.entries()) writer.signed(spanCount - Math.round(totals[row]!));
  for (const [row, { requestCount }] of deltas.entries())
    writer.number(
      requestCount === undefined ? 0 : requestCount === totals[row] ? 1 : 2 + scaled(requestCount, scales[row]!),
    );
  writeRare(writer, deltas, scales);
  for (const { selfMsSum, durationMs } of deltas) {
    if (selfMsSum === undefined || selfMsSum === 0) writer.number(selfMsSum === undefined ? 0 : 1);
    else writer.number(2 + folded(bucketOf(selfMsSum) - bucketOf(sumOf(durationMs))));
  }
  for (const { key, valueSum } of deltas) if (isSignal(key)) writer.float(valueSum);
  writeVersions(writer, deltas, versions);
  for (const { examples } of deltas) {
    writer.number(examples.slowest.length * 4 + examples.failed.length);
    for (const id of [...examples.slowest, ...examples.failed]) writer.text(id);
  }
  const bytes = writer.bytes();
  const isPacked = bytes.length >= packedLengthMin;
  const content = isPacked ? zstdCompressSync(bytes, packing) : bytes;
  return Buffer.concat([
    Uint8Array.of(isPacked ? forms.zstd : forms.plain),
    Buffer.from(keys.version ?? noDictionary, 'hex'),
    content,
  ]);
}

const noDictionary = '0'.repeat(2 * hashLength);

/** The version of the dictionary that the keys are numbers of; undefined where all are written out. */
export function keysVersionOf(bytes: Uint8Array): string | undefined {
  const version = Buffer.from(bytes.subarray(1, 1 + hashLength)).toString('hex');
  return version === noDictionary ? undefined : version;
}

/** By what a tick names its deltas: of the bytes, which begin with the hash of their dictionary. */
export function hashOfPacked(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** @throws where the bytes are not what `packDeltas` wrote with this dictionary. */
export function unpackDeltas(bytes: Uint8Array, keys: SpanKeys): readonly WindowDelta[] {
  const [form] = bytes;
  assert(form === forms.plain || form === forms.zstd, 'packed deltas are of a form that this release knows');
  assert(
    keysVersionOf(bytes) === keys.version,
    'packed deltas are read with the dictionary that they were written with',
  );
  const content = bytes.subarray(1 + hashLength);
  const reader = createByteReader(
    form === forms.plain ? content : zstdDecompressSync(content, { maxOutputLength: unpackedLengthMax }),
  );
  const count = reader.number();
  const rows = Array.from({ length: count }, (_, index) => index);
  const [senders, versions] = [0, 1].map(() => Array.from({ length: reader.number() }, () => reader.text()));
  const keysOf = readKeys(reader, count, keys);
  const firstMs = reader.number() * msPerSecond;
  const seconds = rows.map(() => firstMs + reader.signed() * msPerSecond);
  const sentBy = rows.map(() => senders![reader.number()]!);
  const scales = rows.map(() => (reader.number() === 0 ? 1 : countScale));
  const histograms = readHistograms(reader, scales);
  const totals = histograms.map(totalOf);
  const spanCounts = rows.map((row) => reader.signed() + Math.round(totals[row]!));
  const requests = rows.map((row) => {
    const code = reader.number();
    return code === 0 ? undefined : code === 1 ? totals[row]! : (code - 2) / scales[row]!;
  });
  const rare = readRare(reader, scales);
  const selfMsSums = rows.map((row) => {
    const code = reader.number();
    if (code < 2) return code === 0 ? undefined : 0;
    return middleAt(unfolded(code - 2) + bucketOf(sumOf(histograms[row]!)));
  });
  const valueSums = rows.map((row) => (isSignal(keysOf[row]!) ? reader.float() : sumOf(histograms[row]!)));
  const versionsOf = rows.map((row) => readVersions(reader, versions!, spanCounts[row]!));
  return rows.map((row): WindowDelta => {
    const exampleCounts = reader.number();
    const slowest = Array.from({ length: exampleCounts >> 2 }, () => reader.text());
    const failed = Array.from({ length: exampleCounts & 3 }, () => reader.text());
    const [requestCount, selfMsSum, versionCounts] = [requests[row], selfMsSums[row], versionsOf[row]];
    const { untypedInitCount, ...few } = rare[row]!;
    return {
      key: keysOf[row]!,
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

/** The sign into the lowest bit. */
function folded(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

function unfolded(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

/** To a thousandth, as each count is: sums of thousandths are no thousandths to the last bit. */
function totalOf(durationMs: PackedHistogram): number {
  let total = 0;
  for (let index = 1; index < durationMs.length; index += 2) total += durationMs[index]!;
  return toScale(total);
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

/** Rows are mostly in the order of the dictionary: what is written is how far each number is from the next after the one before. */
function writeKeys(writer: ByteWriter, deltas: readonly WindowDelta[], keys: SpanKeys): void {
  let next = 0;
  const unknown: string[] = [];
  for (const { key } of deltas) {
    const number = keys.numberOf(key);
    if (number === undefined) {
      writer.number(0);
      unknown.push(key);
    } else {
      writer.number(1 + folded(number - next));
      next = number + 1;
    }
  }
  writeTexts(writer, unknown);
}

function readKeys(reader: ByteReader, count: number, keys: SpanKeys): readonly WindowKey[] {
  let next = 0;
  const numbers = Array.from({ length: count }, () => {
    const code = reader.number();
    if (code === 0) return undefined;
    const number = next + unfolded(code - 1);
    next = number + 1;
    return number;
  });
  const texts = createTextReader(reader);
  return numbers.map((number) => {
    const key = number === undefined ? texts() : keys.keyAt(number);
    assert(key !== undefined, 'a packed key is in its dictionary');
    return key as WindowKey;
  });
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
  for (const { durationMs } of deltas) if (durationMs.length > 0) writer.signed(placeOf(durationMs[0]!) - commonPlace);
  for (const { durationMs } of deltas)
    for (let index = 2; index < durationMs.length; index += 2)
      writer.number(placeOf(durationMs[index]!) - placeOf(durationMs[index - 2]!) - 1);
  for (const [row, { durationMs }] of deltas.entries())
    for (let index = 1; index < durationMs.length; index += 2) writer.number(scaled(durationMs[index]!, scales[row]!));
}

function readHistograms(reader: ByteReader, scales: readonly number[]): readonly (readonly number[])[] {
  const rows = scales.map(() => new Array<number>(2 * reader.number()));
  for (const row of rows) if (row.length > 0) row[0] = reader.signed() + commonPlace;
  for (const row of rows)
    for (let index = 2; index < row.length; index += 2) row[index] = row[index - 2]! + 1 + reader.number();
  for (const row of rows) for (let index = 0; index < row.length; index += 2) row[index] = bucketOfPlace(row[index]!);
  for (const [index, row] of rows.entries())
    for (let at = 1; at < row.length; at += 2) row[at] = reader.number() / scales[index]!;
  return rows;
}

function placeOf(bucket: number): number {
  return (bucket - bucketsPerPlace / 2) / bucketsPerPlace;
}

/** Most have one version, which all their spans are of. */
function writeVersions(
  writer: ByteWriter,
  deltas: readonly WindowDelta[],
  dictionary: ReadonlyMap<string, number>,
): void {
  for (const { versions = {}, spanCount } of deltas) {
    const entries = Object.entries(versions);
    writer.number(entries.length);
    for (const [version, count] of entries) {
      writer.number(dictionary.get(version)!);
      writer.signed(spanCount - count);
    }
  }
}

function readVersions(
  reader: ByteReader,
  dictionary: readonly string[],
  spanCount: number,
): Readonly<Record<string, number>> | undefined {
  const count = reader.number();
  if (count === 0) return undefined;
  return Object.fromEntries(
    Array.from({ length: count }, () => [dictionary[reader.number()]!, spanCount - reader.signed()] as const),
  );
}
