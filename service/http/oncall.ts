/** Routes by which targets of on-call answer. They hold no token of ours: what they send is signed, and the bytes are looked at as they came. */
import express, { Router } from 'express';
import type { OncallInbox } from '../oncall-inbox.ts';
import { problem } from './problem.ts';

/** An incident with all that is known of it is some kilobytes. */
const bodyLimit = '256kb';

/** Mounted at `/api/oncall`, before the token is asked for. */
export function createOncallRoutes(inbox: OncallInbox): Router {
  const router = Router();
  // Nothing is unpacked: a few bytes that unpack to gigabytes are nobody's answer.
  const rawBody = express.raw({ type: () => true, limit: bodyLimit, inflate: false });
  router.post('/pagerduty/:target', rawBody, (request, response) => {
    const bytes: unknown = request.body;
    const taken = inbox.take(
      request.params.target,
      Buffer.isBuffer(bytes) ? bytes : Buffer.alloc(0),
      request.get('x-pagerduty-signature'),
    );
    if (taken === 'unsigned') problem(response, 401, 'unsigned', 'this wants a signature by the secret of that target');
    else response.status(202).json({ taken: taken === 'taken' });
  });
  return router;
}
