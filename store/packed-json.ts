/**
 * JSON values as bytes, one after the other: for state that is large, alike, and mostly numbers. What comes back is what JSON would give back, but that every number is exact.
 *
 * The names of an object's members are written once for each shape; arrays of whole numbers as steps from one to the next, of others in four bytes where four say it, else in eight. Values are packed by
 * zstd, a megabyte at a time, so that neither side ever holds more than a value and a piece.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { assert } from '../core/assert.ts';
import type { Json } from '../core/json.ts';
import { createByteReader, createByteWriter, type ByteReader, type ByteWriter } from './varint.ts';

const tags = {
  none: 0,
  no: 1,
  yes: 2,
  whole: 3,
  float: 4,
  text: 5,
  list: 6,
  newShape: 7,
  knownShape: 8,
  wholes: 9,
  singles: 10,
  doubles: 11,
} as const;

const pieceLength = 1024 ** 2;
/** A single value may be larger than a piece. */
const pieceLengthMax = 256 * 1024 ** 2;
const packing = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
/** So that steps between them, and their signs, are whole numbers too. */
const wholeMax = 2 ** 50;

/** Cost: some ten nanoseconds a number. */
export function packJson(values: Iterable<Json>): Uint8Array {
  const pieces: Uint8Array[] = [];
  const shapes = createShapes();
  let writer = createByteWriter();
  let valueCount = 0;
  const flush = (): void => {
    const packed = zstdCompressSync(writer.bytes(), packing);
    const head = createByteWriter();
    head.number(valueCount);
    head.number(packed.length);
    pieces.push(Buffer.from(head.bytes()), packed);
    writer = createByteWriter();
    valueCount = 0;
  };
  for (const value of values) {
    writeValue(writer, value, shapes);
    valueCount++;
    if (writer.bytes().length >= pieceLength) flush();
  }
  if (valueCount > 0) flush();
  return Buffer.concat(pieces);
}

/** @throws where the bytes are not what `packJson` wrote. */
export function* unpackJson(bytes: Uint8Array): Generator<Json> {
  const shapes: (readonly string[])[] = [];
  for (let rest = bytes; rest.length > 0;) {
    const head = createByteReader(rest);
    const valueCount = head.number();
    const packed = head.take(head.number());
    rest = head.rest();
    const reader = createByteReader(zstdDecompressSync(packed, { maxOutputLength: pieceLengthMax }));
    for (let index = 0; index < valueCount; index++) yield readValue(reader, shapes);
  }
}

function writeValue(writer: ByteWriter, value: Json, shapes: Shapes): void {
  if (value === null) writer.number(tags.none);
  else if (typeof value === 'boolean') writer.number(value ? tags.yes : tags.no);
  else if (typeof value === 'number') writeNumber(writer, value);
  else if (typeof value === 'string') {
    writer.number(tags.text);
    writer.text(value);
  } else if (isList(value)) writeList(writer, value, shapes);
  else writeObject(writer, value, shapes);
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function writeNumber(writer: ByteWriter, value: number): void {
  assert(Number.isFinite(value), 'a number of JSON is finite');
  if (isWhole(value)) {
    writer.number(tags.whole);
    writer.signed(value);
  } else {
    writer.number(tags.float);
    writer.float(value);
  }
}

function isWhole(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) <= wholeMax && !Object.is(value, -0);
}

function writeList(writer: ByteWriter, list: readonly Json[], shapes: Shapes): void {
  const tag = list.length === 0 ? tags.list : tagOf(list);
  writer.number(tag);
  writer.number(list.length);
  if (tag === tags.list) for (const item of list) writeValue(writer, item, shapes);
  else writeNumbers(writer, list as readonly number[], tag);
}

function writeNumbers(writer: ByteWriter, numbers: readonly number[], tag: number): void {
  let before = 0;
  for (const number of numbers) {
    if (tag === tags.singles) writer.single(number);
    else if (tag === tags.doubles) writer.float(number);
    else {
      writer.signed(number - before);
      before = number;
    }
  }
}

function tagOf(list: readonly Json[]): number {
  let areWhole = true;
  let areSingle = true;
  for (const item of list) {
    if (typeof item !== 'number') return tags.list;
    assert(Number.isFinite(item), 'a number of JSON is finite');
    areWhole &&= isWhole(item);
    areSingle &&= Math.fround(item) === item;
  }
  return areWhole ? tags.wholes : areSingle ? tags.singles : tags.doubles;
}

interface Shapes {
  /** The number of a shape that was written before; of another one it is the next. */
  find(names: readonly string[]): number | undefined;
}

function createShapes(): Shapes {
  const known = new Map<string, { readonly number: number; readonly names: readonly string[] }>();
  let count = 0;
  return {
    find(names) {
      const text = names.join();
      const found = known.get(text);
      // A comma in a name could make two shapes look alike.
      if (found?.names.length === names.length && names.every((name, at) => name === found.names[at]))
        return found.number;
      known.set(text, { number: count++, names });
      return undefined;
    },
  };
}

function writeObject(writer: ByteWriter, value: Readonly<Record<string, Json>>, shapes: Shapes): void {
  // As JSON has it: a member without a value is none.
  const names = Object.keys(value).filter((name) => value[name] !== undefined);
  const known = shapes.find(names);
  if (known === undefined) {
    writer.number(tags.newShape);
    writer.number(names.length);
    for (const name of names) writer.text(name);
  } else {
    writer.number(tags.knownShape);
    writer.number(known);
  }
  for (const name of names) writeValue(writer, value[name]!, shapes);
}

function readValue(reader: ByteReader, shapes: (readonly string[])[]): Json {
  const tag = reader.number();
  switch (tag) {
    case tags.none:
      return null;
    case tags.no:
      return false;
    case tags.yes:
      return true;
    case tags.whole:
      return reader.signed();
    case tags.float:
      return reader.float();
    case tags.text:
      return reader.text();
    case tags.list:
      return readItems(reader, () => readValue(reader, shapes));
    case tags.wholes: {
      let before = 0;
      return readItems(reader, () => (before += reader.signed()));
    }
    case tags.singles:
      return readItems(reader, () => reader.single());
    case tags.doubles:
      return readItems(reader, () => reader.float());
    case tags.newShape:
      shapes.push(readItems(reader, () => reader.text()));
      return readMembers(reader, shapes.at(-1), shapes);
    case tags.knownShape:
      return readMembers(reader, shapes[reader.number()], shapes);
    default:
      throw new Error(`packed JSON has no tag ${tag}`);
  }
}

function readItems<Item>(reader: ByteReader, read: () => Item): Item[] {
  const items: Item[] = [];
  const count = reader.number();
  for (let index = 0; index < count; index++) items.push(read());
  return items;
}

function readMembers(reader: ByteReader, names: readonly string[] | undefined, shapes: (readonly string[])[]): Json {
  assert(names !== undefined, 'a shape of packed JSON was written before it is named');
  return Object.fromEntries(names.map((name) => [name, readValue(reader, shapes)]));
}
