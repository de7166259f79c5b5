import { describe, expect, it, onTestFinished } from 'vitest';
import { createRandom } from '../core/random.ts';
import { msPerDay, msPerMinute, msPerSecond } from '../core/time.ts';
import { createVirtualClock, type VirtualClock } from '../core/virtual-clock.ts';
import {
  openMetricReader,
  usdOfMetrics,
  type MetricQuery,
  type MetricReader,
  type MetricReading,
} from './cloudwatch.ts';
import { startCloudwatchStub, stubError } from './cloudwatch-stub.ts';

const startMs = Date.UTC(2026, 10, 20, 12);
const minute = (index: number): number => startMs + index * msPerMinute;
const querying = (count: number): readonly MetricQuery[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `metric ${index}`,
    metricName: 'Invocations',
    dimensions: { FunctionName: `f${index}`, Resource: `f${index}:live` },
    statistic: 'Sum',
  }));
const span = (minuteCount: number) => ({ fromMs: startMs, untilMs: minute(minuteCount), stepMs: msPerMinute });

async function setUp(options: { pointsPerPage?: number } = {}) {
  const stub = await startCloudwatchStub(options);
  onTestFinished(() => stub.close());
  const clock = createVirtualClock(startMs);
  const reader = openMetricReader({
    region: 'us-east-1',
    endpointUrl: stub.url,
    clock,
    timers: clock,
    random: createRandom('cloudwatch'),
  });
  return { stub, clock, reader };
}

/** Reads with a clock that moves to the next pause as soon as one is begun. */
async function readThrough(reader: MetricReader, clock: VirtualClock, patienceMs?: number): Promise<MetricReading> {
  const state = { isOver: false };
  const reading = reader
    .read(querying(1), span(1), {
      signal: new AbortController().signal,
      ...(patienceMs !== undefined && { patienceMs }),
    })
    .finally(() => (state.isOver = true));
  reading.catch(() => undefined);
  while (!state.isOver) {
    await new Promise((resolve) => setImmediate(resolve));
    const next = clock.nextTimerAtMs();
    if (next !== undefined) clock.advanceTo(next);
  }
  return reading;
}

const signal = new AbortController().signal;

it('asks as the API wants it: namespace, both dimensions, period in seconds, oldest first', async () => {
  const { stub, reader } = await setUp();
  stub.has({ 'f0:live Invocations': new Map([[minute(1), 7]]) });
  const { points } = await reader.read(querying(1), span(3), { signal });
  expect(points).toEqual(new Map([['metric 0', new Map([[minute(1), 7]])]]));
  expect(stub.requests).toEqual([
    {
      MetricDataQueries: [
        {
          Id: 'q0',
          MetricStat: {
            Metric: {
              Namespace: 'AWS/Lambda',
              MetricName: 'Invocations',
              Dimensions: [
                { Name: 'FunctionName', Value: 'f0' },
                { Name: 'Resource', Value: 'f0:live' },
              ],
            },
            Period: 60,
            Stat: 'Sum',
          },
        },
      ],
      StartTime: startMs / msPerSecond,
      EndTime: minute(3) / msPerSecond,
      ScanBy: 'TimestampAscending',
      MaxDatapoints: 100_800,
    },
  ]);
});

it.each([
  { name: 'as many as one call takes', queryCount: 500, minuteCount: 5, callSizes: [500] },
  { name: 'one more', queryCount: 501, minuteCount: 5, callSizes: [500, 1] },
  { name: 'as many points as one call answers', queryCount: 70, minuteCount: 1_440, callSizes: [70] },
  { name: 'a metric more than that', queryCount: 71, minuteCount: 1_440, callSizes: [70, 1] },
  { name: 'fifteen days of minutes', queryCount: 9, minuteCount: 21_600, callSizes: [4, 4, 1] },
  { name: 'a span longer than one call answers', queryCount: 1, minuteCount: 100_801, callSizes: [1, 1] },
])('splits $name into calls of $callSizes', async ({ queryCount, minuteCount, callSizes }) => {
  const { stub, reader } = await setUp();
  await reader.read(querying(queryCount), span(minuteCount), { signal });
  expect(stub.requests.map(({ MetricDataQueries }) => MetricDataQueries.length)).toEqual(callSizes);
  const metricCount = callSizes.reduce((sum, size) => sum + size, 0);
  expect(reader.use()).toEqual({ callCount: callSizes.length, metricCount });
});

it('puts pages together, a metric that is cut in two included, and counts each as asked again', async () => {
  const { stub, reader } = await setUp({ pointsPerPage: 4 });
  const minutes = (from: number) => new Map(Array.from({ length: 5 }, (_, index) => [minute(index), from + index]));
  stub.has({ 'f0:live Invocations': minutes(10), 'f1:live Invocations': minutes(20) });
  const { points } = await reader.read(querying(2), span(5), { signal });
  expect([...points.values()]).toEqual([minutes(10), minutes(20)]);
  expect(reader.use()).toEqual({ callCount: 3, metricCount: 6 });
  expect(usdOfMetrics(6)).toBeCloseTo(0.00006, 12);
});

