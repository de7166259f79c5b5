/**
 * The plain forecasts that a cleverer model must beat, as models themselves: last week's value, the median of the last forty sessions,
 * and that median with the recent level and what the same event did before. Their quantiles are their own past errors.
 *
 * Units: natural log of (1 + volume). Cost: a median of forty for each bucket of every fifth half hour learned, and for each bucket asked.
 * Not ready: before eight days with data.
 *
 * - Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., §5.2 (seasonal naïve).
 */
import { assert } from '../core/assert.ts';
import type { QuantilePath } from '../core/forecast.ts';
import type { Json } from '../core/json.ts';
import type { MarketEvent } from '../core/market-event.ts';
import { msPerDay, msPerMinute } from '../core/time.ts';
import { createErrorBook, type ErrorBookSnapshot } from './error-book.ts';
import { groupEvents } from './event-watch.ts';
import { createLocalGrid, type LocalGrid } from './local-grid.ts';
import { horizonMsMax, type Horizon, type Model, type ModelOptions, type NotReady, type Observation } from './model.ts';
import { packFloat64, unpackFloat64 } from './packed.ts';

export type BaselineName = 'seasonal-naive' | 'profile-40-session' | 'same-event-before';

/** Forty sessions and their weekends and holidays. */
const historyDayCount = 62;
const sessionCount = 40;
const sessionCountMin = 5;
const dayCountMin = 8;
/** A bucket this near to an event does not count as usual. */
const eventMinutesBefore = 30;
const eventMinutesAfter = 120;
/** One half hour in five of a day is looked at, others every day. */
const halfHoursPerCheck = 5;
/** Share of the last half hour's residual that the next one is taken to keep. */
const levelShare = 0.6;

interface BaselineSnapshot {
  readonly [field: string]: Json;
  readonly baseMs: number;
  readonly bucketCount: number;
  readonly dayCount: number;
  readonly localDay: number;
  /** The kept buckets, oldest first; what is usual only, and all of it. */
  readonly usual: string;
  readonly all: string;
  readonly errors: ErrorBookSnapshot;
}

