import { expect, it } from 'vitest';
import type { MarketEvent } from '../core/market-event.ts';
import { at, brief, calendarOf, cpi } from './event.fixture.ts';
import { mergeCalendars } from './merge.ts';
import { createVenue } from './venue.ts';

const options = { nowMs: at('2025-10-15T06:30:00Z'), clock: createVenue('XNYS') };
const merge = (...lists: readonly (readonly MarketEvent[])[]) =>
  mergeCalendars(
    lists.map((events, index) => calendarOf(['bls.ics', 'desk.yaml', 'vendor.csv'][index]!, events)),
    options,
  );

const agency = cpi('2025-10-15T12:30:00Z', { id: 'cpi-oct' });
const speech = (ts: string) => cpi(ts, { kind: 'fed_chair' });

it.each<[string, readonly (readonly MarketEvent[])[], string[], number]>([
  ['one event under one name', [[agency], [agency]], ['cpi-oct 2025-10-15T12:30:00Z'], 0],
  ['one event under two names', [[agency], [cpi('2025-10-15T12:30:00Z')]], ['cpi-oct 2025-10-15T12:30:00Z'], 0],
  [
    'one name, two times',
    [[agency], [cpi('2025-10-24T12:30:00Z', { id: 'cpi-oct' })]],
    ['cpi-oct 2025-10-15T12:30:00Z', 'cpi-oct 2025-10-24T12:30:00Z sources-disagree'],
    1,
  ],
  [
    'two names, two times of one day',
    [[agency], [cpi('2025-10-16T00:30:00Z')]],
    ['cpi-oct 2025-10-15T12:30:00Z', 'cpi-oct 2025-10-16T00:30:00Z sources-disagree'],
    1,
  ],
  [
    'the next day in New York is another release',
    [[agency], [cpi('2025-10-16T04:00:00Z')]],
    ['cpi-oct 2025-10-15T12:30:00Z', 'cpi@2025-10-16T04:00:00Z 2025-10-16T04:00:00Z'],
    0,
  ],
  [
    'another company',
    [
      [cpi('2025-10-15T12:30:00Z', { id: 'a', kind: 'earnings', symbols: ['AAPL'] })],
      [cpi('2025-10-15T20:30:00Z', { id: 'b', kind: 'earnings', symbols: ['MSFT'] })],
    ],
    ['a 2025-10-15T12:30:00Z', 'b 2025-10-15T20:30:00Z'],
    0,
  ],
  [
    'who speaks twice may speak a third time',
    [
      [speech('2025-10-15T14:00:00Z'), speech('2025-10-15T18:00:00Z')],
      [speech('2025-10-15T14:00:00Z'), speech('2025-10-15T20:00:00Z')],
    ],
    ['14', '18', '20'].map((hour) => `fed_chair@2025-10-15T${hour}:00:00Z 2025-10-15T${hour}:00:00Z`),
    0,
  ],
  [
    'what one calls off and the other does not stays on',
    [[{ ...agency, status: 'cancelled' }], [cpi('2025-10-15T12:30:00Z')]],
    ['cpi-oct 2025-10-15T12:30:00Z'],
    1,
  ],
  ['in either order', [[agency], [{ ...agency, status: 'cancelled' }]], ['cpi-oct 2025-10-15T12:30:00Z'], 1],
  [
    'a day and a time',
    [[cpi('2025-10-15', { id: 'cpi-oct', precision: 'date' })], [cpi('2025-10-15T12:30:00Z')]],
    ['cpi-oct 2025-10-15T12:30:00Z'],
    0,
  ],
  ['a time and a day', [[agency], [cpi('2025-10-15', { precision: 'date' })]], ['cpi-oct 2025-10-15T12:30:00Z'], 0],
  [
    'three times',
    [[agency], [cpi('2025-10-15T13:30:00Z', { id: 'cpi-oct' })], [cpi('2025-10-15T14:30:00Z', { id: 'cpi-oct' })]],
    [
      'cpi-oct 2025-10-15T12:30:00Z',
      'cpi-oct 2025-10-15T13:30:00Z sources-disagree',
      'cpi-oct 2025-10-15T14:30:00Z sources-disagree',
    ],
    2,
  ],
])('makes one calendar of %s', (_, lists, expected, findingCount) => {
  const { events, findings } = merge(...lists);
  expect(events.map(brief)).toEqual(expected);
  expect(findings.map(({ kind }) => kind)).toEqual(Array(findingCount).fill('sources-disagree'));
});

it('takes the higher importance, what is expected, and a time that is no assumption any more', () => {
  const assumed = cpi('2025-10-15T12:30:00Z', { id: 'cpi-oct', importance: 1, isTimeAssumed: true });
  const desk = cpi('2025-10-15T12:30:00Z', { expect: { group: 'app', minutes: 30, lift: 3 } });
  const [event] = merge([assumed], [desk]).events;
  expect(event).toMatchObject({ id: 'cpi-oct', importance: 3, expect: { lift: 3 } });
  expect(event).not.toHaveProperty('isTimeAssumed');
});

it('says who says what, and is urgent in the last day', () => {
  const [finding] = merge([agency], [cpi('2025-10-15T13:30:00Z', { id: 'cpi-oct' })]).findings;
  expect(finding).toEqual({
    kind: 'sources-disagree',
    eventId: 'cpi-oct',
    atMs: agency.startsAtMs,
    because:
      'cpi at 2025-10-15T12:30:00Z: bls.ics has it at 2025-10-15T12:30:00Z, desk.yaml has it at 2025-10-15T13:30:00Z: both are kept warm; mend one of them, or: calendar confirm cpi-oct',
    severity: 'notice',
  });
});
