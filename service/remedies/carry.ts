/** Jobs in the engine: begun, asked of the world one call at a time, and heard. */
import { enterRemedy, extendRemedy, remedyTargetOf } from '../../actuators/remedy-gate-ledger.ts';
import { isStanding } from '../../actuators/remedies/undo.ts';
import type { Remedy } from '../../core/remedy.ts';
import { undoNameOf } from '../../core/undo.ts';
import type { WindowKey } from '../../core/window.ts';
import { hearPlaybooks } from '../../detector/playbook/book.ts';
import type { PlaybookNews } from '../../detector/playbook/run.ts';
import { note, toBody, type Scene, type Turn } from '../engine-scene.ts';
import type { Fact } from '../facts.ts';
import {
  askedJob,
  callOf,
  changesWorld,
  hasBegun,
  hearJob,
  resumeJob,
  isDone,
  startJob,
  type JobAim,
  type JobCall,
  type Held,
  type JobResult,
  type RemedyJob,
  type RemedyOwner,
} from './job.ts';
import { remedyUsd } from './remedy-usd.ts';
import type { RemediesState } from './state.ts';

/** What became of a call: into its job, and on record. */
export function hearRemedied(scene: Scene, turn: Turn, fact: Extract<Fact, { kind: 'remedied' }>): void {
  const { jobId, intentSeq, answer } = fact;
  const job = scene.remedies.jobs[jobId];
  if (intentSeq !== undefined && answer.kind === 'outcome') {
    note(turn, {
      kind: 'action.outcome',
      causeSeq: intentSeq,
      body: { function: job ? subjectOf(scene, job) : jobId, outcome: { ...answer.outcome } },
    });
  }
  if (!job) return;
  const heard = hearJob(job, answer);
  const { [jobId]: _over, ...others } = scene.remedies.jobs;
  if (!isDone(heard)) {
    change(scene, { jobs: { ...others, [jobId]: heard } });
    return;
  }
  change(scene, { jobs: others });
  const { aim, owner } = heard;
  if (aim !== 'look') keep(scene, owner, heard.result.held);
  if (owner.kind === 'run') tellRun(scene, turn, heard, heard.result);
  if (aim !== 'look' && heard.result.outcome.kind === 'accepted') take(scene, turn, heard);
}

/** What stands in the world by us is what is given back. */
function keep(scene: Scene, owner: RemedyOwner, held: Held | undefined): void {
  const place = placeOf(owner);
  const { [place]: _gone, ...others } = scene.remedies.held;
  change(scene, { held: held ? { ...others, [place]: held } : others });
}

function tellRun(scene: Scene, { nowMs }: Turn, { id, aim, remedy, startedAtMs }: RemedyJob, result: JobResult): void {
  const { outcome, standing } = result;
  if (aim !== 'look') hearNews(scene, { kind: 'outcome', id, outcome });
  else if (standing) {
    const isThere = isStanding(remedy, standing, startedAtMs);
    hearNews(scene, { kind: 'looked', id, atMs: nowMs, standing, isStanding: isThere });
  }
}

export function hearNews(scene: Scene, news: PlaybookNews): void {
  change(scene, { book: hearPlaybooks(scene.remedies.book, news) });
}

export function change(scene: Scene, part: Partial<RemediesState>): void {
  scene.remedies = { ...scene.remedies, ...part };
}

/** What we did ourselves is evidence: for who reads an incident, and so that it is not taken for trouble. */
function take(scene: Scene, turn: Turn, { remedy, aim }: RemedyJob): void {
  const key = remedy.kind === 'move-breaker' ? calleeOf(scene, remedy.standing.name) : keyOf(remedy);
  if (key === undefined || aim === 'give-back') return;
  scene.actionsTaken = [...scene.actionsTaken, { atMs: turn.nowMs, key: key as WindowKey, because: remedy.because }];
}

function calleeOf({ options }: Scene, name: string): string | undefined {
  return options.remedies?.breakers.find((spec) => spec.name === name)?.callee;
}

