/**
 * The audit log as a file for people who have no store: a line an event, each the very bytes that were hashed, and beside it a manifest that says what the file holds.
 * With both, and nothing of ours, the chain can be checked again.
 *
 * A selection (of kinds) leaves events out: each event that is in it proves itself by its hash, and its neighbours where they are there; that nothing between two of
 * them was left out besides the selection, only the whole log proves.
 */
import type { AuditCut, Stored } from '../core/ports.ts';
import type { EpochMs } from '../core/time.ts';
import type { Checkpoint } from './anchor.ts';
import { checkRecord, type AuditFault, type Head } from './audit-verify.ts';

export interface ExportManifest {
  readonly schemaVersion: 1;
  readonly release: string;
  readonly exportedAtMs: EpochMs;
  readonly format: 'jsonl' | 'csv';
  /** Of the file, all of it. */
  readonly sha256: string;
  readonly eventCount: number;
  /** The first and the last event in the file; null where nothing fitted. */
  readonly first: Head | null;
  readonly last: Head | null;
  /** The last event of the log, in the file or not: what an anchor is compared with. */
  readonly head: Head | null;
  readonly selection: ExportSelection;
  /** What had been pruned from the beginning of the log; null where it begins with its first event. */
  readonly cut: Pick<AuditCut, 'seq' | 'hash' | 'atMs' | 'cutAtMs' | 'policy'> | null;
}

/** What was asked for; null: no bound. */
export interface ExportSelection {
  readonly fromMs: EpochMs | null;
  readonly untilMs: EpochMs | null;
  readonly kinds: readonly string[] | null;
}

export interface ExportVerification {
  readonly verified: boolean;
  /** Events that hold. */
  readonly eventCount: number;
  readonly first: Head | null;
  readonly last: Head | null;
  readonly firstFault: AuditFault | null;
  /** Places where events were left out by the selection: only their neighbours' own hashes vouch for the rest. */
  readonly gapCount: number;
  readonly manifest: ExportManifest | null;
  /** Null: what was cut from the end of the log before it was exported would not show. */
  readonly anchor: { readonly checkpointCount: number; readonly matchedCount: number } | null;
}

export interface ExportedFile {
  /** Lines without their breaks. */
  readonly lines: AsyncIterable<string>;
  /** SHA-256 of the bytes of the file; asked for once the lines have been read. */
  readonly sha256: () => string;
  readonly manifest: ExportManifest | undefined;
}

/** Memory does not grow with the file, only with the checkpoints. */
export async function verifyExport(
  { lines, sha256, manifest }: ExportedFile,
  checkpoints: readonly Checkpoint[] = [],
): Promise<ExportVerification> {
  const expected = new Map(checkpoints.map(({ seq, hash }) => [seq, hash]));
  const mayHaveGaps = manifest !== undefined && isSelection(manifest.selection);
  let first: Head | null = null;
  let last: Head | null = null;
  let eventCount = 0;
  let gapCount = 0;
  let matchedCount = 0;
  const answer = (firstFault: AuditFault | null): ExportVerification => ({
    verified: firstFault === null,
    eventCount,
    first,
    last,
    firstFault,
    gapCount,
    manifest: manifest ?? null,
    anchor: checkpoints.length === 0 ? null : { checkpointCount: checkpoints.length, matchedCount },
  });
  for await (const line of lines) {
    const checked = checkLine(line, { index: eventCount, before: last, mayHaveGaps });
    if ('message' in checked) return answer(checked);
    const { head, hasGap } = checked;
    const anchored = expected.get(head.seq);
    if (anchored !== undefined && anchored !== head.hash) return answer(describeRewritten(head, anchored, eventCount));
    if (anchored !== undefined) matchedCount++;
    if (hasGap) gapCount++;
    first ??= head;
    last = head;
    eventCount++;
  }
  return answer(manifest ? compare(manifest, { sha256: sha256(), eventCount, first, last, checkpoints }) : null);
}

function isSelection({ fromMs, untilMs, kinds }: ExportSelection): boolean {
  // Even a span may leave events out inside: a clock may have been set back.
  return fromMs !== null || untilMs !== null || kinds !== null;
}

interface LinePlace {
  readonly index: number;
  readonly before: Head | null;
  readonly mayHaveGaps: boolean;
}

