/** The state of the engine in the store: saved now and then, and brought up to the last row by the ticks that came after. */
import { InputError } from '../core/errors.ts';
import type { Position, Store } from '../core/ports.ts';
import { readTick } from '../store/tick-log.ts';
import { foldSealed, type EngineSnapshot, type SealedTick } from './engine-snapshot.ts';
import { unsealDeltas } from './span-facts.ts';
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
  for await (const record of store.read(latest.position, 'tick')) {
    const reading = readTick(record);
    if (!reading.ok) {
      const message = `row ${record.position} of the store is damaged (${reading.reason}): run "foreshock audit verify", and start on a new store`;
      throw new InputError('tick-broken', message);
    }
    const sealed = JSON.parse(reading.text) as SealedTick;
    snapshot = foldSealed(snapshot, sealed);
    if (sealed.facts.some(({ kind }) => kind === 'unwatched')) recovery.passOver(sealed.atMs);
    recovery.tick(
      sealed.atMs,
      sealed.facts.flatMap((fact) => (fact.kind === 'deltas' ? unsealDeltas(fact).deltas : [])),
    );
    if (sealed.toldIncidents) recovery.tell(sealed.toldIncidents, sealed.endedIncidents ?? []);
  }
  const watch = recovery.result();
  // As a replay will read it, which knows the text alone.
  return watch ? (JSON.parse(JSON.stringify({ ...snapshot, watch })) as EngineSnapshot) : snapshot;
}
