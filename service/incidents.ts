/**
 * Trouble that a person should know of: opened once, closed once, and counted. Saying the same again changes nothing, so that whoever sees trouble may
 * say so every second.
 */
import type { AuditDraft } from '../core/audit.ts';
import type { FunctionKey } from '../core/series-key.ts';

export type IncidentKind =
  /** Lambda cannot start the function: more of the same makes it worse. */
  | 'initialisation-failed'
  /** For a while nobody has been able to tell what Lambda holds. */
  | 'cannot-verify'
  /** An event is three minutes away and its capacity is not there. */
  | 'prewarm-late'
  /** Capacity was verified in an event's window, and is not as it was any more. */
  | 'ready-lost'
  /** Another hand set more than is held, in an event's window: theirs, and nothing is lost by it. */
  | 'another-hand'
  /** There is no scalable target that could be steered as high as an event wants it. */
  | 'cannot-steer'
  /** A raise waits for a deployment that is not ours. */
  | 'deployment-in-flight'
  /** AWS does not take the call that would end a raise, so there is no raise. */
  | 'cannot-book'
  /** More comes than was foretold, and than what is held can serve. */
  | 'surge'
  /** More than one call in twenty to the control plane fails. */
  | 'control-plane-errs'
  /** An event is half an hour away, and nobody has said yes or no to its pre-warm. */
  | 'approval-missing'
  /** A target of on-call is gone, or takes nothing: pages to it reach nobody. */
  | 'on-call-fails'
  /** Capacity that an earlier run asked for, and that nobody gives back under this configuration. */
  | 'left-behind';

/** What an incident is about: a function, or the account that all of them share. */
export type IncidentSubject = FunctionKey | 'account';

/** Writes an event, and answers the number that it will get. */
export type Note = (draft: Omit<AuditDraft, 'atMs' | 'actor'>) => number;

/** By function and kind: the number of the event that opened it. */
export type OpenIncidents = Readonly<Record<string, number>>;

/** Trouble of our own work, as people see it. */
export interface OwnIncident {
  readonly id: string;
  readonly subject: IncidentSubject;
  readonly kind: IncidentKind;
  /** The audit event that opened it. */
  readonly openedSeq: number;
  /** Undefined where an earlier run opened it: the audit event says why. */
  readonly because: string | undefined;
}

export interface Incidents {
  /** Opens an incident, unless it is open. */
  report(note: Note, key: IncidentSubject, kind: IncidentKind, because: string, about?: AuditDraft['body']): void;
  /** Closes an incident, if it is open. */
  close(note: Note, key: IncidentSubject, kind: IncidentKind, because: string): void;
  isOpen(key: IncidentSubject, kind: IncidentKind): boolean;
  /** Those that are open, for people. */
  readonly list: () => readonly OwnIncident[];
  /** The same object until one is opened or closed. */
  open(): OpenIncidents;
  /** Opened since the start. */
  readonly count: () => number;
}

/** Goes on from where an earlier run left: what it opened is neither told again nor forgotten. */
export function createIncidents(known: OpenIncidents = {}): Incidents {
  let open = known;
  let count = 0;
  const reasons = new Map<string, string>();
  return {
    count: () => count,
    open: () => open,
    list: () =>
      Object.entries(open).map(([id, openedSeq]) => {
        const [subject, kind] = id.split(' ') as [IncidentSubject, IncidentKind];
        return { id, subject, kind, openedSeq, because: reasons.get(id) };
      }),
    isOpen: (key, kind) => open[`${key} ${kind}`] !== undefined,
    report(note, key, kind, because, about = {}) {
      const id = `${key} ${kind}`;
      if (open[id] !== undefined) return;
      count++;
      reasons.set(id, because);
      open = {
        ...open,
        [id]: note({ kind: 'incident.opened', body: { function: key, incident: kind, ...about, because } }),
      };
    },
    close(note, key, kind, because) {
      const id = `${key} ${kind}`;
      const openedSeq = open[id];
      if (openedSeq === undefined) return;
      const { [id]: _closed, ...others } = open;
      open = others;
      reasons.delete(id);
      note({ kind: 'incident.closed', causeSeq: openedSeq, body: { function: key, incident: kind, because } });
    },
  };
}
