/**
 * A token bucket on a clock that it is handed: so much a second, so much saved up at most. Starts full.
 */
import type { EpochMs } from '../../core/time.ts';

export interface RateBucket {
  /** Takes one token if there is one. Time never runs backwards. */
  take(nowMs: EpochMs): boolean;
}

export function createRateBucket(options: { readonly perSecond: number; readonly burst: number }): RateBucket {
  let tokens = options.burst;
  let seenMs = -Infinity;
  return {
    take(nowMs) {
      if (nowMs > seenMs) {
        tokens = Math.min(options.burst, tokens + ((nowMs - seenMs) / 1_000) * options.perSecond);
        seenMs = nowMs;
      }
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
