/**
 * The product's edge against the twin, over a real socket: what is booked happens without us, and what is steered moves at once. Neither knows the other, so
 * that a misread word of AWS would have to be misread twice.
 */
import { RegisterScalableTargetCommand } from '@aws-sdk/client-application-auto-scaling';
import { GetScheduleCommand, UpdateScheduleCommand } from '@aws-sdk/client-scheduler';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAwsDoors, type AwsDoors } from '../../actuators/aws-doors.ts';
import { createBookedCalls, type BookedCalls } from '../../actuators/booked-calls.ts';
import { createActuator } from '../../actuators/carry-out.ts';
import { readAccountLimits } from '../../actuators/control-plane.ts';
import { settleOn } from '../../actuators/lambda-stub.ts';
import { createScalableTargets, scalableTargetIdOf } from '../../actuators/scalable-target.ts';
import type { HoldProvisionedConcurrency, SteeredBounds } from '../../core/action.ts';
import { bookingNameOf, type Booking } from '../../core/booking.ts';
import type { Actuator } from '../../core/ports.ts';
import { parseFunctionKey, type FunctionKey } from '../../core/series-key.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../../core/time.ts';
import { createVirtualClock, type VirtualClock } from '../../core/virtual-clock.ts';
import { listenTwin, type ListenOptions, type TwinServer } from '../twin/control-plane-http.ts';
import { createTwin, type Twin } from '../twin/twin.ts';

const key = '123456789012/us-east-1/orders:live' as FunctionKey;
const name = parseFunctionKey(key)!;
const startMs = Date.UTC(2026, 10, 20, 13, 20);
const endMs = startMs + 30 * msPerMinute;
const { signal } = new AbortController();

let clock: VirtualClock;
let twin: Twin;
let server: TwinServer;
let doors: AwsDoors;
let bookedCalls: BookedCalls;
let actuator: Actuator;
/** What goes wrong on the way. */
let beforeAnswer: NonNullable<ListenOptions['beforeAnswer']>;

beforeEach(async () => {
  clock = createVirtualClock(startMs);
  const orders = {
    key,
    version: '1',
    memoryMb: 1_024,
    architecture: 'x86_64',
    initDurationMs: 800,
    runDurationMs: { p50: 100, p99: 400 },
  } as const;
  twin = createTwin({ functions: [orders], seed: 3, clock });
  beforeAnswer = () => undefined;
  server = await listenTwin({
    handle: (request) => twin.handle(request),
    host: '127.0.0.1',
    port: 0,
    beforeAnswer: (request) => beforeAnswer(request),
  });
  const { accountId, region } = name;
  doors = createAwsDoors({ accountId, region, clock, timers: clock, endpointUrlOf: () => server.url });
  const ports = { doorsOf: () => doors, clock };
  bookedCalls = createBookedCalls(ports);
  actuator = createActuator({
    ...ports,
    bookedCalls,
    scalableTargets: createScalableTargets(ports),
    isSteered: () => true,
  });
  await settle(readAccountLimits(doors.lambda, signal));
});
afterEach(() => server.close());

const settle = <T>(promise: Promise<T>): Promise<T> => settleOn(clock, promise);

function hold(concurrency: number, steered?: SteeredBounds) {
  const action: HoldProvisionedConcurrency = {
    kind: 'hold-provisioned-concurrency',
    key,
    concurrency,
    untilMs: endMs,
    deadlineMs: endMs,
    ...(steered && { steered }),
    because: 'payrolls',
  };
  return settle(actuator.apply(action, signal));
}
const book = (booking: Booking) =>
  settle(actuator.apply({ kind: 'book-call', key, booking, because: 'payrolls' }, signal));
const cancel = (booking: Booking) =>
  settle(actuator.apply({ kind: 'cancel-booking', key, booking, because: 'moved' }, signal));
const listed = () => settle(bookedCalls.listBookings([key], signal));

async function seen() {
  const { provisioned, scalable } = await settle(actuator.observe(key, signal, 'urgent'));
  return { requested: provisioned?.requested ?? 0, scalable };
}

/** We are dead meanwhile: no call is ours. */
function passTo(atMs: EpochMs): void {
  while (clock.nowMs() < atMs) {
    clock.advanceTo(Math.min(atMs, clock.nowMs() + msPerSecond));
    twin.advance();
  }
}

const end: Booking = { key, purpose: 'end', atMs: endMs, concurrency: 0 };

