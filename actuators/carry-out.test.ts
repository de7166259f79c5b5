import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Action } from '../core/action.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerMinute } from '../core/time.ts';
import { createBookedCalls } from './booked-calls.ts';
import { createActuator } from './carry-out.ts';
import { recordedAnswer, startLambdaStub, type LambdaStub, type StubAnswer } from './lambda-stub.ts';
import { createScalableTargets } from './scalable-target.ts';
import { openStubDoors, stubStartMs } from './stub-doors.ts';

const owned = '123456789012/us-east-1/orders:live' as FunctionKey;
const steered = '123456789012/us-east-1/quotes:live' as FunctionKey;
const neverAborted = new AbortController().signal;
const booking = { key: owned, purpose: 'end', atMs: stubStartMs + 30 * msPerMinute, concurrency: 0 } as const;
const hold = {
  kind: 'hold-provisioned-concurrency',
  key: owned,
  concurrency: 5,
  untilMs: stubStartMs + 60 * msPerMinute,
  deadlineMs: stubStartMs + 10 * msPerMinute,
  because: 'payrolls',
} as const;
const steeredHold = { ...hold, key: steered, steered: { min: 1, max: 100, isLowered: false } } as const;

const fine: StubAnswer = { status: 200, body: '{}' };
const looks = [
  recordedAnswer('test_alias_lifecycle/get_alias_1_3'),
  recordedAnswer('test_provisioned_concurrency_on_alias/get_provisioned_postwait'),
];

let lambda: LambdaStub;
let others: LambdaStub;
beforeEach(async () => {
  lambda = await startLambdaStub();
  others = await startLambdaStub();
});
afterEach(async () => {
  await lambda.close();
  await others.close();
});

async function setUp() {
  const { doors, clock, settle } = await openStubDoors({ lambda, others });
  const ports = { doorsOf: () => doors, clock };
  const actuator = createActuator({
    ...ports,
    bookedCalls: createBookedCalls(ports),
    scalableTargets: createScalableTargets(ports),
    isSteered: (key) => key === steered,
  });
  return { actuator, settle };
}

const nameOfCall = ({ method, url, target }: LambdaStub['calls'][number]): string =>
  target?.split('.')[1] ?? `${method} ${url.split(/[/?]/)[1]!}`;

describe('an action goes to whom it is for', () => {
  it.each<[Action, readonly string[]]>([
    [hold, []],
    [steeredHold, ['DescribeScalableTargets', 'RegisterScalableTarget']],
    [{ kind: 'book-call', key: owned, booking, because: 'payrolls' }, ['GET schedules', 'POST schedules']],
    [{ kind: 'cancel-booking', key: owned, booking, because: 'payrolls' }, ['GET schedules', 'DELETE schedules']],
  ])('%o', async (action, calls) => {
    const { actuator, settle } = await setUp();
    lambda.answer(recordedAnswer('test_provisioned_concurrency_on_alias/put_provisioned_5'));
    others.answer(fine, fine);
    expect(await settle(actuator.apply(action, neverAborted))).toMatchObject({ kind: 'accepted' });
    expect(others.calls.map(nameOfCall)).toEqual(calls);
    expect(lambda.calls.slice(1).map(({ method }) => method)).toEqual(action === hold ? ['PUT'] : []);
  });
});

describe('looking', () => {
  const target = { ResourceId: 'function:quotes:live', MinCapacity: 1, MaxCapacity: 100 };

  it.each<[string, FunctionKey, readonly StubAnswer[], object | undefined]>([
    ['what is owned is not asked for its target', owned, [], undefined],
    [
      'what is steered shows its bounds',
      steered,
      [{ status: 200, body: JSON.stringify({ ScalableTargets: [target] }) }],
      { min: 1, max: 100 },
    ],
    ['what is steered and has no target shows none', steered, [fine], undefined],
  ])('%s', async (_, key, answers, scalable) => {
    const { actuator, settle } = await setUp();
    lambda.answer(...looks);
    others.answer(...answers);
    const observed = await settle(actuator.observe(key, neverAborted, 'urgent'));
    expect(observed.provisioned).toMatchObject({ requested: 5, status: 'READY' });
    expect(observed.scalable).toEqual(scalable);
    expect(others.calls).toHaveLength(answers.length);
  });

  it('fails as a whole: half a look would show a target that is gone', async () => {
    const { actuator, settle } = await setUp();
    lambda.answer(...looks);
    others.answer({ status: 500, body: '{"__type":"InternalServiceException","message":"words"}' });
    await expect(settle(actuator.observe(steered, neverAborted, 'routine'))).rejects.toMatchObject({
      name: 'WorldError',
      code: 'InternalServiceException',
    });
  });
});
