/**
 * What a deployment does to provisioned concurrency: aliases that move, weights, reservations, and what each refusal says.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import type { FunctionKey } from '../../core/series-key.ts';
import { createVirtualClock, type VirtualClock } from '../../core/virtual-clock.ts';
import type { TwinParams } from './limits.ts';
import { createTwin, type Twin } from './twin.ts';
import type { TwinFunction } from './twin-function.ts';

const spec = (alias: string, more: Partial<TwinFunction> = {}): TwinFunction => ({
  key: `123456789012/us-east-1/a:${alias}` as FunctionKey,
  version: '1',
  memoryMb: 1_024,
  architecture: 'arm64',
  initDurationMs: 800,
  runDurationMs: { p50: 100, p99: 400 },
  ...more,
});
const live = spec('live').key;

let clock: VirtualClock;
let twin: Twin;
beforeEach(() => open());

function open(
  functions: readonly TwinFunction[] = [spec('live', { version: '2' })],
  params: Partial<TwinParams> = {},
): void {
  clock = createVirtualClock(0);
  twin = createTwin({ functions, seed: 3, clock, params });
}

interface Said {
  readonly status: number;
  readonly code: string | undefined;
  readonly body: Record<string, unknown>;
}

/** One call, a second after the one before; `PUT aliases/live` is one to function `a`. */
function ask(line: string, body: object = {}): Said {
  clock.advanceTo(clock.nowMs() + 1_000);
  const [method = '', path = ''] = line.split(' ');
  const target = path.startsWith('/') ? path : `/2015-03-31/functions/a/${path}`;
  const { status, headers, body: text } = twin.handle({ method, target, body: JSON.stringify(body) });
  const parsed = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
  return { status, code: headers['x-amzn-errortype'], body: parsed };
}

const provisioned = (qualifier: string): string =>
  `/2019-09-30/functions/a/provisioned-concurrency?Qualifier=${qualifier}`;
const put = (count: number, qualifier = 'live'): Said =>
  ask(`PUT ${provisioned(qualifier)}`, { ProvisionedConcurrentExecutions: count });
const look = (qualifier = 'live'): Said => ask(`GET ${provisioned(qualifier)}`);
const move = (FunctionVersion: string): Said => ask('PUT aliases/live', { FunctionVersion });
const reserve = (ReservedConcurrentExecutions: number): Said =>
  ask('PUT /2017-10-31/functions/a/concurrency', { ReservedConcurrentExecutions });
const wait = (): void => clock.advanceTo(clock.nowMs() + 200_000);

function burst(count: number, key = live): void {
  const atMs = new Float64Array(count).fill(clock.nowMs() + 10);
  twin.feed(key, { atMs, runMs: new Float64Array(count).fill(100) });
  clock.advanceTo(clock.nowMs() + 500);
}

const oldHasTheWeight = { RoutingConfig: { AdditionalVersionWeights: { '2': 1 } } };