export function createBaseline(name: BaselineName, { stepMs, clock }: ModelOptions, kept?: Json): Model {
  const snapshot = kept as BaselineSnapshot | undefined;
  const capacity = (historyDayCount * msPerDay) / stepMs;
  const bucketsPerHalfHour = Math.max(1, (30 * msPerMinute) / stepMs);
  const slotCount = msPerDay / stepMs;
  const all = new Float64Array(capacity).fill(NaN);
  const usual = new Float64Array(capacity).fill(NaN);
  let bucketCount = snapshot?.bucketCount ?? 0;
  let dayCount = snapshot?.dayCount ?? 0;
  let localDay = snapshot?.localDay ?? -1;
  let grid: LocalGrid | undefined = snapshot && createLocalGrid(clock, stepMs, snapshot.baseMs);
  const errors = createErrorBook(snapshot?.errors);
  if (snapshot) restoreRing(snapshot, [all, usual]);

  const read = (ring: Float64Array, bucket: number): number =>
    bucket < 0 || bucket >= bucketCount || bucket < bucketCount - capacity ? NaN : ring[bucket % capacity]!;
  /** The bucket at the same local time on each of the days before, the latest first. */
  const daysBefore = (onGrid: LocalGrid, bucket: number): number[] =>
    Array.from({ length: historyDayCount - 3 }, (_, day) => onGrid.sameTimeBefore(bucket, day + 1));
  const profileOf = (past: readonly number[], shift: number): number => {
    const seen = new Float64Array(sessionCount);
    let seenCount = 0;
    for (let day = 0; seenCount < sessionCount && day < past.length; day++) {
      const value = read(usual, past[day]! + shift);
      if (!Number.isNaN(value)) seen[seenCount++] = value;
    }
    return seenCount < sessionCountMin ? NaN : median(seen.subarray(0, seenCount));
  };
  const recentLevel = (onGrid: LocalGrid): number => {
    const first = bucketCount - bucketsPerHalfHour;
    const past = daysBefore(onGrid, first);
    let sum = 0;
    let seenCount = 0;
    for (let shift = 0; shift < bucketsPerHalfHour; shift++) {
      const residual = read(all, first + shift) - profileOf(past, shift);
      if (Number.isNaN(residual)) continue;
      sum += residual;
      seenCount++;
    }
    return seenCount === 0 ? 0 : sum / seenCount;
  };
  /** Locations of buckets seen from the end of what was learned; a clock change inside them is overlooked. */
  const locate = (onGrid: LocalGrid, first: number, count: number): Float64Array => {
    const past = daysBefore(onGrid, first);
    const level = name === 'same-event-before' ? levelShare * recentLevel(onGrid) : 0;
    return new Float64Array(count).map((_, shift) => {
      const lastWeek = name === 'seasonal-naive' ? read(all, past[6]! + shift) : NaN;
      return Number.isNaN(lastWeek) ? profileOf(past, shift) + level : lastWeek;
    });
  };
  const classOf = (onGrid: LocalGrid, bucket: number, groups: ReturnType<typeof groupEvents>): string => {
    if (name !== 'same-event-before') return 'any';
    const atMs = onGrid.msOf(bucket);
    const group = groups.findLast(({ atMs: eventMs }) => eventMs <= atMs && atMs < eventMs + 30 * msPerMinute);
    if (!group) return `half hour ${Math.floor(onGrid.slotOf(bucket) / bucketsPerHalfHour)}`;
    return `${kindOf(group.events)} ${Math.floor((atMs - group.atMs) / msPerMinute)}`;
  };

  return {
    learn({ volume, events }: Observation) {
      grid ??= createLocalGrid(clock, stepMs, volume.fromMs);
      const start = grid.bucketOf(volume.fromMs);
      assert(volume.stepMs === stepMs && start >= bucketCount, 'blocks come in time order, with one step');
      const groups = groupEvents(events);
      let nextGroup = 0;
      let lastEventMs = -Infinity;
      for (let bucket = bucketCount; bucket < start + volume.values.length; bucket++) {
        const atMs = grid.msOf(bucket);
        while (groups[nextGroup] && groups[nextGroup]!.atMs <= atMs) lastEventMs = groups[nextGroup++]!.atMs;
        const nextEventMs = groups[nextGroup]?.atMs ?? Infinity;
        const isNearEvent =
          atMs < lastEventMs + eventMinutesAfter * msPerMinute ||
          atMs >= nextEventMs - eventMinutesBefore * msPerMinute;
        const slot = grid.slotOf(bucket);
        const day = grid.localDayOf(bucket);
        if (day !== localDay && !Number.isNaN(read(all, bucket - slotCount / 2))) dayCount++;
        localDay = day;
        // Half an hour before it begins, as a forecast would be asked.
        const isChecked =
          slot % bucketsPerHalfHour === 0 && (slot / bucketsPerHalfHour + 7 * day) % halfHoursPerCheck === 0;
        const isEventNext = nextEventMs - 30 * msPerMinute <= atMs && nextEventMs - 30 * msPerMinute > atMs - stepMs;
        if (dayCount >= dayCountMin && (isChecked || isEventNext)) {
          const first = bucket + bucketsPerHalfHour;
          errors.expect(first, locate(grid, first, bucketsPerHalfHour));
        }
        const logVolume = Math.log1p(bucket < start ? NaN : volume.values[bucket - start]!);
        errors.judge(bucket, logVolume, () => classOf(grid!, bucket, groups));
        all[bucket % capacity] = logVolume;
        usual[bucket % capacity] = isNearEvent ? NaN : logVolume;
        bucketCount = bucket + 1;
      }
    },
    forecast(horizon: Horizon): QuantilePath | NotReady {
      if (!grid || dayCount < dayCountMin)
        return { notReady: `${dayCount} days with data were learned; ${dayCountMin} are needed` };
      const { fromMs, stepCount, levels } = horizon;
      const onGrid = grid;
      assert(stepCount * stepMs <= 2 * horizonMsMax, 'a horizon is bounded');
      const first = onGrid.bucketOf(fromMs);
      const groups = groupEvents(horizon.events);
      const locations = locate(onGrid, first, stepCount);
      const requestCount = Array.from(locations, (location, index) => {
        const className = classOf(onGrid, first + index, groups);
        // A slot without history: the market was closed.
        return levels.map((level) =>
          Number.isNaN(location) ? 0 : Math.max(0, Math.expm1(location + errors.quantile(className, level))),
        );
      });
      return { fromMs, stepMs, levels, requestCount };
    },
    snapshot(): Json {
      const length = Math.min(bucketCount, capacity);
      const column = (ring: Float64Array): string =>
        packFloat64(new Float64Array(length).map((_, index) => ring[(bucketCount - length + index) % capacity]!));
      const whole: BaselineSnapshot = {
        baseMs: grid?.msOf(0) ?? 0,
        bucketCount,
        dayCount,
        localDay,
        all: column(all),
        usual: column(usual),
        errors: errors.snapshot(),
      };
      return whole;
    },
  };
}

function restoreRing(snapshot: BaselineSnapshot, [all, usual]: readonly [Float64Array, Float64Array]): void {
  for (const [ring, text] of [[all, snapshot.all] as const, [usual, snapshot.usual] as const]) {
    const values = unpackFloat64(text);
    const first = snapshot.bucketCount - values.length;
    for (let index = 0; index < values.length; index++) ring[(first + index) % ring.length] = values[index]!;
  }
}

/** The most important of the events of one instant; of equals the first by name, so that the answer does not hang on their order. */
function kindOf(events: readonly MarketEvent[]): string {
  return events.toSorted((a, b) => b.importance - a.importance || (a.kind < b.kind ? -1 : 1))[0]!.kind;
}

function median(values: Float64Array): number {
  values.sort();
  const middle = values.length >> 1;
  return values.length % 2 === 1 ? values[middle]! : (values[middle - 1]! + values[middle]!) / 2;
}
