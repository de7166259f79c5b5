/**
 * The audit log as a hash chain. Each record is the canonical JSON of one event, with its own hash inside it and the hash of the event
 * before, so that a changed, removed or moved record breaks the chain at a place that can be named.
 *
 * A chain is a value: extending one gives records to append and the next chain, to be kept once the append is durable. An engine's tick
 * can therefore write its events without touching a store, and a failed append leaves nothing to undo.
 */
import { hash as hashText } from 'node:crypto';
import { assert } from '../core/assert.ts';
import { auditKinds, type AuditDraft, type AuditEvent } from '../core/audit.ts';
import { InputError } from '../core/errors.ts';
import type { LogRecord, Store } from '../core/ports.ts';
import { canonicalJson } from './canonical-json.ts';
import { lastRecordOf } from './last-record.ts';

/** Raised when a field is added or changes its meaning. */
const auditSchemaVersion = 1;

/** `prevHash` of the first event. */
export const genesisHash = '0'.repeat(64);

/** The last event of a chain. */
export interface AuditHead {
  readonly seq: number;
  readonly hash: string;
}

export interface AuditChain {
  /** The number that the next event will get. A draft may name it, and those after it in the same call, as a cause. */
  readonly nextSeq: number;
  readonly head: AuditHead | undefined;
  extend(drafts: readonly AuditDraft[]): {
    readonly records: readonly LogRecord[];
    readonly events: readonly AuditEvent[];
    /** The chain as it stands once `records` are durable. */
    readonly next: AuditChain;
  };
}

/** Continues a chain after its head; without one, begins it. */
export function createAuditChain(head?: AuditHead): AuditChain {
  const nextSeq = head === undefined ? 0 : head.seq + 1;
  return {
    nextSeq,
    head,
    extend(drafts) {
      const records: LogRecord[] = [];
      const events: AuditEvent[] = [];
      let last = head;
      for (const draft of drafts) {
        const { event, record } = chainEvent(draft, last);
        records.push(record);
        events.push(event);
        last = { seq: event.seq, hash: event.hash };
      }
      return { records, events, next: createAuditChain(last) };
    },
  };
}

function chainEvent(draft: AuditDraft, last: AuditHead | undefined): { event: AuditEvent; record: LogRecord } {
  const { atMs, kind, actor, causeSeq = null, body } = draft;
  const seq = last === undefined ? 0 : last.seq + 1;
  assert(Object.hasOwn(auditKinds, kind), `an audit event has a known kind, not ${kind}`);
  assert(Number.isSafeInteger(atMs), `an audit event happens at a whole millisecond, not at ${atMs}`);
  assert(actor !== '', 'an audit event has an actor');
  assert(isCauseOf(causeSeq, seq), `event ${seq} cannot be caused by ${String(causeSeq)}: a cause comes before`);
  const prevHash = last?.hash ?? genesisHash;
  const unsealed = canonicalJson({
    seq,
    schemaVersion: auditSchemaVersion,
    atMs,
    kind,
    actor,
    causeSeq,
    body,
    prevHash,
  });
  const text = seal(unsealed, sha256(unsealed));
  // What is handed back is what was written, to the letter: read it from the text, not from the draft.
  const event = JSON.parse(text) as AuditEvent;
  return { event, record: { stream: 'audit', atMs, bytes: new TextEncoder().encode(text) } };
}

function isCauseOf(causeSeq: number | null, seq: number): boolean {
  return causeSeq === null || (Number.isSafeInteger(causeSeq) && causeSeq >= 0 && causeSeq < seq);
}

function sha256(text: string): string {
  return hashText('sha256', text, 'hex');
}

// In canonical JSON the hash stands between the body and the kind, and after the body no string of ours can hold an unescaped quote: the
// last place where these members begin is theirs. Cutting there halves the cost of writing and of verifying.
function seal(unsealed: string, hash: string): string {
  const kindAt = unsealed.lastIndexOf(',"kind":');
  return `${unsealed.slice(0, kindAt)},"hash":"${hash}"${unsealed.slice(kindAt)}`;
}

function unseal(text: string): string {
  return text.slice(0, text.lastIndexOf(',"hash":')) + text.slice(text.lastIndexOf(',"kind":'));
}

export type AuditReading =
  | { readonly ok: true; readonly event: AuditEvent; readonly hash: string }
  | { readonly ok: false; readonly reason: string };

/**
 * Reads one record as an event, and computes the hash that it should carry. Accepts kinds and schema versions of later releases: the
 * chain does not depend on them.
 */
export function readAuditRecord(bytes: Uint8Array): AuditReading {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    return { ok: false, reason: 'it is not JSON text in UTF-8' };
  }
  if (!isAuditEvent(value)) return { ok: false, reason: 'it has not the fields of an audit event' };
  try {
    if (canonicalJson({ ...value }) !== text) return { ok: false, reason: 'its JSON is not in canonical form' };
    return { ok: true, event: value, hash: sha256(unseal(text)) };
  } catch {
    return { ok: false, reason: 'its JSON is nested too deeply' };
  }
}

const fieldNames = 'actor,atMs,body,causeSeq,hash,kind,prevHash,schemaVersion,seq';
const hashPattern = /^[0-9a-f]{64}$/;

function isAuditEvent(value: unknown): value is AuditEvent {
  if (typeof value !== 'object' || value === null || Object.keys(value).sort().join(',') !== fieldNames) return false;
  const { seq, schemaVersion, atMs, kind, actor, causeSeq, body, prevHash, hash } = value as Record<
    keyof AuditEvent,
    unknown
  >;
  const isCount = (candidate: unknown): boolean => Number.isSafeInteger(candidate) && (candidate as number) >= 0;
  const isHash = (candidate: unknown): boolean => typeof candidate === 'string' && hashPattern.test(candidate);
  return (
    isCount(seq) &&
    isCount(schemaVersion) &&
    Number.isSafeInteger(atMs) &&
    typeof kind === 'string' &&
    typeof actor === 'string' &&
    (causeSeq === null || isCount(causeSeq)) &&
    typeof body === 'object' &&
    body !== null &&
    !Array.isArray(body) &&
    isHash(prevHash) &&
    isHash(hash)
  );
}

/**
 * Takes up the chain of a store where it was left. Reads back from the end until an event is found: a few records, not the log.
 *
 * @throws InputError when the last event is damaged: going on would chain new events to a lie.
 */
export async function openAuditChain(store: Store): Promise<AuditChain> {
  const last = await lastRecordOf(store, 'audit');
  if (!last) return createAuditChain();
  const reading = readAuditRecord(last.bytes);
  if (!reading.ok || reading.hash !== reading.event.hash) {
    throw new InputError(
      'audit-broken',
      `the last audit event (row ${last.position}) is damaged: run "foreshock audit verify", and start on a new store`,
    );
  }
  return createAuditChain({ seq: reading.event.seq, hash: reading.hash });
}
