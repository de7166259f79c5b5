import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Store } from '../../core/ports.ts';
import { openAuditChain } from '../audit-log.ts';
import { verifyAudit } from '../audit-verify.ts';
import { openEmbeddedStore } from '../embedded.ts';
import { pruneStore } from '../retention.ts';
import { lastTickHash, sealTick, verifyTicks } from '../tick-log.ts';
import { migrations } from './index.ts';
import { migrate, schemaVersionOf } from './migrate.ts';

const memory = (): DatabaseSync => {
  const database = new DatabaseSync(':memory:');
  onTestFinished(() => database.close());
  return database;
};

const fileOf = (version: number): string => {
  const folder = mkdtempSync(join(tmpdir(), 'foreshock-migrate-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'store.db');
  copyFileSync(join(import.meta.dirname, `../fixtures/store-schema-${version}.db`), path);
  return path;
};
const versions = migrations.map(({ version }) => version);
/** The newest is what the code writes now. */
const earlierVersions = versions.slice(0, -1);

/** What a file of every version holds: 40 ticks, 10 events, two blobs (fixtures/make-store.ts). */
async function expectWhole(store: Store): Promise<void> {
  expect(await verifyAudit(store)).toMatchObject({ verified: true, eventCount: 10, cut: null, head: { seq: 9 } });
  expect(await verifyTicks(store)).toMatchObject({ verified: true, tickCount: 40 });
  expect((await store.blobs()).map(({ name }) => name)).toEqual(['calendar', 'engine']);
  expect(await store.get('calendar')).toMatchObject({ version: 'c0ffee'.padEnd(64, '0') });
}

describe.each(earlierVersions)('a store of version %i', (version) => {
  it('is read as it is', async () => {
    const path = fileOf(version);
    const store = await openEmbeddedStore(path, { readOnly: true });
    await expectWhole(store);
    await store.close();
    expect(versionOf(path)).toBe(version);
  });

  it('is brought up to date by a writer, and goes on: events, ticks, blobs, pruning', async () => {
    const path = fileOf(version);
    const store = await openEmbeddedStore(path);
    onTestFinished(() => store.close());
    expect(versionOf(path)).toBe(versions.at(-1));
    await expectWhole(store);
    const nowMs = Date.UTC(2027, 0, 1);
    const { records } = (await openAuditChain(store)).extend([
      { atMs: nowMs, kind: 'service.started', actor: 'service', body: { because: 'a later release' } },
    ]);
    const tick = sealTick('{"facts":[]}', { prevHash: await lastTickHash(store), atMs: nowMs });
    const head = await store.head();
    expect(await store.append([tick.record, ...records], head)).toBe(head + 2);
    expect(await verifyAudit(store)).toMatchObject({ verified: true, eventCount: 11 });
    expect(await verifyTicks(store)).toMatchObject({ verified: true, tickCount: 41 });
    await pruneStore(
      store,
      { deltasHours: 1, minutesDays: 1, ticksDays: 1, decisionsDays: 1, incidentsDays: 1 },
      nowMs,
    );
    expect(await verifyAudit(store)).toMatchObject({ verified: true, eventCount: 1, cut: { seq: 9 } });
    expect(await verifyTicks(store)).toMatchObject({ verified: true, tickCount: 1 });
  });

  // Goal: a power cut in the middle of a step leaves the file of before, whole; the next start brings it up to date.
  // Method: a process that does the step, then writes ten thousand rows more than fit into its memory, and ends itself before the step is done.
  it('is as it was when its migration is cut short', async () => {
    const path = fileOf(version);
    const script = `
      import { DatabaseSync } from 'node:sqlite';
      import { migrations } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
      import { migrate } from ${JSON.stringify(new URL('./migrate.ts', import.meta.url).href)};
      const database = new DatabaseSync(${JSON.stringify(path)});
      database.exec('PRAGMA cache_size = 1');
      database.function('die', () => process.kill(process.pid, 'SIGKILL'));
      const bulk = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) INSERT INTO audit SELECT 1000 + i, 0, randomblob(200) FROM n;';
      const cutShort = (step) => ({ ...step, sql: step.sql + bulk + 'SELECT die()' });
      migrate(database, ${version}, migrations.with(${version}, cutShort(migrations[${version}])));
    `;
    const { signal } = spawnSync(process.execPath, ['--input-type=module', '--eval', script]);
    expect(signal).toBe('SIGKILL');
    expect(versionOf(path)).toBe(version);
    const store = await openEmbeddedStore(path);
    onTestFinished(() => store.close());
    await expectWhole(store);
    expect(versionOf(path)).toBe(versions.at(-1));
  });
});

function versionOf(path: string): unknown {
  const database = new DatabaseSync(path, { readOnly: true });
  const row = database.prepare('PRAGMA user_version').get();
  database.close();
  return row?.['user_version'];
}

it('applies only what is missing, in order', () => {
  const database = memory();
  const first = { version: 1, sql: 'CREATE TABLE a (x)' };
  migrate(database, 0, [first]);
  migrate(database, 1, [first, { version: 2, sql: 'CREATE TABLE b AS SELECT x FROM a' }]);
  expect(schemaVersionOf(database, 'f', 2)).toBe(2);
  expect(database.prepare('SELECT count(*) AS count FROM b').get()).toEqual({ count: 0 });
  expect(() => migrate(database, 2, [first, { version: 3, sql: '' }])).toThrow('out of order');
});

it('leaves a whole version behind when a step fails', () => {
  const database = memory();
  const steps = [
    { version: 1, sql: 'CREATE TABLE a (x)' },
    { version: 2, sql: 'CREATE TABLE b (x); INSERT INTO nowhere VALUES (1)' },
  ];
  expect(() => migrate(database, 0, steps)).toThrow('nowhere');
  expect(schemaVersionOf(database, 'f', 2)).toBe(1);
  expect(() => database.prepare('SELECT * FROM b')).toThrow('no such table');
});
