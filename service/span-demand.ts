/**
 * Requests a second as spans count them, for the nowcast: of senders whom the operator trusts with it, since what is heard there may raise capacity, within all
 * limits. A second is told ten seconds after it, when nearly all of its spans are there, and never of requests that nobody can count, nor where the word of one who
 * counted them is disputed by then: what is made up spends no money.
 */
import type { FunctionKey } from '../core/series-key.ts';
import { msPerSecond, type EpochMs } from '../core/time.ts';
import type { WindowDelta } from '../core/window.ts';
import type { OfferedRequests } from './facts.ts';

export type SecondCount = OfferedRequests & { readonly atMs: EpochMs; readonly lengthMs: number };

export interface SpanDemand {
  /** Takes in what came, and answers the seconds that are due, in time order. */
  take(
    nowMs: EpochMs,
    deltas: readonly WindowDelta[],
    isDisputed: (key: string, sender: string) => boolean,
  ): readonly SecondCount[];
}

const dueAfterMs = 10 * msPerSecond;

interface Counted {
  requestCount: number;
  isSaturated: boolean;
  isKnown: boolean;
  readonly senders: Set<string>;
}

export function createSpanDemand(functions: ReadonlySet<string>, trusted: readonly string[]): SpanDemand {
  const seconds = new Map<EpochMs, Map<FunctionKey, Counted>>();
  let firstAtMs: EpochMs | undefined;
  return {
    take(nowMs, deltas, isDisputed) {
      if (trusted.length === 0) return [];
      // Of the seconds before the first tick somebody else may have heard.
      firstAtMs ??= nowMs;
      const dueMs = nowMs - dueAfterMs;
      for (const delta of deltas) {
        const { key, sender, secondAtMs, requestCount, throttleCount } = delta;
        if (!trusted.includes(sender) || !functions.has(key) || secondAtMs <= dueMs || secondAtMs < firstAtMs) continue;
        const second = seconds.get(secondAtMs) ?? new Map<FunctionKey, Counted>();
        seconds.set(secondAtMs, second);
        const counted = second.get(key as FunctionKey) ?? {
          ...{ requestCount: 0, isSaturated: false, isKnown: true },
          senders: new Set<string>(),
        };
        second.set(key as FunctionKey, counted);
        counted.requestCount += (requestCount ?? 0) + throttleCount;
        counted.isSaturated ||= throttleCount > 0;
        counted.isKnown &&= requestCount !== undefined;
        counted.senders.add(sender);
      }
      const due = [...seconds.keys()].filter((atMs) => atMs <= dueMs).sort((a, b) => a - b);
      const counts = due.flatMap((atMs) =>
        [...seconds.get(atMs)!].flatMap(([key, { isKnown, senders, ...counted }]) =>
          isKnown && ![...senders].some((sender) => isDisputed(key, sender))
            ? [{ key, atMs, lengthMs: msPerSecond, ...counted }]
            : [],
        ),
      );
      for (const atMs of due) seconds.delete(atMs);
      return counts;
    },
  };
}
