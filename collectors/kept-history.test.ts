import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerDay, msPerMinute, type EpochMs } from '../core/time.ts';
import { openHistoryKeep, readLearnable, type HistoryKeep, type KeptRow } from './kept-history.ts';

const orders = '123456789012/us-east-1/orders:live' as FunctionKey;
const startMs = Date.UTC(2026, 10, 30, 23, 58);
const minute = (index: number): EpochMs => startMs + index * msPerMinute;
const everything = { fromMs: minute(-200_000), untilMs: minute(200_000) };

const rowsOf = (values: Readonly<Record<number, number>>): readonly KeptRow[] =>
  Object.entries(values).map(([at, volume]) => ({ atMs: minute(Number(at)), volume }));

let keep: HistoryKeep;
let november: string;
beforeEach(async () => {
  const root = await mkdtemp(path.join(tmpdir(), 'foreshock-'));
  onTestFinished(() => rm(root, { recursive: true }));
  keep = openHistoryKeep(root);
  november = path.join(keep.folderOf(orders), '1m-2026-11.csv');
});

const minutesKept = async (): Promise<readonly number[] | undefined> => {
  const kept = await keep.read(orders, '1m', everything);
  return kept && [...kept.series.values];
};

it('reads back what was added, over the end of a month, with what is missing as missing', async () => {
  await keep.append(orders, rowsOf({ 0: 5, 1: 0 }));
  await keep.append(orders, rowsOf({ 2: 7, 4: 1_234_567 }));
  const kept = await keep.read(orders, '1m', everything);
  expect([...kept!.series.values]).toEqual([5, 0, 7, NaN, 1_234_567]);
  expect(kept).toMatchObject({ rowCount: 4, badRowCount: 0, series: { fromMs: minute(0), stepMs: msPerMinute } });
  const part = await keep.read(orders, '1m', { fromMs: minute(1), untilMs: minute(4) });
  expect([...part!.series.values]).toEqual([0, 7, NaN]);
});

it('has nothing of a function, a grain or a time of which nothing was added', async () => {
  expect(await minutesKept()).toBeUndefined();
  await keep.append(orders, rowsOf({ 0: 5 }));
  expect(await keep.read(orders, '5m', everything)).toBeUndefined();
  expect(await keep.read(orders, '1m', { fromMs: minute(1), untilMs: minute(9) })).toBeUndefined();
});

it('adds behind the last row only: a minute that comes twice is kept once, as it came first', async () => {
  await keep.append(orders, rowsOf({ 0: 5, 1: 6 }));
  await keep.append(orders, rowsOf({ 0: 9, 1: 9, 2: 7 }));
  expect(await minutesKept()).toEqual([5, 6, 7]);
});

describe('after a crash in the middle of a line', () => {
  // A cut row would read as a smaller number: 12 for 1234.
  const whole = `ts,volume\n2026-11-30T23:58:00Z,5\n`;
  it.each([
    { name: 'cut in a number', tail: '2026-11-30T23:59:00Z,12' },
    { name: 'cut in a time', tail: '2026-11-3' },
    { name: 'filled with zeros by a power cut', tail: '\0\0\0\0\0\0\0\0' },
  ])('$name, the half line is not read, and the next row replaces it', async ({ tail }) => {
    await keep.append(orders, rowsOf({ 0: 5 }));
    await appendFile(november, tail);
    expect(await minutesKept()).toEqual([5]);
    await keep.append(orders, rowsOf({ 1: 1234 }));
    expect(await minutesKept()).toEqual([5, 1234]);
    expect(await readFile(november, 'utf8')).toBe(`${whole}2026-11-30T23:59:00Z,1234\n`);
  });

  it.each([{ left: '' }, { left: 'ts,vol' }, { left: 'ts,volume\n' }])(
    'before the first row ($left)',
    async ({ left }) => {
      await keep.append(orders, rowsOf({ 0: 5 }));
      await writeFile(november, left);
      expect(await minutesKept()).toBeUndefined();
      await keep.append(orders, rowsOf({ 0: 6 }));
      expect(await minutesKept()).toEqual([6]);
    },
  );
});

