/** A verb that asks the running service: where it listens and with which token stands in its configuration, unless it was started on another port. */
import type { Config } from '../config/load.ts';
import { InputError } from '../core/errors.ts';
import { numberFlag } from './flags.ts';

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

export interface ServiceAddress {
  readonly config: Pick<Config, 'http' | 'people'>;
  /** As the service was started with. */
  readonly port: string | undefined;
  /** Who asks, by a name among people. */
  readonly as?: string | undefined;
}

/** Answers that say no, and are no fault. */
const noes = ['nothing-held', 'nothing-to-approve', 'nothing-to-confirm'].map((code) => `urn:foreshock:${code}`);

/**
 * With a body something is asked for, without one it is only read.
 *
 * @throws InputError when nobody answers there, or the service does not let us. An answer that says no is an answer.
 */
export async function askService(
  { config: { http, people }, port: chosenPort, as }: ServiceAddress,
  path: string,
  body?: Readonly<Record<string, unknown>>,
): Promise<ServiceAnswer> {
  const { host, tokens } = http;
  const port = chosenPort === undefined ? http.port : numberFlag('--port', chosenPort, portRange);
  if (port === 0)
    throw new InputError('usage', 'the configuration takes a free port: say with --port on which the service listens');
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;
  const token = tokenOf({ tokens, people }, as);
  const response = await fetch(url, {
    method: body ? 'POST' : 'GET',
    headers: {
      ...(body && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
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

function tokenOf(
  { tokens, people }: Pick<Config['http'], 'tokens'> & Pick<Config, 'people'>,
  as: string | undefined,
): string | undefined {
  const known = people.length === 0 ? '' : `: ${people.map(({ name }) => name).join(', ')}`;
  if (as !== undefined) {
    const person = people.find(({ name }) => name === as);
    if (!person) throw new InputError('usage', `--as ${as}: no such name among people of the configuration${known}`);
    return person.token.reveal();
  }
  const [token] = tokens;
  if (token) return token.reveal();
  // One person alone is who asks; of several, they say who. Without any nobody is asked for a token.
  if (people.length > 1) throw new InputError('usage', `say with --as who asks: the configuration has people${known}`);
  return people[0]?.token.reveal();
}
