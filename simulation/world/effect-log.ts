/**
 * Every call that changes something, as it comes to the twin, and what stood there before it: what was asked for twice, and what was raised without an end.
 */
import { createBookingReader, type Booking } from '../../core/booking.ts';
import { parseFunctionKey, type FunctionKey } from '../../core/series-key.ts';
import { formatInstant, msPerMinute, type Clock, type EpochMs } from '../../core/time.ts';
import type { TwinRequest, TwinResponse } from '../twin/answer.ts';
import type { Twin } from '../twin/twin.ts';
import { bookedIn, configuredIn } from './twin-look.ts';

/** One change that was carried out. `subject`: the level of a function, or the name of a booking. */
export interface Change {
  readonly atMs: EpochMs;
  readonly key: FunctionKey | undefined;
  readonly what: string;
}

export interface EffectLog {
  isChange(request: TwinRequest): boolean;
  /** Hands the call on to the twin. */
  handle(request: TwinRequest): TwinResponse;
  /** Looks whether an end is booked for everything that stands above its baseline. */
  checkEnds(): void;
  /** Carried out, in order. */
  readonly changes: readonly Change[];
  /** Asked for though it was so already, and nothing had changed it in between. */
  readonly repeated: readonly string[];
  /** Stood, or was asked for, above its baseline with nothing booked that ends it. */
  readonly endless: readonly string[];
  baselineOf(key: FunctionKey): number;
}

export interface EffectLogOptions {
  readonly twin: Twin;
  readonly clock: Clock;
  readonly keys: readonly FunctionKey[];
}

/** A booked call comes within its minute, and the schedule is gone then: taking it back meanwhile is no repetition. */
const ownCallMs = 2 * msPerMinute;

export function createEffectLog({ twin, clock, keys }: EffectLogOptions): EffectLog {
  const read = createBookingReader(keys);
  const changes: Change[] = [];
  const repeated: string[] = [];
  const endless: string[] = [];
  const standing = (key: FunctionKey): number => configuredIn(twin, key)?.requested ?? 0;
  const baselines = new Map(keys.map((key) => [key, standing(key)]));
  const baselineOf = (key: FunctionKey): number => baselines.get(key)!;
  const keyByName = new Map(keys.map((key) => [parseFunctionKey(key)!.functionName, key]));

  const hasEnd = (key: FunctionKey): boolean =>
    bookedIn(twin).some((name) => {
      const booking = read(name);
      return booking?.key === key && booking.purpose === 'end';
    });
  const at = (what: string): string => `${formatInstant(clock.nowMs())} ${what}`;

  const handleHold = (request: TwinRequest, key: FunctionKey): TwinResponse => {
    const before = standing(key);
    const level = levelOf(request);
    const what = `${key} to ${level}`;
    if (level > baselineOf(key) && level > before && !hasEnd(key)) endless.push(at(`${what} without an end`));
    const response = twin.handle(request);
    if (response.status >= 300) return response;
    changes.push({ atMs: clock.nowMs(), key, what: String(level) });
    if (level === before) repeated.push(at(`${what}, where it stood`));
    return response;
  };

  const handleBooking = (request: TwinRequest, name: string): TwinResponse => {
    const booking = read(name);
    const response = twin.handle(request);
    const { status } = response;
    if (status < 300) changes.push({ atMs: clock.nowMs(), key: booking?.key, what: name });
    if (request.method === 'POST' && status === 409) repeated.push(at(`${name} booked again`));
    if (request.method === 'DELETE' && status === 404 && !isOver(booking))
      repeated.push(at(`${name} taken back again`));
    return response;
  };
  const isOver = (booking: Booking | undefined): boolean =>
    booking !== undefined && clock.nowMs() >= booking.atMs && clock.nowMs() < booking.atMs + ownCallMs;

  return {
    isChange: ({ method, target }) =>
      method !== 'GET' && (holdOf(target) !== undefined || bookingOf(target) !== undefined),
    handle(request) {
      if (!this.isChange(request)) return twin.handle(request);
      const functionName = holdOf(request.target);
      const key = functionName === undefined ? undefined : keyByName.get(functionName);
      return key === undefined ? handleBooking(request, bookingOf(request.target) ?? '') : handleHold(request, key);
    },
    checkEnds() {
      const above = keys.filter((key) => standing(key) > baselineOf(key));
      for (const key of above) if (!hasEnd(key)) endless.push(at(`${key} stands without an end`));
    },
    changes,
    repeated,
    endless,
    baselineOf,
  };
}

/** The function that a call to Lambda is about, where it is about provisioned concurrency. */
function holdOf(target: string): string | undefined {
  const name = /^\/[\d-]+\/functions\/([^/]+)\/provisioned-concurrency/.exec(target)?.[1];
  return name && decodeURIComponent(name).replace(/^.*:function:/, '');
}

function bookingOf(target: string): string | undefined {
  return /^\/schedules\/([^/?]+)/.exec(target)?.[1];
}

function levelOf({ method, body }: TwinRequest): number {
  if (method === 'DELETE') return 0;
  return (JSON.parse(body) as { ProvisionedConcurrentExecutions: number }).ProvisionedConcurrentExecutions;
}
