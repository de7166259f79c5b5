/**
 * EventBridge Scheduler through the real SDK and a real socket: its words and shapes, and that what is booked really happens.
 */
import { LambdaClient, PutProvisionedConcurrencyConfigCommand } from '@aws-sdk/client-lambda';
import * as sdk from '@aws-sdk/client-scheduler';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FunctionKey } from '../../core/series-key.ts';
import { createVirtualClock, type VirtualClock } from '../../core/virtual-clock.ts';
import { listenTwin, type TwinServer } from './control-plane-http.ts';
import type { TwinParams } from './limits.ts';
import { createTwin, type Twin } from './twin.ts';

const startMs = Date.UTC(2026, 8, 4, 12);
const minute = 60_000;
let clock: VirtualClock;
let twin: Twin;
let server: TwinServer;
let scheduler: sdk.SchedulerClient;
let lambda: LambdaClient;

async function begin(params: Partial<TwinParams> = {}): Promise<void> {
  clock = createVirtualClock(startMs);
  const functions = ['a', 'b'].map((name) => ({
    key: `123456789012/us-east-1/${name}:live` as FunctionKey,
    version: '1',
    memoryMb: 1_024,
    architecture: 'arm64' as const,
    initDurationMs: 800,
    runDurationMs: { p50: 100, p99: 400 },
  }));
  twin = createTwin({ functions, seed: 3, clock, params });
  server = await listenTwin({ handle: (request) => twin.handle(request), host: '127.0.0.1', port: 0 });
  const client = {
    endpoint: server.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'twin', secretAccessKey: 'twin' },
    maxAttempts: 1,
  };
  scheduler = new sdk.SchedulerClient(client);
  lambda = new LambdaClient(client);
}
const end = async (): Promise<void> => {
  scheduler.destroy();
  lambda.destroy();
  await server.close();
};
beforeEach(() => begin());
afterEach(end);

const at = (ms: number): string => `at(${new Date(ms).toISOString().slice(0, 19)})`;
const role = 'arn:aws:iam::123456789012:role/booked-calls';
const aws = 'arn:aws:scheduler:::aws-sdk:';
const input = (more: object = {}): string => JSON.stringify({ FunctionName: 'a', Qualifier: 'live', ...more });
const remove = { Arn: `${aws}lambda:deleteProvisionedConcurrencyConfig`, RoleArn: role, Input: input() };
const schedule = (more: Partial<sdk.CreateScheduleCommandInput> = {}): sdk.CreateScheduleCommandInput => ({
  Name: 'end-of-a',
  ScheduleExpression: at(startMs + 10 * minute),
  FlexibleTimeWindow: { Mode: 'OFF' },
  Target: remove,
  ...more,
});
const create = (more?: Partial<sdk.CreateScheduleCommandInput>) =>
  scheduler.send(new sdk.CreateScheduleCommand(schedule(more)));
const get = (Name = 'end-of-a') => scheduler.send(new sdk.GetScheduleCommand({ Name }));
const list = (query: sdk.ListSchedulesCommandInput = {}) => scheduler.send(new sdk.ListSchedulesCommand(query));
const put = (count: number, FunctionName = 'a') =>
  lambda.send(
    new PutProvisionedConcurrencyConfigCommand({
      FunctionName,
      Qualifier: 'live',
      ProvisionedConcurrentExecutions: count,
    }),
  );
/** Status of the alias's provisioned concurrency, or the code that says there is none. */
const stateOf = (name = 'a'): unknown => {
  const target = `/2019-09-30/functions/${name}/provisioned-concurrency?Qualifier=live`;
  const { body, headers } = twin.handle({ method: 'GET', target, body: '' });
  return (JSON.parse(body) as { Status?: string }).Status ?? headers['x-amzn-errortype'];
};
const refusalOf = async (call: Promise<unknown>) => {
  try {
    await call;
    return 'taken';
  } catch (error) {
    const { name, message, $metadata } = error as sdk.SchedulerServiceException;
    return { status: $metadata.httpStatusCode, name, message };
  }
};

