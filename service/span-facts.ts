/** From what is sealed each second to facts: deltas thinned and packed, and a word of it where nobody was there to look. */
import { msPerSecond, type EpochMs } from '../core/time.ts';
import type { WindowDelta } from '../core/window.ts';
import { packDeltas, thinDeltas, unpackDeltas } from '../store/packed-deltas.ts';
import type { Fact } from './facts.ts';

/** A tick may be late by that much; after more than it, seconds without spans say nothing of those who send them. */
const gapMs = 10 * msPerSecond;

export function createSpanFacts(
  seal: ((nowMs: EpochMs) => readonly WindowDelta[]) | undefined,
  { watchedUntilMs }: { readonly watchedUntilMs: EpochMs | undefined },
): (nowMs: EpochMs) => readonly Fact[] {
  let lastAtMs = watchedUntilMs;
  let isFirst = true;
  return (nowMs) => {
    const hasGap = lastAtMs !== undefined && (isFirst || nowMs - lastAtMs > gapMs);
    const gap: Fact[] = hasGap ? [{ kind: 'unwatched', fromMs: lastAtMs ?? null }] : [];
    lastAtMs = nowMs;
    isFirst = false;
    const deltas = seal?.(nowMs) ?? [];
    return deltas.length === 0 ? gap : [...gap, deltasFact(deltas)];
  };
}

/** What is judged is what is packed. */
export function deltasFact(deltas: readonly WindowDelta[]): Extract<Fact, { kind: 'deltas' }> {
  const thin = thinDeltas(deltas);
  return { kind: 'deltas', deltas: thin, packed: Buffer.from(packDeltas(thin)).toString('base64') };
}

/** As it was before it was sealed. */
export function unsealDeltas(fact: Extract<Fact, { kind: 'deltas' }>): Extract<Fact, { kind: 'deltas' }> {
  return { ...fact, deltas: unpackDeltas(Buffer.from(fact.packed, 'base64')) };
}
