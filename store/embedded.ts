/**
 * The store in one file, on the SQLite that Node carries: nothing to install, nothing to run beside.
 *
 * An append is one transaction that is on the disk before it is acknowledged (WAL, synchronous=FULL). SQLite runs on the calling thread,
 * which an append holds for one fsync.
 *
 * - SQLite, Write-Ahead Logging: https://www.sqlite.org/wal.html
 */
import { existsSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { InputError, WorldError } from '../core/errors.ts';
import type { Store } from '../core/ports.ts';
import { migrations } from './migrations/index.ts';
import { migrate, schemaVersionOf, standIn } from './migrations/migrate.ts';
import { describeSqliteError, sqliteCodeOf } from './sqlite-errors.ts';
import { createSqliteStore } from './sqlite-store.ts';
import { takeWriterLock } from './writer-lock.ts';

/** How long SQLite waits for a lock that a foreign program (a shell, a backup) holds for a moment. */
const busyTimeoutMs = 2_000;

// SQLite says no more of SQL that does not fit the tables; ours fits those of a store.
const sqliteNoSuchTable = 1;
const sqliteNotADatabase = 26;

export interface EmbeddedOptions {
  readonly readOnly?: boolean;
  /**
   * What an acknowledged append lives through. `power-cut`, unless said: each is flushed to the disk. `crash`: of the process, not of the machine; for what
   * can be played again, since a flush is some milliseconds.
   */
  readonly survives?: 'power-cut' | 'crash';
}

/**
 * Opens the store at `path`. A writer makes the file (and its folder) where there is none, and is alone: see writer-lock.ts. With
 * `readOnly` nothing is made, changed or locked, and a writer may be at work meanwhile.
 *
 * @throws InputError when the file is missing (read-only), not a store, of a later release, or in use by another writer.
 */
export async function openEmbeddedStore(path: string, options: EmbeddedOptions = {}): Promise<Store> {
  const file = resolveFile(path);
  if (options.readOnly) {
    return withReader(file, path, (database) => {
      const version = schemaVersionOf(database, path, migrations.length);
      if (version === 0) throw new InputError('store-missing', `there is no store at ${path}: the file is empty`);
      standIn(database, version, migrations);
      return createSqliteStore(database, path);
    });
  }
  makeFolder(dirname(file));
  // Refuse a foreign file before leaving a lock beside it.
  if (existsSync(file) && statSync(file).size > 0) {
    withReader(file, path, (database) => {
      schemaVersionOf(database, path, migrations.length);
      database.close();
    });
  }
  const lock = await takeWriterLock(file);
  try {
    return withDatabase(
      () => open(file, false),
      path,
      (database) => {
        prepareWriting(database, path, options);
        return createSqliteStore(database, path, lock);
      },
    );
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The real file behind links, so that two names of one store meet in one lock. */
function resolveFile(path: string): string {
  if (existsSync(path)) {
    if (statSync(path).isFile()) return realpathSync(path);
    throw new InputError('store-foreign', `${path} is not a file: name a file for the store`);
  }
  const folder = dirname(path);
  return join(existsSync(folder) ? realpathSync(folder) : folder, basename(path));
}

/** Folder by folder: of a folder that /proc will not have made it says "not found", on which Node's own `recursive` tries for ever. */
function makeFolder(folder: string): void {
  const missing: string[] = [];
  for (let one = resolve(folder); !existsSync(one); one = dirname(one)) missing.unshift(one);
  try {
    for (const one of missing) makeOneFolder(one);
  } catch (error) {
    throw new InputError('store-unopenable', `the folder ${folder} cannot be made: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (!statSync(folder).isDirectory())
    throw new InputError('store-unopenable', `${folder} is not a folder: no store can be in it`);
}

function makeOneFolder(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another program may have made it meanwhile.
    if (!existsSync(folder)) throw error;
  }
}

function withReader<Result>(file: string, path: string, use: (database: DatabaseSync) => Result): Result {
  if (!existsSync(file)) throw new InputError('store-missing', `there is no store at ${path}`);
  // On a disk that cannot be written SQLite cannot coordinate with a writer; where there is no WAL, there is none to coordinate with.
  const isAlone = !existsSync(`${file}-wal`);
  try {
    return withDatabase(() => open(file, true), path, use);
  } catch (error) {
    const cannotCoordinate =
      error instanceof WorldError && ['store-read-only', 'store-unopenable'].includes(error.code);
    if (!cannotCoordinate) throw error;
    if (!isAlone) {
      const advice = `copy it, with the file ${basename(file)}-wal beside it, to a folder that can be written`;
      throw new InputError('store-unopenable', `${path} was not closed, and its folder cannot be written: ${advice}`, {
        cause: error,
      });
    }
    return withDatabase(() => open(file, true, '?immutable=1'), path, use);
  }
}

function prepareWriting(database: DatabaseSync, path: string, { survives = 'power-cut' }: EmbeddedOptions): void {
  const version = schemaVersionOf(database, path, migrations.length);
  const { journal_mode: journalMode } = database.prepare('PRAGMA journal_mode = WAL').get() ?? {};
  if (journalMode !== 'wal') {
    throw new InputError(
      'store-unopenable',
      `${path} lies on a disk that cannot hold a write-ahead log: choose another`,
    );
  }
  database.exec(`PRAGMA synchronous = ${survives === 'crash' ? 'NORMAL' : 'FULL'}`);
  migrate(database, version, migrations);
}

function open(file: string, readOnly: boolean, query = ''): DatabaseSync {
  return new DatabaseSync(new URL(pathToFileURL(file).href + query), { readOnly, timeout: busyTimeoutMs });
}

/** Opens a database and uses it; where that fails, closes it, and says what the file is and what to do. */
function withDatabase<Result>(
  openIt: () => DatabaseSync,
  path: string,
  use: (database: DatabaseSync) => Result,
): Result {
  let database: DatabaseSync | undefined;
  try {
    database = openIt();
    // A file may come from anywhere: its schema runs no functions, its pages are checked as they are read.
    database.exec('PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON');
    return use(database);
  } catch (error) {
    if (database?.isOpen) database.close();
    const code = sqliteCodeOf(error);
    if (code === sqliteNotADatabase || code === sqliteNoSuchTable) {
      throw new InputError('store-foreign', `${path} is not a store: name another file`, { cause: error });
    }
    throw describeSqliteError(error, path);
  }
}
