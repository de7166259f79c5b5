/**
 * The log and the drawer. Ticks and audit events stand in tables of their own and share one row number: an audit can be read without
 * touching the ticks, and ticks can go without touching the audit.
 *
 * A version that is put again moves to the end of the drawer (a new `put_order`), so the latest is the one last put.
 */
import type { Migration } from './migrate.ts';

export const log: Migration = {
  version: 1,
  sql: `
    CREATE TABLE tick (position INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
    CREATE TABLE audit (position INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
    CREATE TABLE drawer (
      put_order INTEGER PRIMARY KEY,
      name TEXT NOT NULL,
      version TEXT NOT NULL,
      bytes BLOB NOT NULL,
      UNIQUE (name, version)
    ) STRICT;
    CREATE INDEX drawer_by_name ON drawer (name, put_order);
  `,
};
