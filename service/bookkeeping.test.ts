import { describe, expect, it } from 'vitest';
import { advanceBookings, noBookings } from '../actuators/bookings.ts';
import { createPursuit, type Pursuit } from '../actuators/pursuit.ts';
import type { Booking } from '../core/booking.ts';
import type { Observed } from '../core/capacity.ts';
import { createListing, isListingDue, isOursStanding, keepBooks, type ListingState } from './bookkeeping.ts';
import { createFunctionState, type FunctionState } from './function-state.ts';
import { eventAtMs, key, minute, spec } from './sample.ts';

const nothing: Observed = { key, atMs: minute(-20), version: '1', hasRoutingWeights: false };
const holding = (requested: number, atMs = minute(0)): Observed => ({
  ...nothing,
  atMs,
  provisioned: { requested, allocated: requested, available: requested, status: 'READY' },
});
const held: Pursuit = {
  ...createPursuit(minute(-10)),
  state: 'ready',
  wantedConcurrency: 40,
  concurrency: 40,
  baselineConcurrency: 0,
  askedConcurrency: 40,
  askedAtMs: minute(-10),
  oursConcurrencyMax: 40,
  observed: holding(40),
  windowId: 'drill@0',
};
const step = {
  key,
  fromMs: minute(-10),
  untilMs: minute(15),
  readyByMs: minute(-5),
  concurrency: 40,
  concurrencyWanted: 40,
  usd: 0,
  bindingLimit: 'concurrency',
  eventId: 'drill@0',
  eventAtMs,
  because: 'drill',
} as const;

function stateOf(changed: Partial<FunctionState> = {}): FunctionState {
  return { ...createFunctionState(spec, 'seed'), pursuit: { ...createPursuit(0), observed: nothing }, ...changed };
}
const context = (atMinute: number) => ({ nowMs: minute(atMinute), steps: [step], isBookedAhead: () => false });
const callsFor = (state: FunctionState, atMinute = -15): string[] =>
  keepBooks(state, context(atMinute)).map(
    ({ kind, booking: { purpose, concurrency } }) => `${kind} ${purpose} ${concurrency}`,
  );
const standing = (...bookings: Booking[]) =>
  advanceBookings(noBookings, { kind: 'listed', bookings, askedAtMs: minute(-60) });

describe('what is asked of AWS', () => {
  it.each<[string, FunctionState, string[]]>([
    ['the end of what is about to be asked for', stateOf(), ['book-call end 0']],
    ['nothing before it is known what stands there', stateOf({ pursuit: createPursuit(0) }), []],
    ['nothing in shadow', stateOf({ spec: { ...spec, mode: 'shadow' } }), []],
    ['nothing for others', stateOf({ spec: { ...spec, ownership: 'observe' } }), []],
    [
      'an end that nobody wants any more',
      stateOf({
        spec: { ...spec, mode: 'shadow' },
        bookings: standing({ key, purpose: 'end', atMs: minute(16), concurrency: 0 }),
      }),
      ['cancel-booking end 0'],
    ],
    [
      'nothing where there is no scalable target to steer',
      stateOf({
        spec: { ...spec, ownership: 'steer' },
        pursuit: { ...createPursuit(0, { isSteered: true }), observed: nothing },
      }),
      [],
    ],
  ])('is %s', (_, state, calls) => {
    expect(callsFor(state)).toEqual(calls);
  });

  it('goes back to what another hand has taken over', () => {
    const pursuit = {
      ...held,
      state: 'lost',
      observed: holding(5),
      drift: { count: 2, seen: 5, atMs: minute(0) },
    } as const;
    const state = stateOf({ pursuit });
    expect(callsFor(state, 1)).toEqual(['book-call end 5']);
    expect(state.pursuit).toMatchObject({ baselineConcurrency: 5, askedConcurrency: undefined });
    expect(isOursStanding(state.pursuit)).toBe(false);
  });

  it('takes a raise for its own once its minute has come, and not a second before', () => {
    const raise: Booking = { key, purpose: 'raise', atMs: minute(-8), concurrency: 40 };
    const state = stateOf({ bookings: standing(raise) });
    keepBooks(state, context(-8 - 1 / 60));
    expect(state.pursuit.askedConcurrency).toBeUndefined();
    keepBooks(state, context(-8));
    expect(state.pursuit).toMatchObject({ askedConcurrency: 40, oursConcurrencyMax: 40, state: 'wanted' });
  });
});

