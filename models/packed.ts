/**
 * Arrays of numbers as text inside a JSON snapshot: base64 of their bytes, little-endian as on every machine that we run on. A month of
 * minutes is 43,200 numbers; as decimal digits it would be several times as long.
 */
export const packInt16 = (values: Int16Array): string => pack(values);
export const packUint8 = (values: Uint8Array): string => pack(values);
export const packFloat64 = (values: Float64Array): string => pack(values);

export const unpackInt16 = (text: string): Int16Array => new Int16Array(bytesOf(text));
export const unpackUint8 = (text: string): Uint8Array => new Uint8Array(bytesOf(text));
export const unpackFloat64 = (text: string): Float64Array => new Float64Array(bytesOf(text));

function pack(values: Int16Array | Uint8Array | Float64Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
}

/** A fresh buffer: Node's own pool is not aligned for wider numbers. */
function bytesOf(text: string): ArrayBuffer {
  const bytes = Buffer.from(text, 'base64');
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return copy;
}
