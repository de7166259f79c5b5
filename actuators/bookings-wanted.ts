/**
 * What should be booked in AWS for one function now: for everything that we hold or are about to ask for, the call that ends it; and for the most
 * important events the call that asks for it, half a day ahead. See docs/decisions/0010.
 *
 * Steps that follow each other without a gap are one stretch with one end, after the last of them; in between, calls step down to what is held next.
 * An end in the middle would take away what is still wanted as soon as EventBridge Scheduler cannot be reached to take it back.
 */
import { bookingNameOf, type Booking, type ScalableBounds } from '../core/booking.ts';
import type { CapacityStep } from '../core/capacity.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import type { Bookings } from './bookings.ts';

/** After its end a step gives our own call a minute; EventBridge Scheduler keeps to the minute: two minutes at most. */
export const endGraceMs = msPerMinute;
/** A booked raise leaves our own call its turn, and comes after the end of what may stand before it. */
export const raiseGraceMs = 2 * msPerMinute;
/** Booked that long before a step begins: an hour's worth of failing calls would not fit, a retry or ten do. */
const endBookedAheadMs = 5 * msPerMinute;
/** The raises of the most important events: a service that dies in the evening still meets the morning's payrolls. */
const raiseBookedAheadMs = 12 * msPerHour;
/** A longer stretch, or a floor, which has no end of its own, is booked to end one to two hours from now, over and over. */
const rollingMs = msPerHour;
/** A booked raise is replaced when the plan has moved further than the planner itself would raise again for. */
const sameRatio = 1.1;

/** A level over a span; a floor has no end. */
export interface Hold {
  readonly fromMs: EpochMs;
  readonly untilMs: EpochMs;
  readonly concurrency: number;
  readonly eventId?: string;
}

export interface WantedInput {
  readonly nowMs: EpochMs;
  readonly key: FunctionKey;
  /** What is to be held from now on, in time order. */
  readonly holds: readonly (Hold | CapacityStep)[];
  /** What stood before us. */
  readonly baselineConcurrency: number;
  /** Steered: what Application Auto Scaling keeps it within outside our windows. */
  readonly bounds?: ScalableBounds | undefined;
  /** Steered: what was provisioned before us. */
  readonly provisionedBefore?: number | undefined;
  /** Events whose raise is booked too. */
  readonly isBookedAhead: (eventId: string) => boolean;
  /** A level that Lambda has accepted from us: its raise needs nobody else. */
  readonly askedConcurrency: number | undefined;
  readonly known: Bookings;
  /** Spreads the fleet's rolling ends over the hour. */
  readonly spreadRatio: number;
}

export function bookingsWanted(input: WantedInput): Booking[] {
  const { nowMs, holds, baselineConcurrency } = input;
  const ours = holds.filter(({ concurrency, untilMs }) => concurrency > baselineConcurrency && untilMs > nowMs);
  const raises = ours.filter((hold, index) => isRaiseAhead(hold, ours[index - 1], input));
  const near = ours.filter((hold) => hold.fromMs <= nowMs + endBookedAheadMs || raises.includes(hold));
  const wanted = [
    ...near.flatMap((hold) => stretchBookingsOf(hold, ours, input)),
    ...raises.flatMap((hold) => raiseOf(hold, input)),
  ];
  const unique = [...new Map(wanted.map((booking) => [bookingNameOf(booking), booking])).values()];
  // What must be there before anything is asked for comes first, what only saves comes last.
  const placeOf = ({ purpose }: Booking): number => (purpose === 'lower' ? 2 : purpose === 'raise' ? 1 : 0);
  return unique.sort((one, other) => placeOf(one) - placeOf(other));
}

/** The first hold of an event that is booked ahead, until it has been asked for. */
function isRaiseAhead(hold: Hold, before: Hold | undefined, input: WantedInput): boolean {
  const { nowMs, isBookedAhead, askedConcurrency = 0 } = input;
  const { eventId, fromMs, concurrency } = hold;
  if (eventId === undefined || !isBookedAhead(eventId) || fromMs > nowMs + raiseBookedAheadMs) return false;
  const isFirst = before?.eventId !== eventId;
  const isAsked = fromMs <= nowMs && askedConcurrency >= concurrency;
  return isFirst && !isAsked && nowMs < raiseAtMs(hold);
}

