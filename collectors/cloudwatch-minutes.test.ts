import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerMinute, type EpochMs } from '../core/time.ts';
import type { MetricReader, MetricSpan } from './cloudwatch.ts';
import { openMinuteCollector, type MinuteCollector, type ToldMinutes } from './cloudwatch-minutes.ts';
import { openHistoryKeep, type HistoryKeep } from './kept-history.ts';

const orders = '123456789012/us-east-1/orders:live' as FunctionKey;
const quotes = '123456789012/us-east-1/quotes:live' as FunctionKey;

const startMs = Date.UTC(2026, 10, 20, 12);
const minute = (index: number): EpochMs => startMs + index * msPerMinute;

/** CloudWatch as the collector sees it: by metric (`orders Invocations`, `account`), minutes from the start to values. */
type Shown = Readonly<Record<string, Readonly<Record<number, number>>>>;

const names: Readonly<Record<string, string>> = {
  'orders Invocations': `${orders} Invocations Sum`,
  'orders Throttles': `${orders} Throttles Sum`,
  'quotes Invocations': `${quotes} Invocations Sum`,
  account: 'account',
};

interface Setting {
  readonly keys?: readonly FunctionKey[];
  readonly metricsPerHourMax?: number;
  readonly runDurationMsP99?: number;
}

async function setUp({ keys = [orders], metricsPerHourMax = 12_100, runDurationMsP99 = 1_000 }: Setting = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), 'foreshock-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const world = { nowMs: startMs, shown: {} as Shown, failure: undefined as Error | undefined };
  const spans: MetricSpan[] = [];
  const reader: MetricReader = {
    endpointName: 'a test',
    use: () => ({ callCount: spans.length, metricCount: 0 }),
    async read(queries, span) {
      spans.push(span);
      if (world.failure) throw world.failure;
      const shown = new Map(Object.entries(world.shown).map(([name, points]) => [names[name]!, points]));
      const pointsOf = (id: string): ReadonlyMap<EpochMs, number> => {
        const points = Object.entries(shown.get(id) ?? {}).map(([at, value]) => [minute(Number(at)), value] as const);
        return new Map(points.filter(([atMs]) => atMs >= span.fromMs && atMs < span.untilMs));
      };
      return { points: new Map(queries.map(({ id }) => [id, pointsOf(id)])), readAtMs: world.nowMs };
    },
  };
  const keep = openHistoryKeep(folder);
  const open = (): Promise<MinuteCollector> =>
    openMinuteCollector({
      functions: keys.map((key) => ({ key, runDurationMsP99 })),
      reader,
      keep,
      clock: { nowMs: () => world.nowMs },
      metricsPerHourMax,
    });
  return { world, spans, keep, open, folder };
}

const never = new AbortController().signal;

async function collectFrom(collector: MinuteCollector): Promise<readonly ToldMinutes[]> {
  const told: ToldMinutes[] = [];
  await collector.collect({ signal: never, tell: (one) => void told.push(one) });
  return told;
}

/** What a reading at this minute tells of one function: minutes from the start to counts. */
async function toldAt(
  collector: MinuteCollector,
  world: { nowMs: EpochMs; shown: Shown },
  { at, shown, key = orders }: { readonly at: number; readonly shown: Shown; readonly key?: FunctionKey },
): Promise<Readonly<Record<number, number>>> {
  world.nowMs = minute(at);
  world.shown = shown;
  const told = await collectFrom(collector);
  const rows = told.find((one) => one.key === key)?.rows ?? [];
  return Object.fromEntries(rows.map(({ atMs, volume }) => [(atMs - startMs) / msPerMinute, volume]));
}

const keptMinutes = async (keep: HistoryKeep, key = orders): Promise<readonly number[]> => {
  const kept = await keep.read(key, '1m', { fromMs: minute(-1_000), untilMs: minute(1_000) });
  return [...(kept?.series.values ?? [])];
};

it.each([
  { name: 'a second before it has settled', nowMs: minute(5) - 1, told: 0 },
  { name: 'once its wait is over', nowMs: minute(5), told: 1 },
])('tells a minute $name: $told', async ({ nowMs, told }) => {
  // Minute 0 ends at 1; the wait of three minutes and a run of one ends at 5.
  const { world, open } = await setUp({ runDurationMsP99: msPerMinute });
  const collector = await open();
  world.shown = { 'orders Invocations': { 0: 7 } };
  world.nowMs = nowMs;
  expect(await collectFrom(collector)).toHaveLength(told);
});

it('counts throttled requests as demand, and takes one of the two metrics alone', async () => {
  const { world, open } = await setUp();
  const shown = { 'orders Invocations': { 0: 5, 1: 6 }, 'orders Throttles': { 1: 4, 2: 3 } };
  expect(await toldAt(await open(), world, { at: 10, shown })).toEqual({ 0: 5, 1: 10, 2: 3 });
});

