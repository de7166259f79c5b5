/** What routes that change something have in common: JSON and nothing else, from pages of our own, each value within bounds. */
import type { NextFunction, Request, Response } from 'express';
import { z } from 'zod';
import { InputError } from '../../core/errors.ts';
import { problem } from './problem.ts';

export const bodyLimit = '16kb';

export const oneLine = (max: number) => {
  const error = `one line of 1 to ${max} characters`;
  return z
    .string({ error })
    .trim()
    .min(1, { error })
    .max(max, { error })
    .regex(/^\P{Cc}*$/u, { error });
};

export const numberWithin = ({ above, from, max }: { above?: number; from?: number; max: number }) => {
  const error = above === undefined ? `a number from ${from} to ${max}` : `a number above ${above}, at most ${max}`;
  const number = z.number({ error }).max(max, { error });
  return above === undefined ? number.min(from!, { error }) : number.gt(above, { error });
};

export const yesOrNo = () => z.boolean({ error: 'true or false' });

/** @throws InputError that names the first fault. */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  if (first!.code === 'unrecognized_keys')
    throw new InputError('bad-request', `the body: there is no ${first.keys.join(', ')}`);
  const where = first!.path.join('.');
  throw new InputError(
    'bad-request',
    where === '' ? 'the body: expected a JSON object' : `${where}: expected ${first!.message}`,
  );
}

/** A form on another site can reach a service on this machine, but it cannot send JSON without asking first, and nobody here answers yes. */
export function requireOwnJson(request: Request, response: Response, next: NextFunction): void {
  if (!isOwnPage(request, response)) return;
  if (request.is('application/json')) next();
  else problem(response, 415, 'not-json', 'this wants a JSON body, with Content-Type: application/json');
}

export function isOwnPage({ headers: { origin, host } }: Request, response: Response): boolean {
  if (origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)) return true;
  problem(response, 403, 'foreign-page', 'another page may not ask for this');
  return false;
}
