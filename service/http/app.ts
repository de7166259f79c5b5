/**
 * The HTTP face: health for machines, plan and scorecard as JSON, and one page for people. Routes parse, call and serialise; nothing is
 * decided here.
 */
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import helmet from 'helmet';
import { InputError, WorldError } from '../../core/errors.ts';
import { reportMarkdown, reportOf } from '../../detector/report.ts';
import type { Log } from '../log.ts';
import type { OncallInbox } from '../oncall-inbox.ts';
import type { SystemView } from '../view.ts';
import { createActingRoutes, createApprovalPages, type ActingDesk } from './acting.ts';
import { createBreakerReads, createBreakerRoutes, type BreakerDesk, type BreakerReads } from './breakers.ts';
import { createOncallRoutes } from './oncall.ts';
import { createOperationRoutes, type Operations } from './operations.ts';
import { createPeople, requireCaller, type Person } from './people.ts';
import { createPlaybookRoutes, type PlaybookDesk } from './playbooks.ts';
import { problem } from './problem.ts';

export interface AppOptions {
  readonly view: SystemView;
  /** Bearer tokens, one an API client. None, and no people: the listener must be on loopback (the configuration refuses anything else). */
  readonly tokens: readonly string[];
  /** Who may ask under a name. */
  readonly people?: readonly Person[];
  /** The folder of the page's files. */
  readonly webFolder: string;
  /** What people may ask of it; absent: it can only be read. */
  readonly operations?: Operations;
  /** What operators may say of acting; absent: nothing. */
  readonly acting?: ActingDesk;
  /** Breakers: who reads them, and what operators may ask of them; absent: there are none. */
  readonly breakers?: { readonly reads: BreakerReads; readonly desk: BreakerDesk };
  /** Playbooks; absent: there are none. */
  readonly playbooks?: PlaybookDesk;
  /** Where targets of on-call answer; absent: none may. */
  readonly inbox?: OncallInbox;
  readonly log?: Log;
}

export function createApp(options: AppOptions): Express {
  const { view, tokens, people, webFolder, operations, acting, breakers, playbooks, inbox, log } = options;
  const app = express();
  const callers = createPeople(tokens, people);
  app.disable('x-powered-by');
  app.use(helmet({ contentSecurityPolicy: { directives: { defaultSrc: ["'self'"], upgradeInsecureRequests: null } } }));

  // Health is asked by probes, often and without a token: it stays in front of the limit.
  app.get('/healthz', (_request, response) => void response.json({ ok: true }));
  app.get('/readyz', (_request, response) => {
    const { ready, because } = view.isReady();
    response.status(ready ? 200 : 503).json({ ready, because });
  });

  if (breakers) app.use('/v1/breakers', createBreakerReads(breakers.reads));
  app.use(rateLimit({ windowMs: 60_000, limit: 1_200, standardHeaders: 'draft-8', legacyHeaders: false }));
  // Before tokens are asked for: who answers from outside has none, and signs.
  if (inbox) app.use('/api/oncall', createOncallRoutes(inbox));
  // The link of a message is opened by a browser, which sends no token until its person gives one.
  if (acting) app.use('/approve', createApprovalPages(acting, callers));
  app.use('/api', requireCaller(callers));
  app.get('/api/status', (_request, response) => void response.json(view.status()));
  app.get('/api/plan', (_request, response) => void response.json(view.plan()));
  app.get('/api/scorecard', (_request, response) => void response.json(view.scorecard()));
  app.get('/api/timeline', (_request, response) => void response.json(view.timeline()));
  app.get('/api/calendar', (_request, response) => void response.json(view.calendar()));
  app.get('/api/incidents', (_request, response) => void response.json(view.incidents()));
  app.get('/api/incidents/:id', (request, response) => {
    const incident = view.incident(request.params.id);
    if (!incident) problem(response, 404, 'not-found', 'no incident of that id is open, or was resolved lately');
    else if (request.query['format'] === 'md') response.type('text/markdown').send(reportMarkdown(incident));
    else response.json(reportOf(incident));
  });
  app.get('/api/senders', (_request, response) => void response.json(view.senders()));
  if (acting) app.use('/api', createActingRoutes(acting));
  if (breakers) app.use('/api', createBreakerRoutes(breakers.desk));
  if (playbooks) app.use('/api/playbooks', createPlaybookRoutes(playbooks));
  if (operations) app.use('/api', createOperationRoutes(operations));
  app.use(express.static(webFolder, { index: 'index.html', dotfiles: 'deny' }));
  app.use((request, response) => {
    problem(response, 404, 'not-found', `there is nothing at ${request.path.slice(0, 200)}`);
  });
  app.use((error: unknown, request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    if (error instanceof InputError) {
      problem(response, 400, error.code, error.message);
      return;
    }
    if (error instanceof WorldError) {
      log?.warn('http.unanswered', { path: request.path, error: error.message, consequence: 'nothing was changed' });
      problem(response, 503, error.code, error.message);
      return;
    }
    const status = statusOf(error);
    if (status >= 500) log?.error('http.failed', { path: request.path, error: (error as Error).message });
    problem(
      response,
      status,
      status < 500 ? 'bad-request' : 'internal',
      status < 500 ? 'the request could not be read' : 'an internal error; see the log',
    );
  });
  return app;
}

function statusOf(error: unknown): number {
  const status = (error as { status?: unknown } | null)?.status;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}
