/** `audit export`: the record as a file for people who have no store, with what is needed to check it. */
import { createHash } from 'node:crypto';
import { open, rm, stat, type FileHandle } from 'node:fs/promises';
import { auditKinds, type AuditEvent } from '../core/audit.ts';
import { InputError } from '../core/errors.ts';
import type { AuditCut, Store } from '../core/ports.ts';
import { formatInstant } from '../core/time.ts';
import { release } from '../service/release.ts';
import type { ExportManifest, ExportSelection } from '../store/audit-export.ts';
import { checkRecord, type Head } from '../store/audit-verify.ts';
import { instantFlag } from './flags.ts';
import { needed } from './history.ts';
import { clearProgress, drawProgress } from './progress.ts';
import { readStore } from './read-store.ts';
import { parseFlags, printJson, type Terminal, type Verb } from './verb.ts';

export const auditExportVerb: Verb = {
  name: 'audit export',
  summary: 'writes the audit log to a file that can be checked without the store',
  usage: `
  --store F        the store; a service may be writing to it meanwhile
  --out F          the file to write; one that is there is left alone
  --from T         only events at or after this instant (ISO 8601)
  --to T           only events before this instant
  --kinds K,K      only events of these kinds (see audit show)
  --format FORMAT  jsonl (the default): a line an event, the very bytes that were hashed; csv: for a spreadsheet
  --json           the manifest as JSON

Beside F it writes F.manifest.json: how many events, the first and the last with their hashes, the head of the log, what was asked for, the release, and the
SHA-256 of F. "audit verify --export F" checks a jsonl file against both; a CSV is held by its SHA-256 alone.
A log that does not hold is not exported: exits 1, and says where.`,
  async run(args, terminal) {
    const { values } = parseFlags(args, {
      store: { type: 'string' },
      out: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      kinds: { type: 'string' },
      format: { type: 'string', default: 'jsonl' },
      json: { type: 'boolean', default: false },
    });
    const out = needed('--out', values.out);
    const { format } = values;
    if (format !== 'jsonl' && format !== 'csv')
      throw new InputError('usage', `--format ${format}: expected jsonl or csv`);
    const selection: ExportSelection = {
      fromMs: values.from === undefined ? null : instantFlag('--from', values.from),
      untilMs: values.to === undefined ? null : instantFlag('--to', values.to),
      kinds: parseKinds(values.kinds),
    };
    const answer = await readStore(values.store, (store) => exportTo(out, { store, format, selection, terminal }));
    clearProgress(terminal);
    if ('fault' in answer) {
      terminal.err(`foreshock audit export: ${answer.fault}; nothing is written: see foreshock audit verify\n`);
      return 1;
    }
    if (values.json) printJson(terminal, answer);
    else terminal.out(describe(out, answer));
    return 0;
  },
};

/** Where the manifest of an exported file lies. */
export function manifestNameOf(file: string): string {
  return `${file}.manifest.json`;
}

interface Task {
  readonly store: Store;
  readonly format: ExportManifest['format'];
  readonly selection: ExportSelection;
  readonly terminal: Terminal;
}

interface Fault {
  readonly fault: string;
}

/** Both files or none. */
async function exportTo(file: string, task: Task): Promise<ExportManifest | Fault> {
  const manifestName = manifestNameOf(file);
  // Asked before an hour of writing; the writing itself refuses again.
  if (await exists(manifestName)) throw isThere(manifestName);
  const handle = await create(file);
  let isWritten = false;
  try {
    const manifest = await writeEvents(handle, task);
    await handle.sync();
    if ('fault' in manifest) return manifest;
    await using beside = await create(manifestName);
    await beside.writeFile(`${JSON.stringify(manifest, null, 2)}\n`);
    await beside.sync();
    isWritten = true;
    return manifest;
  } catch (error) {
    throw error instanceof Error && 'code' in error && error.code === 'ENOSPC' ? isFull(file, error) : error;
  } finally {
    await handle.close();
    if (!isWritten) await rm(file, { force: true });
  }
}

