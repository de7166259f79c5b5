/** `audit verify`: does the record hold, and if not, where does it first not. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { realFiles } from '../config/files.ts';
import { InputError } from '../core/errors.ts';
import { formatInstant } from '../core/time.ts';
import type { Checkpoint } from '../store/anchor.ts';
import { parseManifest, verifyExport, type ExportManifest, type ExportVerification } from '../store/audit-export.ts';
import { verifyAudit, type AuditFault, type AuditVerification, type Head } from '../store/audit-verify.ts';
import { describeCut } from '../store/retention.ts';
import { verifyTicks, type TickVerification } from '../store/tick-log.ts';
import { manifestNameOf } from './audit-export.ts';
import { clearProgress, drawProgress } from './progress.ts';
import { readCheckpoints } from './read-anchor.ts';
import { readStore } from './read-store.ts';
import { parseFlags, printJson, type Terminal, type Verb } from './verb.ts';

export const auditVerifyVerb: Verb = {
  name: 'audit verify',
  summary: 'checks the chain of the audit log, and says where it is broken',
  usage: `
  --store F        the store; a service may be writing to it meanwhile
  --export F       in place of the store: a file that "audit export" wrote, with F.manifest.json beside it
  --anchor F       checkpoints that were kept elsewhere (audit.anchors of the configuration): with them a tail that was cut shows, and a chain that
                   was computed anew. A file of lines, or a folder of the objects of a bucket as they were downloaded
  --public-key F   the key that the checkpoints must be signed with (PEM, Ed25519)
  --json           the result as JSON: { verified, eventCount, head, firstFault, clockStepBackCount, anchor, cut, ticks }; with --export
                   { verified, eventCount, first, last, firstFault, gapCount, manifest, anchor }

The audit events are checked, and the ticks: the facts that decisions were judged from. An export holds the events.
Exits 0 when every row holds, 1 when one does not, 2 when there is no store, file or anchor to read.
Without an anchor, a log that was cut at its end, or computed anew from some event on, looks whole.`,
  async run(args, terminal) {
    const { values } = parseFlags(args, {
      store: { type: 'string' },
      export: { type: 'string' },
      anchor: { type: 'string' },
      'public-key': { type: 'string' },
      json: { type: 'boolean' },
    });
    if (values.store !== undefined && values.export !== undefined)
      throw new InputError('usage', '--store and --export are two things to check: give one of them');
    const checkpoints = await readCheckpoints(values.anchor, values['public-key']);
    const verification =
      values.export === undefined
        ? await verifyStore(values.store, checkpoints, terminal)
        : await verifyFile(values.export, checkpoints, terminal);
    clearProgress(terminal);
    if (values.json) printJson(terminal, verification);
    else if ('ticks' in verification) printVerification(verification, terminal);
    else printExport(verification, terminal);
    return verification.verified ? 0 : 1;
  },
};

interface LogVerification extends AuditVerification {
  /** The facts that decisions were judged from. */
  readonly ticks: TickVerification;
}

function verifyStore(
  store: string | undefined,
  checkpoints: readonly Checkpoint[],
  terminal: Terminal,
): Promise<LogVerification> {
  const onProgress = (eventCount: number): void => showProgress(eventCount, terminal);
  return readStore(store, async (opened) => {
    const events = await verifyAudit(opened, { checkpoints, onProgress });
    const ticks = await verifyTicks(opened);
    return { ...events, verified: events.verified && ticks.verified, ticks };
  });
}

async function verifyFile(
  file: string,
  checkpoints: readonly Checkpoint[],
  terminal: Terminal,
): Promise<ExportVerification> {
  const manifest = await readManifest(manifestNameOf(file));
  if (manifest?.format === 'csv') {
    const advice = `sha256sum ${file} must say ${manifest.sha256}; only jsonl can be checked event by event`;
    throw new InputError('export', `${file} is a CSV: ${advice}`);
  }
  if (!(await realFiles.isFile(file))) throw new InputError('export', `${file}: no such file`);
  const hash = createHash('sha256');
  return verifyExport(
    { lines: readLines(file, hash, terminal), sha256: () => hash.copy().digest('hex'), manifest },
    checkpoints,
  );
}

/** An event of ours takes some kilobytes, a plan of a thousand functions a megabyte. */
const lineLengthMax = 64 * 1024 * 1024;

/** Lines of a file without their breaks, its bytes hashed on their way. */
async function* readLines(
  file: string,
  hash: ReturnType<typeof createHash>,
  terminal: Terminal,
): AsyncGenerator<string> {
  let rest = '';
  let lineCount = 0;
  const decoder = new TextDecoder();
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop()!;
    if (rest.length > lineLengthMax) throw new InputError('export', `${file}:${lineCount + 1}: too long for an event`);
    for (const line of lines) {
      yield line;
      if (++lineCount % 10_000 === 0) showProgress(lineCount, terminal);
    }
  }
  if (rest !== '') yield rest;
}

