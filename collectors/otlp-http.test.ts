import { createRequire } from 'node:module';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { gzipSync } from 'node:zlib';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { SpanKind, SpanStatusCode, type TracerProvider } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from 'vitest';
import { createRandom } from '../core/random.ts';
import type { Timers } from '../core/time.ts';
import { encodeJson, encodeProto, type ResourceDraft } from './fixtures/otlp-encode.ts';
import { createFuzz, fuzzStatuses } from './fixtures/otlp-fuzz.ts';
import { listenOtlp, type OtlpListener, type OtlpOptions } from './otlp-http.ts';
import { createWindower, type Windower } from './windower.ts';

const nowMs = Date.UTC(2026, 8, 4, 12, 30, 10);
const never: Timers = { after: () => () => undefined };

let listener: OtlpListener | undefined;
afterEach(() => listener?.close());

async function listen(
  options: Partial<OtlpOptions> & { readonly host?: string } = {},
): Promise<{ readonly url: string; readonly windower: Windower }> {
  const windower = createWindower({ aliasOf: () => undefined, samplingOf: () => ({ kind: 'ratio', ratio: 1 }) });
  listener = await listenOtlp({
    host: '127.0.0.1',
    port: 0,
    windower,
    clock: { nowMs: () => nowMs },
    timers: never,
    ...options,
  });
  return { url: `${listener.url}/v1/traces`, windower };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

function post(
  url: string,
  body: Buffer | string,
  headers: Record<string, string> = {},
  method = 'POST',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest(url, { method, headers: { 'content-type': 'application/x-protobuf', ...headers } });
    asked.on('error', reject);
    asked.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    asked.end(body);
  });
}

const json = { 'content-type': 'application/json' };

function spansOf(count: number, { agoMs = 1_000, attributeByteCount = 0 } = {}): ResourceDraft[] {
  const endNs = BigInt(nowMs - agoMs) * 1_000_000n;
  const spans = Array.from({ length: count }, (_, index) => ({
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: (index + 1).toString(16).padStart(16, '0'),
    kind: 2,
    startNs: endNs - 5_000_000n,
    endNs,
    attributes: { 'customer.note': 'x'.repeat(attributeByteCount) },
  }));
  return [{ attributes: { 'service.name': 'gateway' }, spans }];
}

describe('what is accepted', () => {
  const resources = spansOf(3);
  it.each<[string, Buffer | string, Record<string, string>]>([
    ['protobuf', encodeProto(resources), {}],
    ['JSON', encodeJson(resources), json],
    ['gzip protobuf', gzipSync(encodeProto(resources)), { 'content-encoding': 'gzip' }],
    [
      'gzip JSON with a charset',
      gzipSync(encodeJson(resources)),
      { 'content-encoding': 'gzip', 'content-type': 'application/json; charset=utf-8' },
    ],
  ])('takes %s, and answers in kind with nothing to complain of', async (_, body, headers) => {
    const { url, windower } = await listen();
    const answer = await post(url, body, headers);
    expect(answer.status).toBe(200);
    const isJson = headers['content-type'] !== undefined;
    expect(answer.headers['content-type']).toBe(isJson ? 'application/json' : 'application/x-protobuf');
    expect(answer.body.toString()).toBe(isJson ? '{}' : '');
    expect(windower.seal(nowMs)).toMatchObject([{ key: 'service:gateway', sender: 'local', spanCount: 3 }]);
  });

  it('takes an empty request', async () => {
    const { url } = await listen();
    expect((await post(url, '')).status).toBe(200);
    expect((await post(url, '{}', json)).status).toBe(200);
  });

  it('says how many spans it left out, and why', async () => {
    const { url } = await listen();
    const late = [...spansOf(1), ...spansOf(2, { agoMs: 301_000 })];
    const answer = await post(url, encodeJson(late), json);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body.toString())).toEqual({
      partialSuccess: { rejectedSpans: '2', errorMessage: '2 ended too long ago' },
    });
    // partial_success (1) { rejected_spans (1): 2, error_message (2): … }
    expect((await post(url, encodeProto(late))).body).toEqual(
      Buffer.from([0x0a, 24, 0x08, 2, 0x12, 20, ...Buffer.from('2 ended too long ago')]),
    );
  });

  // Goal: a large body goes another way (a thread, batches one by one) and ends in the same sums.
  it.each(['protobuf', 'JSON'])('folds a large body of %s as a small one', async (form) => {
    const { url, windower } = await listen();
    const large = spansOf(9_000, { attributeByteCount: 600 });
    const answer =
      form === 'JSON'
        ? await post(url, encodeJson(large), json)
        : await post(url, gzipSync(encodeProto(large)), { 'content-encoding': 'gzip' });
    expect(answer.status).toBe(200);
    expect(windower.seal(nowMs)).toMatchObject([{ key: 'service:gateway', spanCount: 9_000, valueSum: 45_000 }]);
  });

  it('takes one large body after the other, sound or not', async () => {
    const { url } = await listen();
    const large = encodeProto(spansOf(9_000, { attributeByteCount: 600 }));
    for (const [body, status] of [
      [large, 200],
      [large.subarray(0, -1), 400],
      [large, 200],
    ] as const) {
      expect((await post(url, body)).status).toBe(status);
    }
  });
});

