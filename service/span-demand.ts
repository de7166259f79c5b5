/**
 * Requests a second as spans count them, for the nowcast: of senders whom the operator trusts with it, since what is heard there may raise capacity, within all
 * limits. A second is told ten seconds after it, when nearly all of its spans are there, and never of requests that nobody can count.
 */
import type { FunctionKey } from '../core/series-key.ts';
import { msPerSecond, type EpochMs } from '../core/time.ts';
import type { WindowDelta } from '../core/window.ts';
import type { OfferedRequests } from './facts.ts';

export type SecondCount = OfferedRequests & { readonly atMs: EpochMs; readonly lengthMs: number };

export interface SpanDemand {
  /** Takes in what came, and answers the seconds that are due, in time order. */
  take(nowMs: EpochMs, deltas: readonly WindowDelta[]): readonly SecondCount[];
}

const dueAfterMs = 10 * msPerSecond;

interface Counted {
  requestCount: number;
  isSaturated: boolean;
  isKnown: boolean;
}

export function createSpanDemand(functions: ReadonlySet<string>, trusted: readonly string[]): SpanDemand {
  const seconds = new Map<EpochMs, Map<FunctionKey, Counted>>();
  let firstAtMs: EpochMs | undefined;
  return {
    take(nowMs, deltas) {
      if (trusted.length === 0) return [];
      // Of the seconds before the first tick somebody else may have heard.
      firstAtMs ??= nowMs;
      const dueMs = nowMs - dueAfterMs;
      for (const delta of deltas) {
        const { key, sender, secondAtMs, requestCount, throttleCount } = delta;
        if (!trusted.includes(sender) || !functions.has(key) || secondAtMs <= dueMs || secondAtMs < firstAtMs) continue;
        const second = seconds.get(secondAtMs) ?? new Map<FunctionKey, Counted>();
        seconds.set(secondAtMs, second);
        const counted = second.get(key as FunctionKey) ?? { requestCount: 0, isSaturated: false, isKnown: true };
        second.set(key as FunctionKey, counted);
        counted.requestCount += (requestCount ?? 0) + throttleCount;
        counted.isSaturated ||= throttleCount > 0;
        counted.isKnown &&= requestCount !== undefined;
      }
      const due = [...seconds.keys()].filter((atMs) => atMs <= dueMs).sort((a, b) => a - b);
      const counts = due.flatMap((atMs) =>
        [...seconds.get(atMs)!].flatMap(([key, { isKnown, ...counted }]) =>
          isKnown ? [{ key, atMs, lengthMs: msPerSecond, ...counted }] : [],
        ),
      );
      for (const atMs of due) seconds.delete(atMs);
      return counts;
    },
  };
}
