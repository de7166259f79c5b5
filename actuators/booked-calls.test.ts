import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BookCall, CancelBooking } from '../core/action.ts';
import { bookingNameOf, type Booking } from '../core/booking.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerMinute } from '../core/time.ts';
import { createBookedCalls, type BookedCallsOptions } from './booked-calls.ts';
import { errorAnswer, isEndless, startLambdaStub, type LambdaStub, type StubAnswer } from './lambda-stub.ts';
import { openStubDoors, stubStartMs } from './stub-doors.ts';

const key = '123456789012/us-east-1/orders:live' as FunctionKey;
const atMs = stubStartMs + 30 * msPerMinute;
const end: Booking = { key, purpose: 'end', atMs, concurrency: 0 };
const neverAborted = new AbortController().signal;
const roleArn = 'arn:aws:iam::123456789012:role/foreshock-scheduler';

const book = (booking: Booking): BookCall => ({ kind: 'book-call', key: booking.key, booking, because: 'payrolls' });
const cancel = (booking: Booking): CancelBooking => ({ ...book(booking), kind: 'cancel-booking' });

const created: StubAnswer = {
  status: 200,
  body: '{"ScheduleArn":"arn:aws:scheduler:us-east-1:123456789012:schedule/default/x"}',
};
const nothing: StubAnswer = { status: 200, body: '{"Schedules":[]}' };
const page = (names: readonly string[], nextToken?: string): StubAnswer => ({
  status: 200,
  body: JSON.stringify({ Schedules: names.map((Name) => ({ Name })), ...(nextToken && { NextToken: nextToken }) }),
});

let lambda: LambdaStub;
let scheduler: LambdaStub;
beforeEach(async () => {
  lambda = await startLambdaStub();
  scheduler = await startLambdaStub();
});
afterEach(async () => {
  await lambda.close();
  await scheduler.close();
});

async function setUp(
  options: Partial<Pick<BookedCallsOptions, 'groupName'>> & {
    readonly requestTimeoutMs?: number;
    readonly region?: string;
  } = {},
) {
  const { groupName, ...doorOptions } = options;
  const opened = await openStubDoors({ lambda, others: scheduler }, doorOptions);
  const bookedCalls = createBookedCalls({ doorsOf: () => opened.doors, clock: opened.clock, roleArn, groupName });
  return { ...opened, bookedCalls };
}

/** What was asked of EventBridge Scheduler, without the call by which it introduced itself. */
function asked() {
  return scheduler.calls.slice(1).map(({ method, url, body }) => ({
    call: `${method} ${url}`,
    body: body === '' ? {} : (JSON.parse(body) as Record<string, unknown>),
  }));
}

