/** People in the engine: what they said, what they are asked, and what of the plan may be done by it. */
import type { GateContext } from '../actuators/gate.ts';
import type { HoldProvisionedConcurrency } from '../core/action.ts';
import type { CapacityStep } from '../core/capacity.ts';
import { moveBrake, obey, passTime, type ActingStep, type Command } from './acting.ts';
import type { ApprovalNews } from './approvals.ts';
import type { BrakeMoment } from './brake.ts';
import type { EpochMs } from '../core/time.ts';
import { promise } from './engine-plan.ts';
import { note, type Scene, type Turn } from './engine-scene.ts';
import type { FunctionState } from './function-state.ts';
import { holdOf } from './holds.ts';
import type { Note } from './incidents.ts';
import { prewarmAnswerOf, prewarmWishesOf } from './prewarm-approval.ts';
import { hearNews } from './remedies/carry.ts';
import type { RemediesState } from './remedies/state.ts';

/** Where nothing is said of remedies, as the configuration has it where nothing is said. */
const brakeLimitsDefault = { withoutEffectMax: 3 };

export function hearCommand(scene: Scene, turn: Turn, command: Command): void {
  take(scene, turn, obey(scene.remedies, command, brakeLimitsOf(scene)));
}

/** The engine's own reasons to put the brake on. */
export function pressBrake(scene: Scene, turn: Turn, moment: BrakeMoment): void {
  take(scene, turn, moveBrake(scene.remedies, moment, brakeLimitsOf(scene)));
}

/** What time does to what people said, and what they are asked now. */
export function askPeople(scene: Scene, turn: Turn): void {
  const { options, plan, planning } = scene;
  const asked = options.prewarmApprovals;
  if (asked && plan && plan !== scene.prewarmWishes.plan)
    scene.prewarmWishes = prewarmWishesOf(plan, planning.eventsAround(turn.nowMs), asked);
  const { plan: isKnown, byEvent } = scene.prewarmWishes;
  const { remedyWishes: remedy } = scene;
  const wishes = { ...(isKnown && { prewarm: [...byEvent.values()] }), ...(remedy && { remedy }) };
  take(scene, turn, passTime(scene.remedies, { nowMs: turn.nowMs, wishes }));
}

function take(scene: Scene, turn: Turn, { state, notes, news }: ActingStep<RemediesState>): void {
  scene.remedies = state;
  for (const draft of notes) turn.drafts.push({ atMs: turn.nowMs, ...draft });
  for (const one of news) tellOfApproval(scene, turn, one);
  for (const one of news) tellRuns(scene, one);
  // What is not to be warmed for is not late, and what is to be is promised from now on.
  if (news.length > 0 && scene.plan) promise(scene, turn.nowMs);
}

/** A step of a playbook that waits for a person. */
function tellRuns(scene: Scene, { kind, approval: { subject, answer } }: ApprovalNews): void {
  if (subject.kind !== 'remedy' || !answer || (kind !== 'granted' && kind !== 'denied')) return;
  const { by, because } = answer;
  hearNews(scene, { kind: 'answered', id: subject.target, isYes: kind === 'granted', by, because });
}

/** Half an hour before the event it is trouble that nobody has answered; until somebody does, or it is too late. */
function tellOfApproval({ incidents, options }: Scene, turn: Turn, { kind, approval }: ApprovalNews): void {
  const { id, subject, functions, bounds, answer } = approval;
  if (subject.kind !== 'prewarm' || kind === 'outgrown') return;
  const write: Note = (draft) => note(turn, draft);
  const [about] = functions;
  if (kind === 'paged') {
    const link = `${options.oncall?.publicUrl ?? ''}/approve/${id}`;
    const most = `at most ${bounds.concurrencyMax} environments and ${bounds.usdMax.toFixed(2)} dollars`;
    const because = `nobody has said yes or no to warming ${functions.length} functions for ${subject.eventId} (${most}): foreshock approve ${id}, or ${link}`;
    incidents.report(write, about!, 'approval-missing', because, { approval: id });
  } else if (kind !== 'asked' && kind !== 'reminded') {
    const because = answer ? `${answer.by} has answered: ${answer.because}` : 'it is too late, or no longer wanted';
    incidents.close(write, about!, 'approval-missing', because);
  }
}

type ForEvent = Pick<CapacityStep, 'key' | 'eventId'>;

/** Whether what the plan holds then may be wanted at all: nobody has said no. */
export function isWarmedFor(scene: Scene, step: ForEvent, nowMs: EpochMs): boolean {
  return answerFor(scene, step, nowMs) !== 'denied';
}

/** Whether it is promised to be warm in time. */
export function isPromisedFor(scene: Scene, step: ForEvent, nowMs: EpochMs): boolean {
  const answer = answerFor(scene, step, nowMs);
  return answer !== 'denied' && answer !== 'skip';
}

/** What people said that concerns one action. */
export function permissionsFor(
  scene: Scene,
  { spec }: FunctionState,
  { action, nowMs }: { readonly action: HoldProvisionedConcurrency; readonly nowMs: EpochMs },
): Pick<GateContext, 'brake' | 'operatorHold' | 'unapproved'> {
  const { brake, holds } = scene.remedies;
  const hold = holdOf(holds, spec);
  const isWaiting = answerFor(scene, action, nowMs) === 'skip';
  return {
    ...(brake.on?.scope === 'all' && { brake: brake.on }),
    ...(hold && { operatorHold: hold }),
    ...(isWaiting && { unapproved: `nobody has said yes to warming for ${action.eventId!} yet` }),
  };
}

function answerFor({ options, prewarmWishes, remedies }: Scene, step: ForEvent, nowMs: EpochMs) {
  const asked = options.prewarmApprovals;
  return asked && prewarmAnswerOf(step, { wishes: prewarmWishes, asked, approvals: remedies.approvals }, nowMs);
}

function brakeLimitsOf({ options }: Scene): { readonly withoutEffectMax: number } {
  return options.remedies?.brake ?? brakeLimitsDefault;
}
