/**
 * Decides again what was decided: from the recorded facts, with the options, calendar and histories that each start named, by the engine of this release. Then compares
 * with what is on record, to the byte.
 *
 * A run is what lies between two starts. Its state follows from the snapshot that it began with and every tick since, so a run is always replayed from its start,
 * whatever part of it is asked for; a run whose first facts were pruned cannot be.
 */
import { InputError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import type { Store, Stored } from '../core/ports.ts';
import {
  createRun,
  differenceCountMax,
  eventOf,
  Unreplayable,
  type Attempt,
  type Difference,
  type Group,
  type ReplayedDecision,
  type ReplayedRun,
  type ReplayOptions,
  type RunResult,
  type RunStart,
} from './replay-run.ts';

export interface Replay {
  readonly runs: readonly ReplayedRun[];
  /** The first of each run, in order. */
  readonly differences: readonly Difference[];
  readonly decision: ReplayedDecision | null;
}

/**
 * @throws InputError when a row does not hold, or there is no such event.
 */
export async function replay(store: Store, options: ReplayOptions = {}): Promise<Replay> {
  const wanted = chooseRuns(await findRuns(store), options);
  const runs: ReplayedRun[] = [];
  const differences: Difference[] = [];
  let decision: ReplayedDecision | null = null;
  for (const start of wanted) {
    const run = await replayRun(store, start, options);
    runs.push(run.summary);
    differences.push(...run.differences.slice(0, differenceCountMax - differences.length));
    decision = run.decision ?? decision;
  }
  if (options.seq !== undefined && decision === null && runs.every(({ unreplayed }) => unreplayed === null)) {
    throw new InputError(
      'replay',
      `event ${options.seq} is no decision of the engine: nothing of it can be recomputed`,
    );
  }
  return { runs, differences, decision };
}

async function findRuns(store: Store): Promise<readonly RunStart[]> {
  const starts: Omit<RunStart, 'untilPosition' | 'untilSeq' | 'untilMs'>[] = [];
  let lastSeq = -1;
  for await (const stored of store.read(0, 'audit')) {
    const { seq, kind, atMs, body } = eventOf(stored);
    lastSeq = seq;
    if (kind !== 'service.started') continue;
    starts.push({ position: stored.position, seq, atMs, body, release: textOf(body['release']) });
  }
  return starts.map((start, index) => {
    const next = starts[index + 1];
    return {
      ...start,
      untilPosition: next?.position ?? Infinity,
      untilSeq: next?.seq ?? lastSeq + 1,
      untilMs: next?.atMs ?? Infinity,
    };
  });
}

function chooseRuns(runs: readonly RunStart[], { seq, fromMs, untilMs }: ReplayOptions): readonly RunStart[] {
  if (runs.length === 0)
    throw new InputError('replay', 'no start of a service is on record: there is nothing to replay');
  if (seq !== undefined) {
    const run = runs.find((one) => one.seq <= seq && seq < one.untilSeq);
    if (run) return [run];
    throw new InputError('replay', `event ${seq} is not on record, or its run began before what is kept`);
  }
  return runs.filter((run) => run.untilMs > (fromMs ?? -Infinity) && run.atMs < (untilMs ?? Infinity));
}

async function replayRun(store: Store, start: RunStart, options: ReplayOptions): Promise<RunResult> {
  const heard = await attempt(store, start, { ...options, lastTick: 'hear' });
  if (!heard.endsOtherwise) return heard;
  // The record does not say whether the last tick before a stop was judged whole or only heard what came: it was the one that comes out as recorded.
  const ticked = await attempt(store, start, { ...options, lastTick: 'tick' });
  return ticked.endsOtherwise ? heard : ticked;
}

async function attempt(
  store: Store,
  start: RunStart,
  options: Attempt,
): Promise<RunResult & { endsOtherwise: boolean }> {
  const run = createRun(store, start, options);
  let unreplayed: string | null = null;
  try {
    for await (const group of groupsOf(store, start)) {
      if (run.isOver(group)) break;
      await run.judge(group);
    }
  } catch (error) {
    // What can be said of one run without the others: its blobs are gone, its facts were pruned, its release judged otherwise.
    if (!(error instanceof Unreplayable)) throw error;
    unreplayed = error.message;
  }
  return run.result(unreplayed);
}

async function* groupsOf(store: Store, { position, untilPosition }: RunStart): AsyncGenerator<Group> {
  let group: Group = { rows: undefined, events: [] };
  let deltas: Stored | undefined;
  for await (const stored of store.read(position)) {
    if (stored.position >= untilPosition) break;
    if (stored.stream === 'audit') group.events.push(stored);
    if (stored.stream === 'deltas') deltas = stored;
    if (stored.stream !== 'tick') continue;
    yield group;
    group = { rows: { tick: stored, deltas }, events: [] };
    deltas = undefined;
  }
  yield group;
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : 'unknown';
}
