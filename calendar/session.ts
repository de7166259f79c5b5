/**
 * When an exchange trades: its sessions as instants, and the wall clock that its customers live by.
 * Rules and rows stand in `us-exchange-days.ts`; here they meet the zone, so that 09:30 in New York is 13:30Z in summer and 14:30Z in winter.
 */
import { assert } from '../core/assert.ts';
import type { MarketEvent } from '../core/market-event.ts';
import type { DayType, SessionClock } from '../core/session-clock.ts';
import { formatInstant, msPerDay, msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import { createEvent, compareEvents } from './event.ts';
import { usSpecialDays, weekdayOf, type SpecialDay } from './us-exchange-days.ts';
import { createZone } from './zone.ts';

/** Market identifier codes (ISO 10383) of the exchanges that we know the rules of. */
export type ExchangeName = 'XNAS' | 'XNYS';

export interface ExchangeSession {
  /** Days since 1970-01-01 on the exchange's wall clock. */
  readonly localDay: number;
  readonly type: 'session' | 'halfDay';
  readonly preMarketAtMs: EpochMs;
  readonly openAtMs: EpochMs;
  readonly closeAtMs: EpochMs;
  /** End of the after-market. */
  readonly endsAtMs: EpochMs;
}

export type TradingPhase = 'closed' | 'preMarket' | 'regular' | 'afterMarket';

export interface Exchange extends SessionClock {
  /** The sessions whose opening bell lies in [fromMs, untilMs). */
  sessionsBetween(fromMs: EpochMs, untilMs: EpochMs): readonly ExchangeSession[];
  phaseAt(atMs: EpochMs): TradingPhase;
  /**
   * Bells as events, sorted, those that start in [fromMs, untilMs): `open` and `close` of each session; on a half day `half_day` at the
   * early close, in place of `close`; on a holiday `holiday` at the open that does not happen.
   */
  sessionEvents(fromMs: EpochMs, untilMs: EpochMs): readonly MarketEvent[];
}

// Nasdaq keeps the days and hours of the NYSE; both trade before and after the bells on the same clock.
const timeZone = 'America/New_York';
const preMarketTimeMs = 4 * msPerHour;
const openTimeMs = 9 * msPerHour + 30 * msPerMinute;
const hours = {
  session: { closeTimeMs: 16 * msPerHour, endTimeMs: 20 * msPerHour },
  halfDay: { closeTimeMs: 13 * msPerHour, endTimeMs: 17 * msPerHour },
};

/** A century of days: enough for any history, and an end to a loop over a mistyped bound. */
const dayCountMax = 36_600;

export function createExchange(name: ExchangeName): Exchange {
  const zone = createZone(timeZone);
  const specialDays = createSpecialDays();

  const dayTypeOf = (localDay: number): DayType => {
    const weekday = weekdayOf(localDay);
    return weekday === 0 || weekday === 6 ? 'weekend' : (specialDays.at(localDay)?.type ?? 'session');
  };

  const sessionOf = (localDay: number): ExchangeSession | undefined => {
    const type = dayTypeOf(localDay);
    if (type === 'weekend' || type === 'holiday') return undefined;
    return {
      localDay,
      type,
      preMarketAtMs: zone.instantOf(localDay, preMarketTimeMs),
      openAtMs: zone.instantOf(localDay, openTimeMs),
      closeAtMs: zone.instantOf(localDay, hours[type].closeTimeMs),
      endsAtMs: zone.instantOf(localDay, hours[type].endTimeMs),
    };
  };

  const localDayAt = (atMs: EpochMs): number => Math.floor((atMs + zone.utcOffsetMsAt(atMs)) / msPerDay);

  /** The local days that touch [fromMs, untilMs). */
  const localDaysOf = (fromMs: EpochMs, untilMs: EpochMs): number[] => {
    if (untilMs <= fromMs) return [];
    const first = localDayAt(fromMs);
    const dayCount = localDayAt(untilMs - 1) - first + 1;
    assert(dayCount <= dayCountMax, `sessions are asked for ${dayCount} days; the most is ${dayCountMax}`);
    return Array.from({ length: dayCount }, (_, index) => first + index);
  };

  /** The bells of one day: none on a weekend. */
  const eventsOf = (localDay: number): MarketEvent[] => {
    const session = sessionOf(localDay);
    const special = specialDays.at(localDay);
    if (session === undefined) {
      if (special === undefined) return [];
      return [bell(name, 'holiday', zone.instantOf(localDay, openTimeMs), `${name} closed: ${special.name}`)];
    }
    const close =
      special === undefined
        ? bell(name, 'close', session.closeAtMs, `${name} closes`)
        : bell(name, 'half_day', session.closeAtMs, `${name} closes early: ${special.name}`);
    return [bell(name, 'open', session.openAtMs, `${name} opens`), close];
  };

  return {
    name: `${name} ${timeZone}`,
    utcOffsetMsAt: (atMs) => zone.utcOffsetMsAt(atMs),
    dayTypeOf,
    sessionsBetween: (fromMs, untilMs) =>
      localDaysOf(fromMs, untilMs)
        .map(sessionOf)
        .filter((session) => session !== undefined)
        .filter((session) => session.openAtMs >= fromMs && session.openAtMs < untilMs),
    phaseAt(atMs) {
      const session = sessionOf(localDayAt(atMs));
      if (session === undefined || atMs < session.preMarketAtMs || atMs >= session.endsAtMs) return 'closed';
      if (atMs < session.openAtMs) return 'preMarket';
      return atMs < session.closeAtMs ? 'regular' : 'afterMarket';
    },
    sessionEvents: (fromMs, untilMs) =>
      localDaysOf(fromMs, untilMs)
        .flatMap(eventsOf)
        .filter((event) => event.startsAtMs >= fromMs && event.startsAtMs < untilMs)
        .sort(compareEvents),
  };
}

/** A clock for what never closes: a web site, a currency, a payment API. Every day is a session. */
export function createRoundTheClock(timeZone: string): SessionClock {
  const zone = createZone(timeZone);
  return {
    name: `24x7 ${timeZone}`,
    utcOffsetMsAt: (atMs) => zone.utcOffsetMsAt(atMs),
    dayTypeOf: () => 'session',
  };
}

// An opening bell comes every day and the profile of the day already knows it: worth warming for, not worth waking a human as a
// release would. A close asks for less than it ends. A changed day is as much news as it is in published calendars.
const importanceOfBell = { open: 2, close: 1, half_day: 2, holiday: 2 } as const;

function bell(
  exchange: ExchangeName,
  kind: keyof typeof importanceOfBell,
  startsAtMs: EpochMs,
  title: string,
): MarketEvent {
  return createEvent({
    // The exchange is in the name, because two of them ring at the same instant; it is not a symbol: a bell moves everything.
    id: `${kind}:${exchange}@${formatInstant(startsAtMs)}`,
    kind,
    title,
    startsAtMs,
    precision: 'minute',
    importance: importanceOfBell[kind],
    symbols: [],
    status: 'scheduled',
    source: { calendar: exchange, says: 'by rule' },
  });
}

/** Special days, worked out a year at a time and kept. */
function createSpecialDays(): { at(localDay: number): SpecialDay | undefined } {
  const days = new Map<number, SpecialDay>();
  const years = new Set<number>();
  return {
    at(localDay) {
      const year = new Date(localDay * msPerDay).getUTCFullYear();
      if (!years.has(year)) {
        years.add(year);
        for (const day of usSpecialDays(year)) days.set(day.localDay, day);
      }
      return days.get(localDay);
    },
  };
}
