/**
 * The spans of a world: each request of the twin as its function's own span and the call that it makes, as OTLP over HTTP for a while and as ready deltas
 * for the rest of the day, since a day of spans would be millions.
 *
 * One of the tables behind the functions may turn slow and failing. Requests that wait for it run longer, in the twin too: environments are held, and
 * capacity is short where there was enough.
 */
import { Agent, request as httpRequest } from 'node:http';
import { localSender } from '../../collectors/otlp-tokens.ts';
import { WorldError } from '../../core/errors.ts';
import { bucketOf } from '../../core/histogram.ts';
import type { Random } from '../../core/random.ts';
import { parseFunctionKey, type FunctionKey } from '../../core/series-key.ts';
import { msPerSecond, type EpochMs } from '../../core/time.ts';
import type { WindowDelta, WindowKey } from '../../core/window.ts';
import type { Arrivals } from '../twin/arrivals.ts';
import type { SeenRequest } from '../twin/function-plane.ts';
import { createDeltaBook, type DeltaBook } from './faults/delta-book.ts';
import { createSpanTemplate, writeResourceSpans, type SpanTemplate, type WrittenSpan } from './otlp-template.ts';

export interface TracedFunction {
  readonly key: FunctionKey;
  /** Of its handler, on an ordinary day. */
  readonly medianMs: number;
  /** The table that every request waits for. */
  readonly table: string;
}

export interface TableFault {
  readonly table: string;
  readonly fromMs: EpochMs;
  readonly untilMs: EpochMs;
  /** Its answers take so many times as long. */
  readonly slowTimes: number;
  /** Share of its answers that are errors; the request fails with them. */
  readonly failedRatio: number;
}

export interface TraceOptions {
  readonly functions: readonly TracedFunction[];
  readonly fault?: TableFault;
  /** Requests that end in this span of time are exported as spans; all others come as deltas. */
  readonly otlp: { readonly fromMs: EpochMs; readonly untilMs: EpochMs };
  /** Each environment sends what has ended so often, and no two at the same time. */
  readonly exportMs: number;
}

export interface Traces {
  /** Makes the requests of a minute wait for a table that is slow. */
  readonly slow: (key: FunctionKey, arrivals: Arrivals) => void;
  readonly served: (key: FunctionKey, request: SeenRequest) => void;
  readonly provisioned: (key: FunctionKey, atMs: EpochMs, addedCount: number) => void;
  /** Of the seconds that are over. */
  readonly takeDeltas: (nowMs: EpochMs) => readonly WindowDelta[];
  /** Sends what has ended and is due; resolves when it is received. */
  readonly export: (nowMs: EpochMs, url: string) => Promise<void>;
  /** End of the first request that the fault harmed; undefined: none was yet. */
  readonly firstBadSpanAtMs: () => EpochMs | undefined;
}

/** How often the world looks whether something is to be sent. */
export const exportStepMs = 250;
/** Of a handler's time, on an ordinary day: before it calls its table, and waiting for it. */
const beforeCallRatio = 0.2;
const callRatio = 0.2;
const noId = new Uint8Array(8);
/** Slower than so many medians is harmed. */
const harmedTimes = 4;

interface Ended {
  readonly traced: Traced;
  readonly startMs: EpochMs;
  readonly callEndMs: EpochMs;
  readonly endMs: EpochMs;
  readonly callMs: number;
  readonly isCold: boolean;
  readonly hasFailed: boolean;
}

interface Traced extends TracedFunction {
  readonly edge: WindowKey;
  readonly resource: Readonly<Record<string, string>>;
  /** By whether it failed; of the entry, by whether it started cold too. */
  readonly entry: (isCold: boolean, hasFailed: boolean) => SpanTemplate;
  readonly call: (hasFailed: boolean) => SpanTemplate;
  readonly init: SpanTemplate;
}

