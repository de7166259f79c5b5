import { describe, expect, it } from 'vitest';
import type { WindowDelta } from '../core/window.ts';
import { bucketOf } from '../core/histogram.ts';
import { encodeJson, encodeProto, type ResourceDraft, type SpanDraft } from './fixtures/otlp-encode.ts';
import { readJsonTraces } from './otlp-json.ts';
import { readProtoTraces } from './otlp-proto.ts';
import type { SignalOptions } from './business-signals.ts';
import { createSpanBatch, emptyBatch, kinds } from './span-batch.ts';
import { createWindower, type Windower, type WindowerOptions } from './windower.ts';

const nowMs = Date.UTC(2026, 8, 4, 12, 30, 10);
const arn = 'arn:aws:lambda:us-east-1:123456789012:function:orders';
const orders = '123456789012/us-east-1/orders:live';
const traceId = '0af7651916cd43dd8448eb211c80319c';

let idCount = 0;
const nextId = (): string => (++idCount).toString(16).padStart(16, '0');

/** A span that ended `agoMs` before now. */
function span(draft: SpanDraft & { readonly durationMs?: number; readonly agoMs?: number } = {}): SpanDraft {
  const { durationMs = 100, agoMs = 1_000, ...fields } = draft;
  const endNs = BigInt(nowMs - agoMs) * 1_000_000n;
  const startNs = endNs - BigInt(Math.round(durationMs * 1e6));
  return { traceId, spanId: nextId(), kind: kinds.server, startNs, endNs, ...fields };
}

const invocation = (draft: Parameters<typeof span>[0] = {}): SpanDraft =>
  span({
    ...draft,
    attributes: { 'faas.invocation_id': 'a', 'cloud.resource_id': `${arn}:live`, ...draft.attributes },
  });

function create(options: Partial<WindowerOptions> = {}): Windower {
  return createWindower({ aliasOf: () => undefined, samplingOf: () => ({ kind: 'ratio', ratio: 1 }), ...options });
}

function foldInto(windower: Windower, resources: readonly ResourceDraft[], { sender = 'a', form = 'proto' } = {}) {
  const batch = createSpanBatch(windower.allowList.signalAttributes.length);
  const decoding = {
    batch,
    allowList: windower.allowList,
    interner: windower.internerOf(sender),
    onFull: () => void windower.fold(batch, sender, nowMs),
  };
  if (form === 'json') readJsonTraces(Buffer.from(encodeJson(resources)), decoding);
  else readProtoTraces(encodeProto(resources), decoding);
  const result = windower.fold(batch, sender, nowMs);
  emptyBatch(batch);
  return result;
}

function seen(resources: readonly ResourceDraft[], options: Partial<WindowerOptions> = {}): WindowDelta[] {
  const [proto, json] = ['proto', 'json'].map((form) => {
    const windower = create(options);
    foldInto(windower, resources, { form });
    return windower.seal(nowMs);
  });
  expect(json).toEqual(proto);
  return proto!;
}

it('folds one invocation into one delta of its second', () => {
  const attributes = { 'faas.name': 'orders', 'faas.version': '7', 'faas.instance': '2026/09/04/[7]abc' };
  expect(seen([{ attributes, spans: [invocation({ durationMs: 123.456 })] }])).toEqual([
    {
      key: orders,
      secondAtMs: nowMs - 1_000,
      sender: 'a',
      spanCount: 1,
      requestCount: 1,
      errorCount: 0,
      throttleCount: 0,
      coldStartCount: 0,
      provisionedInitCount: 0,
      deadLetterCount: 0,
      durationMs: [bucketOf(123.456), 1],
      selfMsSum: 123.456,
      valueSum: 123.456,
      instances: [expect.any(Number)],
      versions: { '7': 1 },
      examples: { slowest: [traceId], failed: [] },
    },
  ]);
});

