import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { InputError } from '../../core/errors.ts';
import { webFolder } from '../release.ts';
import type { SystemView } from '../view.ts';
import { createApp } from './app.ts';
import { listen } from './listen.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const token = 'a-token-that-nobody-should-see';

interface Opened {
  readonly tokens?: readonly string[];
  readonly view?: Partial<SystemView>;
  readonly folder?: string;
}

async function open({ tokens = [], view = {}, folder = webFolder }: Opened = {}) {
  const plain = { isReady: () => ({ ready: true, because: 'a plan is in force' }), ...view } as SystemView;
  const app = createApp({ view: plain, tokens, webFolder: folder });
  const listener = await listen(app, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => listener.close());
  // The path goes out as it stands: clients that mend `..` would test themselves.
  const ask = (target: string, { method = 'GET', headers = {} }: Asked = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(listener.url);
      const asking = request({ hostname, port, path: target, method, headers, agent: false }, (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
      });
      asking.on('error', reject);
      asking.end();
    });
  return { ask, listener };
}

describe('health', () => {
  it('is asked without a token, and says why the service is not ready until it is', async () => {
    let ready = false;
    const { ask } = await open({ tokens: [token], view: { isReady: () => ({ ready, because: 'no plan yet' }) } });
    expect(await ask('/healthz')).toMatchObject({ status: 200, body: '{"ok":true}' });
    expect(await ask('/readyz')).toMatchObject({ status: 503, body: '{"ready":false,"because":"no plan yet"}' });
    ready = true;
    expect((await ask('/readyz')).status).toBe(200);
  });
});

describe('the API', () => {
  it.each([
    { name: 'no token', headers: {}, status: 401 },
    { name: 'another token', headers: { authorization: 'Bearer another' }, status: 401 },
    { name: 'a part of it', headers: { authorization: `Bearer ${token.slice(0, -1)}` }, status: 401 },
    { name: 'it and more', headers: { authorization: `Bearer ${token}x` }, status: 401 },
    { name: 'another scheme', headers: { authorization: `Basic ${token}` }, status: 401 },
    { name: 'one of the tokens', headers: { authorization: `Bearer ${token}` }, status: 200 },
  ])('with tokens set, answers $status to $name', async ({ headers, status }) => {
    const view = { plan: () => ({ issuedAtMs: 1, steps: [] }) };
    const { ask } = await open({ tokens: ['the-first-token', token], view });
    const answer = await ask('/api/plan', { headers });
    expect(answer.status).toBe(status);
    expect(answer.body).not.toContain(token);
    if (status === 401) expect(answer.headers['www-authenticate']).toBe('Bearer');
    else expect(JSON.parse(answer.body)).toEqual({ issuedAtMs: 1, steps: [] });
    // A path that does not exist is no way to learn which do.
    expect((await ask('/api/nothing', { headers })).status).toBe(status === 401 ? 401 : 404);
  });

  it('is open where no tokens are set', async () => {
    const { ask } = await open({ view: { plan: () => ({ issuedAtMs: null, steps: [] }) } });
    expect((await ask('/api/plan')).status).toBe(200);
  });

  it('says nothing of what broke inside', async () => {
    const view = {
      status: () => {
        throw new Error('the password is swordfish');
      },
    };
    const { ask } = await open({ view });
    const { status, headers, body } = await ask('/api/status');
    expect(status).toBe(500);
    expect(headers['content-type']).toContain('application/problem+json');
    expect(body).not.toContain('swordfish');
    expect(body).not.toContain('app.test.ts');
  });
});

describe('the page', () => {
  it('is served with its script, and lets in nothing from elsewhere', async () => {
    const { ask } = await open();
    const page = await ask('/');
    expect(page.status).toBe(200);
    expect(page.headers['content-security-policy']).toContain("default-src 'self'");
    expect(page.headers['x-powered-by']).toBeUndefined();
    const files = [...page.body.matchAll(/(?:href|src)="([^":]+\.(?:css|js|svg))"/g)].map(([, file]) => file);
    expect(files.length).toBeGreaterThan(1);
    for (const file of files) expect(await ask(`/${file}`)).toMatchObject({ status: 200 });
  });

  it.each([
    '/../package.json',
    '/..%2f..%2fpackage.json',
    '/%2e%2e/package.json',
    '/..%5c..%5cpackage.json',
    '/%00',
    '/%',
    '/.git/config',
    '//etc/passwd',
    '/index.html/../../package.json',
    '/nothing-here',
  ])('does not leave its folder: %s', async (target) => {
    const { ask } = await open();
    const { status, headers, body } = await ask(target);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(headers['content-type']).toContain('application/problem+json');
    expect(JSON.parse(body)).toMatchObject({ status });
    expect(body).not.toContain('foreshock.js');
  });

  it('shows no hidden file that lies in its folder', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'foreshock-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(path.join(folder, '.env'), 'hidden');
    await writeFile(path.join(folder, 'shown.txt'), 'shown');
    const { ask } = await open({ folder });
    expect((await ask('/shown.txt')).body).toBe('shown');
    expect((await ask('/.env')).status).toBe(404);
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH'])('takes no %s', async (method) => {
    const { ask } = await open();
    expect((await ask('/api/plan', { method })).status).toBe(404);
    expect((await ask('/', { method })).status).toBe(404);
  });

  it('refuses headers beyond its bound', async () => {
    const { ask } = await open();
    expect((await ask('/healthz', { headers: { 'x-long': 'x'.repeat(20_000) } })).status).toBe(431);
  });
});

describe('the listener', () => {
  it('says in one line that the port is taken, and what to do', async () => {
    const { listener } = await open();
    const port = Number(new URL(listener.url).port);
    const failure = await listen(() => undefined, { host: '127.0.0.1', port }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(InputError);
    expect(failure).toMatchObject({ code: 'port-taken' });
    const { message } = failure as InputError;
    expect(message).toContain(`127.0.0.1:${port} is taken`);
    expect(message).not.toContain('\n');
  });

  it('closes once the last answer has been sent', async () => {
    const { ask, listener } = await open();
    await ask('/healthz');
    await listener.close();
    await expect(ask('/healthz')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});
