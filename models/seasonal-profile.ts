/**
 * What is usual at this time of this kind of day: one location and one spread for every slot of the venue's local clock, by day type.
 *
 * Mental model: volume in log space is profile + level + noise. The profile moves a little towards each bucket that it sees, after the
 * day's level has been taken off, so that a busy week changes the level and not the shape; and never by more than a few spreads, so that
 * a late print or an unforeseen shock moves it no more than a busy day would. Buckets in the reach of market events are left out, unless
 * the slot knows hardly anything else (a site where something is on every evening).
 *
 * Units: natural log of (1 + volume). Cost: O(1) a bucket; three numbers a slot and day type.
 *
 * - Huber, Robust Estimation of a Location Parameter, Ann. Math. Stat. 35 (1964): the clipped step.
 * - Robbins & Monro, A Stochastic Approximation Method, Ann. Math. Stat. 22 (1951): the recursion.
 */
import type { DayType } from '../core/session-clock.ts';
import { packFloat64, unpackFloat64 } from './packed.ts';

/** Two months of sessions: the memory of a slot. Shape changes by the season, not by the week. */
const memoryDayCount = 40;
/** Below this many clean days a slot also learns from event days. */
const cleanDayCountMin = 5;
/** Spread of a slot that has been seen once: a factor of two. */
const spreadInitial = 0.7;
/** No slot is believed to be more regular than this: 3 % is less than counting noise of a busy minute. */
const spreadMin = 0.03;
/** Where nearly every bucket was empty, one request in fifty buckets is still nothing odd. */
const meanCountMin = 0.02;
/** From here on (54 in a bucket, whose counting noise is 13 %) a slot's own scatter is believed. */
const countingLocationMax = 4;
/** The clip, in spreads: 3 keeps 99.7 % of ordinary noise as it is. */
const clipSpreads = 3;

/** Days of a type from which it is believed to be a type of its own. */
const dayTypeCountMin = 3;

const dayTypes: readonly DayType[] = ['session', 'halfDay', 'holiday', 'weekend'];
const placeOfDayType: Readonly<Record<DayType, number>> = { session: 0, halfDay: 1, holiday: 2, weekend: 3 };

export interface SeasonalProfile {
  /** Days of this type that were learned, with data or without. */
  dayCountOf(dayType: DayType): number;
  startDay(dayType: DayType): void;
  /** Undefined where the slot has not been seen on such a day: the market was closed. */
  at(dayType: DayType, slot: number): SlotUsual | undefined;
  /** Log of the mean usual volume over the slots of a session: a busy slot lies above it, a thin one below. */
  typicalLocation(): number;
  learn(dayType: DayType, slot: number, bucket: { logVolume: number; level: number; isTouched: boolean }): void;
  snapshot(): SeasonalProfileSnapshot;
}

/** A rare day type that has hardly been seen is taken for a session. */
export function usualDayType(profile: SeasonalProfile, dayType: DayType): DayType {
  return profile.dayCountOf(dayType) >= dayTypeCountMin ? dayType : 'session';
}

export interface SlotUsual {
  readonly location: number;
  readonly spread: number;
}

export interface SeasonalProfileSnapshot {
  readonly [key: string]: string | readonly number[];
  readonly dayCounts: readonly number[];
  readonly locations: string;
  readonly spreads: string;
  readonly counts: string;
}

export function createSeasonalProfile(slotCount: number, snapshot?: SeasonalProfileSnapshot): SeasonalProfile {
  const size = dayTypes.length * slotCount;
  const locations = snapshot ? unpackFloat64(snapshot.locations) : new Float64Array(size);
  const spreads = snapshot ? unpackFloat64(snapshot.spreads) : new Float64Array(size).fill(spreadInitial);
  const counts = snapshot ? unpackFloat64(snapshot.counts) : new Float64Array(size);
  const dayCounts = snapshot ? [...snapshot.dayCounts] : dayTypes.map(() => 0);
  const placeOf = (dayType: DayType, slot: number): number => placeOfDayType[dayType] * slotCount + slot;

  return {
    dayCountOf: (dayType) => dayCounts[placeOfDayType[dayType]]!,
    startDay(dayType) {
      dayCounts[placeOfDayType[dayType]]!++;
    },
    at(dayType, slot) {
      const place = placeOf(dayType, slot);
      return counts[place] === 0
        ? undefined
        : { location: locations[place]!, spread: Math.max(countingSpread(locations[place]!), spreads[place]!) };
    },
    typicalLocation() {
      let sum = 0;
      let seenCount = 0;
      for (let slot = 0; slot < slotCount; slot++) {
        if (counts[slot] === 0) continue;
        sum += Math.expm1(locations[slot]!);
        seenCount++;
      }
      return seenCount === 0 ? 0 : Math.log1p(sum / seenCount);
    },
    learn(dayType, slot, { logVolume, level, isTouched }) {
      const place = placeOf(dayType, slot);
      const count = counts[place]!;
      if (isTouched && count >= cleanDayCountMin) return;
      counts[place] = Math.min(memoryDayCount, count + 1);
      if (count === 0) {
        locations[place] = logVolume - level;
        return;
      }
      const rate = 1 / counts[place];
      const spread = Math.max(spreadMin, spreads[place]!);
      const clip = clipSpreads * spread;
      const step = Math.min(clip, Math.max(-clip, logVolume - level - locations[place]!));
      locations[place] = locations[place]! + rate * step;
      // The mean absolute deviation of normal noise is 0.798 of its standard deviation.
      spreads[place] = spread + rate * (Math.abs(step) / 0.798 - spread);
    },
    snapshot: () => ({
      dayCounts: [...dayCounts],
      locations: packFloat64(locations),
      spreads: packFloat64(spreads),
      counts: packFloat64(counts),
    }),
  };
}

/**
 * The least spread of a slot. Few things counted scatter by chance as Poisson counts do: log(1 + n) by √mean / (1 + mean), the delta method.
 * Without it a slot that mostly saw none is taken for perfectly regular, and its first request for a shock of twenty spreads.
 */
function countingSpread(location: number): number {
  if (location > countingLocationMax) return spreadMin;
  const mean = Math.max(meanCountMin, Math.expm1(location));
  return Math.sqrt(mean) / (1 + mean);
}
