/**
 * The rows that hold what a tick was judged from, chained like the audit log: a decision can only be checked against facts that nobody changed.
 *
 * A row is `<hash of the row before> <its own hash>`, a line break, and the sealed tick as JSON; of a tick that is long the line ends in ` zstd`, and what follows is packed
 * so. Hashes are over what a tick says, packed or not, so rows of releases that packed none hold as they are. Old rows are pruned, so the chain is held from the
 * first row that is still there.
 *
 * - Collet & Kucherawy, Zstandard Compression, RFC 8878.
 */
import { createHash } from 'node:crypto';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { WorldError } from '../core/errors.ts';
import type { LogRecord, Store } from '../core/ports.ts';
import type { EpochMs } from '../core/time.ts';
import { genesisHash } from './audit-log.ts';
import { lastRecordOf } from './last-record.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });
const latin1 = new TextDecoder('latin1');

const headPattern = /^([0-9a-f]{64}) ([0-9a-f]{64})( zstd)?\n/;
/** Two hashes, the blanks and ` zstd`. */
const headLengthMax = 135;

/** Most ticks hold an answer or two: of those packing would save a page of nothing. */
const packedLengthMin = 1_024;
/** A minute of counts for 2,000 functions is a quarter of a megabyte; a row that claims to be more than this is none of ours. */
const tickLengthMax = 256 * 1024 ** 2;
const packing = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };

export type TickReading =
  | { readonly ok: true; readonly text: string; readonly prevHash: string; readonly hash: string }
  | { readonly ok: false; readonly reason: string };

export interface TickFault {
  readonly position: number | null;
  readonly atMs: EpochMs | null;
  readonly message: string;
}

export interface TickVerification {
  readonly verified: boolean;
  /** Rows that hold, counted from the first that is still kept. */
  readonly tickCount: number;
  readonly firstFault: TickFault | null;
}

/** Chains one sealed tick to the row before it. */
export function sealTick(
  text: string,
  { prevHash, atMs }: { readonly prevHash: string; readonly atMs: EpochMs },
): { readonly record: LogRecord; readonly hash: string } {
  const hash = hashOf(text, prevHash, atMs);
  const bytes =
    text.length < packedLengthMin
      ? encoder.encode(`${prevHash} ${hash}\n${text}`)
      : Buffer.concat([encoder.encode(`${prevHash} ${hash} zstd\n`), zstdCompressSync(text, packing)]);
  return { record: { stream: 'tick', atMs, bytes }, hash };
}

/** Takes a row apart, and holds it to its own hash. */
export function readTick({ bytes, atMs }: Pick<LogRecord, 'bytes' | 'atMs'>): TickReading {
  const [head, prevHash, hash, isPacked] = headPattern.exec(latin1.decode(bytes.subarray(0, headLengthMax))) ?? [];
  if (head === undefined || prevHash === undefined || hash === undefined)
    return { ok: false, reason: 'it does not begin with two hashes' };
  let text: string;
  try {
    const content = bytes.subarray(head.length);
    text = decoder.decode(isPacked ? zstdDecompressSync(content, { maxOutputLength: tickLengthMax }) : content);
  } catch {
    return { ok: false, reason: isPacked ? 'it cannot be unpacked' : 'it is not text' };
  }
  return hashOf(text, prevHash, atMs) === hash
    ? { ok: true, text, prevHash, hash }
    : { ok: false, reason: 'it was changed after it was written' };
}

/** Where the next tick is chained to. A damaged last row is left to `audit verify`: the chain begins anew after it, and shows there. */
export async function lastTickHash(store: Store): Promise<string> {
  const last = await lastRecordOf(store, 'tick');
  const reading = last && readTick(last);
  return reading?.ok ? reading.hash : genesisHash;
}

/** Checks every row that is kept. Cost: a SHA-256 of the whole log of ticks; memory does not grow with it. */
export async function verifyTicks(store: Store): Promise<TickVerification> {
  let tickCount = 0;
  let lastHash: string | undefined;
  const answer = (firstFault: TickFault | null): TickVerification => ({
    verified: firstFault === null,
    tickCount,
    firstFault,
  });
  try {
    for await (const stored of store.read(0, 'tick')) {
      const { position, atMs } = stored;
      const reading = readTick(stored);
      if (!reading.ok)
        return answer({ position, atMs, message: `the tick of this row does not hold: ${reading.reason}` });
      if (lastHash !== undefined && reading.prevHash !== lastHash) {
        return answer({
          position,
          atMs,
          message: 'the tick of this row was not chained to the one before it: ticks were removed, added or moved',
        });
      }
      lastHash = reading.hash;
      tickCount++;
    }
  } catch (error) {
    if (!(error instanceof WorldError)) throw error;
    return answer({
      position: null,
      atMs: null,
      message: `the ticks cannot be read after ${tickCount} of them: ${error.message}`,
    });
  }
  return answer(null);
}

function hashOf(text: string, prevHash: string, atMs: EpochMs): string {
  return createHash('sha256').update(`${prevHash} ${atMs}\n${text}`).digest('hex');
}
