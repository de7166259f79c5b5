/**
 * Reads the whole chain and says whether it holds, or where it first does not.
 *
 * A log whose beginning was pruned (retention.ts) is checked from the recorded cut on, and the answer says so.
 *
 * What a chain alone can prove: that no event between its first and its last was changed, removed, added or moved, unless every event
 * after it was computed anew. What it cannot: that the last event is the last that was written. For that, somebody else must have kept
 * the head's hash (an anchor).
 */
import type { Checkpoint } from './anchor.ts';
import { WorldError } from '../core/errors.ts';
import type { AuditCut, Store, Stored } from '../core/ports.ts';
import type { EpochMs } from '../core/time.ts';
import { genesisHash, readAuditRecord } from './audit-log.ts';

/**
 * `form`: not an event in canonical JSON. `hash`: its content is not what was hashed. `time`: the row and the event tell different times.
 * `sequence`: an event is missing, doubled or moved. `link`: the event before it was exchanged. `cause`: it names a later event as its
 * cause. `unreadable`: the store cannot read on.
 */
export type AuditFaultKind = 'anchor' | 'form' | 'hash' | 'time' | 'sequence' | 'link' | 'cause' | 'unreadable';

export interface AuditFault {
  readonly kind: AuditFaultKind;
  /** Row of the log; null when the store could not read it. */
  readonly position: number | null;
  /** As the row says; null when it says nothing that can be trusted. */
  readonly seq: number | null;
  readonly atMs: EpochMs | null;
  readonly message: string;
}

export interface AuditVerification {
  readonly verified: boolean;
  /** Events that hold, counted from the first that is kept. */
  readonly eventCount: number;
  /** The last event that holds. */
  readonly head: { readonly seq: number; readonly hash: string; readonly atMs: EpochMs } | null;
  readonly firstFault: AuditFault | null;
  /** Events earlier than the one before them. Not a fault: a clock was set back. */
  readonly clockStepBackCount: number;
  /** What the chain was compared with: checkpoints kept elsewhere, and the last event that they cover. Null: a cut tail would not show. */
  readonly anchor: { readonly checkpointCount: number; readonly coveredSeq: number } | null;
  /** What was pruned from the beginning of the log, as recorded; null where the log begins with its first event. */
  readonly cut: AuditCut | null;
}

export interface VerifyOptions {
  /** Checkpoints from outside the store, in any order. */
  readonly checkpoints?: readonly Checkpoint[];
  /** Hears of every 10 000th event. */
  readonly onProgress?: (eventCount: number) => void;
}

/** Cost: about 20 µs an event; memory does not grow with the log, only with the checkpoints. */
export async function verifyAudit(store: Store, options: VerifyOptions = {}): Promise<AuditVerification> {
  const { checkpoints, onProgress } = options;
  const anchor = checkpoints && checkpoints.length > 0 ? readCheckpoints(checkpoints) : undefined;
  let cut: AuditCut | null = null;
  let head: AuditVerification['head'] = null;
  let eventCount = 0;
  let clockStepBackCount = 0;
  let lastPosition: number | null = null;
  const answer = (firstFault: AuditFault | null): AuditVerification => ({
    verified: firstFault === null,
    eventCount,
    head,
    firstFault,
    clockStepBackCount,
    anchor: anchor ? { checkpointCount: checkpoints!.length, coveredSeq: anchor.coveredSeq } : null,
    cut,
  });
  try {
    cut = (await store.auditCut()) ?? null;
    // An event that follows the cut is chained to its hash: what vouches for the event vouches for the cut.
    const forged = cut && anchor && compare(anchor, cut, cut);
    if (forged) return answer(forged);
    for await (const stored of store.read(0, 'audit')) {
      const checked = checkRecord(stored, head ?? cut);
      if ('kind' in checked) return answer(checked);
      const rewritten = anchor && compare(anchor, checked, stored);
      if (rewritten) return answer(rewritten);
      if (head !== null && checked.atMs < head.atMs) clockStepBackCount++;
      head = checked;
      lastPosition = stored.position;
      if (++eventCount % 10_000 === 0) onProgress?.(eventCount);
    }
  } catch (error) {
    if (!(error instanceof WorldError)) throw error;
    const where = lastPosition === null ? 'before the first event' : `after row ${lastPosition}`;
    const message = `the store cannot be read ${where}: ${error.message}`;
    return answer({ kind: 'unreadable', position: null, seq: null, atMs: null, message });
  }
  if (cut && head === null) return answer(describeNothingLeft(cut));
  return answer(anchor && anchor.coveredSeq > (head?.seq ?? cut?.seq ?? -1) ? describeCutTail(anchor, head) : null);
}

