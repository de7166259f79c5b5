/**
 * What the past events of a kind have in common: the minute of the day, the days of the exchange, the time from one to the next. Learned from the calendar
 * itself; where it is too short, the convention of the kind (convention.ts) speaks for the hour.
 */
import type { MarketEvent } from '../core/market-event.ts';
import type { SessionClock } from '../core/session-clock.ts';
import { msPerDay, msPerMinute, type EpochMs } from '../core/time.ts';
import { conventionOf } from './convention.ts';
import { createZone, type Zone } from './zone.ts';

/** Two years of monthly releases. Older habits have changed: until 2013 the Federal Reserve decided at 14:15 or 12:30. */
const pastCountMax = 24;
/** Fewer are no habit: half a year of monthly releases. */
const pastCountMin = 6;
/** A kind keeps hours when nearly all of its events are at one or two of them; results of companies come at many. */
const regularRatioMin = 0.9;
const usualMinuteCountMax = 2;

export interface HourHabit {
  readonly timeZone: string;
  /** Minutes of the local day, the commonest first. */
  readonly usualMinutes: readonly number[];
  /** How many of how many past events were at one of them; 0 of 0 where only the convention speaks. */
  readonly keptCount: number;
  readonly pastCount: number;
  minuteOf(atMs: EpochMs): number;
}

type WallClock = Pick<Zone, 'timeZone' | 'utcOffsetMsAt'>;

/** Where the clocks change on other days than in New York, and where they do not change. */
const otherZones = ['UTC', 'Europe/Berlin', 'Asia/Tokyo'];
const zones = new Map<string, Zone>();

function zoneOf(timeZone: string): Zone {
  const zone = zones.get(timeZone) ?? createZone(timeZone);
  zones.set(timeZone, zone);
  return zone;
}

/** `past`: earlier events of one kind, in time order. Undefined for a kind that keeps no hours, or of which too little is known. */
export function learnHour(kind: string, past: readonly MarketEvent[], clock: SessionClock): HourHabit | undefined {
  const convention = conventionOf(kind);
  const seen = past.filter(({ isTimeAssumed }) => !isTimeAssumed).slice(-pastCountMax);
  if (seen.length < pastCountMin) {
    if (convention === undefined) return undefined;
    const wall = zoneOf(convention.timeZone);
    const usualMinutes = [convention.timeOfDayMs / msPerMinute];
    return { timeZone: wall.timeZone, usualMinutes, keptCount: 0, pastCount: 0, minuteOf: minuteOn(wall) };
  }
  const venue: WallClock = { timeZone: clock.name.split(' ').at(-1)!, utcOffsetMsAt: (at) => clock.utcOffsetMsAt(at) };
  const walls = [...(convention ? [zoneOf(convention.timeZone)] : []), venue, ...otherZones.map(zoneOf)];
  const [best] = walls
    .map((wall) => habitOn(wall, seen))
    .sort((a, b) => b.keptCount - a.keptCount || a.usualMinutes.length - b.usualMinutes.length);
  const isRegular =
    best!.keptCount >= seen.length * regularRatioMin && best!.usualMinutes.length <= usualMinuteCountMax;
  return isRegular ? best : undefined;
}

/** An hour that was kept once may have been the mistake. */
function habitOn(wall: WallClock, seen: readonly MarketEvent[]): HourHabit {
  const minuteOf = minuteOn(wall);
  const groups = Map.groupBy(seen, ({ startsAtMs }) => minuteOf(startsAtMs));
  const usual = [...groups].filter(([, events]) => events.length >= 2).sort(([, a], [, b]) => b.length - a.length);
  return {
    timeZone: wall.timeZone,
    usualMinutes: usual.map(([minute]) => minute),
    keptCount: usual.reduce((sum, [, events]) => sum + events.length, 0),
    pastCount: seen.length,
    minuteOf,
  };
}

function minuteOn({ utcOffsetMsAt }: WallClock): (atMs: EpochMs) => number {
  return (atMs) => Math.floor((((atMs + utcOffsetMsAt(atMs)) % msPerDay) + msPerDay) % msPerDay) / msPerMinute;
}

/** True for a kind whose known events all came on days on which the exchange opened; without a past, for one with a convention. */
export function keepsSessions(kind: string, past: readonly MarketEvent[], clock: SessionClock): boolean {
  if (past.length < pastCountMin) return conventionOf(kind) !== undefined;
  return past.every(({ startsAtMs }) => isOpenDay(startsAtMs, clock));
}

export function isOpenDay(atMs: EpochMs, clock: SessionClock): boolean {
  const type = clock.dayTypeOf(Math.floor((atMs + clock.utcOffsetMsAt(atMs)) / msPerDay));
  return type === 'session' || type === 'halfDay';
}

/** Of gaps between events, the share that must be near the usual one for a kind to have a cadence at all. */
const steadyRatioMin = 0.8;
const nearGap = { min: 0.6, max: 1.5 };

/**
 * The usual time from one event to the next: the median gap of what comes at even steps, as months and weeks are; undefined for what does not.
 * The months of payrolls are 28 or 35 days, and one that was put off by a week is not missing yet.
 */
export function learnCadenceMs(instants: readonly EpochMs[]): number | undefined {
  if (instants.length < pastCountMin) return undefined;
  const gaps = instants.slice(1).map((atMs, index) => atMs - instants[index]!);
  const usualMs = gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)]!;
  const steady = gaps.filter((gap) => gap >= usualMs * nearGap.min && gap <= usualMs * nearGap.max);
  return usualMs >= msPerDay && steady.length >= gaps.length * steadyRatioMin ? usualMs : undefined;
}

/**
 * Two that are closer than this are one too many. Below a half, because a cadence may double for good, as the press conferences of the Federal Reserve
 * did in 2019, from every 91 days to every 42.
 */
export function isDoubled(gapMs: number, cadenceMs: number): boolean {
  return gapMs < cadenceMs * 0.4;
}

/** A gap that another one would have fitted into. */
export function isMissing(gapMs: number, cadenceMs: number): boolean {
  return gapMs > cadenceMs * nearGap.max;
}
