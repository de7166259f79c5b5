/**
 * A sender for benches, in a process of its own: whole seconds of a fleet's spans, made beforehand and sent one after the other. Told over IPC where to and
 * which second it is; answers with what came back.
 */
import { Agent, request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { encodeProto, type ResourceDraft, type SpanDraft } from '../collectors/fixtures/otlp-encode.ts';
import { createRandom, type Random } from '../core/random.ts';

export interface LoadOrder {
  readonly seed: number;
  readonly functionCount: number;
  readonly bodiesPerSecond: number;
  readonly secondCount: number;
  readonly connectionCount: number;
}

export interface LoadReport {
  readonly spansPerBody: number;
  readonly plainByteCount: number;
  readonly gzipByteCount: number;
}

export interface LoadResult {
  readonly answers: Readonly<Record<string, number>>;
  readonly sentMs: number;
}

export type ToLoad =
  | { readonly kind: 'prepare'; readonly order: LoadOrder; readonly fromMs: number }
  | { readonly kind: 'go'; readonly url: string }
  /** The receiver's clock has come to this second; beyond the last there is nothing to send. */
  | { readonly kind: 'second'; readonly second: number };
export type FromLoad = ({ readonly kind: 'prepared' } & LoadReport) | ({ readonly kind: 'sent' } & LoadResult);

const resourcesPerBody = 100;
const invocationsPerResource = 5;

/** One second of 100 environments: five invocations each, every one with a call to DynamoDB. */
function makeBody(random: Random, { functionCount }: LoadOrder, firstFunction: number, secondAtMs: number): Buffer {
  const resources = Array.from({ length: resourcesPerBody }, (_, index): ResourceDraft => {
    const number = (firstFunction + index) % functionCount;
    const spans = Array.from({ length: invocationsPerResource }, () => invocation(random, number, secondAtMs)).flat();
    return {
      attributes: {
        'service.name': `orders-${number}`,
        'faas.name': `orders-${number}`,
        'faas.version': '7',
        'faas.instance': `2026/09/04/[7]${hexOf(random, 32)}`,
        'cloud.provider': 'aws',
        'cloud.platform': 'aws_lambda',
        'cloud.region': 'us-east-1',
        'telemetry.sdk.language': 'nodejs',
        'telemetry.sdk.name': 'opentelemetry',
        'telemetry.sdk.version': '2.1.0',
      },
      spans,
    };
  });
  return encodeProto(resources);
}

function invocation(random: Random, number: number, secondAtMs: number): SpanDraft[] {
  const traceId = hexOf(random, 32);
  const spanId = hexOf(random, 16);
  const endNs = BigInt(secondAtMs) * 1_000_000n + BigInt(Math.floor(random.next() * 1e9));
  const durationNs = BigInt(Math.floor(6e7 * Math.exp(0.5 * random.normal())));
  const http = { 'http.request.method': 'POST', 'http.response.status_code': 200 };
  return [
    {
      traceId,
      spanId: hexOf(random, 16),
      parentSpanId: spanId,
      name: 'DynamoDB.GetItem',
      kind: 3,
      startNs: endNs - durationNs + 1_000_000n,
      endNs: endNs - 1_000_000n,
      attributes: {
        'rpc.system': 'aws-api',
        'rpc.service': 'DynamoDB',
        'rpc.method': 'GetItem',
        'db.system': 'dynamodb',
        'aws.dynamodb.table_names': [`orders-${number % 50}`],
        'server.address': 'dynamodb.us-east-1.amazonaws.com',
        ...http,
      },
    },
    {
      traceId,
      spanId,
      parentSpanId: hexOf(random, 16),
      name: `orders-${number}`,
      kind: 2,
      startNs: endNs - durationNs,
      endNs,
      attributes: {
        'faas.invocation_id': `${hexOf(random, 8)}-${hexOf(random, 12)}`,
        'cloud.resource_id': `arn:aws:lambda:us-east-1:123456789012:function:orders-${number}:live`,
        'cloud.account.id': '123456789012',
        'faas.coldstart': false,
        'faas.trigger': 'http',
        'url.full': `https://api.example.com/orders/${hexOf(random, 8)}`,
        ...http,
      },
    },
  ];
}

function hexOf(random: Random, length: number): string {
  let text = '';
  while (text.length < length)
    text += Math.floor(random.next() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  return text.slice(0, length);
}

function prepare(order: LoadOrder, fromMs: number): Buffer[][] {
  const random = createRandom(order.seed);
  let firstFunction = 0;
  return Array.from({ length: order.secondCount }, (_, second) =>
    Array.from({ length: order.bodiesPerSecond }, () => {
      const body = makeBody(random, order, firstFunction, fromMs + 1_000 * second);
      firstFunction += resourcesPerBody;
      if (plainByteCount === 0) plainByteCount = body.length;
      return gzipSync(body, { level: 6 });
    }),
  );
}

let plainByteCount = 0;
let seconds: Buffer[][] = [];
let order: LoadOrder;

let second = 0;

/** Sends the second's bodies until it is over, again and again, as fast as they are taken. */
async function send(url: string): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: order.connectionCount });
  const answers: Record<string, number> = {};
  const startedAtMs = performance.now();
  let turn = 0;
  const run = async (): Promise<void> => {
    for (let bodies = seconds[second]; bodies !== undefined; bodies = seconds[second]) {
      const status = await postOnce(url, agent, bodies[turn++ % bodies.length]!);
      answers[status] = (answers[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: order.connectionCount }, run));
  agent.destroy();
  return { answers, sentMs: performance.now() - startedAtMs };
}

function postOnce(url: string, agent: Agent, body: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const headers = {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'gzip',
      'content-length': String(body.length),
    };
    const asked = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(String(response.statusCode)));
    });
    asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    asked.end(body);
  });
}

const tell = (message: FromLoad): void => void process.send?.(message);

process.on('message', (message: ToLoad) => {
  if (message.kind === 'prepare') {
    ({ order } = message);
    seconds = prepare(order, message.fromMs);
    const spansPerBody = resourcesPerBody * invocationsPerResource * 2;
    tell({ kind: 'prepared', spansPerBody, plainByteCount, gzipByteCount: seconds[0]![0]!.length });
  } else if (message.kind === 'second') ({ second } = message);
  else void send(message.url).then((result) => tell({ kind: 'sent', ...result }));
});
