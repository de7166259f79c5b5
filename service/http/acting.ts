/**
 * Routes by which operators say what may be done: answers to approvals, holds, the brake; and the page behind the link of a message.
 *
 * The page shows on GET and does nothing: scanners of mail and previews of chats open every link. It acts on POST, with the person's own token in the form. Who has
 * the link may read what is asked, without a token; its id is 128 bits that nobody guesses.
 */
import express, { Router, type Request, type Response } from 'express';
import { z } from 'zod';
import { msPerMinute } from '../../core/time.ts';
import type { ActingView, ApprovalView, BrakeView, HoldView } from '../acting-view.ts';
import type { BrakeScope } from '../brake.ts';
import { approvalPage, notFoundPage } from './approval-page.ts';
import { bodyLimit, isOwnPage, numberWithin, oneLine, parseBody, requireOwnJson, yesOrNo } from './body.ts';
import { actorOf, callerOfForm, isOfThisMachine, mayAct, requireRole, type People } from './people.ts';
import { problem } from './problem.ts';

/** What operators may ask of the running service. What they ask is judged and on record at the next tick. */
export interface ActingDesk {
  view(): ActingView;
  /** The approval as it was asked; undefined where none of that id waits for an answer, or is still valid. */
  answer(
    id: string,
    answer: { readonly isGranted: boolean; readonly because: string },
    actor: string,
  ): ApprovalView | undefined;
  /** @param scope absent: off. */
  setBrake(scope: BrakeScope | undefined, because: string, actor: string): BrakeView;
  /** @throws InputError when it is neither a function nor a group. */
  hold(subject: string, hold: { readonly forMs?: number; readonly because: string }, actor: string): HoldView;
  /** False where nothing is held under that name. */
  release(subject: string, because: string, actor: string): boolean;
}

const because = () => oneLine(500);
const answerBody = z.strictObject({ id: oneLine(64), isGranted: yesOrNo(), because: because() });
const brakeBody = z.strictObject({ isOn: yesOrNo(), isAll: yesOrNo().default(false), because: because() });
const holdBody = z.strictObject({
  subject: oneLine(300),
  minutes: numberWithin({ from: 1, max: 30 * 24 * 60 }).optional(),
  because: because(),
});
const releaseBody = z.strictObject({ subject: oneLine(300), because: because() });

/** Mounted at `/api`, behind `requireCaller`. */
export function createActingRoutes(desk: ActingDesk): Router {
  const router = Router();
  const operator = [requireOwnJson, express.json({ limit: bodyLimit }), requireRole('operator')];
  router.get('/approvals', (_request, response) => void response.json(desk.view().approvals));
  router.get('/brake', (_request, response) => void response.json(desk.view().brake));
  router.get('/holds', (_request, response) => void response.json(desk.view().holds));
  router.post('/approvals/answer', operator, (request: Request, response: Response) => {
    const { id, ...answer } = parseBody(answerBody, request.body);
    const approval = desk.answer(id, answer, actorOf(response));
    if (approval) response.status(202).json({ answered: approval });
    else problem(response, 404, 'nothing-to-approve', `nothing of the id ${id} waits for an answer`);
  });
  router.post('/brake', operator, (request: Request, response: Response) => {
    const { isOn, isAll, because: why } = parseBody(brakeBody, request.body);
    const scope = isOn ? (isAll ? 'all' : 'remedies') : undefined;
    response.status(202).json(desk.setBrake(scope, why, actorOf(response)));
  });
  router.post('/holds', operator, (request: Request, response: Response) => {
    const { subject, minutes, because: why } = parseBody(holdBody, request.body);
    const hold = { because: why, ...(minutes !== undefined && { forMs: minutes * msPerMinute }) };
    response.status(202).json({ held: desk.hold(subject, hold, actorOf(response)) });
  });
  router.post('/holds/release', operator, (request: Request, response: Response) => {
    const { subject, because: why } = parseBody(releaseBody, request.body);
    if (desk.release(subject, why, actorOf(response))) response.status(202).json({ released: subject });
    else problem(response, 404, 'nothing-held', `nothing is held under the name ${subject}`);
  });
  return router;
}

const formBody = z.object({
  token: z.string().max(1_000).default(''),
  answer: z.enum(['yes', 'no'], { error: 'yes or no' }),
  because: because(),
});

/** Mounted at `/approve`. */
export function createApprovalPages(desk: ActingDesk, people: People): Router {
  const router = Router();
  const find = (id: string): ApprovalView | undefined => desk.view().approvals.find((approval) => approval.id === id);
  // Under no-referrer, which is set elsewhere, browsers say of a form on this very page that it comes from "null", and it would be refused as another page's.
  const headers = { 'Cache-Control': 'no-store', 'Referrer-Policy': 'same-origin' };
  const show = (response: Response, status: number, html: string): void =>
    void response.status(status).set(headers).type('html').send(html);
  const wantsToken = !people.isOpen;
  router.get('/:id', (request, response) => {
    if (people.isOpen && !isOfThisMachine(request, response)) return;
    const approval = find(request.params.id);
    if (approval) show(response, 200, approvalPage(approval, { wantsToken }));
    else show(response, 404, notFoundPage());
  });
  router.post('/:id', express.urlencoded({ extended: false, limit: bodyLimit }), (request, response) => {
    if ((people.isOpen && !isOfThisMachine(request, response)) || !isOwnPage(request, response)) return;
    const approval = find(request.params.id);
    if (!approval) {
      show(response, 404, notFoundPage());
      return;
    }
    const form = formBody.safeParse(request.body);
    if (!form.success) {
      show(response, 400, approvalPage(approval, { wantsToken, said: 'Say yes or no, and why.' }));
      return;
    }
    const { token, answer, because: why } = form.data;
    const caller = callerOfForm(people, token);
    if (!caller || !mayAct(caller, 'operator')) {
      const said = caller ? `This wants the role operator; ${caller.actor} has none such.` : 'That token is nobody’s.';
      show(response, caller ? 403 : 401, approvalPage(approval, { wantsToken, said }));
      return;
    }
    const isGranted = answer === 'yes';
    const answered = desk.answer(approval.id, { isGranted, because: why }, caller.actor);
    const said = answered
      ? `Your ${answer} is taken down, ${caller.actor}.`
      : 'It is too late: this waits for no answer.';
    show(response, answered ? 200 : 409, approvalPage(answered ?? approval, { wantsToken, said, isDone: true }));
  });
  return router;
}
