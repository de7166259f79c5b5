import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BookCall, CancelBooking, Outcome } from '../core/action.ts';
import { bookingNameOf, type Booking } from '../core/booking.ts';
import { createRandom } from '../core/random.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerMinute, msPerSecond, parseInstant, type EpochMs } from '../core/time.ts';
import { bookingsWanted, type Hold, type WantedInput } from './bookings-wanted.ts';
import { advanceBookings, bookedEndMs, bookingActions, forgetPast, noBookings, type Bookings } from './bookings.ts';

const key = '123456789012/us-east-1/orders:live' as FunctionKey;
const eventAtMs = parseInstant('2026-11-06T13:30:00Z')!;
const at = (minute: number): EpochMs => eventAtMs + minute * msPerMinute;
const inWindow = { eventId: 'nfp', concurrency: 40 };
const raised: Hold = { ...inWindow, fromMs: at(-10), untilMs: at(15) };
const later: Hold = { ...inWindow, fromMs: at(30), untilMs: at(55) };
const lowered: Hold = { ...inWindow, fromMs: at(15), untilMs: at(40), concurrency: 16 };

function wantedAt(minute: number, more: Partial<WantedInput> = {}): string[] {
  return bookingsWanted({
    nowMs: at(minute),
    key,
    holds: [raised, lowered],
    baselineConcurrency: 0,
    isBookedAhead: () => false,
    askedConcurrency: undefined,
    known: noBookings,
    spreadRatio: 0,
    ...more,
  }).map(({ purpose, atMs, concurrency, bounds }) => {
    const within = bounds ? ` in ${bounds.min}..${bounds.max}` : '';
    return `${purpose} T${(atMs - eventAtMs) / msPerMinute} ${concurrency}${within}`;
  });
}

const booked = (...bookings: Booking[]): Bookings =>
  advanceBookings(noBookings, { kind: 'listed', bookings, askedAtMs: at(-60) });
const end = (minute: number): Booking => ({ key, purpose: 'end', atMs: at(minute), concurrency: 0 });
const raise = (concurrency: number): Booking => ({ key, purpose: 'raise', atMs: at(-8), concurrency });

describe('what should be booked', () => {
  const important = { isBookedAhead: () => true };
  it.each<[string, string[], string[]]>([
    ['nothing, long before', wantedAt(-60), []],
    ['nothing, a second too early', wantedAt(-15.1), []],
    ['the end of the whole stretch, before the raise is asked', wantedAt(-15), ['end T41 0', 'lower T16 16']],
    ['the same while its first step goes on', wantedAt(0), ['end T41 0', 'lower T16 16']],
    ['the end alone, from its last step on', wantedAt(15), ['end T41 0']],
    ['nothing, once it is over', wantedAt(40), []],
    ['an end in between, where nothing follows at once', wantedAt(0, { holds: [raised, later] }), ['end T16 0']],
    [
      'no step up: what raises is asked by us',
      wantedAt(0, { holds: [raised, { ...lowered, concurrency: 60 }] }),
      ['end T41 0'],
    ],
    ['a return to what stood before us', wantedAt(0, { baselineConcurrency: 5 }), ['end T41 5', 'lower T16 16']],
    ['a step down to it, which ends ours', wantedAt(0, { baselineConcurrency: 16 }), ['end T16 16']],
    ['nothing where no more is wanted than stood before us', wantedAt(0, { baselineConcurrency: 40 }), []],
    [
      'raise and end, half a day ahead of what matters most',
      wantedAt(-730, important),
      ['end T41 0', 'raise T-8 40', 'lower T16 16'],
    ],
    ['no raise, earlier than that', wantedAt(-731, important), []],
    [
      'no raise once it has been asked',
      wantedAt(-9, { ...important, askedConcurrency: 40 }),
      ['end T41 0', 'lower T16 16'],
    ],
    [
      'a raise still, while less has been asked',
      wantedAt(-9, { ...important, askedConcurrency: 30 }),
      ['end T41 0', 'raise T-8 40', 'lower T16 16'],
    ],
    [
      'the raise that stands, within a tenth',
      wantedAt(-60, { ...important, known: booked(raise(37)) }),
      ['end T41 0', 'raise T-8 37', 'lower T16 16'],
    ],
    [
      'another raise, beyond it',
      wantedAt(-60, { ...important, known: booked(raise(36)) }),
      ['end T41 0', 'raise T-8 40', 'lower T16 16'],
    ],
    [
      'an end in one to two hours, of a floor',
      wantedAt(0, { holds: [{ fromMs: at(-900), untilMs: Infinity, concurrency: 5 }] }),
      ['end T90 0'],
    ],
    [
      'an end in one to two hours, of a window that goes on into a floor',
      wantedAt(0, { holds: [raised, { fromMs: at(15), untilMs: Infinity, concurrency: 5 }] }),
      ['end T90 0', 'lower T16 5'],
    ],
    [
      'an end one to two hours after its raise, of a longer stretch',
      wantedAt(-730, { ...important, holds: [{ ...raised, untilMs: at(400) }] }),
      ['end T90 0', 'raise T-8 40'],
    ],
    [
      'steered: the minimum back, and the maximum after it',
      wantedAt(0, { bounds: { min: 2, max: 60 }, baselineConcurrency: 2 }),
      ['end T41 2 in 2..2', 'restore T43 2 in 2..60'],
    ],
    [
      'steered: not below what was provisioned before',
      wantedAt(0, { bounds: { min: 2, max: 60 }, baselineConcurrency: 2, provisionedBefore: 4 }),
      ['end T41 2 in 2..4', 'restore T43 2 in 2..60'],
    ],
  ])('%s', (_, wanted, expected) => {
    expect(wanted).toEqual(expected);
  });
});

