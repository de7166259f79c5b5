/**
 * Follows each market event of one series from half an hour before to two hours after: what was foretold at its start, what came, and
 * what the event response is to learn from it.
 *
 * Events that share a minute are one: the strongest stands for all, so that a claims report under a payrolls one learns nothing from it.
 * Events that overlap add up: the later one is what comes on top of the earlier one's tail.
 */
import type { Json } from '../core/json.ts';
import type { Importance, MarketEvent } from '../core/market-event.ts';
import { msPerMinute, type EpochMs } from '../core/time.ts';
import type { Calibration } from './calibration.ts';
import {
  offsetCount,
  offsetMinuteEnd,
  offsetMinuteFirst,
  type EventCurve,
  type EventResponse,
} from './event-response.ts';
import type { Outlook } from './level-forecast.ts';
import { packFloat64, unpackFloat64 } from './packed.ts';

/** A bucket lies in an event's reach this long before and after it, whatever its effect: it may not shape what is called usual. */
const reachMinutesBefore = 5;
const reachMinutesAfter = 60;
/** Single events stray from their kind up to here; afterwards their misses are ordinary noise. */
const strayMinutesBefore = 2;
const strayMinutesAfter = 60;
/** From this lift on (a fifth more than usual) a bucket's misses are an event's and not the day's. */
export const shakenLiftMin = 0.2;
/** Quantiles under events are learned from the half hour after them: later misses are ever more the day's own. */
const judgedMinutesAfter = 30;
/** A surprise moves its kind's memory by at most this many spreads, and at first sight by the lift below more. */
const clipSpreads = 2;
/** A factor of twenty: a first event may be as great as any, its successors are held ever closer to what is known. */
const firstSightLift = 3;

/** Its beginning is the first bucket that is seen within so long; a service that was down meanwhile has nothing to go by. */
const beginsWithinMs = 10 * msPerMinute;

/** Events that share an instant. */
export interface EventGroup {
  readonly atMs: EpochMs;
  readonly events: readonly MarketEvent[];
}

/** Events that can be timed to the minute and will take place, grouped by instant, in time order. Sessions are the profile's business. */
export function groupEvents(events: readonly MarketEvent[]): EventGroup[] {
  const groups = new Map<EpochMs, MarketEvent[]>();
  for (const event of events) {
    if (event.status === 'cancelled' || event.precision === 'date' || event.phase !== undefined) continue;
    const group = groups.get(event.startsAtMs) ?? [];
    group.push(event);
    groups.set(event.startsAtMs, group);
  }
  return [...groups].sort(([left], [right]) => left - right).map(([atMs, members]) => ({ atMs, events: members }));
}

export function isInReach({ atMs }: EventGroup, bucketMs: EpochMs): boolean {
  const offset = (bucketMs - atMs) / msPerMinute;
  return offset >= -reachMinutesBefore && offset < reachMinutesAfter;
}

export interface EventWatchOptions {
  readonly stepMs: number;
  readonly seriesName: string;
  readonly response: EventResponse;
  /** Learns how far events stray from what was foretold. */
  readonly shaken: Calibration;
}

/** What events add to one bucket. */
export interface EventEffect {
  readonly lift: number;
  /** Spread beyond the bucket's own. */
  readonly stray: number;
}

/** The effect of several groups on one bucket whose usual volume is e^base times the typical one. */
export function effectOn(
  active: readonly { readonly atMs: EpochMs; readonly curve: EventCurve }[],
  bucket: { readonly atMs: EpochMs; readonly stepMs: number; readonly base: number },
): EventEffect {
  let lift = 0;
  let stray = 0;
  for (const { atMs, curve } of active) {
    const offset = Math.round((bucket.atMs - atMs) / msPerMinute);
    const first = Math.max(0, offset - offsetMinuteFirst);
    const end = Math.min(
      offsetCount,
      offset - offsetMinuteFirst + Math.max(1, Math.round(bucket.stepMs / msPerMinute)),
    );
    if (end <= first) continue;
    let liftSum = 0;
    let straySum = 0;
    for (let minute = first; minute < end; minute++) {
      liftSum += curve.lift(minute, bucket.base);
      straySum += curve.stray(minute);
    }
    lift += liftSum / (end - first);
    if (offset >= -strayMinutesBefore && offset < strayMinutesAfter) stray = Math.max(stray, straySum / (end - first));
  }
  return { lift, stray };
}

/** Spread of a bucket under an event: the share that the event did not bring keeps its noise, the event adds its own. */
export function spreadUnder(spread: number, { lift, stray }: EventEffect): number {
  return calmSpread(spread, lift) + stray;
}

function calmSpread(spread: number, lift: number): number {
  return spread * Math.exp(-Math.max(0, lift) / 2);
}

export function strongestOf(
  group: EventGroup,
  response: EventResponse,
  seriesName: string,
): { readonly event: MarketEvent; readonly curve: EventCurve } {
  const members = group.events.map((event) => ({
    event,
    curve: response.curveOf(seriesName, event.kind, event.importance),
  }));
  return members.reduce((best, member) => (member.curve.strength > best.curve.strength ? member : best));
}

