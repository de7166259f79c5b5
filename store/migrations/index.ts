/** Every schema change since the first, in order. One that was released is never edited: the next one mends it. */
import { log } from './0001-log.ts';
import { retention } from './0002-retention.ts';
import { spans } from './0003-spans.ts';
import type { Migration } from './migrate.ts';

export const migrations: readonly Migration[] = [log, retention, spans];