describe('the calls that follow', () => {
  const calls = (known: Bookings, wanted: Booking[], isOursStanding = true, nowMs = at(0)): string[] =>
    bookingActions(known, { nowMs, wanted, isOursStanding }).map(
      ({ kind, booking }) => `${kind} ${booking.purpose} T${(booking.atMs - eventAtMs) / msPerMinute}`,
    );
  const asked = advanceBookings(noBookings, { kind: 'sent', action: act('book-call', end(16)), atMs: at(0) });
  const answered = (kind: 'refused' | 'unknown'): Bookings =>
    advanceBookings(asked, {
      kind: 'outcome',
      action: act('book-call', end(16)),
      outcome: { kind, atMs: at(0), code: 'Code', message: 'words' },
    });
  it.each<[string, string[], string[]]>([
    ['books what is wanted', calls(noBookings, [end(16)]), ['book-call end T16']],
    ['books it once', calls(asked, [end(16)]), []],
    ['is content', calls(booked(end(16)), [end(16)]), []],
    ['books the later end before it takes the earlier back', calls(booked(end(16)), [end(41)]), ['book-call end T41']],
    ['takes the earlier back then', calls(booked(end(16), end(41)), [end(41)]), ['cancel-booking end T16']],
    ['never takes the last end back while ours may stand', calls(booked(end(16)), []), []],
    ['takes it back when nothing of ours is left', calls(booked(end(16)), [], false), ['cancel-booking end T16']],
    [
      'replaces a raise without a gap',
      calls(booked(end(16), raise(30)), [end(16), raise(40)], false, at(-60)),
      ['book-call raise T-8'],
    ],
    [
      'takes a raise back that nobody wants',
      calls(booked(end(16), raise(30)), [end(16)], false, at(-60)),
      ['cancel-booking raise T-8'],
    ],
    [
      'takes a step down back that was made by us',
      calls(booked(end(41), { ...end(16), purpose: 'lower', concurrency: 16 }), [end(41)]),
      ['cancel-booking lower T16'],
    ],
    ['waits after a refusal', calls(answered('refused'), [end(16)], true, at(0) + 1_999), []],
    ['tries again then', calls(answered('refused'), [end(16)], true, at(0) + 2_000), ['book-call end T16']],
    ['waits for a listing after a lost answer', calls(answered('unknown'), [end(16)], true, at(5)), []],
  ])('%s', (_, found, expected) => {
    expect(found).toEqual(expected);
  });

  it('knows from a listing what became of a lost answer', () => {
    const doubtful = answered('unknown');
    const listed = (bookings: Booking[]): Bookings =>
      advanceBookings(doubtful, { kind: 'listed', bookings, askedAtMs: at(1) });
    expect(bookedEndMs(listed([end(16)]), at(1))).toBe(at(16));
    expect(calls(listed([]), [end(16)])).toEqual(['book-call end T16']);
    // Asked before the booking was answered: it says nothing of it.
    const early = advanceBookings(doubtful, { kind: 'listed', bookings: [], askedAtMs: at(-1) });
    expect(early).toBe(doubtful);
  });

  it('counts no end that is about to come, and no steered one that would leave the maximum lowered', () => {
    const steeredEnd: Booking = { ...end(16), bounds: { min: 2, max: 2 } };
    const restore: Booking = { ...steeredEnd, purpose: 'restore', atMs: at(18), bounds: { min: 2, max: 60 } };
    expect(bookedEndMs(booked(end(16)), at(15))).toBe(at(16));
    expect(bookedEndMs(booked(end(16)), at(15) + 1)).toBeUndefined();
    expect(bookedEndMs(booked(steeredEnd), at(0))).toBeUndefined();
    expect(bookedEndMs(booked(steeredEnd, restore), at(0))).toBe(at(16));
  });
});

