import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Store } from '../core/ports.ts';
import { openEmbeddedStore } from './embedded.ts';
import { createMemoryStore } from './memory.ts';
import { migrations } from './migrations/index.ts';
import { migrate } from './migrations/migrate.ts';
import { createSqliteStore } from './sqlite-store.ts';
import { readAll, record, storeContract } from './store.contract.ts';

const folderOf = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'foreshock-store-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};
const pathOf = (): string => join(folderOf(), 'store.db');

const textHolding = (part: string): unknown => expect.stringContaining(part);

storeContract('the embedded store', () => openEmbeddedStore(pathOf()));

const open = async (path: string, options?: { readonly readOnly?: boolean }): Promise<Store> => {
  const store = await openEmbeddedStore(path, options);
  onTestFinished(() => store.close());
  return store;
};

it('finds everything again when it is opened anew', async () => {
  const path = pathOf();
  const store = await open(path);
  await store.append([record('tick', 1), record('audit', 2)], 0);
  await store.put('weights', 'v1', new Uint8Array([1, 2, 3]));
  const before = await readAll(store);
  await store.close();
  const again = await open(path);
  expect(await readAll(again)).toEqual(before);
  expect(await again.head()).toBe(2);
  expect((await again.get('weights'))?.bytes).toEqual(new Uint8Array([1, 2, 3]));
});

// Goal: whatever is done in whatever order, the file answers as the plain list in memory does.
it('does what the store in memory does', async () => {
  const stream = fc.constantFrom('tick' as const, 'audit' as const, 'deltas' as const, 'minutes' as const);
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('append' as const),
      records: fc.array(fc.tuple(stream, fc.nat(20)), { maxLength: 5 }),
    }),
    fc.record({
      kind: fc.constant('put' as const),
      name: fc.constantFrom('a', 'b'),
      version: fc.constantFrom('1', '2'),
    }),
    fc.record({
      kind: fc.constant('prune' as const),
      factsBeforeMs: fc.record({ tick: fc.nat(20), deltas: fc.nat(20), minutes: fc.nat(20) }, { requiredKeys: [] }),
    }),
    fc.record({ kind: fc.constant('drop' as const), blobs: fc.constantFrom([{ name: 'a', version: '1' }]) }),
    fc.record({ kind: fc.constant('cut' as const), seq: fc.nat(9) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const both = [createMemoryStore(), await openEmbeddedStore(pathOf())];
      const answers = await Promise.all(
        both.map(async (store) => {
          const answered: unknown[] = [];
          for (const [index, one] of steps.entries()) {
            if (one.kind === 'append') {
              const records = one.records.map(([of, atMs]) => record(of, atMs));
              answered.push(await store.append(records, await store.head()));
            }
            if (one.kind === 'put') await store.put(one.name, one.version, new Uint8Array([index]));
            if (one.kind === 'prune' || one.kind === 'drop') answered.push(await store.prune(one));
            if (one.kind === 'cut') {
              const position = (await readAll(store, 0, 'audit'))[one.seq]?.position ?? one.seq;
              const seq = (await store.auditCut())?.seq ?? 0;
              const audit = { seq: seq + 1, hash: '', atMs: 5, position, inUse: ['1'], cutAtMs: index, policy: 'p' };
              answered.push(await store.prune({ audit }).catch((error: unknown) => (error as Error).message));
            }
          }
          answered.push(await readAll(store), await store.get('a'), await store.get('b'), await store.get('a', '1'));
          answered.push(await store.blobs(), await store.auditCut());
          await store.close();
          return answered;
        }),
      );
      expect(answers[1]).toEqual(answers[0]);
    }),
    { numRuns: 25 },
  );
});