describe('what is refused', () => {
  const whole = encodeProto(spansOf(3));
  const gzip = { 'content-encoding': 'gzip' };
  const bomb = gzipSync(Buffer.alloc((64 << 20) + 1));
  it.each<[string, Buffer | string, Record<string, string>, number]>([
    ['a body that is cut off', whole.subarray(0, -1), {}, 400],
    ['a prefix of 2 GiB', Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x07, 1]), {}, 400],
    ['a wire type that does not exist', Buffer.from([0x0b]), {}, 400],
    ['no gzip', whole, gzip, 400],
    ['gzip that is cut off', gzipSync(whole).subarray(0, -9), gzip, 400],
    ['a gzip bomb', bomb, gzip, 413],
    ['no JSON', '{"resourceSpans":[', json, 400],
    ['JSON that is no request', '[]', json, 400],
    [
      'the name of an enumeration',
      '{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SPAN_KIND_SERVER"}]}]}]}',
      json,
      400,
    ],
    [
      'an id in base64',
      '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"CvdlGRbNQ92ESOshHIAxnA=="}]}]}]}',
      json,
      400,
    ],
    ['another type', 'a,b', { 'content-type': 'text/csv' }, 415],
    ['another encoding', whole, { 'content-encoding': 'br' }, 415],
  ])('%s', async (_, body, headers, status) => {
    const { url, windower } = await listen();
    const answer = await post(url, body, headers);
    expect(answer.status).toBe(status);
    const isProto = !('content-type' in headers);
    expect(answer.headers['content-type']).toBe(isProto ? 'application/x-protobuf' : 'application/json');
    const code = status === 413 ? 8 : 3;
    if (isProto) expect([...answer.body.subarray(0, 2)]).toEqual([0x08, code]);
    else expect(JSON.parse(answer.body.toString())).toMatchObject({ code, message: expect.any(String) as string });
    expect(windower.seal(nowMs)).toEqual([]);
  });

  it('names the place of what is malformed', async () => {
    const { url } = await listen();
    const answer = await post(url, '{"resourceSpans":[{"scopeSpans":[{"spans":[{},{"kind":"x"}]}]}]}', json);
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      details: [{ fieldViolations: [{ field: 'resourceSpans[0].scopeSpans[0].spans[1].kind' }] }],
    });
  });

  it('other signals, other methods, and leaves other paths to others', async () => {
    const { url } = await listen();
    expect((await post(url.replace('traces', 'metrics'), whole)).status).toBe(404);
    expect((await post(url, '', {}, 'GET')).status).toBe(405);
    expect((await post(url.replace('/v1/traces', '/healthz'), '', {}, 'GET')).status).toBe(200);
  });
});

describe('who may send', () => {
  const tokens = { desk: 'one-token', risk: 'another-token' };
  it.each<[string, Record<string, string>, number, string | undefined]>([
    ['a token', { authorization: 'Bearer another-token' }, 200, 'risk'],
    ['no token', {}, 401, undefined],
    ['a token that nobody has', { authorization: 'Bearer one-toke' }, 401, undefined],
    ["a sender's name", { authorization: 'Bearer risk' }, 401, undefined],
  ])('%s', async (_, headers, status, sender) => {
    const { url, windower } = await listen({ tokens });
    expect((await post(url, encodeProto(spansOf(1)), headers)).status).toBe(status);
    expect(windower.seal(nowMs).map((delta) => delta.sender)).toEqual(sender === undefined ? [] : [sender]);
  });

  it('listens beyond loopback with tokens only', async () => {
    await expect(listen({ host: '0.0.0.0' })).rejects.toThrow('set a token for each sender');
    await expect(listen({ host: '0.0.0.0', tokens })).resolves.toBeDefined();
  });
});

