/**
 * One remedy on its way into the world and out of it again: how it stands is looked at, its end is booked with AWS, and only then is it set.
 *
 * Mental model: a row of calls, one at a time, each an effect with its answer. Whoever dies in between finds the job where it was, with the answer lost; a lost answer
 * is a look and not a repetition. What was booked and did not come to stand is taken back.
 */
import { isStanding, undoOf } from '../../actuators/remedies/undo.ts';
import type { Outcome } from '../../core/action.ts';
import type { Remedy, Standing } from '../../core/remedy.ts';
import type { EpochMs } from '../../core/time.ts';
import type { Undo } from '../../core/undo.ts';

/** Who wanted it, and hears what became of it. */
export type RemedyOwner =
  | { readonly kind: 'breaker'; readonly name: string }
  /** `place`: a step forth and what takes it back are at the same. */
  | { readonly kind: 'run'; readonly runId: string; readonly place: string };

/** What stands in the world by a remedy of ours. */
export interface Held {
  readonly remedy: Remedy;
  /** How it stood before us. */
  readonly before?: Standing;
  /** What AWS is booked to do at its end. */
  readonly undo?: Undo;
}

/**
 * - `set`: from nothing, or from what we hold already to another level of the same.
 * - `give-back`: to how it stood before us.
 * - `look`: nothing is changed.
 */
export type JobAim = 'set' | 'give-back' | 'look';
type JobStage = 'look' | 'book' | 'act' | 'cancel';

export interface RemedyJob {
  readonly id: string;
  readonly owner: RemedyOwner;
  readonly aim: JobAim;
  readonly remedy: Remedy;
  readonly startedAtMs: EpochMs;
  readonly causeSeq?: number;
  readonly stage: JobStage;
  /** Its call has been made, and not been answered. */
  readonly isAsked: boolean;
  /** Of the call that changes something. */
  readonly intentSeq?: number;
  /** What we hold there already. */
  readonly held?: Held;
  /** As it was seen just now. */
  readonly seen?: Standing;
  readonly undo?: Undo;
  /** To be cancelled: of an earlier level, or of what was given back or did not come to stand. */
  readonly stale?: Undo;
  /** An answer was lost: what stands is looked at before anything is done again. */
  readonly isUnsure?: true;
  readonly attemptCount: number;
  /** Known before its last call: what is cancelled behind it changes nothing of it. */
  readonly result?: JobResult;
}

export interface JobResult {
  readonly outcome: Outcome;
  /** What stands by it now; absent: nothing of ours. */
  readonly held?: Held;
  /** Of a look. */
  readonly standing?: Standing;
}

export type JobCall =
  | { readonly kind: 'look'; readonly remedy: Remedy }
  | { readonly kind: 'book' | 'cancel'; readonly undo: Undo; readonly because: string }
  | { readonly kind: 'apply'; readonly remedy: Remedy; readonly before?: Standing }
  | { readonly kind: 'give-back'; readonly remedy: Remedy; readonly undo: Undo };

export type JobAnswer =
  { readonly kind: 'stood'; readonly standing: Standing } | { readonly kind: 'outcome'; readonly outcome: Outcome };

export interface JobStart {
  readonly id: string;
  readonly owner: RemedyOwner;
  readonly aim: JobAim;
  readonly remedy: Remedy;
  readonly nowMs: EpochMs;
  readonly causeSeq?: number | undefined;
  readonly held?: Held | undefined;
}

/** After so many lost or refused calls of one stage it is given up, and its owner hears so. */
const attemptCountMax = 4;

export function startJob({ nowMs, causeSeq, held, ...start }: JobStart): RemedyJob {
  const isLook = start.aim === 'look' || (start.aim === 'set' && needsLook(start.remedy));
  const stage = isLook ? 'look' : 'act';
  return {
    ...start,
    ...{ startedAtMs: nowMs, stage, isAsked: false, attemptCount: 0 },
    ...(causeSeq !== undefined && { causeSeq }),
    ...(held && { held }),
  };
}

