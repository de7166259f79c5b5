/** Numbers and texts in as few bytes as they take: whole numbers in LEB128, seven bits a byte, the sign folded into the lowest bit where there is one. */
import { assert } from '../core/assert.ts';

export interface ByteWriter {
  /** A whole number from 0 to 2^53. */
  number(value: number): void;
  /** A whole number of either sign. */
  signed(value: number): void;
  float(value: number): void;
  /** In four bytes, of a number that four can say. */
  single(value: number): void;
  text(value: string): void;
  bytes(): Uint8Array;
}

const lengthAtFirst = 4_096;

export function createByteWriter(): ByteWriter {
  let buffer = Buffer.allocUnsafe(lengthAtFirst);
  let length = 0;
  const makeRoom = (byteCount: number): void => {
    if (length + byteCount <= buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * buffer.length, length + byteCount));
    buffer.copy(larger, 0, 0, length);
    buffer = larger;
  };
  const writer: ByteWriter = {
    number(value) {
      // A message that is put together for each number would be most of the work.
      if (!(value >= 0 && Number.isSafeInteger(value))) assert(false, `${value} is a whole number from 0 on`);
      makeRoom(8);
      let rest = value;
      // Beyond 31 bits the operators on bits would cut.
      while (rest > 0x7fff_ffff) {
        buffer[length++] = (rest % 128) | 128;
        rest = Math.floor(rest / 128);
      }
      while (rest > 127) {
        buffer[length++] = (rest & 127) | 128;
        rest >>>= 7;
      }
      buffer[length++] = rest;
    },
    signed: (value) => writer.number(value < 0 ? -2 * value - 1 : 2 * value),
    float(value) {
      makeRoom(8);
      length = buffer.writeDoubleLE(value, length);
    },
    single(value) {
      makeRoom(4);
      length = buffer.writeFloatLE(value, length);
    },
    text(value) {
      const byteCount = Buffer.byteLength(value);
      writer.number(byteCount);
      makeRoom(byteCount);
      length += buffer.write(value, length);
    },
    bytes: () => buffer.subarray(0, length),
  };
  return writer;
}

export type ByteReader = ReturnType<typeof createByteReader>;

/** Reads what a writer wrote. Each fails where the bytes end too soon. */
export function createByteReader(bytes: Uint8Array) {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = buffer[at++];
      assert(byte !== undefined && scale < 2 ** 56, 'a number ends inside what is read');
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  return {
    number,
    signed(): number {
      const value = number();
      return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    },
    float(): number {
      at += 8;
      assert(at <= buffer.length, 'a number ends inside what is read');
      return buffer.readDoubleLE(at - 8);
    },
    single(): number {
      at += 4;
      assert(at <= buffer.length, 'a number ends inside what is read');
      return buffer.readFloatLE(at - 4);
    },
    take(byteCount: number): Uint8Array {
      assert(at + byteCount <= buffer.length, 'bytes end inside what is read');
      return buffer.subarray(at, (at += byteCount));
    },
    /** What was not read yet. */
    rest: (): Uint8Array => buffer.subarray(at),
    text(): string {
      const byteCount = number();
      assert(at + byteCount <= buffer.length, 'a text ends inside what is read');
      return buffer.toString('utf8', at, (at += byteCount));
    },
  };
}

/** Each as what it does not share with the one before. */
export function writeTexts(writer: ByteWriter, texts: Iterable<string>): void {
  let before = '';
  for (const text of texts) {
    let shared = 0;
    while (shared < text.length && shared < before.length && text.charCodeAt(shared) === before.charCodeAt(shared))
      shared++;
    // Half a character of two is not text.
    if (shared > 0 && isHighSurrogate(text.charCodeAt(shared - 1))) shared--;
    writer.number(shared);
    writer.text(text.slice(shared));
    before = text;
  }
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

export function createTextReader(reader: ByteReader): () => string {
  let before = '';
  return () => (before = before.slice(0, reader.number()) + reader.text());
}
