/**
 * Application Auto Scaling through the real SDK and a real socket: it says what it was told, and it really clamps.
 */
import * as sdk from '@aws-sdk/client-application-auto-scaling';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FunctionKey } from '../../core/series-key.ts';
import { createVirtualClock, type VirtualClock } from '../../core/virtual-clock.ts';
import { listenTwin, type TwinServer } from './control-plane-http.ts';
import { createTwin, type Twin } from './twin.ts';

const startMs = Date.UTC(2026, 8, 4, 12);
const minute = 60_000;
let clock: VirtualClock;
let twin: Twin;
let server: TwinServer;
let client: sdk.ApplicationAutoScalingClient;
beforeEach(async () => {
  clock = createVirtualClock(startMs);
  const functions = ['a', 'b'].map((name) => ({
    key: `123456789012/us-east-1/${name}:live` as FunctionKey,
    version: '1',
    memoryMb: 1_024,
    architecture: 'arm64' as const,
    initDurationMs: 800,
    runDurationMs: { p50: 100, p99: 400 },
  }));
  twin = createTwin({ functions, seed: 3, clock });
  server = await listenTwin({ handle: (request) => twin.handle(request), host: '127.0.0.1', port: 0 });
  client = new sdk.ApplicationAutoScalingClient({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'twin', secretAccessKey: 'twin' },
    maxAttempts: 1,
  });
});
afterEach(async () => {
  client.destroy();
  await server.close();
});

const resource = {
  ServiceNamespace: 'lambda',
  ResourceId: 'function:a:live',
  ScalableDimension: 'lambda:function:ProvisionedConcurrency',
} as const;
const register = (more: Partial<sdk.RegisterScalableTargetCommandInput> = {}) =>
  client.send(new sdk.RegisterScalableTargetCommand({ ...resource, ...more }));
const between = (MinCapacity: number, MaxCapacity: number) => register({ MinCapacity, MaxCapacity });
const describeTargets = (more: Partial<sdk.DescribeScalableTargetsCommandInput> = {}) =>
  client.send(new sdk.DescribeScalableTargetsCommand({ ServiceNamespace: 'lambda', ...more }));
const schedule = (more: Partial<sdk.PutScheduledActionCommandInput> = {}) =>
  client.send(
    new sdk.PutScheduledActionCommand({
      ...resource,
      ScheduledActionName: 'open',
      Schedule: at(startMs + 10 * minute),
      ScalableTargetAction: { MinCapacity: 40, MaxCapacity: 60 },
      ...more,
    }),
  );
const actions = async () =>
  (await client.send(new sdk.DescribeScheduledActionsCommand({ ServiceNamespace: 'lambda' }))).ScheduledActions!;
const at = (ms: number): string => `at(${new Date(ms).toISOString().slice(0, 19)})`;
const refusalOf = async (call: Promise<unknown>) => {
  try {
    await call;
    return 'taken';
  } catch (error) {
    const { name, message } = error as Error;
    return `${name}: ${message}`;
  }
};

const path = '/2019-09-30/functions/a/provisioned-concurrency?Qualifier=live';
const put = (count: number) =>
  twin.handle({ method: 'PUT', target: path, body: JSON.stringify({ ProvisionedConcurrentExecutions: count }) });
/** What is requested for the alias; undefined where nothing is. */
const requested = (): unknown =>
  (JSON.parse(twin.handle({ method: 'GET', target: path, body: '' }).body) as Record<string, unknown>)[
    'RequestedProvisionedConcurrentExecutions'
  ];
const boundsOf = async (): Promise<unknown> => {
  const { ScalableTargets } = await describeTargets();
  return ScalableTargets!.map(({ MinCapacity, MaxCapacity }) => [MinCapacity, MaxCapacity]);
};

