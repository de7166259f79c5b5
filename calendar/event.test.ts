import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseInstant } from '../core/time.ts';
import { calendarVersion, compareEvents, createEvent, eventsBetween, type EventDraft } from './event.ts';
import { readEvent, type EventWords } from './event-text.ts';

const at = (text: string): number => parseInstant(text) ?? NaN;

const draft: EventDraft = {
  kind: 'nfp',
  title: 'Employment Situation',
  startsAtMs: at('2025-09-05T12:30:00Z'),
  precision: 'minute',
  importance: 3,
  symbols: [],
  status: 'scheduled',
  source: { calendar: 'us.csv', line: 2, says: 'bls.gov' },
};

it.each<[string, Partial<EventDraft>, string]>([
  ['kind and instant', {}, 'nfp@2025-09-05T12:30:00Z'],
  ['a symbol', { kind: 'earnings', symbols: ['AAPL'] }, 'earnings:AAPL@2025-09-05T12:30:00Z'],
  ['several symbols', { kind: 'split', symbols: ['A', 'B'] }, 'split:A+B@2025-09-05T12:30:00Z'],
  ['a date has no time in its name', { precision: 'date' }, 'nfp@2025-09-05'],
  ['a name of its own', { id: 'bls-2025-09' }, 'bls-2025-09'],
])('is named by %s', (_, change, id) => expect(createEvent({ ...draft, ...change }).id).toBe(id));

it('knows the kinds that are phases of a session, and only those', () => {
  const phases = ['open', 'close', 'half_day', 'holiday', 'nfp', 'constructor'].map(
    (kind) => createEvent({ ...draft, kind }).phase,
  );
  expect(phases).toEqual(['open', 'close', 'halfDay', 'holiday', undefined, undefined]);
});

it('cuts a calendar exactly where a filter would', () => {
  const instant = fc.integer({ min: 0, max: 20 });
  fc.assert(
    fc.property(fc.array(instant, { maxLength: 30 }), instant, instant, (instants, fromMs, untilMs) => {
      const events = instants
        .map((startsAtMs, index) => createEvent({ ...draft, id: `e${index}`, startsAtMs }))
        .sort(compareEvents);
      const filtered = events.filter((event) => event.startsAtMs >= fromMs && event.startsAtMs < untilMs);
      expect(eventsBetween(events, fromMs, untilMs)).toEqual(filtered);
    }),
    { seed: 1 },
  );
});

it('gives one version to what says the same, and another for any word that differs', () => {
  const versionOf = (change: Partial<EventDraft>): string => calendarVersion([createEvent({ ...draft, ...change })]);
  expect(versionOf({ source: { calendar: 'copy.csv', line: 9, says: 'bls.gov' } })).toBe(versionOf({}));
  const changes: Partial<EventDraft>[] = [
    { id: 'x' },
    { kind: 'cpi' },
    { title: 'Jobs' },
    { startsAtMs: draft.startsAtMs + 1 },
    { precision: 'date' },
    { isTimeAssumed: true },
    { importance: 2 },
    { symbols: ['SPY'] },
    { status: 'cancelled' },
    { source: { calendar: 'us.csv', line: 2, says: 'elsewhere' } },
    { expect: { group: 'trading', minutes: 45, lift: 4 } },
    { expect: { group: 'trading', minutes: 45, requestsPerSecond: 4 } },
  ];
  expect(new Set([versionOf({}), ...changes.map(versionOf)]).size).toBe(changes.length + 1);
});

const words: EventWords = {
  ts: '2025-09-05T08:30:00-04:00',
  kind: 'nfp',
  title: 'Employment Situation',
  importance: '3',
  symbol: '',
  source: 'bls.gov',
  id: '',
  status: '',
  precision: '',
  expect_group: '',
  expect_lift: '',
  expect_requests_per_second: '',
  expect_minutes: '',
};
const read = (change: Partial<EventWords>) => readEvent({ ...words, ...change }, { calendar: 'us.csv', line: 2 });

it('reads words into an event', () => {
  expect(read({})).toEqual(createEvent(draft));
  expect(read({ symbol: 'MSFT;AAPL ; MSFT' })).toMatchObject({ symbols: ['AAPL', 'MSFT'] });
  expect(read({ status: 'cancelled' })).toMatchObject({ status: 'cancelled' });
});

it.each([
  ['a date is no instant', { ts: '2025-09-05', precision: 'date' }, at('2025-09-05'), 'date'],
  ['nor is that of a kind without a habit', { ts: '2025-09-05', kind: 'earnings' }, at('2025-09-05'), 'date'],
  ['nor is a convention', { precision: 'date' }, at('2025-09-05T12:30:00Z'), 'date'],
  ['an instant may say so', { precision: 'minute' }, at('2025-09-05T12:30:00Z'), 'minute'],
])('%s', (_, change, startsAtMs, precision) => expect(read(change)).toMatchObject({ startsAtMs, precision }));

