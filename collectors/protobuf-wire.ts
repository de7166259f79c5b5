/**
 * The wire format of protobuf, read in place: tags, varints, lengths. Each function takes the end of the message it reads in, and throws before it
 * reads beyond. What a read returns is its value; where it ended stands in `cursor` until the next read.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */
import { OtlpError } from './span-batch.ts';

/** Where the last read ended. A second return value without an object for it: millions of them a second would be the larger part of the work. */
export let cursor = 0;

const fieldNumberMax = 536_870_911;

/** Field number and wire type; field 0 does not exist. */
export function readTag(bytes: Uint8Array, at: number, until: number): number {
  const first = bytes[at]!;
  if (first < 0x80) {
    if (first < 8) throw new OtlpError(place(at), 'a field with the number 0');
    cursor = at + 1;
    return first;
  }
  const tag = readVarint(bytes, at, until);
  if (tag / 8 < 1 || tag / 8 > fieldNumberMax + 1) throw new OtlpError(place(at), 'a field number that does not exist');
  return tag;
}

/** Reads a length, and answers where what is that long ends; `cursor` is where it starts. */
export function readEnd(bytes: Uint8Array, at: number, until: number): number {
  if (at < until) {
    const first = bytes[at]!;
    if (first < 0x80) {
      cursor = at + 1;
      const end = at + 1 + first;
      if (end <= until) return end;
    }
  }
  const length = readVarint(bytes, at, until);
  const end = cursor + length;
  if (end > until) throw new OtlpError(place(at), `a length of ${length} where ${until - cursor} bytes are left`);
  return end;
}

/** An unsigned number, exact up to 2^53 and near it above. */
export function readVarint(bytes: Uint8Array, at: number, until: number): number {
  let value = 0;
  let scale = 1;
  for (let index = at; index < until && index < at + 10; index++) {
    const byte = bytes[index]!;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      cursor = index + 1;
      return value;
    }
    scale *= 128;
  }
  throw new OtlpError(place(at), at + 10 <= until ? 'a number of more than ten bytes' : 'a number that is cut off');
}

/** A 64-bit number in two's complement, exact within 2^53 of zero. */
export function readSigned(bytes: Uint8Array, at: number, until: number): number {
  const value = readVarint(bytes, at, until);
  if (value < 2 ** 53) return value;
  // Three parts of 28, 28 and 8 bits: the ten bytes of a negative number do not fit a double, their complement does.
  const parts = [0, 0, 0];
  for (let index = at; index < cursor; index++) {
    const place = index - at;
    const part = place >> 2;
    parts[part]! += (bytes[index]! & 0x7f) * 2 ** (7 * (place & 3));
  }
  const [low, middle, high] = [parts[0]!, parts[1]!, parts[2]! & 0xff];
  if (high < 0x80) return value;
  return -((~high & 0xff) * 2 ** 56 + (~middle & 0xfffffff) * 2 ** 28 + (~low & 0xfffffff) + 1);
}

export function requireBytes(at: number, count: number, until: number): void {
  if (at + count > until) throw new OtlpError(place(at), `${count} bytes were expected, ${until - at} are left`);
}

/** Four bytes as ids are written, the first the highest. */
export function readWord(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** Four bytes as fixed64 is written, the first the lowest. */
export function readLowWord(bytes: Uint8Array, at: number): number {
  return ((bytes[at + 3]! << 24) | (bytes[at + 2]! << 16) | (bytes[at + 1]! << 8) | bytes[at]!) >>> 0;
}

/** Passes over a field's value and answers where it ends. */
export function skip(bytes: Uint8Array, at: number, until: number, tag: number): number {
  switch (tag % 8) {
    case 0:
      readVarint(bytes, at, until);
      return cursor;
    case 1:
      requireBytes(at, 8, until);
      return at + 8;
    case 2:
      return readEnd(bytes, at, until);
    case 5:
      requireBytes(at, 4, until);
      return at + 4;
    default:
      throw new OtlpError(place(at), `wire type ${tag % 8}, which proto3 does not have`);
  }
}

function place(at: number): string {
  return `byte ${at}`;
}
