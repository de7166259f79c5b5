import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatInstant, parseInstant } from './time.ts';

describe('an instant is read', () => {
  it.each([
    { name: 'with its zone', text: '2025-09-05T12:30:00Z', iso: '2025-09-05T12:30:00.000Z' },
    { name: 'without seconds', text: '2025-09-05T12:30Z', iso: '2025-09-05T12:30:00.000Z' },
    { name: 'with an offset, over midnight', text: '2025-09-05T00:30-05:00', iso: '2025-09-05T05:30:00.000Z' },
    { name: 'with milliseconds', text: '2025-09-05T12:30:00.25Z', iso: '2025-09-05T12:30:00.250Z' },
    { name: 'with nanoseconds, cut', text: '2025-09-05T12:30:00.123999999Z', iso: '2025-09-05T12:30:00.123Z' },
    { name: 'as a date, at 00:00Z', text: '2025-09-05', iso: '2025-09-05T00:00:00.000Z' },
    { name: 'on a leap day', text: '2024-02-29', iso: '2024-02-29T00:00:00.000Z' },
    { name: 'before 1970', text: '1969-12-31T23:59:59Z', iso: '1969-12-31T23:59:59.000Z' },
  ])('$name', ({ text, iso }) => {
    expect(new Date(parseInstant(text) ?? Number.NaN).toISOString()).toBe(iso);
  });

  it.each([
    { name: 'a time without a zone', text: '2025-09-05T12:30:00' },
    { name: 'a date with a zone', text: '2025-09-05Z' },
    { name: 'a day that its month has not', text: '2025-04-31T12:30Z' },
    { name: 'a leap day of a common year', text: '2023-02-29' },
    { name: 'a century that is no leap year', text: '1900-02-29' },
    { name: 'a thirteenth month', text: '2025-13-01' },
    { name: 'a sixtieth second', text: '2025-09-05T12:30:60Z' },
    { name: 'an offset of a day', text: '2025-09-05T12:30:00+24:00' },
    { name: 'a space for the T', text: '2025-09-05 12:30:00Z' },
    { name: 'a small z', text: '2025-09-05T12:30:00z' },
    { name: 'milliseconds since 1970', text: '1757075400000' },
    { name: 'more after it', text: '2025-09-05T12:30:00Z\n' },
    { name: 'nothing', text: '' },
  ])('but not $name', ({ text }) => {
    expect(parseInstant(text)).toBeUndefined();
  });

  it('as it was written', () => {
    const min = Date.UTC(1, 0, 1);
    const max = Date.UTC(9999, 11, 31);
    fc.assert(fc.property(fc.integer({ min, max }), (atMs) => parseInstant(formatInstant(atMs)) === atMs));
  });
});

it('writes milliseconds only where there are any', () => {
  expect(formatInstant(Date.UTC(2025, 8, 5, 12, 30))).toBe('2025-09-05T12:30:00Z');
  expect(formatInstant(Date.UTC(2025, 8, 5, 12, 30, 0, 7))).toBe('2025-09-05T12:30:00.007Z');
});
