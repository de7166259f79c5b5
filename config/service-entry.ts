/**
 * How a verb reaches the running service: where that listens, and the one token that who asks has. All other secrets, and all files that the configuration names, are the
 * service's own: a person at a terminal has neither, and should not.
 */
import path from 'node:path';
import { InputError } from '../core/errors.ts';
import { checkDocument } from './check.ts';
import { parseYaml, type Path } from './document.ts';
import { ConfigError, formatPath } from './faults.ts';
import type { ConfigPorts } from './load.ts';
import { readText } from './read-text.ts';
import type { ConfigDocument } from './schema.ts';
import { readSecret, Secret } from './secrets.ts';

export interface ServiceEntry {
  readonly host: string;
  readonly port: number;
  /** Absent: nobody is asked for one. */
  readonly token?: Secret;
}

/**
 * @param as who asks, by a name among people; absent: the first token of all, or the one person that there is.
 * @throws ConfigError with all faults of the file, of its secrets that of who asks alone. InputError when there is no such file, or nobody of that name.
 */
export async function loadServiceEntry(
  file: string,
  as: string | undefined,
  { env, files }: ConfigPorts,
): Promise<ServiceEntry> {
  const yaml = parseYaml(await readText(file, files));
  const checked = yaml.content && checkDocument(yaml.content.value);
  const faults = [
    ...yaml.faults,
    ...(checked?.faults ?? []).map((fault) => ({
      ...fault,
      ...(fault.at === 'key' ? yaml.placeOfKey(fault.path) : yaml.placeOf(fault.path)),
    })),
  ].sort((one, other) => one.line - other.line || one.column - other.column);
  if (!checked?.document)
    throw new ConfigError(
      file,
      faults.map((fault) => ({ ...fault, path: formatPath(fault.path) })),
    );
  const { host, port } = checked.document.http;
  const asked = tokenOf(checked.document, as);
  if (asked === undefined) return { host, port };
  const folder = path.resolve(path.dirname(file));
  const token = await readSecret(asked.reference, {
    env,
    readFile: (name, limit) => files.readFile(path.resolve(folder, name), limit),
  });
  if (token instanceof Secret) return { host, port, token };
  throw new ConfigError(file, [{ ...token, ...yaml.placeOf(asked.path), path: formatPath(asked.path) }]);
}

interface AskedToken {
  readonly path: Path;
  readonly reference: string;
}

function tokenOf(
  { http, people }: Pick<ConfigDocument, 'http' | 'people'>,
  as: string | undefined,
): AskedToken | undefined {
  const known = people.length === 0 ? '' : `: ${people.map(({ name }) => name).join(', ')}`;
  const ofPerson = (index: number): AskedToken => ({
    path: ['people', index, 'token'],
    reference: people[index]!.token,
  });
  if (as !== undefined) {
    const index = people.findIndex(({ name }) => name === as);
    if (index === -1)
      throw new InputError('usage', `--as ${as}: no such name among people of the configuration${known}`);
    return ofPerson(index);
  }
  const [reference] = http.tokens;
  if (reference !== undefined) return { path: ['http', 'tokens', 0], reference };
  // One person alone is who asks; of several, they say who.
  if (people.length > 1) throw new InputError('usage', `say with --as who asks: the configuration has people${known}`);
  return people.length === 1 ? ofPerson(0) : undefined;
}
