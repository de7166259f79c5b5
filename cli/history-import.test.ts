import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { startCloudwatchStub, stubError } from '../collectors/cloudwatch-stub.ts';
import { msPerDay, msPerHour, msPerMinute } from '../core/time.ts';
import { takeWriterLock } from '../store/writer-lock.ts';
import { historyImportVerb } from './history-import.ts';
import type { ExitCode, Terminal } from './verb.ts';

const orders = '123456789012/us-east-1/orders:live';
const quotes = '123456789012/us-east-1/quotes:live';
const nowMs = Date.now();
const hourMs = nowMs - (nowMs % msPerHour);

/** Ten requests a minute for the last two days, but for the last ten minutes. */
const minutes = new Map(
  Array.from({ length: (2 * msPerDay) / msPerMinute - 10 }, (_, index) => [
    hourMs - 2 * msPerDay + index * msPerMinute,
    10,
  ]),
);

async function setUp({ isInteractive = false } = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), 'foreshock-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const stub = await startCloudwatchStub();
  onTestFinished(() => stub.close());
  stub.has({ 'orders:live Invocations': minutes });
  const entry = (key: string, volume: string): string => `
  - function: ${key}
    memoryMb: 1024
    initDurationMs: 800
    runDurationMs: { p50: 60, p99: 250 }
    spilloverRatioMax: 0.001
    concurrencyCeiling: 500
    volume: ${volume}`;
  const config = path.join(folder, 'foreshock.yaml');
  await writeFile(path.join(folder, 'quotes.csv'), 'ts,volume\n');
  await writeFile(
    config,
    `store: kept/store.db
functions:${entry(orders, '{ cloudwatch: true, venue: UTC }')}${entry(quotes, '{ csv: quotes.csv }')}
limits: { concurrencyMax: 800, usdPerHourMax: 20, usdPerEventMax: 15 }
`,
  );
  const said = { out: '', err: '' };
  const terminal: Terminal = {
    env: { AWS_ENDPOINT_URL_CLOUDWATCH: stub.url },
    isInteractive,
    hasColour: false,
    out: (text) => void (said.out += text),
    err: (text) => void (said.err += text),
    signal: new AbortController().signal,
  };
  const run = (...args: readonly string[]): Promise<ExitCode> =>
    historyImportVerb.run(['--cloudwatch', '--config', config, ...args], terminal);
  return { folder, stub, said, run };
}

it('keeps what there is beside the store, and says what, how old, for what price and what it is good for', async () => {
  const { folder, said, run } = await setUp();
  expect(await run('--json')).toBe(0);
  const report = JSON.parse(said.out) as Record<string, unknown>;
  const kept = path.join(folder, 'kept', 'history');
  const [only] = report['functions'] as Record<string, unknown>[];
  expect(report).toMatchObject({ folder: kept, calls: 3, metrics: 9, usd: 0.00009 });
  expect(only).toMatchObject({
    function: orders,
    folder: path.join(kept, '123456789012.us-east-1.orders.live'),
    spans: [
      { grain: '1m', bucketCount: minutes.size, newCount: minutes.size, missingCount: expect.any(Number) as number },
    ],
    newestAgeMs: nowMsApproximately(hourMs - 11 * msPerMinute),
    learned: { grain: '1m', bucketCount: minutes.size, dayCountNeeded: 11, readyAtMs: expect.any(Number) as number },
  });
  expect(await readdir(kept)).toHaveLength(1);
  expect(said.err).toBe('');
});

/** The age at the instant of the reading, which is a little later than this file was loaded. */
function nowMsApproximately(newestAtMs: number): number {
  const leastMs = nowMs - newestAtMs - msPerMinute;
  return { asymmetricMatch: (age: number) => age >= leastMs && age < leastMs + msPerMinute } as unknown as number;
}

it('speaks to people in a table, and shows on a terminal how far it is', async () => {
  const { folder, said, run } = await setUp({ isInteractive: true });
  expect(await run('--out', path.join(folder, 'elsewhere'))).toBe(0);
  expect(said.out).toMatch(/^function +grain +from +until +buckets +missing +new +requests\n/);
  expect(said.out).toContain(`${orders}: newest point ended `);
  expect(said.out).toMatch(/a forecast not before .* \(\d of 11 days\)/);
  expect(said.out).toContain('9 metrics in 3 calls, $0.0001 at 0.01 for 1,000');
  expect(said.err).toMatch(/100 % of 1 functions from http/);
  expect(await readdir(path.join(folder, 'elsewhere'))).toHaveLength(1);
});

it('takes one function by its name, wherever its volume comes from, and ends with 1 when there is nothing of it', async () => {
  const { said, run } = await setUp();
  expect(await run('--function', quotes)).toBe(1);
  expect(said.out).toContain(`${quotes}: CloudWatch has no point of it`);
});

it('names the permission that is missing', async () => {
  const { stub, run } = await setUp();
  stub.answer(stubError(400, 'AccessDenied', 'User: arn:aws:iam::123456789012:user/x is not authorized'));
  await expect(run()).rejects.toMatchObject({
    name: 'InputError',
    message: expect.stringContaining('allow the action cloudwatch:GetMetricData') as string,
  });
});

it.each([
  { name: 'a function that is not there', args: ['--function', `${orders}2`], words: 'has no such function; it has' },
  { name: 'a start in the future', args: ['--from', '2999-01-01'], words: '--from lies so late' },
  { name: 'two folders', args: ['--out', 'a', '--store', 'b'], words: 'one of --out and --store' },
])('refuses $name and asks nothing', async ({ args, words }) => {
  const { stub, run } = await setUp();
  await expect(run(...args)).rejects.toThrow(words);
  expect(stub.requests).toEqual([]);
});

it('leaves the files of a running service alone', async () => {
  const { folder, stub, run } = await setUp();
  await mkdir(path.join(folder, 'kept'));
  const lock = await takeWriterLock(path.join(folder, 'kept', 'store.db'));
  onTestFinished(() => lock.release());
  await expect(run()).rejects.toMatchObject({ code: 'store-locked' });
  expect(stub.requests).toEqual([]);
});
