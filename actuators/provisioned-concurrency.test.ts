import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HoldProvisionedConcurrency } from '../core/action.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { createVirtualClock } from '../core/virtual-clock.ts';
import { createControlPlane, readAccountLimits } from './control-plane.ts';
import {
  errorAnswer,
  isEndless,
  recordedAnswer,
  settleOn,
  startLambdaStub,
  until,
  type LambdaStub,
  type RecordedName,
  type StubAnswer,
} from './lambda-stub.ts';
import { createProvisionedConcurrencyActuator } from './provisioned-concurrency.ts';

const key = '123456789012/us-east-1/orders:live' as FunctionKey;
const functionPath = 'functions/arn:aws:lambda:us-east-1:123456789012:function:orders';
const startMs = Date.UTC(2026, 10, 6, 13, 20);
const neverAborted = new AbortController().signal;
const hold: HoldProvisionedConcurrency = {
  kind: 'hold-provisioned-concurrency',
  key,
  concurrency: 5,
  untilMs: startMs + 3_600_000,
  deadlineMs: startMs + 600_000,
  because: 'non-farm payrolls',
};

let stub: LambdaStub;
beforeEach(async () => {
  stub = await startLambdaStub();
});
afterEach(() => stub.close());

function setUp(options: { readonly requestTimeoutMs?: number; readonly endpointUrl?: string } = {}) {
  const clock = createVirtualClock(startMs);
  const controlPlane = createControlPlane({
    accountId: '123456789012',
    region: 'us-east-1',
    endpointUrl: stub.url,
    clock,
    timers: clock,
    ...options,
  });
  const actuator = createProvisionedConcurrencyActuator({ controlPlaneOf: () => controlPlane, clock });
  const settle = <T>(promise: Promise<T>): Promise<T> => settleOn(clock, promise);
  return { clock, controlPlane, actuator, settle };
}