// Goal: whatever comes, one clear answer, and the next request is answered as if nothing had been. The bench sends 100,000 of them.
it('answers each of 400 damaged requests with a status that ends the matter', async () => {
  const { url } = await listen();
  const next = createFuzz(createRandom(20_260_904), nowMs);
  for (let count = 0; count < 400; count++) {
    const { name, body, headers } = next();
    const { status } = await post(url, body, headers);
    expect(fuzzStatuses, `${name}: ${status}`).toContain(status);
  }
  expect((await post(url, encodeProto(spansOf(1)))).status).toBe(200);
});

describe('too much at once', () => {
  it('is turned away with 429 and when to come again, and room that was given back is room', async () => {
    const body = encodeProto(spansOf(1));
    const { url } = await listen({ byteCountMax: body.length });
    expect((await post(url, body)).status).toBe(200);
    const answer = await post(url, Buffer.concat([body, body]));
    expect(answer.status).toBe(429);
    expect(answer.headers['retry-after']).toBe('1');
    expect((await post(url, body)).status).toBe(200);
    expect(listener!.receiver.counts()).toMatchObject({ accepted: 2, shed: 1 });
  });

  it('ends a body that never comes, with an answer that may be tried again', async () => {
    const due: (() => void)[] = [];
    const timers: Timers = { after: (_, run) => (due.push(run), () => undefined) };
    const { url } = await listen({ timers });
    const answer = await new Promise<number>((resolve, reject) => {
      const asked = httpRequest(url, {
        method: 'POST',
        headers: { 'content-type': 'application/x-protobuf', 'content-length': '100' },
      });
      asked.on('error', reject);
      asked.on('response', (response) => resolve(response.statusCode!));
      asked.write('x');
      const wait = (): void => {
        if (due.length > 0) due[0]!();
        else setImmediate(wait);
      };
      wait();
    });
    expect(answer).toBe(503);
  });
});

// Goal: what the SDK's own exporters send is understood; they are another's reading of the same specification.
describe('the OpenTelemetry JavaScript SDK', () => {
  // What sdk-node brings along and does not export itself.
  const requireBySdk = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/sdk-node'));
  const { OTLPTraceExporter: ProtoExporter } = requireBySdk('@opentelemetry/exporter-trace-otlp-proto') as {
    readonly OTLPTraceExporter: typeof JsonExporter;
  };
  const sdk = requireBySdk('@opentelemetry/sdk-trace') as {
    readonly TracerProvider: new (options: object) => TracerProvider & { shutdown(): Promise<void> };
    readonly SimpleSpanProcessor: new (options: object) => object;
  };
  const { resourceFromAttributes } = requireBySdk('@opentelemetry/resources') as {
    readonly resourceFromAttributes: (attributes: Readonly<Record<string, string>>) => object;
  };

  it.each([
    ['JSON', JsonExporter],
    ['protobuf', ProtoExporter],
  ])('sends %s', async (_, Exporter) => {
    const { url, windower } = await listen({ tokens: { sdk: 'token' } });
    const exporter = new Exporter({ url, headers: { authorization: 'Bearer token' } });
    const provider = new sdk.TracerProvider({
      resource: resourceFromAttributes({
        'service.name': 'orders',
        'faas.instance': 'a',
        'faas.version': '7',
      }),
      spanProcessors: [new sdk.SimpleSpanProcessor({ exporter })],
    });
    const span = provider.getTracer('sample').startSpan('orders', {
      kind: SpanKind.SERVER,
      startTime: nowMs - 1_250,
      attributes: {
        'faas.invocation_id': 'a',
        'cloud.resource_id': 'arn:aws:lambda:us-east-1:123456789012:function:orders:live',
        'faas.coldstart': true,
      },
    });
    span.setStatus({ code: SpanStatusCode.ERROR, message: 'out of stock' });
    span.end(nowMs - 1_000);
    await provider.shutdown();
    expect(windower.seal(nowMs)).toMatchObject([
      {
        key: '123456789012/us-east-1/orders:live',
        sender: 'sdk',
        secondAtMs: nowMs - 1_000,
        requestCount: 1,
        errorCount: 1,
        coldStartCount: 1,
        valueSum: 250,
        versions: { '7': 1 },
        examples: { failed: [span.spanContext().traceId] },
      },
    ]);
  });
});
