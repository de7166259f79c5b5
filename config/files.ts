/** The files that a configuration touches, read with bounds: a device, a pipe or a log file named by mistake is refused, not swallowed. */
import { open, stat } from 'node:fs/promises';

export interface Files {
  /** @throws Error with a few words of reason when there is no such regular file, or it is longer than `bytesMax`. */
  readFile(path: string, bytesMax: number): Promise<Uint8Array>;
  isFile(path: string): Promise<boolean>;
}

export const realFiles: Files = {
  async readFile(path, bytesMax) {
    // Asked before opening: to open a pipe that nobody writes to would wait for ever.
    if (!(await stat(path).catch(explain)).isFile()) throw new Error('not a regular file');
    await using handle = await open(path, 'r').catch(explain);
    // One byte more than allowed, so that a file which grows between the question and the read is noticed as well.
    const buffer = new Uint8Array(bytesMax + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length).catch(explain);
      length += bytesRead;
      if (length > bytesMax) throw new Error(`longer than ${bytesMax} bytes`);
      if (bytesRead === 0) return buffer.subarray(0, length);
    }
  },
  async isFile(path) {
    return stat(path).then(
      (found) => found.isFile(),
      () => false,
    );
  },
};

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'a folder',
};

function explain(error: NodeJS.ErrnoException): never {
  const code = error.code ?? 'unknown error';
  throw new Error(reasons[code] ?? code, { cause: error });
}