describe('a schedule', () => {
  it('is shown as it was recorded from the real service', async () => {
    const arn = 'arn:aws:scheduler:us-east-1:123456789012:schedule/default/end-of-a';
    expect((await create({ Description: 'ends' })).ScheduleArn).toBe(arn);
    const { $metadata: _, ...shown } = await get();
    const common = {
      Arn: arn,
      Name: 'end-of-a',
      GroupName: 'default',
      State: 'ENABLED',
      CreationDate: new Date(startMs),
      LastModificationDate: new Date(startMs),
    };
    expect(shown).toEqual({
      ...common,
      ActionAfterCompletion: 'NONE',
      Description: 'ends',
      FlexibleTimeWindow: { Mode: 'OFF' },
      ScheduleExpression: 'at(2026-09-04T12:10:00)',
      ScheduleExpressionTimezone: 'UTC',
      Target: { ...remove, RetryPolicy: { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 } },
    });
    expect((await list()).Schedules).toEqual([{ ...common, Target: { Arn: remove.Arn } }]);
  });

  it('is set anew as a whole by an Update, and is gone after a Delete', async () => {
    await create({ Description: 'ends', ActionAfterCompletion: 'DELETE' });
    clock.advanceTo(startMs + minute);
    await scheduler.send(new sdk.UpdateScheduleCommand(schedule({ State: 'DISABLED' })));
    const { Description, ActionAfterCompletion, State, CreationDate, LastModificationDate } = await get();
    expect([Description, ActionAfterCompletion, State]).toEqual([undefined, 'NONE', 'DISABLED']);
    expect([CreationDate, LastModificationDate]).toEqual([new Date(startMs), new Date(startMs + minute)]);
    await scheduler.send(new sdk.DeleteScheduleCommand({ Name: 'end-of-a' }));
    expect(await refusalOf(get())).toEqual({
      status: 404,
      name: 'ResourceNotFoundException',
      message: 'Schedule end-of-a does not exist.',
    });
    clock.advanceTo(startMs + 20 * minute);
    expect(twin.firedSchedules()).toEqual([]);
  });

  it('is listed by prefix, group and state, a page at a time', async () => {
    await scheduler.send(new sdk.CreateScheduleGroupCommand({ Name: 'g' }));
    for (const Name of ['x1', 'x2', 'x3', 'y1']) await create({ Name, GroupName: 'g' });
    await create({ Name: 'x0', State: 'DISABLED' });
    const names = async (query: sdk.ListSchedulesCommandInput) => {
      const { Schedules, NextToken } = await list(query);
      return { names: Schedules!.map(({ Name }) => Name).join(' '), NextToken };
    };
    const first = await names({ NamePrefix: 'x', MaxResults: 3 });
    expect(first.names).toBe('x0 x1 x2');
    expect((await names({ NamePrefix: 'x', MaxResults: 3, NextToken: first.NextToken })).names).toBe('x3');
    expect((await names({ GroupName: 'g', NamePrefix: 'x' })).names).toBe('x1 x2 x3');
    expect((await names({ State: 'DISABLED' })).names).toBe('x0');
    const groups = await scheduler.send(new sdk.ListScheduleGroupsCommand({}));
    expect(groups.ScheduleGroups!.map(({ Name, State }) => [Name, State])).toEqual([
      ['default', 'ACTIVE'],
      ['g', 'ACTIVE'],
    ]);
    await scheduler.send(new sdk.DeleteScheduleGroupCommand({ Name: 'g' }));
    expect((await names({})).names).toBe('x0');
    expect(await refusalOf(scheduler.send(new sdk.GetScheduleGroupCommand({ Name: 'g' })))).toMatchObject({
      status: 404,
    });
  });

  it('is booked once, however often the same client token is sent', async () => {
    const token = { ClientToken: 'one' };
    const { ScheduleArn } = await create(token);
    expect((await create(token)).ScheduleArn).toBe(ScheduleArn);
    expect(await refusalOf(create({ ...token, Description: 'another' }))).toMatchObject({ name: 'ConflictException' });
    expect(await refusalOf(create())).toEqual({
      status: 409,
      name: 'ConflictException',
      message: 'Schedule end-of-a already exists.',
    });
  });
});

