import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bookingNameOf, createBookingReader, type Booking } from './booking.ts';
import type { FunctionKey } from './series-key.ts';
import { msPerMinute, parseInstant } from './time.ts';

const key = '123456789012/us-east-1/orders-validate:live' as FunctionKey;
const other = '123456789012/us-east-1/quotes-stream:live' as FunctionKey;
const atMs = parseInstant('2026-11-20T13:50:00Z')!;

const nameOfKey = bookingNameOf({ key, purpose: 'end', atMs, concurrency: 1 });

const anyBooking: fc.Arbitrary<Booking> = fc.record(
  {
    key: fc.constantFrom(key, other),
    purpose: fc.constantFrom('raise', 'end', 'restore'),
    atMs: fc.integer({ min: 0, max: 100_000_000 }).map((minute) => minute * msPerMinute),
    concurrency: fc.integer({ min: 0, max: 999_999 }),
    bounds: fc.record({ min: fc.integer({ min: 0, max: 999_999 }), max: fc.integer({ min: 0, max: 999_999 }) }),
  },
  { requiredKeys: ['key', 'purpose', 'atMs', 'concurrency'] },
);

describe('the name of a booking', () => {
  it('says all of it, in what a schedule may be called', () => {
    fc.assert(
      fc.property(anyBooking, (booking) => {
        const name = bookingNameOf(booking);
        expect(createBookingReader([other, key])(name)).toEqual(booking);
        expect(name).toMatch(/^[0-9a-zA-Z-_.]{1,64}$/);
      }),
    );
  });

  it('reads as minute and level', () => {
    expect(bookingNameOf({ key, purpose: 'end', atMs, concurrency: 40 })).toMatch(
      /^foreshock-[0-9a-f]{16}-e-202611201350-40$/,
    );
  });

  // FNV-1a of "foobar" as its authors publish it (test vectors): names of one release are read by the next.
  it('names a function by its published hash', () => {
    const named = bookingNameOf({ key: 'foobar' as FunctionKey, purpose: 'end', atMs, concurrency: 0 });
    expect(named).toBe('foreshock-85944171f73967e8-e-202611201350-0');
  });

  it.each([
    ['a function that is not watched here', bookingNameOf({ key, purpose: 'end', atMs, concurrency: 1 }), [other]],
    ['a schedule of somebody else', 'nightly-report', [key]],
    ['a name that only begins like ours', 'foreshock-report', [key]],
    ['a day that does not exist', nameOfKey.replace('20261120', '20260231'), [key]],
    ['a number as we do not write it', nameOfKey.replace(/-1$/, '-01'), [key]],
    ['a month that does not exist', 'foreshock-0000000000000000-e-202613201350-40', [key]],
  ])('is not ours: %s', (_, name, keys) => {
    expect(createBookingReader(keys)(name)).toBeUndefined();
  });
});
