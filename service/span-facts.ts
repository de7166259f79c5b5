/** From what is sealed each second to facts and rows of the store: deltas thinned and packed, and a word of it where nobody was there to look. */
import { InputError } from '../core/errors.ts';
import type { LogRecord, Store } from '../core/ports.ts';
import { msPerSecond, type EpochMs } from '../core/time.ts';
import type { WindowDelta } from '../core/window.ts';
import { createDeltasReader, sealDeltas, type TickRows } from '../store/delta-log.ts';
import { thinDeltas } from '../store/packed-deltas.ts';
import { sealMinute, type Minute } from '../store/minute-log.ts';
import { createSpanKeys, lastSpanKeys, type SpanKeysName, type WritableSpanKeys } from '../store/span-keys.ts';
import type { Fact } from './facts.ts';
import type { SpanMinutes } from './span-minutes.ts';

/** A tick may be late by that much; after more than it, seconds without spans say nothing of those who send them. */
const gapMs = 10 * msPerSecond;

/** What spans bring to a tick. */
export interface SpanFacts {
  readonly facts: readonly Fact[];
  /** To be written in one commit with the tick, before it: minutes that are final, and the deltas last. */
  readonly records: readonly LogRecord[];
}

export interface SpanSource {
  take(nowMs: EpochMs): SpanFacts;
  /** Between two ticks: names that were written out too often become numbers. */
  tidy(): Promise<void>;
  /** What is added up by the minute, and not final. */
  open(): readonly Minute[];
}

export async function createSpanSource(
  store: Store,
  seal: ((nowMs: EpochMs) => readonly WindowDelta[]) | undefined,
  { watchedUntilMs, minutes }: { readonly watchedUntilMs: EpochMs | undefined; readonly minutes: SpanMinutes },
): Promise<SpanSource> {
  const dictionaries = { 'delta-keys': await openKeys('delta-keys'), 'minute-keys': await openKeys('minute-keys') };
  const keys = dictionaries['delta-keys'];
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
      minutes.add(deltas);
      const final = minutes.take(nowMs).map(sealFinal);
      if (deltas.length === 0) return { facts: gap, records: final };
      const { record, sha256 } = sealDeltas(deltas, { keys: keys.current, atMs: nowMs });
      keys.note(deltas.map(({ key }) => key));
      return { facts: [...gap, { kind: 'deltas', deltas, sha256 }], records: [...final, record] };
    },
    async tidy() {
      for (const [name, names] of Object.entries(dictionaries)) {
        const due = names.due();
        if (!due) continue;
        // Before the rows that name it.
        await store.put(name, due.version, due.bytes);
        due.take();
      }
    },
    open: () => minutes.open(),
  };

  async function openKeys(name: SpanKeysName): Promise<WritableSpanKeys> {
    return createSpanKeys(seal && (await lastSpanKeys(store, name)));
  }

  function sealFinal(minute: Minute): LogRecord {
    const { current, note } = dictionaries['minute-keys'];
    note(minute.sums.map(({ key }) => key));
    return sealMinute(minute, current);
  }
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
