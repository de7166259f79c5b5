/** The text of a file that an operator wrote. */
import { InputError } from '../core/errors.ts';
import type { Files } from './files.ts';

/** A thousand functions with every key written out take a third of it. */
const bytesMax = 1_048_576;

/** @throws InputError when there is no such file, it is too long, or it is not text. */
export async function readText(file: string, files: Files): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await files.readFile(file, bytesMax);
  } catch (error) {
    throw new InputError('config', `cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new InputError('config', `cannot read ${file}: it is not UTF-8 text`, { cause: error });
  }
}
