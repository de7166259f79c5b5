/**
 * The Store port on an open SQLite database: what is written when, and what is checked on the way in and out.
 *
 * Reads go page by page and yield to the event loop in between, so that a service that reads its log still hears a signal.
 */
import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { assert } from '../core/assert.ts';
import { WorldError } from '../core/errors.ts';
import type { AuditCut, BlobName, FactStream, Position, Store, Stored, StreamName } from '../core/ports.ts';
import type { EpochMs } from '../core/time.ts';
import { assertCut, assertRecords, checkHead } from './records.ts';
import { describeSqliteError, sqliteCodeOf } from './sqlite-errors.ts';
import type { WriterLock } from './writer-lock.ts';

// A page is read at once, without holding a snapshot: a slow reader must not keep the WAL from being folded back.
const readPageRowCount = 256;
/** A second of 20,000 functions is some hundred kilobytes. */
const readPageBytes = 8 * 1024 ** 2;
const prunePageRowCount = 4_096;

const sqliteIoError = 10;

/** Takes the database over, and the writer's lock; without a lock it only reads. `path` is for messages. */
export function createSqliteStore(database: DatabaseSync, path: string, lock?: WriterLock): Store {
  const reading = prepareReading(database);
  const writing = lock && prepareWriting(database);
  let hasFailed = false;

  const guard = <Result>(run: () => Result): Result => {
    assert(database.isOpen, 'the store is closed');
    try {
      return run();
    } catch (error) {
      // After a failed fsync the kernel may have dropped what it could not write, and a second fsync would lie: no more writes here.
      if (sqliteCodeOf(error) === sqliteIoError) hasFailed = true;
      throw describeSqliteError(error, path);
    }
  };
  const readHead = (): Position => reading.head.get()!['head'] as Position;
  const transact = <Result>(run: (writing: Writing) => Result): Result =>
    guard(() => {
      assert(writing !== undefined, 'the store was opened to be read');
      if (hasFailed) throw failedBefore(path);
      return inTransaction(database, () => run(writing));
    });

  return {
    async head() {
      return guard(readHead);
    },
    async append(records, after) {
      assertRecords(records);
      return transact(({ insert }) => {
        checkHead(readHead(), after);
        records.forEach(({ stream, atMs, bytes }, index) => insert[stream].run(after + index, atMs, bytes));
        return after + records.length;
      });
    },
    async *read(from, stream) {
      for (let next = from; ;) {
        const page = guard(() => readPage(reading.read[stream ?? 'all'], path, next));
        yield* page.rows;
        if (page.error) throw page.error;
        if (page.isLast) return;
        next = page.rows.at(-1)!.position + 1;
        await nextTurn();
      }
    },
    async put(name, version, bytes) {
      transact(({ put }) => put.run(name, version, bytes));
    },
    async get(name, version) {
      return guard(() => {
        const row = reading.get.get({ name, version: version ?? null });
        return row && { version: row['version'] as string, bytes: row['bytes'] as Uint8Array };
      });
    },
    async blobs() {
      return guard(() => reading.blobs.all().map(blobOf));
    },
    async auditCut() {
      return guard(() => readCut(reading, path));
    },
    async prune({ factsBeforeMs = {}, audit, blobs = [] }) {
      let removedCount = 0;
      if (audit) {
        removedCount += transact((writing) => {
          assertCut(
            audit,
            readCut(reading, path),
            (writing.lastAudit.get()?.['position'] ?? undefined) as Position | undefined,
          );
          writing.cut.run({ ...audit, inUse: JSON.stringify(audit.inUse) });
          return Number(writing.removeAudit.run(audit.position).changes);
        });
      }
      for (const { name, version } of blobs)
        removedCount += transact(({ removeBlob }) => Number(removeBlob.run({ name, version }).changes));
      for (const [stream, beforeMs] of Object.entries(factsBeforeMs)) {
        for (let isOver = false; !isOver;) {
          const pageCount = transact(({ facts }) => prunePage(facts[stream as FactStream], beforeMs));
          removedCount += pageCount;
          isOver = pageCount < prunePageRowCount;
          if (!isOver) await nextTurn();
        }
      }
      return { removedCount };
    },
    async close() {
      if (!database.isOpen) return;
      try {
        database.close();
      } finally {
        lock?.release();
      }
    },
  };
}

const lastOf = (stream: StreamName): string => `ifnull((SELECT max(position) FROM ${stream}), -1)`;
const streams: readonly StreamName[] = ['tick', 'audit', 'deltas', 'minutes'];
const headOf = `1 + max(${streams.map(lastOf).join(', ')})`;

function prepareReading(database: DatabaseSync) {
  const rowsOf = (stream: StreamName): string =>
    `SELECT position, '${stream}' AS stream, at_ms, bytes FROM ${stream} WHERE position >= $from`;
  const page = `ORDER BY position LIMIT ${readPageRowCount}`;
  return {
    head: database.prepare(`SELECT ${headOf} AS head`),
    read: {
      tick: database.prepare(`${rowsOf('tick')} ${page}`),
      audit: database.prepare(`${rowsOf('audit')} ${page}`),
      deltas: database.prepare(`${rowsOf('deltas')} ${page}`),
      minutes: database.prepare(`${rowsOf('minutes')} ${page}`),
      all: database.prepare(`${streams.map(rowsOf).join(' UNION ALL ')} ${page}`),
    },
    get: database.prepare(
      'SELECT version, bytes FROM drawer WHERE name = $name AND ($version IS NULL OR version = $version) ORDER BY put_order DESC LIMIT 1',
    ),
    blobs: database.prepare('SELECT name, version, put_at FROM drawer ORDER BY name, put_order'),
    cut: database.prepare('SELECT * FROM audit_cut'),
  };
}

