import { request, type IncomingHttpHeaders } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { InputError } from '../../core/errors.ts';
import type { BreakerStanding } from '../../core/remedy.ts';
import { createBreakerBoard, type BreakerBoard } from '../breaker-board.ts';
import type { BreakerView } from '../breaker-view.ts';
import { webFolder } from '../release.ts';
import type { SystemView } from '../view.ts';
import { createApp } from './app.ts';
import type { BreakerDesk } from './breakers.ts';
import { listen } from './listen.ts';

const open: BreakerStanding = {
  ...{ name: 'orders-table', state: 'open', admitRatio: 0, sinceMs: 1_000, untilMs: 61_000, revision: 3 },
};
const other: BreakerStanding = { ...open, name: 'ledger', state: 'closed', admitRatio: 1, revision: 1 };

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

async function setUp({ tokens = ['reader'], waiterCountMax = 10 } = {}) {
  let atMs = 10_000;
  const alarms = new Map<number, () => void>();
  const board = createBreakerBoard({ nowMs: () => atMs }, waiterCountMax);
  board.publish([open, other]);
  let waited = (): void => undefined;
  const watched: BreakerBoard = {
    ...board,
    get waiterCount() {
      return board.waiterCount;
    },
    wait(name, wake) {
      const cancel = board.wait(name, wake);
      waited();
      return (
        cancel &&
        (() => {
          cancel();
          waited();
        })
      );
    },
  };
  const timers = {
    after(delayMs: number, run: () => void) {
      alarms.set(delayMs, run);
      return () => void alarms.delete(delayMs);
    },
  };
  const forced: unknown[][] = [];
  const desk: BreakerDesk = {
    view: () => [{ name: 'orders-table' } as BreakerView],
    force(...args) {
      forced.push(args);
      if (args[0] === 'cancels') throw new InputError('breaker.never', 'orders-cancel is marked neverBreak');
      return args[0] === 'orders-table' ? ({ name: args[0] } as BreakerView) : undefined;
    },
  };
  const people = [
    { name: 'ada', role: 'operator', token: 'of-ada' },
    { name: 'eddie', role: 'editor', token: 'of-eddie' },
  ] as const;
  const breakers = { reads: { board: watched, timers, tokens }, desk };
  const app = createApp({ view: {} as SystemView, tokens: [], people, webFolder, breakers });
  const listener = await listen(app, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => listener.close());
  const { hostname, port } = new URL(listener.url);
  const start = (path: string, { method = 'GET', headers = {}, body }: Asked = {}) => {
    const all = { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers };
    const asking = request({ hostname, port, path, method, headers: all, agent: false });
    const answer = new Promise<Answered>((resolve, reject) => {
      asking.on('response', (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => {
          const parsed = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
          resolve({ status: response.statusCode!, headers: response.headers, body: parsed });
        });
      });
      asking.on('error', reject);
    });
    asking.end(body === undefined ? undefined : JSON.stringify(body));
    return { answer, hangUp: () => asking.destroy() };
  };
  return {
    board,
    alarms,
    forced,
    start,
    ask: (path: string, asked?: Asked) => start(path, asked).answer,
    read: (path: string, etag?: string) =>
      start(path, {
        headers: { authorization: 'Bearer reader', ...(etag !== undefined && { 'if-none-match': etag }) },
      }),
    go: (toMs: number) => void (atMs = toMs),
    /** The next time that somebody begins to wait, or stops. */
    untilWaiting: () => new Promise<void>((resolve) => void (waited = resolve)),
  };
}

describe('who reads', () => {
  it('gets one, or all, with a tag; and nothing where they know it', async () => {
    const { read } = await setUp();
    const one = await read('/v1/breakers/orders-table').answer;
    expect(one).toMatchObject({ status: 200, body: open, headers: { 'cache-control': 'no-cache' } });
    const all = await read('/v1/breakers').answer;
    expect(all.body).toEqual({ breakers: [other, open] });
    for (const [path, { headers }] of [
      ['/v1/breakers/orders-table', one],
      ['/v1/breakers', all],
    ] as const) {
      expect(await read(path, headers.etag).answer).toMatchObject({ status: 304, headers: { etag: headers.etag } });
      expect(await read(path, '"another"').answer).toMatchObject({ status: 200 });
    }
  });

  it('is told that it is closed when it has ended, although nobody said so', async () => {
    const { read, go } = await setUp();
    const { etag } = (await read('/v1/breakers/orders-table').answer).headers;
    go(61_000);
    const { status, body } = await read('/v1/breakers/orders-table', etag).answer;
    expect([status, body]).toEqual([200, { ...open, state: 'closed', admitRatio: 1, sinceMs: 61_000 }]);
  });

  it.each([
    ['no such breaker', '/v1/breakers/another', 404],
    ['half a wait', '/v1/breakers?waitMs=0.5', 400],
    ['a wait too long', '/v1/breakers?waitMs=25001', 400],
    ['two waits', '/v1/breakers?waitMs=1&waitMs=2', 400],
    ['no wait', '/v1/breakers?waitMs=0', 200],
  ])('asks for %s', async (_, path, status) => {
    const { read } = await setUp();
    expect((await read(path).answer).status).toBe(status);
  });

  it.each([
    ['a token of readers', ['reader', 'second'], { authorization: 'Bearer second' }, 200],
    ['another', ['reader'], { authorization: 'Bearer other' }, 401],
    ['none', ['reader'], {}, 401],
    ['that of a person', ['reader'], { authorization: 'Bearer of-ada' }, 401],
    ['none, where this machine may', [], {}, 200],
    ['a foreign name for this machine', [], { host: 'evil.example' }, 403],
  ])('has %s', async (_, tokens, headers, status) => {
    const { ask } = await setUp({ tokens });
    expect((await ask('/v1/breakers', { headers })).status).toBe(status);
  });

  it('may not change anything by it', async () => {
    const { ask, forced } = await setUp();
    const asked = { method: 'POST', headers: { authorization: 'Bearer reader' }, body: { to: 'open', because: 'x' } };
    expect((await ask('/api/breakers/orders-table/force', asked)).status).toBe(401);
    expect(forced).toEqual([]);
  });
});

