/**
 * Breakers over HTTP: read by the functions whose calls they stop, forced by people.
 *
 * Functions read with a token that opens nothing else. They ask with the tag of what they know and how long they would wait for news (`?waitMs=`), so an idle client is
 * one request in 25 seconds, and a change is told within a round trip.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import express, { Router, type NextFunction, type Request, type Response } from 'express';
import { z } from 'zod';
import type { BreakerStanding } from '../../core/remedy.ts';
import { msPerMinute, type Timers } from '../../core/time.ts';
import { etagOf, type BreakerBoard } from '../breaker-board.ts';
import type { BreakerView } from '../breaker-view.ts';
import { bodyLimit, numberWithin, oneLine, parseBody, requireOwnJson } from './body.ts';
import { actorOf, bearerOf, isOfThisMachine, requireRole } from './people.ts';
import { problem } from './problem.ts';

export interface BreakerReads {
  readonly board: BreakerBoard;
  readonly timers: Timers;
  /** Of those who may read. None: whoever is on this machine. */
  readonly tokens: readonly string[];
}

/** Below the half minute after which load balancers and clients commonly give up on a silent answer. */
const waitMsMax = 25_000;

/** Mounted at `/v1/breakers`, in front of the limit of requests: thousands of environments come from few addresses. */
export function createBreakerReads(reads: BreakerReads): Router {
  const { board } = reads;
  const router = Router();
  router.use(requireReader(reads.tokens));
  router.get('/', (request, response) => {
    answer(reads, { request, response }, undefined, () => ({ told: board.all(), body: { breakers: board.all() } }));
  });
  router.get('/:name', (request, response) => {
    const { name } = request.params;
    answer(reads, { request, response }, name, () => {
      const standing = board.find(name);
      return standing && { told: standing, body: standing };
    });
  });
  return router;
}

interface Told {
  readonly told: BreakerStanding | readonly BreakerStanding[];
  readonly body: unknown;
}

function answer(
  { board, timers }: BreakerReads,
  { request, response }: { readonly request: Request; readonly response: Response },
  name: string | undefined,
  read: () => Told | undefined,
): void {
  const waitMs = waitOf(request.query['waitMs']);
  if (waitMs === undefined) {
    problem(response, 400, 'bad-request', `waitMs: expected a whole number from 0 to ${waitMsMax}`);
    return;
  }
  const known = request.headers['if-none-match'];
  const send = (): boolean => {
    const now = read();
    if (!now) {
      problem(response, 404, 'not-found', 'there is no breaker of that name');
      return true;
    }
    const etag = etagOf(now.told);
    response.set({ ETag: etag, 'Cache-Control': 'no-cache' });
    if (known === etag) return false;
    response.json(now.body);
    return true;
  };
  if (send()) return;
  const unchanged = (): void => void response.status(304).end();
  let end = unchanged;
  const cancelWait = waitMs === 0 ? undefined : board.wait(name, () => end());
  if (!cancelWait) {
    unchanged();
    return;
  }
  const cancelTimer = timers.after(waitMs, () => {
    cancelWait();
    if (!send()) unchanged();
  });
  end = () => {
    cancelTimer();
    if (!send()) unchanged();
  };
  response.on('close', () => {
    cancelWait();
    cancelTimer();
  });
}

function waitOf(value: unknown): number | undefined {
  if (value === undefined) return 0;
  if (typeof value !== 'string' || !/^\d{1,6}$/.test(value)) return undefined;
  const waitMs = Number(value);
  return waitMs <= waitMsMax ? waitMs : undefined;
}

function requireReader(tokens: readonly string[]) {
  const digests = tokens.map(sha256);
  return (request: Request, response: Response, next: NextFunction): void => {
    if (digests.length === 0) {
      // Whom the name says is a matter of who asks; where it came from is not.
      const { remoteAddress = '' } = request.socket;
      if (!/^(?:::ffff:)?127\.|^::1$/.test(remoteAddress))
        problem(response, 403, 'no-readers', 'without breakers.readTokens, breakers are read on this machine only');
      else if (isOfThisMachine(request, response)) next();
      return;
    }
    const offered = sha256(bearerOf(request) ?? '');
    if (digests.filter((digest) => timingSafeEqual(digest, offered)).length > 0) {
      next();
      return;
    }
    response.setHeader('WWW-Authenticate', 'Bearer');
    problem(response, 401, 'unauthorised', 'breakers want "Authorization: Bearer <token>", one of breakers.readTokens');
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

export interface ForceRequest {
  readonly to: 'open' | 'closed' | 'metrics-only' | 'none';
  readonly forMs: number;
  readonly because: string;
}

/** What people may ask of breakers. What they ask is judged and on record at the next tick. */
export interface BreakerDesk {
  view(): readonly BreakerView[];
  /** The breaker as it stands, a moment before; undefined where there is none of that name. @throws InputError where it may never be so (`neverBreak`). */
  force(name: string, request: ForceRequest, actor: string): BreakerView | undefined;
}

const forceBody = z.strictObject({
  to: z.enum(['open', 'closed', 'metrics-only', 'none'], { error: 'open, closed, metrics-only or none' }),
  // A word that nobody remembers is a fault of its own: a day, and it is said again.
  minutes: numberWithin({ from: 1, max: 24 * 60 }).default(60),
  because: oneLine(500),
});

/** Mounted at `/api`, behind `requireCaller`. */
export function createBreakerRoutes(desk: BreakerDesk): Router {
  const router = Router();
  router.get('/breakers', (_request, response) => void response.json({ breakers: desk.view() }));
  router.post(
    '/breakers/:name/force',
    [requireOwnJson, express.json({ limit: bodyLimit }), requireRole('operator')],
    (request: Request<{ name: string }>, response: Response) => {
      const { minutes, ...asked } = parseBody(forceBody, request.body);
      const { name } = request.params;
      const breaker = desk.force(name, { ...asked, forMs: minutes * msPerMinute }, actorOf(response));
      if (breaker) response.status(202).json({ forced: asked.to, breaker });
      else problem(response, 404, 'no-breaker', `there is no breaker ${name.slice(0, 100)}`);
    },
  );
  return router;
}
