/** What a playbook would do about an incident, and what would stand in its way: nothing is begun. */
import { assertNever } from '../../core/assert.ts';
import type { Incident } from '../../core/incident.ts';
import type { Playbook, PlaybookAct, PlaybookPause, PlaybookStep } from '../../core/playbook.ts';
import type { Remedy } from '../../core/remedy.ts';
import { msPerSecond } from '../../core/time.ts';
import { startRun } from './next.ts';
import type { PlaybookMoment } from './run.ts';
import { isUnable, remedyOf } from './target.ts';
import { whyNotNow, whyNotTriggered, type Earlier } from './trigger.ts';

export interface DryRun {
  readonly playbook: string;
  readonly incidentId: string;
  /** Why it is not about the incident, or may not begin; empty: it would begin now. */
  readonly holds: readonly string[];
  readonly steps: readonly DryStep[];
}

export interface DryStep {
  readonly id: string;
  /** What it does, in words. */
  readonly does: string;
  readonly remedy?: Remedy;
  /** Why it cannot be made as things are; what the gate would say. */
  readonly stops: readonly string[];
  readonly verify: string;
  readonly compensate: string;
}

export interface DryMoment extends PlaybookMoment {
  readonly earlier: readonly Earlier[];
  /** What every stage of the gate would say; left out where nobody can be asked. */
  readonly stopsOf?: (remedy: Remedy, playbook: Playbook) => readonly string[];
}

export function dryRun(playbook: Playbook, incident: Incident, moment: DryMoment): DryRun {
  const run = startRun(playbook, incident, { nowMs: moment.nowMs, by: 'dry-run' });
  const holds = [
    whyNotTriggered(playbook, incident),
    whyNotNow(playbook, incident, { earlier: moment.earlier, moment }),
  ];
  const steps = playbook.steps.map((step): DryStep => {
    const told = { id: step.id, does: tellDoes(step), verify: tellVerify(step), compensate: tellCompensate(step) };
    if (step.does.kind === 'wait' || step.does.kind === 'approval' || step.does.kind === 'escalate')
      return { ...told, stops: [] };
    const remedy = remedyOf({ step, act: step.does, run, before: undefined, id: `${run.id}/${step.id}`, moment });
    if (isUnable(remedy)) return { ...told, stops: [remedy.unable] };
    return { ...told, remedy, stops: moment.stopsOf?.(remedy, playbook) ?? [] };
  });
  return {
    ...{ playbook: playbook.name, incidentId: incident.id, steps },
    holds: holds.filter((hold) => hold !== undefined),
  };
}

function tellDoes({ does, standsForMs }: PlaybookStep): string {
  const isLasting = does.kind !== 'redrive' && does.kind !== 'webhook' && isStanding(does);
  return `${tellAct(does)}${isLasting ? `, for ${standsForMs / msPerSecond} s` : ''}`;
}

function isStanding({ kind }: PlaybookAct | PlaybookPause): boolean {
  return kind !== 'wait' && kind !== 'approval' && kind !== 'escalate';
}

function tellAct(does: PlaybookAct | PlaybookPause): string {
  switch (does.kind) {
    case 'reroute':
      return `${Math.round(100 * does.weight)} % of ${does.function} to version ${does.version}`;
    case 'add-provisioned':
      return `${does.concurrency} provisioned more for ${does.function}`;
    case 'reserve':
      return does.concurrency === null
        ? `no limit for ${does.function}`
        : `at most ${does.concurrency} at a time of ${does.function}`;
    case 'event-source':
      return `${does.isEnabled ? 'resume' : 'pause'} ${does.uuid} of ${does.function}`;
    case 'redrive':
      return `move what ${does.queueArn} holds back, ${does.messagesPerSecondMax} a second`;
    case 'breaker':
      return `breaker ${does.breaker} ${does.state}`;
    case 'webhook':
      return `call ${does.target}: ${does.message}`;
    case 'wait':
      return `wait ${does.forMs / msPerSecond} s`;
    case 'approval':
      return `ask within ${does.withinMs / msPerSecond} s (nobody answers: ${does.onNoAnswer}): ${does.question}`;
    case 'escalate':
      return `escalate: ${does.because}`;
    default:
      return assertNever(does);
  }
}

function tellVerify({ verify }: PlaybookStep): string {
  if (!verify) return 'that it is accepted';
  const bound = 'below' in verify.bound ? String(verify.bound.below) : `${verify.bound.ofBefore} of what it was`;
  return `${verify.measure} of ${verify.key} below ${bound} over ${verify.forMs / msPerSecond} s, within ${verify.withinMs / msPerSecond} s`;
}

function tellCompensate({ compensate, does, onFailure }: PlaybookStep): string {
  const how =
    !isStanding(does) || does.kind === 'redrive' || (does.kind === 'webhook' && compensate === 'inverse')
      ? 'nothing'
      : typeof compensate === 'object'
        ? tellAct(compensate)
        : compensate === 'inverse'
          ? 'what stood before'
          : 'nothing';
  return `${onFailure}: ${how}`;
}