describe('booking a call', () => {
  const alias = { FunctionName: 'arn:aws:lambda:us-east-1:123456789012:function:orders', Qualifier: 'live' };
  const target = {
    ServiceNamespace: 'lambda',
    ScalableDimension: 'lambda:function:ProvisionedConcurrency',
    ResourceId: 'function:orders:live',
  };

  it.each<[string, Omit<Booking, 'key' | 'atMs'>, string, object, number]>([
    ['an end', { purpose: 'end', concurrency: 0 }, 'lambda:deleteProvisionedConcurrencyConfig', alias, 86_400],
    [
      'an end at what stood before',
      { purpose: 'end', concurrency: 5 },
      'lambda:putProvisionedConcurrencyConfig',
      { ...alias, ProvisionedConcurrentExecutions: 5 },
      86_400,
    ],
    [
      'a raise',
      { purpose: 'raise', concurrency: 40 },
      'lambda:putProvisionedConcurrencyConfig',
      { ...alias, ProvisionedConcurrentExecutions: 40 },
      600,
    ],
    [
      'an end by bounds',
      { purpose: 'end', concurrency: 0, bounds: { min: 0, max: 1 } },
      'applicationautoscaling:registerScalableTarget',
      { ...target, MinCapacity: 0, MaxCapacity: 1 },
      60,
    ],
    [
      'the maximum given back',
      { purpose: 'restore', concurrency: 0, bounds: { min: 0, max: 100 } },
      'applicationautoscaling:registerScalableTarget',
      { ...target, MinCapacity: 0, MaxCapacity: 100 },
      86_400,
    ],
  ])('writes %s as the call itself', async (_, said, api, input, ageInSeconds) => {
    const booking = { ...said, key, atMs };
    const { bookedCalls, settle, clock } = await setUp();
    scheduler.answer(nothing, created);
    const outcome = await settle(bookedCalls.apply(book(booking), neverAborted));
    expect(outcome).toEqual({ kind: 'accepted', atMs: clock.nowMs() });
    const [{ call, body }] = asked() as [ReturnType<typeof asked>[number]];
    expect(call).toBe(`POST /schedules/${bookingNameOf(booking)}`);
    const { Input, ...written } = body['Target'] as { readonly Input: string };
    expect(JSON.parse(Input)).toEqual(input);
    expect(written).toEqual({
      Arn: `arn:aws:scheduler:::aws-sdk:${api}`,
      RoleArn: roleArn,
      RetryPolicy: { MaximumEventAgeInSeconds: ageInSeconds, MaximumRetryAttempts: 185 },
    });
    expect(body).toMatchObject({
      GroupName: 'default',
      ScheduleExpression: 'at(2026-11-20T13:50:00)',
      ScheduleExpressionTimezone: 'UTC',
      FlexibleTimeWindow: { Mode: 'OFF' },
      ActionAfterCompletion: 'DELETE',
    });
  });

  it('names the cloud of the region', async () => {
    const { bookedCalls, settle } = await setUp({ region: 'cn-north-1' });
    const china = { ...end, key: '123456789012/cn-north-1/orders:live' as FunctionKey };
    scheduler.answer(nothing, created);
    await settle(bookedCalls.apply(book(china), neverAborted));
    const { Arn, Input } = asked()[0]!.body['Target'] as { readonly Arn: string; readonly Input: string };
    expect(Arn).toBe('arn:aws-cn:scheduler:::aws-sdk:lambda:deleteProvisionedConcurrencyConfig');
    expect(Input).toContain('arn:aws-cn:lambda:cn-north-1:123456789012:function:orders');
  });

  it('takes one that is there for booked, once it is what it should be', async () => {
    const { bookedCalls, settle } = await setUp();
    scheduler.answer(nothing, errorAnswer(409, 'ConflictException'), created);
    expect(await settle(bookedCalls.apply(book(end), neverAborted))).toMatchObject({ kind: 'accepted' });
    const [first, second] = asked();
    expect(second!.call).toBe(`PUT /schedules/${bookingNameOf(end)}`);
    expect(second!.body).toMatchObject({ State: 'ENABLED', Target: first!.body['Target'] });
  });

  it.each<[string, StubAnswer, object]>([
    ['a throttle', errorAnswer(429, 'ThrottlingException'), { kind: 'throttled', code: 'ThrottlingException' }],
    ['a full account', errorAnswer(402, 'ServiceQuotaExceededException'), { kind: 'refused' }],
    ['a role that it may not take on', errorAnswer(400, 'ValidationException'), { kind: 'refused', message: 'words' }],
    ['a missing permission', errorAnswer(403, 'AccessDeniedException'), { kind: 'refused', message: 'words' }],
    ['no such group', errorAnswer(404, 'ResourceNotFoundException'), { kind: 'refused' }],
    ['an outage', errorAnswer(500, 'InternalServerException'), { kind: 'unavailable' }],
    ['a broken connection', 'reset', { kind: 'unknown' }],
    ['no answer', 'silence', { kind: 'unknown', code: 'Timeout' }],
  ])('says what %s means for the effect', async (_, answer, outcome) => {
    const { bookedCalls, settle } = await setUp(isEndless(answer) ? { requestTimeoutMs: 200 } : {});
    scheduler.answer(nothing, answer);
    expect(await settle(bookedCalls.apply(book(end), neverAborted))).toMatchObject(outcome);
    expect(asked()).toHaveLength(1);
  });

  it('books nothing whose instant has come by the time of its turn', async () => {
    const { bookedCalls, settle, doors } = await setUp();
    scheduler.answer(nothing);
    await settle(bookedCalls.listBookings([key], neverAborted));
    doors.scheduler.queue.pauseFor(30 * msPerMinute + 1);
    const outcome = await settle(bookedCalls.apply(book(end), neverAborted));
    expect(outcome).toMatchObject({ kind: 'unavailable', code: 'DeadlinePassed' });
    expect(asked()).toEqual([]);
  });

  // Goal: no raise of a function of the twin is booked in AWS, and no end of a real one in the twin.
  // Method: the scheduler answers without the twin's header. It is asked who it is, and nothing else.
  it('is refused where the scheduler is not at the same end as Lambda', async () => {
    const { bookedCalls, settle } = await setUp();
    scheduler.becomeStranger();
    scheduler.answer(nothing);
    expect(await settle(bookedCalls.apply(book(end), neverAborted))).toMatchObject({
      kind: 'refused',
      code: 'AnotherEnd',
      message: expect.stringMatching(/is unknown and .* is twin: set one endpoint/) as string,
    });
    expect(asked()).toEqual([]);
  });

  it("waits for no call to Lambda, and takes none of Lambda's", async () => {
    const { bookedCalls, settle, doors, clock } = await setUp();
    doors.lambda.queue.pauseFor(10 * msPerMinute);
    scheduler.answer(nothing, created);
    const fromMs = clock.nowMs();
    expect(await settle(bookedCalls.apply(book(end), neverAborted))).toMatchObject({ kind: 'accepted' });
    expect(clock.nowMs() - fromMs).toBe(50);
    expect(doors.lambda.queue.startedCount).toBe(1);
  });
});

