/** Deltas by key and second, as a collector would have made them of the spans. */
import { bucketOf } from '../../core/histogram.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { msPerSecond, type EpochMs } from '../../core/time.ts';
import type { WindowDelta, WindowKey } from '../../core/window.ts';
import { createDeltaBook, type DeltaBook } from './faults/delta-book.ts';
import type { Ended } from './trace-spans.ts';
import { senders } from './trace-senders.ts';

export interface TraceBooks {
  add(ended: Ended): void;
  addInits(key: FunctionKey, atMs: EpochMs, count: number): void;
  /** Of the seconds that are over. */
  take(nowMs: EpochMs): readonly WindowDelta[];
}

export function createTraceBooks(): TraceBooks {
  const open = new Map<EpochMs, Map<WindowKey, DeltaBook>>();
  // A book is some kilobytes: it is emptied, and used again.
  const spare: DeltaBook[] = [];
  const bookOf = (key: WindowKey, atMs: EpochMs): DeltaBook => {
    const secondAtMs = Math.floor(atMs / msPerSecond) * msPerSecond;
    const second = open.get(secondAtMs) ?? new Map<WindowKey, DeltaBook>();
    open.set(secondAtMs, second);
    const book = second.get(key) ?? spare.pop() ?? createDeltaBook();
    second.set(key, book);
    return book;
  };
  return {
    add({ traced, startMs, endMs, call, isCold, hasFailed }) {
      const own = bookOf(traced.key, endMs);
      own.add(bucketOf(endMs - startMs), endMs - startMs, 1);
      if (isCold) own.coldStartCount++;
      if (hasFailed) own.errorCount++;
      if (!call) return;
      for (const [key, { startMs: fromMs, endMs: untilMs }] of [
        [traced.edge, call.client],
        [traced.serviceKey, call.server],
      ] as const) {
        const book = bookOf(key, untilMs);
        book.add(bucketOf(untilMs - fromMs), untilMs - fromMs, 1);
        if (hasFailed) book.errorCount++;
      }
    },
    addInits(key, atMs, count) {
      bookOf(key, atMs).provisionedInitCount += count;
    },
    take(nowMs) {
      const due = [...open.keys()].filter((atMs) => atMs + msPerSecond <= nowMs);
      const deltas = due.flatMap((atMs) =>
        [...open.get(atMs)!].flatMap(([key, book]) => {
          spare.push(book);
          const delta = book.close(key, atMs, `${key}@${atMs}`);
          return delta ? [{ ...delta, sender: key.startsWith('service:') ? senders.services : senders.functions }] : [];
        }),
      );
      for (const atMs of due) open.delete(atMs);
      return deltas;
    },
  };
}
