/**
 * What is booked in AWS for one function, as far as we know: a pure state fed by facts, like the pursuit beside it.
 *
 * Mental model: two lists. What should stand there (bookings-wanted.ts) is derived anew each second; what does stand there is known from answers and
 * from listings. The difference becomes calls, in an order that leaves no gap: a later end is booked before an earlier one is taken back, and while
 * anything of ours may stand an end is never taken back without another.
 *
 * Plain JSON: it goes into the snapshot as it is.
 */
import type { BookCall, CancelBooking, Outcome } from '../core/action.ts';
import { assertNever } from '../core/assert.ts';
import { bookingNameOf, type Booking } from '../core/booking.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';

/**
 * - `asking`: the answer to a booking is awaited. `booked`: AWS has it. `cancelling`: the answer to taking it back is awaited.
 * - `refused`: it is not booked, as far as an answer can tell. `doubtful`: an answer was lost, and only a listing can tell.
 */
export type BookingState = 'asking' | 'booked' | 'cancelling' | 'refused' | 'doubtful';

export interface KnownBooking {
  readonly booking: Booking;
  readonly state: BookingState;
  readonly sinceMs: EpochMs;
  /** Attempts in a row that did not succeed, of booking it or of taking it back. */
  readonly failedCount: number;
  /** What AWS said to the last of these. */
  readonly failure?: string;
}

/** By name. */
export type Bookings = Readonly<Record<string, KnownBooking>>;

export const noBookings: Bookings = {};

export type BookingFact =
  | { readonly kind: 'sent'; readonly action: BookCall | CancelBooking; readonly atMs: EpochMs }
  | { readonly kind: 'outcome'; readonly action: BookCall | CancelBooking; readonly outcome: Outcome }
  /** All that stands there for the function, asked at `askedAtMs`. */
  | { readonly kind: 'listed'; readonly bookings: readonly Booking[]; readonly askedAtMs: EpochMs };

/** A call comes within its minute; a refused one is tried again for a while by AWS itself. By then whatever it did has been seen. */
const forgottenAfterMs = 2 * msPerMinute;

const retryFirstMs = 2 * msPerSecond;
const retryMsMax = msPerMinute;

export function advanceBookings(known: Bookings, fact: BookingFact): Bookings {
  switch (fact.kind) {
    case 'sent': {
      const { kind, booking } = fact.action;
      const before = known[bookingNameOf(booking)];
      const state = kind === 'book-call' ? 'asking' : 'cancelling';
      return put(known, { booking, state, sinceMs: fact.atMs, failedCount: before?.failedCount ?? 0 });
    }
    case 'outcome':
      return hear(known, fact.action, fact.outcome);
    case 'listed':
      return compare(known, fact.bookings, fact.askedAtMs);
    default:
      return assertNever(fact);
  }
}

/** Without those whose time has gone by. The same object where there is none. */
export function forgetPast(known: Bookings, nowMs: EpochMs): Bookings {
  const kept = Object.entries(known).filter(([, { booking }]) => nowMs < booking.atMs + forgottenAfterMs);
  return kept.length === Object.keys(known).length ? known : Object.fromEntries(kept);
}

function hear(known: Bookings, { kind, booking }: BookCall | CancelBooking, outcome: Outcome): Bookings {
  const name = bookingNameOf(booking);
  const before = known[name];
  const isBooking = kind === 'book-call';
  if (outcome.kind === 'accepted') {
    if (!isBooking) return without(known, name);
    return put(known, { booking, state: 'booked', sinceMs: outcome.atMs, failedCount: 0 });
  }
  const isKnownNotDone = outcome.kind === 'refused' || outcome.kind === 'throttled';
  const state = !isKnownNotDone ? 'doubtful' : isBooking ? 'refused' : 'booked';
  return put(known, {
    booking,
    state,
    sinceMs: outcome.atMs,
    failedCount: (before?.failedCount ?? 0) + 1,
    failure: `${outcome.code}: ${outcome.message}`,
  });
}

function compare(known: Bookings, listed: readonly Booking[], askedAtMs: EpochMs): Bookings {
  const there = new Map(listed.map((booking) => [bookingNameOf(booking), booking]));
  const kept = Object.entries(known).flatMap(([name, one]): [string, KnownBooking][] => {
    // What changed after the question is not in the answer.
    const isNewer = one.sinceMs >= askedAtMs || one.state === 'asking' || one.state === 'cancelling';
    if (isNewer) return [[name, one]];
    if (!there.has(name)) return one.state === 'refused' ? [[name, one]] : [];
    return [[name, one.state === 'booked' ? one : { ...one, state: 'booked', sinceMs: askedAtMs }]];
  });
  const found = [...there].flatMap(([name, booking]): [string, KnownBooking][] =>
    known[name] ? [] : [[name, { booking, state: 'booked', sinceMs: askedAtMs, failedCount: 0 }]],
  );
  return sameOr(known, Object.fromEntries([...kept, ...found]));
}