describe('taking a booking back', () => {
  it.each<[string, StubAnswer, object]>([
    ['that is there', { status: 200, body: '{}' }, { kind: 'accepted' }],
    ['that is gone', errorAnswer(404, 'ResourceNotFoundException'), { kind: 'accepted' }],
    ['that is being changed', errorAnswer(409, 'ConflictException'), { kind: 'refused', code: 'ConflictException' }],
  ])('one %s', async (_, answer, outcome) => {
    const { bookedCalls, settle } = await setUp({ groupName: 'trading' });
    scheduler.answer(nothing, answer);
    expect(await settle(bookedCalls.apply(cancel(end), neverAborted))).toMatchObject(outcome);
    const { call } = asked()[0]!;
    expect(call).toContain(`DELETE /schedules/${bookingNameOf(end)}?`);
    expect(call).toContain('groupName=trading');
  });
});

describe('what is booked', () => {
  const raise: Booking = { key, purpose: 'raise', atMs, concurrency: 40 };
  const other = '123456789012/us-east-1/quotes:live' as FunctionKey;

  it('is read from names, over all pages, without what is not ours', async () => {
    const { bookedCalls, settle } = await setUp();
    const names = [end, { ...end, key: other }].map(bookingNameOf);
    scheduler.answer(page([...names, 'foreshock-report'], 'more'), page([bookingNameOf(raise)]));
    expect(await settle(bookedCalls.listBookings([key], neverAborted))).toEqual([end, raise]);
    const [first, second] = scheduler.calls.map(({ url }) => new URL(url, 'http://stub').searchParams);
    expect(Object.fromEntries(first!)).toMatchObject({
      NamePrefix: 'foreshock-',
      ScheduleGroup: 'default',
      // A schedule that somebody disabled would not go out.
      State: 'ENABLED',
    });
    expect(second!.get('NextToken')).toBe('more');
  });

  it('is nothing without functions, and nobody is asked', async () => {
    const { bookedCalls, settle } = await setUp();
    expect(await settle(bookedCalls.listBookings([], neverAborted))).toEqual([]);
    expect(scheduler.calls).toEqual([]);
  });

  it('is not known while pages do not end', async () => {
    const { bookedCalls, settle } = await setUp();
    scheduler.answer(...Array.from({ length: 101 }, () => page([bookingNameOf(end)], 'more')));
    await expect(settle(bookedCalls.listBookings([key], neverAborted))).rejects.toMatchObject({
      code: 'TooManyBookings',
      retryable: false,
    });
    expect(scheduler.calls).toHaveLength(100);
  });

  it.each<[string, StubAnswer, object]>([
    ['an outage', errorAnswer(500, 'InternalServerException'), { code: 'InternalServerException', retryable: true }],
    ['a missing permission', errorAnswer(403, 'AccessDeniedException'), { retryable: false }],
  ])('is not known after %s', async (_, answer, thrown) => {
    const { bookedCalls, settle } = await setUp();
    scheduler.answer(page([bookingNameOf(end)], 'more'), answer);
    const listing = settle(bookedCalls.listBookings([key], neverAborted));
    await expect(listing).rejects.toMatchObject({ name: 'WorldError', ...thrown });
  });
});
