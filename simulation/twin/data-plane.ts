/**
 * The data planes of an account, one for each alias that traffic comes to. The aliases of a function with a reservation compete for that,
 * all others for what the account has unreserved.
 *
 * Functions are served one after the other as long as their competition cannot matter: while what is busy and what is about to come, taken
 * together, fits into the pool. Where it may not fit the stretch of time is halved, and what is left of it is served strictly in the order of
 * arrival over all functions. Both ways give the same result; the first keeps each function's state close at hand.
 */
import { assert } from '../../core/assert.ts';
import type { Random } from '../../core/random.ts';
import { parseFunctionKey } from '../../core/series-key.ts';
import type { EpochMs } from '../../core/time.ts';
import type { Arrivals } from './arrivals.ts';
import {
  admit,
  createFunctionPlane,
  onDemandCount,
  releaseOnDemand,
  setAllocated,
  type FunctionPlane,
} from './function-plane.ts';
import type { TwinParams } from './limits.ts';
import type { TwinFunction } from './twin-function.ts';

export interface DataPlane {
  /** In the order of the functions. */
  readonly planes: readonly FunctionPlane[];
  /** Hands over arrivals to come, in time order and after all that were handed over before. */
  feed(index: number, arrivals: Arrivals): void;
  /** Serves what was fed up to that instant, exclusive. */
  serve(untilMs: EpochMs): void;
  /** From now on so many provisioned environments stand for one alias. */
  setAllocated(index: number, allocated: number, atMs: EpochMs): void;
  /** From now on the function claims and reserves so much of the account, whether or not traffic comes to it. */
  setLimits(functionName: string, limits: FunctionLimits): void;
}

export interface FunctionLimits {
  /** By provisioned concurrency. */
  readonly claimed: number;
  readonly reservedConcurrency: number | undefined;
}

export interface DataPlaneOptions {
  readonly functions: readonly TwinFunction[];
  readonly params: TwinParams;
  readonly random: Random;
  readonly fromMs: EpochMs;
}

/** Below this stretch, halving costs more than serving in order. */
const stretchMsMin = 20;

export function createDataPlane({ functions, params, random, fromMs }: DataPlaneOptions): DataPlane {
  const planes = functions.map((spec) => createFunctionPlane(spec, params, random.fork(spec.key)));
  const groups = new Map<string, Group>();
  functions.forEach(({ key, reservedConcurrency }, index) => {
    const { functionName } = parseFunctionKey(key)!;
    const others = groups.get(functionName)?.planes ?? [];
    groups.set(functionName, { claimed: 0, reservedConcurrency, planes: [...others, planes[index]!] });
  });
  let pool = poolOf(groups, params);
  let servedMs = fromMs;

  return {
    planes,
    feed(index, { atMs, runMs }) {
      assert(atMs.length === runMs.length, 'an arrival has an instant and a duration');
      if (atMs.length === 0) return;
      const { queue } = planes[index]!;
      const before = queue.at(-1)?.atMs.at(-1) ?? servedMs;
      assert(atMs[0]! >= before && atMs[0]! >= servedMs, 'arrivals are fed in time order and before they are due');
      queue.push({ atMs, runMs });
    },
    serve(untilMs) {
      for (const { planes: own, reservedConcurrency, claimed } of groups.values()) {
        if (reservedConcurrency === undefined || own.length === 0) continue;
        const concurrencyMax = reservedConcurrency - claimed;
        if (own.length === 1) serveAlone(own[0]!, untilMs, concurrencyMax);
        else servePooled(own, { fromMs: servedMs, untilMs, concurrencyMax });
      }
      servePooled(pool.planes, { fromMs: servedMs, untilMs, concurrencyMax: pool.concurrencyMax });
      servedMs = Math.max(servedMs, untilMs);
    },
    setAllocated: (index, allocated, atMs) => setAllocated(planes[index]!, allocated, atMs),
    setLimits(functionName, limits) {
      groups.set(functionName, { ...limits, planes: groups.get(functionName)?.planes ?? [] });
      pool = poolOf(groups, params);
    },
  };
}

