/**
 * How much more than Poisson's the counts of seconds scatter: their variance over their mean, learned from one second to the next, so that neither the level nor its
 * slow changes count.
 *
 * (n₂ − n₁)² / (n₁ + n₂) has that ratio as its mean for independent seconds of one level. Before anything is known it is that of an ordinary log of
 * requests, and counts as a minute of seconds; a jump is a jump, and moves it by no more than some neighbours of a busy second would.
 */
import { msPerSecond, type EpochMs } from '../core/time.ts';

/** Two public request logs: 1.3 and 13. */
const prior = 3;
const memorySeconds = 600;
const priorSeconds = 60;
/** Six standard deviations of a ratio whose own is about √2 times it. */
const jumpMax = 9;

export interface Burstiness {
  hear(second: { readonly atMs: EpochMs; readonly requestCount: number }): void;
  /** At least 1. */
  ratio(): number;
}

export function createBurstiness(): Burstiness {
  let ratio = prior;
  let count = priorSeconds;
  let last: { readonly atMs: EpochMs; readonly requestCount: number } | undefined;
  return {
    hear(second) {
      const before = last;
      last = second;
      if (before?.atMs !== second.atMs - msPerSecond) return;
      const sum = before.requestCount + second.requestCount;
      if (sum === 0) return;
      const seen = (second.requestCount - before.requestCount) ** 2 / sum;
      count = Math.min(memorySeconds, count + 1);
      ratio += (Math.min(jumpMax * ratio, seen) - ratio) / count;
    },
    ratio: () => Math.max(1, ratio),
  };
}