describe('whose span it is', () => {
  const aliasOf: WindowerOptions['aliasOf'] = (of, version) => (of === arn && version === '7' ? 'live' : undefined);
  const keysOf = (resource: ResourceDraft, options: Partial<WindowerOptions> = { aliasOf }): string[] =>
    seen([resource], options).map(({ key }) => key);
  const bare = { 'cloud.resource_id': arn, 'faas.invocation_id': 'a' };

  it.each<[string, ResourceDraft, string[]]>([
    ['new names', { spans: [invocation()] }, [orders]],
    ['old names', { spans: [span({ attributes: { 'faas.execution': 'a', 'faas.id': `${arn}:live` } })] }, [orders]],
    [
      'the invoked ARN before the resource',
      { spans: [span({ attributes: { ...bare, 'aws.lambda.invoked_arn': `${arn}:blue` } })] },
      ['123456789012/us-east-1/orders:blue'],
    ],
    [
      'an ARN without alias, by the version',
      { attributes: { 'faas.version': '7', 'service.name': 's' }, spans: [span({ attributes: bare })] },
      [orders],
    ],
    ['an ARN with a version', { spans: [span({ attributes: { 'cloud.resource_id': `${arn}:7` } })] }, [orders]],
    [
      'name, version, account and region',
      {
        attributes: {
          'faas.name': 'orders',
          'faas.version': '7',
          'cloud.account.id': '123456789012',
          'cloud.region': 'us-east-1',
        },
        spans: [span()],
      },
      [orders],
    ],
    [
      'a version whose alias nobody knows, by its service',
      { attributes: { 'faas.version': '8', 'service.name': 'orders-svc' }, spans: [span({ attributes: bare })] },
      ['service:orders-svc'],
    ],
    ['no function', { attributes: { 'service.name': 'gateway > x' }, spans: [span()] }, ['service:gateway___x']],
    ['nobody', { spans: [span()] }, []],
    ['a message to a function', { spans: [invocation({ kind: kinds.consumer })] }, [orders]],
    ['inner spans', { attributes: { 'service.name': 's' }, spans: [span({ kind: kinds.internal })] }, []],
  ])('is known by %s', (_, resource, keys) => expect(keysOf(resource)).toEqual(keys));

  it('tells which aliases are not known', () => {
    const windower = create();
    foldInto(windower, [{ attributes: { 'faas.version': '8' }, spans: [span({ attributes: bare })] }]);
    expect(windower.report()[0]).toMatchObject({ unknownAliases: ['orders:8'], counts: { unknownAlias: 1 } });
  });

  it('learns from an ARN where a function is that gives its name alone', () => {
    const windower = create();
    const attributes = { 'faas.name': 'orders', 'faas.version': '9' };
    foldInto(windower, [{ attributes, spans: [invocation()] }]);
    foldInto(windower, [{ attributes, spans: [span()] }]);
    expect(windower.seal(nowMs)).toMatchObject([{ key: orders, spanCount: 2 }]);
  });
});