/** One event under way. */
interface Watched {
  readonly atMs: EpochMs;
  readonly kind: string;
  readonly importance: Importance;
  readonly firstBucket: number;
  /** How far one event may move what its kind is remembered by, beyond its spread. */
  readonly slack: number;
  /**
   * What its misses count for among those of other events, 0 to 1: as much as it was foretold to lift. The weekly ones that lift little
   * would otherwise outvote the monthly ones whose misses cost most.
   */
  readonly weight: number;
  /** As of the first bucket, for each bucket from there on. */
  readonly locations: Float64Array;
  readonly spreads: Float64Array;
  readonly lifts: Float64Array;
  readonly strays: Float64Array;
  readonly bases: Float64Array;
  /** As it went, for each minute. */
  readonly lift: Float64Array;
  readonly base: Float64Array;
  readonly calm: Float64Array;
  readonly miss: Float64Array;
  readonly errors: number[];
  /** Since it began. */
  anchor?: Anchor;
}

/** An event that has begun: what was foretold as it began, and how that went since. */
export interface Anchor {
  readonly firstBucket: number;
  /** As of its first bucket, without events. */
  readonly locations: Float64Array;
  readonly spreads: Float64Array;
  /** By bucket from the first on: actual less foretold, in spreads; NaN where nothing can be said. */
  readonly misses: number[];
}

const columns = ['locations', 'spreads', 'lifts', 'strays', 'bases', 'lift', 'base', 'calm', 'miss'] as const;

export interface WatchedSnapshot {
  readonly [field: string]: Json;
  readonly atMs: number;
  readonly kind: string;
  readonly importance: Importance;
  readonly firstBucket: number;
  readonly slack: number;
  readonly weight: number;
  readonly errors: readonly number[];
  /** Null until it has begun; JSON knows no NaN. */
  readonly anchor: {
    readonly [field: string]: Json;
    readonly firstBucket: number;
    readonly locations: string;
    readonly spreads: string;
    readonly misses: readonly (number | null)[];
  } | null;
}

/** Log of the volume that came; at least that, where capacity was exhausted. */
export interface SeenVolume {
  readonly logVolume: number;
  readonly isAtLeast: boolean;
}

export interface EventWatch {
  isWatching(group: EventGroup): boolean;
  /** Starts to follow a group: `outlook` is what its buckets would be without it, from `firstBucket` on. */
  open(group: EventGroup, start: { firstBucket: number; atMs: EpochMs; outlook: Outlook; typical: number }): void;
  /** The event that begins with this bucket, where it is followed and its beginning is not known yet. */
  isBeginning(bucketMs: EpochMs): boolean;
  /** It begins: `outlook` is what its buckets would be without any event, from this bucket on. */
  begin(bucket: number, bucketMs: EpochMs, outlook: Outlook): void;
  /** The latest event that has begun. */
  anchor(): Anchor | undefined;
  /** The lift foretold for a bucket, over all events under way. */
  liftAt(bucket: number): number;
  /** Compares a bucket with what was foretold, and lets the finished events be learned. */
  judge(bucket: number, atMs: EpochMs, seen: SeenVolume): void;
  snapshot(): WatchedSnapshot[];
}

export function createEventWatch(options: EventWatchOptions, snapshot: readonly WatchedSnapshot[] = []): EventWatch {
  const { stepMs, seriesName, response, shaken } = options;
  let watched = snapshot.map(unpackWatched);

  return {
    isWatching: ({ atMs }) => watched.some((event) => event.atMs === atMs),
    open(group, { firstBucket, atMs, outlook, typical }) {
      const { event, curve } = strongestOf(group, response, seriesName);
      const effects = Array.from(outlook.locations, (location, index) =>
        effectOn([{ atMs: group.atMs, curve }], { atMs: atMs + index * stepMs, stepMs, base: location - typical }),
      );
      watched.push({
        atMs: group.atMs,
        kind: event.kind,
        importance: event.importance,
        firstBucket,
        slack: firstSightLift / (1 + curve.eventCount),
        weight: Math.min(1, Math.max(0, curve.strength)),
        locations: outlook.locations,
        spreads: outlook.spreads,
        lifts: Float64Array.from(effects, ({ lift }) => (Number.isNaN(lift) ? 0 : lift)),
        strays: Float64Array.from(effects, ({ stray }) => stray),
        bases: outlook.locations.map((location) => location - typical),
        lift: new Float64Array(offsetCount).fill(NaN),
        base: new Float64Array(offsetCount).fill(NaN),
        calm: new Float64Array(offsetCount).fill(NaN),
        miss: new Float64Array(offsetCount).fill(NaN),
        errors: [],
      });
    },
    isBeginning: (bucketMs) => watched.some((event) => beginsAt(event, bucketMs)),
    begin(bucket, bucketMs, { locations, spreads }) {
      for (const event of watched) {
        if (beginsAt(event, bucketMs)) event.anchor = { firstBucket: bucket, locations, spreads, misses: [] };
      }
    },
    anchor() {
      let latest: Watched | undefined;
      for (const event of watched) if (event.anchor && event.atMs >= (latest?.atMs ?? 0)) latest = event;
      return latest?.anchor;
    },
    liftAt(bucket) {
      let lift = 0;
      for (const event of watched) lift += event.lifts[bucket - event.firstBucket] ?? 0;
      return lift;
    },
    judge(bucket, atMs, { logVolume, isAtLeast }) {
      if (watched.length === 0) return;
      const anchored = watched.filter(({ anchor }) => anchor !== undefined);
      if (anchored.length > 0) follow(anchored, { bucket, logVolume, isAtLeast, foretold: this.liftAt(bucket) });
      if (!Number.isNaN(logVolume)) {
        const foretold = this.liftAt(bucket);
        for (const event of watched) record(event, { bucket, atMs, stepMs, logVolume, isAtLeast, foretold });
      }
      const isOver = (event: Watched): boolean => atMs + stepMs >= event.atMs + offsetMinuteEnd * msPerMinute;
      for (const event of watched.filter(isOver)) {
        shaken.learn(event.errors, event.weight);
        if (event.lift.some((lift) => !Number.isNaN(lift))) response.learn(seriesName, event);
      }
      watched = watched.filter((event) => !isOver(event));
    },
    snapshot: () => watched.map(packWatched),
  };
}