/** One function: its aliases share a reservation. */
interface Group extends FunctionLimits {
  readonly planes: readonly FunctionPlane[];
}

/** What is left of the account for the functions without a reservation, and those functions. */
function poolOf(
  groups: ReadonlyMap<string, Group>,
  params: TwinParams,
): { readonly planes: readonly FunctionPlane[]; readonly concurrencyMax: number } {
  const all = [...groups.values()];
  return {
    planes: all.filter(({ reservedConcurrency }) => reservedConcurrency === undefined).flatMap(({ planes }) => planes),
    concurrencyMax: all.reduce(
      (left, { reservedConcurrency, claimed }) => left - (reservedConcurrency ?? claimed),
      params.accountConcurrency,
    ),
  };
}

interface Stretch {
  readonly fromMs: EpochMs;
  readonly untilMs: EpochMs;
  /** What all of them may run on demand together. */
  readonly concurrencyMax: number;
}

function servePooled(planes: readonly FunctionPlane[], stretch: Stretch): void {
  const { fromMs, untilMs, concurrencyMax } = stretch;
  let demand = 0;
  for (const plane of planes) {
    releaseOnDemand(plane, fromMs);
    demand += onDemandCount(plane) + countBefore(plane, untilMs);
  }
  if (demand <= concurrencyMax) {
    for (const plane of planes) serveAlone(plane, untilMs, Infinity);
  } else if (planes.length === 1) {
    serveAlone(planes[0]!, untilMs, concurrencyMax);
  } else if (untilMs - fromMs > stretchMsMin) {
    const middleMs = (fromMs + untilMs) / 2;
    servePooled(planes, { fromMs, untilMs: middleMs, concurrencyMax });
    servePooled(planes, { fromMs: middleMs, untilMs, concurrencyMax });
  } else serveInOrder(planes, stretch);
}

function serveAlone(plane: FunctionPlane, untilMs: EpochMs, onDemandMax: number): void {
  for (let batch = plane.queue[0]; batch; batch = plane.queue[0]) {
    const { atMs, runMs } = batch;
    let next = plane.next;
    while (next < atMs.length && atMs[next]! < untilMs) {
      admit(plane, atMs[next]!, runMs[next]!, onDemandMax);
      next++;
    }
    plane.next = next;
    if (next < atMs.length) return;
    plane.queue.shift();
    plane.next = 0;
  }
}

/** Strictly by time over all functions; at the same instant, the earlier function first. */
function serveInOrder(planes: readonly FunctionPlane[], { untilMs, concurrencyMax }: Stretch): void {
  for (;;) {
    let first: FunctionPlane | undefined;
    let firstMs = untilMs;
    for (const plane of planes) {
      const atMs = plane.queue[0]?.atMs[plane.next];
      if (atMs !== undefined && atMs < firstMs) {
        first = plane;
        firstMs = atMs;
      }
    }
    if (!first) return;
    let elsewhere = 0;
    for (const plane of planes) {
      if (plane === first) continue;
      releaseOnDemand(plane, firstMs);
      elsewhere += onDemandCount(plane);
    }
    const batch = first.queue[0]!;
    admit(first, firstMs, batch.runMs[first.next]!, concurrencyMax - elsewhere);
    first.next++;
    if (first.next === batch.atMs.length) {
      first.queue.shift();
      first.next = 0;
    }
  }
}

/** How many arrivals of the queue come before that instant. Cost: O(batches + log of one). */
function countBefore(plane: FunctionPlane, untilMs: EpochMs): number {
  let count = -plane.next;
  for (const { atMs } of plane.queue) {
    if (atMs[atMs.length - 1]! >= untilMs) return count + lowerBound(atMs, untilMs);
    count += atMs.length;
  }
  return Math.max(0, count);
}

/** Place of the first value that is not below the limit. */
function lowerBound(values: Float64Array, limit: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
