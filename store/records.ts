/** What every store asserts before it writes, so that all of them refuse alike. */
import { assert } from '../core/assert.ts';
import { WorldError } from '../core/errors.ts';
import type { AuditCut, LogRecord, Position } from '../core/ports.ts';

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

/** A log is cut further or not at all, and never of its last event: the chain goes on from it. */
export function assertCut(cut: AuditCut, before: AuditCut | undefined, lastAudit: Position | undefined): void {
  assert(lastAudit !== undefined && cut.position < lastAudit, 'the last audit event is never pruned');
  assert(before === undefined || (cut.seq > before.seq && cut.position > before.position), 'a cut only moves forward');
}