describe('asking for a level', () => {
  it('puts it on the alias by its whole ARN, and takes 202 for accepted', async () => {
    const { actuator, settle, clock } = setUp();
    stub.answer(recordedAnswer('test_provisioned_concurrency_on_alias/put_provisioned_5'));
    expect(await settle(actuator.apply(hold, neverAborted))).toEqual({ kind: 'accepted', atMs: clock.nowMs() });
    const url = `/2019-09-30/${functionPath}/provisioned-concurrency?Qualifier=live`;
    expect(stub.calls).toEqual([{ method: 'PUT', url, body: '{"ProvisionedConcurrentExecutions":5}' }]);
  });

  it.each<RecordedName>([
    'test_lambda_provisioned_lifecycle/delete_provisioned_version',
    'test_provisioned_concurrency_exceptions/delete_provisioned_config_doesnotexist',
  ])('sends 0 as a delete (%s)', async (name) => {
    const { actuator, settle } = setUp();
    stub.answer(recordedAnswer(name));
    expect(await settle(actuator.apply({ ...hold, concurrency: 0 }, neverAborted))).toMatchObject({ kind: 'accepted' });
    expect(stub.calls).toMatchObject([{ method: 'DELETE', body: '' }]);
  });

  it.each<[RecordedName, string, RegExp]>([
    [
      'test_lambda_provisioned_lifecycle/put_provisioned_on_alias_versionconflict',
      'ResourceConflictException',
      /^Alias can't/,
    ],
    [
      'test_lambda_provisioned_lifecycle/put_provisioned_on_version_conflict',
      'ResourceConflictException',
      /^Version is/,
    ],
    ['test_provisioned_concurrency_exceptions/put_provisioned_invalid_param_0', 'ValidationException', /'0'/],
    ['test_provisioned_concurrency_exceptions/put_provisioned_latest', 'InvalidParameterValueException', /unpublished/],
    [
      'test_provisioned_concurrency_exceptions/put_provisioned_qualifier_doesnotexist',
      'ResourceNotFoundException',
      /^Cannot find alias/,
    ],
    [
      'test_provisioned_concurrency_exceptions/put_provisioned_functionname_doesnotexist_alias',
      'ResourceNotFoundException',
      /doesnotexist/,
    ],
    [
      'test_provisioned_concurrency_limits/put_provisioned_concurrency_account_limit_exceeded',
      'InvalidParameterValueException',
      /greater than account's unreserved/,
    ],
    [
      'test_provisioned_concurrency_limits/put_provisioned_concurrency_below_unreserved_min_value',
      'InvalidParameterValueException',
      /below its minimum/,
    ],
  ])('answers the recorded refusal %s with code and words, after one attempt', async (name, code, message) => {
    const { actuator, settle } = setUp();
    stub.answer(recordedAnswer(name));
    const outcome = await settle(actuator.apply(hold, neverAborted));
    expect(outcome).toMatchObject({ kind: 'refused', code, message: expect.stringMatching(message) as string });
    expect(stub.calls).toHaveLength(1);
  });

  it.each<[string, StubAnswer, object]>([
    ['403', errorAnswer(403, 'AccessDeniedException'), { kind: 'refused', code: 'AccessDeniedException' }],
    [
      '429, recorded',
      recordedAnswer('test_reserved_concurrency_async_queue/too_many_requests_exc'),
      { kind: 'throttled' },
    ],
    ['500', errorAnswer(500, 'ServiceException'), { kind: 'unavailable', code: 'ServiceException' }],
    ['503', errorAnswer(503, 'ServiceUnavailable'), { kind: 'unavailable', code: 'ServiceUnavailable' }],
    ['a redirect', { status: 302, headers: { location: 'http://example.com' } }, { kind: 'unavailable' }],
    ['a web page', { status: 503, body: '<html>' }, { kind: 'unknown', code: 'UnreadableAnswer' }],
    ['half an answer', { status: 202, body: '{"Status"' }, { kind: 'unknown', code: 'UnreadableAnswer' }],
    ['a broken connection', 'reset', { kind: 'unknown' }],
    ['no answer', 'silence', { kind: 'unknown', code: 'Timeout' }],
    ['a body without end', 'endless-body', { kind: 'unknown' }],
  ])('says what %s means for the effect, after one attempt', async (_name, answer, outcome) => {
    const { actuator, settle } = setUp(isEndless(answer) ? { requestTimeoutMs: 100 } : {});
    stub.answer(answer);
    expect(await settle(actuator.apply(hold, neverAborted))).toMatchObject(outcome);
    expect(stub.calls).toHaveLength(1);
  });

  it('knows that a call which found nobody cannot have taken effect', async () => {
    const { actuator, settle } = setUp();
    await stub.close();
    const outcome = await settle(actuator.apply(hold, neverAborted));
    expect(outcome).toMatchObject({ kind: 'unavailable', code: 'ECONNREFUSED' });
  });

  it('does not know what became of a call given up under way', async () => {
    const { actuator, settle } = setUp();
    const giveUp = new AbortController();
    stub.answer('silence');
    const asked = actuator.apply(hold, giveUp.signal);
    await until(() => stub.calls.length === 1);
    giveUp.abort();
    expect(await settle(asked)).toMatchObject({ kind: 'unknown', code: 'Aborted' });
  });

  it('keeps a refused signature to its first line: the rest repeats the session token', async () => {
    const { actuator, settle } = setUp();
    const message = 'The signature does not match.\n\nx-amz-security-token:SECRET';
    stub.answer(errorAnswer(403, 'InvalidSignatureException', { message }));
    expect(await settle(actuator.apply(hold, neverAborted))).toMatchObject({
      message: 'The signature does not match.',
    });
  });
});