describe('an alias that moves', () => {
  it('takes its provisioned concurrency with it, which serves on and is IN_PROGRESS without a Put', () => {
    put(10);
    wait();
    twin.resetCounters();
    expect(move('1').body).toMatchObject({ FunctionVersion: '1', ...oldHasTheWeight });
    expect(look().body).toMatchObject({ Status: 'IN_PROGRESS', AvailableProvisionedConcurrentExecutions: 10 });
    expect(ask('GET aliases/live').body).toMatchObject(oldHasTheWeight);
    expect(put(20)).toMatchObject({
      status: 400,
      body: { message: 'Alias with weights can not be used with Provisioned Concurrency' },
    });
    burst(10);
    expect(twin.countersOf(live)).toMatchObject({ requests: 10, spillover: 0, coldStarts: 0 });
    wait();
    expect(look().body).toMatchObject({ Status: 'READY', AvailableProvisionedConcurrentExecutions: 10 });
    expect(ask('GET aliases/live').body).not.toHaveProperty('RoutingConfig');
    expect(put(20).status).toBe(202);
  });

  it('leaves it behind at once where the parameter says so', () => {
    open(undefined, { aliasMoveKeepsServing: false });
    put(10);
    wait();
    expect(move('1').body).not.toHaveProperty('RoutingConfig');
    expect(look().body).toMatchObject({ Status: 'IN_PROGRESS', AvailableProvisionedConcurrentExecutions: 0 });
    burst(10);
    expect(twin.countersOf(live).coldStarts).toBe(10);
  });

  it('starts cold on demand: what stands is of the old version', () => {
    burst(5);
    move('2');
    burst(5);
    expect(twin.countersOf(live)).toMatchObject({ requests: 10, coldStarts: 5 });
    move('1');
    burst(5);
    clock.advanceTo(clock.nowMs() + 1_000);
    burst(5);
    expect(twin.countersOf(live)).toMatchObject({ requests: 20, coldStarts: 10 });
  });

  describe('to a version that fails to start', () => {
    beforeEach(() => {
      put(10);
      wait();
      twin.setInitFails('a', true);
      move('1');
      wait();
    });

    it('is wedged: FAILED, weights, no Put, though the cause is gone', () => {
      twin.setInitFails('a', false);
      wait();
      expect(look().body).toMatchObject({ Status: 'FAILED', StatusReason: 'FUNCTION_ERROR_INIT_FAILURE' });
      expect(ask('GET aliases/live').body).toMatchObject(oldHasTheWeight);
      expect(put(10).status).toBe(400);
    });

    it.each<[way: string, act: () => Said]>([
      ['its configuration is deleted', () => ask(`DELETE ${provisioned('live')}`)],
      ['it moves back', () => move('2')],
    ])('is free again once %s', (_, act) => {
      expect(act().status).toBeLessThan(300);
      twin.setInitFails('a', false);
      wait();
      expect(ask('GET aliases/live').body).not.toHaveProperty('RoutingConfig');
      expect(put(10).status).toBe(202);
      wait();
      expect(look().body).toMatchObject({ Status: 'READY' });
    });
  });

  it.each([
    ['a version that has provisioned concurrency', '1', 409, /already Provisioned version/],
    ['$LATEST', '$LATEST', 400, /cannot be applied to unpublished function versions/],
    ['a version that is not there', '9', 404, /function:a:9$/],
  ])('does not move to %s', (_, version, status, message) => {
    put(10);
    put(5, '1');
    const said = move(version);
    expect(said.status).toBe(status);
    expect(said.body['message'] ?? said.body['Message']).toMatch(message);
  });

  it('ends with its provisioned concurrency when it is deleted', () => {
    put(10);
    wait();
    expect(ask('DELETE aliases/live').status).toBe(204);
    expect(ask('POST aliases', { Name: 'live', FunctionVersion: '2' }).status).toBe(201);
    expect(look().code).toBe('ProvisionedConcurrencyConfigNotFoundException');
  });
});

describe('weights', () => {
  const create = (FunctionVersion: string, AdditionalVersionWeights: object): Said =>
    ask('POST aliases', { Name: 'next', FunctionVersion, RoutingConfig: { AdditionalVersionWeights } });

  it.each<[what: string, version: string, weights: object, code: string, message: RegExp]>([
    ['two more versions', '1', { 2: 0.1, 3: 0.1 }, 'InvalidParameterValueException', /cannot be greater than 1$/],
    ['the same version', '1', { 1: 0.5 }, 'InvalidParameterValueException', /Function version 1 is already included/],
    [
      'from $LATEST',
      '$LATEST',
      { 1: 0.5 },
      'InvalidParameterValueException',
      /^\$LATEST is not supported for an alias/,
    ],
    ['to $LATEST', '1', { $LATEST: 0.5 }, 'ValidationException', /Map keys must satisfy .* pattern: \[0-9\]\+/],
    [
      'above one',
      '1',
      { 2: 2 },
      'ValidationException',
      /Value '\{2=2\.0\}' at 'routingConfig\.additionalVersionWeights'/,
    ],
    ['below nothing', '1', { 2: -0.1 }, 'ValidationException', /greater than or equal to 0\.0/],
    ['no number', '1', { 2: 'half' }, 'ValidationException', /Map value must satisfy/],
    ['a missing version', '1', { 9: 0.5 }, 'ResourceNotFoundException', /^Function not found: .*:a:9$/],
  ])('are refused: %s', (_, version, weights, code, message) => {
    const said = create(version, weights);
    expect(said.code).toBe(code);
    expect(said.body['message'] ?? said.body['Message']).toMatch(message);
    expect(ask('GET aliases/next').status).toBe(404);
  });

  it.each([0, 1])('may be %d', (weight) => {
    expect(create('1', { 2: weight }).status).toBe(201);
  });

  it('of an alias stay when they are not spoken of, and go with an empty map', () => {
    create('1', { 2: 0.5 });
    const weighted = { RoutingConfig: { AdditionalVersionWeights: { '2': 0.5 } } };
    expect(ask('PUT aliases/next', { Description: 'x' }).body).toMatchObject(weighted);
    expect(ask('PUT aliases/next', { FunctionVersion: '2' }).status).toBe(400);
    const none = { RoutingConfig: { AdditionalVersionWeights: {} } };
    expect(ask('PUT aliases/next', none).body).not.toHaveProperty('RoutingConfig');
  });
});

