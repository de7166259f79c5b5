/**
 * What an operator has written down before the night: when to act, how far, in which steps, how it is seen that a step helped, and what takes it back.
 *
 * Mental model: a playbook is a value. It is read from YAML once (config/playbooks.ts), and whoever carries it out takes a copy along, so that an edit never changes a run
 * that is under way.
 */
import type { BreakerName } from './remedy.ts';
import type { Mode } from './function-spec.ts';
import type { IncidentSeverity, Verdict } from './incident.ts';

export interface Playbook {
  readonly name: string;
  /** What it is for, in one sentence for people. */
  readonly because: string;
  readonly trigger: PlaybookTrigger;
  readonly guard: PlaybookGuard;
  /** At least one. */
  readonly steps: readonly PlaybookStep[];
  /** After the last step the trouble must be over within this; else all was accepted and nothing helped. */
  readonly helpsWithinMs: number;
}

export type OriginKind = 'edge' | 'function' | 'service' | 'signal';

/** All that is stated must hold; an empty list asks for nothing. */
export interface PlaybookTrigger {
  /** One of these has a finding in the incident. */
  readonly detectors: readonly string[];
  readonly origins: readonly OriginKind[];
  /** Of the origin; `*` stands for any text. */
  readonly keys: readonly string[];
  readonly severityMin: IncidentSeverity;
  readonly verdictMin: Verdict;
  /** A measure of the business, by its name in the configuration, is among the findings. */
  readonly signal?: string;
  /** A new version is among the changes about its beginning. */
  readonly isAfterNewVersion: boolean;
}

export interface PlaybookGuard {
  /** The strictest of this and of what the configuration says of each function and remedy counts. */
  readonly mode: Mode;
  /** Minutes of the local day, the last one excluded; where it ends before it begins it goes over midnight. Absent: always. */
  readonly hours?: { readonly fromMinute: number; readonly untilMinute: number; readonly timeZone: string };
  /** Share of the functions watched that remedies may touch at once, 0…1. */
  readonly fleetShareMax: number;
  /** From the end of a run to the next at the same origin. */
  readonly cooldownMs: number;
  /** Independent observers that confirm the incident. */
  readonly observersMin: number;
}

/** Closed by `kind`. `function`, `key`: a key, or one of `keyWords`. */
export type PlaybookAct =
  | {
      readonly kind: 'reroute';
      readonly function: string;
      /** A number, or `previous`: the one that served last before the one that the alias names. */
      readonly version: string;
      /** 0…1 of the calls. */
      readonly weight: number;
      /** Stays until a person moves the alias. */
      readonly isRollback: boolean;
    }
  | { readonly kind: 'add-provisioned'; readonly function: string; readonly concurrency: number }
  /** Null lifts the limit. */
  | { readonly kind: 'reserve'; readonly function: string; readonly concurrency: number | null }
  | {
      readonly kind: 'event-source';
      readonly function: string;
      readonly uuid: string;
      readonly isEnabled: boolean;
    }
  | { readonly kind: 'redrive'; readonly queueArn: string; readonly messagesPerSecondMax: number }
  /** `breaker`: a name, or `origin`: the first whose callee the incident is about. */
  | { readonly kind: 'breaker'; readonly breaker: BreakerName; readonly state: 'closed' | 'open' }
  | { readonly kind: 'webhook'; readonly target: string; readonly message: string };

export type PlaybookPause =
  | { readonly kind: 'wait'; readonly forMs: number }
  | {
      readonly kind: 'approval';
      readonly question: string;
      readonly withinMs: number;
      readonly onNoAnswer: 'fail' | 'go-on';
    }
  | { readonly kind: 'escalate'; readonly because: string };

/** `origin`: where it begins; where a function is wanted and the origin is an edge, its callee. `caller`, `callee`: the ends of an origin that is an edge. */
export const keyWords = ['origin', 'caller', 'callee'] as const;

export interface PlaybookStep {
  /** Unique in its playbook. */
  readonly id: string;
  readonly does: PlaybookAct | PlaybookPause;
  /** For how long it stands; then the world is as it was without it. */
  readonly standsForMs: number;
  readonly verify?: PlaybookCondition;
  /** What is done when it is to be taken back. `inverse`: what stood before. */
  readonly compensate: 'inverse' | 'none' | PlaybookAct;
  /** `undo`: all steps so far, in reverse, and the end. `next`: this step alone is taken back, and the next one is tried. `leave`: the end, and what stands stays for its time. */
  readonly onFailure: 'leave' | 'next' | 'undo';
  /** `trouble`: left out once the trouble is over. */
  readonly when: 'always' | 'trouble';
}

/** Closed. The ratios are shares of calls; `busyEnvironments` is run time a second (mean concurrency). */
export const playbookMeasures = [
  'busyEnvironments',
  'coldStartRatio',
  'deadLettersPerSecond',
  'errorRatio',
  'requestsPerSecond',
  'slowRatio',
  'throttleRatio',
] as const;
export type PlaybookMeasure = (typeof playbookMeasures)[number];

/** Over `forMs` of live windows, seen within `withinMs` of the step's effect. */
export interface PlaybookCondition {
  readonly key: string;
  readonly measure: PlaybookMeasure;
  /** `ofBefore`: below that multiple of what it was right before the step. */
  readonly bound: { readonly below: number } | { readonly ofBefore: number };
  readonly forMs: number;
  readonly withinMs: number;
  /** Fewer calls than this say nothing, neither good nor bad. */
  readonly requestCountMin: number;
  /** No call at all is what was wanted: somebody was paused. */
  readonly isSilenceFine: boolean;
}
