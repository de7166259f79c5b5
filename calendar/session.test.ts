import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatInstant, msPerDay, parseInstant } from '../core/time.ts';
import { createExchange, createRoundTheClock } from './session.ts';

const at = (text: string): number => parseInstant(text) ?? NaN;

interface ReferenceDays {
  readonly first: string;
  readonly last: string;
  readonly sessionCount: number;
  readonly holidays: readonly string[];
  readonly halfDays: readonly string[];
}

describe('against the published days of the NYSE', () => {
  const reference = JSON.parse(
    readFileSync(new URL('fixtures/xnys-days.json', import.meta.url), 'utf8'),
  ) as ReferenceDays;
  const exchange = createExchange('XNYS');
  const days = Array.from(
    { length: (at(reference.last) - at(reference.first)) / msPerDay + 1 },
    (_, index) => at(reference.first) / msPerDay + index,
  );
  const datesOf = (type: string): string[] =>
    days.filter((day) => exchange.dayTypeOf(day) === type).map((day) => formatInstant(day * msPerDay).slice(0, 10));

  // Both ways at once: a day too many on either side breaks the equality.
  it('closes on the same days', () => expect(datesOf('holiday')).toEqual(reference.holidays));
  it('closes early on the same days', () => expect(datesOf('halfDay')).toEqual(reference.halfDays));
  it('counts the same sessions', () => {
    const sessions = exchange.sessionsBetween(at(reference.first), at(reference.last) + msPerDay);
    expect(sessions).toHaveLength(reference.sessionCount);
  });
});

describe('the bells, as instants', () => {
  const exchange = createExchange('XNYS');

  it.each([
    ['the Friday before clocks go forward', '2025-03-07', '2025-03-07T14:30:00Z', '2025-03-07T21:00:00Z'],
    ['the Monday after', '2025-03-10', '2025-03-10T13:30:00Z', '2025-03-10T20:00:00Z'],
    ['the Friday before clocks go back', '2025-10-31', '2025-10-31T13:30:00Z', '2025-10-31T20:00:00Z'],
    ['the Monday after', '2025-11-03', '2025-11-03T14:30:00Z', '2025-11-03T21:00:00Z'],
    ['the day after Thanksgiving', '2025-11-28', '2025-11-28T14:30:00Z', '2025-11-28T18:00:00Z'],
    // Until 2006 clocks went forward in April, so that this Monday was still on winter time.
    ['a March Monday in 2006', '2006-03-13', '2006-03-13T14:30:00Z', '2006-03-13T21:00:00Z'],
  ])('%s (%s): opens %s, closes %s', (_, day, opens, closes) => {
    const [session, ...others] = exchange.sessionsBetween(at(day), at(day) + msPerDay);
    expect(others).toEqual([]);
    expect(formatInstant(session!.openAtMs)).toBe(opens);
    expect(formatInstant(session!.closeAtMs)).toBe(closes);
  });

  it('takes a session by its opening bell: the first bound belongs to it, the last does not', () => {
    const bell = at('2025-09-05T13:30:00Z');
    expect(exchange.sessionsBetween(bell, bell + 1)).toHaveLength(1);
    expect(exchange.sessionsBetween(bell + 1, bell + 60_000)).toEqual([]);
    expect(exchange.sessionsBetween(bell - 60_000, bell)).toEqual([]);
    expect(exchange.sessionsBetween(bell + 1, bell - 1)).toEqual([]);
  });

  it.each([
    ['2025-09-05T07:59:59.999Z', 'closed'],
    ['2025-09-05T08:00:00Z', 'preMarket'],
    ['2025-09-05T13:29:59.999Z', 'preMarket'],
    ['2025-09-05T13:30:00Z', 'regular'],
    ['2025-09-05T19:59:59.999Z', 'regular'],
    ['2025-09-05T20:00:00Z', 'afterMarket'],
    ['2025-09-05T23:59:59.999Z', 'afterMarket'],
    ['2025-09-06T00:00:00Z', 'closed'],
    ['2025-09-06T15:00:00Z', 'closed'], // a Saturday
    ['2025-01-09T15:00:00Z', 'closed'], // mourning, by decision
    ['2025-11-28T17:59:59.999Z', 'regular'], // a half day
    ['2025-11-28T18:00:00Z', 'afterMarket'],
    ['2025-11-28T22:00:00Z', 'closed'],
  ])('%s is %s', (instant, phase) => expect(exchange.phaseAt(at(instant))).toBe(phase));
});

describe('bells as events', () => {
  it('names each day of Thanksgiving week 2025', () => {
    const events = createExchange('XNAS').sessionEvents(at('2025-11-26'), at('2025-12-01'));
    expect(events.map((event) => `${event.id} ${String(event.phase)} ${event.title}`)).toEqual([
      'open:XNAS@2025-11-26T14:30:00Z open XNAS opens',
      'close:XNAS@2025-11-26T21:00:00Z close XNAS closes',
      'holiday:XNAS@2025-11-27T14:30:00Z holiday XNAS closed: Thanksgiving Day',
      'open:XNAS@2025-11-28T14:30:00Z open XNAS opens',
      'half_day:XNAS@2025-11-28T18:00:00Z halfDay XNAS closes early: Day after Thanksgiving',
    ]);
  });

  it('cuts at its bounds as a calendar does', () => {
    const exchange = createExchange('XNYS');
    const kinds = (from: string, until: string): string[] =>
      exchange.sessionEvents(at(from), at(until)).map((event) => event.kind);
    expect(kinds('2025-09-05T13:30:00Z', '2025-09-05T20:00:00Z')).toEqual(['open']);
    expect(kinds('2025-09-05T13:30:01Z', '2025-09-05T20:00:01Z')).toEqual(['close']);
  });
});

describe('what never closes', () => {
  it('has a session every day, on the wall clock of its zone', () => {
    const clock = createRoundTheClock('Europe/Paris');
    expect(clock.utcOffsetMsAt(at('1998-06-27T12:00:00Z'))).toBe(7_200_000);
    expect(clock.utcOffsetMsAt(at('1998-12-27T12:00:00Z'))).toBe(3_600_000);
    expect(new Set([4, 5, 6, 7, 8, 9, 10].map((day) => clock.dayTypeOf(day)))).toEqual(new Set(['session']));
    expect(createRoundTheClock('UTC').utcOffsetMsAt(at('2025-07-01'))).toBe(0);
  });

  it.each(['US-Eastern', 'Mars/Olympus', ''])('refuses the zone "%s" by name', (zone) => {
    expect(() => createRoundTheClock(zone)).toThrow(`unknown time zone "${zone}"`);
  });
});
