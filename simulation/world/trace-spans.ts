/** The spans of one request as OTLP: the function's own, its call as the caller sees it, and the same call as the one who is called sees it. */
import type { Random } from '../../core/random.ts';
import { parseFunctionKey } from '../../core/series-key.ts';
import type { EpochMs } from '../../core/time.ts';
import type { EdgeKey, ServiceKey } from '../../core/window.ts';
import type { CallingFunction } from './downstream-fault.ts';
import { createSpanTemplate, writeResourceSpans, type SpanTemplate, type WrittenSpan } from './otlp-template.ts';

export interface Spell {
  readonly startMs: EpochMs;
  readonly endMs: EpochMs;
}

export interface Ended extends Spell {
  readonly traced: Traced;
  /** Absent: no call was made. */
  readonly call?: { readonly client: Spell; readonly server: Spell };
  readonly isCold: boolean;
  readonly hasFailed: boolean;
}

export interface Traced extends CallingFunction {
  readonly edge: EdgeKey;
  readonly serviceKey: ServiceKey;
  readonly resource: Attributes;
  readonly serviceResource: Attributes;
  /** By whether it failed; of the entry, by whether it started cold too. */
  readonly entry: (isCold: boolean, hasFailed: boolean) => SpanTemplate;
  readonly call: (hasFailed: boolean) => SpanTemplate;
  readonly answer: (hasFailed: boolean) => SpanTemplate;
  readonly init: SpanTemplate;
}

export interface Initialised {
  readonly traced: Traced;
  readonly atMs: EpochMs;
}

type Attributes = Readonly<Record<string, string>>;

const noId = new Uint8Array(8);
const bothWays = [false, true];

export function tracedOf(one: CallingFunction): Traced {
  const { functionName, accountId, region, alias } = parseFunctionKey(one.key)!;
  const entryAttributes = {
    'cloud.resource_id': `arn:aws:lambda:${region}:${accountId}:function:${functionName}:${alias}`,
    'faas.trigger': 'http',
  };
  const rpc = { 'rpc.system': 'grpc', 'rpc.method': 'Read' };
  const entries = bothWays.map((isCold) =>
    bothWays.map((hasFailed) => {
      const attributes = { ...entryAttributes, 'faas.coldstart': isCold };
      return createSpanTemplate({ name: functionName, kind: 2, attributes, hasFailed });
    }),
  );
  const spanOf = (kind: 2 | 3, attributes: Attributes) =>
    bothWays.map((hasFailed) =>
      createSpanTemplate({ name: `${one.service}/Read`, kind, attributes: { ...rpc, ...attributes }, hasFailed }),
    );
  const calls = spanOf(3, { 'peer.service': one.service });
  const answers = spanOf(2, {});
  const serviceKey: ServiceKey = `service:${one.service}`;
  return {
    ...one,
    edge: `edge:${one.key}>${serviceKey}`,
    serviceKey,
    resource: {
      'service.name': functionName,
      'faas.name': functionName,
      'faas.version': '1',
      'cloud.account.id': accountId,
      'cloud.region': region,
    },
    serviceResource: { 'service.name': one.service },
    entry: (isCold, hasFailed) => entries[Number(isCold)]![Number(hasFailed)]!,
    call: (hasFailed) => calls[Number(hasFailed)]!,
    answer: (hasFailed) => answers[Number(hasFailed)]!,
    init: createSpanTemplate({
      name: 'init',
      kind: 1,
      attributes: {
        ...entryAttributes,
        'faas.coldstart': true,
        'aws.lambda.initialization_type': 'provisioned-concurrency',
      },
      hasFailed: false,
    }),
  };
}

interface Placed {
  readonly template: SpanTemplate;
  readonly span: WrittenSpan;
}

export interface EncodedSpans {
  readonly functions: Buffer;
  readonly services: Buffer;
}

export function encodeSpans(due: readonly Ended[], inits: readonly Initialised[], random: Random): EncodedSpans {
  const functions = createPages(({ resource }) => resource);
  const services = createPages(({ serviceResource }) => serviceResource);
  for (const { traced, startMs, endMs, call, isCold, hasFailed } of due) {
    const traceId = idOf(random, 16);
    const spanId = idOf(random, 8);
    if (call) {
      const client = { traceId, spanId: idOf(random, 8), parentSpanId: spanId, ...call.client };
      functions.add(traced, { template: traced.call(hasFailed), span: client });
      const server = { traceId, spanId: idOf(random, 8), parentSpanId: client.spanId, ...call.server };
      services.add(traced, { template: traced.answer(hasFailed), span: server });
    }
    const entry = { traceId, spanId, parentSpanId: noId, startMs, endMs };
    functions.add(traced, { template: traced.entry(isCold, hasFailed), span: entry });
  }
  for (const { traced, atMs } of inits) {
    const span = { traceId: idOf(random, 16), spanId: idOf(random, 8), parentSpanId: noId, startMs: atMs, endMs: atMs };
    functions.add(traced, { template: traced.init, span });
  }
  return { functions: functions.write(), services: services.write() };
}

function createPages(resourceOf: (traced: Traced) => Attributes) {
  const pages = new Map<Traced, Placed[]>();
  return {
    add(traced: Traced, placed: Placed): void {
      const page = pages.get(traced) ?? [];
      pages.set(traced, page);
      page.push(placed);
    },
    write: () => Buffer.concat([...pages].map(([traced, spans]) => writeResourceSpans(resourceOf(traced), spans))),
  };
}

function idOf(random: Random, byteCount: 8 | 16): Uint8Array {
  const words = new Uint32Array(byteCount / Uint32Array.BYTES_PER_ELEMENT);
  for (let word = 0; word < words.length; word++) words[word] = random.next() * 2 ** 32;
  return new Uint8Array(words.buffer);
}