async function readManifest(file: string): Promise<ExportManifest | undefined> {
  if (!(await realFiles.isFile(file))) return undefined;
  const manifest = parseManifest(Buffer.from(await realFiles.readFile(file, 1_048_576)).toString('utf8'));
  if (!manifest) throw new InputError('export', `${file}: not a manifest of an export`);
  return manifest;
}

function showProgress(eventCount: number, terminal: Terminal): void {
  if (terminal.signal.aborted) throw new InputError('interrupted', 'interrupted: nothing is verified');
  drawProgress(terminal, `${eventCount} events hold`);
}

function printVerification(verification: LogVerification, terminal: Terminal): void {
  const { verified, eventCount, head, firstFault, clockStepBackCount, anchor, cut, ticks } = verification;
  const events = countOf(eventCount);
  const facts = ticks.tickCount === 1 ? '1 tick' : `${ticks.tickCount} ticks`;
  const broken = firstFault
    ? `${events}, then the chain is broken`
    : `${events}, and ${facts}, then the facts are broken`;
  terminal.out(verified ? `verified: ${events}, and ${facts}\n` : `NOT verified: ${broken}\n`);
  if (firstFault) terminal.out(describeFault(firstFault, 'row'));
  if (ticks.firstFault) terminal.out(describeFault({ kind: 'tick', seq: null, ...ticks.firstFault }, 'row'));
  if (cut) terminal.out(`pruned    ${describeCut(cut)}\n`);
  if (head) terminal.out(`head      ${describeHead(head)}\n`);
  if (clockStepBackCount > 0) terminal.out(`clock     was set back ${clockStepBackCount} times\n`);
  terminal.out(`anchor    ${describeAnchor(anchor)}\n`);
}

function printExport(verification: ExportVerification, terminal: Terminal): void {
  const { verified, eventCount, first, last, firstFault, gapCount, manifest, anchor } = verification;
  const events = countOf(eventCount);
  terminal.out(verified ? `verified: ${events}\n` : `NOT verified: ${events}, then the export is broken\n`);
  if (firstFault) terminal.out(describeFault(firstFault, 'line'));
  if (first) terminal.out(`first     ${describeHead(first)}\n`);
  if (last) terminal.out(`last      ${describeHead(last)}\n`);
  if (gapCount > 0)
    terminal.out(`gaps      ${gapCount}: a selection; that nothing else was left out, only the whole log proves\n`);
  terminal.out(`manifest  ${describeManifest(manifest)}\n`);
  const without = 'none: a log that was cut at its end or computed anew before it was exported would not show';
  terminal.out(
    `anchor    ${anchor ? `${anchor.checkpointCount} checkpoints, ${anchor.matchedCount} of them of events in this file` : without}\n`,
  );
}

function describeManifest(manifest: ExportManifest | null): string {
  if (!manifest) return 'none beside the file: lines that were cut off its end would not show';
  const { exportedAtMs, release, head } = manifest;
  return `of ${formatInstant(exportedAtMs)} by release ${release}, when the log ended with ${head ? `event ${head.seq}` : 'nothing'}`;
}

function countOf(eventCount: number): string {
  return eventCount === 1 ? '1 event holds' : `${eventCount} events hold`;
}

function describeHead({ seq, atMs, hash }: Head): string {
  return `event ${seq}, ${formatInstant(atMs)}, ${hash}`;
}

function describeAnchor(anchor: AuditVerification['anchor']): string {
  if (!anchor) return 'none: a log cut at its end, or computed anew from some event on, would not show';
  const { checkpointCount, coveredSeq } = anchor;
  return `${checkpointCount} checkpoints, up to event ${coveredSeq}: what came later is held by the chain alone`;
}

function describeFault(
  { kind, position, seq, atMs, message }: Omit<AuditFault, 'kind'> & { readonly kind: string },
  unit: 'row' | 'line',
): string {
  // Rows count from 0, as the store does, and lines from 1, as editors do.
  const row = position === null ? [] : [`${unit} ${unit === 'row' ? position : position + 1}`];
  const event = seq === null ? [] : [`event ${seq}`];
  // A damaged row may tell a time that no calendar has.
  const at = atMs === null || Math.abs(atMs) > 8.64e15 ? [] : [formatInstant(atMs)];
  const where = [...row, ...event, ...at].join(', ');
  return `${where === '' ? '' : `where     ${where}\n`}fault     ${kind}: ${message}\n`;
}
