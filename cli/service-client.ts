/** A verb that asks the running service: where it listens and with which token stands in its configuration. */
import type { Config } from '../config/load.ts';
import { InputError } from '../core/errors.ts';

const answerWithinMs = 30_000;

export interface ServiceAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** @throws InputError when nobody answers there, or the service does not let us. */
export async function askService(
  { http }: Pick<Config, 'http'>,
  path: string,
  body: Readonly<Record<string, unknown>>,
): Promise<ServiceAnswer> {
  const { host, port, tokens } = http;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;
  const token = tokens[0]?.reveal();
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
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
  const answer = (await response.json().catch(() => ({}))) as Readonly<Record<string, unknown>>;
  const { detail } = answer;
  const words = typeof detail === 'string' ? detail : `answered ${response.status}`;
  if (response.status >= 400 && response.status !== 404) throw new InputError('service.refused', `${url}: ${words}`);
  return { status: response.status, body: answer };
}
