/**
 * What trouble downstream does to requests, and what an open breaker spares them: decided once for each request, so that the world with Foreshock and the one
 * without it meet the same trouble.
 */
import type { Random } from '../../core/random.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../../core/time.ts';
import type { Arrivals } from '../twin/arrivals.ts';
import type { SeenRequest } from '../twin/function-plane.ts';

export interface DownstreamFault {
  readonly service: string;
  readonly fromMs: EpochMs;
  readonly untilMs: EpochMs;
  /** Its answers take so many times as long. */
  readonly slowTimes: number;
  /** Share of its answers that are errors; the request fails with them. */
  readonly failedRatio: number;
}

export interface CallingFunction {
  readonly key: FunctionKey;
  /** Of its handler, on an ordinary day. */
  readonly medianMs: number;
  /** What every request waits for. */
  readonly service: string;
}

/** How a request fares, beyond how long it runs. */
export interface Fate {
  readonly isSlowed: boolean;
  readonly hasFailed: boolean;
  /** Its breaker was open: it answers without the call. */
  readonly isSpared: boolean;
}

export type Side = 'with' | 'without';

export interface FaultedRequests {
  /** Some request of the minute may meet the trouble, or its breaker. */
  isTouched(key: FunctionKey, minuteAtMs: EpochMs): boolean;
  /** The arrivals of a second as each side will run them; with Foreshock, calls are made by `admitRatio` of them. */
  strike(key: FunctionKey, arrivals: Arrivals, admitRatio: number): Readonly<Record<Side, Arrivals>>;
  /** Of a request that was served, or throttled: to be asked once for each, in the order in which they came. */
  fateOf(side: Side, key: FunctionKey, request: SeenRequest): Fate;
  /** Requests that failed, were throttled or were slow by it. */
  harmedCount(side: Side): number;
  /** End of the first of them, with Foreshock. */
  firstHarmedAtMs(): EpochMs | undefined;
  /** The first second, with Foreshock, from which for ten seconds hardly a request is harmed any more; undefined until then. */
  recoveredAtMs(): EpochMs | undefined;
}

/** Of a handler's time, on an ordinary day: waiting for what it calls. */
export const callRatio = 0.2;
/** Slower than so many medians is harmed. */
const harmedTimes = 4;
/** As few as this, of the requests that come. A trickle that tries what is still failing stays below. */
const recoveredRatioMax = 0.05;
const recoveredSeconds = 10;
/** Breakers close some minutes after the trouble is over. */
const echoMs = 10 * msPerMinute;
const ordinary: Fate = { isSlowed: false, hasFailed: false, isSpared: false };

interface Marked extends Fate {
  readonly atMs: EpochMs;
}

export function createFaultedRequests(
  functions: readonly CallingFunction[],
  fault: DownstreamFault | undefined,
  random: Random,
): FaultedRequests {
  const callers = new Map(functions.filter(({ service }) => service === fault?.service).map((one) => [one.key, one]));
  const failures = random.fork('failures');
  const admissions = random.fork('admissions');
  const marks = { with: new Map<FunctionKey, Marked[]>(), without: new Map<FunctionKey, Marked[]>() };
  const harmedCounts = { with: 0, without: 0 };
  let firstHarmedAtMs: EpochMs | undefined;
  /** From the first that was harmed on, by the second in which requests came. */
  const seconds = new Map<EpochMs, { count: number; harmedCount: number }>();
  const count = (atMs: EpochMs, isOneHarmed: boolean): void => {
    if (!isOneHarmed && seconds.size === 0) return;
    const secondAtMs = Math.floor(atMs / msPerSecond) * msPerSecond;
    const second = seconds.get(secondAtMs) ?? { count: 0, harmedCount: 0 };
    seconds.set(secondAtMs, second);
    second.count++;
    if (isOneHarmed) second.harmedCount++;
  };
  const isStruck = (atMs: EpochMs): boolean => fault !== undefined && fault.fromMs <= atMs && atMs < fault.untilMs;
  /** How many times as long a handler runs that waits for what is slow. */
  const longer = 1 + callRatio * ((fault?.slowTimes ?? 1) - 1);
  const takeMark = (side: Side, key: FunctionKey, atMs: EpochMs): Fate => {
    const ahead = marks[side].get(key);
    return ahead?.[0]?.atMs === atMs ? ahead.shift()! : ordinary;
  };
  const isHarmed = (fate: Fate, { medianMs }: CallingFunction, { durationMs, atMs }: SeenRequest): boolean => {
    if (durationMs < 0) return isStruck(atMs);
    const limitMs = harmedTimes * medianMs;
    // Slow without the fault too: not of its doing.
    return fate.hasFailed || (fate.isSlowed && durationMs > limitMs && durationMs / longer <= limitMs);
  };
  return {
    isTouched: (key, minuteAtMs) =>
      callers.has(key) && minuteAtMs + msPerMinute > fault!.fromMs && minuteAtMs < fault!.untilMs + echoMs,
    strike(key, { atMs, runMs }, admitRatio) {
      const runs = { with: runMs.slice(), without: runMs.slice() };
      const marked: Readonly<Record<Side, Marked[]>> = { with: [], without: [] };
      for (let index = 0; index < atMs.length; index++) {
        const at = atMs[index]!;
        const isSlowed = isStruck(at);
        const hasFailed = isSlowed && failures.next() < fault!.failedRatio;
        const isSpared = admissions.next() >= admitRatio;
        const met = { atMs: at, isSlowed, hasFailed, isSpared: false };
        marked.without.push(met);
        marked.with.push(isSpared ? { ...ordinary, atMs: at, isSpared } : met);
        if (isSlowed) runs.without[index]! *= longer;
        if (isSpared) runs.with[index]! *= 1 - callRatio;
        else if (isSlowed) runs.with[index]! *= longer;
      }
      for (const side of ['with', 'without'] as const) {
        marks[side].set(key, [...(marks[side].get(key) ?? []), ...marked[side]]);
      }
      return { with: { atMs, runMs: runs.with }, without: { atMs, runMs: runs.without } };
    },
    fateOf(side, key, request) {
      const caller = callers.get(key);
      if (!caller) return ordinary;
      const fate = takeMark(side, key, request.atMs);
      const isOneHarmed = isHarmed(fate, caller, request);
      if (side === 'with') count(request.atMs, isOneHarmed);
      if (!isOneHarmed) return fate;
      harmedCounts[side]++;
      const endMs = request.atMs + Math.max(0, request.durationMs);
      if (side === 'with') firstHarmedAtMs = Math.min(firstHarmedAtMs ?? Infinity, endMs);
      return fate;
    },
    harmedCount: (side) => harmedCounts[side],
    firstHarmedAtMs: () => firstHarmedAtMs,
    recoveredAtMs() {
      const row = [...seconds].sort(([a], [b]) => a - b);
      const isGood = row.map(([, one]) => one.harmedCount <= recoveredRatioMax * one.count);
      const at = isGood.findIndex(
        (_, index) =>
          index + recoveredSeconds <= row.length && isGood.slice(index, index + recoveredSeconds).every(Boolean),
      );
      return row[at]?.[0];
    },
  };
}
