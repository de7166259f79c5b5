/**
 * CloudWatch through the real SDK and a real socket: what it shows is what came, no sooner and no finer than the real service would.
 */
import * as sdk from '@aws-sdk/client-cloudwatch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRandom } from '../../core/random.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { createVirtualClock, type VirtualClock } from '../../core/virtual-clock.ts';
import type { Arrivals } from './arrivals.ts';
import { listenTwin, type TwinServer } from './control-plane-http.ts';
import { createTwin, type Twin } from './twin.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const startMs = Date.UTC(2026, 8, 4, 12);
const keyOf = (name: string, alias = 'live'): FunctionKey => `123456789012/us-east-1/${name}:${alias}` as FunctionKey;
const live = keyOf('a');

let clock: VirtualClock;
let twin: Twin;
let server: TwinServer;
let client: sdk.CloudWatchClient;
beforeEach(async () => {
  clock = createVirtualClock(startMs);
  const functions = [live, keyOf('a', 'canary'), keyOf('b')].map((key) => ({
    key,
    version: '1',
    memoryMb: 1_024,
    architecture: 'arm64' as const,
    initDurationMs: 800,
    runDurationMs: { p50: 100, p99: 400 },
    ...(key === keyOf('b') && { reservedConcurrency: 30 }),
  }));
  twin = createTwin({ functions, seed: 3, clock });
  server = await listenTwin({ handle: (request) => twin.handle(request), host: '127.0.0.1', port: 0 });
  client = new sdk.CloudWatchClient({
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

/** So many arrivals from an instant on, each so long after the one before, and each running so long. */
function feed(
  key: FunctionKey,
  fromMs: number,
  { count, everyMs = 100, runMs = 100 }: { readonly count: number; everyMs?: number; runMs?: number },
): void {
  const arrivals: Arrivals = {
    atMs: Float64Array.from({ length: count }, (_, index) => fromMs + index * everyMs),
    runMs: new Float64Array(count).fill(runMs),
  };
  twin.feed(key, arrivals);
}

const alias = (name = 'a', resource = `${name}:live`): Record<string, string> => ({
  FunctionName: name,
  Resource: resource,
});
interface Asked {
  readonly dimensions?: Record<string, string>;
  readonly period?: number;
  readonly fromMs?: number;
  readonly untilMs?: number;
}
const query = (
  Id: string,
  MetricName: string,
  Stat: string,
  { dimensions = alias(), period = 60 }: Asked = {},
): sdk.MetricDataQuery => {
  const Dimensions = Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
  return { Id, MetricStat: { Metric: { Namespace: 'AWS/Lambda', MetricName, Dimensions }, Period: period, Stat } };
};
const ask = (MetricDataQueries: sdk.MetricDataQuery[], more: Partial<sdk.GetMetricDataCommandInput> & Asked = {}) => {
  const { fromMs = startMs, untilMs = startMs + day, ...rest } = more;
  const times = { StartTime: new Date(fromMs), EndTime: new Date(untilMs) };
  return client.send(
    new sdk.GetMetricDataCommand({ ScanBy: 'TimestampAscending', ...times, MetricDataQueries, ...rest }),
  );
};
/** The points of one metric, as minutes since the start and values. */
const points = async (
  metric: string,
  stat: string,
  asked: Asked = {},
): Promise<readonly (readonly [number, number])[]> => {
  const { MetricDataResults } = await ask([query('q', metric, stat, asked)], asked);
  const [{ Timestamps, Values } = {}] = MetricDataResults!;
  return Timestamps!.map((at, index) => [(at.getTime() - startMs) / minute, Values![index]!] as const);
};
const refusalOf = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call;
    return 'taken';
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
};

describe('what came', () => {
  it('is shown by the minute, and nothing where nothing came', async () => {
    feed(live, startMs, { count: 600 });
    feed(live, startMs + 2 * minute, { count: 30 });
    clock.advanceTo(startMs + hour);
    expect(await points('Invocations', 'Sum')).toEqual([
      [0, 600],
      [2, 30],
    ]);
    expect(await points('Throttles', 'Sum')).toEqual([
      [0, 0],
      [2, 0],
    ]);
    expect(await points('Errors', 'Sum')).toEqual([
      [0, 0],
      [2, 0],
    ]);
    expect(await points('Invocations', 'Sum', { dimensions: alias('a', 'a:canary') })).toEqual([]);
    expect(await points('ProvisionedConcurrencyInvocations', 'Sum')).toEqual([]);
    expect(await points('Invocations', 'Sum', { dimensions: { FunctionName: 'nobody' } })).toEqual([]);
    expect(await points('Invocations', 'Sum', { dimensions: { FunctionName: 'a', ExecutedVersion: '1' } })).toEqual([]);
  });

  it('adds up over longer periods, over the aliases of a function, and over the account', async () => {
    feed(live, startMs, { count: 600 });
    feed(live, startMs + 6 * minute, { count: 6 });
    feed(keyOf('a', 'canary'), startMs, { count: 60 });
    feed(keyOf('b'), startMs, { count: 1 });
    clock.advanceTo(startMs + hour);
    expect(await points('Invocations', 'Sum', { period: 300 })).toEqual([
      [0, 600],
      [5, 6],
    ]);
    expect(await points('Invocations', 'Sum', { period: 3_600, dimensions: { FunctionName: 'a' } })).toEqual([
      [0, 666],
    ]);
    expect(await points('Invocations', 'Sum', { period: 3_600, dimensions: {} })).toEqual([[0, 667]]);
    expect(await points('Invocations', 'SampleCount', { period: 3_600 })).toEqual([[0, 606]]);
  });

  it('counts what was throttled apart, and its share', async () => {
    // Each runs a second, 100 come a second, 30 may run at once.
    feed(keyOf('b'), startMs, { count: 6_000, everyMs: 10, runMs: 1_000 });
    clock.advanceTo(startMs + hour);
    const asked = { dimensions: alias('b') };
    const [[, served] = []] = await points('Invocations', 'Sum', asked);
    const [[, throttled] = []] = await points('Throttles', 'Sum', asked);
    const counters = twin.countersOf(keyOf('b'));
    expect([served, throttled]).toEqual([counters.requests, counters.throttles]);
    expect(served! + throttled!).toBe(6_000);
    expect(throttled).toBeGreaterThan(1_000);
    expect((await points('Throttles', 'Average', asked))[0]![1]).toBeCloseTo(throttled! / 6_000, 12);
    expect(await points('ConcurrentExecutions', 'Maximum', asked)).toEqual([[0, 30]]);
  });

  it('tells what ran on provisioned environments from what spilled over', async () => {
    const put = '/2019-09-30/functions/a/provisioned-concurrency?Qualifier=live';
    twin.handle({ method: 'PUT', target: put, body: '{"ProvisionedConcurrentExecutions":10}' });
    feed(live, startMs + 5 * minute, { count: 1_200, everyMs: 50, runMs: 1_000 });
    clock.advanceTo(startMs + hour);
    const [provisioned, spilled] = [
      await points('ProvisionedConcurrencyInvocations', 'Sum'),
      await points('ProvisionedConcurrencySpilloverInvocations', 'Sum'),
    ];
    const counters = twin.countersOf(live);
    expect(spilled).toEqual([[5, counters.spillover]]);
    expect(provisioned).toEqual([[5, 1_200 - counters.spillover]]);
    expect(counters.spillover).toBeGreaterThan(500);
    expect(await points('ProvisionedConcurrentExecutions', 'Maximum')).toEqual([[5, 10]]);
    const [[, together] = []] = await points('ConcurrentExecutions', 'Maximum');
    expect(together).toBeGreaterThanOrEqual(20);
    const [[, unreserved] = []] = await points('UnreservedConcurrentExecutions', 'Maximum', { dimensions: {} });
    expect(unreserved).toBeGreaterThanOrEqual(10);
    // What is reserved for the other function, and what is provisioned for this one, beside what runs.
    expect(await points('ClaimedAccountConcurrency', 'Maximum', { dimensions: {} })).toEqual([
      [5, unreserved! + 30 + 10],
    ]);
  });

  it('shows durations without initialisations: the sum exactly, percentiles within 6 %', async () => {
    const random = createRandom(7);
    const runMs = Float64Array.from({ length: 5_000 }, () => 100 * Math.exp(0.6 * random.normal()));
    twin.feed(live, { atMs: Float64Array.from({ length: 5_000 }, (_, index) => startMs + index * 10), runMs });
    clock.advanceTo(startMs + hour);
    expect(twin.countersOf(live).coldStarts).toBeGreaterThan(5);
    const sorted = runMs.toSorted();
    const sum = runMs.reduce((total, one) => total + one, 0);
    const valueOf = async (stat: string): Promise<number> => (await points('Duration', stat))[0]![1];
    expect(await valueOf('Sum')).toBeCloseTo(sum, 3);
    expect(await valueOf('Average')).toBeCloseTo(sum / 5_000, 6);
    for (const [stat, exact] of [
      ['p50', sorted[2_499]!],
      ['p99', sorted[4_949]!],
      ['p99.9', sorted[4_994]!],
      ['Minimum', sorted[0]!],
      ['Maximum', sorted[4_999]!],
    ] as const) {
      expect(Math.abs((await valueOf(stat)) / exact - 1), stat).toBeLessThan(0.06);
    }
  });
});

describe('what is not to be seen', () => {
  it('is the minute that ended less than two minutes ago', async () => {
    feed(live, startMs, { count: 1_200 });
    clock.advanceTo(startMs + 3 * minute - 1);
    expect(await points('Invocations', 'Sum')).toEqual([]);
    clock.advanceTo(startMs + 3 * minute);
    expect(await points('Invocations', 'Sum')).toEqual([[0, 600]]);
    expect(await points('Invocations', 'Sum', { period: 300 })).toEqual([[0, 600]]);
    clock.advanceTo(startMs + 4 * minute);
    expect(await points('Invocations', 'Sum', { period: 300 })).toEqual([[0, 1_200]]);
  });

  it.each([
    ['a minute', 15 * day, 60, 300],
    ['five minutes', 63 * day, 300, 3_600],
  ])('is %s at too great an age', async (_, ageMs, fine, coarse) => {
    feed(live, startMs, { count: 10 });
    clock.advanceTo(startMs + ageMs);
    expect(await points('Invocations', 'Sum', { period: fine })).toEqual([[0, 10]]);
    clock.advanceTo(startMs + ageMs + 1);
    expect(await points('Invocations', 'Sum', { period: fine })).toEqual([]);
    expect(await points('Invocations', 'Sum', { period: coarse })).toEqual([[0, 10]]);
  });

  it('is anything that is older than 455 days', async () => {
    feed(live, startMs, { count: 10 });
    clock.advanceTo(startMs + 455 * day);
    expect(await points('Invocations', 'Sum', { period: 86_400, fromMs: startMs - 12 * hour })).toEqual([]);
    expect(await points('Invocations', 'Sum', { period: 3_600 })).toEqual([[0, 10]]);
    clock.advanceTo(startMs + 455 * day + 1);
    expect(await points('Invocations', 'Sum', { period: 3_600 })).toEqual([]);
  });
});

describe('an imported past', () => {
  const past = {
    fromMs: startMs - 100 * day,
    stepMs: 5 * minute,
    // Every third step nothing came.
    invocationCounts: Float64Array.from({ length: 100 * 288 }, (_, index) => (index % 3 === 2 ? NaN : 1 + (index % 5))),
  };
  const totalOf = async (period: number, fromMs: number, untilMs: number): Promise<number> => {
    const found = await points('Invocations', 'Sum', { period, fromMs, untilMs });
    return found.reduce((sum, [, value]) => sum + value, 0);
  };
  const expected = (fromMs: number, untilMs: number): number =>
    past.invocationCounts.reduce((sum, value, index) => {
      const atMs = past.fromMs + index * past.stepMs;
      return atMs >= fromMs && atMs < untilMs && !Number.isNaN(value) ? sum + value : sum;
    }, 0);

  it('is answered at the grain that is left of it, and joins what is played', async () => {
    twin.importMetrics(live, past);
    feed(live, startMs, { count: 10 });
    clock.advanceTo(startMs + 10 * minute);
    const [ten, twenty, seventy] = [startMs - 10 * day, startMs - 20 * day, startMs - 70 * day];
    expect(await totalOf(60, ten, ten + day)).toBe(0);
    expect(await totalOf(300, ten, ten + day)).toBe(expected(ten, ten + day));
    expect(await totalOf(300, twenty, twenty + day)).toBe(expected(twenty, twenty + day));
    expect(await totalOf(300, seventy, seventy + day)).toBe(0);
    expect(await totalOf(3_600, seventy, seventy + day)).toBe(expected(seventy, seventy + day));
    expect(await totalOf(3_600, startMs - hour, startMs + hour)).toBe(expected(startMs - hour, startMs) + 10);
    expect(await points('Duration', 'Average', { period: 300, fromMs: ten, untilMs: startMs })).toEqual([]);
  });

  it('may not lie over what is kept', () => {
    twin.importMetrics(live, past);
    expect(() => twin.importMetrics(live, past)).toThrow(/overlap|lie over/);
    expect(() => twin.importMetrics(live, { ...past, fromMs: past.fromMs + 1 })).toThrow(/whole minutes/);
  });
});

describe('pages', () => {
  beforeEach(() => {
    for (const key of [live, keyOf('b')]) feed(key, startMs, { count: 100, everyMs: minute, runMs: 10 });
    clock.advanceTo(startMs + 5 * hour);
  });
  const both = () => [query('a', 'Invocations', 'Sum'), query('b', 'Invocations', 'Sum', { dimensions: alias('b') })];

  it.each(['TimestampAscending', 'TimestampDescending'] as const)('put together are the whole, %s', async (ScanBy) => {
    const found = new Map<string, number[]>([
      ['a', []],
      ['b', []],
    ]);
    const sizes: number[] = [];
    let NextToken: string | undefined;
    do {
      const page = await ask(both(), { ScanBy, MaxDatapoints: 30, ...(NextToken !== undefined && { NextToken }) });
      expect(page.MetricDataResults!.map(({ Id }) => Id)).toEqual(['a', 'b']);
      for (const { Id, Timestamps } of page.MetricDataResults!)
        found.get(Id!)!.push(...Timestamps!.map((at) => at.getTime()));
      sizes.push(page.MetricDataResults!.reduce((sum, { Values }) => sum + Values!.length, 0));
      ({ NextToken } = page);
      // What has come meanwhile is not slipped in between two pages.
      feed(live, clock.nowMs(), { count: 1 });
      clock.advanceTo(clock.nowMs() + 5 * minute);
    } while (NextToken !== undefined);
    expect(sizes).toEqual([30, 30, 30, 30, 30, 30, 20]);
    const instants = Array.from({ length: 100 }, (_, index) => startMs + index * minute);
    const wanted = ScanBy === 'TimestampAscending' ? instants : instants.toReversed();
    expect([...found.values()]).toEqual([wanted, wanted]);
  });

  it('say of each metric whether it is whole', async () => {
    const { MetricDataResults } = await ask(both(), { MaxDatapoints: 150 });
    expect(MetricDataResults!.map(({ StatusCode }) => StatusCode)).toEqual(['Complete', 'PartialData']);
    expect(await refusalOf(ask(both(), { NextToken: 'x' }))).toMatch(/^InvalidNextToken/);
  });

  it('leave out what is not to be returned', async () => {
    const hidden = { ...query('h', 'Invocations', 'Sum'), ReturnData: false };
    const { MetricDataResults } = await ask([hidden, query('a', 'Invocations', 'Sum')]);
    expect(MetricDataResults!.map(({ Id, Label }) => [Id, Label])).toEqual([['a', 'Invocations']]);
  });
});

it('lists what was ever published', async () => {
  feed(live, startMs, { count: 10 });
  clock.advanceTo(startMs + hour);
  const list = async (more: sdk.ListMetricsCommandInput): Promise<readonly string[]> => {
    const { Metrics } = await client.send(new sdk.ListMetricsCommand(more));
    return Metrics!.map(({ MetricName, Dimensions }) =>
      [MetricName, ...Dimensions!.map(({ Value }) => Value)].join(' '),
    );
  };
  expect(await list({ Namespace: 'AWS/Lambda', MetricName: 'Invocations' })).toEqual([
    'Invocations',
    'Invocations a',
    'Invocations a a:live',
  ]);
  expect(await list({ MetricName: 'ClaimedAccountConcurrency' })).toEqual(['ClaimedAccountConcurrency']);
  expect(await list({ MetricName: 'Duration', Dimensions: [{ Name: 'Resource' }] })).toEqual(['Duration a a:live']);
  expect(await list({ Dimensions: [{ Name: 'FunctionName', Value: 'b' }] })).toEqual([]);
  expect(await list({ Namespace: 'AWS/EC2' })).toEqual([]);
});

describe('what is refused', () => {
  const one = (more: object = {}) => [{ ...query('q', 'Invocations', 'Sum'), ...more }];
  it.each<[what: string, call: () => Promise<unknown>, said: RegExp]>([
    [
      'no span',
      () => ask(one(), { untilMs: startMs }),
      /^ValidationException: The parameter StartTime must not equal parameter EndTime\.$/,
    ],
    [
      'a span backwards',
      () => ask(one(), { untilMs: startMs - 1 }),
      /^ValidationException: The parameter EndTime must be greater than StartTime/,
    ],
    ['an id in capitals', () => ask(one({ Id: 'Q' })), /^ValidationException: The value Q .*expected pattern/],
    ['an id twice', () => ask([...one(), ...one()]), /^ValidationException: .*not unique/],
    [
      '501 queries',
      () => ask(Array.from({ length: 501 }, (_, index) => query(`q${index}`, 'Invocations', 'Sum'))),
      /^ValidationException: .*greater than 500/,
    ],
    [
      'a period of 90 s',
      () => ask([query('q', 'Invocations', 'Sum', { period: 90 })]),
      /^ValidationException: .*multiple of 60/,
    ],
    [
      'a statistic that there is not',
      () => ask([query('q', 'Invocations', 'Median')]),
      /^ValidationException: The value Median/,
    ],
    [
      'an expression',
      () => ask([{ Id: 'q', Expression: 'SUM(a)' }]),
      /^ValidationException: The twin plays no expressions/,
    ],
    ['too large a page', () => ask(one(), { MaxDatapoints: 100_801 }), /^ValidationException: .*MaxDatapoints/],
  ])('%s', async (_, call, said) => expect(await refusalOf(call())).toMatch(said));

  it('what a fault names, and a caller beyond the rate', async () => {
    twin.addFault({ kind: 'throttle', operations: ['GetMetricData'], count: 1 });
    twin.addFault({ kind: 'error', operations: ['ListMetrics'], count: 1 });
    expect(await refusalOf(ask(one()))).toBe('Throttling: Rate exceeded');
    expect(await refusalOf(client.send(new sdk.ListMetricsCommand({})))).toMatch(/^InternalServiceFault/);
    expect(await refusalOf(ask(one()))).toBe('taken');
    // Two of the fifty that may come at once were used above; a throttle by a fault costs none.
    const calls = await Promise.all(Array.from({ length: 60 }, () => refusalOf(ask(one()))));
    expect(calls.filter((said) => said !== 'taken')).toEqual(
      Array(calls.length - 48).fill('Throttling: Rate exceeded'),
    );
  });
});