describe('what is counted', () => {
  const init = (attributes: Record<string, string | boolean> = {}): ResourceDraft => ({
    attributes: {
      'faas.name': 'orders',
      'faas.version': '7',
      'cloud.account.id': '123456789012',
      'cloud.region': 'us-east-1',
    },
    spans: [span({ kind: kinds.internal, name: 'init orders', attributes: { 'faas.coldstart': true, ...attributes } })],
  });
  const one = (draft: Parameters<typeof span>[0]): ResourceDraft => ({ spans: [invocation(draft)] });
  const none = { coldStartCount: 0, provisionedInitCount: 0, errorCount: 0, throttleCount: 0 };

  it.each<[string, ResourceDraft, Partial<WindowDelta>]>([
    ['a cold start by its flag', one({ attributes: { 'faas.coldstart': true } }), { coldStartCount: 1 }],
    ['a warm start', one({ attributes: { 'faas.coldstart': false } }), {}],
    ['an initialisation that nobody typed', init(), { coldStartCount: 1, untypedInitCount: 1, requestCount: 0 }],
    [
      'one by provisioned concurrency',
      init({ 'faas.initialization_type': 'provisioned-concurrency' }),
      { provisionedInitCount: 1 },
    ],
    ['one on demand', init({ 'faas.initialization_type': 'on-demand' }), { coldStartCount: 1 }],
    ['an error', one({ status: { code: 2 } }), { errorCount: 1 }],
    ['an error by HTTP alone', one({ attributes: { 'http.status_code': 503 } }), { errorCount: 1 }],
    ['a refusal of what was asked', one({ attributes: { 'http.response.status_code': 404 } }), {}],
    ['success that says so', one({ status: { code: 1 }, attributes: { 'http.status_code': 503 } }), {}],
    ['a throttle by HTTP', one({ attributes: { 'http.status_code': 429 } }), { errorCount: 1, throttleCount: 1 }],
    [
      'a throttle by its message',
      one({ status: { code: 2, message: 'Rate Exceeded.' } }),
      { errorCount: 1, throttleCount: 1 },
    ],
    ['a message of success', one({ status: { code: 1, message: 'Rate Exceeded.' } }), {}],
    [
      'a throttle by its type',
      one({ status: { code: 2 }, attributes: { 'error.type': 'ProvisionedThroughputExceededException' } }),
      { errorCount: 1, throttleCount: 1 },
    ],
  ])('is %s', (_, resource, counts) =>
    expect(seen([resource], { aliasOf: () => 'live' })).toMatchObject([{ key: orders, ...none, ...counts }]),
  );

  it('counts a cold start once where both the flag and the initialisation are sent', () => {
    const windower = create({ aliasOf: () => 'live' });
    foldInto(windower, [{ spans: [invocation({ attributes: { 'faas.coldstart': true } })] }]);
    foldInto(windower, [init()]);
    expect(windower.seal(nowMs)).toMatchObject([{ coldStartCount: 1 }]);
  });
});

describe('who is called', () => {
  const call = (attributes: SpanDraft['attributes'], draft: Parameters<typeof span>[0] = {}): ResourceDraft => {
    const spanId = nextId();
    const child = span({
      kind: kinds.client,
      parentSpanId: spanId,
      durationMs: 40,
      agoMs: 1_010,
      ...draft,
      ...(attributes && { attributes }),
    });
    return { spans: [child, invocation({ spanId })] };
  };
  const edgeOf = (resource: ResourceDraft, options: Partial<WindowerOptions> = {}): string | undefined =>
    seen([resource], options)
      .find(({ key }) => key.startsWith('edge:'))
      ?.key.slice(`edge:${orders}>`.length);

  it.each<[string, SpanDraft['attributes'], string | undefined]>([
    [
      'a function by its ARN',
      { 'faas.invoked_name': 'arn:aws:lambda:eu-west-1:123456789012:function:risk:live' },
      '123456789012/eu-west-1/risk:live',
    ],
    [
      'a function by name and alias',
      { 'faas.invoked_name': 'risk:live', 'faas.invoked_region': 'us-west-2' },
      '123456789012/us-west-2/risk:live',
    ],
    ['a function whose alias nobody knows', { 'faas.invoked_name': 'risk' }, 'lambda/risk'],
    [
      'a table',
      { 'db.system': 'dynamodb', 'aws.dynamodb.table_names': ['fills', 'x'], 'rpc.service': 'DynamoDB' },
      'dynamodb/fills',
    ],
    [
      'a queue by its address',
      { 'messaging.system': 'aws_sqs', 'messaging.destination.name': 'https://sqs.us-east-1.amazonaws.com/1/fills' },
      'sqs/fills',
    ],
    ['a peer', { 'peer.service': 'rates' }, 'service:rates'],
    ['an AWS service', { 'rpc.system': 'aws-api', 'rpc.service': 'KMS', 'server.address': 'kms.amazonaws.com' }, 'kms'],
    ['an address', { 'net.peer.name': 'quotes.example.com' }, 'quotes.example.com'],
    ['nothing', {}, undefined],
  ])('is %s', (_, attributes, callee) => expect(edgeOf(call(attributes))).toBe(callee));

  it('leaves to a function the time that its calls do not take, whichever batch they come in', () => {
    const together = seen([call({ 'peer.service': 'rates' })]);
    expect(together.find(({ key }) => key === orders)).toMatchObject({ valueSum: 100, selfMsSum: 60 });
    const windower = create();
    const [{ spans }] = [call({ 'peer.service': 'rates' })];
    for (const one of spans) foldInto(windower, [{ attributes: { 'service.name': 's' }, spans: [one] }]);
    expect(windower.seal(nowMs).find(({ key }) => key === orders)).toMatchObject({ selfMsSum: 60 });
  });

  it.each([
    ['caller first', false],
    ['callee first', true],
  ])('is the function itself once both ends were seen: %s', (_, isCalleeFirst) => {
    const windower = create();
    const spanId = nextId();
    const caller = {
      attributes: { 'service.name': 'web' },
      spans: [span({ kind: kinds.client, spanId, attributes: { 'server.address': 'x' } })],
    };
    const callee = { spans: [invocation({ parentSpanId: spanId })] };
    for (const resource of isCalleeFirst ? [callee, caller] : [caller, callee]) foldInto(windower, [resource]);
    windower.seal(nowMs);
    foldInto(windower, [caller]);
    expect(windower.seal(nowMs).map(({ key }) => key)).toEqual([`edge:service:web>${orders}`]);
  });

  it('stays a name where it leads to several', () => {
    const windower = create();
    const callOf = (spanId: string): ResourceDraft => ({
      attributes: { 'service.name': 'web' },
      spans: [span({ kind: kinds.client, spanId, attributes: { 'server.address': 'gateway' } })],
    });
    for (const alias of ['live', 'blue', 'live']) {
      const spanId = nextId();
      foldInto(windower, [
        callOf(spanId),
        { spans: [invocation({ parentSpanId: spanId, attributes: { 'cloud.resource_id': `${arn}:${alias}` } })] },
      ]);
    }
    windower.seal(nowMs);
    foldInto(windower, [callOf(nextId())]);
    expect(windower.seal(nowMs).map(({ key }) => key)).toEqual(['edge:service:web>gateway']);
  });

  it('shows the throttles of a function by its callers, and messages that were given up', () => {
    const throttled = seen([call({ 'faas.invoked_name': 'risk:live', 'http.status_code': 429 })]);
    expect(throttled.find(({ key }) => key.endsWith('/risk:live') && !key.startsWith('edge:'))).toMatchObject({
      spanCount: 0,
      throttleCount: 1,
    });
    const given = seen([
      call({ 'messaging.system': 'aws_sqs', 'messaging.destination.name': 'fills-dlq' }, { kind: kinds.producer }),
    ]);
    expect(given.filter(({ deadLetterCount }) => deadLetterCount === 1).map(({ key }) => key)).toEqual([
      orders,
      `edge:${orders}>sqs/fills-dlq`,
    ]);
  });
});

