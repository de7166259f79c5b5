/** From a request's body to spans: inflated within its bound, decoded as a whole before any of it is kept. */
import { constants, gunzipSync } from 'node:zlib';
import type { OtlpForm, Problem } from './otlp-answer.ts';
import { readJsonTraces } from './otlp-json.ts';
import { readProtoTraces } from './otlp-proto.ts';
import { emptyBatch, OtlpError, type Decoding } from './span-batch.ts';

export interface OtlpBody {
  readonly bytes: Buffer;
  readonly isGzip: boolean;
  readonly form: OtlpForm;
}

/** OTLP's own default for a request (1.11.0), after decompression too. */
export const inflatedByteCountMax = 64 << 20;

/** Larger than the bound that was given. */
export const tooLarge = 'too-large';

/** The bytes as they were before gzip; `tooLarge` as soon as there are more than `byteCountMax`, or what makes them no gzip. */
export function inflate({ bytes, isGzip }: OtlpBody, byteCountMax: number): Buffer | typeof tooLarge | Problem {
  if (!isGzip) return bytes.length > byteCountMax ? tooLarge : bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: byteCountMax, chunkSize: chunkSizeOf(bytes, byteCountMax) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return tooLarge;
    return { status: 400, message: 'the body is no whole gzip', field: 'the body' };
  }
}

/** How long the inflated body claims to be, in the last four bytes of gzip: a hint, since nobody has to write the truth there. */
export function claimedByteCount({ bytes, isGzip }: OtlpBody): number {
  return isGzip && bytes.length >= 18 ? bytes.readUInt32LE(bytes.length - 4) : bytes.length;
}

/**
 * Gives up a buffer that is ours alone, and its memory at once: `bytes` is empty afterwards.
 *
 * Left to the collector of garbage, each would count as pressure of 400 kB from outside the heap, and every 150 requests or so bring about a full collection of a
 * heap that holds the state of all detectors, where the spans themselves leave next to nothing behind.
 */
export function discard(bytes: Buffer): void {
  const { buffer } = bytes;
  // Smaller ones may be cut from a pool that others share.
  if (buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) buffer.transfer(0);
}

/** One chunk as long as the claim saves growing and joining; gzip makes a thousandth at best, so a claim beyond that is none. */
function chunkSizeOf(bytes: Buffer, byteCountMax: number): number {
  const claimed = claimedByteCount({ bytes, isGzip: true, form: 'proto' });
  return Math.max(constants.Z_MIN_CHUNK, Math.min(claimed + 1, byteCountMax, 1_032 * bytes.length));
}

/**
 * Decodes the whole body, then hands batches on: `onBatch` is called once, or for a body of very many spans several times, and not at all
 * where anything in the body is malformed. The batch is empty afterwards.
 */
export function decodeBody(
  bytes: Buffer,
  form: OtlpForm,
  decoding: Omit<Decoding, 'onFull'>,
  onBatch: () => void,
): Problem | undefined {
  const { batch } = decoding;
  const read = form === 'json' ? readJsonTraces : readProtoTraces;
  let batchCount = 1;
  const handOn = (): void => {
    onBatch();
    batch.rejected.invalid = 0;
  };
  emptyBatch(batch);
  try {
    read(bytes, {
      ...decoding,
      onFull: () => {
        batchCount++;
      },
    });
  } catch (error) {
    emptyBatch(batch);
    if (!(error instanceof OtlpError)) throw error;
    return { status: 400, message: error.message, field: error.field };
  }
  if (batchCount > 1) {
    // It is sound and too large for one batch: read again, this time to keep.
    emptyBatch(batch);
    read(bytes, { ...decoding, onFull: handOn });
  }
  handOn();
  emptyBatch(batch);
  return undefined;
}
