import { createRequire } from 'node:module';
import type { Worker } from 'node:worker_threads';
import { SpanKind, type TracerProvider } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { expect, it, onTestFinished, vi } from 'vitest';
import { encodeProto } from '../collectors/fixtures/otlp-encode.ts';
import { Secret } from '../config/secrets.ts';
import type { OtlpSettings } from '../config/trace-settings.ts';
import type { Timers } from '../core/time.ts';
import type { WindowDelta } from '../core/window.ts';
import type { LogFields } from './log.ts';
import { realClock } from './real-time.ts';
import { startThread } from './receiver-threads.ts';
import { openSpanReceiver, type ReceiverPorts, type SpanReceiver } from './span-receiver.ts';

const key = '123456789012/us-east-1/orders:live';
const arn = 'arn:aws:lambda:us-east-1:123456789012:function:orders';
const config = { functions: [{ spec: { key } }], signals: [] } as unknown as Parameters<typeof openSpanReceiver>[1];
const otlp: OtlpSettings = { host: '127.0.0.1', port: 0, samplingRatio: 1, senders: [] };

/** Threads that are real, and timers that run when they are told to. */
async function open(aliasOf: ReceiverPorts['aliasOf'] = () => undefined, settings: Partial<OtlpSettings> = {}) {
  const due = new Set<() => void>();
  const timers: Timers = {
    after(_, run) {
      due.add(run);
      return () => void due.delete(run);
    },
  };
  const runDue = (): void => {
    const runs = [...due];
    due.clear();
    for (const run of runs) run();
  };
  const threads = new Map<string, Worker>();
  const logged: [string, LogFields?][] = [];
  const note = (event: string, fields?: LogFields): void => void logged.push(fields ? [event, fields] : [event]);
  const receiver = await openSpanReceiver({ ...otlp, ...settings }, config, {
    clock: realClock,
    timers,
    aliasOf,
    log: { debug: note, info: note, warn: note, error: note },
    startThread(name, start, port) {
      const thread = startThread(name, start, port);
      threads.set(name, thread);
      return thread;
    },
  });
  onTestFinished(() => receiver.close());
  /** Asks for seals until one has something in it. */
  const sealed = (): Promise<WindowDelta[]> =>
    vi.waitFor(() => {
      runDue();
      const deltas = [...receiver.seal(realClock.nowMs())];
      expect(deltas).not.toEqual([]);
      return deltas;
    });
  return { receiver, threads, logged, runDue, sealed };
}

async function send({ url }: Pick<SpanReceiver, 'url'>, attributes: Record<string, string>): Promise<number> {
  const endNs = BigInt(realClock.nowMs()) * 1_000_000n;
  const span = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: '00f067aa0ba902b7', kind: 2 };
  const body = encodeProto([{ attributes, spans: [{ ...span, startNs: endNs - 5_000_000n, endNs }] }]);
  const headers = { 'content-type': 'application/x-protobuf' };
  const response = await fetch(`${url}/v1/traces`, { method: 'POST', headers, body: new Uint8Array(body) });
  await response.arrayBuffer();
  return response.status;
}

it('hands on what an SDK sends, from its threads to the tick, with all that a delta has', async () => {
  const senders = [{ name: 'sdk', token: new Secret('token'), samplingRatio: 0.5, countsDemand: false }];
  const { receiver, sealed } = await open(undefined, { senders });
  const requireBySdk = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/sdk-node'));
  const sdk = requireBySdk('@opentelemetry/sdk-trace') as {
    readonly TracerProvider: new (options: object) => TracerProvider & { shutdown(): Promise<void> };
    readonly SimpleSpanProcessor: new (options: object) => object;
  };
  const exporter = new OTLPTraceExporter({
    url: `${receiver.url}/v1/traces`,
    headers: { authorization: 'Bearer token' },
  });
  const provider = new sdk.TracerProvider({ spanProcessors: [new sdk.SimpleSpanProcessor({ exporter })] });
  const attributes = { 'cloud.resource_id': `${arn}:live`, 'faas.version': '7', 'faas.instance': 'a' };
  const endMs = Math.floor(realClock.nowMs() / 1_000) * 1_000 - 1_000;
  const span = provider
    .getTracer('sample')
    .startSpan('orders', { kind: SpanKind.SERVER, startTime: endMs - 250, attributes });
  span.end(endMs);
  await provider.shutdown();
  const { traceId } = span.spanContext();
  expect(await sealed()).toEqual([
    {
      key,
      secondAtMs: endMs,
      sender: 'sdk',
      spanCount: 1,
      requestCount: 2,
      errorCount: 0,
      throttleCount: 0,
      coldStartCount: 0,
      provisionedInitCount: 0,
      deadLetterCount: 0,
      durationMs: [expect.any(Number), 2],
      selfMsSum: 500,
      valueSum: 500,
      instances: [expect.any(Number)],
      versions: { '7': 1 },
      examples: { slowest: [traceId], failed: [] },
    },
  ]);
  expect(receiver.senders()).toMatchObject([{ sender: 'sdk', counts: { received: 1 } }]);
});

// Goal: an alias that becomes known here is known there from the next seal on, not from the next minute.
it('asks for the alias of a version, and takes it when it is known', async () => {
  const aliases = new Map<string, string>();
  const { receiver, runDue, sealed } = await open((functionArn, version) => aliases.get(`${functionArn}:${version}`));
  const attributes = { 'cloud.resource_id': arn, 'faas.version': '7', 'service.name': 'orders' };
  expect(await send(receiver, attributes)).toBe(200);
  expect(await sealed()).toMatchObject([{ key: 'service:orders' }]);
  aliases.set(`${arn}:7`, 'live');
  await vi.waitFor(async () => {
    runDue();
    await send(receiver, attributes);
    expect((await sealed()).map((delta) => delta.key)).toContain(key);
  });
});

it.each(['receiver-listener', 'receiver-folder'])('starts anew when %s dies, and says so until then', async (name) => {
  const { receiver, threads, logged, runDue, sealed } = await open();
  expect(receiver.standing()).toMatchObject({ ready: true });
  await threads.get(name)!.terminate();
  await vi.waitFor(() => expect(receiver.standing()).toMatchObject({ ready: false }));
  expect(receiver.standing().because).toMatch(/^the receiver of traces stopped at .+ and is started again$/);
  await vi.waitFor(() => {
    runDue();
    expect(receiver.standing().ready).toBe(true);
  });
  expect(logged.map(([event]) => event)).toEqual(['traces.stopped', 'traces.listening']);
  expect(await send(receiver, { 'service.name': 'gateway' })).toBe(200);
  expect(await sealed()).toMatchObject([{ key: 'service:gateway', spanCount: 1 }]);
});

it('has what was answered before it closed in the last seal, and its port free', async () => {
  const { receiver } = await open();
  expect(await send(receiver, { 'service.name': 'gateway' })).toBe(200);
  await receiver.close();
  expect(receiver.seal(realClock.nowMs())).toMatchObject([{ key: 'service:gateway', spanCount: 1 }]);
  const { port } = new URL(receiver.url);
  const { receiver: next } = await open(undefined, { port: Number(port) });
  expect(next.url).toBe(receiver.url);
});

it('says in a line why it cannot listen', async () => {
  const { receiver } = await open();
  const port = Number(new URL(receiver.url).port);
  await expect(open(undefined, { port })).rejects.toThrow(
    `cannot receive traces on 127.0.0.1 port ${port} (EADDRINUSE): set telemetry.otlp.port to a free one`,
  );
  await expect(open(undefined, { host: '0.0.0.0' })).rejects.toThrow('would take spans from anybody');
});
