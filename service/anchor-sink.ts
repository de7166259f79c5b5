/** The second places that checkpoints of the audit chain go to, and the two that are on this machine. */
import { appendFile, open } from 'node:fs/promises';
import { InputError, WorldError } from '../core/errors.ts';
import type { EpochMs } from '../core/time.ts';

/** A checkpoint on its way. */
export interface OutgoingCheckpoint {
  /** One line of canonical JSON with its line break: what `audit verify --anchor` reads. */
  readonly line: string;
  readonly atMs: EpochMs;
  readonly seq: number;
  readonly hash: string;
}

export interface AnchorSink {
  /** For logs: where it goes to, never a secret. */
  readonly name: string;
  /**
   * One attempt. Resolves when it is kept there.
   *
   * @throws WorldError saying whether another attempt can help.
   */
  write(checkpoint: OutgoingCheckpoint, signal: AbortSignal): Promise<void>;
}

/** Appends lines to a file. @throws InputError when it cannot be written: better at the start than at the first checkpoint. */
export async function openFileSink(file: string): Promise<AnchorSink> {
  try {
    await appendFile(file, '');
  } catch (error) {
    const message = `the anchor file ${file} of the configuration cannot be written: ${(error as Error).message}`;
    throw new InputError('anchor', message, { cause: error });
  }
  return {
    name: file,
    async write({ line }) {
      try {
        await using handle = await open(file, 'a');
        await handle.appendFile(line);
        await handle.sync();
      } catch (error) {
        throw new WorldError('anchor-file', (error as Error).message, { retryable: false, cause: error });
      }
    },
  };
}

/** Prints lines: whoever collects the output of the service keeps them. */
export function createPrintSink(out: (text: string) => void): AnchorSink {
  return { name: 'stdout', write: async ({ line }) => out(line) };
}
