import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createRandom } from '../core/random.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerDay, msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import { createVirtualClock } from '../core/virtual-clock.ts';
import { openMetricReader } from './cloudwatch.ts';
import { importHistory, importMetricCount, planImport, type ImportProgress } from './cloudwatch-import.ts';
import { startCloudwatchStub } from './cloudwatch-stub.ts';
import { openHistoryKeep } from './kept-history.ts';

const orders = '123456789012/us-east-1/orders:live' as FunctionKey;
const quotes = '123456789012/us-east-1/quotes:live' as FunctionKey;
const nowMs = Date.UTC(2026, 10, 20, 12, 34, 56);
const settleMs = 3 * msPerMinute + 1_000;

it('plans each age at its finest grain, meeting on full hours, none about to be forgotten', () => {
  const at = (iso: string): EpochMs => Date.parse(iso);
  expect(planImport(nowMs, { settleMs })).toEqual([
    { grain: '1m', fromMs: at('2026-11-05T13:00:00Z'), untilMs: at('2026-11-20T12:31:00Z') },
    { grain: '5m', fromMs: at('2026-09-18T13:00:00Z'), untilMs: at('2026-11-05T13:00:00Z') },
    { grain: '1h', fromMs: at('2025-08-22T13:00:00Z'), untilMs: at('2026-09-18T13:00:00Z') },
  ]);
});

it.each([
  { name: 'ten days', fromMs: nowMs - 10 * msPerDay, grains: ['1m'] },
  { name: 'sixteen', fromMs: nowMs - 16 * msPerDay, grains: ['1m', '5m'] },
  { name: 'two years', fromMs: nowMs - 730 * msPerDay, grains: ['1m', '5m', '1h'] },
  { name: 'a minute that has not settled', fromMs: nowMs - msPerMinute, grains: [] },
])('plans $name as $grains', ({ fromMs, grains }) => {
  const spans = planImport(nowMs, { settleMs, fromMs });
  expect(spans.map(({ grain }) => grain)).toEqual(grains);
  expect(Math.min(...spans.map((span) => span.fromMs))).toBeGreaterThanOrEqual(fromMs);
});

/** A point each step over a span. */
const every = (stepMs: number, fromMs: EpochMs, untilMs: EpochMs, value: number): [EpochMs, number][] =>
  Array.from({ length: Math.ceil((untilMs - fromMs) / stepMs) }, (_, index) => [fromMs + index * stepMs, value]);

it('keeps each grain as it came, zeros where others were busy, and adds only what is new the second time', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'foreshock-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const stub = await startCloudwatchStub();
  onTestFinished(() => stub.close());
  const clock = createVirtualClock(nowMs);
  const random = createRandom('import');
  const reader = openMetricReader({ region: 'us-east-1', endpointUrl: stub.url, clock, timers: clock, random });
  const keep = openHistoryKeep(folder);
  const [minutes, fives, hours] = planImport(nowMs, { settleMs });
  // Quotes is always busy, orders since twenty days: in its fives two of five minutes, in its minutes one hour with throttles.
  const bornMs = fives!.untilMs - 5 * msPerDay;
  const busyMs = minutes!.untilMs - msPerHour;
  stub.has({
    'quotes:live Invocations': new Map([
      ...every(msPerHour, hours!.fromMs, hours!.untilMs, 3_600),
      ...every(5 * msPerMinute, fives!.fromMs, fives!.untilMs, 300),
      ...every(msPerMinute, minutes!.fromMs, minutes!.untilMs - 10 * msPerMinute, 60),
    ]),
    'orders:live Invocations': new Map([
      ...every(10 * msPerMinute, bornMs, fives!.untilMs, 20),
      ...every(msPerMinute, busyMs, minutes!.untilMs, 7),
    ]),
    'orders:live Throttles': new Map(every(msPerMinute, busyMs, minutes!.untilMs, 3)),
  });
  const progress: ImportProgress[] = [];
  const spans = planImport(nowMs, { settleMs });
  const options = {
    keys: [orders, quotes],
    reader,
    keep,
    spans,
    signal: new AbortController().signal,
    onProgress: (one: ImportProgress) => void progress.push(one),
  };
  const [ofOrders, ofQuotes] = await importHistory(options);

  expect(ofOrders!.spans).toMatchObject([
    // Silent minutes are zeros: quotes shows that CloudWatch had them.
    { grain: '1m', fromMs: minutes!.fromMs, missingCount: 0, requestCount: 60 * 10 },
    // Nothing before its first request: nobody knows whether it was there.
    { grain: '5m', fromMs: bornMs, bucketCount: 5 * 288, missingCount: 0, requestCount: 5 * 144 * 20 },
  ]);
  expect(ofQuotes!.spans.map(({ grain, bucketCount, missingCount }) => ({ grain, bucketCount, missingCount }))).toEqual(
    [
      { grain: '1m', bucketCount: (minutes!.untilMs - minutes!.fromMs) / msPerMinute, missingCount: 0 },
      { grain: '5m', bucketCount: 48 * 288, missingCount: 0 },
      { grain: '1h', bucketCount: 392 * 24, missingCount: 0 },
    ],
  );
  const kept = await keep.read(orders, '1m', { fromMs: busyMs - msPerMinute, untilMs: busyMs + msPerMinute });
  expect([...kept!.series.values]).toEqual([0, 10]);

  expect(reader.use().metricCount).toBe(importMetricCount(2, spans));
  expect(progress.map(({ doneRatio }) => doneRatio)).toEqual(progress.map(({ doneRatio }) => doneRatio).toSorted());
  expect(progress.at(-1)!.doneRatio).toBe(1);
  const again = await importHistory(options);
  expect(again.flatMap((one) => one.spans.map(({ newCount }) => newCount))).toEqual([0, 0, 0, 0, 0]);
});

it('says of a function that CloudWatch does not know that there is nothing, and keeps nothing of it', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'foreshock-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const busyAtMs = nowMs - (nowMs % msPerHour) - msPerHour;
  const reader = {
    endpointName: 'a test',
    use: () => ({ callCount: 0, metricCount: 0 }),
    read: (queries: readonly { readonly id: string }[]) =>
      Promise.resolve({
        points: new Map(queries.map(({ id }) => [id, new Map(id === 'account' ? [[busyAtMs, 1]] : [])])),
        readAtMs: nowMs,
      }),
  };
  const keep = openHistoryKeep(folder);
  const spans = planImport(nowMs, { settleMs });
  const signal = new AbortController().signal;
  const imported = await importHistory({ keys: [orders], reader, keep, spans, signal });
  expect(imported).toEqual([{ key: orders, spans: [], newestAtMs: null }]);
  expect(await keep.read(orders, '1m', { fromMs: 0, untilMs: nowMs })).toBeUndefined();
});