function beginsAt({ atMs, anchor }: Watched, bucketMs: EpochMs): boolean {
  return anchor === undefined && atMs <= bucketMs && bucketMs < atMs + beginsWithinMs;
}

function follow(anchored: readonly Watched[], seen: SeenVolume & { bucket: number; foretold: number }): void {
  const { bucket, logVolume, isAtLeast, foretold } = seen;
  for (const event of anchored) {
    const { firstBucket, locations, spreads, misses } = event.anchor!;
    const index = bucket - event.firstBucket;
    const effect = { lift: event.lifts[index] ?? 0, stray: event.strays[index] ?? 0 };
    const miss =
      (logVolume - locations[bucket - firstBucket]! - foretold) / spreadUnder(spreads[bucket - firstBucket]!, effect);
    // Volume that capacity has cut down says only that at least so much came.
    misses.push(Number.isFinite(miss) && !(isAtLeast && miss < 0) ? miss : NaN);
  }
}

function record(
  event: Watched,
  seen: SeenVolume & { bucket: number; atMs: EpochMs; stepMs: number; foretold: number },
): void {
  const index = seen.bucket - event.firstBucket;
  const location = event.locations[index];
  if (location === undefined || Number.isNaN(location)) return;
  const own = event.lifts[index]!;
  const calm = calmSpread(event.spreads[index]!, own);
  const spread = calm + event.strays[index]!;
  const miss = (seen.logVolume - location - seen.foretold) / spread;
  if (seen.isAtLeast && miss < 0) return;
  const offset = Math.round((seen.atMs - event.atMs) / msPerMinute);
  const isJudged = !seen.isAtLeast && offset >= 0 && offset < judgedMinutesAfter;
  if (isJudged && own > shakenLiftMin) event.errors.push(miss);
  const clip = clipSpreads * spread + event.slack;
  const clipped = Math.min(clip, Math.max(-clip, spread * miss));
  const minuteCount = Math.max(1, Math.round(seen.stepMs / msPerMinute));
  for (let minute = offset - offsetMinuteFirst; minute < offset - offsetMinuteFirst + minuteCount; minute++) {
    if (minute < 0 || minute >= offsetCount) continue;
    event.lift[minute] = own + clipped;
    event.base[minute] = event.bases[index]!;
    event.calm[minute] = calm;
    event.miss[minute] = clipped;
  }
}

function packWatched(event: Watched): WatchedSnapshot {
  const { atMs, kind, importance, firstBucket, slack, weight, errors, anchor } = event;
  const packed = Object.fromEntries(columns.map((column) => [column, packFloat64(event[column])]));
  return {
    ...packed,
    atMs,
    kind,
    importance,
    firstBucket,
    slack,
    weight,
    errors: [...errors],
    anchor: anchor
      ? {
          firstBucket: anchor.firstBucket,
          locations: packFloat64(anchor.locations),
          spreads: packFloat64(anchor.spreads),
          misses: anchor.misses.map((miss) => (Number.isNaN(miss) ? null : miss)),
        }
      : null,
  };
}

function unpackWatched(kept: WatchedSnapshot): Watched {
  const { atMs, kind, importance, firstBucket, slack, weight, errors, anchor } = kept;
  const column = (name: (typeof columns)[number]): Float64Array => unpackFloat64(kept[name] as string);
  return {
    atMs,
    kind,
    importance,
    firstBucket,
    slack,
    weight,
    errors: [...errors],
    locations: column('locations'),
    spreads: column('spreads'),
    lifts: column('lifts'),
    strays: column('strays'),
    bases: column('bases'),
    lift: column('lift'),
    base: column('base'),
    calm: column('calm'),
    miss: column('miss'),
    ...(anchor && {
      anchor: {
        firstBucket: anchor.firstBucket,
        locations: unpackFloat64(anchor.locations),
        spreads: unpackFloat64(anchor.spreads),
        misses: anchor.misses.map((miss) => miss ?? NaN),
      },
    }),
  };
}
