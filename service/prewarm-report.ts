/** What became of a pre-warm, in the words of the audit log; and the incident when it will not be there in time. */
import type { Mode } from '../core/function-spec.ts';
import { assertNever } from '../core/assert.ts';
import { formatInstant, msPerMinute, type EpochMs } from '../core/time.ts';
import type { Incidents, Note } from './incidents.ts';
import type { PrewarmNews } from './prewarm-ledger.ts';

export interface ReportContext {
  readonly note: Note;
  readonly incidents: Incidents;
  readonly nowMs: EpochMs;
  readonly mode: Mode;
  /** The plan that made the promise. */
  readonly planSeq: number | undefined;
}

export function reportPrewarm(
  { prewarm, turn }: PrewarmNews,
  { note, incidents, nowMs, mode, planSeq }: ReportContext,
): void {
  const { key, eventId, eventAtMs, concurrency, readyAtMs } = prewarm;
  const minutes = (Math.abs(eventAtMs - nowMs) / msPerMinute).toFixed(1);
  const cause = planSeq === undefined ? {} : { causeSeq: planSeq };
  const body = (because: string) => ({ function: key, eventId, eventAtMs, concurrency, readyAtMs, because });
  switch (turn) {
    case 'ready':
      note({
        kind: 'prewarm.ready',
        ...cause,
        body: body(`${concurrency} seen available ${minutes} min before ${eventId}`),
      });
      incidents.close(note, key, 'prewarm-late', `${concurrency} are available after all`);
      return;
    case 'lost':
      note({ kind: 'prewarm.lost', ...cause, body: body(`${concurrency} were available and are not any more`) });
      return;
    case 'late': {
      // In shadow nothing was asked for, so nothing can be late.
      if (mode !== 'enforce') return;
      const because = `${concurrency} for ${eventId} at ${formatInstant(eventAtMs)} are not available ${minutes} min before it`;
      note({ kind: 'prewarm.late', ...cause, body: body(because) });
      incidents.report(note, key, 'prewarm-late', because);
      return;
    }
    case 'met':
    case 'missed':
      // From here on it is a matter of what the requests get, not of what was promised.
      incidents.close(note, key, 'prewarm-late', `${eventId} has begun`);
      return;
    default:
      assertNever(turn);
  }
}
