/**
 * Routes by which people change something. Each names who did it, takes JSON and nothing else, and only from pages of its own: a form on another
 * site can reach a service on this machine, but it cannot send JSON without asking first, and nobody here answers yes.
 */
import express, { Router, type NextFunction, type Request, type Response } from 'express';
import { z } from 'zod';
import { InputError } from '../../core/errors.ts';
import { msPerMinute } from '../../core/time.ts';
import type { PlanStepView } from '../view.ts';
import { problem } from './problem.ts';

export interface WarmRequest {
  readonly group: string;
  readonly lift: number;
  readonly forMs: number;
  readonly because: string;
}

/** What people may ask of the running service. */
export interface Operations {
  /** Ids of the windows that were let go; undefined when nothing waited for it. */
  confirmCalendar(id: string, actor: string): Promise<readonly string[] | undefined>;
  /** A human has seen an incident that spans show; false when none of that id is open. */
  acknowledge(id: string, actor: string): boolean;
  /** @throws InputError when no function is of that group. */
  warm(request: WarmRequest, actor: string): Promise<Warmed>;
}

export interface Warmed {
  readonly eventId: string;
  readonly functions: readonly string[];
  /** What the plan holds for these functions from now on, whatever for; null: no plan was made yet. */
  readonly steps: readonly PlanStepView[] | null;
}

const oneLine = (max: number) => {
  const error = `one line of 1 to ${max} characters`;
  return z
    .string({ error })
    .trim()
    .min(1, { error })
    .max(max, { error })
    .regex(/^\P{Cc}*$/u, { error });
};

const numberWithin = ({ above, from, max }: { above?: number; from?: number; max: number }) => {
  const error = above === undefined ? `a number from ${from} to ${max}` : `a number above ${above}, at most ${max}`;
  const number = z.number({ error }).max(max, { error });
  return above === undefined ? number.min(from!, { error }) : number.gt(above, { error });
};

const confirmBody = z.strictObject({ id: oneLine(300) });
const acknowledgeBody = z.strictObject({ id: oneLine(1_000) });
const warmBody = z.strictObject({
  group: oneLine(64),
  lift: numberWithin({ above: 1, max: 1_000 }),
  minutes: numberWithin({ from: 1, max: 24 * 60 }),
  because: oneLine(500),
});

/** Mounted at `/api`, behind the token: `response.locals.actor` is who asks. */
export function createOperationRoutes(operations: Operations): Router {
  const router = Router();
  router.post('/{*path}', requireOwnPage, express.json({ limit: '16kb' }));
  router.post('/calendar/confirm', async (request, response) => {
    const { id } = parse(confirmBody, request.body);
    const released = await operations.confirmCalendar(id, actorOf(response));
    if (released) response.json({ confirmed: id, released });
    else problem(response, 404, 'nothing-to-confirm', `nothing waits for a confirmation of ${id}`);
  });
  router.post('/incidents/acknowledge', (request, response) => {
    const { id } = parse(acknowledgeBody, request.body);
    if (operations.acknowledge(id, actorOf(response))) response.status(202).json({ acknowledged: id });
    else problem(response, 404, 'not-found', `no incident ${id} is open`);
  });
  router.post('/warm', async (request, response) => {
    const { minutes, ...asked } = parse(warmBody, request.body);
    response.status(201).json(await operations.warm({ ...asked, forMs: minutes * msPerMinute }, actorOf(response)));
  });
  return router;
}

function actorOf(response: Response): string {
  return response.locals['actor'] as string;
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
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

function requireOwnPage(request: Request, response: Response, next: NextFunction): void {
  const { origin, host } = request.headers;
  if (origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host)) {
    problem(response, 403, 'foreign-page', 'another page may not ask for this');
    return;
  }
  if (!request.is('application/json')) {
    problem(response, 415, 'not-json', 'this wants a JSON body, with Content-Type: application/json');
    return;
  }
  next();
}
