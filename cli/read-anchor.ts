/** The anchor that a flag names: a file of checkpoints, or a folder of them as they were downloaded from a bucket. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { realFiles } from '../config/files.ts';
import { InputError } from '../core/errors.ts';
import { readAnchor, type Checkpoint } from '../store/anchor.ts';

/** A checkpoint an hour for half a century. */
const fileBytesMax = 128 * 1024 * 1024;
/** A checkpoint each minute for four months, or each hour for twenty years. */
const fileCountMax = 200_000;
/** An object holds one checkpoint, of 300 bytes. */
const objectBytesMax = 65_536;

/**
 * Reads the checkpoints of `--anchor`, and checks their signatures where `--public-key` is given.
 *
 * @throws InputError when there is nothing to read, or a line is no checkpoint, or not signed with that key.
 */
export async function readCheckpoints(
  anchor: string | undefined,
  publicKey: string | undefined,
): Promise<readonly Checkpoint[]> {
  if (anchor === undefined) {
    if (publicKey !== undefined)
      throw new InputError('usage', '--public-key checks the checkpoints of --anchor F: give both');
    return [];
  }
  if (anchor.startsWith('s3://')) {
    const advice = `aws s3 cp --recursive ${anchor} anchors/, and --anchor anchors`;
    throw new InputError('anchor', `${anchor}: a bucket is not read from here; copy its objects first: ${advice}`);
  }
  const key = publicKey === undefined ? {} : { publicKeyPem: await readText(publicKey, fileBytesMax) };
  if (!(await isFolder(anchor))) return readAnchor(await readText(anchor, fileBytesMax), { name: anchor, ...key });
  const checkpoints: Checkpoint[] = [];
  for (const file of await filesIn(anchor))
    checkpoints.push(...readAnchor(await readText(file, objectBytesMax), { name: file, ...key }));
  return checkpoints;
}

async function isFolder(name: string): Promise<boolean> {
  return stat(name).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  if (files.length > fileCountMax) throw new InputError('anchor', `${folder}: more than ${fileCountMax} files`);
  if (files.length === 0) throw new InputError('anchor', `${folder}: no checkpoint in it`);
  return files.sort();
}

async function readText(file: string, bytesMax: number): Promise<string> {
  try {
    return Buffer.from(await realFiles.readFile(file, bytesMax)).toString('utf8');
  } catch (error) {
    throw new InputError('anchor', `${file}: ${(error as Error).message}`, { cause: error });
  }
}
