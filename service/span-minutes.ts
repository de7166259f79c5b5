/**
 * Deltas added up by the minute until a minute is final: five minutes after its end nothing is added to it any more, and it is written down for good.
 *
 * Over senders: who saw what matters for a judgement, not for what was usual last year. Requests are known of a minute only where they were of all its deltas. What comes
 * later than five minutes is in the seconds and in no minute.
 *
 * Memory: about a kilobyte for each key and minute that is open, six or seven of them.
 */
import { msPerMinute, type EpochMs } from '../core/time.ts';
import type { PackedHistogram, WindowDelta, WindowKey } from '../core/window.ts';
import type { Minute } from '../store/minute-log.ts';
import { sumOf, thinDeltas } from '../store/packed-deltas.ts';

const latenessMs = 5 * msPerMinute;
const nobody = '';

interface Sums {
  spanCount: number;
  requestCount: number | undefined;
  errorCount: number;
  throttleCount: number;
  coldStartCount: number;
  provisionedInitCount: number;
  deadLetterCount: number;
  durationMs: number[];
  signalSum: number;
}

export interface SpanMinutes {
  add(deltas: readonly WindowDelta[]): void;
  /** Those that are final by now, in order: each is taken once. */
  take(nowMs: EpochMs): readonly Minute[];
  /** Written by an earlier run: up to and with the minute that began then. */
  passOver(minuteAtMs: EpochMs): void;
  /** What is not final yet, for `createSpanMinutes`. */
  open(): readonly Minute[];
}

export function createSpanMinutes(): SpanMinutes {
  const minutes = new Map<EpochMs, Map<WindowKey, Sums>>();
  /** No minute before this is open. */
  let openFromMs = 0;
  const minuteAt = (atMs: EpochMs): Map<WindowKey, Sums> => {
    const found = minutes.get(atMs) ?? new Map<WindowKey, Sums>();
    minutes.set(atMs, found);
    return found;
  };
  return {
    add(deltas) {
      for (const delta of deltas) {
        const atMs = Math.floor(delta.secondAtMs / msPerMinute) * msPerMinute;
        if (atMs < openFromMs) continue;
        const keys = minuteAt(atMs);
        const sums = keys.get(delta.key);
        if (sums) addTo(sums, delta);
        else keys.set(delta.key, sumsOf(delta));
      }
    },
    take(nowMs) {
      const finalUntilMs = Math.floor((nowMs - latenessMs) / msPerMinute) * msPerMinute;
      openFromMs = Math.max(openFromMs, finalUntilMs);
      const final = inOrder(minutes).filter(([atMs]) => atMs < finalUntilMs);
      for (const [atMs] of final) minutes.delete(atMs);
      return final.map(minuteOf);
    },
    passOver(minuteAtMs) {
      openFromMs = Math.max(openFromMs, minuteAtMs + msPerMinute);
      for (const atMs of minutes.keys()) if (atMs < openFromMs) minutes.delete(atMs);
    },
    open: () => inOrder(minutes).map(minuteOf),
  };
}

function inOrder(minutes: ReadonlyMap<EpochMs, ReadonlyMap<WindowKey, Sums>>) {
  return [...minutes].sort(([one], [other]) => one - other);
}

function sumsOf(delta: WindowDelta): Sums {
  const { spanCount, requestCount, errorCount, throttleCount, coldStartCount, provisionedInitCount } = delta;
  return {
    ...{ spanCount, requestCount, errorCount, throttleCount, coldStartCount, provisionedInitCount },
    deadLetterCount: delta.deadLetterCount,
    durationMs: [...delta.durationMs],
    signalSum: delta.valueSum,
  };
}

function addTo(sums: Sums, delta: WindowDelta): void {
  sums.spanCount += delta.spanCount;
  sums.requestCount =
    sums.requestCount === undefined || delta.requestCount === undefined
      ? undefined
      : sums.requestCount + delta.requestCount;
  sums.errorCount += delta.errorCount;
  sums.throttleCount += delta.throttleCount;
  sums.coldStartCount += delta.coldStartCount;
  sums.provisionedInitCount += delta.provisionedInitCount;
  sums.deadLetterCount += delta.deadLetterCount;
  sums.durationMs = mergeHistogram(sums.durationMs, delta.durationMs);
  sums.signalSum += delta.valueSum;
}

/** In place where all places are there already, which after some seconds most are. */
function mergeHistogram(into: number[], from: PackedHistogram): number[] {
  let at = 0;
  let index = 0;
  for (; index < from.length; index += 2) {
    while (at < into.length && into[at]! < from[index]!) at += 2;
    if (into[at] !== from[index]) break;
    into[at + 1]! += from[index + 1]!;
  }
  if (index === from.length) return into;
  const merged = into.slice(0, at);
  while (at < into.length || index < from.length) {
    const isBoth = into[at] === from[index];
    if (isBoth || index >= from.length || into[at]! < from[index]!) {
      merged.push(into[at]!, into[at + 1]! + (isBoth ? from[index + 1]! : 0));
      at += 2;
      if (isBoth) index += 2;
    } else {
      merged.push(from[index]!, from[index + 1]!);
      index += 2;
    }
  }
  return merged;
}

function minuteOf([atMs, keys]: readonly [EpochMs, ReadonlyMap<WindowKey, Sums>]): Minute {
  const sums = [...keys]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, { requestCount, signalSum, durationMs, ...counts }]): WindowDelta => ({
      ...{ key, secondAtMs: atMs, sender: nobody, ...counts, durationMs },
      ...(requestCount !== undefined && { requestCount }),
      valueSum: key.startsWith('signal:') ? signalSum : sumOf(durationMs),
      examples: { slowest: [], failed: [] },
    }));
  // Sums of thousandths are thousandths to within their last bits.
  return { atMs, sums: thinDeltas(sums) };
}