describe('a scalable target', () => {
  it('is shown as it was registered, and keeps what a later call does not say', async () => {
    const { ScalableTargetARN } = await between(2, 10);
    expect(ScalableTargetARN).toMatch(
      /^arn:aws:application-autoscaling:us-east-1:123456789012:scalable-target\/[\w-]+$/,
    );
    clock.advanceTo(startMs + minute);
    await register({ SuspendedState: { ScheduledScalingSuspended: true } });
    expect((await describeTargets()).ScalableTargets).toEqual([
      {
        ...resource,
        MinCapacity: 2,
        MaxCapacity: 10,
        RoleARN: expect.stringContaining('AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency') as unknown,
        CreationTime: new Date(startMs),
        SuspendedState: {
          DynamicScalingInSuspended: false,
          DynamicScalingOutSuspended: false,
          ScheduledScalingSuspended: true,
        },
        ScalableTargetARN,
      },
    ]);
    expect((await describeTargets({ ServiceNamespace: 'ecs' })).ScalableTargets).toEqual([]);
    expect((await describeTargets({ ResourceIds: ['function:b:live'] })).ScalableTargets).toEqual([]);
  });

  it('is described fifty at a time', async () => {
    for (let index = 0; index < 55; index++) {
      clock.advanceTo(clock.nowMs() + 100);
      await register({ ResourceId: `function:f${index}:live`, MinCapacity: 1, MaxCapacity: 2 });
    }
    const { ScalableTargets, NextToken } = await describeTargets();
    expect([ScalableTargets!.length, (await describeTargets({ NextToken })).ScalableTargets!.length]).toEqual([50, 5]);
    expect(await refusalOf(describeTargets({ NextToken: 'x' }))).toMatch(/^InvalidNextTokenException/);
  });

  it.each<[what: string, current: number | undefined, bounds: [number, number], then: number | undefined]>([
    ['up to the minimum', 5, [8, 20], 8],
    ['down to the maximum', 50, [8, 20], 20],
    ['nowhere inside', 10, [8, 20], 10],
    ['away altogether where the maximum is 0', 10, [0, 0], undefined],
    ['nothing where nothing is provisioned', undefined, [8, 20], undefined],
  ])('moves what is provisioned %s', async (_, current, bounds, then) => {
    if (current !== undefined) put(current);
    await between(...bounds);
    expect(requested()).toBe(then);
  });

  it('moves it again at every update, whatever that says, and leaves it alone between', async () => {
    put(10);
    await between(1, 20);
    put(100);
    clock.advanceTo(startMs + 60 * minute);
    expect(requested()).toBe(100);
    await register({ SuspendedState: { ScheduledScalingSuspended: true } });
    expect(requested()).toBe(20);
  });

  it('has an update pending while Lambda does not take the call, and tries again', async () => {
    put(10);
    twin.addFault({ kind: 'error', operations: ['PutProvisionedConcurrencyConfig'], forMs: 90_000 });
    await between(30, 40);
    expect(requested()).toBe(10);
    expect(await refusalOf(between(1, 40))).toMatch(/^ConcurrentUpdateException: There is already a pending update/);
    clock.advanceTo(startMs + 2 * minute - 1);
    expect(requested()).toBe(10);
    clock.advanceTo(startMs + 2 * minute);
    expect(requested()).toBe(30);
    expect(await refusalOf(between(1, 40))).toBe('taken');
  });

  it('takes what Lambda refuses as it is', async () => {
    put(10);
    await between(2_000, 3_000);
    expect([requested(), await boundsOf()]).toEqual([10, [[2_000, 3_000]]]);
    expect(twin.nextChangeMs()).toBeLessThan(startMs + 3 * minute);
    clock.advanceTo(startMs + 10 * minute);
    expect(requested()).toBe(10);
    expect(twin.nextChangeMs()).toBeUndefined();
  });

  it('calls out of the same fifteen a second as everybody', async () => {
    put(10);
    for (let index = 0; index < 14; index++) requested();
    await between(30, 40);
    clock.advanceTo(startMs + 30_000);
    expect(requested()).toBe(10);
    clock.advanceTo(startMs + minute);
    expect(requested()).toBe(30);
  });
});