describe('what is refused', () => {
  const target = (more: object): Partial<sdk.CreateScheduleCommandInput> => ({ Target: { ...remove, ...more } });
  const when = (ScheduleExpression: string, ScheduleExpressionTimezone?: string) => ({
    ScheduleExpression,
    ...(ScheduleExpressionTimezone !== undefined && { ScheduleExpressionTimezone }),
  });
  it.each<[what: string, more: Partial<sdk.CreateScheduleCommandInput>, message: string | RegExp]>([
    ['a zone in the time', when('at(2026-12-31T23:59:59Z)'), 'Invalid Schedule Expression at(2026-12-31T23:59:59Z).'],
    ['a day without a time', when('at(2026-12-31)'), 'Invalid Schedule Expression at(2026-12-31).'],
    ['a day that does not exist', when('at(2027-02-29T00:00:00)'), /^Invalid Schedule Expression/],
    [
      'a time that the clock skips',
      when('at(2027-03-14T02:30:00)', 'America/New_York'),
      /^Invalid Schedule Expression/,
    ],
    ['a time that is over', when('at(2026-09-04T11:59:59)'), 'Invalid Schedule Expression at(2026-09-04T11:59:59).'],
    ['a rate of seconds', when('rate(10 seconds)'), 'Invalid Schedule Expression rate(10 seconds).'],
    ['a rate with a space', when('rate( 10 minutes )'), 'Invalid Schedule Expression rate( 10 minutes ).'],
    ['a cron without ?', when('cron(0 1 * * * *)'), 'Invalid Schedule Expression cron(0 1 * * * *).'],
    ['a rate, which the twin does not play', when('rate(2 minute)'), /plays at\(\.\.\.\) alone/],
    ['a cron, which the twin does not play', when('cron(0 8 1 * ? *)'), /plays at\(\.\.\.\) alone/],
    ['an unknown zone', when(at(startMs + minute), 'US-Eastern'), /Timezone US-Eastern/],
    ['a bad name', { Name: 'a b' }, /^1 validation error detected: Value 'a b' at 'name' .*regular expression/],
    ['a long name', { Name: 'a'.repeat(65) }, /length less than or equal to 64/],
    ['a missing group', { GroupName: 'none' }, 'Schedule group none does not exist.'],
    ['no role', target({ RoleArn: 'me' }), /'target.roleArn' failed .*regular expression/],
    ['a reading target', target({ Arn: `${aws}lambda:getProvisionedConcurrencyConfig` }), /^Provided Arn is not/],
    ['a missing member', target({ Input: '{"FunctionName":"a"}' }), /"Qualifier" is required/],
    ['a member in other letters', target({ Input: input({ functionName: 'a' }) }), /"functionName" is not known/],
    ['input that is no JSON', target({ Input: 'a' }), /no JSON object/],
    ['a patient retry policy', target({ RetryPolicy: { MaximumRetryAttempts: 186 } }), /less than or equal to 185/],
    ['a young event', target({ RetryPolicy: { MaximumEventAgeInSeconds: 59 } }), /greater than or equal to 60/],
  ])('%s', async (_, more, message) => {
    const status = message === 'Schedule group none does not exist.' ? 404 : 400;
    const name = status === 404 ? 'ResourceNotFoundException' : 'ValidationException';
    expect(await refusalOf(create(more))).toEqual({
      status,
      name,
      message: typeof message === 'string' ? message : (expect.stringMatching(message) as unknown),
    });
    expect((await list()).Schedules).toEqual([]);
  });

  it('a reader beyond the rate, and what a fault names', async () => {
    twin.addFault({ kind: 'throttle', operations: ['CreateSchedule'], count: 1 });
    twin.addFault({ kind: 'error', status: 500, operations: ['GetSchedule'], count: 1 });
    expect(await refusalOf(create())).toEqual({ status: 429, name: 'ThrottlingException', message: 'Rate exceeded' });
    expect(await refusalOf(get())).toMatchObject({ status: 500, name: 'InternalServerException' });
    expect(await refusalOf(create())).toBe('taken');
  });
});

