/** Writes checkpoints of the audit chain to a file outside the store: every hour, and once more at the stop. */
import { appendFile, open } from 'node:fs/promises';
import { InputError } from '../core/errors.ts';
import type { Clock } from '../core/time.ts';
import { formatCheckpoint, type Sign } from '../store/anchor.ts';
import type { AuditHead } from '../store/audit-log.ts';

export interface Anchoring {
  /** Appends a checkpoint of the head, unless the last one covers it already. Resolves when it is on the disk. */
  write(): Promise<void>;
}

export interface AnchoringOptions {
  readonly file: string;
  readonly sign?: Sign;
  readonly head: () => AuditHead | undefined;
  readonly clock: Clock;
}

/** @throws InputError when the file cannot be written: better now than at the first checkpoint. */
export async function openAnchoring({ file, sign, head, clock }: AnchoringOptions): Promise<Anchoring> {
  try {
    await appendFile(file, '');
  } catch (error) {
    throw new InputError('anchor', `audit.anchorFile ${file} cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
  let coveredSeq = -1;
  return {
    async write() {
      const last = head();
      if (last === undefined || last.seq <= coveredSeq) return;
      await using handle = await open(file, 'a');
      await handle.appendFile(formatCheckpoint(last, clock.nowMs(), sign));
      await handle.sync();
      coveredSeq = last.seq;
    },
  };
}
