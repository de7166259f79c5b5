/**
 * The spans of a world: each request of the twin as its function's own span, the call that it makes, and that call as its callee sees it; as OTLP over HTTP for a while
 * and as ready deltas for the rest of the day, since a day of spans would be millions.
 *
 * One of those that functions call may turn slow and failing. Requests that wait for it run longer, in the twin too: environments are held, and
 * capacity is short where there was enough.
 */
import { Agent, request as httpRequest } from 'node:http';
import { WorldError } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import type { EpochMs } from '../../core/time.ts';
import type { WindowDelta } from '../../core/window.ts';
import type { SeenRequest } from '../twin/function-plane.ts';
import {
  callRatio,
  createFaultedRequests,
  type CallingFunction,
  type DownstreamFault,
  type FaultedRequests,
  type Fate,
} from './downstream-fault.ts';
import { createTraceBooks } from './trace-books.ts';
import { senders, senderTokens } from './trace-senders.ts';
import { encodeSpans, tracedOf, type Ended, type Initialised, type Traced } from './trace-spans.ts';

export interface TraceOptions {
  readonly functions: readonly CallingFunction[];
  readonly fault?: DownstreamFault;
  /** Requests that end in this span of time are exported as spans; all others come as deltas. */
  readonly otlp: { readonly fromMs: EpochMs; readonly untilMs: EpochMs };
  /** Each environment sends what has ended so often, and no two at the same time. */
  readonly exportMs: number;
}

export interface Traces extends Omit<FaultedRequests, 'fateOf'> {
  readonly served: (key: FunctionKey, request: SeenRequest) => void;
  /** In the world without Foreshock: harm is counted, and nobody sends spans. */
  readonly servedWithout: (key: FunctionKey, request: SeenRequest) => void;
  readonly provisioned: (key: FunctionKey, atMs: EpochMs, addedCount: number) => void;
  /** Of the seconds that are over. */
  readonly takeDeltas: (nowMs: EpochMs) => readonly WindowDelta[];
  /** Sends what has ended and is due; resolves when it is received. */
  readonly export: (nowMs: EpochMs, url: string) => Promise<void>;
}

/** How often the world looks whether something is to be sent. */
export const exportStepMs = 250;
/** Of a handler's time, on an ordinary day: before it calls. */
const beforeCallRatio = 0.2;
/** Of the caller's wait: on the way, there and back each. */
const wayRatio = 0.05;

export function createTraces(options: TraceOptions, random: Random): Traces {
  const { fault, otlp, exportMs } = options;
  const traced = new Map(options.functions.map((one) => [one.key, tracedOf(one)]));
  const requests = createFaultedRequests(options.functions, fault, random);
  const ids = random.fork('ids');
  const books = createTraceBooks();
  const slotCount = Math.max(1, Math.round(exportMs / exportStepMs));
  const waiting = Array.from({ length: slotCount }, (): Ended[] => []);
  const inits = Array.from({ length: slotCount }, (): Initialised[] => []);
  const agents = { functions: createAgent(), services: createAgent() };
  let nextSlot = 0;
  const slowTimes = fault?.slowTimes ?? 1;

  return {
    ...requests,
    served(key, request) {
      const one = traced.get(key);
      if (!one) return;
      const fate = requests.fateOf('with', key, request);
      // A throttled request has no span: nothing of it ran.
      if (request.durationMs < 0) return;
      const ended = endedOf(one, request, { ...fate, slowTimes });
      if (ended.endMs < otlp.fromMs || ended.endMs >= otlp.untilMs) books.add(ended);
      else waiting[nextSlot++ % slotCount]!.push(ended);
    },
    servedWithout: (key, request) => void requests.fateOf('without', key, request),
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
      const encoded = encodeSpans(due, initsDue, ids);
      for (const sender of [senders.functions, senders.services]) {
        if (encoded[sender].length > 0) await post(agents[sender], { url, sender, body: encoded[sender] });
      }
    },
  };
}

/** When it called and was answered, by how long its handler ran: a slow call is most of it. */
function endedOf(
  traced: Traced,
  { atMs, durationMs, runMs }: SeenRequest,
  { isSlowed, hasFailed, isSpared, slowTimes }: Fate & { readonly slowTimes: number },
): Ended {
  const endMs = atMs + durationMs;
  const whole = { traced, startMs: atMs, endMs, isCold: durationMs > runMs, hasFailed };
  if (isSpared) return whole;
  const handlerMs = endMs - runMs;
  const usualMs = isSlowed ? runMs / (1 + callRatio * (slowTimes - 1)) : runMs;
  const startMs = handlerMs + usualMs * beforeCallRatio;
  const callMs = usualMs * callRatio * (isSlowed ? slowTimes : 1);
  const client = { startMs, endMs: startMs + callMs };
  const server = { startMs: client.startMs + wayRatio * callMs, endMs: client.endMs - wayRatio * callMs };
  return { ...whole, call: { client, server } };
}

const createAgent = (): Agent => new Agent({ keepAlive: true, maxSockets: 1 });

interface Post {
  readonly url: string;
  readonly sender: string;
  readonly body: Buffer;
}

/** @throws WorldError when it is not received. */
function post(agent: Agent, { url, sender, body }: Post): Promise<void> {
  const headers = {
    'content-type': 'application/x-protobuf',
    'content-length': body.length,
    authorization: `Bearer ${senderTokens[sender]!}`,
  };
  return new Promise((resolve, reject) => {
    const sent = httpRequest(`${url}/v1/traces`, { agent, method: 'POST', headers }, (response) => {
      response.resume();
      response.on('end', () => {
        if (response.statusCode === 200) resolve();
        else
          reject(new WorldError('world.spans', `the receiver answered ${response.statusCode}`, { retryable: false }));
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
