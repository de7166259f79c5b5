import { beforeEach, describe, expect, it } from 'vitest';
import { createRandom } from '../../core/random.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { createControlPlane, type CapacityChange, type ControlPlane } from './control-plane.ts';
import { defaultParams, type TwinParams } from './limits.ts';
import { createMetricBook } from './metric-book.ts';
import type { TwinFunction } from './twin-function.ts';

const named = (name: string, more: Partial<TwinFunction> = {}): TwinFunction => ({
  key: `123456789012/us-east-1/${name}:live` as FunctionKey,
  version: '3',
  memoryMb: 1_024,
  architecture: 'arm64',
  initDurationMs: 800,
  runDurationMs: { p50: 100, p99: 400 },
  ...more,
});

let nowMs = 0;
let changes: CapacityChange[] = [];
beforeEach(() => {
  nowMs = 1_000_000;
  changes = [];
});

function create(functions: readonly TwinFunction[], params: Partial<TwinParams> = {}): ControlPlane {
  return createControlPlane({
    functions,
    params: { ...defaultParams, ...params },
    random: createRandom(11),
    fromMs: 0,
    metrics: createMetricBook([]),
    onChange: (change) => changes.push(change),
  });
}

/** What a change says of the traffic to `live`, the only one here. */
const told = ({ atMs, functionName, claimed, aliases }: CapacityChange): object => ({
  atMs,
  functionName,
  allocated: aliases[0]?.allocated,
  claimed,
});

interface Said {
  readonly status: number;
  readonly code: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Record<string, unknown>;
}

/** One call, a second after the one before. */
function ask(plane: ControlPlane, line: string, body: unknown = '', afterMs = 1_000): Said {
  nowMs += afterMs;
  const [method = '', target = ''] = line.split(' ');
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = plane.handle({ method, target, body: text }, nowMs);
  return {
    status: response.status,
    code: response.headers['x-amzn-errortype'],
    headers: response.headers,
    body: response.body === '' ? {} : (JSON.parse(response.body) as Record<string, unknown>),
  };
}

const path = (name: string, qualifier = 'live'): string =>
  `/2019-09-30/functions/${name}/provisioned-concurrency?Qualifier=${qualifier}`;
const put = (plane: ControlPlane, name: string, count: number, qualifier?: string): Said =>
  ask(plane, `PUT ${path(name, qualifier)}`, { ProvisionedConcurrentExecutions: count });
const list = '/2019-09-30/functions/a/provisioned-concurrency?List=ALL';