describe('when CloudWatch', () => {
  const throttled = stubError(400, 'Throttling', 'Rate exceeded');

  it.each([
    { name: 'throttles, with its 400', answers: [throttled, throttled, throttled] },
    { name: 'fails', answers: [stubError(500, 'InternalServiceFault', 'no luck'), { status: 503, body: 'busy' }] },
    {
      name: 'cannot read one metric',
      answers: [{ status: 200, body: { MetricDataResults: [{ Id: 'q0', StatusCode: 'InternalError' }] } }],
    },
  ])('$name, it is asked again after growing pauses', async ({ answers }) => {
    const { stub, clock, reader } = await setUp();
    stub.has({ 'f0:live Invocations': new Map([[minute(0), 3]]) });
    stub.answer(...answers);
    const { points } = await readThrough(reader, clock);
    expect(points.get('metric 0')!.get(minute(0))).toBe(3);
    expect(stub.requests).toHaveLength(answers.length + 1);
    // Half to all of 1, 2, 4 … seconds.
    const pausesMs = clock.nowMs() - startMs;
    expect(pausesMs).toBeGreaterThanOrEqual(500 * (2 ** answers.length - 1));
    expect(pausesMs).toBeLessThanOrEqual(1_000 * (2 ** answers.length - 1));
  });

  it('goes on throttling, the reading ends at its deadline and says what it heard', async () => {
    const { stub, clock, reader } = await setUp();
    stub.answer(...Array.from({ length: 50 }, () => throttled));
    await expect(readThrough(reader, clock, 10_000)).rejects.toMatchObject({
      name: 'WorldError',
      code: 'Throttling',
      retryable: true,
      message: `reading metrics from ${stub.url}: Rate exceeded`,
    });
    expect(clock.nowMs()).toBeLessThanOrEqual(startMs + 10_000);
  });

  it.each([
    {
      name: 'denies',
      answer: stubError(400, 'AccessDenied', 'User: arn:aws:iam::1:user/x is not authorized'),
      expected: { name: 'InputError', code: 'cloudwatch-denied' },
      words: 'allow the action cloudwatch:GetMetricData',
    },
    {
      name: 'holds one metric back',
      answer: { status: 200, body: { MetricDataResults: [{ Id: 'q0', StatusCode: 'Forbidden' }] } },
      expected: { name: 'InputError', code: 'cloudwatch-denied' },
      words: 'allow the action cloudwatch:GetMetricData',
    },
    {
      name: 'does not know the credentials',
      answer: stubError(
        403,
        'InvalidClientTokenId',
        'The security token included in the request is invalid.\nand more',
      ),
      expected: { name: 'InputError', code: 'cloudwatch-credentials' },
      words: 'no usable AWS credentials',
    },
    {
      name: 'refuses the request',
      answer: stubError(400, 'ValidationException', 'StartTime must be before EndTime'),
      expected: { name: 'WorldError', code: 'ValidationException', retryable: false },
      words: 'StartTime must be before EndTime',
    },
  ])('$name, it is not asked again', async ({ answer, expected, words }) => {
    const { stub, reader } = await setUp();
    stub.answer(answer);
    const failure = (await reader.read(querying(1), span(1), { signal }).catch((error: unknown) => error)) as Error;
    expect(failure).toMatchObject(expected);
    expect(failure.message).toContain(words);
    expect(failure.message).not.toContain('\n');
    expect(stub.requests).toHaveLength(1);
  });

  const result = (over: object): unknown => ({
    MetricDataResults: [{ Id: 'q0', StatusCode: 'Complete', Timestamps: [startMs / 1_000], Values: [1], ...over }],
  });
  it.each([
    ['a metric that nobody asked for', { Id: 'q1' }],
    ['a time without a value', { Values: [] }],
    ['a time off the grid', { Timestamps: [startMs / 1_000 + 30] }],
    ['a time before the span', { Timestamps: [startMs / 1_000 - 60] }],
    ['a time at its end', { Timestamps: [startMs / 1_000 + 60] }],
    ['a negative value', { Values: [-1] }],
    ['no number', { Values: ['NaN'] }],
  ])('sends %s, nothing of the answer is used', async (_, over) => {
    const { stub, reader } = await setUp();
    stub.answer({ status: 200, body: result(over) });
    await expect(reader.read(querying(1), span(1), { signal })).rejects.toMatchObject({ code: 'UnreadableAnswer' });
  });

  it('never ends its pages, the reading does', async () => {
    const { stub, reader } = await setUp();
    const body = { MetricDataResults: [], NextToken: 'again' };
    stub.answer(...Array.from({ length: 300 }, () => ({ status: 200, body })));
    await expect(reader.read(querying(1), span(1), { signal })).rejects.toMatchObject({ code: 'UnreadableAnswer' });
  });
});

it('stops between two calls and in a pause when it is told to', async () => {
  const { stub, reader } = await setUp();
  const stop = new AbortController();
  stub.answer(stubError(400, 'Throttling', 'Rate exceeded'));
  const reading = reader.read(querying(1), span(1), { signal: stop.signal });
  reading.catch(() => undefined);
  while (stub.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
  stop.abort(new Error('enough'));
  await expect(reading).rejects.toThrow('enough');
});

it('reads nothing of an empty span, and asks nothing', async () => {
  const { stub, reader } = await setUp();
  const empty = { fromMs: startMs, untilMs: startMs - msPerDay, stepMs: msPerMinute };
  expect((await reader.read(querying(1), empty, { signal })).points.get('metric 0')).toEqual(new Map());
  expect(stub.requests).toEqual([]);
});
