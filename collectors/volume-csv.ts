/**
 * Volume history from a CSV file, plain or gzip, as a stream. The file is known by its first bytes, not by its name.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { InputError } from '../core/errors.ts';
import { createVolumeParser, type VolumeHistory, type VolumeParserOptions } from './volume-parser.ts';

export type { BadRow, VolumeHistory } from './volume-parser.ts';

export interface ReadVolumeOptions extends Omit<VolumeParserOptions, 'name'> {
  readonly signal?: AbortSignal;
  /** Called after each chunk. Bytes as they lie in the file; their total is 0 where the system does not know it (a pipe). */
  readonly onProgress?: (progress: VolumeProgress) => void;
}

export interface VolumeProgress {
  readonly byteCount: number;
  readonly byteCountTotal: number;
  readonly lineCount: number;
}

const chunkByteCount = 256 * 1024;

/**
 * Reads `ts,volume` rows (UTC bucket starts) into a regular series, NaN where no row was.
 * Memory: eight bytes a bucket of the covered span and a few chunks, whatever the length of the file.
 *
 * @throws InputError, one line that names the file and, where there is one, the line: cannot be read, truncated or corrupt gzip, and what
 * `createVolumeParser` refuses.
 * @throws the signal's reason when aborted.
 */
export async function readVolumeCsv(path: string, options: ReadVolumeOptions = {}): Promise<VolumeHistory> {
  const { signal, onProgress, ...bounds } = options;
  const parser = createVolumeParser({ name: path, ...bounds });
  const progress = { byteCount: 0, byteCountTotal: 0 };
  try {
    progress.byteCountTotal = (await stat(path)).size;
    const chunks = decompressed(path, signal, (count) => (progress.byteCount += count));
    for await (const chunk of chunks) {
      signal?.throwIfAborted();
      parser.push(chunk);
      onProgress?.({ ...progress, lineCount: parser.lineCount });
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw refusalOf(error, path, parser.lineCount);
  }
  return parser.end();
}

/** The bytes of a file; where they begin as gzip does (1f 8b, RFC 1952), those inside it, all members. */
async function* decompressed(
  path: string,
  signal: AbortSignal | undefined,
  count: (byteCount: number) => void,
): AsyncGenerator<Uint8Array> {
  const source = createReadStream(path, { highWaterMark: chunkByteCount, ...(signal && { signal }) });
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const first = await chunks.next();
  const raw = async function* (): AsyncGenerator<Buffer> {
    for (let next = first; next.done !== true; next = await chunks.next()) {
      count(next.value.length);
      yield next.value;
    }
  };
  try {
    const isGzip = first.done !== true && first.value[0] === 0x1f && first.value[1] === 0x8b;
    // The pipeline only carries errors and the end along; whoever iterates hears of both.
    if (isGzip) yield* pipeline(Readable.from(raw()), createGunzip({ chunkSize: chunkByteCount }), () => undefined);
    else yield* raw();
  } finally {
    source.destroy();
  }
}

/** What the system says of a file, in one line for people; anything that is not about the file passes as it is. */
function refusalOf(error: unknown, path: string, lineCount: number): unknown {
  if (!(error instanceof Error) || error instanceof InputError || !('code' in error)) return error;
  const refuse = (code: string, words: string): InputError =>
    new InputError(code, `${path}: ${words}`, { cause: error });
  switch (error.code) {
    case 'ENOENT':
      return refuse('history-unreadable', 'no such file');
    case 'EISDIR':
      return refuse('history-unreadable', 'is a folder, not a file');
    case 'EACCES':
    case 'EPERM':
      return refuse('history-unreadable', 'may not be read by this user');
    case 'Z_BUF_ERROR':
      return refuse('history-truncated', `the gzip data end too early, after ${lineCount} lines; copy the file again`);
    case 'Z_DATA_ERROR':
      return refuse(
        'history-corrupt',
        `the gzip data are corrupt after ${lineCount} lines (${error.message}); copy the file again`,
      );
    default:
      return refuse('history-unreadable', `cannot be read (${String(error.code)})`);
  }
}
