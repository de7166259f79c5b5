/**
 * What spans showed in tables of its own, so that it can go earlier than the ticks it was judged in: by the second, and by the minute.
 */
import type { Migration } from './migrate.ts';

export const spans: Migration = {
  version: 3,
  sql: `
    CREATE TABLE deltas (position INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
    CREATE TABLE minutes (position INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
  `,
  standIn: `
    CREATE TEMP TABLE deltas (position INTEGER PRIMARY KEY, at_ms, bytes);
    CREATE TEMP TABLE minutes (position INTEGER PRIMARY KEY, at_ms, bytes);
  `,
};
