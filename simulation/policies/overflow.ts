/**
 * How many requests overflow from any number of environments, found in one pass.
 *
 * Each arrival takes the lowest-numbered environment that is free, of as many as are needed. An environment never looks at those above it, so the
 * first n are busy exactly as n alone would be: what takes a place beyond n is what n environments would have turned away. That holds for any
 * arrivals and any durations.
 *
 * Cost: O(log busy) an arrival.
 *
 * - Cooper, Introduction to Queueing Theory, 2nd ed. (1981), §3.4: ordered hunt.
 */
import { msPerSecond, type EpochMs } from '../../core/time.ts';
import type { Arrivals } from '../twin/arrivals.ts';

export interface OverflowCurve {
  /** Least number of environments from which nothing overflows. */
  readonly environmentMax: number;
  readonly arrivalCount: number;
  /** How many of the block's arrivals overflow from so many environments. Never rises with them. */
  readonly overflowOf: (environments: number) => number;
}

/** A curve for each step of `stepMs` from `fromMs` to `untilMs`, of arrivals in batches and in time order. */
export function overflowCurves(arrivals: readonly Arrivals[], options: OverflowOptions): OverflowCurve[] {
  const { fromMs, untilMs, stepMs, perSecondMax } = options;
  const stepCount = Math.ceil((untilMs - fromMs) / stepMs);
  const byPlace = Array.from({ length: stepCount }, () => new Float64Array(64));
  const perSecond = new Float64Array((stepCount * stepMs) / msPerSecond);
  const takers = createOrderedHunt();
  for (const { atMs, runMs } of arrivals) {
    for (let index = 0; index < atMs.length; index++) {
      const place = takers.take(atMs[index]!, runMs[index]!);
      const offsetMs = atMs[index]! - fromMs;
      perSecond[Math.floor(offsetMs / msPerSecond)]!++;
      const step = Math.floor(offsetMs / stepMs);
      if (place >= byPlace[step]!.length) byPlace[step] = widened(byPlace[step]!, place + 1);
      byPlace[step]![place]!++;
    }
  }
  const secondsPerStep = stepMs / msPerSecond;
  return byPlace.map((counts, step) =>
    curveOf(counts, perSecond.subarray(step * secondsPerStep, (step + 1) * secondsPerStep), perSecondMax),
  );
}

export interface OverflowOptions {
  readonly fromMs: EpochMs;
  readonly untilMs: EpochMs;
  /** Whole seconds. */
  readonly stepMs: number;
  /** What one environment lets through in a second, beside being busy. */
  readonly perSecondMax: number;
}

/** Curves of steps that follow each other, as one. */
export function joinCurves(curves: readonly OverflowCurve[]): OverflowCurve {
  return {
    environmentMax: Math.max(0, ...curves.map(({ environmentMax }) => environmentMax)),
    arrivalCount: curves.reduce((sum, { arrivalCount }) => sum + arrivalCount, 0),
    overflowOf: (environments) => curves.reduce((sum, curve) => sum + curve.overflowOf(environments), 0),
  };
}

function curveOf(byPlace: Float64Array, perSecond: Float64Array, perSecondMax: number): OverflowCurve {
  // beyond[n]: arrivals that took a place from n on.
  const beyond = new Float64Array(byPlace.length + 1);
  for (let place = byPlace.length - 1; place >= 0; place--) beyond[place] = beyond[place + 1]! + byPlace[place]!;
  const busyMax = byPlace.findLastIndex((count) => count > 0) + 1;
  const rateMax = Math.ceil(Math.max(0, ...perSecond) / perSecondMax);
  return {
    environmentMax: Math.max(busyMax, rateMax),
    arrivalCount: beyond[0]!,
    overflowOf(environments) {
      const busy = beyond[Math.min(environments, byPlace.length)]!;
      if (environments >= rateMax) return busy;
      let overRate = 0;
      for (const count of perSecond) overRate += Math.max(0, count - environments * perSecondMax);
      return Math.max(busy, overRate);
    },
  };
}

/** Places are numbered from 0; the lowest free one is taken. */
function createOrderedHunt() {
  /** Busy places by the instant at which they are free again; and free places by number: two binary heaps on pairs and singles. */
  let busyUntil = new Float64Array(64);
  let busyPlace = new Float64Array(64);
  let busyCount = 0;
  let free = new Float64Array(64);
  let freeCount = 0;
  let placeCount = 0;

  const pushFree = (place: number): void => {
    if (freeCount === free.length) free = widened(free, freeCount + 1);
    let index = freeCount++;
    while (index > 0 && free[(index - 1) >> 1]! > place) {
      free[index] = free[(index - 1) >> 1]!;
      index = (index - 1) >> 1;
    }
    free[index] = place;
  };
  const popFree = (): number => {
    const lowest = free[0]!;
    const last = free[--freeCount]!;
    let index = 0;
    for (let child = 1; child < freeCount; child = 2 * index + 1) {
      if (child + 1 < freeCount && free[child + 1]! < free[child]!) child++;
      if (free[child]! >= last) break;
      free[index] = free[child]!;
      index = child;
    }
    free[index] = last;
    return lowest;
  };
  const pushBusy = (untilMs: EpochMs, place: number): void => {
    if (busyCount === busyUntil.length) {
      busyUntil = widened(busyUntil, busyCount + 1);
      busyPlace = widened(busyPlace, busyCount + 1);
    }
    let index = busyCount++;
    while (index > 0 && busyUntil[(index - 1) >> 1]! > untilMs) {
      const parent = (index - 1) >> 1;
      busyUntil[index] = busyUntil[parent]!;
      busyPlace[index] = busyPlace[parent]!;
      index = parent;
    }
    busyUntil[index] = untilMs;
    busyPlace[index] = place;
  };
  const popBusy = (): number => {
    const place = busyPlace[0]!;
    const lastUntil = busyUntil[--busyCount]!;
    const lastPlace = busyPlace[busyCount]!;
    let index = 0;
    for (let child = 1; child < busyCount; child = 2 * index + 1) {
      if (child + 1 < busyCount && busyUntil[child + 1]! < busyUntil[child]!) child++;
      if (busyUntil[child]! >= lastUntil) break;
      busyUntil[index] = busyUntil[child]!;
      busyPlace[index] = busyPlace[child]!;
      index = child;
    }
    busyUntil[index] = lastUntil;
    busyPlace[index] = lastPlace;
    return place;
  };

  return {
    take(nowMs: EpochMs, runMs: number): number {
      while (busyCount > 0 && busyUntil[0]! <= nowMs) pushFree(popBusy());
      const place = freeCount > 0 ? popFree() : placeCount++;
      pushBusy(nowMs + runMs, place);
      return place;
    },
  };
}

function widened(values: Float64Array, lengthMin: number): Float64Array<ArrayBuffer> {
  const wider = new Float64Array(Math.max(lengthMin, values.length * 2));
  wider.set(values);
  return wider;
}