function raiseAtMs({ fromMs }: Hold): EpochMs {
  return Math.ceil(fromMs / msPerMinute) * msPerMinute + raiseGraceMs;
}

function raiseOf(hold: Hold, { key, known, bounds }: WantedInput): Booking[] {
  const atMs = raiseAtMs(hold);
  const { concurrency } = hold;
  const standing = standingOf(known, 'raise', { atMs, concurrency });
  if (standing) return [standing];
  const steered = bounds && { bounds: { min: concurrency, max: Math.max(concurrency, bounds.max) } };
  return [{ key, purpose: 'raise', atMs, concurrency, ...steered }];
}

/** What is booked for that minute at about that level: a plan that moved a little is no reason to book anew. */
function standingOf(
  known: Bookings,
  purpose: Booking['purpose'],
  { atMs, concurrency }: Pick<Booking, 'atMs' | 'concurrency'>,
): Booking | undefined {
  return Object.values(known).find(
    ({ booking }) =>
      booking.purpose === purpose &&
      booking.atMs === atMs &&
      booking.concurrency <= concurrency * sameRatio &&
      booking.concurrency * sameRatio >= concurrency,
  )?.booking;
}

/** From a hold to the end of the last that follows without a gap: every step down on the way, so that no level outlives its step, and the end. */
function stretchBookingsOf(first: Hold, holds: readonly Hold[], input: WantedInput): Booking[] {
  const stretch = [first];
  for (const hold of holds) if (hold.fromMs === stretch.at(-1)!.untilMs) stretch.push(hold);
  const endMs = endAtMs({ fromMs: first.fromMs, untilMs: stretch.at(-1)!.untilMs }, input);
  const lowers = stretch.flatMap((hold, index) => lowerOf(hold, stretch[index + 1], input));
  return [...endsAt(endMs, input), ...lowers.filter(({ atMs }) => atMs < endMs)];
}

function endsAt(atMs: EpochMs, input: WantedInput): Booking[] {
  const { key, baselineConcurrency, bounds, provisionedBefore = 0 } = input;
  if (!bounds) return [{ key, purpose: 'end', atMs, concurrency: baselineConcurrency }];
  const { min } = bounds;
  // Not below what was provisioned before us, which Application Auto Scaling had found right.
  const lowered = { min, max: Math.min(bounds.max, Math.max(1, min, provisionedBefore)) };
  return [
    { key, purpose: 'end', atMs, concurrency: min, bounds: lowered },
    { key, purpose: 'restore', atMs: atMs + 2 * msPerMinute, concurrency: min, bounds },
  ];
}

function endAtMs({ fromMs, untilMs }: Pick<Hold, 'fromMs' | 'untilMs'>, { nowMs, spreadRatio }: WantedInput): EpochMs {
  const ownMs = afterMs(untilMs);
  const shiftMs = Math.floor((spreadRatio * rollingMs) / msPerMinute) * msPerMinute;
  const rolledMs = (Math.floor((Math.max(nowMs, fromMs) + shiftMs) / rollingMs) + 2) * rollingMs - shiftMs;
  return Math.min(ownMs, rolledMs);
}

/** What is steered comes down with its tracking. */
function lowerOf(hold: Hold, next: Hold | undefined, { key, bounds, known }: WantedInput): Booking[] {
  if (bounds || !next || next.concurrency >= hold.concurrency) return [];
  const atMs = afterMs(hold.untilMs);
  const { concurrency } = next;
  return [standingOf(known, 'lower', { atMs, concurrency }) ?? { key, purpose: 'lower', atMs, concurrency }];
}

/** The minute in which a call comes that follows ours. */
function afterMs(untilMs: EpochMs): EpochMs {
  return Math.ceil(untilMs / msPerMinute) * msPerMinute + endGraceMs;
}
