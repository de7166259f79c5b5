/** What every store asserts before it writes, so that all of them refuse alike. */
import { assert } from '../core/assert.ts';
import { WorldError } from '../core/errors.ts';
import type { LogRecord, Position } from '../core/ports.ts';

/** A mistake of ours is caught here, before the first byte is written: a batch is written whole or not at all. */
export function assertRecords(records: readonly LogRecord[]): void {
  for (const { atMs } of records) assert(Number.isSafeInteger(atMs), `a record has a whole millisecond, not ${atMs}`);
}

/** @throws WorldError when the log does not end where its writer believes. */
export function checkHead(head: Position, after: Position): void {
  if (head === after) return;
  throw new WorldError(
    'store-head-moved',
    `the log ends at row ${head}, not at ${after}: another writer was here, or an append was repeated`,
    { retryable: false },
  );
}