describe('a scheduled action', () => {
  it('sets its bounds within its minute, and clamps', async () => {
    put(10);
    await between(1, 20);
    await schedule();
    clock.advanceTo(startMs + 10 * minute - 1);
    expect([requested(), await boundsOf()]).toEqual([10, [[1, 20]]]);
    clock.advanceTo(startMs + 11 * minute);
    expect([requested(), await boundsOf()]).toEqual([40, [[40, 60]]]);
  });

  it('runs on the clock of its zone', async () => {
    put(10);
    await between(1, 20);
    await schedule({ Schedule: 'at(2026-09-04T09:25:00)', Timezone: 'America/New_York' });
    clock.advanceTo(Date.UTC(2026, 8, 4, 13, 24, 59));
    expect(requested()).toBe(10);
    clock.advanceTo(Date.UTC(2026, 8, 4, 13, 26));
    expect(requested()).toBe(40);
  });

  it('changes nothing while it is suspended, or where its minimum is above the maximum that stands', async () => {
    put(10);
    await between(1, 20);
    await schedule({ ScalableTargetAction: { MinCapacity: 40 } });
    clock.advanceTo(startMs + 12 * minute);
    expect([requested(), await boundsOf()]).toEqual([10, [[1, 20]]]);
    await register({ SuspendedState: { ScheduledScalingSuspended: true } });
    await schedule({ Schedule: at(startMs + 20 * minute), ScalableTargetAction: { MinCapacity: 15 } });
    clock.advanceTo(startMs + 22 * minute);
    expect([requested(), await boundsOf()]).toEqual([10, [[1, 20]]]);
  });

  it('loses its start and end where an update does not say them, and keeps the rest', async () => {
    await between(1, 20);
    const StartTime = new Date(startMs);
    await schedule({ StartTime, EndTime: new Date(startMs + 60 * minute) });
    const [before] = await actions();
    expect(before).toMatchObject({
      ...resource,
      ScheduledActionName: 'open',
      StartTime,
      Schedule: 'at(2026-09-04T12:10:00)',
    });
    const { ScheduledActionARN } = before!;
    await client.send(
      new sdk.PutScheduledActionCommand({
        ...resource,
        ScheduledActionName: 'open',
        ScalableTargetAction: { MinCapacity: 3 },
      }),
    );
    expect(await actions()).toEqual([
      {
        ...resource,
        ScheduledActionName: 'open',
        ScheduledActionARN,
        Schedule: 'at(2026-09-04T12:10:00)',
        ScalableTargetAction: { MinCapacity: 3 },
        CreationTime: new Date(startMs),
      },
    ]);
  });

  it('is gone when it is deleted, and with its target', async () => {
    await between(1, 20);
    await schedule();
    await schedule({ ScheduledActionName: 'close' });
    const named = { ...resource, ScheduledActionName: 'open' };
    await client.send(new sdk.DeleteScheduledActionCommand(named));
    expect((await actions()).map(({ ScheduledActionName }) => ScheduledActionName)).toEqual(['close']);
    expect(await refusalOf(client.send(new sdk.DeleteScheduledActionCommand(named)))).toMatch(
      /^ObjectNotFoundException: No scheduled action found for service namespace: lambda, resource ID: function:a:live/,
    );
    await client.send(new sdk.DeregisterScalableTargetCommand(resource));
    expect(await actions()).toEqual([]);
    await between(1, 20);
    expect(await actions()).toEqual([]);
    expect(twin.nextChangeMs()).toBeUndefined();
  });
});

it('keeps a policy of target tracking, and shows it', async () => {
  const TargetTrackingScalingPolicyConfiguration = {
    TargetValue: 0.7,
    PredefinedMetricSpecification: { PredefinedMetricType: 'LambdaProvisionedConcurrencyUtilization' as const },
  };
  const policy = { ...resource, PolicyName: 'track', PolicyType: 'TargetTrackingScaling' as const };
  await between(1, 20);
  const configured = { ...policy, TargetTrackingScalingPolicyConfiguration };
  const { PolicyARN } = await client.send(new sdk.PutScalingPolicyCommand(configured));
  const policies = async () =>
    (await client.send(new sdk.DescribeScalingPoliciesCommand({ ServiceNamespace: 'lambda' }))).ScalingPolicies;
  expect(await policies()).toEqual([{ ...configured, PolicyARN, Alarms: [], CreationTime: new Date(startMs) }]);
  const step = { ...policy, PolicyType: 'StepScaling' as const };
  expect(await refusalOf(client.send(new sdk.PutScalingPolicyCommand(step)))).toMatch(/^ValidationException/);
  await client.send(new sdk.DeleteScalingPolicyCommand({ ...resource, PolicyName: 'track' }));
  expect(await policies()).toEqual([]);
});