async function writeEvents(handle: FileHandle, task: Task): Promise<ExportManifest | Fault> {
  const { store, format, selection, terminal } = task;
  const writer = createWriter(handle);
  const cut = (await store.auditCut()) ?? null;
  let before: Head | null = cut;
  let [first, last, eventCount, readCount]: [Head | null, Head | null, number, number] = [null, null, 0, 0];
  if (format === 'csv') await writer.line(csvHeader);
  for await (const stored of store.read(0, 'audit')) {
    if (terminal.signal.aborted) throw new InputError('interrupted', 'interrupted: nothing is written');
    const head = checkRecord(stored, before);
    if ('message' in head) return { fault: `row ${stored.position} of the log does not hold (${head.message})` };
    before = head;
    if (++readCount % progressEvery === 0) drawProgress(terminal, `${readCount} events read, ${eventCount} written`);
    const text = Buffer.from(stored.bytes).toString('utf8');
    // Checked above: it is an event.
    const event = JSON.parse(text) as AuditEvent;
    if (!fits(event, selection)) continue;
    await writer.line(format === 'csv' ? csvLineOf(event) : text);
    first ??= head;
    last = head;
    eventCount++;
  }
  const sha256 = await writer.end();
  return {
    schemaVersion: 1,
    release,
    exportedAtMs: Date.now(),
    format,
    sha256,
    eventCount,
    first,
    last,
    head: before && { seq: before.seq, hash: before.hash, atMs: before.atMs },
    selection,
    cut: cut && withoutPlace(cut),
  };
}

const progressEvery = 10_000;

/** Collects lines to writes of a useful size, and hashes them on their way. */
function createWriter(handle: FileHandle) {
  const hash = createHash('sha256');
  let waiting = '';
  const flush = async (): Promise<void> => {
    const bytes = Buffer.from(waiting);
    waiting = '';
    hash.update(bytes);
    for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at)).bytesWritten;
  };
  return {
    async line(text: string): Promise<void> {
      waiting += `${text}\n`;
      if (waiting.length >= 65_536) await flush();
    },
    async end(): Promise<string> {
      await flush();
      return hash.digest('hex');
    },
  };
}

function fits(event: AuditEvent, { fromMs, untilMs, kinds }: ExportSelection): boolean {
  return (
    (fromMs === null || event.atMs >= fromMs) &&
    (untilMs === null || event.atMs < untilMs) &&
    (kinds?.includes(event.kind) ?? true)
  );
}

const csvHeader = 'seq,at,kind,actor,causeSeq,because,body,schemaVersion,prevHash,hash';

function csvLineOf({ seq, atMs, kind, actor, causeSeq, body, schemaVersion, prevHash, hash }: AuditEvent): string {
  const because = typeof body['because'] === 'string' ? body['because'] : '';
  const at = Math.abs(atMs) > 8.64e15 ? String(atMs) : formatInstant(atMs);
  const fields = [seq, at, kind, actor, causeSeq ?? '', because, JSON.stringify(body), schemaVersion, prevHash, hash];
  return fields.map(csvField).join(',');
}

/** A spreadsheet runs what begins like a formula, and text from calendars and peers is not ours: such a text is quoted for it. */
function csvField(value: string | number): string {
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function parseKinds(text: string | undefined): readonly string[] | null {
  if (text === undefined) return null;
  const kinds = text.split(',');
  const unknown = kinds.find((kind) => !Object.hasOwn(auditKinds, kind));
  if (unknown === undefined) return kinds;
  const known = Object.keys(auditKinds).join(', ');
  throw new InputError('usage', `--kinds ${text}: there is no kind "${unknown}"; one of ${known}`);
}

async function create(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'wx');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw isThere(file);
    throw new InputError('file-unwritable', `${file}: cannot be written (${code ?? 'unknown'})`, { cause: error });
  }
}

function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

function isThere(file: string): InputError {
  return new InputError('file-unwritable', `${file}: is there already; name another file`);
}

function isFull(file: string, cause: Error): InputError {
  return new InputError('file-unwritable', `${file}: the disk is full; nothing is written`, { cause });
}

function withoutPlace({ seq, hash, atMs, cutAtMs, policy }: AuditCut): ExportManifest['cut'] {
  return { seq, hash, atMs, cutAtMs, policy };
}

function describe(file: string, { eventCount, first, last, head, sha256 }: ExportManifest): string {
  const span = first && last ? `, ${first.seq} to ${last.seq}` : '';
  const end = head ? `event ${head.seq}, ${formatInstant(head.atMs)}, ${head.hash}` : 'none: the log is empty';
  return `${file}: ${eventCount} events${span}\nhead      ${end}\nsha256    ${sha256}\nmanifest  ${manifestNameOf(file)}\n`;
}