/** Its end has to be booked, and for that it has to be known what stood before. */
function needsLook({ kind }: Remedy): boolean {
  return kind === 'weigh-alias' || kind === 'reserve-concurrency' || kind === 'switch-event-source';
}

/** Something was asked for it already: it goes on to its end, since who stops halfway leaves a booked end behind. */
export function hasBegun({ isAsked, attemptCount, seen, stale }: RemedyJob): boolean {
  return isAsked || attemptCount > 0 || seen !== undefined || stale !== undefined;
}

/** On top of what stands by now, where it has not begun. */
export function resumeJob(job: RemedyJob, held: Held | undefined): RemedyJob {
  if (hasBegun(job) || job.aim === 'look') return job;
  const { held: _before, ...rest } = job;
  return held ? { ...rest, held } : rest;
}

/** What is to be asked of the world now. */
export function callOf({ stage, remedy, undo, stale, aim, held, seen }: RemedyJob): JobCall {
  switch (stage) {
    case 'look':
      return { kind: 'look', remedy };
    case 'book':
      return { kind: 'book', undo: undo!, because: `what gives back: ${remedy.because}` };
    case 'cancel':
      return { kind: 'cancel', undo: stale!, because: 'it is not to happen any more' };
    case 'act':
      return aim === 'give-back' && held?.undo
        ? { kind: 'give-back', remedy: held.remedy, undo: held.undo }
        : { kind: 'apply', remedy, ...(seen && { before: seen }) };
  }
}

/** True of a call that leaves the world other than it was, so that it is written down before it is made. */
export function changesWorld({ kind }: JobCall): boolean {
  return kind !== 'look';
}

export function askedJob(job: RemedyJob, intentSeq: number | undefined): RemedyJob {
  const { intentSeq: _last, ...rest } = job;
  return { ...rest, isAsked: true, ...(intentSeq !== undefined && { intentSeq }) };
}

export function isDone(job: RemedyJob): job is RemedyJob & { readonly result: JobResult } {
  return job.result !== undefined && job.stage !== 'cancel';
}

export function hearJob(job: RemedyJob, answer: JobAnswer): RemedyJob {
  const heard: RemedyJob = { ...job, isAsked: false };
  if (answer.kind === 'stood') return hearLook(heard, answer.standing);
  const { outcome } = answer;
  switch (job.stage) {
    case 'look':
      return again(heard, outcome) ?? done(heard, { outcome, ...leftOf(job) });
    case 'book': {
      if (outcome.kind === 'accepted') return to(heard, 'act');
      // Of several attempts, or of one whose answer was lost, one may have been taken.
      const isBooked = outcome.kind === 'unknown' || job.attemptCount > 0 || job.isUnsure === true;
      const given: RemedyJob = { ...heard, result: { outcome, ...leftOf(job) } };
      return again(heard, outcome) ?? cancelled(given, isBooked ? newUndo(job) : undefined);
    }
    case 'act':
      return hearAct(heard, outcome);
    case 'cancel':
      // What could not be cancelled happens at its minute, and finds the world as it leaves it or somebody else's: both are said, and neither is worth more calls.
      return again(heard, outcome) ?? to(heard, 'act');
  }
}

function hearLook(job: RemedyJob, seen: Standing): RemedyJob {
  const { remedy, held, isUnsure, startedAtMs, aim } = job;
  if (aim === 'look') {
    const outcome = { kind: 'accepted', atMs: startedAtMs } as const;
    return done(job, { outcome, standing: seen, ...heldOf(job) });
  }
  if (isUnsure && isStanding(remedy, seen, startedAtMs)) return stood(job, { kind: 'accepted', atMs: startedAtMs });
  const looked: RemedyJob = { ...job, seen };
  // A level on top of ours is given back to what stood before the first of them.
  const undoing = undoOf(remedy, held?.before ?? seen);
  switch (undoing.kind) {
    case 'booked': {
      const booked: RemedyJob = { ...looked, undo: undoing.undo, ...(held?.undo && { stale: held.undo }) };
      return to(booked, isSameUndo(undoing.undo, held?.undo) ? 'act' : 'book');
    }
    case 'expires':
    case 'stays':
      return to(looked, 'act');
    case 'stands':
      return done(looked, { outcome: { kind: 'accepted', atMs: startedAtMs }, ...heldOf(job) });
    case 'unknown': {
      const outcome = { kind: 'refused', atMs: startedAtMs, code: 'NotSeen', message: undoing.because } as const;
      return done(looked, { outcome, ...heldOf(job) });
    }
  }
}

