import { Agent, request as httpRequest } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { answer, errorAnswer, type TwinRequest } from './answer.ts';
import { listenTwin, type InjectedFault, type TwinServer } from './control-plane-http.ts';

let server: TwinServer | undefined;
afterEach(() => server?.close());

async function listen(
  fault?: (request: TwinRequest) => InjectedFault | undefined,
): Promise<{ url: string; carriedOut: TwinRequest[] }> {
  const carriedOut: TwinRequest[] = [];
  server = await listenTwin({
    host: '127.0.0.1',
    port: 0,
    handle: (request) => {
      carriedOut.push(request);
      return answer(200, { count: carriedOut.length });
    },
    ...(fault && { beforeAnswer: fault }),
  });
  return { url: server.url, carriedOut };
}

it('passes on method, target and body, and marks the answer', async () => {
  const { url, carriedOut } = await listen();
  const response = await fetch(`${url}/a%2Fb?c=d`, { method: 'PUT', body: 'é' });
  expect(await response.json()).toEqual({ count: 1 });
  expect(response.headers.get('x-foreshock-twin')).toBe('4');
  expect(carriedOut).toMatchObject([{ method: 'PUT', target: '/a%2Fb?c=d', body: 'é' }]);
});

it.each([
  [1_048_576, 200],
  [1_048_577, 413],
])('answers a body of %i bytes with %i', async (byteCount, status) => {
  const { url, carriedOut } = await listen();
  const response = await fetch(url, { method: 'PUT', body: 'x'.repeat(byteCount) });
  expect(response.status).toBe(status);
  expect(response.headers.get('x-foreshock-twin')).toBe('4');
  expect(carriedOut).toHaveLength(status === 200 ? 1 : 0);
});

// Goal: a virtual day has hours between two calls, which are seconds of the server's own time. Closed in the moment in which a call is sent on it, a
// connection loses the call, and the same seed would give another day.
it('never announces nor ends a waiting connection', async () => {
  const { url } = await listen();
  const headers = await new Promise<Record<string, unknown>>((resolve, reject) => {
    httpRequest(url, { agent: new Agent({ keepAlive: true }) }, (response) => {
      response.resume();
      resolve(response.headers);
    })
      .on('error', reject)
      .end();
  });
  expect(headers['connection']).toBe('keep-alive');
  expect(headers).not.toHaveProperty('keep-alive');
});

it('survives a caller that goes away in the middle of its body', async () => {
  const { url, carriedOut } = await listen();
  await new Promise<void>((resolve) => {
    const half = httpRequest(url, { method: 'PUT', headers: { 'content-length': 100 } }, () => undefined);
    half.on('error', () => resolve());
    half.write('half', () => half.destroy(new Error('gone')));
  });
  expect((await fetch(url)).status).toBe(200);
  expect(carriedOut).toHaveLength(1);
});

describe('an injected fault', () => {
  it('answers in the place of the twin, and nothing is carried out', async () => {
    const broken = errorAnswer(500, 'ServiceException', { Message: 'An error occurred' });
    const { url, carriedOut } = await listen(() => ({ kind: 'answer', response: broken }));
    const response = await fetch(url);
    expect([response.status, response.headers.get('x-amzn-errortype')]).toEqual([500, 'ServiceException']);
    expect(carriedOut).toEqual([]);
  });

  it('loses the answer of a call that was carried out', async () => {
    const { url, carriedOut } = await listen(() => ({ kind: 'lose' }));
    await expect(fetch(url)).rejects.toThrow();
    expect(carriedOut).toHaveLength(1);
  });

  it('hangs until the server closes, and nothing is carried out', async () => {
    const { promise: arrived, resolve } = Promise.withResolvers<undefined>();
    const { url, carriedOut } = await listen(() => {
      resolve(undefined);
      return { kind: 'hang' };
    });
    const hanging = expect(fetch(url)).rejects.toThrow();
    await arrived;
    await server?.close();
    await hanging;
    expect(carriedOut).toEqual([]);
  });

  it('can leave a call alone', async () => {
    const { url } = await listen(() => undefined);
    expect((await fetch(url)).status).toBe(200);
  });
});

it('says in one line that its port is taken', async () => {
  const { url } = await listen();
  const port = Number(new URL(url).port);
  const second = listenTwin({ host: '127.0.0.1', port, handle: () => answer(200) });
  await expect(second).rejects.toMatchObject({
    name: 'InputError',
    message: `127.0.0.1:${port} is already taken; stop what listens there or choose another --port`,
  });
});
