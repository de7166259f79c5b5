/**
 * Spans written as OTLP in protobuf, fast: of two spans of one kind only ids and times differ, so a span is written once, and copied with those put in.
 * Written from the specification and not with the decoder at hand: what they disagree on, one of them has wrong.
 *
 * - opentelemetry-proto v1, trace.proto: ExportTraceServiceRequest, ResourceSpans, ScopeSpans, Span.
 */
import { assert } from '../../core/assert.ts';
import type { EpochMs } from '../../core/time.ts';

export type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanKind {
  readonly name: string;
  /** As the protocol numbers them: 1 internal, 2 server, 3 client. */
  readonly kind: 1 | 2 | 3;
  readonly attributes: Attributes;
  readonly hasFailed: boolean;
}

export interface SpanTemplate {
  readonly byteCount: number;
  /** Writes one span into `buffer` at `at`. */
  write(buffer: Buffer, at: number, span: WrittenSpan): void;
}

export interface WrittenSpan {
  /** 16 bytes. */
  readonly traceId: Uint8Array;
  /** 8 bytes, as the parent's; zeros are none. */
  readonly spanId: Uint8Array;
  readonly parentSpanId: Uint8Array;
  readonly startMs: EpochMs;
  readonly endMs: EpochMs;
}

const wire = { varint: 0, fixed64: 1, bytes: 2 } as const;
const statusError = 2;

export function createSpanTemplate({ name, kind, attributes, hasFailed }: SpanKind): SpanTemplate {
  const ids = [bytesField(1, Buffer.alloc(16)), bytesField(2, Buffer.alloc(8)), bytesField(4, Buffer.alloc(8))];
  const times = [7, 8].map((field) => Buffer.concat([tag(field, wire.fixed64), Buffer.alloc(8)]));
  const rest = [
    textField(5, name),
    Buffer.concat([tag(6, wire.varint), varint(kind)]),
    ...Object.entries(attributes).map(([key, value]) => keyValue(9, key, value)),
    ...(hasFailed ? [bytesField(15, Buffer.concat([tag(3, wire.varint), varint(statusError)]))] : []),
  ];
  const content = Buffer.concat([...ids, ...times, ...rest]);
  const head = Buffer.concat([tag(2, wire.bytes), varint(content.length)]);
  const whole = Buffer.concat([head, content]);
  // Tag and length are a byte each: these fields are small.
  const traceAt = head.length + 2;
  const spanAt = traceAt + 16 + 2;
  const parentAt = spanAt + 8 + 2;
  const startAt = parentAt + 8 + 1;
  const endAt = startAt + 8 + 1;
  return {
    byteCount: whole.length,
    write(buffer, at, { traceId, spanId, parentSpanId, startMs, endMs }) {
      whole.copy(buffer, at);
      buffer.set(traceId, at + traceAt);
      buffer.set(spanId, at + spanAt);
      buffer.set(parentSpanId, at + parentAt);
      buffer.writeBigUInt64LE(nanoseconds(startMs), at + startAt);
      buffer.writeBigUInt64LE(nanoseconds(endMs), at + endAt);
    },
  };
}

/** One resource's spans as a member of a request; requests are such members one after the other. */
export function writeResourceSpans(
  attributes: Attributes,
  spans: readonly { readonly template: SpanTemplate; readonly span: WrittenSpan }[],
): Buffer {
  const resource = bytesField(
    1,
    Buffer.concat(Object.entries(attributes).map(([key, value]) => keyValue(1, key, value))),
  );
  const spansLength = spans.reduce((sum, { template }) => sum + template.byteCount, 0);
  const scopeHead = Buffer.concat([tag(2, wire.bytes), varint(spansLength)]);
  const length = resource.length + scopeHead.length + spansLength;
  const head = Buffer.concat([tag(1, wire.bytes), varint(length), resource, scopeHead]);
  const whole = Buffer.allocUnsafe(head.length + spansLength);
  head.copy(whole);
  let at = head.length;
  for (const { template, span } of spans) {
    template.write(whole, at, span);
    at += template.byteCount;
  }
  assert(at === whole.length, 'lengths were counted before anything was written');
  return whole;
}

function nanoseconds(atMs: EpochMs): bigint {
  return BigInt(Math.round(atMs * 1_000)) * 1_000n;
}

function keyValue(field: number, key: string, value: string | number | boolean): Buffer {
  return bytesField(field, Buffer.concat([textField(1, key), bytesField(2, anyValue(value))]));
}

function anyValue(value: string | number | boolean): Buffer {
  if (typeof value === 'string') return textField(1, value);
  if (typeof value === 'boolean') return Buffer.concat([tag(2, wire.varint), varint(value ? 1 : 0)]);
  assert(Number.isSafeInteger(value) && value >= 0, 'attributes that are numbers are whole, and not below 0');
  return Buffer.concat([tag(3, wire.varint), varint(value)]);
}

function textField(field: number, text: string): Buffer {
  return bytesField(field, Buffer.from(text));
}

function bytesField(field: number, content: Buffer): Buffer {
  return Buffer.concat([tag(field, wire.bytes), varint(content.length), content]);
}

function tag(field: number, type: number): Buffer {
  return varint((field << 3) | type);
}

function varint(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  out.push(rest);
  return Buffer.from(out);
}
