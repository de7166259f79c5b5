/** All runs together: which begin, and one tick of each. Plain JSON, sealed with the tick. */
import type { Incident } from '../../core/incident.ts';
import type { Playbook } from '../../core/playbook.ts';
import { msPerDay, type EpochMs } from '../../core/time.ts';
import { hear } from './hear.ts';
import { next, startRun } from './next.ts';
import { isTrouble, type PlaybookMoment, type PlaybookNews, type PlaybookWant, type Run } from './run.ts';
import { whyNotNow, whyNotTriggered, type Earlier } from './trigger.ts';

export interface PlaybookBook {
  /** Under way, and ended ones while they may still keep another from beginning. */
  readonly runs: readonly Run[];
  /** Why a playbook that is about an incident has not begun, by both, as it is on record. */
  readonly held: Readonly<Record<string, string>>;
}

export const emptyPlaybookBook: PlaybookBook = { runs: [], held: {} };

/** Enough for a bad night; the oldest that ended go first. */
const runCountMax = 200;
const keptMsMin = msPerDay;

/** What a tick made of one run: for the record. */
export interface PlaybookEntry {
  readonly kind: 'ended' | 'held' | 'moved' | 'started';
  readonly playbook: string;
  readonly incidentId: string;
  /** Absent: it has not begun. */
  readonly runId?: string;
  readonly says: readonly string[];
}

export interface PlaybookTick {
  readonly book: PlaybookBook;
  readonly wants: readonly PlaybookWant[];
  readonly entries: readonly PlaybookEntry[];
}

export function hearPlaybooks(book: PlaybookBook, news: PlaybookNews): PlaybookBook {
  return { ...book, runs: book.runs.map((run) => hear(run, news)) };
}

/** Begins what may begin, in the order of the playbooks, and takes every run as far as it goes now. */
export function advancePlaybooks(
  before: PlaybookBook,
  playbooks: readonly Playbook[],
  moment: PlaybookMoment,
): PlaybookTick {
  const entries: PlaybookEntry[] = [];
  const { runs: begun, held } = begin(before, playbooks, moment, entries);
  const wants: PlaybookWant[] = [];
  const runs = begun.map((run) => {
    if (run.phase === 'ended') return run;
    const taken = next(run, moment);
    wants.push(...taken.wants);
    if (taken.says.length > 0)
      entries.push({
        kind: taken.run.phase === 'ended' ? 'ended' : 'moved',
        ...{ playbook: run.playbook.name, incidentId: run.incidentId, runId: run.id, says: taken.says },
      });
    return taken.run;
  });
  return { book: { runs: forget(runs, moment), held }, wants, entries };
}

function begin(
  { runs: before, held: heldBefore }: PlaybookBook,
  playbooks: readonly Playbook[],
  moment: PlaybookMoment,
  entries: PlaybookEntry[],
): PlaybookBook {
  const runs = [...before];
  const held: Record<string, string> = {};
  for (const incident of moment.incidents.filter(isTrouble)) {
    for (const playbook of playbooks) {
      const id = `${playbook.name}:${incident.id}`;
      if (whyNotTriggered(playbook, incident) !== undefined || hasRun(runs, playbook.name, incident.id)) continue;
      const about = { playbook: playbook.name, incidentId: incident.id };
      const because = whyNotNow(playbook, incident, { earlier: runs.map(earlierOf), moment });
      if (because === undefined) {
        const run = startRun(playbook, incident, { nowMs: moment.nowMs, by: 'engine' });
        runs.push(run);
        entries.push({
          kind: 'started',
          ...about,
          runId: run.id,
          says: [`${playbook.name} begins: ${playbook.because}`],
        });
        continue;
      }
      // A length of time is another text each second: what is on record is told by its first words.
      held[id] = because.replace(/\d+/g, '#');
      if (heldBefore[id] !== held[id]) entries.push({ kind: 'held', ...about, says: [because] });
    }
  }
  return { runs, held };
}

function hasRun(runs: readonly Run[], name: string, incidentId: string): boolean {
  return runs.some((run) => run.playbook.name === name && run.incidentId === incidentId);
}

/** What keeps others from beginning. */
export function earlierRuns({ runs }: PlaybookBook): readonly Earlier[] {
  return runs.map(earlierOf);
}

function earlierOf({ playbook, incidentId, origin, end }: Run): Earlier {
  return { playbook: playbook.name, incidentId, origin, endedAtMs: end?.atMs };
}

/** By a person, whatever its trigger and hours say; the gate is asked all the same. Answers why not, where another run is under way. */
export function beginByHand(
  book: PlaybookBook,
  playbook: Playbook,
  { incident, by, nowMs }: { readonly incident: Incident; readonly by: string; readonly nowMs: EpochMs },
): { readonly book: PlaybookBook; readonly run: Run } | { readonly refused: string } {
  const other = book.runs.find(
    ({ phase, incidentId, origin }) => phase !== 'ended' && (incidentId === incident.id || origin === incident.origin),
  );
  if (other) return { refused: `${other.playbook.name} is under way at the same place` };
  const ordinal =
    1 + book.runs.filter((run) => run.playbook.name === playbook.name && run.incidentId === incident.id).length;
  const run = startRun(playbook, incident, { nowMs, by, ordinal });
  return { book: { ...book, runs: [...book.runs, run] }, run };
}

/** An ended run is kept while its incident is not over, and while it cools down. */
function forget(runs: readonly Run[], { incidents, nowMs }: PlaybookMoment): readonly Run[] {
  const open = new Set(incidents.map(({ id }) => id));
  const kept = runs.filter(
    ({ end, incidentId, playbook }) =>
      !end || open.has(incidentId) || nowMs < end.atMs + Math.max(keptMsMin, playbook.guard.cooldownMs),
  );
  const surplus = kept.length - runCountMax;
  if (surplus <= 0) return kept;
  const oldest = new Set(kept.filter(({ end }) => end).slice(0, surplus));
  return kept.filter((run) => !oldest.has(run));
}
