/**
 * Real traces of Lambda applications, as X-Ray recorded them, turned into OTLP and taken in: cold starts, throttles and failures that the windower finds, beside what
 * their authors' analyser found. `--data`: a folder with `traces.ndjson.gz` and `expected.json`.
 *
 * A segment is a SERVER span, a subsegment towards another service a CLIENT span, any other an INTERNAL one.
 *
 * @see https://github.com/ServiTrace/ReplicationPackage (Apache-2.0)
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { encodeProto, type ResourceDraft, type SpanDraft } from '../collectors/fixtures/otlp-encode.ts';
import { decodeBody } from '../collectors/otlp-body.ts';
import { createSpanBatch } from '../collectors/span-batch.ts';
import { createWindower } from '../collectors/windower.ts';
import type { WindowDelta } from '../core/window.ts';

interface Segment {
  readonly id: string;
  readonly parent_id?: string;
  readonly name: string;
  readonly origin?: string;
  readonly namespace?: string;
  readonly start_time: number;
  /** Absent while it is in progress. */
  readonly end_time?: number;
  readonly error?: boolean;
  readonly fault?: boolean;
  readonly throttle?: boolean;
  readonly http?: { readonly response?: { readonly status?: number } };
  readonly subsegments?: readonly Segment[];
}

interface Trace {
  readonly name: string;
  readonly id: string;
  readonly segments: readonly Segment[];
}

interface Expectation {
  readonly name: string;
  readonly expected?: {
    readonly num_cold_starts: number;
    readonly errors: number;
    readonly throttles: number;
    readonly faults: number;
  };
}

const kinds = { internal: 1, server: 2, client: 3 } as const;

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { data: { type: 'string', default: '../shared/data/xray-lambda' } },
  });
  const lines = gunzipSync(await readFile(join(values.data, 'traces.ndjson.gz')))
    .toString()
    .trimEnd()
    .split('\n');
  const expectations = JSON.parse(await readFile(join(values.data, 'expected.json'), 'utf8')) as Expectation[];
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  say(`xray: ${lines.length} traces; each figure: found, expected (- for a trace that their analyser refuses)`);
  say(
    `${'trace'.padEnd(36)}${'cold starts'.padEnd(14)}${'throttles'.padEnd(12)}${'failed'.padEnd(10)}error and fault flags`,
  );
  let sameCount = 0;
  let knownCount = 0;
  for (const line of lines) {
    const trace = JSON.parse(line) as Trace;
    const expected = expectations.find(({ name }) => name === trace.name)?.expected;
    const found = countsOf(foldTrace(trace));
    const failedCount = flatten(trace.segments).filter(
      (segment) => kindOf(segment) !== kinds.internal && hasFailed(segment),
    ).length;
    const pair = (mine: number, theirs: number | undefined): string => `${mine}, ${theirs ?? '-'}`;
    const flags = expected ? `${expected.errors} and ${expected.faults}` : '-';
    say(
      `${trace.name.padEnd(36)}${pair(found.coldStarts, expected?.num_cold_starts).padEnd(14)}` +
        `${pair(found.throttles, expected?.throttles).padEnd(12)}${pair(found.failed, failedCount).padEnd(10)}${flags}`,
    );
    if (!expected) continue;
    knownCount++;
    if (
      found.coldStarts === expected.num_cold_starts &&
      found.throttles === expected.throttles &&
      found.failed === failedCount
    )
      sameCount++;
  }
  say(`${sameCount} of ${knownCount} traces as expected in all three`);
}

function foldTrace(trace: Trace): readonly WindowDelta[] {
  const windower = createWindower({ aliasOf: () => 'live', samplingOf: () => ({ kind: 'ratio', ratio: 1 }) });
  const batch = createSpanBatch(0);
  const bytes = encodeProto(trace.segments.map((segment) => resourceOf(segment, trace)));
  const ends = flatten(trace.segments).map((segment) => segment.end_time ?? segment.start_time);
  const nowMs = 1_000 * (Math.ceil(Math.max(...ends)) + 1);
  const decoding = { batch, allowList: windower.allowList, interner: windower.internerOf('xray') };
  const problem = decodeBody(bytes, 'proto', decoding, () => void windower.fold(batch, 'xray', nowMs));
  if (problem) throw new Error(`${trace.name}: ${problem.message}`);
  return windower.seal(nowMs);
}

/** Throttles are told of the call, and again of the function that was called: the call is counted where there is one. */
function countsOf(deltas: readonly WindowDelta[]): { coldStarts: number; throttles: number; failed: number } {
  const sum = (pick: (delta: WindowDelta) => number): number => deltas.reduce((total, delta) => total + pick(delta), 0);
  return {
    coldStarts: sum(({ coldStartCount }) => coldStartCount),
    throttles: sum(({ throttleCount, spanCount }) => (spanCount > 0 ? throttleCount : 0)),
    failed: sum(({ errorCount }) => errorCount),
  };
}

function resourceOf(segment: Segment, trace: Trace): ResourceDraft {
  const isFunction = segment.origin === 'AWS::Lambda::Function';
  const place = { 'cloud.account.id': '123456789012', 'cloud.region': 'us-east-1' };
  return {
    attributes: isFunction
      ? { ...place, 'service.name': segment.name, 'faas.name': segment.name, 'faas.version': '1' }
      : { 'service.name': `${segment.origin ?? 'unknown'} ${segment.name}` },
    spans: spansOf(segment, segment.parent_id, trace, isFunction),
  };
}

function spansOf(segment: Segment, parentId: string | undefined, trace: Trace, isFunction: boolean): SpanDraft[] {
  const { subsegments = [], end_time: end } = segment;
  const kind = kindOf(segment);
  const inner = subsegments.flatMap((subsegment) => spansOf(subsegment, segment.id, trace, false));
  // What is in progress has no end yet, and no OTLP span.
  if (end === undefined) return inner;
  const status = segment.http?.response?.status;
  const span: SpanDraft = {
    traceId: trace.id.slice(2).replace('-', ''),
    spanId: segment.id,
    ...(parentId !== undefined && { parentSpanId: parentId }),
    name: segment.name,
    kind,
    startNs: nsOf(segment.start_time),
    endNs: nsOf(end),
    attributes: {
      ...(status !== undefined && { 'http.response.status_code': status }),
      ...(segment.throttle === true && { 'error.type': 'ThrottlingException' }),
      ...(kind === kinds.client && { 'rpc.service': segment.name }),
      ...(isFunction && { 'faas.coldstart': subsegments.some(({ name }) => name === 'Initialization') }),
    },
    ...(hasFailed(segment) && { status: { code: 2, message: '' } }),
  };
  return [span, ...inner];
}

function kindOf({ origin, namespace }: Segment): number {
  if (origin !== undefined) return kinds.server;
  return namespace === 'aws' || namespace === 'remote' ? kinds.client : kinds.internal;
}

function hasFailed({ error, fault, throttle }: Segment): boolean {
  return error === true || fault === true || throttle === true;
}

/** X-Ray writes seconds to the microsecond. */
function nsOf(seconds: number): bigint {
  return BigInt(Math.round(seconds * 1e6)) * 1_000n;
}

function flatten(segments: readonly Segment[]): readonly Segment[] {
  return segments.flatMap((segment) => [segment, ...flatten(segment.subsegments ?? [])]);
}
