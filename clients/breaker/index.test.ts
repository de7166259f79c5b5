import { describe, expect, it } from 'vitest';
import { createBreakers, type Standing } from './index.js';

const open: Standing = { name: 'orders', state: 'open', admitRatio: 0, sinceMs: 0, untilMs: 60_000, revision: 5 };

/** A service that answers when it is told to, a clock that stands, and a coin that always falls the same. */
function setUp({ waitMs = 20_000, coin = 0.5 } = {}) {
  let atMs = 0;
  const asked: { readonly url: string; readonly headers: Record<string, string> }[] = [];
  const pending: ((answer: Response | Error) => void)[] = [];
  const breakers = createBreakers({
    ...{ url: 'http://foreshock', token: 'secret', waitMs },
    nowMs: () => atMs,
    random: () => coin,
    fetch: (url, init) =>
      new Promise((resolve, reject) => {
        asked.push({ url: url as string, headers: init!.headers as Record<string, string> });
        pending.push((answer) => {
          if (answer instanceof Error) reject(answer);
          else resolve(answer);
        });
      }),
  });
  return {
    asked,
    admits: (name = 'orders') => breakers.admits(name),
    breakers,
    go: (toMs: number) => void (atMs = toMs),
    answer: async (told: unknown, status = 200): Promise<void> => {
      const body = status === 304 ? null : typeof told === 'string' ? told : JSON.stringify(told);
      pending.shift()!(told instanceof Error ? told : new Response(body, { status, headers: { etag: '"e"' } }));
      // All that follows on an answer is promises that are settled already.
      await new Promise((resolve) => void setImmediate(resolve));
    },
  };
}

describe('a call', () => {
  it('goes through before anything was heard, and is stopped from then on until it has ended', async () => {
    const { admits, answer, go } = setUp();
    expect(admits()).toBe(true);
    await answer(open);
    expect(admits()).toBe(false);
    expect(admits('another')).toBe(true);
    go(59_999);
    expect(admits()).toBe(false);
    go(60_000);
    expect(admits()).toBe(true);
  });

  it.each([
    { coin: 0.199, isThrough: true },
    { coin: 0.2, isThrough: false },
  ])('of half-open goes through by its share: $coin', async ({ coin, isThrough }) => {
    const { admits, answer } = setUp({ coin });
    admits();
    await answer({ ...open, state: 'half-open', admitRatio: 0.2 });
    expect(admits()).toBe(isThrough);
  });

  it.each<[string, unknown, number?]>([
    ['a connection that breaks', new Error('ECONNRESET')],
    ['a token that is refused', { detail: 'no' }, 401],
    ['a breaker that is unknown', { detail: 'no' }, 404],
    ['a service in trouble', 'oops', 500],
    ['no JSON', '<html>'],
    ['nothing', null],
    ['a list', [open]],
    ['no share', { ...open, admitRatio: undefined }],
    ['a share that is none', { ...open, admitRatio: -1 }],
    ['no end', { ...open, untilMs: null }],
    ['a state that it does not know', { ...open, state: 'ajar' }],
  ])('goes through after %s', async (_, told, status) => {
    const { admits, answer, breakers } = setUp();
    admits();
    await answer(told, status);
    expect(admits()).toBe(true);
    expect(breakers.standing('orders')).toBeUndefined();
  });

  it('goes through where nothing can be asked at all', () => {
    const fetch = () => {
      throw new Error('no network');
    };
    expect(createBreakers({ url: 'http://foreshock', fetch }).admits('orders')).toBe(true);
  });
});

describe('news', () => {
  it('are asked for with the tag of what is known, by one request at a time', async () => {
    const { admits, answer, go, asked } = setUp();
    for (let call = 0; call < 3; call++) admits();
    await answer(open);
    admits();
    expect(asked).toHaveLength(1);
    go(2_000);
    for (let call = 0; call < 3; call++) admits();
    expect(asked).toEqual([
      { url: 'http://foreshock/v1/breakers/orders?waitMs=0', headers: { authorization: 'Bearer secret' } },
      {
        url: 'http://foreshock/v1/breakers/orders?waitMs=20000',
        headers: { authorization: 'Bearer secret', 'if-none-match': '"e"' },
      },
    ]);
    await answer(null, 304);
    expect(admits()).toBe(false);
  });

  it('are asked for anew where a request was frozen', () => {
    const { admits, go, asked } = setUp({ waitMs: 0 });
    admits();
    go(4_999);
    admits();
    expect(asked).toHaveLength(1);
    go(5_000);
    admits();
    expect(asked).toHaveLength(2);
  });

  it('of before do not replace what holds, and do once it has ended', async () => {
    const { admits, answer, go } = setUp();
    admits();
    await answer(open);
    go(2_000);
    admits();
    const older = { ...open, revision: 4, state: 'closed', admitRatio: 1 };
    await answer(older);
    expect(admits()).toBe(false);
    go(60_000);
    admits();
    await answer({ ...older, state: 'open', admitRatio: 0, untilMs: 90_000 });
    expect(admits()).toBe(false);
  });
});
