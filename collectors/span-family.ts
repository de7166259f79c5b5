/**
 * Parents and children within a batch: which entry span a call belongs to, and how much of an entry span's time its calls took.
 *
 * Calls of one span may run side by side. Their union is at most their sum, and at most the stretch from the first's start to the last's end; the smaller of the
 * two is taken, so that time counted as the span's own is never more than it was by more than the gaps that side-by-side calls leave.
 */
import { mix } from './pair-table.ts';
import { kinds, type SpanBatch } from './span-batch.ts';

export interface SpanFamily {
  /** Looks at a whole batch; all answers are about it until the next. */
  relate(batch: SpanBatch): void;
  /** The SERVER or CONSUMER span in the batch under which the span lies; -1 when that is not here. */
  entryOf(span: number): number;
  /** The CLIENT or PRODUCER span of which this one is the inner side (an SDK's call and the HTTP request that carries it); -1 for none. */
  outerCallOf(span: number): number;
  /** What is left of an entry span without the calls under it. */
  selfMsOf(entry: number): number;
}

/** Calls lie a few spans below their entry; what is deeper is a loop, or nothing that we can use. */
const depthMax = 16;
const probeCountMax = 64;

/** Calls whose entry span has not come yet: children end before their parents, and a batch may end between the two. */
const waitingCount = 1 << 14;

export function createSpanFamily(): SpanFamily {
  let index = new Int32Array(2_048);
  let entries = new Int32Array(1_024);
  let outers = new Int32Array(1_024);
  // Per entry span: sum, first start and last end of the calls under it.
  let calledMs = new Float64Array(1_024);
  let firstMs = new Float64Array(1_024);
  let lastMs = new Float64Array(1_024);
  const waiting = createWaiting();
  let columns: SpanBatch['columns'];

  const reserve = (count: number): void => {
    if (2 * count > index.length) index = new Int32Array(2 ** Math.ceil(Math.log2(2 * count)));
    else index.fill(0);
    if (count <= entries.length) return;
    const capacity = index.length;
    entries = new Int32Array(capacity);
    outers = new Int32Array(capacity);
    calledMs = new Float64Array(capacity);
    firstMs = new Float64Array(capacity);
    lastMs = new Float64Array(capacity);
  };

  const put = (span: number): void => {
    const { ids } = columns;
    const mask = index.length - 1;
    let slot = mix(ids[8 * span + 4]!, ids[8 * span + 5]!) & mask;
    for (let probe = 0; probe < probeCountMax; probe++, slot = (slot + 1) & mask) {
      if (index[slot] !== 0) continue;
      index[slot] = span + 1;
      return;
    }
  };

  const find = (high: number, low: number): number => {
    if ((high | low) === 0) return -1;
    const { ids } = columns;
    const mask = index.length - 1;
    let slot = mix(high, low) & mask;
    for (let probe = 0; probe < probeCountMax; probe++, slot = (slot + 1) & mask) {
      const span = index[slot]! - 1;
      if (span < 0) return -1;
      if (ids[8 * span + 4] === high && ids[8 * span + 5] === low) return span;
    }
    return -1;
  };

  const endMsOf = (span: number): number => columns.endSecond[span]! * 1_000 + columns.endNs[span]! / 1e6;

  const addCall = (entry: number, startMs: number, endMs: number): void => {
    const entryEndMs = endMsOf(entry);
    // What goes on after the entry span has answered takes nothing of its time.
    const fromMs = Math.max(startMs, entryEndMs - columns.durationMs[entry]!);
    const untilMs = Math.min(endMs, entryEndMs);
    if (untilMs <= fromMs) return;
    calledMs[entry]! += untilMs - fromMs;
    firstMs[entry] = Math.min(firstMs[entry]!, fromMs);
    lastMs[entry] = Math.max(lastMs[entry]!, untilMs);
  };

  /** Climbs from a call to what it was made in. */
  const climb = (span: number): void => {
    const { ids, kind } = columns;
    let at = span;
    for (let depth = 0; depth < depthMax; depth++) {
      const parent = find(ids[8 * at + 6]!, ids[8 * at + 7]!);
      if (parent < 0) {
        const endMs = endMsOf(span);
        waiting.add(ids[8 * at + 6]!, ids[8 * at + 7]!, endMs - columns.durationMs[span]!, endMs);
        return;
      }
      if (isCall(kind[parent]!)) {
        outers[span] = parent;
        return;
      }
      if (isEntry(kind[parent]!)) {
        entries[span] = parent;
        const endMs = endMsOf(span);
        addCall(parent, endMs - columns.durationMs[span]!, endMs);
        return;
      }
      at = parent;
    }
  };

  return {
    relate(batch) {
      columns = batch.columns;
      const count = batch.spanCount;
      reserve(count);
      for (let span = 0; span < count; span++) {
        put(span);
        entries[span] = -1;
        outers[span] = -1;
        calledMs[span] = 0;
        firstMs[span] = Infinity;
        lastMs[span] = -Infinity;
      }
      for (let span = 0; span < count; span++) if (isCall(columns.kind[span]!)) climb(span);
    },
    entryOf: (span) => entries[span]!,
    outerCallOf: (span) => outers[span]!,
    selfMsOf(entry) {
      const { ids, durationMs } = columns;
      const place = waiting.take(ids[8 * entry + 4]!, ids[8 * entry + 5]!);
      if (place >= 0) {
        calledMs[entry]! += waiting.sumsMs[place]!;
        firstMs[entry] = Math.min(firstMs[entry]!, waiting.firstsMs[place]!);
        lastMs[entry] = Math.max(lastMs[entry]!, waiting.lastsMs[place]!);
      }
      const called = Math.min(calledMs[entry]!, Math.max(0, lastMs[entry]! - firstMs[entry]!));
      return Math.max(0, durationMs[entry]! - called);
    },
  };
}

export function isEntry(kind: number): boolean {
  return kind === kinds.server || kind === kinds.consumer;
}

export function isCall(kind: number): boolean {
  return kind === kinds.client || kind === kinds.producer;
}

/** Time of calls whose entry span has not come. */
interface Waiting {
  add(high: number, low: number, startMs: number, endMs: number): void;
  /** The place of a parent's calls, taken away from there; -1 for none. */
  take(high: number, low: number): number;
  readonly sumsMs: Float64Array;
  readonly firstsMs: Float64Array;
  readonly lastsMs: Float64Array;
}

/** One place for each hash of a parent's id, bounded by overwriting. */
function createWaiting(): Waiting {
  const highs = new Uint32Array(waitingCount);
  const lows = new Uint32Array(waitingCount);
  const sumsMs = new Float64Array(waitingCount);
  const firstsMs = new Float64Array(waitingCount);
  const lastsMs = new Float64Array(waitingCount);
  return {
    sumsMs,
    firstsMs,
    lastsMs,
    add(high, low, startMs, endMs) {
      if ((high | low) === 0) return;
      const place = mix(high, low) & (waitingCount - 1);
      if (highs[place] !== high || lows[place] !== low) {
        highs[place] = high;
        lows[place] = low;
        sumsMs[place] = 0;
        firstsMs[place] = startMs;
        lastsMs[place] = endMs;
      }
      sumsMs[place]! += endMs - startMs;
      firstsMs[place] = Math.min(firstsMs[place]!, startMs);
      lastsMs[place] = Math.max(lastsMs[place]!, endMs);
    },
    take(high, low) {
      const place = mix(high, low) & (waitingCount - 1);
      if (highs[place] !== high || lows[place] !== low) return -1;
      highs[place] = 0;
      lows[place] = 0;
      return place;
    },
  };
}