it('says which minutes were throttled: more may have wanted to come', async () => {
  const { world, open } = await setUp();
  world.nowMs = minute(10);
  world.shown = { 'orders Invocations': { 0: 5, 1: 6, 2: 7 }, 'orders Throttles': { 0: 0, 1: 4 } };
  const [told] = await collectFrom(await open());
  expect(told!.rows.map(({ isSaturated }) => isSaturated)).toEqual([undefined, true, undefined]);
});

it('takes silence for zero only in minutes that CloudWatch has shown to have', async () => {
  const { world, open } = await setUp({ keys: [orders, quotes] });
  const collector = await open();
  const shown = {
    'orders Invocations': { 0: 5, 5: 6 },
    'quotes Invocations': { 1: 9 },
    account: { 2: 40, 3: 40 },
  };
  // Minute 4 has nothing of anybody: not zero, missing.
  expect(await toldAt(collector, world, { at: 10, shown })).toEqual({ 0: 5, 1: 0, 2: 0, 3: 0, 5: 6 });
  expect(collector.status()[0]).toMatchObject({ missingCount: 1, newestAtMs: minute(5), newestAgeMs: 4 * msPerMinute });
});

it('says nothing of the time before a function was first seen', async () => {
  const { world, open } = await setUp();
  const shown = { account: Object.fromEntries(Array.from({ length: 10 }, (_, at) => [at, 1])) };
  const collector = await open();
  expect(await toldAt(collector, world, { at: 8, shown })).toEqual({});
  expect(await toldAt(collector, world, { at: 14, shown: { ...shown, 'orders Invocations': { 9: 2 } } })).toEqual({
    9: 2,
  });
  expect(collector.status()[0]!.missingCount).toBe(0);
});

it('waits where nothing is known, and goes on with all of it when CloudWatch is back', async () => {
  const { world, open } = await setUp();
  const collector = await open();
  expect(await toldAt(collector, world, { at: 10, shown: { 'orders Invocations': { 0: 1 } } })).toEqual({ 0: 1 });
  expect(await toldAt(collector, world, { at: 40, shown: { 'orders Invocations': { 0: 1 } } })).toEqual({});
  const shown = { 'orders Invocations': { 0: 1, 1: 2, 2: 3, 30: 4 } };
  expect(await toldAt(collector, world, { at: 50, shown })).toEqual({ 1: 2, 2: 3, 30: 4 });
});

it.each([
  { name: 'is waited for', silentAt: 180, told: { 5: 3, 12: 4 } },
  { name: 'is given up after three hours', silentAt: 190, told: { 12: 4 } },
])('a minute of which nothing is known $name', async ({ silentAt, told }) => {
  const { world, open } = await setUp();
  const collector = await open();
  await toldAt(collector, world, { at: 10, shown: { 'orders Invocations': { 0: 1 } } });
  expect(await toldAt(collector, world, { at: silentAt, shown: {} })).toEqual({});
  const shown = { 'orders Invocations': { 5: 3, 12: 4 } };
  expect(await toldAt(collector, world, { at: silentAt + 1, shown })).toEqual(told);
  expect(collector.status()[0]!.missingCount).toBe(12 - Object.keys(told).length);
});

it('reads those that are about as far together, and who is far behind alone, in steps', async () => {
  const { world, keep, open, spans } = await setUp({ keys: [orders, quotes] });
  await keep.append(quotes, [{ atMs: minute(-1), volume: 1 }]);
  await keep.append(orders, [{ atMs: minute(-10_000), volume: 1 }]);
  world.shown = {
    'orders Invocations': Object.fromEntries(Array.from({ length: 9_000 }, (_, at) => [at - 9_500, 1])),
    'quotes Invocations': { 0: 1 },
  };
  world.nowMs = minute(5);
  const collector = await open();
  const told: ToldMinutes[] = [];
  const collecting = { signal: never, tell: (one: ToldMinutes) => void told.push(one), rowCountMax: 2 * 1_000 };
  await collector.collect(collecting);
  expect(spans).toMatchObject([
    { fromMs: minute(-10_000 + 1 - 15), untilMs: minute(-10_000 + 1 + 1_000) },
    { fromMs: minute(-15), untilMs: minute(6) },
  ]);
  // A thousand minutes: 499 of which nothing is known, and 501.
  expect(told.map(({ key, rows }) => [key, rows.length])).toEqual([
    [orders, 501],
    [quotes, 1],
  ]);
  for (let reading = 0; reading < 9; reading++) await collector.collect(collecting);
  expect(told.filter(({ key }) => key === orders).reduce((sum, { rows }) => sum + rows.length, 0)).toBe(9_000);
});

