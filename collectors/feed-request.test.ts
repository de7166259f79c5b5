import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { HttpAnswer, HttpGet, HttpQuestion } from './feed-http.ts';
import { fetchFeed, showUrl, type FeedRequest } from './feed-request.ts';

const text = 'ts,kind,title,importance,symbol,source\n';
const [mebibyte, home] = [1024 * 1024, 'https://bls.example/schedule/bls.ics?lang=en'];

interface Scripted {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | (() => Generator<Uint8Array>);
}

/** A web of pages by address; notes what it was asked. */
function web(pages: Readonly<Record<string, Scripted>>) {
  const asked: ({ readonly url: string } & HttpQuestion)[] = [];
  let [closedCount, readByteCount] = [0, 0];
  const get: HttpGet = async (url, question): Promise<HttpAnswer> => {
    asked.push({ url: url.href, ...question });
    const { status = 200, headers = {}, body = text } = pages[url.href] ?? { status: 404 };
    const chunks = typeof body === 'function' ? body() : [Buffer.from(body)];
    return {
      status,
      headers,
      close: () => (closedCount += 1),
      body: (async function* () {
        for (const chunk of chunks) {
          readByteCount += chunk.length;
          yield chunk;
        }
      })(),
    };
  };
  return { get, asked, closedCount: () => closedCount, readByteCount: () => readByteCount };
}

const fetch = (pages: Readonly<Record<string, Scripted>>, change: Partial<FeedRequest> = {}) => {
  const server = web(pages);
  const request = { url: new URL(home), isPrivate: false, ...change };
  return { ...server, answer: fetchFeed(request, server.get, new AbortController().signal) };
};
const to = (location: string, status = 302): Scripted => ({ status, headers: { location } });

describe('redirects', () => {
  it('are followed three times, each told apart from what was asked for', async () => {
    const { answer, asked, closedCount } = fetch({
      [home]: to('/moved.ics', 301),
      'https://bls.example/moved.ics': to('https://cdn.example/a', 307),
      'https://cdn.example/a': to('https://cdn.example/b', 308),
      'https://cdn.example/b': { headers: { etag: '"1"' } },
    });
    expect(await answer).toMatchObject({ kind: 'whole', validators: { url: 'https://cdn.example/b', etag: '"1"' } });
    expect([asked.length, closedCount()]).toEqual([4, 3]);
  });

  it.each([
    [
      'a fourth one',
      Object.fromEntries(
        [home, ...[1, 2, 3].map((n) => `https://bls.example/${n}`)].map((from, n) => [from, to(`/${n + 1}`)]),
      ),
      'redirects more than 3 times',
    ],
    ['a circle', { [home]: to(home) }, 'redirects more than 3 times'],
    ['plain http', { [home]: to('http://bls.example/') }, 'leads to http://bls.example/, which is not https'],
    ['this machine', { [home]: to('http://127.0.0.1:8080/api') }, 'which is not https'],
    ['another scheme', { [home]: to('file:///etc/passwd') }, 'which is not https'],
    ['a password', { [home]: to('https://me:secret@bls.example/') }, 'https://bls.example/ carries a password'],
    ['nowhere', { [home]: { status: 302 } }, 'redirects to nowhere'],
    ['no address', { [home]: to('https://[') }, 'redirects to nowhere'],
  ])('are refused to %s', async (_, pages, message) => {
    await expect(fetch(pages).answer).rejects.toMatchObject({ message: expect.stringContaining(message) as string });
  });
});

describe('addresses', () => {
  const allowed = async (change: Partial<FeedRequest>, ...addresses: string[]) => {
    const { asked, answer } = fetch({}, change);
    await answer.catch(() => undefined);
    return addresses.map((address) => asked[0]!.isAllowed(address));
  };
  const addresses = ['93.184.215.14', '10.0.0.1', '127.0.0.1', '169.254.169.254'];

  it.each([
    ['a public feed comes from public ones', {}, [true, false, false, false]],
    ['one inside the network also from private ones', { isPrivate: true }, [true, true, false, false]],
    ['one on this machine from here', { url: new URL('http://localhost:8080/a.ics') }, [true, false, true, false]],
  ])('%s', async (_, change, expected) => expect(await allowed(change, ...addresses)).toEqual(expected));
});

