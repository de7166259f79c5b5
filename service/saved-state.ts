/** The state of the engine in the store: saved now and then, and brought up to the last row by the ticks that came after. */
import { InputError } from '../core/errors.ts';
import type { Position, Store } from '../core/ports.ts';
import type { WindowDelta } from '../core/window.ts';
import { readTicks, type TickRows } from '../store/delta-log.ts';
import { readTick } from '../store/tick-log.ts';
import { foldSealed, type EngineSnapshot, type SealedTick } from './engine-snapshot.ts';
import { createSpanReader, PrunedError } from './span-facts.ts';
import type { SystemOptions } from './system-options.ts';
import { createWatchRecovery } from './trace-watch.ts';
import { detectionOptionsOf } from './watch-options.ts';

const snapshotName = 'engine';
// One version, replaced each time: only the latest state is ever gone back to.
const snapshotVersion = 'latest';

export interface SavedSnapshot {
  /** Ticks from here on came after it. */
  readonly position: Position;
  readonly engine: EngineSnapshot;
}

const emptySnapshot: EngineSnapshot = { pursuits: {}, openIntents: {} };
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export async function saveState(store: Store, saved: SavedSnapshot): Promise<void> {
  await store.put(snapshotName, snapshotVersion, encoder.encode(JSON.stringify(saved)));
}

/**
 * The last snapshot, brought up to the head by the ticks that were sealed after it.
 *
 * @throws InputError when one of them is damaged.
 */
export async function recoverState(
  store: Store,
  options: Pick<SystemOptions, 'watch'>,
  head: Position,
): Promise<EngineSnapshot> {
  const saved = await store.get(snapshotName);
  const latest: SavedSnapshot = saved
    ? (JSON.parse(decoder.decode(saved.bytes)) as SavedSnapshot)
    : { position: 0, engine: emptySnapshot };
  if (latest.position >= head) return latest.engine;
  const { watch: savedWatch, ...engine } = latest.engine;
  let snapshot: EngineSnapshot = engine;
  const recovery = createWatchRecovery(detectionOptionsOf(options), savedWatch);
  const reader = createSpanReader(store);
  for await (const rows of readTicks(store, latest.position)) {
    const reading = readTick(rows.tick);
    if (!reading.ok) {
      const message = `row ${rows.tick.position} of the store is damaged (${reading.reason}): run "foreshock audit verify", and start on a new store`;
      throw new InputError('tick-broken', message);
    }
    const sealed = JSON.parse(reading.text) as SealedTick;
    snapshot = foldSealed(snapshot, sealed);
    if (sealed.facts.some(({ kind }) => kind === 'unwatched')) recovery.passOver(sealed.atMs);
    const deltas = await deltasOf(sealed, rows, reader);
    if (deltas) recovery.tick(sealed.atMs, deltas);
    else recovery.passOver(sealed.atMs);
    if (sealed.toldIncidents) recovery.tell(sealed.toldIncidents, sealed.endedIncidents ?? []);
  }
  const watch = recovery.result();
  // As a replay will read it, which knows the text alone.
  return watch ? (JSON.parse(JSON.stringify({ ...snapshot, watch })) as EngineSnapshot) : snapshot;
}

/** What a tick was judged from; undefined where it was pruned: nobody can look at it again. */
async function deltasOf(
  { facts }: SealedTick,
  rows: TickRows,
  reader: ReturnType<typeof createSpanReader>,
): Promise<readonly WindowDelta[] | undefined> {
  const deltas: WindowDelta[] = [];
  try {
    for (const fact of facts) if (fact.kind === 'deltas') deltas.push(...(await reader.complete(fact, rows)).deltas);
    return deltas;
  } catch (error) {
    if (error instanceof PrunedError) return undefined;
    throw error;
  }
}
