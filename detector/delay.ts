/** How long after the end of a second its spans still come in, by key: a function that exports every five seconds is not half dead in between. */
import type { Json } from '../core/json.ts';
import { msPerSecond } from '../core/time.ts';

/** Fifty spans to start with, of nobody, that came ten seconds late. */
const bins = 64;
const startAtBin = 10;
const startSpans = 50;
/** A second is settled when this share of its spans is there, by experience. */
const settledRatio = 0.99;
const keepPerMinute = 0.9;

export interface Delay {
  /** `lateMs` from the end of the second to the tick. */
  add(lateMs: number, spanCount: number): void;
  /** Once a minute: the past counts less. */
  fade(): void;
  /** From the start of a second to the tick at which it is settled. */
  readonly settledAfterMs: number;
  snapshot(): Json;
}

export function createDelay(snapshot?: Json): Delay {
  const kept = snapshot as unknown as { readonly counts: readonly number[]; readonly settledBins: number } | undefined;
  const counts = Float64Array.from(kept?.counts ?? new Array<number>(bins).fill(0));
  if (!kept) counts[startAtBin] = startSpans;
  let settledBins = kept?.settledBins ?? startAtBin;
  return {
    add(lateMs, spanCount) {
      counts[Math.max(0, Math.min(bins - 1, Math.ceil(lateMs / msPerSecond)))]! += spanCount;
    },
    fade() {
      const total = counts.reduce((sum, count) => sum + count, 0);
      let seen = 0;
      settledBins = 0;
      while (settledBins < bins - 1 && (seen += counts[settledBins]!) < settledRatio * total) settledBins++;
      for (let bin = 0; bin < bins; bin++) counts[bin]! *= keepPerMinute;
    },
    get settledAfterMs() {
      return (settledBins + 1) * msPerSecond;
    },
    snapshot: () => ({ counts: [...counts], settledBins }),
  };
}