describe('refuses, in one line, a file that is', () => {
  const database = (path: string, sql: string): void => {
    const other = new DatabaseSync(path);
    other.exec(sql);
    other.close();
  };
  it.each([
    { name: 'text', make: (path: string) => writeFileSync(path, 'ts,volume\n'.repeat(200)), says: 'is not a store' },
    {
      name: "another program's",
      make: (path: string) => database(path, 'CREATE TABLE t (a)'),
      says: 'of another program',
    },
    { name: 'a folder', make: (path: string) => mkdirSync(path), says: 'is not a file' },
    {
      name: 'of a later release',
      make: (path: string) => database(path, 'PRAGMA application_id = 0x4653484b; PRAGMA user_version = 99'),
      says: 'written by a later release (its schema is version 99, this release knows 3): upgrade',
    },
    {
      name: 'a store by its number but not by its tables',
      make: (path: string) => database(path, 'PRAGMA application_id = 0x4653484b; PRAGMA user_version = 1'),
      says: 'is not a store',
    },
  ])('$name', async ({ make, says }) => {
    const path = pathOf();
    make(path);
    const before = readdirSync(join(path, '..'));
    for (const readOnly of [true, false]) {
      await expect(openEmbeddedStore(path, { readOnly })).rejects.toMatchObject({
        name: 'InputError',
        message: textHolding(says),
      });
    }
    // No lock is left beside a file that is not ours; one is beside a file that says it is.
    if (!says.includes('not a store')) expect(readdirSync(join(path, '..'))).toEqual(before);
  });

  it.each([
    { name: 'in a folder that cannot be made', path: '/proc/foreshock/deeper/store.db', says: 'cannot be made' },
    { name: 'inside a file', path: join(import.meta.filename, 'store.db'), says: 'is not a folder' },
    { name: 'below a file', path: join(import.meta.filename, 'deeper', 'store.db'), says: 'cannot be made' },
  ])('$name', async ({ path, says }) => {
    await expect(openEmbeddedStore(path)).rejects.toMatchObject({ name: 'InputError', message: textHolding(says) });
  });

  it('missing or empty, when it is opened to be read', async () => {
    const path = pathOf();
    await expect(openEmbeddedStore(path, { readOnly: true })).rejects.toThrow(`there is no store at ${path}`);
    writeFileSync(path, '');
    await expect(openEmbeddedStore(path, { readOnly: true })).rejects.toThrow('the file is empty');
  });
});

describe('has one writer', () => {
  it('and names it to the second, under any name of the file', async () => {
    const path = pathOf();
    await open(path);
    symlinkSync(path, `${path}.link`);
    for (const name of [path, `${path}.link`]) {
      await expect(openEmbeddedStore(name)).rejects.toMatchObject({
        code: 'store-locked',
        message: textHolding(`in use by pid ${process.pid}:`),
      });
    }
  });

  it('and any number of readers beside it, which see what is appended', async () => {
    const path = pathOf();
    const writer = await open(path);
    const reader = await open(path, { readOnly: true });
    await writer.append([record('audit', 1)], 0);
    expect(await readAll(reader)).toHaveLength(1);
    await expect(reader.append([record('audit', 2)], 1)).rejects.toThrow('opened to be read');
    await writer.close();
    expect(await reader.head()).toBe(1);
  });

  it('and lets the next one in after a close', async () => {
    const path = pathOf();
    for (let head = 0; head < 3; head++) {
      const store = await openEmbeddedStore(path);
      expect(await store.append([record('tick', head)], head)).toBe(head + 1);
      await store.close();
      expect(readdirSync(join(path, '..')).sort()).toEqual(['store.db', 'store.db-lock']);
    }
  });
});

