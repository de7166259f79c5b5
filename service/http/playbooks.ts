/** Playbooks over HTTP: what there is and how far it has come, what one would do, and a person's word that it should. */
import express, { Router } from 'express';
import { z } from 'zod';
import type { DryRun } from '../../detector/playbook/dry-run.ts';
import { bodyLimit, oneLine, parseBody, requireOwnJson } from './body.ts';
import { actorOf, requireRole } from './people.ts';
import { problem } from './problem.ts';

export interface PlaybookView {
  readonly name: string;
  readonly because: string;
  readonly mode: string;
  /** The newest first. */
  readonly runs: readonly PlaybookRunView[];
}

export interface PlaybookRunView {
  readonly id: string;
  readonly incidentId: string;
  readonly by: string;
  readonly startedAtMs: number;
  readonly phase: string;
  /** The step under way; null where there is none. */
  readonly step: string | null;
  /** How it ended; null: it has not. */
  readonly end: { readonly kind: string; readonly atMs: number; readonly because: string } | null;
}

/** What people may ask about playbooks. Undefined: there is no such playbook, or no such incident is open. */
export interface PlaybookDesk {
  view(): readonly PlaybookView[];
  dryRun(name: string, incidentId: string): DryRun | undefined;
  /** At the next tick. */
  run(
    name: string,
    incidentId: string,
    actor: string,
  ): { readonly runId: string } | { readonly refused: string } | undefined;
}

const incidentBody = z.strictObject({ incidentId: oneLine(1_000) });

/** Mounted at `/api/playbooks`, behind `requireCaller`. */
export function createPlaybookRoutes(desk: PlaybookDesk): Router {
  const router = Router();
  router.get('/', (_request, response) => {
    response.json({ playbooks: desk.view() });
  });
  router.post('/{*path}', requireOwnJson, express.json({ limit: bodyLimit }));
  router.post('/:name/dry-run', requireRole('viewer'), (request, response) => {
    const { incidentId } = parseBody(incidentBody, request.body);
    const found = desk.dryRun(request.params['name'] as string, incidentId);
    if (found) response.json(found);
    else problem(response, 404, 'nothing-to-run', `no playbook of that name, or no open incident ${incidentId}`);
  });
  router.post('/:name/run', requireRole('operator'), (request, response) => {
    const { incidentId } = parseBody(incidentBody, request.body);
    const begun = desk.run(request.params['name'] as string, incidentId, actorOf(response));
    if (!begun) problem(response, 404, 'nothing-to-run', `no playbook of that name, or no open incident ${incidentId}`);
    else if ('refused' in begun) problem(response, 409, 'under-way', begun.refused);
    else response.status(202).json(begun);
  });
  return router;
}
