import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  dueDeliveries,
  emptyOutbox,
  enqueue,
  hearOutcome,
  markInFlight,
  type Outbox,
} from '../actuators/notify/outbox.ts';
import { judgedLookup } from '../collectors/feed-http.ts';
import { samplePage } from '../actuators/notify/sample.ts';
import { msPerDay, msPerSecond } from '../core/time.ts';
import { createHeartbeat, createMessenger, retryAfterMsOf, type SecretTarget } from './messenger.ts';
import { silentLog } from './sample.ts';

const nowMs = Date.parse('2026-11-20T13:30:00Z');
const never = new AbortController().signal;
const secretText = 'R'.repeat(32);

async function listen(answer: RequestListener) {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function targetAt(url: string, name = 'pager', isPrivate = false): SecretTarget {
  return { name, kind: 'pagerduty', url, isPrivate, secrets: [{ reveal: () => secretText }] };
}

const deliveryTo = (target: string) => ({
  ...{ laneId: 'x', target, notification: samplePage, attempt: 1, mayRepeat: false },
  cause: { subject: 'account', because: 'a test' },
});

function messengerFor(...targets: readonly SecretTarget[]) {
  return createMessenger({ targets, clock: { nowMs: () => nowMs }, requestTimeoutMs: 500, stopGraceMs: 1 });
}

describe('one attempt', () => {
  it.each([
    { says: 'taken', status: 202, is: { kind: 'taken', status: 202 } },
    { says: 'gone', status: 410, is: { kind: 'gone' } },
    { says: 'not understood', status: 400, is: { kind: 'refused', because: 'it answers 400' } },
    { says: 'to go elsewhere', status: 307, is: { kind: 'refused' } },
    { says: 'broken', status: 500, is: { kind: 'failed', mayHaveArrived: false } },
    { says: 'busy', status: 429, is: { kind: 'failed', retryAfterMs: 7_000 }, retryAfter: '7' },
    {
      says: 'busy until a date',
      status: 503,
      is: { retryAfterMs: 90_000 },
      retryAfter: 'Fri, 20 Nov 2026 13:31:30 GMT',
    },
  ])('is told that it is $says by $status', async ({ status, is, retryAfter }) => {
    const paths: string[] = [];
    const url = await listen((request, response) => {
      paths.push(request.url!);
      response.writeHead(status, { location: '/elsewhere', ...(retryAfter && { 'retry-after': retryAfter }) }).end();
    });
    expect(await messengerFor(targetAt(url)).deliver(deliveryTo('pager'), never)).toMatchObject(is);
    expect(paths).toEqual(['/v2/enqueue']);
  });

  it.each<readonly [string, RequestListener, object]>([
    ['never answered', () => undefined, { kind: 'failed', mayHaveArrived: true }],
    ['reset', (request) => void request.socket.destroy(), { kind: 'failed', mayHaveArrived: true }],
    [
      'answered by a body that never ends, once its status is known',
      (_, response) => void response.writeHead(202).write('x'),
      { kind: 'taken' },
    ],
  ])('that is %s ends in time', async (_, answer, is) => {
    const url = await listen(answer);
    const outcome = await messengerFor(targetAt(url)).deliver(deliveryTo('pager'), never);
    expect(outcome).toMatchObject(is);
    expect(inspect(outcome)).not.toContain(secretText);
  });

  it('under way at a stop is given up after its grace, and may have arrived', async () => {
    const stopping = new AbortController();
    const url = await listen(() => stopping.abort());
    const outcome = await messengerFor(targetAt(url)).deliver(deliveryTo('pager'), stopping.signal);
    expect(outcome).toMatchObject({
      kind: 'failed',
      because: expect.stringContaining('') as string,
      mayHaveArrived: true,
    });
  });

  it.each([
    ['private', 'https://10.0.0.7', false],
    ['link-local, allowed private or not', 'https://169.254.169.254', true],
    ['mapped', 'https://[::ffff:10.0.0.7]', false],
    ['not there', 'http://127.0.0.1:1', false],
  ])('at an address that is %s never leaves', async (_, url, isPrivate) => {
    const outcome = await messengerFor(targetAt(url, 'pager', isPrivate)).deliver(deliveryTo('pager'), never);
    expect(outcome).toMatchObject({ kind: 'failed', mayHaveArrived: false });
  });

  it.each([
    ['a name that means this machine', 'localhost', 'is not an address that is allowed'],
    ['a name that nobody knows', 'nowhere.invalid', 'nowhere.invalid'],
  ])('goes nowhere by %s', async (_, name, says) => {
    const because = await new Promise<string>((resolve) => {
      judgedLookup(() => false)(name, {}, (error) => resolve(error?.message ?? 'it was found'));
    });
    expect(because).toContain(says);
  });

  it.each([
    ['120', 120_000],
    ['Fri, 20 Nov 2026 13:31:00 GMT', 60_000],
    ['Fri, 20 Nov 2026 13:29:00 GMT', 0],
    ['1e9', undefined],
    ['-5', undefined],
    ['tomorrow', undefined],
  ])('reads Retry-After %s', (text, expected) => expect(retryAfterMsOf(text, nowMs)).toBe(expected));
});

// Goal: however a target misbehaves, each message of it comes to be taken once by its key, in its order, and its neighbour notices nothing.
// Method: a real server that spoils the first attempts at each message in turn; time between attempts is virtual.
it('loses nothing, repeats nothing, and holds up nobody beside it', async () => {
  const spoilt: readonly RequestListener[] = [
    () => undefined,
    (request) => void request.socket.destroy(),
    (_, response) => void response.writeHead(429, { 'retry-after': '30' }).end(),
    (_, response) => void response.writeHead(500).end(),
    (_, response) => void response.writeHead(503, { 'retry-after': 'Fri, 20 Nov 2026 13:45:00 GMT' }).end(),
  ];
  const taken: string[] = [];
  let requestCount = 0;
  const bad = await listen((request, response) => {
    const spoil = spoilt[requestCount++];
    if (spoil) {
      spoil(request, response);
      return;
    }
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const event = JSON.parse(body) as { event_action: string; dedup_key: string };
      taken.push(`${event.event_action} ${event.dedup_key.slice(0, 2)}`);
      response.writeHead(202).end();
    });
  });
  const good: number[] = [];
  let atMs = nowMs;
  const neighbour = await listen((_, response) => {
    good.push(atMs);
    response.writeHead(202).end();
  });
  const clock = { nowMs: () => atMs };
  const targets = [targetAt(bad, 'bad'), targetAt(neighbour, 'good')];
  const messenger = createMessenger({ targets, clock, requestTimeoutMs: 100 });
  const cause = { subject: 'account', because: 'a test' };
  let outbox: Outbox = emptyOutbox;
  for (const target of ['bad', 'good'])
    for (const dedupKey of ['aa', 'bb'])
      for (const step of ['trigger', 'resolve'] as const)
        outbox = enqueue(outbox, {
          target,
          cause,
          notification: { ...samplePage, dedupKey, step, id: `${dedupKey} ${step}`, atMs },
        })!;
  let seq = 0;
  for (; Object.keys(outbox.lanes).length > 0; atMs += msPerSecond) {
    expect(atMs - nowMs).toBeLessThan(msPerDay);
    const due = dueDeliveries(outbox, { nowMs: atMs, inFlightMaxOf: () => 4 }).map((delivery) => ({
      delivery,
      seq: seq++,
    }));
    for (const one of due) outbox = { ...outbox, ...markInFlight(outbox, one.delivery, one.seq) };
    const heard = await Promise.all(
      due.map(async (one) => ({ ...one, outcome: await messenger.deliver(one.delivery, never) })),
    );
    for (const one of heard)
      outbox = hearOutcome(outbox, { ...one, laneId: one.delivery.laneId, seed: 's', configSha256: 'c' })!.outbox;
  }
  expect([...taken].sort()).toEqual(['resolve aa', 'resolve bb', 'trigger aa', 'trigger bb']);
  for (const key of ['aa', 'bb']) expect(taken.indexOf(`trigger ${key}`)).toBeLessThan(taken.indexOf(`resolve ${key}`));
  expect(requestCount).toBe(spoilt.length + taken.length);
  expect(good.map((at) => at - nowMs)).toEqual([0, 0, 1_000, 1_000]);
  // Both lanes waited for the date that the server named.
  expect(atMs).toBeGreaterThan(Date.parse('2026-11-20T13:45:00Z'));
});

describe('a heartbeat', () => {
  it.each([
    ['leaves while seconds are judged', nowMs - 3_000, 1],
    ['stays away when none has been for a while', nowMs - 11_000, 0],
    ['stays away before the first', null, 0],
  ])('%s', async (_, judgedAtMs, count) => {
    let heard = 0;
    const url = await listen((_request, response) => {
      heard++;
      response.writeHead(200).end();
    });
    const options = { clock: { nowMs: () => nowMs }, log: silentLog, lastJudgedAtMs: () => judgedAtMs };
    await createHeartbeat({ url: { reveal: () => url }, isPrivate: false }, options)(never);
    expect(heard).toBe(count);
  });
});
