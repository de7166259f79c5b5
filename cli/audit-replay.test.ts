import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeAll, expect, it } from 'vitest';
import type { AuditEvent } from '../core/audit.ts';
import { msPerSecond } from '../core/time.ts';
import { compose } from '../service/compose.ts';
import { release } from '../service/release.ts';
import { minute, sampleOptions, samplePorts } from '../service/sample.ts';
import { openEmbeddedStore } from '../store/embedded.ts';
import { genesisHash } from '../store/audit-log.ts';
import { readTick, sealTick } from '../store/tick-log.ts';
import { auditReplayVerb } from './audit-replay.ts';
import type { ExitCode } from './verb.ts';

/** What hangs on answered calls runs in one turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

let folder: string;
let equal: string;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'foreshock-cli-replay-'));
  equal = await record('equal.db');
  return () => rmSync(folder, { recursive: true, force: true });
});

/** A run of this release around an event, until it is warm. */
async function record(name: string): Promise<string> {
  const file = path.join(folder, name);
  const store = await openEmbeddedStore(file);
  const { ports, clock } = samplePorts({ store, fromMs: minute(-11) });
  const system = await compose({ ...sampleOptions(), release }, ports);
  while (clock.nowMs() < minute(-7)) {
    await turn();
    clock.advanceTo(clock.nowMs() + msPerSecond);
    await system.tick();
  }
  await system.stop('enough');
  return file;
}

/** The same run, with other words in its ticks, chained anew. */
async function forge(name: string, change: (text: string) => string): Promise<string> {
  const file = await record(name);
  const database = new DatabaseSync(file);
  let prevHash = genesisHash;
  for (const row of database.prepare('SELECT position, at_ms, bytes FROM tick ORDER BY position').all()) {
    const atMs = row['at_ms'] as number;
    const reading = readTick({ atMs, bytes: row['bytes'] as Uint8Array });
    const { record: sealed, hash } = sealTick(change(reading.ok ? reading.text : ''), { prevHash, atMs });
    prevHash = hash;
    database.prepare('UPDATE tick SET bytes = ? WHERE position = ?').run(sealed.bytes, row['position']!);
  }
  database.close();
  return file;
}

async function run(args: readonly string[]): Promise<{ exit: ExitCode; out: string }> {
  let out = '';
  const exit = await auditReplayVerb.run(args, {
    env: {},
    isInteractive: false,
    hasColour: false,
    out: (text) => void (out += text),
    err: () => undefined,
    signal: new AbortController().signal,
  });
  return { exit, out };
}

it('says that all is equal, to people and to programs', async () => {
  const { exit, out } = await run(['--store', equal]);
  expect(exit).toBe(0);
  expect(out).toMatch(
    /^equal: \d+ ticks, (\d+) decisions, \1 equal, 0 differences\nrun {7}event 0, 2026-03-18T12:19:00Z: \1 decisions, 0 differences\n$/,
  );
  const json = JSON.parse((await run(['--store', equal, '--json'])).out) as Record<string, unknown>;
  expect(json).toMatchObject({ verdict: 'equal', release, differences: [], decision: null });
});

it('says where the record does not follow from its facts', async () => {
  const file = await forge('forged.db', (text) => text.replaceAll('"concurrencyLimit":1000', '"concurrencyLimit":130'));
  const { exit, out } = await run(['--store', file]);
  expect(exit).toBe(1);
  expect(out).toContain('NOT equal: ');
  expect(out).toMatch(/\ndiffers {3}event \d+, plan\.decided, 2026-03-18T12:19:0\dZ, row \d+\n/);
  expect(out).toContain('body.inputs.account.concurrencyLimit: recorded 1000, recomputed 130\n');
});

it('says what it has not replayed', async () => {
  const pruned = await record('pruned.db');
  const store = await openEmbeddedStore(pruned);
  await store.prune({ factsBeforeMs: { tick: minute(-9) } });
  await store.close();
  const { exit, out } = await run(['--store', pruned]);
  expect(exit).toBe(2);
  expect(out).toContain('its first facts are gone: they were pruned, or removed');
  expect((await run(['--store', equal, '--to', '2026-01-01'])).out).toContain('no run lies in this span');
});

it('shows one decision with its inputs and facts', async () => {
  const store = await openEmbeddedStore(equal, { readOnly: true });
  const events: AuditEvent[] = [];
  for await (const { bytes } of store.read(0, 'audit'))
    events.push(JSON.parse(Buffer.from(bytes).toString()) as AuditEvent);
  await store.close();
  const { seq } = events.find(({ kind }) => kind === 'plan.decided')!;
  const { exit, out } = await run(['--store', equal, '--seq', String(seq)]);
  expect(exit).toBe(0);
  expect(out).toContain(`decision  event ${seq}, plan.decided, `);
  expect(out).toContain('comes out the same, to the byte');
  for (const input of ['calendarVersion', 'optionsSha256', '{"kind":"account"'])
    expect(out).toContain(`          ${input}`);
});

it.each([
  { args: ['--seq', '3', '--from', '2026-01-01'], says: '--seq is one decision' },
  { args: ['--seq', 'x'], says: '--seq x: expected a whole number' },
  { args: ['--from', 'noon'], says: '--from noon: expected an instant' },
])('refuses $args', async ({ args, says }) => {
  await expect(run(['--store', equal, ...args])).rejects.toThrow(says);
});
