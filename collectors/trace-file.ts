/**
 * Whole traces from files: for `explain`. Two forms, plain or gzip:
 *
 * - OTLP in JSON: one ExportTraceServiceRequest, or one a line, as the Collector's file exporter writes them;
 * - trace-lines/1: a header that names services and operations, and then one trace a line, its spans as
 *   `[parent, service, operation, start_us, duration_us]` with places in the header's lists.
 */
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import type { Trace, TraceSpan } from '../core/trace.ts';
import { readJsonLines } from './json-lines.ts';

/** All files of one question together; a minute of a busy system has some 100,000. */
export const traceSpanCountMax = 5_000_000;

const count = z.number().int().nonnegative();
const headerForm = z.object({
  format: z.literal('trace-lines/1'),
  origin_unix_us: z.number(),
  services: z.array(z.string()).max(100_000),
  operations: z.array(z.string()).max(100_000),
});
const lineForm = z.object({ t: z.string().max(64), o: z.number(), s: z.array(z.array(z.number()).length(5)) });

const textValue = z.object({ stringValue: z.string().optional() }).nullish();
const attributes = z.array(z.object({ key: z.string(), value: textValue })).nullish();
const time = z.union([z.string().regex(/^\d{1,20}$/), count]);
const spanForm = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().nullish(),
  name: z.string().nullish(),
  startTimeUnixNano: time,
  endTimeUnixNano: time,
  attributes,
  status: z.object({ code: z.number().nullish() }).nullish(),
});
const requestForm = z.object({
  resourceSpans: z
    .array(
      z.object({
        resource: z.object({ attributes }).nullish(),
        scopeSpans: z.array(z.object({ spans: z.array(spanForm).nullish() })).nullish(),
      }),
    )
    .nullish(),
});

type Attributes = z.infer<typeof attributes>;
type Header = z.infer<typeof headerForm>;
type SpanRow = readonly [parent: number, service: number, operation: number, startUs: number, durationUs: number];

/** @throws InputError naming file and line where it has neither form. Traces come in the order of their start. */
export async function readTraces(path: string, signal?: AbortSignal): Promise<readonly Trace[]> {
  let header: Header | undefined;
  const traces: Trace[] = [];
  const spans: FlatSpan[] = [];
  let spanCount = 0;
  for await (const { value, line } of readJsonLines(path, signal)) {
    if (header) {
      const trace = readLine(header, value);
      if (!trace)
        throw new InputError(
          'trace-form',
          `${path}: line ${line}: expected {"t","o","s":[[parent,service,operation,start_us,duration_us],…]}`,
        );
      traces.push(trace);
      spanCount += trace.spans.length;
    } else {
      const first = headerForm.safeParse(value);
      if (first.success) header = first.data;
      else spans.push(...readRequest(value, `${path}: line ${line}`));
      spanCount = spans.length;
    }
    if (spanCount > traceSpanCountMax)
      throw new InputError(
        'trace-size',
        `${path}: more than ${traceSpanCountMax} spans; cut it to the minutes around the trouble`,
      );
  }
  return [...traces, ...assemble(spans)].sort((a, b) => a.startsAtMs - b.startsAtMs || (a.id < b.id ? -1 : 1));
}

function readLine({ origin_unix_us, services, operations }: Header, value: unknown): Trace | undefined {
  const line = lineForm.safeParse(value);
  if (!line.success) return undefined;
  const { t: id, o: offset, s } = line.data;
  const startsAtMs = (origin_unix_us + offset) / 1_000;
  const spans: TraceSpan[] = [];
  for (const [parent, service, operation, startUs, durationUs] of s as unknown as readonly SpanRow[]) {
    const node = services[service];
    const name = operations[operation];
    const isPlaced = Number.isInteger(parent) && parent >= -1 && parent < spans.length;
    if (!isPlaced || node === undefined || name === undefined || durationUs < 0) return undefined;
    spans.push({
      parent,
      node,
      operation: name,
      startsAtMs: startsAtMs + startUs / 1_000,
      durationMs: durationUs / 1_000,
      isFailed: false,
    });
  }
  return { id, startsAtMs, spans };
}

interface FlatSpan extends Omit<TraceSpan, 'parent'> {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
}

