/**
 * What AWS is to do of itself, for one function in one tick: what should be booked, what that asks for now, and when to ask what stands there.
 * The state is actuators/bookings.ts; here it meets the plan.
 */
import { bookingsWanted, type Hold } from '../actuators/bookings-wanted.ts';
import { bookingActions, forgetPast } from '../actuators/bookings.ts';
import { advance, baselineOf, seenLevelOf, type Pursuit } from '../actuators/pursuit.ts';
import type { BookCall, CancelBooking } from '../core/action.ts';
import type { Booking } from '../core/booking.ts';
import type { CapacityStep } from '../core/capacity.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import type { FunctionState } from './function-state.ts';

export interface BookkeepingContext {
  readonly nowMs: EpochMs;
  /** Of the plan in force; undefined where there is none, and the floor holds. */
  readonly steps: readonly CapacityStep[] | undefined;
  readonly isBookedAhead: (eventId: string) => boolean;
}

/** Brings the state up to the instant, and answers what is to be asked of AWS. */
export function keepBooks(state: FunctionState, context: BookkeepingContext): (BookCall | CancelBooking)[] {
  const { nowMs } = context;
  for (const { booking, state: known } of Object.values(state.bookings)) {
    const { purpose, atMs, concurrency } = booking;
    if (purpose !== 'raise' || known === 'refused' || atMs > nowMs) continue;
    state.pursuit = advance(state.pursuit, { kind: 'booked-raise', concurrency, atMs });
  }
  if (isTakenOver(state)) state.pursuit = advance(state.pursuit, { kind: 'yield' });
  state.bookings = forgetPast(state.bookings, nowMs);
  const wanted = isOurs(state) ? wantedOf(state, context) : [];
  if (wanted.length === 0 && Object.keys(state.bookings).length === 0) return [];
  return bookingActions(state.bookings, { nowMs, wanted, isOursStanding: isOursStanding(state.pursuit) });
}

/** Another hand set what stands there in a window, and it is not ours to put back: it is theirs from then on, the end of the window included. */
function isTakenOver({ spec, pursuit }: FunctionState): boolean {
  const { drift, observed, oursConcurrencyMax = 0 } = pursuit;
  if (!drift || !observed || observed.atMs < drift.atMs || seenLevelOf(pursuit) !== drift.seen) return false;
  return spec.onDrift === 'yield' || drift.count > 1 || drift.seen > oursConcurrencyMax;
}

/** Whose capacity we set: nothing is booked for others. */
function isOurs({ spec }: FunctionState): boolean {
  return spec.mode === 'enforce' && (spec.ownership === 'own' || spec.ownership === 'steer');
}

function wantedOf(state: FunctionState, { nowMs, steps, isBookedAhead }: BookkeepingContext): Booking[] {
  const { spec, pursuit, bookings, spreadRatio } = state;
  // What stood before us is what it goes back to: before the first look nobody knows it.
  if (!pursuit.observed) return [];
  const bounds = pursuit.isSteered ? (pursuit.baselineBounds ?? pursuit.observed.scalable) : undefined;
  if (pursuit.isSteered && !bounds) return [];
  const floor: Hold = { fromMs: nowMs, untilMs: Infinity, concurrency: spec.concurrencyFloor };
  const holds = steps?.filter(({ untilMs }) => untilMs > nowMs) ?? [floor];
  return bookingsWanted({
    nowMs,
    key: spec.key,
    holds: bounds ? holds.map((hold) => ({ ...hold, concurrency: Math.min(hold.concurrency, bounds.max) })) : holds,
    baselineConcurrency: baselineOf(pursuit),
    bounds,
    provisionedBefore: pursuit.baselineProvisioned,
    isBookedAhead,
    askedConcurrency: pursuit.state === 'idle' ? undefined : pursuit.askedConcurrency,
    known: bookings,
    spreadRatio,
  });
}

/** Is there more than stood before us, or may there be, by our hand? What another hand set higher is not ours to end. */
export function isOursStanding(pursuit: Pursuit): boolean {
  const { state, inFlight, askedConcurrency = 0, askedAtMs = -Infinity, observed, oursConcurrencyMax = 0 } = pursuit;
  const baseline = baselineOf(pursuit);
  if (state === 'idle') return false;
  if ((inFlight?.concurrency ?? 0) > baseline) return true;
  const seen = seenLevelOf(pursuit);
  // Somebody took the scalable target away: what its minimum asked for stands all the same.
  const isOrphan = pursuit.isSteered && observed !== undefined && !observed.scalable && askedConcurrency > baseline;
  if (isOrphan) return (observed.provisioned?.requested ?? 0) > (pursuit.baselineProvisioned ?? 0);
  const isSeenSince = observed !== undefined && observed.atMs >= askedAtMs && state !== 'cannot-verify';
  if (!isSeenSince) return askedConcurrency > baseline;
  return seen > baseline && seen <= oursConcurrencyMax;
}

/** When to ask AWS what is booked. */
export interface ListingState {
  isListing: boolean;
  listedAtMs: EpochMs | undefined;
  failedCount: number;
  askedAtMs: EpochMs;
}

export function createListing(): ListingState {
  return { isListing: false, listedAtMs: undefined, failedCount: 0, askedAtMs: -Infinity };
}

/** What is booked is looked over now and then: somebody may have taken it away. */
const listEveryMs = 5 * msPerMinute;
const doubtListMs = 5 * msPerSecond;
const retryMsMax = msPerMinute;

export function isListingDue(listing: ListingState, states: Iterable<FunctionState>, nowMs: EpochMs): boolean {
  const { isListing, listedAtMs, failedCount, askedAtMs } = listing;
  if (isListing) return false;
  if (failedCount > 0) return nowMs >= askedAtMs + Math.min(retryMsMax, doubtListMs * 2 ** (failedCount - 1));
  const all = [...states];
  const isFirst = listedAtMs === undefined;
  if (isFirst) return all.some((state) => isOurs(state) || Object.keys(state.bookings).length > 0);
  const known = all.flatMap(({ bookings }) => Object.values(bookings));
  if (known.some(({ state }) => state === 'doubtful')) return nowMs >= askedAtMs + doubtListMs;
  return known.length > 0 && nowMs >= askedAtMs + listEveryMs;
}
