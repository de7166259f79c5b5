import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, onTestFinished } from 'vitest';
import type { AuditDraft } from '../core/audit.ts';
import { msPerMinute } from '../core/time.ts';
import { formatCheckpoint } from '../store/anchor.ts';
import type { ExportManifest } from '../store/audit-export.ts';
import { createAuditChain } from '../store/audit-log.ts';
import { openEmbeddedStore } from '../store/embedded.ts';
import { auditExportVerb } from './audit-export.ts';
import { auditVerifyVerb } from './audit-verify.ts';
import type { ExitCode, Verb } from './verb.ts';

const startMs = Date.UTC(2025, 8, 5, 12, 0);

/** Six events a minute apart, refusals and plans in turn; a title that a spreadsheet would run. */
const drafts = Array.from({ length: 6 }, (_, index): AuditDraft => ({
  atMs: startMs + index * msPerMinute,
  kind: index % 2 === 0 ? 'plan.decided' : 'action.refused',
  actor: 'engine',
  body: { because: index === 3 ? '=HYPERLINK("http://x"), "Zürich"' : `reason ${index}`, index },
}));
const events = createAuditChain().extend(drafts).events;

function folderOf(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'foreshock-export-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function makeStore(tamper?: string) {
  const folder = folderOf();
  const file = path.join(folder, 'store.db');
  const store = await openEmbeddedStore(file);
  await store.append(createAuditChain().extend(drafts).records, 0);
  await store.close();
  if (tamper !== undefined) {
    const database = new DatabaseSync(file);
    database.exec(tamper);
    database.close();
  }
  return { folder, store: file, out: path.join(folder, 'audit.jsonl') };
}

async function run(verb: Verb, args: readonly string[]): Promise<{ exit: ExitCode; out: string; err: string }> {
  let out = '';
  let err = '';
  const exit = await verb.run(args, {
    env: {},
    isInteractive: false,
    hasColour: false,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    signal: new AbortController().signal,
  });
  return { exit, out, err };
}

const manifestOf = (file: string) => JSON.parse(readFileSync(`${file}.manifest.json`, 'utf8')) as ExportManifest;

async function exported(args: readonly string[] = []) {
  const { store, out, folder } = await makeStore();
  expect(await run(auditExportVerb, ['--store', store, '--out', out, ...args])).toMatchObject({ exit: 0 });
  return { out, folder };
}

const linesOf = (file: string) => readFileSync(file, 'utf8').trimEnd().split('\n');

it.each([
  { args: [], seqs: [0, 1, 2, 3, 4, 5], gapCount: 0 },
  { args: ['--from', '2025-09-05T12:02'], seqs: [2, 3, 4, 5], gapCount: 0 },
  { args: ['--to', '2025-09-05T12:02'], seqs: [0, 1], gapCount: 0 },
  { args: ['--kinds', 'plan.decided'], seqs: [0, 2, 4], gapCount: 2 },
  { args: ['--kinds', 'plan.decided,action.refused'], seqs: [0, 1, 2, 3, 4, 5], gapCount: 0 },
  { args: ['--from', '2026-01-01'], seqs: [], gapCount: 0 },
])('writes events $seqs for $args, which verify without the store', async ({ args, seqs, gapCount }) => {
  const { out } = await exported(args);
  expect(seqs.length === 0 ? [] : linesOf(out).map((line) => (JSON.parse(line) as { seq: number }).seq)).toEqual(seqs);
  expect(manifestOf(out)).toMatchObject({
    eventCount: seqs.length,
    sha256: createHash('sha256').update(readFileSync(out)).digest('hex'),
    head: { seq: 5, hash: events[5]!.hash },
  });
  const { exit, out: json } = await run(auditVerifyVerb, ['--export', out, '--json']);
  expect(exit).toBe(0);
  expect(JSON.parse(json)).toMatchObject({ verified: true, eventCount: seqs.length, gapCount, anchor: null });
});

it.each([
  {
    name: 'a changed word',
    edit: (lines: string[]) => [lines[0]!.replace('reason', 'motive'), ...lines.slice(1)],
    says: 'hash: the event was changed',
  },
  {
    name: 'an event left out',
    edit: (lines: string[]) => lines.filter((_, index) => index !== 2),
    says: 'sequence: event 2 is missing',
  },
  {
    name: 'two events changed about',
    edit: (lines: string[]) => [lines[0]!, lines[2]!, lines[1]!, ...lines.slice(3)],
    says: 'sequence: event 1 is missing',
  },
  {
    name: 'a cut tail',
    edit: (lines: string[]) => lines.slice(0, 4),
    says: 'the manifest tells of 6 events, the last of them 5, and the file holds 4, the last of them 3',
  },
  { name: 'a cut beginning', edit: (lines: string[]) => lines.slice(2), says: 'the manifest tells of 6 events' },
  { name: 'a line that is none', edit: (lines: string[]) => ['{}', ...lines], says: 'line 1, 1970' },
])('finds $name', async ({ edit, says }) => {
  const { out } = await exported();
  writeFileSync(out, `${edit(linesOf(out)).join('\n')}\n`);
  const { exit, out: said } = await run(auditVerifyVerb, ['--export', out]);
  expect(exit).toBe(1);
  expect(said).toContain('NOT verified');
  expect(said).toContain(says);
});