/** A process of its own: says what came of opening the store, then appends until it is ended, saying each head that was acknowledged. */
function startWriter(
  path: string,
  options: { readonly appendCount: number; readonly fileBlocksMax?: number },
): ChildProcess {
  const script = `
    import { openEmbeddedStore } from ${JSON.stringify(new URL('./embedded.ts', import.meta.url).href)};
    process.stdin.once('data', async () => {
      let store;
      try {
        store = await openEmbeddedStore(${JSON.stringify(path)});
        console.log('open');
        for (let head = await store.head(), count = 0; count < ${options.appendCount}; count++) {
          const records = Array.from({ length: 3 }, (_, index) => ({ stream: index ? 'audit' : 'tick', atMs: head + index, bytes: Buffer.alloc(500, head + index) }));
          head = await store.append(records, head);
          console.log(head);
          await new Promise(setImmediate);
        }
      } catch (error) {
        console.log(error.code + ' ' + error.message);
        await store?.append([], await store.head()).catch((again) => console.log(again.message));
        process.exit();
      }
    });
    process.stdin.once('end', () => process.exit());
  `;
  const node = [process.execPath, '--input-type=module', '--eval', script];
  const limit = options.fileBlocksMax === undefined ? '' : `ulimit -f ${options.fileBlocksMax}; `;
  const child = spawn('bash', ['-c', `${limit}exec "$@"`, 'bash', ...node], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

const linesOf = (child: ChildProcess): AsyncIterableIterator<string> =>
  createInterface({ input: child.stdout! })[Symbol.asyncIterator]();

async function nextLine(lines: AsyncIterableIterator<string>): Promise<string> {
  return String((await lines.next()).value);
}

async function expectWhole(path: string, acknowledged: number): Promise<void> {
  const store = await openEmbeddedStore(path);
  const head = await store.head();
  expect(head).toBeGreaterThanOrEqual(acknowledged);
  expect(head % 3).toBe(0);
  const stored = await readAll(store);
  expect(stored).toHaveLength(head);
  expect(
    stored.every(({ position, bytes }) => bytes.length === 500 && bytes.every((byte) => byte === position % 256)),
  ).toBe(true);
  await store.close();
}

// Goal: a killed writer loses nothing that it acknowledged, leaves no half batch, and its lock falls with it.
it('survives kill -9 of the writer, and is taken over', async () => {
  const path = pathOf();
  let acknowledged = 0;
  for (const killedAfter of [1, 7, 40]) {
    const child = startWriter(path, { appendCount: 10_000 });
    child.stdin!.write('go\n');
    const lines = linesOf(child);
    expect(await nextLine(lines)).toBe('open');
    for (let count = 0; count < killedAfter; count++) acknowledged = Number(await nextLine(lines));
    child.kill('SIGKILL');
    await once(child, 'close');
    // The name that the dead left behind is not believed.
    expect(readFileSync(`${path}-writer`, 'utf8')).toMatch(new RegExp(`^${child.pid} `));
    await expectWhole(path, acknowledged);
  }
});

// Goal: of many that start in the same instant, on a store left by a killed writer, one wins, and the others name it.
it('lets one of several racing writers win', async () => {
  const path = pathOf();
  await (await openEmbeddedStore(path)).close();
  writeFileSync(`${path}-writer`, `999999999 ${hostname()}\n`);
  const children = Array.from({ length: 4 }, () => startWriter(path, { appendCount: 0 }));
  children.forEach((child) => child.stdin!.write('go\n'));
  const answers = await Promise.all(children.map((child) => nextLine(linesOf(child))));
  const winners = children.filter((_, index) => answers[index] === 'open');
  expect(winners).toHaveLength(1);
  const refusal = `store-locked the store ${path} is in use by pid ${winners[0]!.pid}: stop it, or name another store`;
  expect(answers.filter((answer) => answer !== 'open')).toEqual([refusal, refusal, refusal]);
});

// Goal: a disk that fails ends the appends with an error and for good (a second fsync would not say what the first could not write), and
// everything acknowledged before is there.
// Method: the kernel's limit on the size of a file, 256 blocks of 1 KiB, makes a write fail as a broken disk does.
it('keeps what it acknowledged when the disk fails', async () => {
  const path = pathOf();
  const child = startWriter(path, { appendCount: 10_000, fileBlocksMax: 256 });
  child.stdin!.write('go\n');
  const lines: string[] = [];
  for await (const line of linesOf(child)) lines.push(line);
  expect(lines.slice(-2)).toEqual([
    `store-io store ${path}: the disk failed (disk I/O error)`,
    `store ${path}: the disk failed before; it is written again once the store is opened anew`,
  ]);
  await expectWhole(path, Number(lines.at(-3)));
});

// Goal: a full disk refuses an append whole, and takes the same one once there is room.
// Method: SQLite's own limit of pages answers as a full disk does.
it('goes on with the append that a full disk refused, once there is room', async () => {
  const path = pathOf();
  const database = new DatabaseSync(path);
  migrate(database, 0, migrations);
  const store = createSqliteStore(database, path, { release: () => undefined });
  onTestFinished(() => store.close());
  const batch = [record('tick', 1, 'x'.repeat(3_000)), record('audit', 1, 'y'.repeat(3_000))];
  database.exec('PRAGMA max_page_count = 20');
  const refusal: unknown = await (async () => {
    for (;;) await store.append(batch, await store.head());
  })().catch((error: unknown) => error);
  expect(refusal).toMatchObject({ code: 'store-full', retryable: true });
  const head = await store.head();
  expect(await readAll(store)).toHaveLength(head);
  expect(head % 2).toBe(0);
  database.exec('PRAGMA max_page_count = 100');
  expect(await store.append(batch, head)).toBe(head + 2);
});
