import { describe, expect, it } from 'vitest';
import type { WindowDelta } from '../core/window.ts';
import { bucketOf } from '../core/histogram.ts';
import { encodeJson, encodeProto, type ResourceDraft, type SpanDraft } from './fixtures/otlp-encode.ts';
import { readJsonTraces } from './otlp-json.ts';
import { readProtoTraces } from './otlp-proto.ts';
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