it('finds a changed event of a selection, and one that hangs on another', async () => {
  const { out } = await exported(['--kinds', 'plan.decided']);
  const lines = linesOf(out);
  writeFileSync(out, `${[lines[0], lines[1]!.replace('reason 2', 'reason 9'), lines[2]].join('\n')}\n`);
  expect(await run(auditVerifyVerb, ['--export', out])).toMatchObject({ exit: 1 });
  writeFileSync(out, `${[lines[2], lines[1], lines[0]].join('\n')}\n`);
  expect(await run(auditVerifyVerb, ['--export', out])).toMatchObject({ exit: 1 });
});

it('says what nobody can tell without a manifest, and without an anchor', async () => {
  const { out } = await exported();
  rmSync(`${out}.manifest.json`);
  writeFileSync(out, `${linesOf(out).slice(0, 3).join('\n')}\n`);
  const { exit, out: said } = await run(auditVerifyVerb, ['--export', out]);
  expect(exit).toBe(0);
  expect(said).toContain('manifest  none beside the file: lines that were cut off its end would not show');
  expect(said).toContain('anchor    none: ');
});

it.each([
  { name: 'of the same log', head: { seq: 4, hash: events[4]!.hash }, exit: 0, says: '1 checkpoints, 1 of them' },
  { name: 'of another log', head: { seq: 4, hash: 'a'.repeat(64) }, exit: 1, says: 'the anchor has another event 4' },
  { name: 'of a longer log', head: { seq: 9, hash: 'a'.repeat(64) }, exit: 1, says: 'its tail was cut' },
])('is compared with an anchor $name, in a folder as in a file', async ({ head, exit, says }) => {
  const { out, folder } = await exported();
  const line = formatCheckpoint(head, startMs);
  const inFolder = path.join(folder, 'bucket', 'foreshock');
  mkdirSync(inFolder, { recursive: true });
  writeFileSync(path.join(inFolder, '000000000004.json'), line);
  writeFileSync(path.join(folder, 'anchor.jsonl'), line);
  for (const anchor of ['bucket', 'anchor.jsonl']) {
    const answer = await run(auditVerifyVerb, ['--export', out, '--anchor', path.join(folder, anchor)]);
    expect(answer.exit).toBe(exit);
    expect(answer.out).toContain(says);
  }
});

it('does not hold an export to checkpoints that were made after it', async () => {
  const { out, folder } = await exported();
  const anchor = path.join(folder, 'later.jsonl');
  writeFileSync(anchor, formatCheckpoint({ seq: 9, hash: 'a'.repeat(64) }, manifestOf(out).exportedAtMs + 1));
  expect(await run(auditVerifyVerb, ['--export', out, '--anchor', anchor])).toMatchObject({ exit: 0 });
});

it('writes CSV that a spreadsheet does not run, held by its SHA-256', async () => {
  const { out } = await exported(['--format', 'csv']);
  const [header, , , , formula] = linesOf(out);
  expect(header).toBe('seq,at,kind,actor,causeSeq,because,body,schemaVersion,prevHash,hash');
  expect(formula).toContain(`3,2025-09-05T12:03:00Z,action.refused,engine,,"'=HYPERLINK(""http://x""), ""Zürich""","{`);
  expect(manifestOf(out).sha256).toBe(createHash('sha256').update(readFileSync(out)).digest('hex'));
  await expect(run(auditVerifyVerb, ['--export', out])).rejects.toThrow('is a CSV: sha256sum');
});

it('leaves alone what is there, the manifest included', async () => {
  const { store, out } = await makeStore();
  writeFileSync(out, 'mine');
  await expect(run(auditExportVerb, ['--store', store, '--out', out])).rejects.toThrow('is there already');
  expect(readFileSync(out, 'utf8')).toBe('mine');
  rmSync(out);
  writeFileSync(`${out}.manifest.json`, 'mine');
  await expect(run(auditExportVerb, ['--store', store, '--out', out])).rejects.toThrow(
    'manifest.json: is there already',
  );
  expect(existsSync(out)).toBe(false);
});

it('does not export a log that does not hold, and leaves nothing behind', async () => {
  const { store, out } = await makeStore(
    `UPDATE audit SET bytes = CAST(replace(bytes, 'reason 2', 'reason 9') AS BLOB)`,
  );
  const { exit, err } = await run(auditExportVerb, ['--store', store, '--out', out]);
  expect(exit).toBe(1);
  expect(err).toContain('row 2 of the log does not hold');
  expect(existsSync(out)).toBe(false);
});

it.each([
  { args: ['--out', 'x', '--kinds', 'plan'], says: '--kinds plan: there is no kind "plan"; one of action.intended' },
  { args: ['--out', 'x', '--format', 'xml'], says: '--format xml: expected jsonl or csv' },
  { args: [], says: '--out is needed' },
])('refuses $args', async ({ args, says }) => {
  await expect(run(auditExportVerb, ['--store', 'x', ...args])).rejects.toThrow(says);
});

it.each([
  { args: ['--export', '/nowhere'], says: '/nowhere: no such file' },
  { args: ['--export', 'x', '--store', 'y'], says: 'give one of them' },
  { args: ['--export', 'x', '--anchor', 's3://bucket/prefix'], says: 'aws s3 cp --recursive s3://bucket/prefix' },
])('refuses to verify $args', async ({ args, says }) => {
  await expect(run(auditVerifyVerb, args)).rejects.toThrow(says);
});
