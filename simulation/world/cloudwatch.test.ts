/**
 * CloudWatch from end to end: what came to the twin is what the product learns, by the real SDK over a real port, before the start and after it.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { importHistory, planImport } from '../../collectors/cloudwatch-import.ts';
import { openHistoryKeep } from '../../collectors/kept-history.ts';
import { realFiles } from '../../config/files.ts';
import { loadConfig } from '../../config/load.ts';
import { createRandom } from '../../core/random.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { msPerDay, msPerMinute, type EpochMs } from '../../core/time.ts';
import { createVirtualClock } from '../../core/virtual-clock.ts';
import { endOf } from '../../core/volume-series.ts';
import { openConfiguredMetrics } from '../../service/cloudwatch.ts';
import { openCloudwatchVolume } from '../../service/cloudwatch-volume.ts';
import type { Fact } from '../../service/facts.ts';
import { readSystemOptions } from '../../service/from-config.ts';
import { historyFolderOf } from '../../service/kept-volume.ts';
import type { Log } from '../../service/log.ts';
import { createArrivalSource } from '../twin/arrivals.ts';
import { listenTwin } from '../twin/control-plane-http.ts';
import { createTwin } from '../twin/twin.ts';

const orders = '123456789012/us-east-1/orders:live' as FunctionKey;
const quotes = '123456789012/us-east-1/quotes:live' as FunctionKey;
const startMs = Date.UTC(2026, 10, 20, 12);
const runDurationMs = { p50: 60, p99: 250 };
const never = new AbortController().signal;
const pastDays = 70;
const pastMinutes = (pastDays * msPerDay) / msPerMinute;
const pastFromMs = startMs - pastDays * msPerDay;

/** Orders sleep every other minute; quotes never do. */
const ordersAt = (index: number): number => (index % 2 === 0 ? 20 + (index % 7) : NaN);
const quotesAt = (index: number): number => 100 + (index % 11);

