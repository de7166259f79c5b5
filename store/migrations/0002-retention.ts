/**
 * What retention needs: where the audit log begins once its first events were pruned, and how far the log was when a blob was put (a blob that
 * nothing kept names may go once everything from before it was put has gone).
 */
import type { Migration } from './migrate.ts';

export const retention: Migration = {
  version: 2,
  sql: `
    CREATE TABLE audit_cut (
      id INTEGER PRIMARY KEY CHECK (id = 0),
      seq INTEGER NOT NULL,
      hash TEXT NOT NULL,
      at_ms INTEGER NOT NULL,
      position INTEGER NOT NULL,
      in_use TEXT NOT NULL,
      cut_at_ms INTEGER NOT NULL,
      policy TEXT NOT NULL
    ) STRICT;
    ALTER TABLE drawer ADD COLUMN put_at INTEGER NOT NULL DEFAULT 0;
  `,
  // Nothing was ever pruned from an audit log of version 1.
  standIn: `
    CREATE TEMP TABLE audit_cut (id, seq, hash, at_ms, position, in_use, cut_at_ms, policy);
    CREATE TEMP VIEW drawer AS SELECT put_order, name, version, bytes, 0 AS put_at FROM main.drawer;
  `,
};
