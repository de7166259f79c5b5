/**
 * Who pushes at a receiver, for the flood bench, in a process of its own: asks after its health all the while, sends a gzip bomb and a length of 2 GiB each
 * second, and, in the second act, a million functions that nobody has heard of.
 */
import { Agent, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { encodeProto, type ResourceDraft } from '../collectors/fixtures/otlp-encode.ts';

export type PushOrder =
  | {
      readonly kind: 'probe';
      readonly url: string;
      readonly sideUrl: string;
      readonly lastsMs: number;
      readonly withMalice: boolean;
    }
  | { readonly kind: 'names'; readonly url: string; readonly nameCount: number; readonly endAtMs: number };

/** How often each answer came, by what was sent, and how long `/healthz` took. */
export interface PushReport {
  readonly answers: Readonly<Record<string, number>>;
  readonly healthMs: readonly number[];
  /** The same, by a listener that nobody floods. */
  readonly sideHealthMs: readonly number[];
}

const namesPerBody = 1_000;
const digitCount = 7;
const placeholder = 'f-0000000';

const agent = new Agent();
// Made before anything is timed: it takes seconds.
const bomb = gzipSync(Buffer.alloc((64 << 20) + 1));
const longLength = Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x07, 1]);
const proto = { 'content-type': 'application/x-protobuf' };

/** Each on a connection of its own, as load balancers ask after health. */
function ask(url: string, headers?: Readonly<Record<string, string>>, body?: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const asked = request(url, { method: body ? 'POST' : 'GET', agent, headers: headers ?? {} }, (response) => {
      response.resume();
      response.on('end', () => resolve(String(response.statusCode)));
    });
    asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    asked.end(body);
  });
}

function createTally(): { readonly answers: Record<string, number>; count(name: string, status: string): void } {
  const answers: Record<string, number> = {};
  return {
    answers,
    count: (name, status) => void (answers[`${name}: ${status}`] = (answers[`${name}: ${status}`] ?? 0) + 1),
  };
}

async function probe({
  url,
  sideUrl,
  lastsMs,
  withMalice,
}: PushOrder & { readonly kind: 'probe' }): Promise<PushReport> {
  const tally = createTally();
  const healthMs: number[] = [];
  const sideHealthMs: number[] = [];
  const untilMs = performance.now() + lastsMs;
  const askAfterHealth = async (door: string, tookMs: number[]): Promise<void> => {
    while (performance.now() < untilMs) {
      const beganAtMs = performance.now();
      tally.count('/healthz', await ask(`${door}/healthz`));
      tookMs.push(performance.now() - beganAtMs);
      await wait(20);
    }
  };
  const misbehave = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      tally.count('gzip bomb', await ask(`${url}/v1/traces`, { ...proto, 'content-encoding': 'gzip' }, bomb));
      tally.count('length of 2 GiB', await ask(`${url}/v1/traces`, proto, longLength));
      await wait(1_000);
    }
  };
  const asked = [askAfterHealth(url, healthMs), askAfterHealth(sideUrl, sideHealthMs)];
  await Promise.all(withMalice ? [...asked, misbehave()] : asked);
  return { answers: tally.answers, healthMs, sideHealthMs };
}

/** One body, in which the names are overwritten before each sending. */
async function sendNames({ url, nameCount, endAtMs }: PushOrder & { readonly kind: 'names' }): Promise<PushReport> {
  const tally = createTally();
  const endNs = BigInt(endAtMs) * 1_000_000n;
  const resource = (index: number): ResourceDraft => ({
    attributes: { 'service.name': placeholder },
    spans: [
      {
        traceId: index.toString(16).padStart(32, '1'),
        spanId: index.toString(16).padStart(16, '1'),
        kind: 2,
        startNs: endNs - 1_000_000n,
        endNs,
      },
    ],
  });
  const body = encodeProto(Array.from({ length: namesPerBody }, (_, index) => resource(index)));
  const places: number[] = [];
  for (let at = body.indexOf(placeholder); at >= 0; at = body.indexOf(placeholder, at + 1)) places.push(at + 2);
  for (let first = 0; first < nameCount; first += namesPerBody) {
    places.forEach((at, index) => body.write(String(first + index).padStart(digitCount, '0'), at, 'latin1'));
    tally.count('names', await ask(`${url}/v1/traces`, proto, body));
  }
  return { answers: tally.answers, healthMs: [], sideHealthMs: [] };
}

process.on('message', (order: PushOrder) => {
  const pushed = order.kind === 'probe' ? probe(order) : sendNames(order);
  void pushed.then((report) => process.send?.(report));
});