async function setUp() {
  const folder = await mkdtemp(path.join(tmpdir(), 'foreshock-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const clock = createVirtualClock(startMs);
  const about = { version: '1', memoryMb: 1_024, architecture: 'x86_64', initDurationMs: 300, runDurationMs } as const;
  const twin = createTwin({
    // Two environments at most: a part of what comes to orders is throttled.
    functions: [
      { key: orders, reservedConcurrency: 2, ...about },
      { key: quotes, ...about },
    ],
    seed: 'cloudwatch',
    clock,
  });
  for (const [key, countAt] of [[orders, ordersAt] as const, [quotes, quotesAt] as const]) {
    const invocationCounts = Float64Array.from({ length: pastMinutes }, (_, index) => countAt(index));
    twin.importMetrics(key, { fromMs: pastFromMs, stepMs: msPerMinute, invocationCounts });
  }
  const server = await listenTwin({ handle: (request) => twin.handle(request), host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close());
  const entry = (key: FunctionKey): string => `
  - function: ${key}
    memoryMb: 1024
    initDurationMs: 300
    runDurationMs: { p50: 60, p99: 250 }
    spilloverRatioMax: 0.001
    concurrencyCeiling: 500
    volume: { cloudwatch: true, venue: UTC }`;
  const file = path.join(folder, 'foreshock.yaml');
  await writeFile(
    file,
    `aws: { endpoint: '${server.url}' }
store: store.db
functions:${entry(orders)}${entry(quotes)}
limits: { concurrencyMax: 800, usdPerHourMax: 20, usdPerEventMax: 15 }
`,
  );
  const config = await loadConfig(file, { env: {}, files: realFiles });
  return { config, clock, twin, keep: openHistoryKeep(historyFolderOf(config.store)) };
}

const ignore = (): void => undefined;
const silent: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

// Goal: nothing is lost, invented or counted twice between CloudWatch and the forecaster.
it('imports the past at each grain, to the request, and starts with it learned', async () => {
  const { config, clock, keep } = await setUp();
  const spans = planImport(startMs, { settleMs: 3 * msPerMinute });
  const reader = openConfiguredMetrics(config, 'us-east-1', { env: {}, clock, timers: clock });
  const imported = await importHistory({ keys: [orders, quotes], reader, keep, spans, signal: never });

  const truthOf = (countAt: (index: number) => number, fromMs: EpochMs, untilMs: EpochMs): number => {
    let sum = 0;
    for (let atMs = fromMs; atMs < untilMs; atMs += msPerMinute) sum += countAt((atMs - pastFromMs) / msPerMinute) || 0;
    return sum;
  };
  for (const [index, countAt] of [ordersAt, quotesAt].entries()) {
    const found = imported[index]!.spans;
    expect(found.map(({ grain }) => grain)).toEqual(['1m', '5m', '1h']);
    for (const { fromMs, untilMs, requestCount, missingCount } of found) {
      expect(missingCount).toBe(0);
      expect(requestCount).toBe(truthOf(countAt, fromMs, untilMs));
    }
  }
  // Seventy days in three grains: the hours of the first week are kept and not learned.
  const { functions } = await readSystemOptions(config, { untilMs: startMs, signal: never });
  const { series } = functions[0]!.history.history;
  expect(series.stepMs).toBe(5 * msPerMinute);
  expect(series.fromMs).toBe(spans[1]!.fromMs);
  expect(series.values.every((value) => value > 0)).toBe(true);
});

it('follows live traffic: each settled minute once, throttled requests and silent minutes in it', async () => {
  const { config, clock, twin } = await setUp();
  const random = createRandom('traffic');
  const source = createArrivalSource({ random, runDurationMs, burstiness: 1.3 });
  const cameTo = new Map<FunctionKey, number[]>([
    [orders, []],
    [quotes, []],
  ]);
  const liveCount = 30;
  for (let index = 0; index < liveCount; index++) {
    // Nothing at all comes in one minute: CloudWatch shows nothing of anybody.
    const counts = index === 20 ? [0, 0] : [index % 3 === 0 ? 0 : 3_000, 500];
    for (const [at, key] of [orders, quotes].entries()) {
      const count = counts[at]!;
      twin.feed(key, source.draw({ fromMs: startMs + index * msPerMinute, lengthMs: msPerMinute, count }));
      cameTo.get(key)!.push(count);
    }
  }

  const waiting = await openCloudwatchVolume(config, { env: {}, clock, timers: clock, log: silent }, never);
  const { functions } = await readSystemOptions(config, { untilMs: startMs, signal: never });
  const learnedUntilMs = endOf(functions[0]!.history.history.series);
  // Fifteen days of minutes, read at the start, up to those that had not settled.
  expect(learnedUntilMs).toBe(startMs - 3 * msPerMinute);
  const facts: Fact[] = [];
  const system = {
    admit: (fact: Fact) => (facts.push(fact), 'admitted' as const),
    learnedUntilMs: () => learnedUntilMs,
  };
  const volume = await waiting!.follow(system, functions);
  for (let index = 1; index <= liveCount + 4; index++) {
    clock.advanceTo(startMs + index * msPerMinute);
    twin.advance();
    await volume.read(never);
  }

  expect(twin.countersOf(orders).throttles).toBeGreaterThan(1_000);
  for (const [key, came] of cameTo) {
    const told = facts.flatMap((fact) => (fact.kind === 'volume' && fact.key === key ? [fact] : []));
    const live = told.filter(({ bucketAtMs }) => bucketAtMs >= startMs);
    const expected = came.map((requestCount, index) => ({ index, requestCount })).filter(({ index }) => index !== 20);
    expect(
      live.map(({ bucketAtMs, requestCount }) => ({ index: (bucketAtMs - startMs) / msPerMinute, requestCount })),
    ).toEqual(expected);
  }
});