function checkLine(
  line: string,
  { index, before, mayHaveGaps }: LinePlace,
): { readonly head: Head; readonly hasGap: boolean } | AuditFault {
  const { seq, prevHash, atMs } = peek(line);
  const stored: Stored = { position: index, stream: 'audit', atMs, bytes: new TextEncoder().encode(line) };
  // The first line may be any event; after it each is chained to the one in the line before, unless the selection left some out.
  const isAfterGap = seq > 0 && (before === null || (mayHaveGaps && seq > before.seq + 1));
  const checked = checkRecord(stored, isAfterGap ? { seq: seq - 1, hash: prevHash, atMs } : before);
  return 'message' in checked ? checked : { head: checked, hasGap: isAfterGap && before !== null };
}

interface Place {
  readonly seq: number;
  readonly atMs: EpochMs;
  readonly prevHash: string;
}

/** Where the line says that it belongs; of one that is no event it does not matter, since it is refused. */
function peek(line: string): Place {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return nowhereToBelong;
  }
  const { seq, atMs, prevHash } = (value ?? {}) as Partial<Place>;
  const isPlace = Number.isSafeInteger(seq) && Number.isSafeInteger(atMs) && typeof prevHash === 'string';
  return isPlace ? (value as Place) : nowhereToBelong;
}

const nowhereToBelong: Place = { seq: 0, atMs: 0, prevHash: '' };

function describeRewritten({ seq, atMs }: Head, anchored: string, position: number): AuditFault {
  const message = `the anchor has another event ${seq}, which hashes to ${anchored}: the chain was computed anew up to here`;
  return { kind: 'anchor', position, seq, atMs, message };
}

interface Found extends Pick<ExportVerification, 'eventCount' | 'first' | 'last'> {
  readonly sha256: string;
  readonly checkpoints: readonly Checkpoint[];
}

function compare(manifest: ExportManifest, found: Found): AuditFault | null {
  const { eventCount, first, last, sha256 } = found;
  const differs = (message: string): AuditFault => ({ ...nowhere, kind: 'sequence', message });
  if (manifest.eventCount !== eventCount || manifest.last?.hash !== last?.hash) {
    const told = `${manifest.eventCount} events, the last of them ${manifest.last?.seq ?? 'none'}`;
    return differs(
      `the manifest tells of ${told}, and the file holds ${eventCount}, the last of them ${last?.seq ?? 'none'}`,
    );
  }
  const beginsWith = isSelection(manifest.selection) ? manifest.first?.seq : (manifest.cut?.seq ?? -1) + 1;
  if (first !== null && first.seq !== beginsWith)
    return differs(`the file begins with event ${first.seq}, and the manifest says ${String(beginsWith)}`);
  if (manifest.sha256 !== sha256) return differs('the bytes of the file are not those that the manifest was made of');
  return compareHead(manifest, found.checkpoints);
}

/** What the anchor covered when the file was made was in the log then. */
function compareHead({ head, exportedAtMs }: ExportManifest, checkpoints: readonly Checkpoint[]): AuditFault | null {
  const then = checkpoints.filter(({ atMs }) => atMs <= exportedAtMs);
  const coveredSeq = then.reduce((highest, { seq }) => Math.max(highest, seq), -1);
  if (coveredSeq <= (head?.seq ?? -1)) return null;
  const end = head === null ? 'was empty' : `ended with event ${head.seq}`;
  const message = `the anchor covers events up to ${coveredSeq}, and the log ${end} when it was exported: its tail was cut`;
  return { ...nowhere, kind: 'anchor', message };
}

const nowhere = { position: null, seq: null, atMs: null } as const;

/**
 * Reads a manifest; undefined when it is none.
 */
export function parseManifest(text: string): ExportManifest | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { schemaVersion, sha256, eventCount, selection, exportedAtMs } = (value ?? {}) as Partial<ExportManifest>;
  const isManifest =
    schemaVersion === 1 &&
    typeof sha256 === 'string' &&
    Number.isSafeInteger(eventCount) &&
    Number.isSafeInteger(exportedAtMs) &&
    typeof selection === 'object';
  return isManifest ? (value as ExportManifest) : undefined;
}
