import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, onTestFinished } from 'vitest';
import type { AuditDraft } from '../core/audit.ts';
import type { Json } from '../core/json.ts';
import { createAuditChain, genesisHash } from '../store/audit-log.ts';
import { sealTick } from '../store/tick-log.ts';
import { openEmbeddedStore } from '../store/embedded.ts';
import { auditShowVerb } from './audit-show.ts';
import { auditVerifyVerb } from './audit-verify.ts';
import type { ExitCode, Verb } from './verb.ts';

const drafts: readonly AuditDraft[] = [
  { atMs: Date.UTC(2025, 8, 5, 12, 0), kind: 'service.started', actor: 'service', body: { release: '0.1.0' } },
  {
    atMs: Date.UTC(2025, 8, 5, 12, 20),
    kind: 'plan.decided',
    actor: 'engine',
    body: { because: 'payrolls at 12:30 want 40' },
  },
  {
    atMs: Date.UTC(2025, 8, 5, 12, 20, 0, 250),
    kind: 'action.intended',
    actor: 'engine',
    causeSeq: 1,
    body: { because: 'title \u001b[31m from outside', concurrency: 40 },
  },
];

/** A store with three events; SQL may then be run on it. */
async function makeStore(tamper?: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'foreshock-cli-audit-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'store.db');
  const store = await openEmbeddedStore(path);
  const tick = sealTick('{"facts":[]}', { prevHash: genesisHash, atMs: drafts[2]!.atMs });
  await store.append([...createAuditChain().extend(drafts).records, tick.record], 0);
  await store.close();
  if (tamper !== undefined) {
    const database = new DatabaseSync(path);
    database.exec(tamper);
    database.close();
  }
  return path;
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

it('verifies a whole log, and says what was not compared', async () => {
  const path = await makeStore();
  const { exit, out } = await run(auditVerifyVerb, ['--store', path]);
  const head = createAuditChain().extend(drafts).next.head!;
  expect(exit).toBe(0);
  expect(out.split('\n')).toEqual([
    'verified: 3 events hold, and 1 tick',
    `head      event 2, 2025-09-05T12:20:00.250Z, ${head.hash}`,
    'anchor    none: a log cut at its end, or computed anew from some event on, would not show',
    '',
  ]);
});

it('says where a changed log is broken, to people and to programs', async () => {
  const path = await makeStore(
    `UPDATE audit SET bytes = CAST(replace(bytes, 'want 40', 'want 41') AS BLOB) WHERE position = 1`,
  );
  const { exit, out } = await run(auditVerifyVerb, ['--store', path]);
  expect(exit).toBe(1);
  expect(out).toContain(
    'NOT verified: 1 event holds, then the chain is broken\nwhere     row 1, event 1, 2025-09-05T12:20:00Z\nfault     hash: ',
  );
  const json = await run(auditVerifyVerb, ['--store', path, '--json']);
  expect(json.exit).toBe(1);
  expect(JSON.parse(json.out)).toMatchObject({
    verified: false,
    eventCount: 1,
    firstFault: { kind: 'hash', position: 1, seq: 1, atMs: drafts[1]!.atMs },
  });
});

it('says where a fact was changed that a decision was judged from', async () => {
  const path = await makeStore(`UPDATE tick SET bytes = CAST(replace(bytes, 'facts', 'fakes') AS BLOB)`);
  const { exit, out } = await run(auditVerifyVerb, ['--store', path]);
  expect(exit).toBe(1);
  expect(out).toContain(
    'NOT verified: 3 events hold, and 0 ticks, then the facts are broken\nwhere     row 3, 2025-09-05T12:20:00.250Z\nfault     tick: ',
  );
});

it.each([
  { name: 'no store is named', args: [], says: 'name its file with --store' },
  { name: 'there is none', args: ['--store', '/nowhere/store.db'], says: 'there is no store at /nowhere/store.db' },
  { name: 'a flag is unknown', args: ['--stroe', 'x'], says: '--stroe' },
])('refuses in one line when $name', async ({ args, says }) => {
  for (const verb of [auditVerifyVerb, auditShowVerb]) {
    await expect(run(verb, args)).rejects.toMatchObject({ name: 'InputError' });
    await expect(run(verb, args)).rejects.toThrow(says);
  }
});

it('lists an event a line, and lets no text from outside steer the terminal', async () => {
  const { exit, out } = await run(auditShowVerb, ['--store', await makeStore()]);
  expect(exit).toBe(0);
  // Columns are as wide as the longest kind there is.
  expect(out.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual([
    ['0', '2025-09-05T12:00:00Z', 'service.started', 'service', '{"release":"0.1.0"}'],
    ['1', '2025-09-05T12:20:00Z', 'plan.decided', 'engine', 'payrolls at 12:30 want 40'],
    ['2', '2025-09-05T12:20:00.250Z', 'action.intended', 'engine', '<1', 'title \\u001b[31m from outside'],
    [''],
  ]);
  expect(new Set(out.split('\n').map((line) => line.search(/\{"rel|payrolls|title/))).size).toBe(2);
});

it.each([
  { args: [], seqs: [0, 1, 2] },
  { args: ['--kind', 'plan.decided'], seqs: [1] },
  { args: ['--kind', 'plan.decided', '--kind', 'service.started'], seqs: [0, 1] },
  { args: ['--from', '2025-09-05T12:20:00Z'], seqs: [1, 2] },
  { args: ['--to', '2025-09-05T12:20:00Z'], seqs: [0] },
  { args: ['--from', '2025-09-06'], seqs: [] },
  { args: ['--last', '2'], seqs: [1, 2] },
  { args: ['--last', '1', '--to', '2025-09-05T12:10:00Z'], seqs: [0] },
  { args: ['--seq', '1'], seqs: [1] },
])('shows events $seqs for $args', async ({ args, seqs }) => {
  const { exit, out } = await run(auditShowVerb, ['--store', await makeStore(), '--json', ...args]);
  expect(exit).toBe(0);
  const events = JSON.parse(out) as Record<string, Json>[];
  expect(events).toEqual(
    createAuditChain()
      .extend(drafts)
      .events.filter(({ seq }) => seqs.includes(seq)),
  );
});

it('shows one event whole', async () => {
  const path = await makeStore();
  const { exit, out } = await run(auditShowVerb, ['--store', path, '--seq', '2']);
  expect(exit).toBe(0);
  expect(out).toMatch(
    /^event {7}2\ntime {8}2025-09-05T12:20:00\.250Z\nkind {8}action\.intended\nactor {7}engine\ncause {7}event 1\nhash {8}[0-9a-f]{64}\n/,
  );
  expect(out).toContain('  "concurrency": 40\n}');
  expect(await run(auditShowVerb, ['--store', path, '--seq', '3'])).toEqual({
    exit: 1,
    out: '',
    err: 'foreshock audit show: there is no event 3 that fits\n',
  });
});

it('names a damaged row, and shows the others', async () => {
  const path = await makeStore("UPDATE audit SET bytes = x'00' WHERE position = 1");
  const { exit, out, err } = await run(auditShowVerb, ['--store', path, '--json']);
  expect(exit).toBe(1);
  expect(err).toBe(
    'foreshock audit show: row 1 is damaged: it is not JSON text in UTF-8; see foreshock audit verify\n',
  );
  expect((JSON.parse(out) as { seq: number }[]).map(({ seq }) => seq)).toEqual([0, 2]);
});

it.each([
  { args: ['--kind', 'plan'], says: '--kind plan: there is no such kind; one of action.intended, ' },
  { args: ['--from', '2025-13-05'], says: '--from 2025-13-05: expected an instant' },
  { args: ['--seq', '-1'], says: '--seq' },
  { args: ['--seq', '1.5'], says: '--seq 1.5: expected a whole number' },
  { args: ['--last', '0'], says: '--last 0: expected a whole number from 1 to 100000' },
])('refuses $args', async ({ args, says }) => {
  await expect(run(auditShowVerb, ['--store', 'x', ...args])).rejects.toThrow(says);
});

it('leaves the bytes of the store as they were', async () => {
  const path = await makeStore();
  const before = readFileSync(path);
  await run(auditVerifyVerb, ['--store', path]);
  await run(auditShowVerb, ['--store', path]);
  expect(readFileSync(path).equals(before)).toBe(true);
});
