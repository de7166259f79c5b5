/**
 * SQLite's result codes as errors that say what to do. A disk that is full can be emptied, and the same append tried again; after an
 * error of the disk itself nobody knows what it holds, and only opening the store anew finds out.
 *
 * @see https://www.sqlite.org/rescode.html
 */
import { WorldError } from '../core/errors.ts';

const codes: Readonly<Record<number, { readonly code: string; readonly isRetryable: boolean; readonly says: string }>> =
  {
    5: { code: 'store-busy', isRetryable: true, says: 'another program holds a lock on it' },
    6: { code: 'store-busy', isRetryable: true, says: 'another program holds a lock on it' },
    8: { code: 'store-read-only', isRetryable: false, says: 'it cannot be written' },
    10: { code: 'store-io', isRetryable: false, says: 'the disk failed' },
    11: { code: 'store-corrupt', isRetryable: false, says: 'the file is damaged' },
    13: {
      code: 'store-full',
      isRetryable: true,
      says: 'the disk is full; what was acknowledged is kept, make room and start again',
    },
    14: { code: 'store-unopenable', isRetryable: false, says: 'it cannot be opened' },
    26: { code: 'store-corrupt', isRetryable: false, says: 'the file is damaged' },
  };

/** SQLite's primary result code; undefined for an error that is not SQLite's. */
export function sqliteCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return error.errcode & 0xff;
}

/** What the world did to SQLite as a `WorldError`; any other error is a mistake of ours, and comes back as it is. */
export function describeSqliteError(error: unknown, path: string): unknown {
  const sqliteCode = sqliteCodeOf(error);
  const known = sqliteCode === undefined ? undefined : codes[sqliteCode];
  if (!known) return error;
  const message = `store ${path}: ${known.says} (${(error as Error).message})`;
  return new WorldError(known.code, message, { retryable: known.isRetryable, cause: error });
}
