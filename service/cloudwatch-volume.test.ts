import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createVenue } from '../calendar/venue.ts';
import { startCloudwatchStub, stubError } from '../collectors/cloudwatch-stub.ts';
import { openHistoryKeep, type KeptRow } from '../collectors/kept-history.ts';
import { realFiles } from '../config/files.ts';
import { loadConfig } from '../config/load.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerDay, msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import { createVirtualClock } from '../core/virtual-clock.ts';
import { endOf, sliceSeries, type VolumeSeries } from '../core/volume-series.ts';
import { createForecaster } from '../forecaster/forecaster.ts';
import { openCloudwatchVolume } from './cloudwatch-volume.ts';
import type { Fact } from './facts.ts';
import { readSystemOptions } from './from-config.ts';
import { historyFolderOf, readinessOf } from './kept-volume.ts';
import type { Log, LogFields } from './log.ts';

const orders = '123456789012/us-east-1/orders:live' as FunctionKey;
const startMs = Date.UTC(2026, 10, 20, 12);
const minute = (index: number): EpochMs => startMs + index * msPerMinute;
const never = new AbortController().signal;

async function setUp() {
  const folder = await mkdtemp(path.join(tmpdir(), 'foreshock-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const stub = await startCloudwatchStub();
  onTestFinished(() => stub.close());
  const file = path.join(folder, 'foreshock.yaml');
  await writeFile(
    file,
    `aws: { endpoint: '${stub.url}' }
store: store.db
functions:
  - function: ${orders}
    memoryMb: 1024
    initDurationMs: 800
    runDurationMs: { p50: 60, p99: 250 }
    spilloverRatioMax: 0.001
    concurrencyCeiling: 500
    volume: { cloudwatch: true, venue: UTC }
limits: { concurrencyMax: 800, usdPerHourMax: 20, usdPerEventMax: 15 }
`,
  );
  const config = await loadConfig(file, { env: {}, files: realFiles });
  const clock = createVirtualClock(startMs);
  const logged: { event: string; fields: LogFields }[] = [];
  const write = (event: string, fields: LogFields = {}): void => void logged.push({ event, fields });
  const log: Log = { debug: write, info: write, warn: write, error: write };
  const ports = { env: {}, clock, timers: clock, log };

  const facts: Fact[] = [];
  const start = async () => {
    const waiting = await openCloudwatchVolume(config, ports, never);
    const { functions } = await readSystemOptions(config, { untilMs: clock.nowMs(), signal: never });
    const { series } = functions[0]!.history.history;
    const system = {
      admit: (fact: Fact) => (facts.push(fact), 'admitted' as const),
      learnedUntilMs: () => endOf(series),
    };
    return { series, volume: await waiting!.follow(system, functions) };
  };
  const readAt = async (at: number, { volume }: Awaited<ReturnType<typeof start>>): Promise<Record<string, number>> => {
    facts.length = 0;
    clock.advanceTo(minute(at));
    await volume.read(never);
    return Object.fromEntries(
      facts.flatMap((fact) =>
        fact.kind === 'volume' ? [[String((fact.bucketAtMs - startMs) / msPerMinute), fact.requestCount]] : [],
      ),
    );
  };
  const events = (): readonly string[] => logged.map(({ event }) => event);
  return {
    config,
    stub,
    clock,
    logged,
    events,
    start,
    readAt,
    facts,
    keep: openHistoryKeep(historyFolderOf(config.store)),
  };
}

/** A count each minute over [from, until), minutes from the start. */
const shown = (from: number, until: number, count: number) => ({
  'orders:live Invocations': new Map(
    Array.from({ length: until - from }, (_, index) => [minute(from + index), count] as const),
  ),
});

it('starts with nothing kept: learns what CloudWatch still has, says when it will be ready, and follows', async () => {
  const { stub, start, readAt, logged } = await setUp();
  stub.has(shown(-60, -4, 10));
  const running = await start();
  expect([...running.series.values]).toEqual(Array.from({ length: 56 }, () => 10));
  // One day has begun; eleven must have ended.
  const short = logged.find(({ event }) => event === 'history.short');
  expect(short!.fields).toMatchObject({ dayCount: 0, dayCountNeeded: 11, readyNotBefore: '2026-12-01T00:00:00Z' });
  stub.has(shown(-60, 2, 10));
  expect(await readAt(1, running)).toEqual({ '-4': 10, '-3': 10 });
  expect(await readAt(2, running)).toEqual({ '-2': 10 });
});

it('starts without an answer, says so once, and catches up when there is one', async () => {
  const { stub, start, readAt, events, clock } = await setUp();
  const denied = stubError(400, 'AccessDenied', 'User: x is not authorized');
  stub.answer(denied, denied, denied);
  const running = await start();
  expect(running.series.values).toHaveLength(0);
  expect(await readAt(1, running)).toEqual({});
  expect(await readAt(2, running)).toEqual({});
  expect(events().filter((event) => event === 'cloudwatch.unreadable')).toHaveLength(1);
  stub.has(shown(-2, 3, 10));
  expect(await readAt(3, running)).toEqual({ '-2': 10, '-1': 10 });
  expect(events().at(-1)).toBe('cloudwatch.readable');
  expect(clock.nowMs()).toBe(minute(3));
});

it('goes on after a restart where it was, in five minutes where those are learned, none of them lost or told twice', async () => {
  const { stub, start, readAt, keep } = await setUp();
  const fives: KeptRow[] = Array.from({ length: 100 }, (_, index) => ({
    atMs: minute(-1_000 + 5 * index),
    volume: 50,
  }));
  await keep.fill(orders, '5m', fives);
  stub.has(shown(-500, 20, 10));
  const running = await start();
  expect(running.series.stepMs).toBe(5 * msPerMinute);
  // Settled until -3: the last whole five minutes end at -5, and the two minutes after them wait for the other three.
  expect(endOf(running.series)).toBe(minute(-5));
  expect(await readAt(3, running)).toEqual({ '-5': 50 });
  const again = await start();
  expect(endOf(again.series)).toBe(minute(0));
  expect(await readAt(9, again)).toEqual({ '0': 50 });
});

it('states its lag and its price each hour, and at once when it falls behind', async () => {
  const { stub, start, readAt, logged, events } = await setUp();
  expect(events()).toEqual([]);
  stub.has(shown(-60, -2, 10));
  const running = await start();
  // 3 metrics a minute and 7 an hour: 134,640 in 30 days.
  expect(logged[0]).toMatchObject({ event: 'cloudwatch.opened', fields: { everyMinutes: 1, usdPerMonthMax: 1.3464 } });
  await readAt(20, running);
  expect(events().at(-1)).toBe('cloudwatch.behind');
  await readAt(60, running);
  expect(logged.at(-1)).toMatchObject({
    event: 'cloudwatch.lag',
    fields: { lagMs: 62 * msPerMinute, neverSeen: 0, missingMinutes: 0, metrics: 9 },
  });
});

it('keeps what the minutes were like, each once, with nothing where CloudWatch has nothing', async () => {
  const { stub, start, clock, keep } = await setUp();
  const running = await start();
  const each = (value: number) => new Map([-2, -1, 20].map((at) => [minute(at), value]));
  stub.has({
    'orders:live Errors': each(1),
    // One point for all statistics: the stub does not compute.
    'orders:live Duration': each(61.5),
    'orders:live ProvisionedConcurrencySpilloverInvocations': new Map([[minute(-1), 4]]),
    ClaimedAccountConcurrency: each(130),
  });
  for (const at of [10, 40]) {
    clock.advanceTo(minute(at));
    await running.volume.readVitals(never);
  }
  const text = await readFile(path.join(keep.folderOf(orders), 'vitals-2026-11.csv'), 'utf8');
  expect(text.split('\n')).toEqual([
    'ts,errors,durationMsAverage,durationMsP50,durationMsP99,spillover,provisionedConcurrency,claimedConcurrency',
    '2026-11-20T11:58:00Z,1,61.5,61.5,61.5,,,130',
    '2026-11-20T11:59:00Z,1,61.5,61.5,61.5,4,,130',
    '2026-11-20T12:20:00Z,1,61.5,61.5,61.5,,,130',
    '',
  ]);
});

// Goal: what is said of readiness is what the model does.
it.each([{ hoursIntoDay: 0 }, { hoursIntoDay: 9 }])(
  'is ready when it says, from data that begin $hoursIntoDay h into a day',
  ({ hoursIntoDay }) => {
    const venue = createVenue('UTC');
    const stepMs = 30 * msPerMinute;
    const fromMs = Date.UTC(2026, 10, 1) + hoursIntoDay * msPerHour;
    const whole: VolumeSeries = { fromMs, stepMs, values: new Float64Array(48 * 14).fill(100) };
    const known = sliceSeries(whole, fromMs, fromMs + 3 * msPerDay);
    const readyAtMs = readinessOf(known, venue, endOf(known)).readyAtMs!;
    const answerAt = (untilMs: EpochMs): object => {
      const forecaster = createForecaster({ key: orders, stepMs, clock: venue });
      forecaster.learn(sliceSeries(whole, fromMs, untilMs), []);
      return forecaster.forecast({ fromMs: untilMs, untilMs: untilMs + stepMs, events: [] });
    };
    expect(answerAt(readyAtMs)).toHaveProperty('notReady');
    expect(answerAt(readyAtMs + stepMs)).not.toHaveProperty('notReady');
    expect(readinessOf(sliceSeries(whole, fromMs, readyAtMs), venue, readyAtMs).readyAtMs).toBeNull();
  },
);