function readRequest(value: unknown, place: string): readonly FlatSpan[] {
  const request = requestForm.safeParse(value);
  if (!request.success || !request.data.resourceSpans) {
    const [issue] = request.error?.issues ?? [];
    const where = issue ? `${issue.path.join('.')}: ${issue.message}` : 'no resourceSpans';
    throw new InputError('trace-form', `${place}: is neither OTLP in JSON (${where}) nor trace-lines/1`);
  }
  return request.data.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    (scopeSpans ?? []).flatMap(({ spans }) =>
      (spans ?? []).map((span): FlatSpan => {
        const startsAtMs = msOf(span.startTimeUnixNano);
        return {
          traceId: span.traceId.toLowerCase(),
          spanId: span.spanId.toLowerCase(),
          parentSpanId: (span.parentSpanId ?? '').toLowerCase(),
          node: nodeOf(span.attributes, resource?.attributes),
          operation: span.name ?? '',
          startsAtMs,
          durationMs: Math.max(0, msOf(span.endTimeUnixNano) - startsAtMs),
          isFailed: span.status?.code === 2,
        };
      }),
    ),
  );
}

/** Nanoseconds do not fit a double, microseconds since 1970 do. */
function msOf(nanoseconds: string | number): number {
  return Number(BigInt(nanoseconds) / 1_000n) / 1_000;
}

/** A function by its alias where its ARN has one, else by name; all else by `service.name`. */
function nodeOf(span: Attributes, resource: Attributes): string {
  const find = (...keys: readonly string[]): string | undefined =>
    [...(span ?? []), ...(resource ?? [])].find(
      ({ key, value }) => keys.includes(key) && value?.stringValue !== undefined,
    )?.value?.stringValue ?? undefined;
  const arn = find('aws.lambda.invoked_arn') ?? find('cloud.resource_id', 'faas.id');
  const parts =
    arn === undefined ? null : /^arn:[^:]+:lambda:([^:]+):(\d{12}):function:([^:]+)(?::([^:]+))?$/.exec(arn);
  if (parts?.[4] !== undefined) return `${parts[2]!}/${parts[1]!}/${parts[3]!}:${parts[4]}`;
  return find('faas.name') ?? parts?.[3] ?? find('service.name') ?? 'unknown';
}

/** Flat spans to trees: each parent before its children; a parent that is missing, or its own descendant, makes a root. */
function assemble(spans: readonly FlatSpan[]): readonly Trace[] {
  const byTrace = new Map<string, FlatSpan[]>();
  for (const span of spans) {
    const known = byTrace.get(span.traceId);
    if (known) known.push(span);
    else byTrace.set(span.traceId, [span]);
  }
  return [...byTrace].map(([id, members]) => ({
    id,
    startsAtMs: members.reduce((first, { startsAtMs }) => Math.min(first, startsAtMs), Infinity),
    spans: inOrder(members),
  }));
}

function inOrder(members: readonly FlatSpan[]): readonly TraceSpan[] {
  const ids = new Set(members.map(({ spanId }) => spanId));
  const children = new Map<string, FlatSpan[]>();
  const sorted = [...members].sort((a, b) => a.startsAtMs - b.startsAtMs || (a.spanId < b.spanId ? -1 : 1));
  for (const span of sorted) {
    const parent = ids.has(span.parentSpanId) ? span.parentSpanId : '';
    const known = children.get(parent);
    if (known) known.push(span);
    else children.set(parent, [span]);
  }
  const placed: TraceSpan[] = [];
  const done = new Set<FlatSpan>();
  const visit = (roots: readonly FlatSpan[]): void => {
    const open = roots.map((span) => ({ span, parent: -1 })).reverse();
    for (let next = open.pop(); next; next = open.pop()) {
      if (done.has(next.span)) continue;
      done.add(next.span);
      const { traceId: _trace, spanId, parentSpanId: _parent, ...rest } = next.span;
      const parent = placed.push({ ...rest, parent: next.parent }) - 1;
      for (const span of (children.get(spanId) ?? []).reverse()) open.push({ span, parent });
    }
  };
  visit(children.get('') ?? []);
  // What is left hangs on a circle of parents.
  for (const span of sorted) if (!done.has(span)) visit([span]);
  return placed;
}
