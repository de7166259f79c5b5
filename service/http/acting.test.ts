import { describe, expect, it, onTestFinished } from 'vitest';
import { request } from 'node:http';
import type { ApprovalView } from '../acting-view.ts';
import { webFolder } from '../release.ts';
import type { SystemView } from '../view.ts';
import type { ActingDesk } from './acting.ts';
import { createApp } from './app.ts';
import { listen } from './listen.ts';
import type { Person } from './people.ts';

const people: readonly Person[] = [
  { name: 'vera', role: 'viewer', token: 'token-of-vera-0123' },
  { name: 'eddie', role: 'editor', token: 'token-of-eddie-0123' },
  { name: 'ada', role: 'operator', token: 'token-of-ada-0123' },
];

const approval: ApprovalView = {
  ...{ id: 'abc', kind: 'prewarm', subject: 'nfp@1', incidentId: null, functions: ['orders'], state: 'asked' },
  ...{ bounds: { concurrencyMax: 125, usdMax: 5 }, askedAtMs: 0, expiresAtMs: 60_000 },
  because: 'payrolls <script>alert(1)</script>',
  ...{ answeredBy: null, answeredBecause: null },
};
const brake = { isOn: false, scope: null, sinceMs: null, by: null, because: null };

interface Asked {
  readonly method?: string;
  readonly token?: string;
  readonly body?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

async function open(withPeople = true) {
  const done: unknown[][] = [];
  const desk: ActingDesk = {
    view: () => ({ approvals: [approval], brake, holds: [] }),
    answer(...args) {
      done.push(['answer', ...args]);
      return args[0] === 'abc' ? { ...approval, state: 'granted', answeredBy: args[2] } : undefined;
    },
    setBrake(...args) {
      done.push(['brake', ...args]);
      return brake;
    },
    hold(...args) {
      done.push(['hold', ...args]);
      return { subject: args[0], by: args[2], because: args[1].because, sinceMs: 0, untilMs: null };
    },
    release(...args) {
      done.push(['release', ...args]);
      return args[0] === 'orders';
    },
  };
  const view = { plan: () => ({ issuedAtMs: null, steps: [] }) } as unknown as SystemView;
  const app = createApp({ view, acting: desk, tokens: [], ...(withPeople && { people }), webFolder });
  const listener = await listen(app, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => listener.close());
  const { hostname, port } = new URL(listener.url);
  const ask = (path: string, { method = 'GET', token, body, form, headers = {} }: Asked = {}) =>
    new Promise<{ readonly status: number; readonly text: string; readonly policy: unknown }>((resolve, reject) => {
      const type = form ? 'application/x-www-form-urlencoded' : 'application/json';
      const sent = form ? new URLSearchParams(form).toString() : JSON.stringify(body);
      const all = {
        ...(method === 'POST' && { 'content-type': type }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      };
      const asking = request({ hostname, port, path, method, headers: all, agent: false }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () =>
          resolve({ status: response.statusCode!, text, policy: response.headers['referrer-policy'] }),
        );
      });
      asking.on('error', reject);
      asking.end(sent);
    });
  const post = (path: string, body: unknown, token?: string) =>
    ask(path, { method: 'POST', body, ...(token !== undefined && { token }) });
  return { ask, post, done, port };
}

const [vera, eddie, ada] = people.map(({ token }) => token);
const yes = { id: 'abc', isGranted: true, because: 'fine' };

