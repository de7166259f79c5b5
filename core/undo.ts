/**
 * The call by which AWS gives a remedy back at its end, should nobody have done so before: what stood before us, as a level.
 *
 * Like a booking it never changes: another instant or level is another undo. Its name says what it does to what and when, so that a list of schedules can be read by people.
 */
import { assert, assertNever } from './assert.ts';
import { bookingNamePrefix } from './booking.ts';
import type { FunctionKey } from './series-key.ts';
import { tagOf } from './tag.ts';
import { msPerMinute, type EpochMs } from './time.ts';

interface UndoBase {
  readonly key: FunctionKey;
  /** A whole minute: finer is not offered. The call comes within the minute that begins there. */
  readonly atMs: EpochMs;
}

/** Closed by `kind`. */
export type Undo = RestoreWeights | RestoreReserved | RestoreEventSource;

export interface RestoreWeights extends UndoBase {
  readonly kind: 'restore-weights';
  /** By version, one at most; empty gives all calls back to the version that the alias names by then. */
  readonly weights: Readonly<Record<string, number>>;
}

export interface RestoreReserved extends UndoBase {
  readonly kind: 'restore-reserved';
  readonly concurrency: number | null;
}

export interface RestoreEventSource extends UndoBase {
  readonly kind: 'restore-event-source';
  readonly uuid: string;
  readonly isEnabled: boolean;
}

/** Schedules that give remedies back, and no others, begin with it. */
export const undoNamePrefix = `${bookingNamePrefix}undo-`;

const letterOf: Readonly<Record<Undo['kind'], string>> = {
  'restore-weights': 'w',
  'restore-reserved': 'c',
  'restore-event-source': 's',
};

/**
 * `foreshock-undo-90c1b2a3d4e5f607-c-202611201350-none`: of what, which kind, when, what then. At most 64 characters: the limit of EventBridge Scheduler.
 */
export function undoNameOf(undo: Undo): string {
  assert(undo.atMs % msPerMinute === 0, 'an undo is for a whole minute');
  const minute = new Date(undo.atMs).toISOString().slice(0, 16).replace(/\D/g, '');
  const name = `${undoNamePrefix}${tagOf(subjectOf(undo))}-${letterOf[undo.kind]}-${minute}-${levelOf(undo)}`;
  assert(name.length <= 64, `the name of a schedule is too long: ${name}`);
  return name;
}

function subjectOf(undo: Undo): string {
  return undo.kind === 'restore-event-source' ? `${undo.key} ${undo.uuid}` : undo.key;
}

/** Weights to the millionth: nobody splits finer. */
function levelOf(undo: Undo): string {
  switch (undo.kind) {
    case 'restore-weights': {
      const [first] = Object.entries(undo.weights);
      return first ? `${first[0]}.${Math.round(first[1] * 1e6)}` : 'none';
    }
    case 'restore-reserved':
      return undo.concurrency === null ? 'none' : String(undo.concurrency);
    case 'restore-event-source':
      return undo.isEnabled ? 'on' : 'off';
    default:
      return assertNever(undo);
  }
}
