/**
 * The bytes of a file that somebody named on the command line: plain or gzip, in chunks, and one clear line when they cannot be had.
 * Gzip is known by its first bytes, not by the file's name.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { InputError } from '../core/errors.ts';

export interface ReadBytesOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes as they lie in the file, so far and in all; the total is 0 where the system does not know it (a pipe). */
  readonly onRead?: (byteCount: number, byteCountTotal: number) => void;
}

const chunkByteCount = 256 * 1024;

/**
 * @throws InputError when the file cannot be read, or its gzip data are cut short or corrupt.
 * @throws the signal's reason when aborted.
 */
export async function* readBytes(path: string, options: ReadBytesOptions = {}): AsyncGenerator<Uint8Array> {
  let byteCount = 0;
  try {
    for await (const chunk of decompress(path, options)) {
      options.signal?.throwIfAborted();
      byteCount += chunk.length;
      yield chunk;
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    throw refusalOf(error, path, byteCount);
  }
}

async function* decompress(path: string, { signal, onRead }: ReadBytesOptions): AsyncGenerator<Uint8Array> {
  const byteCountTotal = (await stat(path)).size;
  let byteCount = 0;
  const source = createReadStream(path, { highWaterMark: chunkByteCount, ...(signal && { signal }) });
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const first = await chunks.next();
  const raw = async function* (): AsyncGenerator<Buffer> {
    for (let next = first; next.done !== true; next = await chunks.next()) {
      byteCount += next.value.length;
      onRead?.(byteCount, byteCountTotal);
      yield next.value;
    }
  };
  try {
    // 1f 8b: RFC 1952, section 2.3.1.
    const isGzip = first.done !== true && first.value[0] === 0x1f && first.value[1] === 0x8b;
    // The pipeline only carries errors and the end along; whoever iterates hears of both.
    if (isGzip) yield* pipeline(Readable.from(raw()), createGunzip({ chunkSize: chunkByteCount }), () => undefined);
    else yield* raw();
  } finally {
    source.destroy();
  }
}

/** What the system says of a file, in one line for people; anything that is not about the file passes as it is. */
function refusalOf(error: unknown, path: string, byteCount: number): unknown {
  if (!(error instanceof Error) || error instanceof InputError || !('code' in error)) return error;
  const refuse = (code: string, words: string): InputError =>
    new InputError(code, `${path}: ${words}`, { cause: error });
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return refuse('file-unreadable', 'no such file');
    case 'EISDIR':
      return refuse('file-unreadable', 'is a folder, not a file');
    case 'EACCES':
    case 'EPERM':
      return refuse('file-unreadable', 'may not be read by this user');
    case 'Z_BUF_ERROR':
      return refuse('gzip-truncated', `the gzip data are cut short, ${byteCount} bytes came out; copy the file again`);
    case 'Z_DATA_ERROR':
      return refuse(
        'gzip-corrupt',
        `the gzip data are corrupt after ${byteCount} bytes (${error.message}); copy the file again`,
      );
    default:
      return refuse('file-unreadable', `cannot be read (${String(error.code)})`);
  }
}