describe('routes by which operators act', () => {
  it.each([
    ['/api/approvals/answer', yes, ['answer', 'abc', { isGranted: true, because: 'fine' }, 'operator:ada']],
    ['/api/brake', { isOn: true, because: 'x' }, ['brake', 'remedies', 'x', 'operator:ada']],
    ['/api/brake', { isOn: true, isAll: true, because: 'x' }, ['brake', 'all', 'x', 'operator:ada']],
    ['/api/brake', { isOn: false, because: 'x' }, ['brake', undefined, 'x', 'operator:ada']],
    [
      '/api/holds',
      { subject: 'orders', minutes: 30, because: 'x' },
      ['hold', 'orders', { because: 'x', forMs: 1_800_000 }, 'operator:ada'],
    ],
    ['/api/holds/release', { subject: 'orders', because: 'x' }, ['release', 'orders', 'x', 'operator:ada']],
  ])('%s %j names its person', async (path, body, expected) => {
    const { post, done } = await open();
    expect((await post(path, body, ada)).status).toBe(202);
    expect(done).toEqual([expected]);
  });

  it.each(['/api/approvals/answer', '/api/brake', '/api/holds', '/api/holds/release'])(
    '%s is for operators, and says so',
    async (path) => {
      const { post, done } = await open();
      for (const token of [vera, eddie]) {
        const { status, text } = await post(path, yes, token);
        expect([status, text]).toEqual([403, expect.stringContaining('the role operator')]);
      }
      expect((await post(path, yes)).status).toBe(401);
      expect(done).toEqual([]);
    },
  );

  it('lets a viewer read', async () => {
    const { ask } = await open();
    for (const path of ['/api/plan', '/api/approvals', '/api/brake', '/api/holds'])
      expect((await ask(path, { token: vera! })).status).toBe(200);
  });

  it('says that nothing of that id waits', async () => {
    const { post } = await open();
    expect((await post('/api/approvals/answer', { ...yes, id: 'other' }, ada)).status).toBe(404);
    expect((await post('/api/holds/release', { subject: 'other', because: 'x' }, ada)).status).toBe(404);
  });
});

describe('the page behind the link of a message', () => {
  it('shows what is asked on GET and HEAD, does nothing, and lets no markup in', async () => {
    const { ask, done } = await open();
    const { status, text } = await ask('/approve/abc');
    expect(status).toBe(200);
    expect(text).toContain('125 environments');
    expect(text).toContain('&lt;script&gt;');
    expect(text).not.toContain('<script');
    expect((await ask('/approve/abc?answer=yes&because=x', { method: 'HEAD' })).status).toBe(200);
    expect((await ask('/approve/other')).status).toBe(404);
    expect(done).toEqual([]);
  });

  it('lets browsers say that its form comes from itself', async () => {
    const { ask } = await open();
    const form = { answer: 'maybe', because: 'fine' };
    const shown = [await ask('/approve/abc'), await ask('/approve/abc', { method: 'POST', form })];
    expect(shown.map(({ policy }) => policy)).toEqual(['same-origin', 'same-origin']);
  });

  it("acts on POST, with the person's own token", async () => {
    const { ask, done } = await open();
    const form = { answer: 'yes', because: 'fine', token: ada! };
    expect((await ask('/approve/abc', { method: 'POST', form })).status).toBe(200);
    expect(done).toEqual([['answer', 'abc', { isGranted: true, because: 'fine' }, 'operator:ada']]);
  });

  it.each([
    ['without a token', {}, 401],
    ['with a token of nobody', { token: 'x' }, 401],
    ['as an editor', { token: eddie! }, 403],
    ['without a reason', { token: ada!, because: ' ' }, 400],
    ['with another word', { token: ada!, answer: 'maybe' }, 400],
  ])('does nothing %s', async (_name, over, status) => {
    const { ask, done } = await open();
    const form = { answer: 'yes', because: 'fine', ...over };
    const answer = await ask('/approve/abc', { method: 'POST', form });
    expect(answer.status).toBe(status);
    expect(answer.text).not.toContain(ada!);
    expect(done).toEqual([]);
  });

  it('is not to be sent from another page, nor under another name of this machine', async () => {
    const { ask, done, port } = await open(false);
    const form = { answer: 'yes', because: 'fine' };
    const send = (headers: Readonly<Record<string, string>>) => ask('/approve/abc', { method: 'POST', form, headers });
    expect((await send({ origin: 'https://elsewhere.example' })).status).toBe(403);
    expect((await send({ host: `elsewhere.example:${port}` })).status).toBe(403);
    expect(done).toEqual([]);
    expect((await send({})).status).toBe(200);
    expect(done[0]?.[3]).toBe('operator:local');
  });
});
