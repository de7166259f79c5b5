import { describe, expect, it } from 'vitest';
import type { MarketEvent } from '../core/market-event.ts';
import { msPerDay } from '../core/time.ts';
import { findDoubts } from './doubt.ts';
import { at, cpi } from './event.fixture.ts';
import { compareEvents, type EventDraft } from './event.ts';
import { newFindings } from './finding.ts';
import { createVenue } from './venue.ts';
import { createZone } from './zone.ts';

const nowMs = at('2025-10-14T00:00:00Z');
const clock = createVenue('XNYS');
const newYork = createZone('America/New_York');

/** The 12th of each month from a year ago to a year ahead, at a time of the local day. */
function monthly(time: string, { kind = 'cpi', zone = newYork, count = 24 } = {}): MarketEvent[] {
  const [hours, minutes] = time.split(':').map(Number);
  return Array.from({ length: count }, (_, month) => {
    const day = Date.UTC(2024, 9 + month, 12) / msPerDay;
    // The 12th may be a Sunday; the next Tuesday never is.
    const tuesday = day + ((5 - ((day + 4) % 7) + 4) % 7);
    return cpi('', {
      kind,
      id: `${kind}-${month}`,
      startsAtMs: zone.instantOf(tuesday, (hours! * 60 + minutes!) * 60_000),
    });
  });
}

const doubts = (events: readonly MarketEvent[], change: Partial<Parameters<typeof findDoubts>[1]> = {}) =>
  findDoubts(events.toSorted(compareEvents), { nowMs, clock, ...change });
const kinds = (events: readonly MarketEvent[]): string[] =>
  doubts(events).map(({ kind, eventId }) => `${kind} ${eventId!}`);

const next = 13;
const changed = (change: Partial<EventDraft>, events = monthly('08:30')): MarketEvent[] =>
  events.map((event, index) => (index === next ? { ...event, ...change } : event));
const movedTo = (ts: string): MarketEvent[] => changed({ startsAtMs: at(ts) });

it('finds nothing in a calendar that does what it always did, through both clock changes', () => {
  expect(kinds(monthly('08:30'))).toEqual([]);
  expect(kinds([...monthly('08:30'), ...monthly('14:15', { kind: 'ecb', zone: createZone('Europe/Berlin') })])).toEqual(
    [],
  );
});

describe('an unusual hour', () => {
  it('is the evening for the morning', () => {
    const [finding] = doubts(movedTo('2025-11-19T01:30:00Z'));
    expect(finding).toMatchObject({ kind: 'unusual-hour', eventId: 'cpi-13', severity: 'finding' });
    expect(finding!.because).toBe(
      'cpi at 2025-11-19T01:30:00Z, 20:30 in America/New_York, where 12 of the last 12 were at 08:30: is it morning, and not evening?',
    );
  });

  it.each([
    ['the same hour in UTC after the clock change', movedTo('2025-11-18T12:30:00Z'), ['unusual-hour cpi-13']],
    ['the right one', movedTo('2025-11-18T13:30:00Z'), []],
    ['a kind at scattered hours', changed({ startsAtMs: at('2025-11-18T12:30:00Z') }, scattered()), []],
    [
      'too short a past, without a convention',
      monthly('08:30', { kind: 'listing', count: 5 }).concat(lateListing()),
      [],
    ],
    ['too short a past, with one', [cpi('2025-11-18T18:30:00Z', { id: 'x' })], ['unusual-hour x']],
    ['a time that is only assumed', [cpi('2025-11-18T18:30:00Z', { isTimeAssumed: true })], []],
    ['a day', [cpi('2025-11-18', { precision: 'date' })], []],
    ['a cancelled one', [cpi('2025-11-18T18:30:00Z', { status: 'cancelled' })], []],
    [
      'what people started',
      [cpi('2025-11-16T18:30:00Z', { kind: 'manual' }), ...monthly('08:30', { kind: 'manual' })],
      [],
    ],
    ['a past one', [cpi('2025-09-16T18:30:00Z')], []],
    ['an hour that was kept once may have been the mistake', onceOdd(), ['unusual-hour cpi-13']],
    [
      'the clock of Tokyo, which does not change',
      changed(
        { startsAtMs: at('2026-01-20T02:00:00Z') },
        monthly('12:00', { kind: 'boj_x', zone: createZone('Asia/Tokyo') }),
      ),
      ['unusual-hour boj_x-13'],
    ],
  ])('%s', (_, events, expected) => {
    expect(kinds(events).filter((text) => text.startsWith('unusual'))).toEqual(expected);
  });

  it('is learned from what an earlier version knew', () => {
    const past = monthly('09:45', { kind: 'survey' }).filter(({ startsAtMs }) => startsAtMs < nowMs);
    const late = [cpi('2025-11-18T21:45:00Z', { kind: 'survey' })];
    expect(doubts(late)).toEqual([]);
    expect(doubts(late, { history: past }).map(({ kind }) => kind)).toContain('unusual-hour');
  });
});