export function createTraces(options: TraceOptions, random: Random): Traces {
  const { fault, otlp, exportMs } = options;
  const traced = new Map(options.functions.map((one) => [one.key, tracedOf(one)]));
  const failures = random.fork('failures');
  const ids = random.fork('ids');
  const books = createBooks();
  const slotCount = Math.max(1, Math.round(exportMs / exportStepMs));
  const waiting = Array.from({ length: slotCount }, (): Ended[] => []);
  const inits = Array.from({ length: slotCount }, (): { readonly traced: Traced; readonly atMs: EpochMs }[] => []);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let nextSlot = 0;
  let firstBadSpanAtMs: EpochMs | undefined;

  const isStruck = ({ table }: TracedFunction, atMs: EpochMs): boolean =>
    fault?.table === table && fault.fromMs <= atMs && atMs < fault.untilMs;
  /** How many times as long a handler runs that waits for the slow table. */
  const longer = fault === undefined ? 1 : 1 + callRatio * (fault.slowTimes - 1);

  const noteHarm = (one: Traced, { endMs, startMs, hasFailed }: Ended, isSlowed: boolean): void => {
    const limitMs = harmedTimes * one.medianMs;
    const durationMs = endMs - startMs;
    // Slow without the fault too: not of its doing.
    const isHarmed = hasFailed || (isSlowed && durationMs > limitMs && durationMs / longer <= limitMs);
    if (isHarmed && isSlowed) firstBadSpanAtMs = Math.min(firstBadSpanAtMs ?? Infinity, endMs);
  };

  return {
    firstBadSpanAtMs: () => firstBadSpanAtMs,
    slow(key, { atMs, runMs }) {
      const one = traced.get(key);
      if (!one || fault?.table !== one.table) return;
      for (let index = 0; index < atMs.length; index++) if (isStruck(one, atMs[index]!)) runMs[index]! *= longer;
    },
    served(key, { atMs, durationMs, runMs }) {
      const one = traced.get(key);
      // A throttled request has no span: nothing of it ran.
      if (!one || durationMs < 0) return;
      const isSlowed = isStruck(one, atMs);
      const handlerMs = atMs + durationMs - runMs;
      const callMs = isSlowed ? (runMs * callRatio * fault!.slowTimes) / longer : runMs * callRatio;
      const hasFailed = isSlowed && failures.next() < fault!.failedRatio;
      const beforeMs = (runMs * beforeCallRatio) / (isSlowed ? longer : 1);
      const endMs = atMs + durationMs;
      const ended: Ended = {
        ...{ traced: one, startMs: atMs, callMs, endMs, hasFailed },
        callEndMs: handlerMs + beforeMs + callMs,
        isCold: durationMs > runMs,
      };
      noteHarm(one, ended, isSlowed);
      if (endMs < otlp.fromMs || endMs >= otlp.untilMs) books.add(ended);
      else waiting[nextSlot++ % slotCount]!.push(ended);
    },
    provisioned(key, atMs, addedCount) {
      const one = traced.get(key);
      if (!one) return;
      if (atMs < otlp.fromMs || atMs >= otlp.untilMs) books.addInits(one.key, atMs, addedCount);
      else for (let index = 0; index < addedCount; index++) inits[nextSlot++ % slotCount]!.push({ traced: one, atMs });
    },
    takeDeltas: (nowMs) => books.take(nowMs),
    async export(nowMs, url) {
      const slot = Math.round(nowMs / exportStepMs) % slotCount;
      const due = waiting[slot]!.filter(({ endMs }) => endMs <= nowMs);
      const initsDue = inits[slot]!.splice(0);
      if (due.length + initsDue.length === 0) return;
      waiting[slot] = waiting[slot]!.filter(({ endMs }) => endMs > nowMs);
      await post(agent, url, encode(due, initsDue, ids));
    },
  };
}