describe('a reservation', () => {
  it.each([
    ['leaves the account its hundred', 900, 200, ''],
    ['does not take one of them', 901, 400, /below its minimum value of \[100\]/],
    ['is not below nothing', -1, 400, /'reservedConcurrentExecutions' .* greater than or equal to 0$/],
  ])('%s: %d', (_, count, status, message) => {
    const said = reserve(count);
    expect(said.status).toBe(status);
    if (message !== '') expect(said.body['message']).toMatch(message);
  });

  it('holds what is provisioned, and bounds it', () => {
    put(2);
    const message =
      " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2].";
    expect(reserve(1)).toMatchObject({ status: 400, body: { message } });
    expect(reserve(2).status).toBe(200);
    expect(put(3).body['message']).toMatch(/should not be greater than the reservedConcurrentExecution/);
    expect(ask('DELETE /2017-10-31/functions/a/concurrency').status).toBe(204);
    expect(put(3).status).toBe(202);
  });

  it('that is all provisioned leaves nothing for any other version', () => {
    reserve(5);
    put(5, '1');
    const calls = (): readonly number[] =>
      ['', '?Qualifier=1', '?Qualifier=2'].map((of) => ask(`POST invocations${of}`).status);
    expect(calls()).toEqual([429, 429, 429]);
    wait();
    expect(calls()).toEqual([429, 200, 429]);
    expect(ask('POST invocations').body).toMatchObject({
      Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
      message: 'Rate Exceeded.',
    });
    reserve(6);
    expect(calls()).toEqual([200, 200, 200]);
  });

  it('bounds the traffic from that instant on', () => {
    burst(5);
    reserve(0);
    burst(5);
    expect(twin.countersOf(live)).toMatchObject({ requests: 5, throttles: 5 });
  });
});

describe('two aliases of one function', () => {
  const blue = spec('blue', { version: '2', reservedConcurrency: 10 });
  const green = spec('live', { version: '1', reservedConcurrency: 10 });

  it('get their own traffic and provisioned concurrency, and share the reservation', () => {
    open([green, blue]);
    put(4);
    wait();
    burst(5);
    expect(twin.countersOf(live)).toMatchObject({ requests: 5, spillover: 1 });
    clock.advanceTo(clock.nowMs() + 1_000);
    burst(7, blue.key);
    // Ten, less four that are provisioned for the other.
    expect(twin.countersOf(blue.key)).toMatchObject({ requests: 6, throttles: 1, spillover: 0, provisionedUsd: 0 });
  });

  it('say alike what belongs to the function', () => {
    expect(() => open([green, { ...blue, reservedConcurrency: 11 }])).toThrow(/reservedConcurrency is 11 .* 10 for/);
  });
});

it('publishes a version only of what has changed', () => {
  expect(ask('POST versions').body).toMatchObject({ Version: '2' });
  ask('PUT configuration', { MemorySize: 2_048 });
  expect(ask('POST versions').body).toMatchObject({ Version: '3', MemorySize: 2_048 });
  const listed = ask('GET versions').body['Versions'] as { Version: string }[];
  expect(listed.map(({ Version }) => Version)).toEqual(['$LATEST', '1', '2', '3']);
});

it('refuses changes while one is under way', () => {
  open(undefined, { functionUpdateMs: 1_500 });
  expect(ask('PUT configuration', { MemorySize: 512 }).body).toMatchObject({ LastUpdateStatus: 'InProgress' });
  expect(ask('POST versions')).toMatchObject({ status: 409, code: 'ResourceConflictException' });
  expect(ask('POST versions').status).toBe(201);
});

it('refuses the traffic of a function that is deleted, until it is there again', () => {
  put(5);
  wait();
  expect(ask('DELETE /2015-03-31/functions/a').status).toBe(204);
  burst(3);
  expect(twin.countersOf(live)).toMatchObject({ requests: 0, throttles: 3 });
  expect(ask('GET /2015-03-31/functions').body).toEqual({ Functions: [] });
  const code = { Runtime: 'nodejs24.x', Handler: 'index.handler', Role: 'any', Code: { ZipFile: '' }, Publish: true };
  ask('POST /2015-03-31/functions', { FunctionName: 'a', ...code });
  ask('POST aliases', { Name: 'live', FunctionVersion: '1' });
  put(3);
  wait();
  burst(3);
  expect(twin.countersOf(live)).toMatchObject({ requests: 3, spillover: 0, coldStarts: 0 });
});
