/** From what is sealed each second to facts and rows of the store: deltas thinned and packed, and a word of it where nobody was there to look. */
import { InputError } from '../core/errors.ts';
import type { LogRecord, Store } from '../core/ports.ts';
import { msPerSecond, type EpochMs } from '../core/time.ts';
import type { WindowDelta } from '../core/window.ts';
import { createDeltasReader, sealDeltas, type TickRows } from '../store/delta-log.ts';
import { thinDeltas } from '../store/packed-deltas.ts';
import { createSpanKeys, lastSpanKeys } from '../store/span-keys.ts';
import type { Fact } from './facts.ts';

/** A tick may be late by that much; after more than it, seconds without spans say nothing of those who send them. */
const gapMs = 10 * msPerSecond;

/** What spans bring to a tick. */
export interface SpanFacts {
  readonly facts: readonly Fact[];
  /** To be written in one commit with the tick, before it. */
  readonly records: readonly LogRecord[];
}

export interface SpanSource {
  take(nowMs: EpochMs): SpanFacts;
  /** Between two ticks: names that were written out too often become numbers. */
  tidy(): Promise<void>;
}

export async function createSpanSource(
  store: Store,
  seal: ((nowMs: EpochMs) => readonly WindowDelta[]) | undefined,
  { watchedUntilMs }: { readonly watchedUntilMs: EpochMs | undefined },
): Promise<SpanSource> {
  const keys = createSpanKeys(seal && (await lastSpanKeys(store, 'delta-keys')));
  let lastAtMs = watchedUntilMs;
  let isFirst = true;
  return {
    take(nowMs) {
      const hasGap = lastAtMs !== undefined && (isFirst || nowMs - lastAtMs > gapMs);
      const gap: Fact[] = hasGap ? [{ kind: 'unwatched', fromMs: lastAtMs ?? null }] : [];
      lastAtMs = nowMs;
      isFirst = false;
      // What is judged is what is packed.
      const deltas = thinDeltas(seal?.(nowMs) ?? []);
      if (deltas.length === 0) return { facts: gap, records: [] };
      const { record, sha256 } = sealDeltas(deltas, { keys: keys.current, atMs: nowMs });
      keys.note(deltas.map(({ key }) => key));
      return { facts: [...gap, { kind: 'deltas', deltas, sha256 }], records: [record] };
    },
    async tidy() {
      const due = keys.due();
      if (!due) return;
      // Before the rows that name it.
      await store.put('delta-keys', due.version, due.bytes);
      due.take();
    },
  };
}

/** Deltas that were pruned: what was judged from them cannot be judged again. */
export class PrunedError extends Error {
  override readonly name = 'PrunedError';
}

/** Facts with their deltas, as they were before they were sealed. */
export function createSpanReader(store: Store) {
  const reader = createDeltasReader(store);
  return {
    /** @throws PrunedError; InputError when the row does not hold. */
    async complete(fact: Extract<Fact, { kind: 'deltas' }>, rows: TickRows): Promise<typeof fact> {
      const reading = await reader.read(rows, fact.sha256);
      if (reading.ok) return { ...fact, deltas: reading.deltas };
      if (reading.isPruned) throw new PrunedError(reading.reason);
      const message = `row ${rows.deltas?.position ?? rows.tick.position} of the store does not hold (${reading.reason}): run "foreshock audit verify"`;
      throw new InputError('deltas-broken', message);
    },
  };
}
