import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatInstant, msPerDay, parseInstant } from '../core/time.ts';
import { createZone } from './zone.ts';

const at = (text: string): number => parseInstant(text) ?? NaN;

/** What the platform's own formatter says: slow, and a second opinion on the same zone database. */
function offsetByIntl(timeZone: string, atMs: number): number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  const name = format.formatToParts(atMs).find((part) => part.type === 'timeZoneName')?.value ?? '';
  const [, sign, hours = '0', minutes = '0', seconds = '0'] =
    /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?/.exec(name) ?? [];
  return (sign === '-' ? -1_000 : 1_000) * (Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds));
}

it.each(['America/New_York', 'Europe/London', 'Australia/Lord_Howe', 'Africa/Casablanca', 'Asia/Kolkata'])(
  'agrees with Intl everywhere, whatever was asked before: %s',
  (timeZone) => {
    const zone = createZone(timeZone);
    fc.assert(
      fc.property(fc.integer({ min: at('1970-01-01'), max: at('2040-01-01') }), (atMs) => {
        expect(zone.utcOffsetMsAt(atMs)).toBe(offsetByIntl(timeZone, atMs));
      }),
      { seed: 1 },
    );
  },
);

it.each([
  ['forward', '2025-03-09T07:00:00Z', -5, -4],
  ['back', '2025-11-02T06:00:00Z', -4, -5],
])('changes at the very millisecond: New York goes %s', (_, change, before, after) => {
  const zone = createZone('America/New_York');
  expect(zone.utcOffsetMsAt(at(change))).toBe(after * 3_600_000);
  expect(zone.utcOffsetMsAt(at(change) - 1)).toBe(before * 3_600_000);
  expect(createZone('America/New_York').utcOffsetMsAt(at(change) - 1)).toBe(before * 3_600_000);
});

describe('a wall clock time as an instant', () => {
  it.each([
    ['an ordinary one', '2025-07-01', '09:30', '2025-07-01T13:30:00Z'],
    ['the last before the gap', '2025-03-09', '01:59', '2025-03-09T06:59:00Z'],
    ['one that the gap skips: as much later', '2025-03-09', '02:30', '2025-03-09T07:30:00Z'],
    ['the first after the gap', '2025-03-09', '03:00', '2025-03-09T07:00:00Z'],
    ['one that comes twice: the first', '2025-11-02', '01:30', '2025-11-02T05:30:00Z'],
    ['the first that comes once again', '2025-11-02', '02:00', '2025-11-02T07:00:00Z'],
    ['the day of a change, later', '2025-11-02', '23:00', '2025-11-03T04:00:00Z'],
  ])('%s: %s %s', (_, day, time, instant) => {
    const timeOfDayMs = at(`1970-01-01T${time}:00Z`);
    expect(formatInstant(createZone('America/New_York').instantOf(at(day) / msPerDay, timeOfDayMs))).toBe(instant);
  });
});