/** Of a writer, whose file has the newest schema. */
function prepareWriting(database: DatabaseSync) {
  // Facts stand in the order of time, so the old ones are the first: no need to read further than the first that stays. The last row of
  // the log stays whatever its age, since the head is read from it.
  const pruningOf = (stream: FactStream) => ({
    old: database.prepare(
      `SELECT position, at_ms FROM ${stream} WHERE position < ${headOf} - 1 ORDER BY position LIMIT ${prunePageRowCount}`,
    ),
    remove: database.prepare(`DELETE FROM ${stream} WHERE position <= ?`),
  });
  const insertInto = (stream: StreamName) =>
    database.prepare(`INSERT INTO ${stream} (position, at_ms, bytes) VALUES (?, ?, ?)`);
  return {
    insert: {
      tick: insertInto('tick'),
      audit: insertInto('audit'),
      deltas: insertInto('deltas'),
      minutes: insertInto('minutes'),
    },
    put: database.prepare(
      `INSERT OR REPLACE INTO drawer (put_order, name, version, bytes, put_at)
       VALUES ((SELECT ifnull(max(put_order), 0) + 1 FROM drawer), ?, ?, ?, ${headOf})`,
    ),
    facts: { tick: pruningOf('tick'), deltas: pruningOf('deltas'), minutes: pruningOf('minutes') },
    lastAudit: database.prepare('SELECT max(position) AS position FROM audit'),
    removeAudit: database.prepare('DELETE FROM audit WHERE position <= ?'),
    cut: database.prepare(
      `INSERT OR REPLACE INTO audit_cut (id, seq, hash, at_ms, position, in_use, cut_at_ms, policy)
       VALUES (0, $seq, $hash, $atMs, $position, $inUse, $cutAtMs, $policy)`,
    ),
    removeBlob: database.prepare('DELETE FROM drawer WHERE name = $name AND version = $version'),
  };
}

type Reading = ReturnType<typeof prepareReading>;
type Writing = ReturnType<typeof prepareWriting>;

function inTransaction<Result>(database: DatabaseSync, run: () => Result): Result {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = run();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** The rows from `from` on; where one cannot be read, the rows before it and the error. */
function readPage(
  statement: StatementSync,
  path: string,
  from: Position,
): { rows: Stored[]; isLast: boolean; error?: Error } {
  const rows: Stored[] = [];
  let least = from;
  let byteCount = 0;
  try {
    for (const row of statement.iterate({ from })) {
      const stored = storedOf(row);
      // Rows out of order would be read for ever, page after page.
      if (!stored || stored.position < least) return { rows, isLast: true, error: damagedRow(path, least) };
      rows.push(stored);
      least = stored.position + 1;
      byteCount += stored.bytes.length;
      if (byteCount >= readPageBytes) return { rows, isLast: false };
    }
    return { rows, isLast: rows.length < readPageRowCount };
  } catch (error) {
    // A number too large for JavaScript: we write none.
    const isTooLarge = error instanceof RangeError;
    return {
      rows,
      isLast: true,
      error: isTooLarge ? damagedRow(path, least) : (describeSqliteError(error, path) as Error),
    };
  }
}

/** What was written, checked as it comes back: a damaged page can hold anything. */
function storedOf({ position, stream, at_ms: atMs, bytes }: Record<string, SQLOutputValue>): Stored | undefined {
  if (typeof position !== 'number' || !Number.isSafeInteger(atMs) || !(bytes instanceof Uint8Array)) return undefined;
  return { position, stream: stream as StreamName, atMs: atMs as number, bytes };
}

function blobOf({
  name,
  version,
  put_at: putAt,
}: Record<string, SQLOutputValue>): BlobName & { readonly putAt: Position } {
  return { name: String(name), version: String(version), putAt: Number(putAt) };
}

function readCut({ cut }: Reading, path: string): AuditCut | undefined {
  const row = cut.get();
  if (!row) return undefined;
  const { seq, hash, policy, position, in_use: inUse, at_ms: atMs, cut_at_ms: cutAtMs } = row;
  const numbers = { seq, atMs, position, cutAtMs };
  const isWhole = Object.values(numbers).every(Number.isSafeInteger);
  if (!isWhole || typeof hash !== 'string' || typeof policy !== 'string' || typeof inUse !== 'string') {
    const message = `store ${path}: the record of what was pruned is damaged`;
    throw new WorldError('store-corrupt', message, { retryable: false });
  }
  const versions = JSON.parse(inUse) as readonly string[];
  return { ...(numbers as Readonly<Record<keyof typeof numbers, number>>), hash, policy, inUse: versions };
}

function prunePage({ old, remove }: Writing['facts'][FactStream], beforeMs: EpochMs): number {
  let lastOld: Position | undefined;
  for (const { position, at_ms: atMs } of old.iterate()) {
    if ((atMs as EpochMs) >= beforeMs) break;
    lastOld = position as Position;
  }
  return lastOld === undefined ? 0 : Number(remove.run(lastOld).changes);
}

function damagedRow(path: string, from: Position): WorldError {
  return new WorldError('store-corrupt', `store ${path}: the first row from ${from} on is damaged`, {
    retryable: false,
  });
}

function failedBefore(path: string): WorldError {
  return new WorldError(
    'store-io',
    `store ${path}: the disk failed before; it is written again once the store is opened anew`,
    {
      retryable: false,
    },
  );
}
