/**
 * How far a playbook has come: plain JSON, sealed with the tick that changed it, so that a crash resumes where it was.
 *
 * Mental model: a run is a saga. Each step that acts has one effect forth and, when it is taken back, one effect back; an effect is a level with its end, and walks
 * `proposed → intended → accepted | refused | unknown`. Nothing is proposed again before it is known that it does not stand.
 */
import type { Outcome } from '../../core/action.ts';
import type { Corroboration } from '../../core/corroboration.ts';
import type { Incident } from '../../core/incident.ts';
import type { Mode } from '../../core/function-spec.ts';
import type { Playbook } from '../../core/playbook.ts';
import type { Remedy, Standing } from '../../core/remedy.ts';
import type { EpochMs } from '../../core/time.ts';
import type { WindowKey } from '../../core/window.ts';
import type { VersionSeen } from '../service-graph.ts';

/**
 * `helped`: the trouble was over after its steps. `without-effect`: all was accepted, and the trouble stayed. `failed`: a step could not be made. `shadow`: the gate keeps it
 * from acting, so nothing more can be learned. `nothing-done`: no step changed anything. `stopped`: by a person.
 */
export type RunEndKind = 'failed' | 'helped' | 'nothing-done' | 'shadow' | 'stopped' | 'without-effect';

export interface Run {
  /** `<playbook>:<incident>`, with `#2` … where a person began it again. */
  readonly id: string;
  /** As it was when the run began. */
  readonly playbook: Playbook;
  readonly incidentId: string;
  /** As it was when the run began: a corrected origin moves nobody's target. */
  readonly origin: WindowKey;
  /** `engine`, or who asked for it. */
  readonly by: string;
  readonly startedAtMs: EpochMs;
  /** The step that is under way; one beyond the last while it is judged whether all of it helped. */
  readonly at: number;
  readonly phase: 'ended' | 'judging' | 'steps' | 'undoing';
  readonly phaseSinceMs: EpochMs;
  readonly steps: readonly StepRun[];
  /** Of `undoing`: the steps to take back, the next one first, and where it goes on. */
  readonly undo?: { readonly queue: readonly number[]; readonly then: number | 'end' };
  readonly failure?: { readonly kind: Exclude<RunEndKind, 'helped' | 'nothing-done'>; readonly because: string };
  readonly end?: { readonly kind: RunEndKind; readonly atMs: EpochMs; readonly because: string };
}

export type StepRunState =
  'ahead' | 'asked' | 'doing' | 'done' | 'failed' | 'looking' | 'skipped' | 'undone' | 'verifying' | 'waiting';

export interface StepRun {
  readonly state: StepRunState;
  readonly sinceMs: EpochMs;
  readonly because?: string;
  /** How its target stood before it. */
  readonly before?: Standing;
  readonly hasLooked?: true;
  /** What `verify` measures, right before it. */
  readonly measuredBefore?: number;
  /** Live windows from here on say something about it. */
  readonly judgeFromMs?: EpochMs;
  readonly forth?: Effect;
  readonly back?: Effect;
  /** Of an approval. */
  readonly answer?: { readonly isYes: boolean; readonly by: string; readonly because: string };
}

export interface Effect {
  readonly state: 'accepted' | 'given-up' | 'intended' | 'proposed' | 'refused' | 'unknown';
  readonly remedy: Remedy;
  /** From 1. */
  readonly attempt: number;
  readonly firstAtMs: EpochMs;
  readonly sinceMs: EpochMs;
  readonly notBeforeMs?: EpochMs;
  readonly intentSeq?: number;
  /** Why it waits, or was refused. */
  readonly because?: string;
  /** Once nobody could say whether it stood. */
  readonly wasUnknown?: true;
  /** A human is asked by the gate. */
  readonly isAsked?: true;
}

export type Way = 'back' | 'forth';

