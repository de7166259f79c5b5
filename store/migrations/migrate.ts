/**
 * Brings a store file to the newest schema, one numbered step at a time. SQLite's `user_version` says which step a file has reached,
 * and its `application_id` that it is a store at all.
 */
import type { DatabaseSync } from 'node:sqlite';
import { assert } from '../../core/assert.ts';
import { InputError } from '../../core/errors.ts';

export interface Migration {
  /** 1, 2, 3 … */
  readonly version: number;
  readonly sql: string;
  /** What shows a reader, who may change nothing, a file of an earlier version as one of this version that holds nothing new. */
  readonly standIn?: string;
}

/** "FSHK" */
const applicationId = 0x4653484b;

/**
 * The schema version of an open file; 0 when it is empty.
 *
 * @throws InputError when the file is another program's, or was written by a later release.
 */
export function schemaVersionOf(database: DatabaseSync, path: string, versionMax: number): number {
  const version = readPragma(database, 'user_version');
  const id = readPragma(database, 'application_id');
  if (id !== applicationId) {
    const isEmpty =
      id === 0 && version === 0 && database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
    if (isEmpty) return 0;
    throw new InputError('store-foreign', `${path} is a database of another program, not a store: name another file`);
  }
  if (version > versionMax) {
    throw new InputError(
      'store-newer',
      `${path} was written by a later release (its schema is version ${version}, this release knows ${versionMax}): upgrade`,
    );
  }
  return version;
}

/** Applies what is missing, each step with its number in one transaction: a crash leaves a whole version. */
export function migrate(database: DatabaseSync, fromVersion: number, migrations: readonly Migration[]): void {
  migrations.forEach(({ version, sql }, index) => {
    assert(version === index + 1, `migration ${version} is out of order`);
    if (version <= fromVersion) return;
    database.exec('BEGIN IMMEDIATE');
    try {
      database.exec(sql);
      database.exec(`PRAGMA application_id = ${applicationId}`);
      database.exec(`PRAGMA user_version = ${version}`);
      database.exec('COMMIT');
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  });
}

/** Lets a reader see an older file as one of the newest schema, in tables that are its own and temporary. */
export function standIn(database: DatabaseSync, fromVersion: number, migrations: readonly Migration[]): void {
  for (const { version, standIn } of migrations) if (version > fromVersion && standIn) database.exec(standIn);
}

function readPragma(database: DatabaseSync, name: 'application_id' | 'user_version'): number {
  return Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0] as number;
}