function keyOf(remedy: Remedy): string | undefined {
  return 'key' in remedy ? remedy.key : undefined;
}

export interface Entered {
  readonly remedy: Remedy;
  readonly touches: readonly string[];
  readonly isNew: boolean;
  readonly incidentId?: string | undefined;
}

export function enter(scene: Scene, { nowMs }: Turn, { remedy, touches, isNew, incidentId }: Entered): void {
  const target = remedyTargetOf(remedy);
  const { ledger } = scene.remedies;
  if (!isNew) {
    change(scene, { ledger: extendRemedy(ledger, target, remedy.untilMs) });
    return;
  }
  const usd = remedyUsd(scene.options, remedy, nowMs);
  const entry = { kind: remedy.kind, target, touches, atMs: nowMs, untilMs: remedy.untilMs };
  change(scene, { ledger: enterRemedy(ledger, { ...entry, usd, ...(incidentId !== undefined && { incidentId }) }) });
}

export interface Wanted {
  readonly id: string;
  readonly owner: RemedyOwner;
  readonly aim: JobAim;
  readonly remedy: Remedy;
  readonly causeSeq: number | undefined;
}

/** One job a place at a time; a newer level takes the place of one that has not begun, and waits for one that has. */
export function start(scene: Scene, { nowMs }: Turn, wanted: Wanted): void {
  const held = scene.remedies.held[placeOf(wanted.owner)];
  const { jobs } = scene.remedies;
  const job = startJob({ ...wanted, nowMs, ...(held && { held }) });
  const isOvertaken = (other: RemedyJob): boolean => !hasBegun(other) && placeOf(other.owner) === placeOf(wanted.owner);
  const kept = Object.entries(jobs).filter(([, other]) => !isOvertaken(other));
  change(scene, { jobs: { ...Object.fromEntries(kept), [job.id]: job } });
}

/** One knob of the world, in one hand. */
export function placeOf(owner: RemedyOwner): string {
  return owner.kind === 'breaker' ? `breaker/${owner.name}` : `run/${owner.runId}/${owner.place}`;
}

/** Makes the next call of a job, once its intent is written. */
export function ask(scene: Scene, turn: Turn, job: RemedyJob): void {
  // What stands by an earlier level has to be known before it is changed.
  const place = placeOf(job.owner);
  const first = Object.values(scene.remedies.jobs).find((other) => placeOf(other.owner) === place);
  if (first?.id !== job.id && job.remedy.kind !== 'move-breaker') return;
  const resumed = resumeJob(job, scene.remedies.held[place]);
  const call = callOf(resumed);
  const intentSeq = changesWorld(call) ? intend(scene, turn, resumed, call) : undefined;
  change(scene, { jobs: { ...scene.remedies.jobs, [job.id]: askedJob(resumed, intentSeq) } });
  turn.effects.push({ kind: 'remedy', jobId: job.id, call, ...(intentSeq !== undefined && { intentSeq }) });
}

function intend(scene: Scene, turn: Turn, job: RemedyJob, call: JobCall): number {
  const { remedy, causeSeq } = job;
  const { because, untilMs, ...what } = remedy;
  const subject = { function: subjectOf(scene, job), call: call.kind, remedy: what, untilMs };
  const undo = 'undo' in call ? { undo: undoNameOf(call.undo) } : {};
  return note(turn, {
    kind: 'action.intended',
    ...(causeSeq !== undefined && { causeSeq }),
    body: toBody({ ...subject, ...undo, because: 'because' in call ? call.because : because }),
  });
}

function subjectOf(scene: Scene, { remedy, owner }: RemedyJob): string {
  return (owner.kind === 'breaker' ? calleeOf(scene, owner.name) : keyOf(remedy)) ?? remedyTargetOf(remedy);
}

/** The event that opened the incident, as a cause. */
export function causeOf({ watch }: Scene, incidentId: string | undefined): { readonly causeSeq?: number } {
  const seq = incidentId === undefined ? undefined : watch.openedSeqs.get(incidentId);
  return seq === undefined ? {} : { causeSeq: seq };
}