describe('limits on a Put', () => {
  it.each<[what: string, reserved: number | undefined, others: number, count: number, expected: RegExp | 202]>([
    ['all but the 100 that stay free', undefined, 0, 900, 202],
    ['one into the 100', undefined, 0, 901, /below its minimum value of \[100\]/],
    ['more than there is', undefined, 0, 1_001, /greater than account's unreserved concurrency \[1000\]/],
    ['what another function left', undefined, 400, 500, 202],
    ['one more than another function left', undefined, 400, 501, /below its minimum/],
    ['the whole reservation', 50, 0, 50, 202],
    ['one more than the reservation', 50, 0, 51, /should not be greater than the reservedConcurrentExecution/],
    ['inside the reservation, whatever others hold', 50, 850, 50, 202],
  ])('%s', (_, reservedConcurrency, others, count, expected) => {
    const own = reservedConcurrency === undefined ? {} : { reservedConcurrency };
    const plane = create([named('a', own), named('b')]);
    if (others > 0) expect(put(plane, 'b', others).status).toBe(202);
    const said = put(plane, 'a', count);
    if (expected === 202) expect(said.status).toBe(202);
    else {
      expect(said).toMatchObject({ status: 400, code: 'InvalidParameterValueException' });
      expect(said.body['message']).toMatch(expected);
    }
  });

  it('count what the function itself holds once, not twice', () => {
    const plane = create([named('a')]);
    put(plane, 'a', 800);
    expect(put(plane, 'a', 900).status).toBe(202);
    expect(put(plane, 'a', 450).status).toBe(202);
    expect(put(plane, 'a', 451, '2').status).toBe(400);
    expect(put(plane, 'a', 450, '2').status).toBe(202);
  });

  it('take from the account what is still being allocated, and give it back on a delete', () => {
    const plane = create([named('a'), named('b')]);
    put(plane, 'a', 900);
    expect(put(plane, 'b', 1).status).toBe(400);
    ask(plane, `DELETE ${path('a')}`);
    expect(put(plane, 'b', 900).status).toBe(202);
  });
});

describe('capacity', () => {
  it('comes in one jump at READY, is claimed from the Put on, and goes with the delete', () => {
    const plane = create([named('a')]);
    put(plane, 'a', 300);
    const putAtMs = nowMs;
    const readyAtMs = plane.nextChangeMs()!;
    expect(readyAtMs).toBeGreaterThanOrEqual(putAtMs + 60_000 + 3_000 + 800);
    expect(readyAtMs).toBeLessThanOrEqual(putAtMs + 120_000 + 3_000 + 800);
    plane.advance(readyAtMs - 1);
    expect(changes.map(told)).toEqual([{ atMs: putAtMs, functionName: 'a', allocated: 0, claimed: 300 }]);
    plane.advance(readyAtMs + 10_000);
    expect(told(changes[1]!)).toEqual({ atMs: readyAtMs, functionName: 'a', allocated: 300, claimed: 300 });
    nowMs = readyAtMs + 20_000;
    ask(plane, `DELETE ${path('a')}`);
    expect(told(changes[2]!)).toEqual({ atMs: nowMs, functionName: 'a', allocated: 0, claimed: 0 });
    ask(plane, `DELETE ${path('a')}`);
    expect(changes).toHaveLength(3);
  });

  it('settles in the order of time over all functions, however far the clock goes at once', () => {
    const names = ['a', 'b', 'c', 'd'];
    const plane = create(names.map((name) => named(name)));
    for (const name of names) put(plane, name, 10);
    changes = [];
    plane.advance(nowMs + 500_000);
    const settled = changes.map(({ atMs }) => atMs);
    expect(settled).toHaveLength(4);
    expect(settled).toEqual(settled.toSorted((a, b) => a - b));
    expect(changes.map(({ functionName }) => functionName)).not.toEqual(names);
    expect(plane.nextChangeMs()).toBeUndefined();
  });

  it('of the version serves the alias that points at it', () => {
    const plane = create([named('a')]);
    put(plane, 'a', 10, '3');
    put(plane, 'a', 20, '2');
    plane.advance((nowMs += 200_000));
    expect(told(changes.at(-1)!)).toMatchObject({ allocated: 10, claimed: 30 });
    plane.placeAlias('a', { name: 'live', functionVersion: '2', description: '' }, nowMs);
    expect(told(changes.at(-1)!)).toMatchObject({ allocated: 20, claimed: 30 });
  });

  it('fails while the fault switch is on, and a later Put succeeds once it is off', () => {
    const plane = create([named('a')]);
    plane.setInitFails('a', true);
    put(plane, 'a', 10);
    const ends = (): Said => ask(plane, `GET ${path('a')}`, '', 200_000);
    expect(ends().body).toMatchObject({ Status: 'FAILED', StatusReason: 'FUNCTION_ERROR_INIT_FAILURE' });
    expect(told(changes.at(-1)!)).toMatchObject({ allocated: 0, claimed: 0 });
    plane.setInitFails('a', false);
    put(plane, 'a', 10);
    expect(ends().body).toMatchObject({ Status: 'READY', AvailableProvisionedConcurrentExecutions: 10 });
  });
});

it('refuses an alias in the middle of a deployment', () => {
  const plane = create([named('a')]);
  const alias = { name: 'live', functionVersion: '3', description: '' };
  plane.placeAlias('a', { ...alias, additionalVersionWeights: { '2': 0.1 } }, nowMs);
  expect(put(plane, 'a', 10)).toMatchObject({
    status: 400,
    code: 'InvalidParameterValueException',
    body: { message: 'Alias with weights can not be used with Provisioned Concurrency' },
  });
  plane.placeAlias('a', alias, nowMs);
  expect(put(plane, 'a', 10).status).toBe(202);
});

describe('the 15 calls a second', () => {
  const settings = 'GET /2016-08-19/account-settings';

  it('are shared by all operations, and come back with time', () => {
    const plane = create([named('a')]);
    const burst = Array.from({ length: 15 }, (_, index) => ask(plane, index % 2 ? settings : `GET ${list}`, '', 0));
    expect(burst.every(({ status }) => status === 200)).toBe(true);
    expect(ask(plane, settings, '', 66)).toMatchObject({
      status: 429,
      code: 'TooManyRequestsException',
      headers: { 'retry-after': '1' },
      body: { Reason: 'CallerRateLimitExceeded', Type: 'User', message: 'Rate exceeded' },
    });
    expect(ask(plane, settings, '', 1).status).toBe(200);
    expect(ask(plane, settings, '', 0).status).toBe(429);
  });

  it('do nothing when they are refused', () => {
    const plane = create([named('a')], { controlPlaneBurst: 1 });
    ask(plane, settings, '', 0);
    expect(ask(plane, `PUT ${path('a')}`, { ProvisionedConcurrentExecutions: 5 }, 0).status).toBe(429);
    expect(changes).toEqual([]);
  });
});

describe('a list', () => {
  it('comes in pages that miss nothing and repeat nothing', () => {
    const plane = create([named('a')]);
    for (const version of ['1', '2', '3']) put(plane, 'a', Number(version), version);
    const first = ask(plane, `GET ${list}&MaxItems=2`).body;
    const second = ask(plane, `GET ${list}&MaxItems=2&Marker=${String(first['NextMarker'])}`).body;
    const both = [first, second].flatMap((page) => page['ProvisionedConcurrencyConfigs'] as object[]);
    expect(both).toMatchObject(
      ['1', '2', '3'].map((version) => ({
        FunctionArn: `arn:aws:lambda:us-east-1:123456789012:function:a:${version}`,
        RequestedProvisionedConcurrentExecutions: Number(version),
        Status: 'IN_PROGRESS',
      })),
    );
    expect(second['NextMarker']).toBeUndefined();
  });
});

describe('what callers may send', () => {
  it.each<[what: string, line: string, body: unknown, status: number, code: string]>([
    ['no such path', 'GET /2015-03-31/layers', '', 404, 'UnknownOperationException'],
    ['another method', `PATCH ${path('a')}`, '', 404, 'UnknownOperationException'],
    ['no qualifier', 'GET /2019-09-30/functions/a/provisioned-concurrency', '', 400, 'ValidationException'],
    ['a qualifier that is none', `GET ${path('a', '%3Cb%3E')}`, '', 400, 'ValidationException'],
    ['a name that is none', `GET ${path('a%2Fb')}`, '', 400, 'ValidationException'],
    ['broken percent-encoding', `GET ${path('%E0%A4')}`, '', 400, 'ValidationException'],
    ['two qualifiers', `GET ${path('a:live', '3')}`, '', 400, 'InvalidParameterValueException'],
    [
      'another region',
      `GET ${path('arn:aws:lambda:eu-west-1:123456789012:function:a')}`,
      '',
      404,
      'ResourceNotFoundException',
    ],
    ['another account', `GET ${path('999999999999:function:a')}`, '', 404, 'ResourceNotFoundException'],
    ['no body', `PUT ${path('a')}`, '', 400, 'SerializationException'],
    ['a body that is no object', `PUT ${path('a')}`, '[1', 400, 'SerializationException'],
    ['no number', `PUT ${path('a')}`, {}, 400, 'ValidationException'],
    ['a number as text', `PUT ${path('a')}`, { ProvisionedConcurrentExecutions: '5' }, 400, 'SerializationException'],
    ['half a number', `PUT ${path('a')}`, { ProvisionedConcurrentExecutions: 1.5 }, 400, 'SerializationException'],
    ['a huge number', `PUT ${path('a')}`, { ProvisionedConcurrentExecutions: 1e300 }, 400, 'SerializationException'],
    ['a negative number', `PUT ${path('a')}`, { ProvisionedConcurrentExecutions: -1 }, 400, 'ValidationException'],
    ['a page of nothing', `GET ${list}&MaxItems=0`, '', 400, 'ValidationException'],
    ['a page too large', `GET ${list}&MaxItems=51`, '', 400, 'ValidationException'],
    ['a marker of its own', `GET ${list}&Marker=abc`, '', 400, 'InvalidParameterValueException'],
  ])('%s is refused', (_, line, body, status, code) => {
    expect(ask(create([named('a')]), line, body)).toMatchObject({ status, code });
    expect(changes).toEqual([]);
  });

  it.each(['a', 'a:live', '123456789012:function:a', 'arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Aa'])(
    'a function may be called %s',
    (name) => {
      expect(put(create([named('a')]), name, 5).status).toBe(202);
    },
  );
});

it('marks every answer as the twin’s', () => {
  const plane = create([named('a')]);
  for (const line of [`GET ${list}`, 'GET /nothing', `DELETE ${path('a')}`]) {
    expect(ask(plane, line).headers).toMatchObject({
      'x-foreshock-twin': '4',
      'x-amzn-requestid': expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    });
  }
});

it('prepares a function in the same time whatever other functions there are', () => {
  const readyAtMs = (functions: readonly TwinFunction[]): number => {
    const plane = create(functions);
    put(plane, 'a', 10);
    return plane.nextChangeMs()! - nowMs;
  };
  expect(readyAtMs([named('b'), named('a'), named('c')])).toBe(readyAtMs([named('a')]));
});