function hearAct(job: RemedyJob, outcome: Outcome): RemedyJob {
  const { aim, held, remedy } = job;
  if (aim === 'give-back') {
    // Somebody else's now, and what we booked must not touch it. After any other refusal it stands, and AWS tries at its end.
    const isOver = outcome.kind === 'accepted' || (outcome.kind === 'refused' && outcome.code === 'MovedUnderUs');
    if (isOver) return cancelled({ ...job, result: { outcome } }, held?.undo);
    return again(job, outcome) ?? done(job, { outcome, ...(held && { held }) });
  }
  if (outcome.kind === 'accepted') return stood(job, outcome);
  if (outcome.kind === 'unknown' && job.attemptCount < attemptCountMax && remedy.kind !== 'call-webhook') {
    const unsure: RemedyJob = { ...job, isUnsure: true, attemptCount: job.attemptCount + 1 };
    return to(unsure, isLookedAt(remedy) ? 'look' : 'act');
  }
  // It may stand all the same: then it is ours, and what ends it stays booked.
  if (outcome.kind === 'unknown') return again(job, outcome) ?? done(job, { outcome, held: heldBy(job) });
  return again(job, outcome) ?? cancelled({ ...job, result: { outcome, ...heldOf(job) } }, newUndo(job));
}

/** Nothing of the kind stands behind the others that could be seen. */
function isLookedAt({ kind }: Remedy): boolean {
  return kind !== 'call-webhook' && kind !== 'add-provisioned';
}

function stood(job: RemedyJob, outcome: Outcome): RemedyJob {
  const { held, undo = held?.undo, stale } = job;
  const result: JobResult = { outcome, held: heldBy(job) };
  return cancelled({ ...job, result }, isSameUndo(stale, undo) ? undefined : stale);
}

/** What stands once it has been set. */
function heldBy({ remedy, held, seen, undo = held?.undo }: RemedyJob): Held {
  const before = held?.before ?? seen;
  return { remedy, ...(before && { before }), ...(undo && { undo }) };
}

/** What stands where it was given up on the way: what was set and not heard of may. */
function leftOf(job: RemedyJob): { readonly held?: Held } {
  return job.isUnsure ? { held: heldBy(job) } : heldOf(job);
}

/** The undo that this job booked, and that nothing stands for. */
function newUndo({ undo, held }: RemedyJob): Undo | undefined {
  return isSameUndo(undo, held?.undo) ? undefined : undo;
}

function cancelled(job: RemedyJob, stale: Undo | undefined): RemedyJob {
  return stale ? to({ ...job, stale }, 'cancel') : job;
}

function done(job: RemedyJob, result: JobResult): RemedyJob {
  return { ...job, result };
}

function heldOf({ held }: RemedyJob): { readonly held?: Held } {
  return held ? { held } : {};
}

function to(job: RemedyJob, stage: JobStage): RemedyJob {
  return { ...job, stage, ...(stage === job.stage ? {} : { attemptCount: job.isUnsure ? job.attemptCount : 0 }) };
}

/** The same call once more, where that can help and may be done: each states a level. */
function again(job: RemedyJob, outcome: Outcome): RemedyJob | undefined {
  const isWorthIt = outcome.kind === 'unknown' || outcome.kind === 'throttled' || outcome.kind === 'unavailable';
  if (!isWorthIt || job.attemptCount + 1 >= attemptCountMax) return undefined;
  return { ...job, attemptCount: job.attemptCount + 1 };
}

function isSameUndo(one: Undo | undefined, other: Undo | undefined): boolean {
  return one !== undefined && other !== undefined && JSON.stringify(one) === JSON.stringify(other);
}