function tracedOf(one: TracedFunction): Traced {
  const { functionName, accountId, region, alias } = parseFunctionKey(one.key)!;
  const entryAttributes = {
    'cloud.resource_id': `arn:aws:lambda:${region}:${accountId}:function:${functionName}:${alias}`,
    'faas.trigger': 'http',
  };
  const templateOf = (isCold: boolean, hasFailed: boolean): SpanTemplate =>
    createSpanTemplate({
      name: functionName,
      kind: 2,
      attributes: { ...entryAttributes, 'faas.coldstart': isCold },
      hasFailed,
    });
  const callOf = (hasFailed: boolean): SpanTemplate =>
    createSpanTemplate({
      name: 'DynamoDB.GetItem',
      kind: 3,
      attributes: { 'db.system.name': 'dynamodb', 'aws.dynamodb.table_names': one.table, 'rpc.system': 'aws-api' },
      hasFailed,
    });
  const entries = [false, true].map((isCold) => [false, true].map((hasFailed) => templateOf(isCold, hasFailed)));
  const calls = [false, true].map(callOf);
  return {
    ...one,
    edge: `edge:${one.key}>dynamodb/${one.table}`,
    resource: {
      'service.name': functionName,
      'faas.name': functionName,
      'faas.version': '1',
      'cloud.account.id': accountId,
      'cloud.region': region,
    },
    entry: (isCold, hasFailed) => entries[Number(isCold)]![Number(hasFailed)]!,
    call: (hasFailed) => calls[Number(hasFailed)]!,
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

/** Deltas by key and second, as a collector would have made them of the spans. */
function createBooks() {
  const open = new Map<EpochMs, Map<WindowKey, DeltaBook>>();
  // A book is some kilobytes: it is emptied, and used again.
  const spare: DeltaBook[] = [];
  const bookOf = (key: WindowKey, atMs: EpochMs): DeltaBook => {
    const secondAtMs = Math.floor(atMs / msPerSecond) * msPerSecond;
    const second = open.get(secondAtMs) ?? new Map<WindowKey, DeltaBook>();
    open.set(secondAtMs, second);
    const book = second.get(key) ?? spare.pop() ?? createDeltaBook();
    second.set(key, book);
    return book;
  };
  return {
    add({ traced, startMs, endMs, callEndMs, callMs, isCold, hasFailed }: Ended): void {
      const own = bookOf(traced.key, endMs);
      own.add(bucketOf(endMs - startMs), endMs - startMs, 1);
      if (isCold) own.coldStartCount++;
      if (hasFailed) own.errorCount++;
      const call = bookOf(traced.edge, callEndMs);
      call.add(bucketOf(callMs), callMs, 1);
      if (hasFailed) call.errorCount++;
    },
    addInits(key: FunctionKey, atMs: EpochMs, count: number): void {
      bookOf(key, atMs).provisionedInitCount += count;
    },
    take(nowMs: EpochMs): readonly WindowDelta[] {
      const due = [...open.keys()].filter((atMs) => atMs + msPerSecond <= nowMs);
      const deltas = due.flatMap((atMs) =>
        [...open.get(atMs)!].flatMap(([key, book]) => {
          spare.push(book);
          const delta = book.close(key, atMs, `${key}@${atMs}`);
          return delta ? [{ ...delta, sender: localSender }] : [];
        }),
      );
      for (const atMs of due) open.delete(atMs);
      return deltas;
    },
  };
}

function encode(
  due: readonly Ended[],
  inits: readonly { readonly traced: Traced; readonly atMs: EpochMs }[],
  random: Random,
): Buffer {
  const byFunction = new Map<Traced, { readonly template: SpanTemplate; readonly span: WrittenSpan }[]>();
  const spansOf = (traced: Traced) => {
    const known = byFunction.get(traced) ?? [];
    byFunction.set(traced, known);
    return known;
  };
  for (const { traced, startMs, endMs, callEndMs, callMs, isCold, hasFailed } of due) {
    const traceId = idOf(random, 16);
    const spanId = idOf(random, 8);
    const call = { traceId, spanId: idOf(random, 8), parentSpanId: spanId };
    spansOf(traced).push(
      { template: traced.call(hasFailed), span: { ...call, startMs: callEndMs - callMs, endMs: callEndMs } },
      { template: traced.entry(isCold, hasFailed), span: { traceId, spanId, parentSpanId: noId, startMs, endMs } },
    );
  }
  for (const { traced, atMs } of inits) {
    const span = { traceId: idOf(random, 16), spanId: idOf(random, 8), parentSpanId: noId, startMs: atMs, endMs: atMs };
    spansOf(traced).push({ template: traced.init, span });
  }
  return Buffer.concat([...byFunction].map(([{ resource }, spans]) => writeResourceSpans(resource, spans)));
}

function idOf(random: Random, byteCount: 8 | 16): Uint8Array {
  const words = new Uint32Array(byteCount / Uint32Array.BYTES_PER_ELEMENT);
  for (let word = 0; word < words.length; word++) words[word] = random.next() * 2 ** 32;
  return new Uint8Array(words.buffer);
}

/** @throws WorldError when it is not received. */
function post(agent: Agent, url: string, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      `${url}/v1/traces`,
      { agent, method: 'POST', headers: { 'content-type': 'application/x-protobuf', 'content-length': body.length } },
      (response) => {
        response.resume();
        response.on('end', () => {
          if (response.statusCode === 200) resolve();
          else
            reject(new WorldError('world.spans', `the receiver answered ${response.statusCode}`, { retryable: false }));
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}
