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
  | 'prewarm-late';

/** Writes an event, and answers the number that it will get. */
export type Note = (draft: Omit<AuditDraft, 'atMs' | 'actor'>) => number;

export interface Incidents {
  open(note: Note, key: FunctionKey, kind: IncidentKind, because: string): void;
  close(note: Note, key: FunctionKey, kind: IncidentKind, because: string): void;
  /** Opened since the start. */
  readonly count: () => number;
}

export function createIncidents(): Incidents {
  /** By function and kind: the number of the event that opened it. */
  const open = new Map<string, number>();
  let count = 0;
  return {
    count: () => count,
    open(note, key, kind, because) {
      const id = `${key} ${kind}`;
      if (open.has(id)) return;
      count++;
      open.set(id, note({ kind: 'incident.opened', body: { function: key, incident: kind, because } }));
    },
    close(note, key, kind, because) {
      const id = `${key} ${kind}`;
      const openedSeq = open.get(id);
      if (openedSeq === undefined) return;
      open.delete(id);
      note({ kind: 'incident.closed', causeSeq: openedSeq, body: { function: key, incident: kind, because } });
    },
  };
}