describe('what is booked', () => {
  it('ends by itself within its minute what we held, and is then booked no longer', async () => {
    expect(await book(end)).toMatchObject({ kind: 'accepted' });
    expect(await hold(40)).toMatchObject({ kind: 'accepted' });
    passTo(endMs - msPerSecond);
    expect(await seen()).toEqual({ requested: 40, scalable: undefined });
    expect(await listed()).toEqual([end]);
    passTo(endMs + msPerMinute);
    expect(await seen()).toEqual({ requested: 0, scalable: undefined });
    expect(await listed()).toEqual([]);
    expect(twin.firedSchedules()).toHaveLength(1);
  });

  it('goes back to what stood before, and asks for a level ahead', async () => {
    await book({ key, purpose: 'raise', atMs: startMs + 5 * msPerMinute, concurrency: 40 });
    await book({ ...end, concurrency: 5 });
    passTo(startMs + 6 * msPerMinute);
    expect(await seen()).toMatchObject({ requested: 40 });
    passTo(endMs + msPerMinute);
    expect(await seen()).toMatchObject({ requested: 5 });
  });

  it('is booked once however often it is asked, and taken back for good', async () => {
    for (let count = 0; count < 2; count++) expect(await book(end)).toMatchObject({ kind: 'accepted' });
    expect(await listed()).toEqual([end]);
    for (let count = 0; count < 2; count++) expect(await cancel(end)).toMatchObject({ kind: 'accepted' });
    expect(await listed()).toEqual([]);
    // A token that repeats would be answered from memory here, and nothing would be booked.
    expect(await book(end)).toMatchObject({ kind: 'accepted' });
    expect(await listed()).toEqual([end]);
  });

  // Goal: no raise rests on an end that will not come. Method: a human disables the schedule in the console.
  it('is not booked while it is disabled, and goes out again once it is asked for', async () => {
    await book(end);
    const Name = bookingNameOf(end);
    await settle(
      doors.scheduler.send({ urgency: 'urgent', signal }, async (client) => {
        const { ScheduleExpression, FlexibleTimeWindow, Target } = await client.send(new GetScheduleCommand({ Name }));
        const same = { Name, ScheduleExpression, FlexibleTimeWindow, Target };
        return client.send(new UpdateScheduleCommand({ ...same, State: 'DISABLED' }));
      }),
    );
    expect(await listed()).toEqual([]);
    expect(await book(end)).toMatchObject({ kind: 'accepted' });
    expect(await listed()).toEqual([end]);
  });

  it('is known again from a list where the answer was lost', async () => {
    await listed();
    twin.addFault({ kind: 'lose', operations: ['CreateSchedule'], count: 1 });
    expect(await book(end)).toMatchObject({ kind: 'unknown' });
    expect(await listed()).toEqual([end]);
  });

  it('is read over as many pages as it takes', async () => {
    const many = Array.from({ length: 120 }, (_, index): Booking => ({ ...end, concurrency: index }));
    for (const booking of many) await book(booking);
    expect(new Set((await listed()).map(bookingNameOf))).toEqual(new Set(many.map(bookingNameOf)));
  });
});

describe('what is steered', () => {
  const bounds = { min: 2, max: 100 };
  const throttled = {
    kind: 'answer',
    response: {
      status: 400,
      headers: { 'x-foreshock-twin': '1' },
      body: '{"__type":"ThrottlingException","message":"Rate exceeded"}',
    },
  } as const;

  beforeEach(async () => {
    await hold(5);
    await settle(
      doors.scaling.send({ urgency: 'urgent', signal }, (client) =>
        client.send(
          new RegisterScalableTargetCommand({ ...scalableTargetIdOf(name), MinCapacity: 2, MaxCapacity: 100 }),
        ),
      ),
    );
  });

  it('rises with its minimum and falls at once, and Application Auto Scaling has its bounds back', async () => {
    expect(await hold(40, { ...bounds, isLowered: false })).toMatchObject({ kind: 'accepted' });
    expect(await seen()).toEqual({ requested: 40, scalable: { min: 40, max: 100 } });
    expect(await hold(0, { ...bounds, isLowered: true })).toMatchObject({ kind: 'accepted' });
    expect(await seen()).toEqual({ requested: 2, scalable: bounds });
  });

  it('falls and has its bounds back without us', async () => {
    await book({ ...end, concurrency: 2, bounds: { min: 2, max: 2 } });
    await book({ key, purpose: 'restore', atMs: endMs + 2 * msPerMinute, concurrency: 2, bounds });
    await hold(40, { ...bounds, isLowered: false });
    passTo(endMs + msPerMinute);
    expect(await seen()).toEqual({ requested: 2, scalable: { min: 2, max: 2 } });
    passTo(endMs + 3 * msPerMinute);
    expect(await seen()).toEqual({ requested: 2, scalable: bounds });
  });

  // Goal: a restore that has gone out is not undone by an end that is tried again later.
  // Method: the end is throttled from its first attempt until after the restore.
  it('keeps its maximum where the end failed until the restore had come', async () => {
    await book({ ...end, concurrency: 2, bounds: { min: 2, max: 2 } });
    await book({ key, purpose: 'restore', atMs: endMs + 2 * msPerMinute, concurrency: 2, bounds });
    await hold(40, { ...bounds, isLowered: false });
    passTo(endMs - msPerSecond);
    twin.addFault({ kind: 'error', operations: ['RegisterScalableTarget'], forMs: 2 * msPerMinute });
    passTo(endMs + 30 * msPerMinute);
    expect((await seen()).scalable).toEqual(bounds);
  });

  it('is mended by the same action where the maximum was lowered and did not come back', async () => {
    await hold(40, { ...bounds, isLowered: false });
    let registerCount = 0;
    beforeAnswer = ({ amzTarget = '' }) => {
      const isSecond = amzTarget.endsWith('.RegisterScalableTarget') && ++registerCount === 2;
      return isSecond ? throttled : undefined;
    };
    expect(await hold(0, { ...bounds, isLowered: true })).toMatchObject({ kind: 'unknown' });
    expect(await seen()).toEqual({ requested: 2, scalable: { min: 2, max: 2 } });
    expect(await hold(0, { ...bounds, isLowered: true })).toMatchObject({ kind: 'accepted' });
    expect(await seen()).toEqual({ requested: 2, scalable: bounds });
  });
});