describe('what another hand set in a window', () => {
  const drift = { count: 1, seen: 5, atMs: minute(0) };
  const after = (pursuit: Partial<Pursuit>, more: Partial<FunctionState> = {}): number | undefined => {
    const state = stateOf({ pursuit: { ...held, state: 'lost', observed: holding(5), drift, ...pursuit }, ...more });
    keepBooks(state, context(1));
    return state.pursuit.askedConcurrency;
  };
  it.each<[string, number | undefined, number | undefined]>([
    ['is ours to put back, the first time', after({}), 40],
    ['is theirs, the second time', after({ drift: { ...drift, count: 2 } }), undefined],
    ['is theirs where onDrift says so', after({}, { spec: { ...spec, onDrift: 'yield' } }), undefined],
    ['is theirs where it is more', after({ observed: holding(60), drift: { ...drift, seen: 60 } }), undefined],
    [
      'is ours where it is as much as we may have asked',
      after({ observed: holding(40), drift: { ...drift, seen: 40 } }),
      40,
    ],
    ['is gone where something else was seen since', after({ drift: { ...drift, count: 2, seen: 7 } }), 40],
    [
      'waits for the answer to a call of ours',
      after({ drift: { ...drift, count: 2 }, inFlight: { concurrency: 40, sentAtMs: 0 } }),
      40,
    ],
  ])('%s', (_, asked, expected) => {
    expect(asked).toBe(expected);
  });
});

describe('what is ours and may stand', () => {
  const steered: Partial<Pursuit> = {
    isSteered: true,
    baselineConcurrency: 2,
    baselineBounds: { min: 2, max: 60 },
    baselineProvisioned: 4,
  };
  it.each<[string, Partial<Pursuit>, boolean]>([
    ['is what is seen of it', {}, true],
    ['is nothing while idle', { state: 'idle' }, false],
    ['is a call whose answer is awaited', { observed: nothing, inFlight: { concurrency: 40, sentAtMs: 0 } }, true],
    ['is what was asked and not seen since', { askedAtMs: minute(1), observed: nothing }, true],
    ['is what nobody can verify', { state: 'cannot-verify', observed: holding(0) }, true],
    ['is nothing once seen at the baseline', { baselineConcurrency: 40 }, false],
    ['is not what another hand set higher', { observed: holding(41) }, false],
    ['is what is provisioned where the scalable target is gone', { ...steered, observed: holding(40) }, true],
    ['is nothing there where it came down by itself', { ...steered, observed: holding(4) }, false],
  ])('%s', (_, changed, expected) => {
    expect(isOursStanding({ ...held, ...changed })).toBe(expected);
  });
});

describe('when AWS is asked what is booked', () => {
  const listed: ListingState = { ...createListing(), listedAtMs: minute(0), askedAtMs: minute(0) };
  const booked = stateOf({ bookings: standing({ key, purpose: 'end', atMs: minute(60), concurrency: 0 }) });
  const doubtful = stateOf({
    bookings: Object.fromEntries(
      Object.entries(booked.bookings).map(([name, one]) => [name, { ...one, state: 'doubtful' as const }]),
    ),
  });
  const due = (listing: ListingState, state: FunctionState, afterMs: number) =>
    isListingDue(listing, [state], minute(0) + afterMs);
  it.each<[string, boolean, boolean]>([
    ['at the start, where we set capacity', due(createListing(), stateOf(), 0), true],
    ['not where we set none', due(createListing(), stateOf({ spec: { ...spec, mode: 'shadow' } }), 0), false],
    ['not while an answer is awaited', due({ ...createListing(), isListing: true }, stateOf(), 0), false],
    ['not within five minutes', due(listed, booked, 299_999), false],
    ['every five minutes', due(listed, booked, 300_000), true],
    ['not while nothing is booked', due(listed, stateOf(), 300_000), false],
    ['not at once after a lost answer', due(listed, doubtful, 4_999), false],
    ['five seconds after one', due(listed, doubtful, 5_000), true],
    ['ten seconds after the second failure', due({ ...listed, failedCount: 2 }, booked, 10_000), true],
    ['not before', due({ ...listed, failedCount: 2 }, booked, 9_999), false],
    ['within a minute after many', due({ ...listed, failedCount: 30 }, booked, 60_000), true],
  ])('%s', (_, isDue, expected) => {
    expect(isDue).toBe(expected);
  });
});
