/**
 * Calls that AWS makes for us at an instant: one-time schedules of EventBridge Scheduler, whose target is the API call itself.
 *
 * Mental model: a letter with a date on it, left with somebody who does not die with us. It holds the very call that we would make (a Put, a Delete, the
 * bounds of a scalable target), goes out within its minute, is sent again for a while when it is refused, and is thrown away afterwards.
 *
 * @see https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
 */
import type { BookCall, CancelBooking, Outcome } from '../core/action.ts';
import { assertNever } from '../core/assert.ts';
import { bookingNameOf, bookingNamePrefix, createBookingReader, type Booking } from '../core/booking.ts';
import { WorldError } from '../core/errors.ts';
import type { Bookkeeper } from '../core/ports.ts';
import type { FunctionName } from '../core/series-key.ts';
import { msPerDay, msPerMinute, type Clock } from '../core/time.ts';
import { functionArnOf, nameOf, placeOf } from './arn.ts';
import { readFailure, worldErrorOf } from './aws-failure.ts';
import { requireSameEnd, type AwsDoors, type SchedulerDoor } from './aws-doors.ts';
import { bookSchedule, cancelSchedule, listSchedulePage, type OneTimeSchedule } from './one-time-schedule.ts';
import { scalableTargetIdOf } from './scalable-target.ts';

export interface BookedCalls extends Bookkeeper {
  /**
   * One booking made or taken back. Booked already under its name is `accepted`, and so is taken back already: the name says all of it.
   */
  apply(action: BookCall | CancelBooking, signal: AbortSignal): Promise<Outcome>;
}

export interface BookedCallsOptions {
  readonly doorsOf: (name: FunctionName) => AwsDoors;
  readonly clock: Clock;
  /** The role that EventBridge Scheduler makes the calls as. Absent: a name that only the twin takes (see ownership.ts for AWS). */
  readonly roleArn?: string | undefined;
  /** Of schedules; `default` is always there. */
  readonly groupName?: string | undefined;
}

/** Pages of 100 names: 500 functions with ten bookings each fill half of them. */
const pageCountMax = 100;

export function createBookedCalls(options: BookedCallsOptions): BookedCalls {
  const { doorsOf, clock, roleArn, groupName = 'default' } = options;
  return {
    async listBookings(keys, signal) {
      const read = createBookingReader(keys);
      const places = new Map(keys.map((key) => [placeOf(nameOf(key)), nameOf(key)]));
      const names = await Promise.all(
        [...places.values()].map((name) => listNames(doorsOf(name).scheduler, groupName, signal)),
      );
      return names.flat().flatMap((name) => read(name) ?? []);
    },
    async apply(action, signal) {
      const name = nameOf(action.key);
      const doors = doorsOf(name);
      try {
        await requireSameEnd(doors, 'scheduler', () =>
          listSchedulePage(doors.scheduler, { groupName, signal, countMax: 1 }),
        );
        if (action.kind === 'cancel-booking') {
          await cancelSchedule(doors.scheduler, bookingNameOf(action.booking), { groupName, signal });
        } else await bookSchedule(doors.scheduler, scheduleOf(action.booking, name), { roleArn, groupName, signal });
        return { kind: 'accepted', atMs: clock.nowMs() };
      } catch (error) {
        return { ...readFailure(error, signal), atMs: clock.nowMs() };
      }
    },
  };
}

/** All names that begin like ours, and are not disabled: what will not go out is not booked. */
async function listNames(door: SchedulerDoor, groupName: string, signal: AbortSignal): Promise<readonly string[]> {
  const names: string[] = [];
  let nextToken: string | undefined;
  try {
    for (let pageCount = 0; pageCount < pageCountMax; pageCount++) {
      const page = await listSchedulePage(door, { groupName, signal, nextToken });
      names.push(...(page.Schedules ?? []).flatMap(({ Name }) => Name ?? []));
      nextToken = page.NextToken;
      if (!nextToken) return names;
    }
  } catch (error) {
    throw worldErrorOf(readFailure(error, signal), `listing what is booked in ${door.endpointName}`);
  }
  // Half a list would read as bookings that are gone.
  const count = `more than ${names.length} schedules begin with ${bookingNamePrefix}`;
  throw new WorldError('TooManyBookings', `${count} in group ${groupName} of ${placeOf(door)}`, { retryable: false });
}

function scheduleOf(booking: Booking, name: FunctionName): OneTimeSchedule {
  return {
    name: bookingNameOf(booking),
    atMs: booking.atMs,
    retriedForMs: retriedForMs(booking),
    place: name,
    ...callOf(booking, name),
  };
}

/**
 * How long AWS goes on trying.
 *
 * - A raise that has not come within ten minutes has missed what it was for (it goes out about five minutes before it is wanted READY), and must never
 *   come after the end that follows it.
 * - A step down only saves, and must not come into what is held after it.
 * - An end is tried for a day, the longest there is: given up, capacity is paid for until somebody looks.
 * - An end by bounds is followed by the restore of the maximum two minutes later. Coming after that, it would leave Application Auto Scaling with a
 *   lowered maximum for good; so it is tried for a minute, the shortest there is, and the restore, which sets the same minimum, is tried for a day.
 */
function retriedForMs({ purpose, bounds }: Booking): number {
  switch (purpose) {
    case 'raise':
      return 10 * msPerMinute;
    case 'lower':
      return 2 * msPerMinute;
    case 'end':
      return bounds ? msPerMinute : msPerDay;
    case 'restore':
      return msPerDay;
    default:
      return assertNever(purpose);
  }
}

/** The API's own words for the call, as universal targets spell them. */
function callOf({ concurrency, bounds }: Booking, name: FunctionName): { api: string; input: object } {
  if (bounds) {
    const input = { ...scalableTargetIdOf(name), MinCapacity: bounds.min, MaxCapacity: bounds.max };
    return { api: 'applicationautoscaling:registerScalableTarget', input };
  }
  const alias = { FunctionName: functionArnOf(name), Qualifier: name.alias };
  if (concurrency === 0) return { api: 'lambda:deleteProvisionedConcurrencyConfig', input: alias };
  const input = { ...alias, ProvisionedConcurrentExecutions: concurrency };
  return { api: 'lambda:putProvisionedConcurrencyConfig', input };
}
