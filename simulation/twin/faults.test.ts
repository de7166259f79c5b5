import { beforeEach, describe, expect, it } from 'vitest';
import type { FunctionKey } from '../../core/series-key.ts';
import { createVirtualClock, type VirtualClock } from '../../core/virtual-clock.ts';
import { listenTwin } from './control-plane-http.ts';
import { createTwin, type Twin } from './twin.ts';

let clock: VirtualClock;
let twin: Twin;
beforeEach(() => {
  clock = createVirtualClock(0);
  const functions = ['a', 'b'].map((name) => ({
    key: `123456789012/us-east-1/${name}:live` as FunctionKey,
    version: '1',
    memoryMb: 1_024,
    architecture: 'arm64' as const,
    initDurationMs: 800,
    runDurationMs: { p50: 100, p99: 400 },
  }));
  twin = createTwin({ functions, seed: 3, clock });
});

const target = (name: string): string => `/2019-09-30/functions/${name}/provisioned-concurrency?Qualifier=live`;
const put = (name = 'a') =>
  twin.handle({ method: 'PUT', target: target(name), body: '{"ProvisionedConcurrentExecutions":10}' });
const look = (name = 'a') => twin.handle({ method: 'GET', target: target(name), body: '' });
const statusOf = (name = 'a'): unknown => (JSON.parse(look(name).body) as { Status?: string }).Status;
const wait = (ms = 200_000): void => clock.advanceTo(clock.nowMs() + ms);
const control = (method: string, body: unknown = '', path = '/_twin/faults') =>
  twin.handle({ method, target: path, body: typeof body === 'string' ? body : JSON.stringify(body) });

describe('a fault of calls', () => {
  it.each([
    ['throttle', {}, 429, 'TooManyRequestsException'],
    ['error', {}, 500, 'ServiceException'],
    ['error', { status: 503 }, 503, 'ServiceException'],
  ] as const)('%s %j answers in the place of Lambda, and nothing is carried out', (kind, more, status, code) => {
    twin.addFault({ kind, count: 1, ...more });
    expect(put()).toMatchObject({ status, headers: { 'x-amzn-errortype': code } });
    expect(look().status).toBe(404);
  });

  it('strikes the calls and the function that it names, as often as it says, for as long as it says', () => {
    twin.addFault({ kind: 'throttle', operations: ['PutProvisionedConcurrencyConfig'], functionName: 'a', count: 2 });
    expect([look().status, put('b').status, put().status, put().status, put().status]).toEqual([
      404, 202, 429, 429, 202,
    ]);
    twin.addFault({ kind: 'error', forMs: 5_000 });
    wait(4_999);
    expect(look().status).toBe(500);
    wait(1);
    expect(look().status).toBe(200);
  });

  it('strikes a share of the calls, the same ones by the same seed', () => {
    twin.addFault({ kind: 'error', ratio: 0.3 });
    let failures = 0;
    for (let index = 0; index < 1_000; index++) {
      wait(100);
      if (look().status === 500) failures++;
    }
    // 300 give or take three standard deviations of 14.5.
    expect(Math.abs(failures - 300)).toBeLessThan(44);
  });
});

describe('a fault of allocation', () => {
  it('holds IN_PROGRESS for as long as it says, and not in the past', () => {
    put();
    twin.addFault({ kind: 'stuck', functionName: 'a', forMs: 600_000 });
    put('b');
    wait(599_999);
    expect([statusOf('a'), statusOf('b')]).toEqual(['IN_PROGRESS', 'READY']);
    wait(1);
    expect(statusOf()).toBe('READY');
  });

  it('lets go when it is taken away', () => {
    put();
    const { id } = twin.addFault({ kind: 'stuck' });
    wait(3_600_000);
    expect(statusOf()).toBe('IN_PROGRESS');
    twin.clearFaults(id);
    twin.addFault({ kind: 'slow', times: 2 });
    expect(statusOf()).toBe('READY');
  });

  it('makes what begins meanwhile slower, or quicker', () => {
    twin.addFault({ kind: 'slow', functionName: 'a', times: 10 });
    twin.addFault({ kind: 'slow', functionName: 'b', times: 0.01 });
    put('a');
    put('b');
    wait(1_300);
    expect(statusOf('b')).toBe('READY');
    wait(600_000);
    expect(statusOf('a')).toBe('IN_PROGRESS');
    wait(700_000);
    expect(statusOf('a')).toBe('READY');
  });

  it('makes it FAILED', () => {
    twin.addFault({ kind: 'initFails', functionName: 'a' });
    put('a');
    put('b');
    wait();
    expect([statusOf('a'), statusOf('b')]).toEqual(['FAILED', 'READY']);
  });
});

