import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerMinute } from '../core/time.ts';
import { errorAnswer, startLambdaStub, type LambdaStub, type StubAnswer } from './lambda-stub.ts';
import { createScalableTargets, type SteeredHold } from './scalable-target.ts';
import { openStubDoors, stubStartMs } from './stub-doors.ts';

const key = '123456789012/us-east-1/orders:live' as FunctionKey;
const quotes = '123456789012/us-east-1/quotes:live' as FunctionKey;
const neverAborted = new AbortController().signal;
const raise: SteeredHold = {
  kind: 'hold-provisioned-concurrency',
  key,
  concurrency: 40,
  untilMs: stubStartMs + 60 * msPerMinute,
  deadlineMs: stubStartMs + 10 * msPerMinute,
  steered: { min: 2, max: 100, isLowered: false },
  because: 'payrolls',
};

/** As this older protocol has it: the code in the body, whatever the status. */
const failed = (status: number, code: string): StubAnswer => ({
  status,
  body: JSON.stringify({ __type: code, message: 'words' }),
});
const registered: StubAnswer = { status: 200, body: '{"ScalableTargetARN":"arn"}' };
const described = (targets: readonly object[], nextToken?: string): StubAnswer => ({
  status: 200,
  body: JSON.stringify({ ScalableTargets: targets, ...(nextToken && { NextToken: nextToken }) }),
});
const orders = { ResourceId: 'function:orders:live', MinCapacity: 2, MaxCapacity: 100 };

let lambda: LambdaStub;
let scaling: LambdaStub;
beforeEach(async () => {
  lambda = await startLambdaStub();
  scaling = await startLambdaStub();
});
afterEach(async () => {
  await lambda.close();
  await scaling.close();
});

async function setUp() {
  const opened = await openStubDoors({ lambda, others: scaling });
  return { ...opened, targets: createScalableTargets({ doorsOf: () => opened.doors, clock: opened.clock }) };
}

/** The bounds that were registered, in order. */
function bounds() {
  return scaling.calls
    .filter(({ target }) => target === 'AnyScaleFrontendService.RegisterScalableTarget')
    .map(({ body }) => JSON.parse(body) as Record<string, unknown>)
    .map(({ MinCapacity, MaxCapacity, ResourceId }) => [ResourceId, MinCapacity, MaxCapacity]);
}

