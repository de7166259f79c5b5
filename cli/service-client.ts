/** A verb that asks the running service: where it listens and with which token stands in its configuration, unless it was started on another port. */
import { realFiles } from '../config/files.ts';
import { loadServiceEntry, type ServiceEntry } from '../config/service-entry.ts';
import { InputError } from '../core/errors.ts';
import { numberFlag } from './flags.ts';
import type { Terminal } from './verb.ts';

const answerWithinMs = 30_000;
const portRange = { min: 1, max: 65_535, isWhole: true } as const;

export interface ServiceAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** For help texts. */
export const serviceFlagsHelp = `  --config F      the running service's configuration: where it listens, and its first token
  --port N        the port, where the service was started with another one`;

export const personFlagHelp = `  --as NAME       whose token to use, by a name among people; left out: the first of http.tokens, or of the one person there is`;

export interface ServiceAddress extends ServiceEntry {
  /** As the service was started with, where that was said. */
  readonly chosenPort: string | undefined;
}

/**
 * @param values of the flags of those names.
 * @throws InputError when no configuration was named, it has faults, or nobody there has that name.
 */
export async function findService(
  values: {
    readonly config?: string | undefined;
    readonly port?: string | undefined;
    readonly as?: string | undefined;
  },
  terminal: Pick<Terminal, 'env'>,
): Promise<ServiceAddress> {
  if (values.config === undefined) throw new InputError('usage', 'name the configuration: --config FILE');
  const entry = await loadServiceEntry(values.config, values.as, { env: terminal.env, files: realFiles });
  return { ...entry, chosenPort: values.port };
}

/** Answers that say no, and are no fault. */
const noes = ['nothing-held', 'nothing-to-approve', 'nothing-to-confirm'].map((code) => `urn:foreshock:${code}`);

/**
 * With a body something is asked for, without one it is only read.
 *
 * @throws InputError when nobody answers there, or the service does not let us. An answer that says no is an answer.
 */
export async function askService(
  { host, port: configuredPort, token, chosenPort }: ServiceAddress,
  path: string,
  body?: Readonly<Record<string, unknown>>,
): Promise<ServiceAnswer> {
  const port = chosenPort === undefined ? configuredPort : numberFlag('--port', chosenPort, portRange);
  if (port === 0)
    throw new InputError('usage', 'the configuration takes a free port: say with --port on which the service listens');
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;
  const response = await fetch(url, {
    method: body ? 'POST' : 'GET',
    headers: {
      ...(body && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token.reveal()}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
    redirect: 'error',
    signal: AbortSignal.timeout(answerWithinMs),
  }).catch((error: unknown) => {
    const { cause, message } = error as Error;
    const why = (cause as NodeJS.ErrnoException | undefined)?.code ?? message;
    throw new InputError(
      'service.silent',
      `${url}: nobody answers (${why}); is the service running? (foreshock serve)`,
    );
  });
  const answer = (await response.json().catch(() => undefined)) as ServiceAnswer['body'] | undefined;
  if (answer === undefined)
    throw new InputError(
      'service.other',
      `${url}: what listens there is no foreshock serve (it answered ${response.status}, not in JSON)`,
    );
  const { type, detail } = answer;
  if (type === 'urn:foreshock:not-found')
    throw new InputError('service.readonly', `${url}: what listens there takes no orders: is it foreshock serve?`);
  const words = typeof detail === 'string' ? detail : `answered ${response.status}`;
  if (response.status >= 400 && !noes.includes(String(type)))
    throw new InputError('service.refused', `${url}: ${words}`);
  return { status: response.status, body: answer };
}