/** What a run wants of the engine. `remedy` and `look` are said at each tick until they are answered, the others once. */
export type PlaybookWant =
  | {
      readonly kind: 'remedy';
      /** The same at each tick, another at each attempt. */
      readonly id: string;
      readonly runId: string;
      readonly incidentId: string;
      readonly way: Way;
      readonly remedy: Remedy;
      readonly bounds: { readonly mode: Mode; readonly fleetShareMax: number; readonly observersMin: number };
    }
  /** Where this remedy's target stands now. */
  | { readonly kind: 'look'; readonly id: string; readonly runId: string; readonly remedy: Remedy }
  | {
      readonly kind: 'ask';
      readonly id: string;
      readonly runId: string;
      readonly incidentId: string;
      readonly question: string;
      readonly untilMs: EpochMs;
    }
  | {
      readonly kind: 'escalate';
      readonly id: string;
      readonly runId: string;
      readonly incidentId: string;
      readonly because: string;
    };

/** What became of what a run wanted. What is about nothing that is waited for is passed over. */
export type PlaybookNews =
  /** The gate did not let it on now. */
  | {
      readonly kind: 'stopped-by-gate';
      readonly id: string;
      readonly stop: {
        readonly kind: 'ask' | 'refuse' | 'wait';
        readonly stage: string;
        readonly reason: string;
      };
    }
  /** It passed the gate, and its intent has this number in the chain. */
  | { readonly kind: 'intended'; readonly id: string; readonly seq: number; readonly atMs: EpochMs }
  | { readonly kind: 'outcome'; readonly id: string; readonly outcome: Outcome }
  /** `isStanding`: the world is already as the remedy wants it. */
  | {
      readonly kind: 'looked';
      readonly id: string;
      readonly atMs: EpochMs;
      readonly standing?: Standing;
      readonly isStanding: boolean;
    }
  | {
      readonly kind: 'answered';
      readonly id: string;
      readonly isYes: boolean;
      readonly by: string;
      readonly because: string;
    }
  /** A person ends it: what it did is taken back. */
  | {
      readonly kind: 'stop';
      readonly id: string;
      readonly by: string;
      readonly because: string;
      readonly atMs: EpochMs;
    }
  /** The service began again: what was intended and has no outcome is not known. */
  | { readonly kind: 'restarted'; readonly atMs: EpochMs };

/** Of one key over [fromMs, untilMs), as live windows have it now. */
export interface PlaybookCounts {
  readonly requestCount: number;
  readonly errorCount: number;
  readonly throttleCount: number;
  readonly coldStartCount: number;
  readonly slowCount: number;
  readonly deadLetterCount: number;
  /** Run time added up. */
  readonly busyMs: number;
}

export interface PlaybookMoment {
  readonly nowMs: EpochMs;
  /** Live windows before this are as good as whole. */
  readonly seenUntilMs: EpochMs;
  /** All that are not resolved. */
  readonly incidents: readonly Incident[];
  /** Undefined: the key is not known. */
  countsOf(key: string, fromMs: EpochMs, untilMs: EpochMs): PlaybookCounts | undefined;
  /** Provisioned concurrency of an alias; undefined: none. */
  provisionedOf(key: string): { readonly concurrency: number; readonly initDurationMs: number } | undefined;
  versionsOf(key: string): readonly VersionSeen[];
  /** Names of the breakers whose callee an origin is about. */
  breakersOf(origin: string): readonly string[];
  corroborationOf(incident: Incident): Corroboration;
}

/** `says`: for the record and for people. */
export interface PlaybookStepTaken {
  readonly run: Run;
  readonly wants: readonly PlaybookWant[];
  readonly says: readonly string[];
}

export function effectIdOf(run: Pick<Run, 'id' | 'playbook'>, index: number, way: Way, attempt: number): string {
  return `${run.id}/${run.playbook.steps[index]!.id}/${way}/${attempt}`;
}

export function stepIdOf(run: Pick<Run, 'id' | 'playbook'>, index: number): string {
  return `${run.id}/${run.playbook.steps[index]!.id}`;
}

export function isTrouble(incident: Incident | undefined): boolean {
  return incident?.state === 'open' || incident?.state === 'acknowledged';
}