describe('the switch on the port', () => {
  it('adds, shows and takes away', () => {
    const fault = { kind: 'throttle', operations: ['GetAlias'], functionName: 'a', ratio: 0.5, count: 3, forMs: 1_000 };
    const added = { id: 1, fault, untilMs: 1_000, struckCount: 0 };
    const said = control('POST', fault);
    expect([said.status, JSON.parse(said.body)]).toEqual([201, added]);
    control('POST', { kind: 'stuck' });
    expect(JSON.parse(control('GET').body)).toEqual({
      faults: [added, { id: 2, fault: { kind: 'stuck' }, untilMs: null, struckCount: 0 }],
    });
    expect(control('DELETE', '', '/_twin/faults/1').status).toBe(204);
    expect(JSON.parse(control('GET').body)).toMatchObject({ faults: [{ id: 2 }] });
    control('DELETE');
    expect(JSON.parse(control('GET').body)).toEqual({ faults: [] });
  });

  it.each<[body: unknown, says: RegExp]>([
    ['{', /parse request body/],
    [{}, /^kind: expected one of throttle, error, hang, lose, stuck, initFails, slow$/],
    [{ kind: 'stuck', operations: ['GetAlias'] }, /^operations: not known here/],
    [{ kind: 'throttle', status: 500 }, /^status: not known here/],
    [{ kind: 'error', status: 404 }, /^status: expected a whole number from 500 to 599$/],
    [{ kind: 'error', operations: [] }, /^operations: expected a list out of PutProv/],
    [{ kind: 'error', operations: ['GetAlias', 'Nothing'] }, /^operations: expected/],
    [{ kind: 'error', functionName: 'a:live' }, /^functionName: expected/],
    [{ kind: 'error', ratio: 0 }, /^ratio: expected a number/],
    [{ kind: 'error', count: 1.5 }, /^count: expected a whole number/],
    [{ kind: 'error', forMs: -1 }, /^forMs: expected a number/],
    [{ kind: 'slow' }, /^times: expected a number/],
  ])('refuses %j in one line', (body, says) => {
    const said = control('POST', body);
    expect(said.status).toBe(400);
    expect((JSON.parse(said.body) as { message: string }).message).toMatch(says);
    expect(JSON.parse(control('GET').body)).toEqual({ faults: [] });
  });

  it('is bounded', () => {
    for (let index = 0; index < 100; index++) expect(control('POST', { kind: 'stuck' }).status).toBe(201);
    expect(control('POST', { kind: 'stuck' }).status).toBe(400);
    expect(control('GET', '', '/_twin/other').status).toBe(404);
  });
});

it('loses answers of calls that were carried out, and holds back others for good', async () => {
  const { promise: arrived, resolve } = Promise.withResolvers<undefined>();
  const server = await listenTwin({
    host: '127.0.0.1',
    port: 0,
    handle: (request) => {
      const response = twin.handle(request);
      if (response.fate === 'hang') resolve(undefined);
      return response;
    },
  });
  twin.addFault({ kind: 'lose', count: 1 });
  const body = '{"ProvisionedConcurrentExecutions":10}';
  await expect(fetch(`${server.url}${target('a')}`, { method: 'PUT', body })).rejects.toThrow();
  expect(statusOf()).toBe('IN_PROGRESS');
  twin.addFault({ kind: 'hang', count: 1 });
  const hanging = expect(fetch(`${server.url}${target('b')}`, { method: 'PUT', body })).rejects.toThrow();
  await arrived;
  expect(look('b').status).toBe(404);
  await server.close();
  await hanging;
});