describe('what is sent', () => {
  const other = 'https://cdn.example/bls.ics';

  it('is the token only to the place that it is for', async () => {
    const pages = { [home]: to('/b.ics'), 'https://bls.example/b.ics': to(other), [other]: {} };
    const { asked, answer } = fetch(pages, { token: 'sesame-0123456789' });
    await answer;
    expect(asked.map(({ headers }) => headers['authorization'])).toEqual([
      'Bearer sesame-0123456789',
      'Bearer sesame-0123456789',
      undefined,
    ]);
    const port = fetch({ [home]: to('https://bls.example:8443/') }, { token: 'sesame-0123456789' });
    await port.answer.catch(() => undefined);
    expect(port.asked[1]!.headers).not.toHaveProperty('authorization');
  });

  it('are conditions only to the address that gave them', async () => {
    const validators = { url: other, etag: '"7"', lastModified: 'Wed, 15 Oct 2025 12:30:00 GMT' };
    const { asked, answer } = fetch({ [home]: to(other), [other]: { status: 304 } }, { validators });
    expect(await answer).toEqual({ kind: 'unchanged' });
    expect(asked[0]!.headers).not.toHaveProperty('if-none-match');
    expect(asked[1]!.headers).toMatchObject({
      'if-none-match': '"7"',
      'if-modified-since': 'Wed, 15 Oct 2025 12:30:00 GMT',
    });
    await expect(fetch({ [home]: { status: 304 } }, { validators }).answer).rejects.toThrow('answers 304');
  });
});

describe('the body', () => {
  const bytesOf = async (page: Scripted) => {
    const answer = await fetch({ [home]: page }).answer;
    return answer.kind === 'whole' ? answer.bytes.toString() : answer.kind;
  };

  it.each([
    ['as it is', { body: text }],
    ['as gzip', { body: gzipSync(text), headers: { 'content-encoding': 'gzip' } }],
    ['a file that is gzip', { body: gzipSync(text) }],
    ['plain, though said to be gzip', { body: text, headers: { 'content-encoding': 'gzip' } }],
  ])('is read %s', async (_, page) => expect(await bytesOf(page)).toBe(text));

  it.each<[string, Scripted, string]>([
    ['a gzip bomb', { body: gzipSync(Buffer.alloc(9 * mebibyte)) }, 'is larger than 8 MiB'],
    ['half a gzip', { body: gzipSync(text).subarray(0, 20) }, 'is no sound gzip'],
    [
      'another encoding',
      { body: 'x', headers: { 'content-encoding': 'br' } },
      'is sent as br, where gzip was asked for',
    ],
    ['a failure', { status: 500 }, 'answers 500'],
    ['a page that is not there', { status: 404 }, 'https://bls.example/schedule/bls.ics?fe0130 answers 404'],
    ['nothing new that nobody asked for', { status: 204 }, 'answers 204'],
  ])('is refused as %s', async (_, page, message) => await expect(bytesOf(page)).rejects.toThrow(message));

  it('is not read beyond the bound', async () => {
    const endless = function* (): Generator<Uint8Array> {
      for (;;) yield new Uint8Array(mebibyte);
    };
    const { answer, readByteCount } = fetch({ [home]: { body: endless } });
    await expect(answer).rejects.toThrow('is larger than 8 MiB');
    expect(readByteCount()).toBe(9 * mebibyte);
  });

  it('says how long a busy server wants to be left alone', async () => {
    const busy = fetch({ [home]: { status: 429, headers: { 'retry-after': '120' } } });
    await expect(busy.answer).rejects.toMatchObject({ name: 'FeedBusyError', retryAfterMs: 120_000 });
  });

  it('gives back no header that could not be sent', async () => {
    const strange = fetch({ [home]: { headers: { etag: 'a\u0001b', 'last-modified': 'x'.repeat(300) } } });
    expect(await strange.answer).toMatchObject({ validators: { url: home } });
    expect(Object.keys(((await strange.answer) as { validators: object }).validators)).toEqual(['url']);
  });
});

it('shows no query, and tells addresses apart by it', () => {
  const shown = ['', '?key=1', '?key=2'].map((query) => showUrl(new URL(`https://bls.example/a.ics${query}`)));
  expect(shown[0]).toBe('https://bls.example/a.ics');
  expect(new Set(shown).size).toBe(3);
  expect(shown.join()).not.toContain('key');
});