describe('the call budget', () => {
  it.each([
    { retryAfter: '2', retryAfterMs: 2_000, pauseMs: 2_000 },
    { retryAfter: '0.5', retryAfterMs: 500, pauseMs: 500 },
    { retryAfter: '86400', retryAfterMs: 60_000, pauseMs: 60_000 },
    { retryAfter: 'Fri, 06 Nov 2026 13:30:00 GMT', retryAfterMs: undefined, pauseMs: 1_000 },
    { retryAfter: undefined, retryAfterMs: undefined, pauseMs: 1_000 },
  ])('reads "$retryAfter" from a throttle and pauses all calls', async ({ retryAfter, retryAfterMs, pauseMs }) => {
    const { actuator, settle, controlPlane } = setUp();
    stub.answer({
      status: 429,
      body: JSON.stringify({ message: 'Rate exceeded', Reason: 'CallerRateLimitExceeded' }),
      headers: { 'x-amzn-errortype': 'TooManyRequestsException', ...(retryAfter && { 'retry-after': retryAfter }) },
    });
    const outcome = await settle(actuator.apply(hold, neverAborted));
    expect(outcome).toMatchObject({ kind: 'throttled', code: 'TooManyRequestsException' });
    expect('retryAfterMs' in outcome ? outcome.retryAfterMs : undefined).toBe(retryAfterMs);
    expect(controlPlane.queue.expectedWaitMs('urgent')).toBe(pauseMs);
  });

  it('never sends a raise whose turn comes after its deadline, though it was in time when asked', async () => {
    const { actuator, settle, controlPlane } = setUp();
    controlPlane.queue.pauseFor(1_000);
    const outcome = await settle(actuator.apply({ ...hold, deadlineMs: startMs + 999 }, neverAborted));
    expect(outcome).toMatchObject({ kind: 'unavailable', code: 'DeadlinePassed' });
    expect(stub.calls).toEqual([]);
  });

  // The gate lets a level through after its deadline only where that lowers.
  it('sends a level whose deadline had passed before it was asked', async () => {
    const { actuator, settle } = setUp();
    stub.answer(recordedAnswer('test_provisioned_concurrency_on_alias/put_provisioned_5'));
    const lower = { ...hold, deadlineMs: startMs - 1 };
    expect(await settle(actuator.apply(lower, neverAborted))).toMatchObject({ kind: 'accepted' });
  });

  it('sends a release however late its turn comes', async () => {
    const { actuator, settle, controlPlane } = setUp();
    controlPlane.queue.pauseFor(1_000);
    stub.answer({ status: 204 });
    const release = { ...hold, concurrency: 0, deadlineMs: startMs + 999 };
    expect(await settle(actuator.apply(release, neverAborted))).toMatchObject({ kind: 'accepted' });
  });
});

describe('looking', () => {
  const alias = recordedAnswer('test_alias_lifecycle/get_alias_1_3');
  const weightedAlias = recordedAnswer('test_alias_lifecycle/get_alias_1_1');
  const ready = recordedAnswer('test_provisioned_concurrency_on_alias/get_provisioned_postwait');

  it.each<[string, readonly StubAnswer[], object]>([
    ['READY', [alias, ready], { provisioned: { requested: 5, allocated: 5, available: 5, status: 'READY' } }],
    [
      'IN_PROGRESS',
      [alias, recordedAnswer('test_provisioned_concurrency_on_alias/get_provisioned_prewait')],
      { provisioned: { requested: 5, allocated: 0, available: 0, status: 'IN_PROGRESS' } },
    ],
    [
      'FAILED',
      [alias, recordedAnswer('test_provisioned_concurrency_init_failure/get_provisioned_postwait')],
      {
        provisioned: {
          requested: 1,
          allocated: 0,
          available: 0,
          status: 'FAILED',
          statusReason: 'FUNCTION_ERROR_INIT_FAILURE',
        },
      },
    ],
    ['a deployment', [weightedAlias, ready], { hasRoutingWeights: true }],
  ])('sees %s as recorded', async (_name, answers, seen) => {
    const { actuator, settle } = setUp();
    stub.answer(...answers);
    const observed = await settle(actuator.observe(key, neverAborted));
    expect(observed).toMatchObject({ key, version: '1', hasRoutingWeights: false, ...seen });
  });

  it('sees nothing configured as absent, not as zero, and stamps the instant of the second call', async () => {
    const { actuator, settle } = setUp();
    stub.answer(alias, recordedAnswer('test_provisioned_concurrency_exceptions/get_provisioned_config_doesnotexist'));
    const observed = await settle(actuator.observe(key, neverAborted));
    expect(observed).toEqual({ key, atMs: startMs + 200, version: '1', hasRoutingWeights: false });
    expect(stub.calls.map(({ method, url }) => `${method} ${url}`)).toEqual([
      `GET /2015-03-31/${functionPath}/aliases/live`,
      `GET /2019-09-30/${functionPath}/provisioned-concurrency?Qualifier=live`,
    ]);
  });

  it.each<[string, readonly StubAnswer[], object]>([
    [
      'no such alias',
      [recordedAnswer('test_provisioned_concurrency_exceptions/get_provisioned_qualifier_doesnotexist')],
      { code: 'ResourceNotFoundException', retryable: false },
    ],
    [
      'a throttle',
      [alias, errorAnswer(429, 'TooManyRequestsException')],
      { code: 'TooManyRequestsException', retryable: true },
    ],
    ['an outage', [errorAnswer(500, 'ServiceException')], { code: 'ServiceException', retryable: true }],
    ['a broken connection', [alias, 'reset'], { retryable: true }],
    ['no answer', ['silence'], { code: 'Timeout', retryable: true }],
    ['an answer without a version', [{ status: 200, body: '{}' }], { code: 'UnreadableAnswer', retryable: true }],
    ['an answer without counts', [alias, { status: 200, body: '{"Status":"READY"}' }], { code: 'UnreadableAnswer' }],
    [
      'a count below zero',
      [alias, provisionedAnswer({ AvailableProvisionedConcurrentExecutions: -1 })],
      { code: 'UnreadableAnswer' },
    ],
    ['a status nobody knows', [alias, provisionedAnswer({ Status: 'STALLED' })], { code: 'UnreadableAnswer' }],
  ])('throws at %s', async (_name, answers, thrown) => {
    const { actuator, settle } = setUp(answers.some(isEndless) ? { requestTimeoutMs: 100 } : {});
    stub.answer(...answers);
    await expect(settle(actuator.observe(key, neverAborted))).rejects.toMatchObject({ name: 'WorldError', ...thrown });
  });
});