describe('who waits', () => {
  const waitPath = '/v1/breakers/orders-table?waitMs=25000';

  it('hears of their own breaker at once, of others not, and of nothing when the time is over', async () => {
    const { read, board, alarms, untilWaiting } = await setUp();
    const { etag } = (await read('/v1/breakers/orders-table').answer).headers;
    let isWaiting = untilWaiting();
    const told = read(waitPath, etag);
    await isWaiting;
    board.publish([open, { ...other, revision: 2 }]);
    expect(board.waiterCount).toBe(1);
    const renewed = { ...open, untilMs: 81_000, revision: 4 };
    board.publish([renewed, other]);
    expect(await told.answer).toMatchObject({ status: 200, body: renewed });
    expect([board.waiterCount, alarms.size]).toEqual([0, 0]);
    isWaiting = untilWaiting();
    const again = read(waitPath, (await told.answer).headers.etag);
    await isWaiting;
    alarms.get(25_000)!();
    expect((await again.answer).status).toBe(304);
    expect(board.waiterCount).toBe(0);
  });

  it('leaves nothing behind when they hang up', async () => {
    const { read, board, alarms, untilWaiting } = await setUp();
    const { etag } = (await read('/v1/breakers/orders-table').answer).headers;
    const isWaiting = untilWaiting();
    const { answer, hangUp } = read(waitPath, etag);
    await isWaiting;
    const hasLeft = untilWaiting();
    hangUp();
    await expect(answer).rejects.toThrow();
    await hasLeft;
    expect(board.waiterCount).toBe(0);
    expect(alarms.size).toBe(0);
  });

  it('is answered at once where as many wait as may', async () => {
    const { read, board, untilWaiting } = await setUp({ waiterCountMax: 1 });
    const { etag } = (await read('/v1/breakers/orders-table').answer).headers;
    const isWaiting = untilWaiting();
    const first = read(waitPath, etag);
    await isWaiting;
    expect((await read(waitPath, etag).answer).status).toBe(304);
    board.publish([{ ...open, revision: 4 }]);
    expect((await first.answer).status).toBe(200);
  });
});

describe('an operator', () => {
  const ada = { authorization: 'Bearer of-ada' };
  const force = { to: 'open', minutes: 10, because: 'orders are being moved' };
  const path = '/api/breakers/orders-table/force';

  it('sees all breakers and forces one, under their name', async () => {
    const { ask, forced } = await setUp();
    expect(await ask('/api/breakers', { headers: ada })).toMatchObject({
      body: { breakers: [{ name: 'orders-table' }] },
    });
    expect(await ask(path, { method: 'POST', headers: ada, body: force })).toMatchObject({
      status: 202,
      body: { forced: 'open', breaker: { name: 'orders-table' } },
    });
    await ask(path, { method: 'POST', headers: ada, body: { to: 'none', because: 'done' } });
    expect(forced).toEqual([
      ['orders-table', { to: 'open', forMs: 600_000, because: 'orders are being moved' }, 'operator:ada'],
      ['orders-table', { to: 'none', forMs: 3_600_000, because: 'done' }, 'operator:ada'],
    ]);
  });

  it.each<[string, string, Asked, number, unknown]>([
    ['by an editor', path, { headers: { authorization: 'Bearer of-eddie' } }, 403, 'role'],
    ['of another name', '/api/breakers/another/force', {}, 404, 'no-breaker'],
    ['of what may never be so', '/api/breakers/cancels/force', {}, 400, 'breaker.never'],
    ['to half-open', path, { body: { ...force, to: 'half-open' } }, 400, 'bad-request'],
    ['for two days', path, { body: { ...force, minutes: 2_880 } }, 400, 'bad-request'],
    ['without a reason', path, { body: { to: 'open' } }, 400, 'bad-request'],
    ['from a foreign page', path, { headers: { ...ada, origin: 'https://evil.example' } }, 403, 'foreign-page'],
  ])('is refused %s', async (_, at, asked, status, title) => {
    const { ask } = await setUp();
    const answer = await ask(at, { method: 'POST', headers: ada, body: force, ...asked });
    expect(answer).toMatchObject({ status, body: { title } });
  });
});
