/**
 * A call that AWS makes for us at an instant, whether or not we are alive by then: how capacity ends by itself, and how an important event is met by a
 * service that died in the night.
 *
 * A booking never changes: another instant or level is another booking. Its name says all of it, so that a list of names is the whole state of what is
 * booked, and booking the same twice is one booking.
 */
import { assert } from './assert.ts';
import type { FunctionKey } from './series-key.ts';
import { tagOf } from './tag.ts';
import { msPerMinute, type EpochMs } from './time.ts';

/**
 * - `raise`: asks for the level of an event, should nobody else.
 * - `lower`: steps down to what is held next, and ends nothing.
 * - `end`: goes back to what stood before us.
 * - `restore`: gives Application Auto Scaling its maximum back, after an end has lowered it.
 */
export type BookingPurpose = 'raise' | 'lower' | 'end' | 'restore';

/** What Application Auto Scaling keeps provisioned concurrency within. */
export interface ScalableBounds {
  readonly min: number;
  readonly max: number;
}

export interface Booking {
  readonly key: FunctionKey;
  readonly purpose: BookingPurpose;
  /** A whole minute: finer is not offered. The call comes within the minute that begins there. */
  readonly atMs: EpochMs;
  /** The level from then on; 0 deletes. Where `bounds` are given the call sets these instead, and this is what follows from them. */
  readonly concurrency: number;
  readonly bounds?: ScalableBounds;
}

/** Schedules of ours, and nothing else, begin with it. */
export const bookingNamePrefix = 'foreshock-';

const letterOf: Readonly<Record<BookingPurpose, string>> = { raise: 'r', lower: 'l', end: 'e', restore: 'm' };
const purposeOf: Readonly<Record<string, BookingPurpose>> = { r: 'raise', l: 'lower', e: 'end', m: 'restore' };
const namePattern = /^foreshock-([0-9a-f]{16})-([rlem])-(\d{12})-(\d{1,6})(?:\.(\d{1,6})\.(\d{1,6}))?$/;

/** `foreshock-90c1b2a3d4e5f607-e-202611201350-0`, at most 64 characters: the limit of EventBridge Scheduler. */
export function bookingNameOf({ key, purpose, atMs, concurrency, bounds }: Booking): string {
  assert(atMs % msPerMinute === 0, 'a booking is for a whole minute');
  const minute = new Date(atMs).toISOString().slice(0, 16).replace(/\D/g, '');
  const levels = bounds ? `${concurrency}.${bounds.min}.${bounds.max}` : `${concurrency}`;
  return `${bookingNamePrefix}${tagOf(key)}-${letterOf[purpose]}-${minute}-${levels}`;
}

/** Reads names: the booking that a name says, undefined for a name that is not ours, or of a function that is none of `keys`. */
export function createBookingReader(keys: Iterable<FunctionKey>): (name: string) => Booking | undefined {
  const keyByTag = new Map([...keys].map((key) => [tagOf(key), key]));
  return (name) => {
    const match = namePattern.exec(name);
    if (!match) return undefined;
    const [, tag, letter, minute, concurrency, min, max] = match;
    const key = keyByTag.get(tag!);
    const [, year, month, day, hour, minutes] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(minute!)!;
    const atMs = Date.parse(`${year}-${month}-${day}T${hour}:${minutes}:00Z`);
    if (key === undefined || Number.isNaN(atMs)) return undefined;
    const booking: Booking = {
      key,
      purpose: purposeOf[letter!]!,
      atMs,
      concurrency: Number(concurrency),
      ...(min !== undefined && { bounds: { min: Number(min), max: Number(max) } }),
    };
    // The 31st of February, or 007, would be taken back under another name than it stands there.
    return bookingNameOf(booking) === name ? booking : undefined;
  };
}