function provisionedAnswer(odd: object): StubAnswer {
  const body = {
    RequestedProvisionedConcurrentExecutions: 5,
    AllocatedProvisionedConcurrentExecutions: 5,
    AvailableProvisionedConcurrentExecutions: 5,
    Status: 'READY',
    ...odd,
  };
  return { status: 200, body: JSON.stringify(body) };
}

describe('the account and who answers for it', () => {
  const settings = {
    status: 200,
    body: '{"AccountLimit":{"ConcurrentExecutions":1000,"UnreservedConcurrentExecutions":900}}',
  };

  it('reads the limits, and knows the twin from its answer only', async () => {
    const { controlPlane, settle } = setUp();
    expect(controlPlane.endpointKind()).toBe('unknown');
    stub.answer(settings);
    expect(await settle(readAccountLimits(controlPlane, neverAborted))).toEqual({
      concurrencyLimit: 1_000,
      unreservedConcurrency: 900,
    });
    expect(controlPlane.endpointKind()).toBe('twin');
  });

  // Goal: whatever takes the twin's place on its port is not taken for it. Method: errors carry the judgement too.
  it('takes anything else on this machine for unknown, from its first answer on, an error included', async () => {
    const { controlPlane, settle } = setUp();
    stub.answer(settings);
    await settle(readAccountLimits(controlPlane, neverAborted));
    stub.becomeStranger();
    stub.answer(errorAnswer(403, 'AccessDeniedException'));
    await expect(settle(readAccountLimits(controlPlane, neverAborted))).rejects.toMatchObject({ retryable: false });
    expect(controlPlane.endpointKind()).toBe('unknown');
  });

  it('goes where it was told, whatever the environment says, and needs no credentials there', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:9');
    vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', 'http://127.0.0.1:9');
    vi.stubEnv('AWS_MAX_ATTEMPTS', '5');
    try {
      const { controlPlane, settle } = setUp();
      stub.answer(errorAnswer(500, 'ServiceException'));
      await expect(settle(readAccountLimits(controlPlane, neverAborted))).rejects.toMatchObject({ retryable: true });
      expect(stub.calls).toHaveLength(1);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it.each(['{}', '{"AccountLimit":{"ConcurrentExecutions":1000}}', '{"AccountLimit":{"ConcurrentExecutions":"many"}}'])(
    'does not take %s for limits',
    async (body) => {
      const { controlPlane, settle } = setUp();
      stub.answer({ status: 200, body });
      const reading = settle(readAccountLimits(controlPlane, neverAborted));
      await expect(reading).rejects.toMatchObject({ code: 'UnreadableAnswer' });
    },
  );
});