it.each([
  ['summer', '2025-09-05', 'nfp', '2025-09-05T12:30:00Z'],
  ['winter', '2025-12-05', 'nfp', '2025-12-05T13:30:00Z'],
  ['another time', '2025-10-29', 'fomc', '2025-10-29T18:00:00Z'],
  ['another place', '2025-10-30', 'ecb', '2025-10-30T13:15:00Z'],
])('gives a date the time of its kind, and says that it is assumed: %s', (_, ts, kind, instant) => {
  const event = read({ ts, kind });
  expect(event).toMatchObject({ startsAtMs: at(instant), precision: 'minute', isTimeAssumed: true });
  expect(event).toMatchObject({ id: `${kind}@${ts}` });
  expect(read({ ts: instant, kind })).not.toHaveProperty('isTimeAssumed');
});

it.each<[string, Partial<EventWords>, string]>([
  ['a time without its zone', { ts: '2025-09-05T08:30:00' }, 'ts'],
  ['a day that is not', { ts: '2025-02-29' }, 'ts'],
  ['a year mistyped', { ts: '0205-09-05T08:30:00Z' }, 'ts'],
  ['capitals', { kind: 'NFP' }, 'kind'],
  ['no kind', { kind: '' }, 'kind'],
  ['the kind of what starts by hand', { kind: 'manual' }, 'kind'],
  ['a kind too long', { kind: 'a'.repeat(41) }, 'kind'],
  ['a terminal command', { title: 'jobs\u001b[2J' }, 'title'],
  ['a title too long', { title: 'a'.repeat(241) }, 'title'],
  ['importance 0', { importance: '0' }, 'importance'],
  ['importance 4', { importance: '4' }, 'importance'],
  ['a fraction', { importance: '2.5' }, 'importance'],
  ['a list with a hole', { symbol: 'AAPL;;MSFT' }, 'symbol'],
  ['an id with a space', { id: 'jobs report' }, 'id'],
  ['an id of our own making', { id: 'jobs~was@2025-09-05T12:30:00Z' }, 'id'],
  ['a status of another word', { status: 'canceled' }, 'status'],
  ['a date said to be a minute', { ts: '2025-09-05', precision: 'minute' }, 'precision'],
])('refuses %s', (_, change, field) => {
  expect(read(change)).toEqual([expect.objectContaining({ field, value: change[field as keyof EventWords] })]);
});

it('tells all faults of a row at once', () => {
  const faults = read({ ts: 'soon', kind: '', importance: 'high' });
  expect(faults).toMatchObject([{ field: 'ts' }, { field: 'kind' }, { field: 'importance' }]);
});

describe('what humans expect', () => {
  const expecting = (group: string, minutes: string, lift: string, rate = '') =>
    read({ expect_group: group, expect_minutes: minutes, expect_lift: lift, expect_requests_per_second: rate });

  it.each([
    ['times the usual', ['trading', '45', '4'], { group: 'trading', minutes: 45, lift: 4 }],
    ['a rate', ['trading', '180', '', '0.5'], { group: 'trading', minutes: 180, requestsPerSecond: 0.5 }],
  ] as const)('may be %s', (_, [group, minutes, lift, rate], expectation) => {
    expect(expecting(group, minutes, lift, rate)).toMatchObject({ expect: expectation });
  });

  it.each([
    ['no group', ['', '45', '4'], 'expect_group'],
    ['a group that none can be named', ['the desk', '45', '4'], 'expect_group'],
    ['no minutes', ['trading', '', '4'], 'expect_minutes'],
    ['half a minute', ['trading', '0.5', '4'], 'expect_minutes'],
    ['more than three hours', ['trading', '181', '4'], 'expect_minutes'],
    ['nothing that is expected', ['trading', '45', ''], 'expect_lift'],
    ['less than the usual', ['trading', '45', '1'], 'expect_lift'],
    ['a slip of the keyboard', ['trading', '45', '100.5'], 'expect_lift'],
    ['hexadecimal', ['trading', '45', '0x4'], 'expect_lift'],
    ['both', ['trading', '45', '4', '200'], 'expect_requests_per_second'],
    ['no requests', ['trading', '45', '', '0'], 'expect_requests_per_second'],
  ] as const)('refuses %s', (_, [group, minutes, lift, rate], field) => {
    expect(expecting(group, minutes, lift, rate)).toMatchObject([{ field }]);
  });
});