interface Anchor {
  readonly hashBySeq: ReadonlyMap<number, string>;
  readonly coveredSeq: number;
}

function readCheckpoints(checkpoints: readonly Checkpoint[]): Anchor {
  return {
    hashBySeq: new Map(checkpoints.map(({ seq, hash }) => [seq, hash])),
    coveredSeq: checkpoints.reduce((highest, { seq }) => Math.max(highest, seq), -1),
  };
}

function compare(
  { hashBySeq }: Anchor,
  { seq, hash, atMs }: Head,
  { position }: Pick<Stored, 'position'>,
): AuditFault | undefined {
  const expected = hashBySeq.get(seq);
  if (expected === undefined || expected === hash) return undefined;
  const message = `the anchor has another event ${seq}, which hashes to ${expected}: the chain was computed anew up to here`;
  return { kind: 'anchor', position, seq, atMs, message };
}

function describeCutTail({ coveredSeq }: Anchor, head: Head | null): AuditFault {
  const last = head === null ? 'the log is empty' : `the log ends with event ${head.seq}`;
  return {
    kind: 'anchor',
    position: null,
    seq: null,
    atMs: null,
    message: `the anchor covers events up to ${coveredSeq}, and ${last}: its tail was cut`,
  };
}

/** Pruning leaves the last event whatever its age. */
function describeNothingLeft({ seq }: AuditCut): AuditFault {
  const message = `nothing is left after event ${seq}, up to which the log was pruned: its tail was cut`;
  return { kind: 'sequence', position: null, seq: null, atMs: null, message };
}

/** An event that holds. */
export type Head = NonNullable<AuditVerification['head']>;

/** Holds one row to the event before it; null before the first. */
export function checkRecord(stored: Stored, before: Head | null): Head | AuditFault {
  const { position, atMs: rowAtMs } = stored;
  const reading = readAuditRecord(stored.bytes);
  if (!reading.ok) {
    return {
      kind: 'form',
      position,
      seq: null,
      atMs: rowAtMs,
      message: `the row cannot be an event: ${reading.reason}`,
    };
  }
  const { event, hash } = reading;
  const { seq, atMs } = event;
  const fault = (kind: AuditFaultKind, message: string): AuditFault => ({ kind, position, seq, atMs, message });
  if (hash !== event.hash) {
    return fault('hash', `the event was changed after it was written: it hashes to ${hash}, and says ${event.hash}`);
  }
  if (atMs !== rowAtMs) return fault('time', `the row's time was changed: it says ${rowAtMs}, and the event ${atMs}`);
  const expectedSeq = before === null ? 0 : before.seq + 1;
  if (seq !== expectedSeq) return fault('sequence', `${describeGap(expectedSeq, seq)} before this row`);
  if (event.prevHash !== (before?.hash ?? genesisHash)) {
    return fault('link', `event ${seq - 1}, in the row before, is not the one that this event was chained to`);
  }
  if (event.causeSeq !== null && event.causeSeq >= seq) {
    return fault('cause', `the event names ${event.causeSeq} as its cause, which comes no earlier`);
  }
  return { seq, hash, atMs };
}

function describeGap(expectedSeq: number, seq: number): string {
  if (seq < expectedSeq) return `event ${seq} stands where event ${expectedSeq} belongs: events were doubled or moved`;
  const missing = seq - expectedSeq === 1 ? `event ${expectedSeq} is` : `events ${expectedSeq} to ${seq - 1} are`;
  return `${missing} missing or moved`;
}
