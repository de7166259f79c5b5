/**
 * Foreshock's own model: what is usual at this time of this kind of day, times where volume stands today, times what the calendar adds;
 * with quantiles that have been right before.
 *
 * Mental model: log volume = seasonal profile + level + event response + noise. The profile, the response and the noise are learned as
 * buckets come; the level is worked out on demand, from the days before that looked like today. The model forecasts for itself, a few half
 * hours a day and around every event, and sees how wrong it was: its quantiles are those misses.
 *
 * Not ready: before ten days with data after the first, and when nothing came in the last hundred. A slot of the day that has never been seen on such a day is taken for closed: nothing is expected.
 * Cost: about half a microsecond a bucket to learn, some tens of microseconds for each half hour forecast.
 */
import { assert } from '../core/assert.ts';
import type { QuantilePath } from '../core/forecast.ts';
import type { Json } from '../core/json.ts';
import { msPerDay, msPerMinute, type EpochMs } from '../core/time.ts';
import { createCalibration } from './calibration.ts';
import {
  createEventResponse,
  offsetMinuteEnd,
  offsetMinuteFirst,
  type EventResponseSnapshot,
} from './event-response.ts';
import {
  createEventWatch,
  effectOn,
  groupEvents,
  isInReach,
  shakenLiftMin,
  spreadUnder,
  strongestOf,
  type Anchor,
  type EventGroup,
  type WatchedSnapshot,
} from './event-watch.ts';
import { carryMisses, type MissCarry } from './miss-carry.ts';
import { forecastBlock, type LevelContext, type Outlook } from './level-forecast.ts';
import { createLocalGrid, type LocalGrid } from './local-grid.ts';
import type { Horizon, Model, ModelOptions, NotReady, Observation } from './model.ts';
import { createResidualHistory, type ResidualHistorySnapshot } from './residual-history.ts';
import { createSeasonalProfile, usualDayType, type SeasonalProfileSnapshot } from './seasonal-profile.ts';
import { createSelfCheck, type SelfCheckSnapshot } from './self-check.ts';

/** Kept buckets: 60 sessions are 84 days; the rest is for holidays and for the week before the first of them. */
const historyDayCount = 100;
/** Two weeks of sessions: below that the spread of a slot is a guess. The first day only says what there is to expect, and is not counted. */
const dayCountMin = 10;
/** Lift beyond which a bucket is called an event's, however long ago the event was. */
const touchedLiftMin = 0.1;
/** A residual beyond four spreads is an accident; it may not carry a whole day's level away. */
const residualSpreadMax = 4;
/** What is typical follows the level by half in a working week: who waits for an event is not more because a day is busy. */
const typicalRate = 1 - 2 ** (-1 / 5);
/** From this part of a bucket's spread on, its miss is an event's and not the day's. */
const shakenStrayRatioMin = 0.25;
/** Beyond this many days of silence the days between are not walked through one by one. */
const gapDayCountMax = 400;

/** Of one bucket's log volume. */
interface Reading {
  readonly lift: number;
  readonly centre: number;
  readonly spread: number;
  /** The part of the spread that is an event's. */
  readonly strayRatio: number;
}

interface SeenBucket {
  /** NaN: nothing was recorded. */
  readonly value: number;
  /** Capacity was exhausted: at least so many would have come. */
  readonly isAtLeast: boolean;
}

interface Scalars {
  readonly [field: string]: number;
  readonly version: number;
  readonly stepMs: number;
  readonly baseMs: number;
  readonly localDay: number;
  readonly dayCount: number;
  readonly recordedPerDay: number;
  readonly level: number;
  readonly typicalLocation: number;
}

interface SessionEventSnapshot {
  readonly [field: string]: Json;
  readonly clock: string;
  readonly scalars: Scalars;
  readonly history: ResidualHistorySnapshot;
  readonly profile: SeasonalProfileSnapshot;
  readonly calm: string;
  readonly shaken: string;
  readonly selfCheck: SelfCheckSnapshot;
  readonly watched: readonly WatchedSnapshot[];
  readonly response: EventResponseSnapshot;
}

