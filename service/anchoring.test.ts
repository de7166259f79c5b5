import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { WorldError } from '../core/errors.ts';
import { msPerHour, msPerMinute, msPerSecond } from '../core/time.ts';
import { createVirtualClock } from '../core/virtual-clock.ts';
import { readAnchor } from '../store/anchor.ts';
import type { AuditHead } from '../store/audit-log.ts';
import { createPrintSink, openFileSink, type AnchorSink } from './anchor-sink.ts';
import { createAnchoring } from './anchoring.ts';
import type { Log, LogFields } from './log.ts';
import { silentLog } from './sample.ts';

const headOf = (seq: number): AuditHead => ({ seq, hash: String(seq % 10).repeat(64) });

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'foreshock-anchor-'));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

/** What hangs on answered writes runs in one turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

function start(sinks: readonly AnchorSink[], intervalMs = msPerHour) {
  const clock = createVirtualClock(0);
  const warnings: LogFields[] = [];
  const infos: string[] = [];
  const log: Log = {
    ...silentLog,
    warn: (_, fields) => void warnings.push(fields ?? {}),
    info: (event) => void infos.push(event),
  };
  const aborted = new AbortController();
  const state: { head: AuditHead | undefined } = { head: undefined };
  const anchoring = createAnchoring({
    sinks,
    intervalMs,
    head: () => state.head,
    clock,
    timers: clock,
    log,
    signal: aborted.signal,
  });
  const wakeAt = async (atMs: number, seq: number): Promise<void> => {
    clock.advanceTo(atMs);
    state.head = headOf(seq);
    await anchoring.writeWhenDue();
  };
  return { anchoring, clock, wakeAt, warnings, infos, state, abort: () => aborted.abort() };
}

/** Fails its first `failureCount` attempts. */
function createFlakySink(failureCount: number, retryable: boolean) {
  const attempts: number[] = [];
  const sink: AnchorSink = {
    name: 'flaky',
    async write({ seq }) {
      attempts.push(seq);
      if (attempts.length <= failureCount) throw new WorldError('away', 'it is away', { retryable });
    },
  };
  return { sink, attempts };
}

it('writes a line for each interval whose head is new, after those that are there, and the last at the stop', async () => {
  const file = path.join(folder(), 'anchor.jsonl');
  writeFileSync(file, '');
  let printed = '';
  const { wakeAt, anchoring, state, clock } = start([
    await openFileSink(file),
    createPrintSink((text) => void (printed += text)),
  ]);
  await anchoring.writeWhenDue();
  for (const [minutes, seq] of [
    [61, 3],
    [62, 5],
    [119, 6],
    [120, 6],
    [121, 7],
    [180, 6],
    [240, 8],
  ] as const)
    await wakeAt(minutes * msPerMinute, seq);
  state.head = headOf(9);
  await anchoring.writeLast();
  await anchoring.writeLast();
  expect(readAnchor(readFileSync(file, 'utf8'), { name: file }).map(({ seq, atMs }) => [seq, atMs])).toEqual([
    [3, 61 * msPerMinute],
    [6, 120 * msPerMinute],
    [8, 240 * msPerMinute],
    [9, clock.nowMs()],
  ]);
  expect(printed).toBe(readFileSync(file, 'utf8'));
});

it('is refused at once when a file cannot be written', async () => {
  const blocked = path.join(folder(), 'file');
  writeFileSync(blocked, '');
  const file = path.join(blocked, 'anchor.jsonl');
  await expect(openFileSink(file)).rejects.toThrow(`the anchor file ${file} of the configuration cannot be written`);
});

it.each([
  { name: 'comes back at the third attempt', failureCount: 2, retryable: true, attempts: [5, 5, 5], failedCount: 0 },
  { name: 'is away for the whole hour', failureCount: 3, retryable: true, attempts: [5, 5, 5, 8], failedCount: 1 },
  { name: 'refuses', failureCount: 1, retryable: false, attempts: [5, 8], failedCount: 1 },
])('a place that $name', async ({ failureCount, retryable, attempts: expected, failedCount }) => {
  const flaky = createFlakySink(failureCount, retryable);
  const lines: string[] = [];
  const { wakeAt, clock, warnings, infos, state, anchoring } = start([
    flaky.sink,
    createPrintSink((text) => void lines.push(text)),
  ]);
  state.head = headOf(5);
  const written = anchoring.writeWhenDue();
  await turn();
  // The other place has its line already.
  expect(lines).toHaveLength(1);
  for (const seconds of [1, 6]) {
    clock.advanceTo(seconds * msPerSecond);
    await turn();
  }
  await written;
  expect(warnings.map((fields) => fields['failedCount'])).toEqual(failedCount === 0 ? [] : [failedCount]);
  await wakeAt(30 * msPerMinute, 6);
  if (failedCount > 0) await wakeAt(msPerHour, 8);
  expect(flaky.attempts).toEqual(expected);
  expect(infos).toEqual(failedCount > 0 ? ['anchor.written'] : []);
  expect(
    warnings.every(({ consequence }) => String(consequence).startsWith('events up to 5 are held by the chain alone')),
  ).toBe(true);
});

it('waits for no further attempt once it is to stop, and makes one at the stop', async () => {
  const flaky = createFlakySink(9, true);
  const { anchoring, state, abort, warnings } = start([flaky.sink]);
  state.head = headOf(5);
  const written = anchoring.writeWhenDue();
  await turn();
  abort();
  await written;
  await anchoring.writeLast();
  await anchoring.writeWhenDue();
  expect(flaky.attempts).toEqual([5, 5]);
  expect(warnings).toHaveLength(2);
});
