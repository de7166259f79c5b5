/**
 * The rows that hold what spans showed in a tick. Each stands right before the tick that was judged from it, which names it by its hash: so it is covered by the chain of ticks,
 * and can go earlier than they do.
 */
import { formatInstant, type EpochMs } from '../core/time.ts';
import type { LogRecord, Position, Store, Stored } from '../core/ports.ts';
import type { WindowDelta } from '../core/window.ts';
import { hashOfPacked, keysVersionOf, packDeltas, unpackDeltas } from './packed-deltas.ts';
import { loadSpanKeys, noSpanKeys, type SpanKeys } from './span-keys.ts';

export type DeltasReading =
  | { readonly ok: true; readonly deltas: readonly WindowDelta[] }
  | { readonly ok: false; readonly isPruned: boolean; readonly reason: string };

/** A tick with the row that it was judged from, where one stands before it. */
export interface TickRows {
  readonly tick: Stored;
  readonly deltas: Stored | undefined;
}

export function sealDeltas(
  deltas: readonly WindowDelta[],
  { keys, atMs }: { readonly keys: SpanKeys; readonly atMs: EpochMs },
): { readonly record: LogRecord; readonly sha256: string } {
  const bytes = packDeltas(deltas, keys);
  return { record: { stream: 'deltas', atMs, bytes }, sha256: hashOfPacked(bytes) };
}

/** Ticks from a position on, each with its deltas. */
export async function* readTicks(store: Store, from: Position): AsyncGenerator<TickRows> {
  let deltas: Stored | undefined;
  for await (const stored of store.read(from)) {
    if (stored.stream === 'deltas') deltas = stored;
    if (stored.stream !== 'tick') continue;
    yield { tick: stored, deltas };
    deltas = undefined;
  }
}

/** Reads rows of one store. Keeps the dictionary of the last. */
export function createDeltasReader(store: Store) {
  let keys: SpanKeys = noSpanKeys;
  let firstKept: Promise<Position> | undefined;
  return {
    /** What a tick was judged from, by the hash that it names. */
    async read({ tick, deltas: row }: TickRows, sha256: string): Promise<DeltasReading> {
      if (row && hashOfPacked(row.bytes) === sha256) {
        const version = keysVersionOf(row.bytes);
        if (keys.version !== version) keys = await loadSpanKeys(store, 'delta-keys', version);
        return { ok: true, deltas: unpackDeltas(row.bytes, keys) };
      }
      const at = formatInstant(tick.atMs);
      if (row) return refused(false, `the spans of ${at} were changed after they were written`);
      // Rows go from the oldest on: where an older one is still there, nobody pruned this one.
      const isPruned = tick.position < (await (firstKept ??= firstPosition(store)));
      return refused(isPruned, `the spans of ${at} ${isPruned ? 'were pruned (retention.deltasHours)' : 'are gone'}`);
    },
  };
}

function refused(isPruned: boolean, reason: string): DeltasReading {
  return { ok: false, isPruned, reason };
}

async function firstPosition(store: Store): Promise<Position> {
  for await (const { position } of store.read(0, 'deltas')) return position;
  return Infinity;
}
