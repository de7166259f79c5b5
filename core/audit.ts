/**
 * The record of what was known, decided, done and answered, for people who were not there. Each event names what caused it, so that a
 * question ("why was this warm at 08:25?") is answered by walking `causeSeq` back to the inputs.
 *
 * The log is a chain: an event carries the hash of the one before it (store/audit-log.ts). What a secret was is never written.
 */
import type { Json } from './json.ts';
import type { EpochMs } from './time.ts';

/** Everything that can be said, and what it means. Closed: a new kind of event gets a line here first. */
export const auditKinds = {
  'action.intended': 'an action passed the gate and is about to be tried: written before the effect',
  'action.outcome': 'what the world answered to an intended action: written after the effect',
  'action.refused': 'an action that the gate did not let through, with the reason',
  'approval.answered': 'a human said yes or no to what was asked; the actor is the person',
  'approval.asked': 'a human is asked, reminded or told aloud that something waits for a yes, within which bounds',
  'approval.ended':
    'what was asked is over without an answer: too late, no longer wanted, or more is wanted and it is asked anew',
  'brake.changed': 'the brake that stops all remedies went on, by itself or by a human, or a human took it off',
  'breaker.moved':
    'a breaker lets through another share of the calls to its callee: from which state to which, and why',
  'calendar.changed':
    'another calendar version is in force: what was added, moved, cancelled or removed, by whom, from where',
  'calendar.confirmed': 'a human said that a doubted calendar is right: what was kept warm beside it is let go',
  'calendar.doubted':
    'something in a calendar is not as its kind always was, or its feed is not: a finding, or a notice within 24 h',
  'calendar.loaded': 'a calendar version took effect, named by its hash',
  'calendar.recovered': 'a calendar that could not be read can be read again',
  'calendar.refused': 'a calendar could not be read, or has faults: what it said last stays in force',
  'config.changed': 'an edited configuration was taken over: which settings differ',
  'config.loaded': 'a configuration took effect, named by its hash',
  'config.refused': 'an edited configuration has faults, or wants a restart: the one before stays in force',
  'finding.seen':
    'what a detector found in spans when it began to stand: trouble, or a notice that harms nobody, with its numbers',
  'history.loaded': 'volume history was read, with what it spans and what was wrong in it',
  'hold.changed': 'an operator wants a function or a group left as it is, or does no longer',
  'incident.changed':
    'an incident that spans show is another than it was: its origin, severity or state, what silences it, who has seen it',
  'incident.closed': 'trouble is over',
  'incident.opened': 'trouble that a person should know of, with its evidence',
  'mode.changed': 'a function moved between shadow, advise and enforce, or an operator held it',
  'notification.answered':
    'what somebody did where they were told: acknowledged it, or resolved it; the actor is the person',
  'notification.dropped': 'a message to people that will not be told any more: to whom, and why',
  'notification.intended':
    'a message to people is about to be tried: to whom, how loudly, by which rule; written before it leaves',
  'notification.outcome': 'what became of an attempt to tell people, and what follows from it',
  'notification.withheld': 'trouble that nobody is told of, with the reason',
  'plan.decided': 'which capacity is wanted when, with the inputs that it was computed from',
  'playbook.decided': 'a step of a playbook passed the gate: what it sets, or takes back, and until when',
  'playbook.ended': 'a run of a playbook is over: whether it helped, and why not',
  'playbook.escalated': 'a playbook has done what it could, and a person has to go on',
  'playbook.held': 'a playbook that is about an incident does not begin, with the reason',
  'playbook.moved': 'a run of a playbook came to its next step, or took one back',
  'playbook.started': 'a playbook begins for an incident',
  'prewarm.late': 'capacity was not verified ready in time before its event',
  'prewarm.lost': 'capacity that was ready is not any more',
  'prewarm.ready': 'capacity was observed ready before its event',
  'service.started': 'the service began to decide, with its release and its position in the log',
  'service.stopped': 'the service stopped in good order',
  'store.pruned': 'what was older than it is kept was removed: how much of it, and by which rule',
  'surge.seen': 'more came than was foretold, or no more does: what it does to the capacity held, and what follows',
} as const satisfies Readonly<Record<string, string>>;

export type AuditKind = keyof typeof auditKinds;

/** An event before it has its place in the chain. */
export interface AuditDraft {
  readonly atMs: EpochMs;
  readonly kind: AuditKind;
  /** Who decided: `engine`, `service`, `operator:<name>`. */
  readonly actor: string;
  /** The event that led to this one; always an earlier one. */
  readonly causeSeq?: number;
  /** The inputs and the reason; `because` holds the one sentence for people. */
  readonly body: Readonly<Record<string, Json>>;
}

export interface AuditEvent {
  /** 0, 1, 2 … without a gap. */
  readonly seq: number;
  readonly schemaVersion: number;
  readonly atMs: EpochMs;
  /** One of `auditKinds`; read from a log, it may be one that only a later release knows. */
  readonly kind: string;
  readonly actor: string;
  readonly causeSeq: number | null;
  readonly body: Readonly<Record<string, Json>>;
  /** SHA-256 of the event before, in hexadecimal; 64 zeros in the first. */
  readonly prevHash: string;
  /** SHA-256 over the canonical JSON (RFC 8785) of all the other fields, in hexadecimal. */
  readonly hash: string;
}