describe('how many requests a span stands for', () => {
  it.each<[string, string | undefined, WindowerOptions['samplingOf'], number | undefined]>([
    ['the trace state', 'vendor=x, ot=rv:1;th:c', () => ({ kind: 'ratio', ratio: 1 }), 4],
    ['a threshold of nothing', 'ot=th:0', () => ({ kind: 'ratio', ratio: 0.05 }), 1],
    ["the sender's ratio", undefined, () => ({ kind: 'ratio', ratio: 0.05 }), 20],
    ['a threshold that is none', 'ot=th:zz', () => ({ kind: 'ratio', ratio: 0.5 }), 2],
    ['a threshold of all but nothing', 'ot=th:ffffffffffffff', () => ({ kind: 'ratio', ratio: 1 }), 1],
    ['nobody', undefined, () => ({ kind: 'unknown' }), undefined],
    ['the trace state, of a sender that nobody knows', 'ot=th:8', () => ({ kind: 'unknown' }), 2],
    ['nobody, after a choice by outcome', 'ot=th:8', () => ({ kind: 'tail' }), undefined],
  ])('says %s', (_, traceState, samplingOf, requestCount) => {
    const [delta] = seen([{ spans: [invocation({ ...(traceState && { traceState }), status: { code: 2 } })] }], {
      samplingOf,
    });
    expect(delta).toMatchObject({ spanCount: 1, errorCount: requestCount ?? 1 });
    expect(delta!.requestCount).toBe(requestCount);
  });
});