describe('holding a level by the bounds', () => {
  it.each([
    ['a raise', 40, { min: 2, max: 100, isLowered: false }, [[40, 100]]],
    ['a raise to the maximum', 100, { min: 2, max: 100, isLowered: false }, [[100, 100]]],
    ['less than the minimum', 1, { min: 2, max: 100, isLowered: false }, [[2, 100]]],
    // Down at once by the maximum, which then comes back.
    [
      'an end',
      0,
      { min: 2, max: 100, isLowered: true },
      [
        [2, 2],
        [2, 100],
      ],
    ],
    [
      'an end at nothing',
      0,
      { min: 0, max: 100, isLowered: true },
      [
        [0, 1],
        [0, 100],
      ],
    ],
    [
      'a step down',
      10,
      { min: 2, max: 100, isLowered: true },
      [
        [10, 10],
        [10, 100],
      ],
    ],
  ] as const)('%s', async (_, concurrency, steered, pairs) => {
    const { targets, settle, clock } = await setUp();
    scaling.answer(described([orders]), ...pairs.map(() => registered));
    const outcome = await settle(targets.apply({ ...raise, concurrency, steered }, neverAborted));
    expect(outcome).toEqual({ kind: 'accepted', atMs: clock.nowMs() });
    expect(bounds()).toEqual(pairs.map((pair) => ['function:orders:live', ...pair]));
  });

  it('refuses a level above the maximum before any call, and says what to do', async () => {
    const { targets, settle } = await setUp();
    scaling.answer(described([orders]));
    expect(await settle(targets.apply({ ...raise, concurrency: 101 }, neverAborted))).toMatchObject({
      kind: 'refused',
      code: 'AboveScalableMaximum',
      message: expect.stringMatching(
        /^101 is above 100, .*raise its max_capacity, or lower concurrencyCeiling/,
      ) as string,
    });
    expect(bounds()).toEqual([]);
  });

  it.each<[string, StubAnswer, object]>([
    ['a throttle, which this service sends with 400', failed(400, 'ThrottlingException'), { kind: 'throttled' }],
    ['a bad request', failed(400, 'ValidationException'), { kind: 'refused', message: 'words' }],
    ['a missing permission', failed(400, 'AccessDeniedException'), { kind: 'refused', message: 'words' }],
    ['somebody else at it', failed(500, 'ConcurrentUpdateException'), { kind: 'unavailable' }],
    ['an outage', failed(500, 'InternalServiceException'), { kind: 'unavailable' }],
  ])('says what %s means for the effect', async (_, answer, outcome) => {
    const { targets, settle } = await setUp();
    scaling.answer(described([orders]), answer);
    expect(await settle(targets.apply(raise, neverAborted))).toMatchObject(outcome);
  });

  it('does not know what stands when the maximum was lowered and did not come back', async () => {
    const { targets, settle } = await setUp();
    scaling.answer(described([orders]), registered, failed(400, 'ThrottlingException'));
    const end = { ...raise, concurrency: 0, steered: { ...raise.steered, isLowered: true } };
    expect(await settle(targets.apply(end, neverAborted))).toMatchObject({
      kind: 'unknown',
      code: 'ThrottlingException',
      message: expect.stringMatching(/lowered to 2 and is not known to be back at 100: words/) as string,
    });
  });

  it.each([
    ['never sends a raise whose turn comes after its deadline', false, { code: 'DeadlinePassed' }, 0],
    ['lowers however late its turn comes', true, { kind: 'accepted' }, 2],
  ])('%s', async (_, isLowered, outcome, callCount) => {
    const { targets, settle, doors } = await setUp();
    scaling.answer(described([orders]), registered, registered);
    await settle(targets.describe([key], neverAborted));
    doors.scaling.queue.pauseFor(10 * msPerMinute + 1);
    const action = { ...raise, steered: { ...raise.steered, isLowered } };
    expect(await settle(targets.apply(action, neverAborted))).toMatchObject(outcome);
    expect(bounds()).toHaveLength(callCount);
  });

  it('is refused where Application Auto Scaling is not at the same end as Lambda', async () => {
    const { targets, settle } = await setUp();
    scaling.becomeStranger();
    scaling.answer(described([orders]));
    expect(await settle(targets.apply(raise, neverAborted))).toMatchObject({ kind: 'refused', code: 'AnotherEnd' });
    expect(bounds()).toEqual([]);
  });
});

describe('looking at scalable targets', () => {
  it('finds those that have one, over all pages', async () => {
    const { targets, settle } = await setUp();
    scaling.answer(described([orders], 'more'), described([{ ...orders, ResourceId: 'function:stray:live' }]));
    const found = await settle(targets.describe([key, quotes], neverAborted));
    expect([...found]).toEqual([[key, { min: 2, max: 100 }]]);
    expect(JSON.parse(scaling.calls[1]!.body)).toMatchObject({
      ServiceNamespace: 'lambda',
      ScalableDimension: 'lambda:function:ProvisionedConcurrency',
      ResourceIds: ['function:orders:live', 'function:quotes:live'],
      NextToken: 'more',
    });
  });

  it.each([
    { count: 0, callCount: 0 },
    { count: 50, callCount: 1 },
    { count: 51, callCount: 2 },
  ])('asks for $count in $callCount calls', async ({ count, callCount }) => {
    const { targets, settle } = await setUp();
    const keys = Array.from({ length: count }, (_, index) => `123456789012/us-east-1/f${index}:live` as FunctionKey);
    scaling.answer(described([]), described([]));
    await settle(targets.describe(keys, neverAborted));
    expect(scaling.calls).toHaveLength(callCount);
  });

  it.each<[string, readonly StubAnswer[], object]>([
    ['an outage', [failed(500, 'InternalServiceException')], { code: 'InternalServiceException', retryable: true }],
    ['a missing permission', [errorAnswer(400, 'AccessDeniedException')], { retryable: false }],
    ['a bound that is missing', [described([{ ...orders, MaxCapacity: undefined }])], { code: 'UnreadableAnswer' }],
    ['a bound below zero', [described([{ ...orders, MinCapacity: -1 }])], { code: 'UnreadableAnswer' }],
    [
      'pages without end',
      [described([], 'more'), described([], 'more'), described([], 'more')],
      { code: 'UnreadableAnswer' },
    ],
  ])('throws at %s', async (_, answers, thrown) => {
    const { targets, settle } = await setUp();
    scaling.answer(...answers);
    const looking = settle(targets.describe([key], neverAborted));
    await expect(looking).rejects.toMatchObject({ name: 'WorldError', ...thrown });
  });
});