describe('what is refused', () => {
  const name = { ScheduledActionName: 'open' };
  it.each<[what: string, call: () => Promise<unknown>, said: RegExp]>([
    [
      'no maximum for a new target',
      () => register({ MinCapacity: 1 }),
      /^ValidationException: Minimum capacity and max/,
    ],
    ['bounds the wrong way round', () => between(2, 1), /^ValidationException: Maximum capacity cannot be less/],
    ['a bound below 0', () => between(-1, 1), /^ValidationException: .*'minCapacity'.*greater than or equal to 0/],
    [
      '$LATEST',
      () => register({ ResourceId: 'function:a:$LATEST' }),
      /^ValidationException: Unsupported service namespace/,
    ],
    [
      'an action without a target',
      () => schedule(),
      /^ObjectNotFoundException: No scalable target registered for service/,
    ],
    [
      'deregistering what is not there',
      () => client.send(new sdk.DeregisterScalableTargetCommand(resource)),
      /^ObjectNotFoundException: No scalable target found for service namespace: lambda, resource ID/,
    ],
    [
      'an action of bounds the wrong way round',
      () => ready({ ScalableTargetAction: { MinCapacity: 2, MaxCapacity: 1 } }),
      /^ValidationException: Maximum/,
    ],
    [
      'an action without a bound',
      () => ready({ ScalableTargetAction: {} }),
      /^ValidationException: ScalableTargetAction must/,
    ],
    [
      'an action without a time',
      () => ready({ Schedule: undefined }),
      /^ValidationException: .*'schedule'.*must not be null/,
    ],
    [
      'an action that is over',
      () => ready({ Schedule: at(startMs - 1_000) }),
      /^ValidationException: Invalid schedule/,
    ],
    [
      'a cron, which the twin does not play',
      () => ready({ Schedule: 'cron(0 8 1 * ? *)' }),
      /^ValidationException: .*at\(\.\.\.\) alone/,
    ],
    ['a zone that nobody knows', () => ready({ Timezone: 'Mars' }), /^ValidationException: Invalid timezone/],
  ])('%s', async (_, call, said) => expect(await refusalOf(call())).toMatch(said));

  async function ready(more: Partial<sdk.PutScheduledActionCommandInput>): Promise<unknown> {
    await between(1, 2);
    return schedule({ ...name, ...more });
  }

  it('what a fault names', async () => {
    twin.addFault({ kind: 'throttle', operations: ['RegisterScalableTarget'], functionName: 'a', count: 1 });
    twin.addFault({ kind: 'error', operations: ['DescribeScalableTargets'], count: 1 });
    expect(await refusalOf(between(1, 2))).toBe('ThrottlingException: Rate exceeded');
    expect(await refusalOf(describeTargets())).toMatch(/^InternalServiceException/);
    expect(await refusalOf(between(1, 2))).toBe('taken');
  });
});

it('is moved by a schedule that is booked', async () => {
  put(50);
  await between(1, 100);
  const Target = {
    Arn: 'arn:aws:scheduler:::aws-sdk:applicationautoscaling:registerScalableTarget',
    RoleArn: 'arn:aws:iam::123456789012:role/booked-calls',
    Input: JSON.stringify({ ...resource, MinCapacity: 1, MaxCapacity: 5 }),
  };
  const body = { ScheduleExpression: at(startMs + 10 * minute), FlexibleTimeWindow: { Mode: 'OFF' }, Target };
  const booked = twin.handle({ method: 'POST', target: '/schedules/end', body: JSON.stringify(body) });
  expect(booked.status).toBe(200);
  clock.advanceTo(startMs + 11 * minute);
  expect([requested(), await boundsOf()]).toEqual([5, [[1, 5]]]);
  expect(twin.firedSchedules()).toMatchObject([{ status: 200, isRetried: false }]);
});