describe('time', () => {
  it.each([
    [300_000, 1],
    [300_001, 0],
    [-10_000, 1],
    [-10_001, 0],
  ])('folds what ended %i ms ago into %i deltas', (agoMs, count) => {
    expect(seen([{ spans: [invocation({ agoMs })] }])).toHaveLength(count);
  });

  // Goal: nanoseconds beyond 2^53. As a double the end would be the next second.
  it('keeps a nanosecond before the second in its second', () => {
    const endNs = BigInt(nowMs) * 1_000_000n - 1n;
    expect(seen([{ spans: [invocation({ endNs, startNs: endNs - 1n })] }])).toMatchObject([
      { secondAtMs: nowMs - 1_000, valueSum: 1e-6 },
    ]);
  });

  it('says nothing of a second in which nobody saw anything, and nothing twice', () => {
    const windower = create();
    foldInto(windower, [{ spans: [invocation()] }]);
    expect(windower.seal(nowMs)).toHaveLength(1);
    expect(windower.seal(nowMs + 1_000)).toEqual([]);
  });
});

describe('what a sender invents', () => {
  const crowd = (from: number, count: number): ResourceDraft[] =>
    Array.from({ length: count }, (_, index) => ({
      attributes: { 'service.name': `made-up-${from + index}` },
      spans: [span()],
    }));

  it('takes the room of nobody else, and is counted', () => {
    const windower = create({ keyCountMax: 100 });
    const results = [0, 1, 2].map((part) => foldInto(windower, crowd(1_000 * part, 1_000), { sender: 'hostile' }));
    foldInto(windower, [{ spans: [invocation()] }], { sender: 'honest' });
    const deltas = windower.seal(nowMs);
    expect(deltas.filter(({ sender }) => sender === 'hostile')).toHaveLength(100);
    expect(deltas.filter(({ sender }) => sender === 'honest')).toMatchObject([{ key: orders }]);
    expect(results.map(({ crowdedCount }) => crowdedCount)).toEqual([900, 1_000, 1_000]);
  });

  it('is forgotten a quarter of an hour later', () => {
    const windower = create({ keyCountMax: 100 });
    foldInto(windower, crowd(0, 100));
    for (let minute = 0; minute <= 16; minute++) windower.seal(nowMs + 60_000 * minute);
    expect(foldInto(windower, crowd(500, 100)).crowdedCount).toBe(0);
  });
});

it.each<[string, Partial<SignalOptions> & Pick<SignalOptions, 'aggregation'>, object[]]>([
  [
    'count',
    { aggregation: 'count', where: { attribute: 'order.status', equals: ['REJECTED'] } },
    [{ key: 'signal:s/7', requestCount: 1 }],
  ],
  [
    'ratio',
    { aggregation: 'ratio', where: { attribute: 'order.status', equals: ['REJECTED'] } },
    [
      { key: 'signal:s/7', requestCount: 2, errorCount: 1 },
      { key: 'signal:s/8', requestCount: 1, errorCount: 0 },
    ],
  ],
  [
    'sum',
    { aggregation: 'sum', spanAttribute: 'order.size' },
    [
      { key: 'signal:s/7', valueSum: 12.5 },
      { key: 'signal:s/8', valueSum: -3 },
    ],
  ],
  [
    'quantile',
    { aggregation: 'quantile', spanAttribute: 'order.size' },
    [{ durationMs: [bucketOf(2.5), 1, bucketOf(10), 1] }, { durationMs: [bucketOf(3), 1] }],
  ],
])('measures a business signal: %s', (_, options, expected) => {
  const order = (algo: number, status: string, size: number): SpanDraft =>
    span({
      kind: kinds.internal,
      attributes: { 'algo.id': algo, 'order.status': status, 'order.size': size, 'customer.name': 'x' },
    });
  const signals: SignalOptions[] = [{ name: 's', spanAttribute: 'order.status', keyAttribute: 'algo.id', ...options }];
  const spans = [order(7, 'REJECTED', 10), order(7, 'FILLED', 2.5), order(8, 'FILLED', -3)];
  expect(seen([{ attributes: { 'service.name': 's' }, spans }], { signals })).toMatchObject(expected);
});