function act(kind: 'book-call' | 'cancel-booking', booking: Booking): BookCall | CancelBooking {
  return { kind, key, booking, because: 'a test' };
}

// Goal: whatever is lost, refused or doubled, capacity of ours never stands without an end, and in the end nothing is booked.
// Method: an hour by the second. AWS is a set of names that fires at its minute; calls are refused, lost before or after they took effect; our Put needs
// a known end. Killed at a random second or not at all.
describe('whatever AWS answers', () => {
  const script = fc.record({
    seed: fc.nat(),
    faultRatio: fc.constantFrom(0, 0.2, 0.6),
    killedAtMinute: fc.constantFrom(Infinity, -12, -5, 3, 14, 15, 20, 39),
  });

  it('ends within two minutes of its time, and leaves nothing booked', () => {
    fc.assert(
      fc.property(script, ({ seed, faultRatio, killedAtMinute }) => {
        const random = createRandom(seed);
        const aws = new Map<string, Booking>();
        let known = noBookings;
        let standing = 0;
        for (let nowMs = at(-20); nowMs < at(60); nowMs += msPerSecond) {
          for (const [name, booking] of aws) {
            if (booking.atMs + 59_000 > nowMs) continue;
            aws.delete(name);
            standing = booking.concurrency;
          }
          expect(standing === 0 || nowMs < at(42)).toBe(true);
          if (standing > 0) expect([...aws.values()].some(({ purpose }) => purpose === 'end')).toBe(true);
          if (nowMs >= at(killedAtMinute)) continue;
          const holds = [raised, lowered].filter(({ untilMs }) => untilMs > nowMs);
          const level = holds.find(({ fromMs }) => fromMs <= nowMs)?.concurrency ?? 0;
          known = forgetPast(known, nowMs);
          const wanted = bookingsWanted({
            nowMs,
            key,
            holds,
            baselineConcurrency: 0,
            isBookedAhead: () => false,
            askedConcurrency: standing,
            known,
            spreadRatio: 0,
          });
          for (const action of bookingActions(known, { nowMs, wanted, isOursStanding: standing > 0 })) {
            known = advanceBookings(known, { kind: 'sent', action, atMs: nowMs });
            const outcome = answer(aws, action, { nowMs, isFault: random.next() < faultRatio, draw: random.next() });
            known = advanceBookings(known, { kind: 'outcome', action, outcome });
          }
          if (nowMs % (10 * msPerSecond) === 0) {
            known = advanceBookings(known, { kind: 'listed', bookings: [...aws.values()], askedAtMs: nowMs + 1 });
          }
          if (level === 0 || bookedEndMs(known, nowMs) !== undefined) standing = level;
        }
        expect([...aws.keys()]).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

function answer(
  aws: Map<string, Booking>,
  { kind, booking }: BookCall | CancelBooking,
  { nowMs, isFault, draw }: { readonly nowMs: EpochMs; readonly isFault: boolean; readonly draw: number },
): Outcome {
  const fault = (['throttled', 'unknown', 'unavailable'] as const)[Math.floor(draw * 3)]!;
  const takesEffect = !isFault || (fault !== 'throttled' && draw * 3 - Math.floor(draw * 3) < 0.5);
  if (takesEffect && kind === 'book-call') aws.set(bookingNameOf(booking), booking);
  if (takesEffect && kind === 'cancel-booking') aws.delete(bookingNameOf(booking));
  return isFault ? { kind: fault, atMs: nowMs, code: 'Fault', message: 'injected' } : { kind: 'accepted', atMs: nowMs };
}

it('spreads the rolling ends of a fleet over the hour', () => {
  const ends = [0, 0.25, 0.5, 0.75].map((spreadRatio) =>
    wantedAt(0, { spreadRatio, holds: [{ fromMs: at(-900), untilMs: Infinity, concurrency: 5 }] }),
  );
  expect(ends).toEqual([['end T90 0'], ['end T75 0'], ['end T120 0'], ['end T105 0']]);
});