it('begins no call after its deadline, and reads the rest the next time', async () => {
  const { world, keep, open, spans } = await setUp({ keys: [orders, quotes] });
  await keep.append(quotes, [{ atMs: minute(-1), volume: 1 }]);
  const collector = await open();
  const collecting = { signal: never, tell: () => undefined };
  await collector.collect({ ...collecting, deadlineMs: world.nowMs - 1 });
  expect(spans).toEqual([]);
  await collector.collect(collecting);
  expect(spans).toHaveLength(2);
});

it('tells a minute once; what is reported later is counted as late and changes nothing', async () => {
  const { world, keep, open } = await setUp();
  const collector = await open();
  expect(await toldAt(collector, world, { at: 5, shown: { 'orders Invocations': { 0: 10 } } })).toEqual({ 0: 10 });
  expect(await toldAt(collector, world, { at: 6, shown: { 'orders Invocations': { 0: 13, 1: 4 } } })).toEqual({ 1: 4 });
  expect(await toldAt(collector, world, { at: 7, shown: { 'orders Invocations': { 0: 13, 1: 4 } } })).toEqual({});
  expect(collector.status()[0]!.lateRequestCount).toBe(3);
  expect(await keptMinutes(keep)).toEqual([10, 4]);
});

it('has kept what it told, and goes on behind it after a restart', async () => {
  const { world, keep, open, spans } = await setUp();
  const first = { 'orders Invocations': { 0: 1, 1: 2 } };
  await toldAt(await open(), world, { at: 10, shown: first });
  expect(await keptMinutes(keep)).toEqual([1, 2]);
  const again = await open();
  const shown = { 'orders Invocations': { 0: 1, 1: 2, 4: 3 }, account: { 3: 1 } };
  expect(await toldAt(again, world, { at: 20, shown })).toEqual({ 3: 0, 4: 3 });
  // From the cursor, and a quarter of an hour back for what comes late.
  expect(spans.at(-1)!.fromMs).toBe(minute(2 - 15));
});

it('tells nothing where the reading failed, and the same minutes at the next', async () => {
  const { world, open } = await setUp();
  const collector = await open();
  world.failure = new Error('no luck');
  await expect(toldAt(collector, world, { at: 10, shown: {} })).rejects.toThrow('no luck');
  world.failure = undefined;
  expect(await toldAt(collector, world, { at: 11, shown: { 'orders Invocations': { 0: 1 } } })).toEqual({ 0: 1 });
});

it('states how far CloudWatch lags, by whatever it has', async () => {
  const { world, open } = await setUp();
  const collector = await open();
  expect(collector.lagMs()).toBeNull();
  await toldAt(collector, world, { at: 10, shown: { 'orders Invocations': { 0: 1 }, account: { 7: 1 } } });
  expect(collector.lagMs()).toBe(2 * msPerMinute);
});

// 2 metrics a function and 1 for all; the limit stands for dollars.
it.each([
  { functionCount: 1, metricsPerHourMax: 180, minutes: 1 },
  { functionCount: 1, metricsPerHourMax: 179, minutes: 2 },
  { functionCount: 100, metricsPerHourMax: 12_100, minutes: 1 },
  { functionCount: 101, metricsPerHourMax: 12_100, minutes: 2 },
  { functionCount: 500, metricsPerHourMax: 12_100, minutes: 5 },
])('reads $functionCount functions under $metricsPerHourMax metrics an hour every $minutes minutes', async (one) => {
  const keys = Array.from(
    { length: one.functionCount },
    (_, at) => `123456789012/us-east-1/f${at}:live` as FunctionKey,
  );
  const { world, open } = await setUp({ keys, metricsPerHourMax: one.metricsPerHourMax });
  const collector = await open();
  expect(collector.intervalMs).toBe(one.minutes * msPerMinute);
  world.nowMs = startMs + 1;
  expect(collector.isDue()).toBe(true);
  await collectFrom(collector);
  world.nowMs = minute(one.minutes) - 1;
  expect(collector.isDue()).toBe(false);
  world.nowMs = minute(one.minutes);
  expect(collector.isDue()).toBe(true);
});

it('writes minutes that a person can read, a file a month', async () => {
  const { world, open, folder, keep } = await setUp();
  const shown = { 'orders Invocations': { 0: 1, 20_000: 2 } };
  await toldAt(await open(), world, { at: 20_010, shown });
  expect(await readdir(folder)).toEqual(['123456789012.us-east-1.orders.live']);
  expect(await readdir(keep.folderOf(orders))).toEqual(['1m-2026-11.csv', '1m-2026-12.csv']);
  const text = await readFile(path.join(keep.folderOf(orders), '1m-2026-12.csv'), 'utf8');
  expect(text).toBe('ts,volume\n2026-12-04T09:20:00Z,2\n');
});
