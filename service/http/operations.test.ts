import { request } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { InputError, WorldError } from '../../core/errors.ts';
import { msPerMinute } from '../../core/time.ts';
import { silentLog } from '../sample.ts';
import { webFolder } from '../release.ts';
import type { SystemView } from '../view.ts';
import { createApp } from './app.ts';
import { listen } from './listen.ts';
import type { Operations } from './operations.ts';

interface Asked {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const warming = { group: 'trading', lift: 4, minutes: 45, because: 'tariffs' };

async function open({ tokens = [], ...change }: { readonly tokens?: readonly string[] } & Partial<Operations> = {}) {
  const asked: unknown[][] = [];
  const logged: string[] = [];
  const operations: Operations = {
    async confirmCalendar(...args) {
      asked.push(args);
      return args[0] === 'cpi' ? ['cpi~was@1'] : undefined;
    },
    acknowledge(...args) {
      asked.push(args);
      return args[0] === 'orders@1';
    },
    async warm(...args) {
      asked.push(args);
      return { eventId: 'manual:1', functions: ['f'], steps: null };
    },
    ...change,
  };
  const log = {
    ...silentLog,
    warn: (event: string) => void logged.push(event),
    error: (event: string) => void logged.push(event),
  };
  const app = createApp({ view: {} as SystemView, operations, tokens, webFolder, log });
  const listener = await listen(app, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => listener.close());
  const { hostname, port } = new URL(listener.url);
  const ask = ({ path = '/api/warm', method = 'POST', headers = {}, body = warming }: Asked = {}) =>
    new Promise<{ readonly status: number; readonly body: Record<string, unknown> }>((resolve, reject) => {
      const all = { 'content-type': 'application/json', ...headers };
      const asking = request({ hostname, port, path, method, headers: all, agent: false }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => {
          resolve({ status: response.statusCode!, body: JSON.parse(text) as Record<string, unknown> });
        });
      });
      asking.on('error', reject);
      asking.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  return { ask, asked, logged, port };
}

describe('who asks', () => {
  it('is this machine where there are no tokens', async () => {
    const { ask, asked } = await open();
    expect(await ask()).toEqual({ status: 201, body: { eventId: 'manual:1', functions: ['f'], steps: null } });
    expect(asked).toEqual([
      [{ group: 'trading', lift: 4, because: 'tariffs', forMs: 45 * msPerMinute }, 'operator:local'],
    ]);
  });

  it.each([
    { authorization: 'Bearer the-first', status: 201, actor: 'operator:token-1' },
    { authorization: 'Bearer the-second', status: 201, actor: 'operator:token-2' },
    { authorization: 'Bearer the-third', status: 401, actor: undefined },
    { authorization: '', status: 401, actor: undefined },
  ])('is $actor to "$authorization"', async ({ authorization, status, actor }) => {
    const { ask, asked } = await open({ tokens: ['the-first', 'the-second'] });
    expect((await ask({ headers: { authorization } })).status).toBe(status);
    expect(asked.map(([, who]) => who)).toEqual(actor === undefined ? [] : [actor]);
  });

  // A name on the web that leads to this machine (DNS rebinding) makes any page one of its own.
  it.each([
    { host: 'localhost:8080', status: 201 },
    { host: '127.0.0.1', status: 201 },
    { host: '[::1]:8080', status: 201 },
    { host: 'evil.example:8080', status: 403 },
    { host: '127.0.0.1.evil.example', status: 403 },
    { host: '10.0.0.7:8080', status: 403 },
    { host: '127.0.0.1:80@evil.example', status: 403 },
  ])('without tokens is answered $status when it calls us "$host"', async ({ host, status }) => {
    const { ask, asked } = await open();
    expect((await ask({ headers: { host } })).status).toBe(status);
    expect(asked).toHaveLength(status === 201 ? 1 : 0);
  });

  it('may call a machine with tokens by any name', async () => {
    const { ask } = await open({ tokens: ['the-first'] });
    const headers = { host: 'foreshock.internal', authorization: 'Bearer the-first' };
    expect((await ask({ headers })).status).toBe(201);
  });
});

describe('the page that asks', () => {
  it.each([
    { name: 'none (a program)', origin: undefined, status: 201 },
    { name: 'our own', origin: 'own', status: 201 },
    { name: 'one of another port', origin: 'http://127.0.0.1:1', status: 403 },
    { name: 'one elsewhere', origin: 'https://evil.example', status: 403 },
    { name: 'a file or a sandbox', origin: 'null', status: 403 },
    { name: 'no address at all', origin: 'evil', status: 403 },
  ])('is answered $status when it is $name', async ({ origin, status }) => {
    const { ask, asked, port } = await open();
    const headers = origin === undefined ? {} : { origin: origin === 'own' ? `http://127.0.0.1:${port}` : origin };
    expect((await ask({ headers })).status).toBe(status);
    expect(asked).toHaveLength(status === 201 ? 1 : 0);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', ''])(
    'cannot send a form: %s',
    async (type) => {
      const { ask, asked } = await open();
      expect(await ask({ headers: { 'content-type': type } })).toMatchObject({
        status: 415,
        body: { title: 'not-json' },
      });
      expect(asked).toEqual([]);
    },
  );
});

describe('a body', () => {
  const long = 'x'.repeat(501);
  it.each<{ name: string; body: unknown; status?: number; detail: string }>([
    { name: 'no JSON', body: '{"group":', detail: 'the request could not be read' },
    { name: 'a list', body: [warming], detail: 'the body: expected a JSON object' },
    { name: 'nothing', body: '', detail: 'group: expected one line of 1 to 64 characters' },
    { name: 'a key too many', body: { ...warming, limit: 9 }, detail: 'the body: there is no limit' },
    {
      name: 'no group',
      body: { ...warming, group: undefined },
      detail: 'group: expected one line of 1 to 64 characters',
    },
    { name: 'a lift of one', body: { ...warming, lift: 1 }, detail: 'lift: expected a number above 1, at most 1000' },
    {
      name: 'a lift beyond all',
      body: { ...warming, lift: 1_001 },
      detail: 'lift: expected a number above 1, at most 1000',
    },
    {
      name: 'a lift in words',
      body: { ...warming, lift: '4' },
      detail: 'lift: expected a number above 1, at most 1000',
    },
    { name: 'half a minute', body: { ...warming, minutes: 0.5 }, detail: 'minutes: expected a number from 1 to 1440' },
    { name: 'two days', body: { ...warming, minutes: 2_880 }, detail: 'minutes: expected a number from 1 to 1440' },
    {
      name: 'no reason',
      body: { ...warming, because: '  ' },
      detail: 'because: expected one line of 1 to 500 characters',
    },
    {
      name: 'a long reason',
      body: { ...warming, because: long },
      detail: 'because: expected one line of 1 to 500 characters',
    },
    {
      name: 'two lines',
      body: { ...warming, because: 'a\nb' },
      detail: 'because: expected one line of 1 to 500 characters',
    },
    {
      name: '20 kB',
      body: { ...warming, because: 'x'.repeat(20_000) },
      status: 413,
      detail: 'the request could not be read',
    },
  ])('of $name is refused, and says what was expected', async ({ body, status = 400, detail }) => {
    const { ask, asked } = await open();
    expect(await ask({ body })).toMatchObject({ status, body: { status, detail } });
    expect(asked).toEqual([]);
  });

  it('may be the least and the most that is allowed', async () => {
    const { ask } = await open();
    for (const body of [
      { ...warming, lift: 1.01, minutes: 1, because: 'x' },
      { ...warming, lift: 1_000, minutes: 1_440, because: 'x'.repeat(500) },
    ])
      expect((await ask({ body })).status).toBe(201);
  });
});

describe('an answer', () => {
  const confirming = { path: '/api/calendar/confirm' };

  it('names what a confirmation let go, and says where nothing waits for one', async () => {
    const { ask, asked } = await open();
    expect(await ask({ ...confirming, body: { id: 'cpi' } })).toEqual({
      status: 200,
      body: { confirmed: 'cpi', released: ['cpi~was@1'] },
    });
    expect(await ask({ ...confirming, body: { id: 'fomc' } })).toMatchObject({
      status: 404,
      body: { type: 'urn:foreshock:nothing-to-confirm', detail: 'nothing waits for a confirmation of fomc' },
    });
    expect(asked).toEqual([
      ['cpi', 'operator:local'],
      ['fomc', 'operator:local'],
    ]);
  });

  it.each([
    {
      name: 'what somebody can mend',
      error: new InputError('warm.group', 'there are a, b'),
      status: 400,
      detail: 'there are a, b',
      logged: [],
    },
    {
      name: 'a store that takes nothing',
      error: new WorldError('store-full', 'the disk is full', { retryable: true }),
      ...{ status: 503, detail: 'the disk is full', logged: ['http.unanswered'] },
    },
    {
      name: 'a bug',
      error: new TypeError('swordfish'),
      status: 500,
      detail: 'an internal error; see the log',
      logged: ['http.failed'],
    },
  ])(
    'to $name is $status, and is logged where it is no fault of who asked',
    async ({ error, status, detail, logged }) => {
      const opened = await open({ warm: () => Promise.reject(error) });
      expect(await opened.ask()).toMatchObject({ status, body: { status, detail } });
      expect(opened.logged).toEqual(logged);
    },
  );

  it.each(['/api/nothing', '/api/plan', '/api/warm/more'])(
    'to an order at %s is that there is nothing',
    async (path) => {
      const { ask, asked } = await open();
      expect(await ask({ path })).toMatchObject({ status: 404, body: { type: 'urn:foreshock:not-found' } });
      expect(asked).toEqual([]);
    },
  );

  it.each(['PUT', 'DELETE', 'PATCH'])('to %s is that there is nothing', async (method) => {
    const { ask, asked } = await open();
    expect((await ask({ method, body: '' })).status).toBe(404);
    expect(asked).toEqual([]);
  });
});
