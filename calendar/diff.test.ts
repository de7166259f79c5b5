import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { MarketEvent } from '../core/market-event.ts';
import { parseInstant } from '../core/time.ts';
import { diffCalendars, isSame } from './diff.ts';
import { compareEvents, createEvent, type EventDraft } from './event.ts';

const event = (ts: string, change: Partial<EventDraft> = {}): MarketEvent =>
  createEvent({
    ...{ kind: 'cpi', title: 'Consumer prices', startsAtMs: parseInstant(ts) ?? NaN, precision: 'minute' },
    ...{ importance: 3, symbols: [], status: 'scheduled', source: { calendar: 'a.csv', line: 2, says: 'bls.gov' } },
    ...change,
  });

const cpi = event('2025-10-15T12:30:00Z');

/** A diff in a line: each list by what its events are now. */
function told(before: readonly MarketEvent[], after: readonly MarketEvent[]): string[] {
  const { added, removed, cancelled, moved, changed } = diffCalendars(
    [...before].sort(compareEvents),
    [...after].sort(compareEvents),
  );
  return [
    ...added.map(({ id }) => `added ${id}`),
    ...removed.map(({ id }) => `removed ${id}`),
    ...cancelled.map(({ after: { id }, fields }) => `cancelled ${id} ${fields.join()}`),
    ...moved.map(({ before: { id }, after: { id: now }, fields }) => `moved ${id} to ${now} ${fields.join()}`),
    ...changed.map(({ after: { id }, fields }) => `changed ${id} ${fields.join()}`),
  ];
}

const apple = (ts: string): MarketEvent => event(ts, { kind: 'earnings', symbols: ['AAPL'] });

it.each<[string, readonly MarketEvent[], readonly MarketEvent[], string[]]>([
  ['nothing', [cpi], [{ ...cpi, source: { ...cpi.source, calendar: 'b.csv', line: 9 } }], []],
  ['one more', [], [cpi], ['added cpi@2025-10-15T12:30:00Z']],
  ['one less', [cpi], [], ['removed cpi@2025-10-15T12:30:00Z']],
  [
    'within a week, under another name',
    [cpi],
    [event('2025-10-22T12:30:00Z')],
    ['moved cpi@2025-10-15T12:30:00Z to cpi@2025-10-22T12:30:00Z startsAtMs'],
  ],
  [
    'a minute more than a week is another',
    [cpi],
    [event('2025-10-22T12:31:00Z')],
    ['added cpi@2025-10-22T12:31:00Z', 'removed cpi@2025-10-15T12:30:00Z'],
  ],
  [
    'however far, under its own name',
    [event('2025-10-15T12:30:00Z', { id: 'x' })],
    [event('2025-10-24T12:30:00Z', { id: 'x', title: 'Prices' })],
    ['moved x to x title,startsAtMs'],
  ],
  [
    'the nearer of two',
    [cpi, event('2025-10-20T12:30:00Z')],
    [event('2025-10-19T12:30:00Z')],
    ['removed cpi@2025-10-15T12:30:00Z', 'moved cpi@2025-10-20T12:30:00Z to cpi@2025-10-19T12:30:00Z startsAtMs'],
  ],
  [
    'not to another kind',
    [cpi],
    [event('2025-10-15T12:30:00Z', { kind: 'ppi' })],
    ['added ppi@2025-10-15T12:30:00Z', 'removed cpi@2025-10-15T12:30:00Z'],
  ],
  [
    'not to another company',
    [apple('2025-10-30T20:30:00Z')],
    [event('2025-10-30T20:30:00Z', { kind: 'earnings', symbols: ['MSFT'] })],
    ['added earnings:MSFT@2025-10-30T20:30:00Z', 'removed earnings:AAPL@2025-10-30T20:30:00Z'],
  ],
  ['called off', [cpi], [{ ...cpi, status: 'cancelled' }], ['cancelled cpi@2025-10-15T12:30:00Z status']],
  ['on again', [{ ...cpi, status: 'cancelled' }], [cpi], ['changed cpi@2025-10-15T12:30:00Z status']],
  ['weightier', [cpi], [{ ...cpi, importance: 2 }], ['changed cpi@2025-10-15T12:30:00Z importance']],
  [
    'more expected of it',
    [cpi],
    [{ ...cpi, expect: { group: 'app', minutes: 30, lift: 4 } }],
    ['changed cpi@2025-10-15T12:30:00Z expect'],
  ],
  [
    'its time confirmed',
    [event('2025-10-15T12:30:00Z', { id: 'x', isTimeAssumed: true })],
    [event('2025-10-15T12:30:00Z', { id: 'x' })],
    ['changed x isTimeAssumed'],
  ],
  [
    'its time known',
    [event('2025-10-15', { id: 'x', precision: 'date' })],
    [event('2025-10-15', { id: 'x' })],
    ['moved x to x precision'],
  ],
])('tells %s', (_, before, after, expected) => expect(told(before, after)).toEqual(expected));

it('accounts for every event, and finds nothing between a calendar and itself', () => {
  const one = fc.record({
    day: fc.integer({ min: 1, max: 28 }),
    kind: fc.constantFrom('cpi', 'ppi'),
    isOff: fc.boolean(),
  });
  const list = fc
    .uniqueArray(one, { maxLength: 12, selector: ({ day, kind }) => `${kind}${day}` })
    .map((drafts) =>
      drafts
        .map(({ day, kind, isOff }) =>
          event(`2025-10-${String(day).padStart(2, '0')}`, { kind, status: isOff ? 'cancelled' : 'scheduled' }),
        )
        .sort(compareEvents),
    );
  fc.assert(
    fc.property(list, list, (before, after) => {
      expect(isSame(diffCalendars(before, before))).toBe(true);
      const { added, removed, ...paired } = diffCalendars(before, after);
      const pairs = Object.values(paired).flat();
      expect(new Set(pairs.map((pair) => pair.before)).size).toBe(pairs.length);
      expect(before.length - removed.length).toBe(after.length - added.length);
      expect(isSame(diffCalendars(before, after))).toBe(JSON.stringify(before) === JSON.stringify(after));
    }),
    { seed: 1 },
  );
});