it('fills in what is missing, and overwrites nothing', async () => {
  await keep.append(orders, rowsOf({ 0: 5, 3: 8 }));
  expect(await keep.fill(orders, '1m', rowsOf({ '-1': 1, 0: 9, 1: 6, 3: 9, 4: 2 }))).toBe(3);
  expect(await minutesKept()).toEqual([1, 5, 6, NaN, 8, 2]);
  expect(await keep.fill(orders, '1m', rowsOf({ 0: 9, 1: 9 }))).toBe(0);
  await keep.append(orders, rowsOf({ 5: 3 }));
  expect(await minutesKept()).toEqual([1, 5, 6, NaN, 8, 2, 3]);
});

it('refuses a file that is not what was written there, by its name', async () => {
  await keep.append(orders, rowsOf({ 0: 5 }));
  await writeFile(november, 'ts,requests\n2026-11-30T23:58:00Z,5\n');
  await expect(minutesKept()).rejects.toMatchObject({
    name: 'InputError',
    message: expect.stringContaining(`${november}:1: no column volume`) as string,
  });
});

describe('what a forecaster learns', () => {
  const nowMs = Date.UTC(2026, 10, 20);
  const span = (days: number, stepMs: number, volume: number): readonly KeptRow[] =>
    Array.from({ length: (days * msPerDay) / stepMs }, (_, index) => ({
      atMs: nowMs - days * msPerDay + index * stepMs,
      volume,
    }));
  const learn = () => readLearnable(keep.folderOf(orders), nowMs);

  it('is nothing where nothing is kept, and minutes where there is nothing else', async () => {
    expect(await learn()).toBeUndefined();
    await keep.fill(orders, '1m', span(2, msPerMinute, 1));
    expect(await learn()).toMatchObject({ grain: '1m', rowCount: 2_880 });
  });

  it('is five minutes while few minutes are kept, which are summed into them', async () => {
    const old = span(10, 5 * msPerMinute, 50).filter(({ atMs }) => atMs < nowMs - 2 * msPerDay);
    await keep.fill(orders, '5m', old);
    // The newest five minutes have one missing: a part of a sum is no sum.
    await keep.fill(orders, '1m', span(2, msPerMinute, 3).slice(0, -1));
    const learned = await learn();
    expect(learned).toMatchObject({ grain: '5m', series: { stepMs: 5 * msPerMinute } });
    const values = [...learned!.series.values];
    expect(values.slice(0, 8 * 288)).toEqual(Array.from({ length: 8 * 288 }, () => 50));
    expect(values.slice(8 * 288)).toEqual(Array.from({ length: 2 * 288 - 1 }, () => 15));
  });

  it.each([
    { days: 35, grain: '1m' },
    { days: 34, grain: '5m' },
  ])('is $grain once minutes of $days days are kept', async ({ days, grain }) => {
    await keep.fill(orders, '5m', span(60, 5 * msPerMinute, 50));
    await keep.fill(orders, '1m', span(days, msPerMinute, 10));
    expect((await learn())!.grain).toBe(grain);
  });

  it('is never an hour: it does not say which of its minutes was the peak', async () => {
    await keep.fill(orders, '1h', span(300, 60 * msPerMinute, 600));
    expect(await learn()).toBeUndefined();
  });

  it('reads no bucket that ends after the instant asked for', async () => {
    await keep.fill(orders, '5m', span(2, 5 * msPerMinute, 50));
    const { series } = (await readLearnable(keep.folderOf(orders), nowMs - msPerDay - msPerMinute))!;
    expect(series.fromMs + series.values.length * series.stepMs).toBe(nowMs - msPerDay - 5 * msPerMinute);
  });
});