/** Whoever compares states by identity must not see a change where there is none. */
function sameOr(before: Bookings, after: Bookings): Bookings {
  const names = Object.keys(after);
  const isSame = names.length === Object.keys(before).length && names.every((name) => before[name] === after[name]);
  return isSame ? before : after;
}

function put(known: Bookings, one: KnownBooking): Bookings {
  return { ...known, [bookingNameOf(one.booking)]: one };
}

function without(known: Bookings, name: string): Bookings {
  const { [name]: _gone, ...others } = known;
  return others;
}

/** The latest end that AWS is known to have, from a minute ahead on; undefined where none is. Steered, the maximum has to come back too. */
export function bookedEndMs(known: Bookings, nowMs: EpochMs): EpochMs | undefined {
  const booked = Object.values(known).filter(({ state }) => state === 'booked');
  const ends = booked.flatMap(({ booking }) => {
    const { purpose, atMs, bounds } = booking;
    if (purpose !== 'end' || atMs < nowMs + msPerMinute) return [];
    const isRestored = booked.some(({ booking: other }) => other.purpose === 'restore' && other.atMs > atMs);
    return bounds === undefined || isRestored ? [atMs] : [];
  });
  return ends.length === 0 ? undefined : Math.max(...ends);
}

export interface BookingNeed {
  readonly nowMs: EpochMs;
  /** What should stand there. */
  readonly wanted: readonly Booking[];
  /** Capacity above what stood before us is there, or may be, by our hand. */
  readonly isOursStanding: boolean;
}

/** The calls that bring what is booked closer to what is wanted. Nothing while answers are awaited or doubtful for the same booking. */
export function bookingActions(
  known: Bookings,
  { nowMs, wanted, isOursStanding }: BookingNeed,
): (BookCall | CancelBooking)[] {
  const wantedNames = new Set(wanted.map(bookingNameOf));
  const books = wanted.flatMap((booking): BookCall[] => {
    const one = known[bookingNameOf(booking)];
    const isDue = one === undefined || (one.state === 'refused' && nowMs >= againAtMs(one));
    if (!isDue) return [];
    return [{ kind: 'book-call', key: booking.key, booking, because: becauseOf(booking) }];
  });
  const hasEnd = wanted.some(({ purpose }) => purpose === 'end');
  const areEndsBooked = wanted.every(
    (booking) => !isEnding(booking) || known[bookingNameOf(booking)]?.state === 'booked',
  );
  const areRaisesBooked = wanted.every(
    (booking) => booking.purpose !== 'raise' || known[bookingNameOf(booking)]?.state === 'booked',
  );
  // A wanted raise is replaced as an end is: there is always one.
  const mayGo = ({ purpose }: Booking): boolean => {
    if (purpose === 'raise') return areRaisesBooked;
    if (purpose === 'lower') return true;
    return areEndsBooked && (hasEnd || !isOursStanding);
  };
  const cancels = Object.entries(known).flatMap(([name, one]): CancelBooking[] => {
    const { booking, state } = one;
    const isDue = state === 'booked' && nowMs >= againAtMs(one) && nowMs < booking.atMs;
    if (wantedNames.has(name) || !isDue || !mayGo(booking)) return [];
    return [{ kind: 'cancel-booking', key: booking.key, booking, because: 'it is not wanted any more' }];
  });
  return [...books, ...cancels];
}

function isEnding({ purpose }: Booking): boolean {
  return purpose === 'end' || purpose === 'restore';
}

/** Doubling from two seconds to a minute; at once where nothing has failed. */
function againAtMs({ failedCount, sinceMs }: KnownBooking): EpochMs {
  return failedCount === 0 ? -Infinity : sinceMs + Math.min(retryMsMax, retryFirstMs * 2 ** (failedCount - 1));
}

function becauseOf({ purpose, concurrency }: Booking): string {
  switch (purpose) {
    case 'raise':
      return `asks for ${concurrency}, should we not`;
    case 'lower':
      return `steps down to ${concurrency}, should we not`;
    case 'end':
      return concurrency === 0 ? 'removes what we add, should we not' : `goes back to ${concurrency}, should we not`;
    case 'restore':
      return 'gives Application Auto Scaling its maximum back, should we not';
    default:
      return assertNever(purpose);
  }
}