export function createSessionEvent(options: ModelOptions, kept?: Json): Model {
  const { stepMs, clock, seriesName = 'series', eventResponse: response = createEventResponse() } = options;
  const bucketsPerHalfHour = (30 * msPerMinute) / stepMs;
  assert(
    Number.isInteger(bucketsPerHalfHour) && stepMs % msPerMinute === 0,
    'buckets are whole minutes and divide half an hour',
  );
  const snapshot = kept as SessionEventSnapshot | undefined;
  const scalars = snapshot?.scalars;
  assert(
    !snapshot || (snapshot.clock === clock.name && scalars?.stepMs === stepMs),
    'a snapshot is of the same clock and step',
  );

  const slotCount = msPerDay / stepMs;
  const history = createResidualHistory(historyDayCount * slotCount, snapshot?.history);
  const profile = createSeasonalProfile(slotCount, snapshot?.profile);
  const calm = createCalibration(snapshot?.calm);
  const shaken = createCalibration(snapshot?.shaken);
  const selfCheck = createSelfCheck(calm, snapshot?.selfCheck);
  const watch = createEventWatch({ stepMs, seriesName, response, shaken }, snapshot?.watched);
  if (snapshot) response.restore(seriesName, snapshot.response);
  let grid: LocalGrid | undefined = scalars && createLocalGrid(clock, stepMs, scalars.baseMs);
  let localDay = scalars?.localDay ?? -1;
  let dayCount = scalars?.dayCount ?? 0;
  let recordedPerDay = scalars?.recordedPerDay ?? slotCount;
  let level = scalars?.level ?? 0;
  let typicalLocation = scalars?.typicalLocation ?? 0;

  /** What the buckets from `first` on would be without events, seen from the end of what was learned. */
  const outlookOf = (onGrid: LocalGrid, first: number, count: number): Outlook => {
    const context: LevelContext = { grid: onGrid, history, profile, stepMs, recordedPerDay, seenAt: new Map() };
    const outlook = { locations: new Float64Array(count), spreads: new Float64Array(count) };
    for (let at = 0; at < count;) {
      const toHalfHour = bucketsPerHalfHour - (onGrid.slotOf(first + at) % bucketsPerHalfHour);
      const blockCount = Math.min(count - at, toHalfHour);
      forecastBlock(context, { first: first + at, count: blockCount }, { outlook, at });
      at += blockCount;
    }
    return outlook;
  };
  const startDay = (onGrid: LocalGrid, bucket: number): void => {
    profile.startDay(onGrid.dayTypeOf(localDay));
    if (history.recordedBetween(bucket - slotCount, bucket) > 0) dayCount++;
    let days = 0;
    for (let back = 1; back <= 28; back++) {
      if (history.recordedBetween(bucket - back * slotCount, bucket - (back - 1) * slotCount) > 0) days++;
    }
    if (days > 0) recordedPerDay = Math.round(history.recordedBetween(bucket - 28 * slotCount, bucket) / days);
    const typicalNow = profile.typicalLocation() + level;
    typicalLocation += (typicalLocation === 0 ? 1 : typicalRate) * (typicalNow - typicalLocation);
  };
  const startHalfHour = (onGrid: LocalGrid, bucket: number, slot: number): void => {
    level = history.meanOfLast(recordedPerDay, bucket) ?? level;
    if (dayCount < dayCountMin || !selfCheck.isDue(localDay, slot / bucketsPerHalfHour)) return;
    const first = bucket + bucketsPerHalfHour;
    selfCheck.open(first, outlookOf(onGrid, first, bucketsPerHalfHour));
  };
  const openEvents = (onGrid: LocalGrid, bucket: number, near: readonly EventGroup[]): void => {
    const atMs = onGrid.msOf(bucket);
    for (const group of near) {
      // Foretold from half an hour before, or from when it became known; never from after it began.
      if (group.atMs + offsetMinuteFirst * msPerMinute > atMs || group.atMs <= atMs || watch.isWatching(group))
        continue;
      const count = Math.ceil((group.atMs + offsetMinuteEnd * msPerMinute - atMs) / stepMs);
      watch.open(group, {
        firstBucket: bucket,
        atMs,
        outlook: outlookOf(onGrid, bucket, count),
        typical: typicalLocation,
      });
    }
  };
  /** What an event that is under way has shown of itself. */
  const carryNow = (): { readonly anchor: Anchor; readonly carry: MissCarry } | undefined => {
    const anchor = watch.anchor();
    return anchor && { anchor, carry: carryMisses(anchor.misses, stepMs / msPerMinute) };
  };
  const learnBucket = (onGrid: LocalGrid, bucket: number, seen: SeenBucket, near: readonly EventGroup[]): void => {
    const { value, isAtLeast } = seen;
    const atMs = onGrid.msOf(bucket);
    const slot = onGrid.slotOf(bucket);
    const day = onGrid.localDayOf(bucket);
    if (day !== localDay) {
      localDay = day;
      startDay(onGrid, bucket);
    }
    if (slot % bucketsPerHalfHour === 0) startHalfHour(onGrid, bucket, slot);
    if (near.length > 0 && dayCount >= dayCountMin) openEvents(onGrid, bucket, near);
    if (watch.isBeginning(atMs)) {
      watch.begin(bucket, atMs, outlookOf(onGrid, bucket, Math.ceil((offsetMinuteEnd * msPerMinute) / stepMs)));
    }

    const lift = watch.liftAt(bucket);
    const isTouched = Math.abs(lift) > touchedLiftMin || near.some((group) => isInReach(group, atMs));
    const logVolume = Math.log1p(value);
    const dayType = onGrid.dayTypeOf(day);
    const usual = profile.at(usualDayType(profile, dayType), slot);
    let residual = NaN;
    let weight = 1;
    if (usual && !Number.isNaN(value)) {
      const clip = residualSpreadMax * usual.spread;
      residual = level + Math.min(clip, Math.max(-clip, logVolume - lift - usual.location - level));
      // By precision: a regular minute says more of the level than a thin one before the market opens.
      weight = Math.max(1, Math.min(255, Math.round(4 / (usual.spread * usual.spread))));
    }
    watch.judge(bucket, atMs, { logVolume, isAtLeast });
    // How far a lower bound lies above a median tells nothing of how far beyond it volume goes.
    selfCheck.judge(bucket, isTouched || isAtLeast ? NaN : logVolume);
    const isNoNews = isAtLeast && !(usual && logVolume - lift > usual.location + level);
    history.append({ residual: isNoNews ? NaN : residual, weight, isTouched });
    if (!Number.isNaN(value) && !isNoNews)
      profile.learn(dayType, slot, { logVolume: logVolume - lift, level, isTouched });
  };

  return {
    learn({ volume, isAtLeast, events }: Observation) {
      assert(volume.stepMs === stepMs, 'a block has the step of its series');
      grid ??= createLocalGrid(clock, stepMs, volume.fromMs);
      const start = grid.bucketOf(volume.fromMs);
      assert(start >= history.bucketCount, 'blocks come in time order');
      assert(start - history.bucketCount <= gapDayCountMax * slotCount, 'a gap in a series is at most 400 days');
      const end = start + volume.values.length;
      const groups = groupEvents(events);
      let firstNear = 0;
      let near: EventGroup[] = [];
      for (let bucket = history.bucketCount; bucket < end; bucket++) {
        const atMs = grid.msOf(bucket);
        const isOver = (group: EventGroup): boolean => group.atMs + offsetMinuteEnd * msPerMinute <= atMs;
        if (near.some(isOver)) near = near.filter((group) => !isOver(group));
        while (firstNear < groups.length && groups[firstNear]!.atMs + offsetMinuteFirst * msPerMinute <= atMs) {
          near = [...near, groups[firstNear++]!];
        }
        const value = bucket < start ? NaN : volume.values[bucket - start]!;
        learnBucket(grid, bucket, { value, isAtLeast: isAtLeast?.[bucket - start] === 1 }, near);
      }
    },
    forecast(horizon: Horizon): QuantilePath | NotReady {
      assert(horizon.stepMs === stepMs, 'a horizon has the step of its series');
      if (!grid || dayCount < dayCountMin) {
        return { notReady: `${dayCount} days with data were learned after the first; ${dayCountMin} are needed` };
      }
      if (history.recordedBetween(history.oldest, history.bucketCount) === 0) {
        return { notReady: `nothing was recorded in the last ${historyDayCount} days` };
      }
      const first = grid.bucketOf(horizon.fromMs);
      assert(
        grid.msOf(first) === horizon.fromMs && first >= history.bucketCount,
        'a horizon starts on the grid, not before the origin',
      );
      const outlook = outlookOf(grid, first, horizon.stepCount);
      const active = groupEvents(horizon.events).map((group) => ({
        atMs: group.atMs,
        curve: strongestOf(group, response, seriesName).curve,
      }));
      const calmErrors = horizon.levels.map((quantileLevel) => calm.quantile(quantileLevel));
      const shakenErrors = horizon.levels.map((quantileLevel) => shaken.quantile(quantileLevel));
      const underWay = carryNow();
      /** As of the event's beginning, moved by how it went since. */
      const carried = (index: number): Reading | undefined => {
        if (!underWay) return undefined;
        const { anchor, carry } = underWay;
        const place = first + index - anchor.firstBucket;
        const reading = readingOf(anchor, place, horizon.fromMs + index * stepMs);
        // What an event neither lifts nor puts in doubt goes by how the day goes.
        if (!reading || !(reading.lift > shakenLiftMin || reading.strayRatio > shakenStrayRatioMin)) return undefined;
        const { mean, variance } = carry.at(place - anchor.misses.length + 1);
        return {
          lift: reading.lift,
          centre: reading.centre + reading.spread * mean,
          spread: reading.spread * Math.sqrt(variance),
          strayRatio: reading.strayRatio,
        };
      };
      const readingOf = (from: Outlook, index: number, atMs: EpochMs): Reading | undefined => {
        const location = from.locations[index];
        if (location === undefined) return undefined;
        const effect = effectOn(active, { atMs, stepMs, base: location - typicalLocation });
        const spread = spreadUnder(from.spreads[index]!, effect);
        return { lift: effect.lift, centre: location + effect.lift, spread, strayRatio: effect.stray / spread };
      };
      const requestCount: number[][] = [];
      for (let index = 0; index < horizon.stepCount; index++) {
        const atMs = horizon.fromMs + index * stepMs;
        const { lift, centre, spread } = carried(index) ?? readingOf(outlook, index, atMs)!;
        const errors = lift > shakenLiftMin ? shakenErrors : calmErrors;
        const quantiles = new Array<number>(errors.length).fill(0);
        if (!Number.isNaN(centre))
          for (let at = 0; at < errors.length; at++)
            quantiles[at] = Math.max(0, Math.expm1(centre + spread * errors[at]!));
        requestCount.push(quantiles);
      }
      return { fromMs: horizon.fromMs, stepMs, levels: horizon.levels, requestCount };
    },
    snapshot(): Json {
      const whole: SessionEventSnapshot = {
        clock: clock.name,
        scalars: {
          version: 1,
          stepMs,
          baseMs: grid?.msOf(0) ?? 0,
          localDay,
          dayCount,
          recordedPerDay,
          level,
          typicalLocation,
        },
        history: history.snapshot(),
        profile: profile.snapshot(),
        calm: calm.snapshot(),
        shaken: shaken.snapshot(),
        selfCheck: selfCheck.snapshot(),
        watched: watch.snapshot(),
        response: response.snapshotOf(seriesName),
      };
      return whole;
    },
  };
}