function scattered(): MarketEvent[] {
  return monthly('08:30').map((event, index) => ({ ...event, startsAtMs: event.startsAtMs + (index % 5) * 3_000_000 }));
}

function lateListing(): MarketEvent[] {
  return [cpi('2025-11-18T21:45:00Z', { kind: 'listing' })];
}

function onceOdd(): MarketEvent[] {
  const events = movedTo('2025-11-18T19:30:00Z');
  return events.map((event, index) =>
    index === 4 ? { ...event, startsAtMs: event.startsAtMs + 6 * 3_600_000 } : event,
  );
}

describe('a closed session', () => {
  it.each([
    ['a Sunday', '2025-11-16T13:30:00Z', clock, ['closed-session cpi-13']],
    ['Thanksgiving', '2025-11-27T13:30:00Z', clock, ['closed-session cpi-13']],
    ['the half day after it', '2025-11-28T13:30:00Z', clock, []],
    ['where nothing closes', '2025-11-16T13:30:00Z', createVenue('UTC'), []],
  ])('%s', (_, ts, venue, expected) => {
    const found = doubts(movedTo(ts), { clock: venue });
    expect(
      found.filter(({ kind }) => kind === 'closed-session').map(({ kind, eventId }) => `${kind} ${eventId!}`),
    ).toEqual(expected);
  });

  it('is none for a kind that came on one before', () => {
    const events = movedTo('2025-11-16T13:30:00Z').map((event, index) =>
      index === 3 ? { ...event, startsAtMs: at('2025-01-18T13:30:00Z') } : event,
    );
    expect(kinds(events).filter((text) => text.startsWith('closed'))).toEqual([]);
  });
});

describe('the step from one release to the next', () => {
  const events = monthly('08:30');
  const extra = (ts: string, change: Partial<EventDraft> = {}): MarketEvent[] => [
    ...events,
    cpi(ts, { id: 'extra', ...change }),
  ];

  it.each([
    ['two in a week', extra('2025-11-21T13:30:00Z'), ['doubled-release extra']],
    ['two, of which one is cancelled', extra('2025-11-21T13:30:00Z', { status: 'cancelled' }), []],
    ['of two companies', extra('2025-11-21T13:30:00Z', { symbols: ['AAPL'] }), []],
    ['in the past', extra('2025-09-18T12:30:00Z'), []],
    ['put off by some days', movedTo('2025-11-24T13:30:00Z'), []],
    ['none in November', events.filter((_, index) => index !== next), ['missing-release cpi-12']],
    ['none in November, and told so', changed({ status: 'cancelled' }), []],
    ['none ahead, and nothing else either', events.slice(0, next), []],
    ['at no steps', scatteredDays(), []],
    ['too few to know', events.slice(10, 14).concat(extra('2025-11-21T13:30:00Z').at(-1)!), []],
  ])('%s', (_, list, expected) => {
    expect(kinds(list).filter((text) => !text.startsWith('closed'))).toEqual(expected);
  });

  it('misses the last one only where most of the calendar goes on', () => {
    const ends = (...counts: number[]): MarketEvent[] =>
      ['cpi', 'ppi', 'retail_sales'].flatMap((kind, index) => monthly('08:30', { kind, count: counts[index]! }));
    expect(kinds(ends(14, 20, 20))).toEqual(['missing-release cpi-13']);
    expect(kinds(ends(14, 14, 20))).toEqual([]);
    expect(kinds(ends(20, 20, 20))).toEqual([]);
  });

  function scatteredDays(): MarketEvent[] {
    return events.map((event, index) => ({
      ...event,
      startsAtMs: event.startsAtMs + ((index * 37) % 5) * 9 * msPerDay,
    }));
  }
});

it('becomes a notice when the event comes near, and is told again then', () => {
  const events = movedTo('2025-11-19T01:30:00Z');
  const [early, close] = [nowMs, at('2025-11-18T01:31:00Z')].map((time) => doubts(events, { nowMs: time }));
  expect(newFindings(early!, doubts(events))).toEqual([]);
  expect(newFindings(early!, close!)).toMatchObject([{ eventId: 'cpi-13', severity: 'notice' }]);
});
