/**
 * The state of the engine in the store: saved now and then, and brought up to the last row by the ticks that came after.
 *
 * The blob is the length of a head, the head as JSON, and after it what the head says: what is usual of spans, then each minute that was open.
 */
import { InputError } from '../core/errors.ts';
import type { Position, Store } from '../core/ports.ts';
import type { EpochMs } from '../core/time.ts';
import type { WindowDelta } from '../core/window.ts';
import { readTicks, type TickRows } from '../store/delta-log.ts';
import { readMinute, sealMinute, type Minute } from '../store/minute-log.ts';
import { noSpanKeys } from '../store/span-keys.ts';
import { readTick } from '../store/tick-log.ts';
import { foldSealed, type EngineSnapshot, type SealedTick } from './engine-snapshot.ts';
import { createSpanReader, PrunedError } from './span-facts.ts';
import { createSpanMinutes, type SpanMinutes } from './span-minutes.ts';
import type { SystemOptions } from './system-options.ts';
import { createWatchRecovery, type WatchSnapshot } from './trace-watch.ts';
import { detectionOptionsOf } from './watch-options.ts';

const snapshotName = 'engine';
// One version, replaced each time: only the latest state is ever gone back to.
const snapshotVersion = 'latest';

export interface SavedSnapshot {
  /** Ticks from here on came after it. */
  readonly position: Position;
  readonly engine: EngineSnapshot;
  /** What of spans is added up by the minute, and not written yet. */
  readonly minutes: readonly Minute[];
}

/** What a start goes on from. */
export interface Recovered {
  readonly engine: EngineSnapshot;
  readonly minutes: SpanMinutes;
}

interface Head {
  readonly position: Position;
  readonly engine: Omit<EngineSnapshot, 'watch'> & { readonly watch?: Omit<WatchSnapshot, 'usual'> };
  readonly usualLength: number;
  readonly minutes: readonly { readonly atMs: EpochMs; readonly length: number }[];
}

const emptySnapshot: SavedSnapshot = { position: 0, engine: { pursuits: {}, openIntents: {} }, minutes: [] };
const lengthBytes = 4;
const openingBrace = 0x7b;

export async function saveState(store: Store, { position, engine, minutes }: SavedSnapshot): Promise<void> {
  const { watch, ...rest } = engine;
  const { usual, ...told } = watch ?? {};
  const sealed = minutes.map((minute) => sealMinute(minute, noSpanKeys));
  const head: Head = {
    position,
    engine: { ...rest, ...(watch && { watch: told as Omit<WatchSnapshot, 'usual'> }) },
    usualLength: usual?.length ?? 0,
    minutes: sealed.map(({ atMs, bytes }) => ({ atMs, length: bytes.length })),
  };
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt32LE(text.length);
  const parts = [length, text, usual ?? new Uint8Array(), ...sealed.map(({ bytes }) => bytes)];
  await store.put(snapshotName, snapshotVersion, Buffer.concat(parts));
}

/** As it was saved last; empty where nothing ever was. */
export async function loadState(store: Store): Promise<SavedSnapshot> {
  const saved = await store.get(snapshotName);
  if (!saved) return emptySnapshot;
  const bytes = Buffer.from(saved.bytes.buffer, saved.bytes.byteOffset, saved.bytes.byteLength);
  if (bytes[lengthBytes] !== openingBrace) return readPlain(bytes.toString());
  let at = lengthBytes + bytes.readUInt32LE(0);
  const { position, engine, ...head } = JSON.parse(bytes.toString('utf8', lengthBytes, at)) as Head;
  const { watch, ...rest } = engine;
  const usual = Uint8Array.from(bytes.subarray(at, (at += head.usualLength)));
  const minutes: Minute[] = [];
  for (const { atMs, length } of head.minutes) {
    const minute = await readMinute({ atMs, bytes: bytes.subarray(at, (at += length)) }, async () => noSpanKeys);
    if (minute) minutes.push(minute);
  }
  return { position, engine: { ...rest, ...(watch && { watch: { ...watch, usual } }) }, minutes };
}

/** As releases before wrote it, all of it JSON: its fifth byte is in the middle of a name. What was usual of spans is learned anew. */
function readPlain(text: string): SavedSnapshot {
  const { position, engine } = JSON.parse(text) as Omit<SavedSnapshot, 'minutes'>;
  const { watch: _watch, ...rest } = engine;
  return { position, engine: rest, minutes: [] };
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
): Promise<Recovered> {
  const latest = await loadState(store);
  const minutes = createSpanMinutes();
  for (const { sums } of latest.minutes) minutes.add(sums);
  if (latest.position >= head) return { engine: latest.engine, minutes };
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
    minutes.add(deltas ?? []);
    if (sealed.toldIncidents) recovery.tell(sealed.toldIncidents, sealed.endedIncidents ?? []);
  }
  for await (const { atMs } of store.read(latest.position, 'minutes')) minutes.passOver(atMs);
  const watch = recovery.result();
  if (!watch) return { engine: snapshot, minutes };
  const { usual, ...told } = watch;
  // As a replay will read it, which knows the text alone.
  const { watch: read, ...rest } = JSON.parse(JSON.stringify({ ...snapshot, watch: told })) as Head['engine'];
  return { engine: { ...rest, watch: { ...read!, usual } }, minutes };
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
