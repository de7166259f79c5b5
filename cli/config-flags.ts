/** `--config F` and `--store F`: what a verb that is bound to a system needs. */
import { realFiles } from '../config/files.ts';
import { loadConfig, type Config } from '../config/load.ts';
import { InputError } from '../core/errors.ts';
import type { Terminal } from './verb.ts';

/** @throws InputError when no file was named or it has faults: all of them, a line each. */
export async function loadNamedConfig(file: string | undefined, terminal: Terminal): Promise<Config> {
  if (file === undefined) throw new InputError('usage', 'name the configuration: --config FILE');
  return loadConfig(file, { env: terminal.env, files: realFiles });
}