describe('what is booked happens', () => {
  it('within the minute after its time, while nobody calls, and serves no more', async () => {
    await put(5);
    await create({ ActionAfterCompletion: 'DELETE' });
    clock.advanceTo(startMs + 10 * minute - 1);
    expect(stateOf()).toBe('READY');
    const dueAtMs = twin.nextChangeMs()!;
    expect(dueAtMs).toBeGreaterThanOrEqual(startMs + 10 * minute);
    expect(dueAtMs).toBeLessThan(startMs + 11 * minute);
    clock.advanceTo(startMs + 30 * minute);
    expect(twin.firedSchedules()).toEqual([
      {
        groupName: 'default',
        name: 'end-of-a',
        targetArn: remove.Arn,
        input: remove.Input,
        scheduledAtMs: startMs + 10 * minute,
        firedAtMs: dueAtMs,
        attempt: 0,
        status: 204,
        code: undefined,
        isRetried: false,
      },
    ]);
    expect(stateOf()).toBe('ProvisionedConcurrencyConfigNotFoundException');
    expect((await list()).Schedules).toEqual([]);
  });

  it.each([
    ['2026-09-04T09:10:00', 'America/New_York', Date.UTC(2026, 8, 4, 13, 10)],
    ['2026-09-04T18:40:00', 'Asia/Kolkata', Date.UTC(2026, 8, 4, 13, 10)],
    // Comes twice; the first is meant.
    ['2026-11-01T01:30:00', 'America/New_York', Date.UTC(2026, 10, 1, 5, 30)],
  ])('at(%s) on the clock of %s', async (local, zone, expectedMs) => {
    await create({ ScheduleExpression: `at(${local})`, ScheduleExpressionTimezone: zone });
    clock.advanceTo(Date.UTC(2026, 11, 1));
    expect(twin.firedSchedules().map(({ scheduledAtMs }) => scheduledAtMs)).toEqual([expectedMs]);
    expect((await get()).State).toBe('ENABLED');
  });

  it('for every target, as the same call over the wire would', async () => {
    const call = (operation: string, more: object) => ({
      Target: {
        Arn: `${aws}lambda:${operation}`,
        RoleArn: role,
        Input: JSON.stringify({ FunctionName: 'arn:aws:lambda:us-east-1:123456789012:function:b', ...more }),
      },
    });
    const calls: readonly [operation: string, input: object, status: number][] = [
      ['putFunctionConcurrency', { ReservedConcurrentExecutions: 50 }, 200],
      ['putProvisionedConcurrencyConfig', { Qualifier: 'live', ProvisionedConcurrentExecutions: 40 }, 202],
      ['putProvisionedConcurrencyConfig', { Qualifier: 'live', ProvisionedConcurrentExecutions: 51 }, 400],
      ['updateAlias', { Name: 'live', Description: 'booked' }, 200],
      ['invoke', { Qualifier: 'live', InvocationType: 'Event', Payload: '{}' }, 202],
      ['deleteProvisionedConcurrencyConfig', { Qualifier: 'live' }, 204],
      ['deleteFunctionConcurrency', {}, 204],
    ];
    for (const [index, [operation, more]] of calls.entries()) {
      const ScheduleExpression = at(startMs + (10 + 5 * index) * minute);
      await create({ Name: `call-${index}`, ScheduleExpression, ...call(operation, more) });
    }
    clock.advanceTo(startMs + 19 * minute);
    expect(stateOf('b')).toBe('READY');
    clock.advanceTo(startMs + 60 * minute);
    expect(twin.firedSchedules().map(({ status }) => status)).toEqual(calls.map(([, , status]) => status));
    expect(stateOf('b')).toBe('ProvisionedConcurrencyConfigNotFoundException');
  });

  it('again after a 429, a 5xx, silence or a lost answer, by its policy; not after a refusal', async () => {
    const operations = ['DeleteProvisionedConcurrencyConfig'] as const;
    for (const kind of ['throttle', 'error', 'hang', 'lose'] as const) twin.addFault({ kind, operations, count: 1 });
    await put(5);
    await create();
    await create({ Name: 'refused', Target: { ...remove, Input: input({ Qualifier: 'none' }) } });
    clock.advanceTo(startMs + 30 * minute);
    const attempts = twin.firedSchedules();
    const mine = attempts.filter(({ name }) => name === 'end-of-a');
    expect(attempts.filter(({ name }) => name === 'refused').length).toBeGreaterThanOrEqual(1);
    expect(mine.map(({ attempt }) => attempt)).toEqual(mine.map((_, index) => index));
    expect(mine.map(({ isRetried }) => isRetried)).toEqual(mine.map((_, index) => index < mine.length - 1));
    expect(attempts.filter(({ isRetried }) => isRetried)).toHaveLength(4);
    expect(
      attempts
        .filter(({ isRetried }) => !isRetried)
        .map(({ status }) => status)
        .sort(),
    ).toEqual([204, 404]);
    for (const [index, { firedAtMs }] of mine.slice(1).entries()) {
      const pauseMs = firedAtMs - mine[index]!.firedAtMs;
      expect(pauseMs).toBeGreaterThanOrEqual(500 * 2 ** index);
      expect(pauseMs).toBeLessThanOrEqual(1_500 * 2 ** index + 2);
    }
  });

  it.each([
    ['attempts', { MaximumRetryAttempts: 2, MaximumEventAgeInSeconds: 86_400 }, 3],
    ['time', { MaximumRetryAttempts: 185, MaximumEventAgeInSeconds: 60 }, undefined],
  ])('no longer than its policy has %s', async (_, RetryPolicy, count) => {
    twin.addFault({ kind: 'error', operations: ['DeleteProvisionedConcurrencyConfig'] });
    await create({ Target: { ...remove, RetryPolicy }, ActionAfterCompletion: 'DELETE' });
    clock.advanceTo(startMs + 24 * 60 * minute);
    const fired = twin.firedSchedules();
    if (count !== undefined) expect(fired).toHaveLength(count);
    expect(fired.at(-1)!.firedAtMs - fired[0]!.scheduledAtMs).toBeLessThanOrEqual(
      RetryPolicy.MaximumEventAgeInSeconds * 1_000,
    );
    expect(fired.at(-1)!.isRetried).toBe(false);
    expect((await list()).Schedules).toEqual([]);
  });

  it('out of the same fifteen calls a second as everything else', async () => {
    await end();
    await begin({ schedulePrecisionMs: 1 });
    for (let index = 0; index < 20; index++) await create({ Name: `all-at-once-${index}` });
    clock.advanceTo(startMs + 10 * minute + 1);
    const fired = twin.firedSchedules();
    expect(fired.filter(({ status }) => status === 204)).toHaveLength(15);
    expect(fired.filter(({ code }) => code === 'TooManyRequestsException')).toHaveLength(5);
    clock.advanceTo(startMs + 12 * minute);
    expect(twin.firedSchedules().filter(({ status }) => status === 204)).toHaveLength(20);
  });

  it('at once for a time that is over, where the twin is told that AWS takes it', async () => {
    await end();
    await begin({ pastScheduleIsRefused: false });
    await put(5);
    await create({ ScheduleExpression: at(startMs - 60 * minute) });
    expect(stateOf()).toBe('ProvisionedConcurrencyConfigNotFoundException');
  });

  it('at the same instants by the same seed, and at others under other names', async () => {
    const instants = async (): Promise<readonly number[]> => {
      for (const Name of ['one', 'two', 'three']) await create({ Name });
      clock.advanceTo(startMs + 20 * minute);
      return twin.firedSchedules().map(({ firedAtMs }) => firedAtMs);
    };
    const first = await instants();
    await end();
    await begin();
    expect(await instants()).toEqual(first);
    expect(new Set(first).size).toBe(3);
  });
});
