import { DatabaseSync } from 'node:sqlite';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openEmbeddedStore } from '../embedded.ts';
import { readAll, record } from '../store.contract.ts';
import { migrations } from './index.ts';
import { migrate, schemaVersionOf } from './migrate.ts';

const memory = (): DatabaseSync => {
  const database = new DatabaseSync(':memory:');
  onTestFinished(() => database.close());
  return database;
};

/** What each released version left on disk, written out and never edited: a file of that version, with a tick, an event and a blob. */
const filesByVersion = [
  {
    version: 1,
    sql: `
      PRAGMA application_id = 0x4653484b;
      PRAGMA user_version = 1;
      CREATE TABLE tick (position INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
      CREATE TABLE audit (position INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
      CREATE TABLE drawer (put_order INTEGER PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, bytes BLOB NOT NULL, UNIQUE (name, version)) STRICT;
      CREATE INDEX drawer_by_name ON drawer (name, put_order);
      INSERT INTO tick VALUES (0, 1000, x'0102');
      INSERT INTO audit VALUES (1, 1000, x'03');
      INSERT INTO drawer VALUES (1, 'weights', 'v1', x'04');
    `,
  },
];

it('has a file of every version to open', () => {
  expect(filesByVersion.map(({ version }) => version)).toEqual(migrations.map(({ version }) => version));
});

it.each(filesByVersion)('opens a store of version $version, and goes on with it', async ({ sql }) => {
  const folder = mkdtempSync(join(tmpdir(), 'foreshock-migrate-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const old = new DatabaseSync(join(folder, 'store.db'));
  old.exec(sql);
  old.close();
  const store = await openEmbeddedStore(join(folder, 'store.db'));
  onTestFinished(() => store.close());
  expect(await readAll(store)).toEqual([
    { position: 0, stream: 'tick', atMs: 1000, bytes: new Uint8Array([1, 2]) },
    { position: 1, stream: 'audit', atMs: 1000, bytes: new Uint8Array([3]) },
  ]);
  expect(await store.get('weights')).toEqual({ version: 'v1', bytes: new Uint8Array([4]) });
  expect(await store.append([record('tick', 2000)], 2)).toBe(3);
});

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
