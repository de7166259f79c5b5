/** The rows that hold what spans showed in a minute, added up over seconds and senders: no decision rests on them, so each proves only that it is whole. */
import type { LogRecord } from '../core/ports.ts';
import type { EpochMs } from '../core/time.ts';
import type { WindowDelta } from '../core/window.ts';
import { hashOfPacked, keysVersionOf, packDeltas, unpackDeltas } from './packed-deltas.ts';
import type { SpanKeys } from './span-keys.ts';

const hashLength = 32;

/** A minute that nothing is added to any more: a row for each key, whose second is the first of the minute, and whose sender is nobody. */
export interface Minute {
  readonly atMs: EpochMs;
  readonly sums: readonly WindowDelta[];
}

/** The record is of the time of its minute. */
export function sealMinute({ atMs, sums }: Minute, keys: SpanKeys): LogRecord {
  const packed = packDeltas(sums, keys);
  return { stream: 'minutes', atMs, bytes: Buffer.concat([Buffer.from(hashOfPacked(packed), 'hex'), packed]) };
}

/** The row as it was sealed; undefined where it was changed. `keysOf` finds the dictionary by its version. */
export async function readMinute(
  { atMs, bytes }: Pick<LogRecord, 'atMs' | 'bytes'>,
  keysOf: (version: string | undefined) => Promise<SpanKeys>,
): Promise<Minute | undefined> {
  const packed = bytes.subarray(hashLength);
  if (hashOfPacked(packed) !== Buffer.from(bytes.subarray(0, hashLength)).toString('hex')) return undefined;
  return { atMs, sums: unpackDeltas(packed, await keysOf(keysVersionOf(packed))) };
}
