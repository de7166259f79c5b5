/** Routes by which people change something. Each names who did it and the role that it wants, and takes JSON and nothing else from pages of its own. */
import express, { Router } from 'express';
import { z } from 'zod';
import { msPerMinute } from '../../core/time.ts';
import type { PlanStepView } from '../view.ts';
import { bodyLimit, numberWithin, oneLine, parseBody, requireOwnJson } from './body.ts';
import { actorOf, requireRole } from './people.ts';
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

const confirmBody = z.strictObject({ id: oneLine(300) });
const acknowledgeBody = z.strictObject({ id: oneLine(1_000) });
const warmBody = z.strictObject({
  group: oneLine(64),
  lift: numberWithin({ above: 1, max: 1_000 }),
  minutes: numberWithin({ from: 1, max: 24 * 60 }),
  because: oneLine(500),
});

/** Mounted at `/api`, behind `requireCaller`. */
export function createOperationRoutes(operations: Operations): Router {
  const router = Router();
  router.post('/{*path}', requireOwnJson, express.json({ limit: bodyLimit }));
  router.post('/calendar/confirm', requireRole('editor'), async (request, response) => {
    const { id } = parseBody(confirmBody, request.body);
    const released = await operations.confirmCalendar(id, actorOf(response));
    if (released) response.json({ confirmed: id, released });
    else problem(response, 404, 'nothing-to-confirm', `nothing waits for a confirmation of ${id}`);
  });
  router.post('/incidents/acknowledge', requireRole('editor'), (request, response) => {
    const { id } = parseBody(acknowledgeBody, request.body);
    if (operations.acknowledge(id, actorOf(response))) response.status(202).json({ acknowledged: id });
    else problem(response, 404, 'not-found', `no incident ${id} is open`);
  });
  router.post('/warm', requireRole('operator'), async (request, response) => {
    const { minutes, ...asked } = parseBody(warmBody, request.body);
    response.status(201).json(await operations.warm({ ...asked, forMs: minutes * msPerMinute }, actorOf(response)));
  });
  return router;
}
