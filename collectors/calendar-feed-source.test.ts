import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRandom } from '../core/random.ts';
import { formatInstant, msPerMinute } from '../core/time.ts';
import { createVirtualClock } from '../core/virtual-clock.ts';
import { followCalendarFeed, type CalendarFeedOptions } from './calendar-feed-source.ts';
import { httpGet, type HttpGet } from './feed-http.ts';

const startMs = Date.UTC(2025, 9, 1);
const header = 'ts,kind,title,importance,symbol,source';
const [one, two] = ['15', '24'].map((day) => `${header}\n2025-10-${day}T12:30:00Z,cpi,Consumer prices,3,,bls.gov\n`);

/** What the server answers next: a body under an ETag, a status, or silence. */
type Page =
  | { readonly body: string; readonly etag: string }
  | { readonly status: number; readonly headers?: Record<string, string> }
  | 'silent';

function follow(first: Page, change: Partial<CalendarFeedOptions> = {}) {
  const clock = createVirtualClock(startMs);
  const told: string[] = [];
  const askedAt: string[] = [];
  let page = first;
  const get: HttpGet = (_, { headers, signal }) => {
    askedAt.push(formatInstant(clock.nowMs()).slice(11, 16));
    if (page === 'silent') {
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
    }
    const answer =
      'status' in page
        ? { status: page.status, headers: page.headers ?? {}, text: '' }
        : headers['if-none-match'] === page.etag
          ? { status: 304, headers: {}, text: '' }
          : { status: 200, headers: { etag: page.etag, 'content-type': 'text/csv; charset=utf-8' }, text: page.body };
    const body = (async function* () {
      yield Buffer.from(answer.text);
    })();
    return Promise.resolve({ ...answer, body, close: () => undefined });
  };
  const source = followCalendarFeed({
    ...{ url: 'https://bls.example/schedule', refreshMs: 15 * msPerMinute, isPrivate: false, get },
    // In the middle of its span, the jitter is none.
    random: { ...createRandom(1), next: () => 0.5 },
    ...{ clock, timers: clock },
    onVersion: ({ events }, { etag }) => told.push(`${events.map(({ id }) => id).join()} ${etag ?? ''}`),
    onTrouble: ({ because, sinceMs }) => told.push(`trouble since ${formatInstant(sinceMs).slice(11, 16)}: ${because}`),
    onRecovery: () => told.push('recovered'),
    ...change,
  });
  onTestFinished(() => source.close());
  return {
    source,
    clock,
    told,
    askedAt,
    serve: (next: Page) => void (page = next),
    /** Lets time pass, and what it started come to its end. */
    pass: async (minutes: number): Promise<void> => {
      const untilMs = clock.nowMs() + minutes * msPerMinute;
      for (let next = clock.nextTimerAtMs(); next !== undefined && next <= untilMs; next = clock.nextTimerAtMs()) {
        clock.advanceTo(next);
        await new Promise(setImmediate);
      }
      clock.advanceTo(untilMs);
    },
  };
}

describe('a feed', () => {
  it('is asked every quarter of an hour, and told when it changed', async () => {
    const { source, told, askedAt, serve, pass } = follow({ body: one!, etag: '"1"' });
    await source.check();
    await pass(31);
    serve({ body: two!, etag: '"2"' });
    await pass(15);
    expect(askedAt).toEqual(['00:00', '00:15', '00:30', '00:45']);
    expect(told).toEqual(['cpi@2025-10-15T12:30:00Z "1"', 'cpi@2025-10-24T12:30:00Z "2"']);
    expect(source.health()).toEqual({
      source: 'https://bls.example/schedule',
      refreshMs: 15 * msPerMinute,
      startedAtMs: startMs,
      answeredAtMs: startMs + 45 * msPerMinute,
    });
  });

  it('that fails is asked soon, then ever more seldom, and keeps what it said', async () => {
    const { source, told, askedAt, serve, pass } = follow({ body: one!, etag: '"1"' });
    await source.check();
    serve({ status: 503 });
    await pass(15 + 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60);
    expect(askedAt).toEqual(['00:00', '00:15', '00:16', '00:18', '00:22', '00:30', '00:46', '01:18', '02:18', '03:18']);
    expect(source.health()).toMatchObject({
      answeredAtMs: startMs,
      trouble: 'https://bls.example/schedule answers 503',
    });
    serve({ body: one!, etag: '"1"' });
    await pass(60);
    expect(told).toEqual([
      'cpi@2025-10-15T12:30:00Z "1"',
      'trouble since 00:15: https://bls.example/schedule answers 503',
      'recovered',
    ]);
    expect(source.health()).not.toHaveProperty('trouble');
  });

  it.each([
    ['a faulty one', { body: `${one!}soon,cpi\n`, etag: '"2"' }, 'https://bls.example/schedule:3: got 2 fields'],
    ['a page to log in', { body: '<!doctype html>', etag: '"2"' }, 'no column ts, expected ts,kind'],
  ])('that comes back as %s is told and not taken, nor is its ETag', async (_, bad, because) => {
    const { source, told, serve, pass } = follow({ body: one!, etag: '"1"' });
    await source.check();
    serve(bad);
    await pass(16);
    expect(told).toHaveLength(2);
    expect(told[1]).toContain(because);
    serve({ body: one!, etag: '"1"' });
    await pass(5);
    expect(told.slice(2)).toEqual(['recovered']);
  });

  it('that is silent is given up after half a minute', async () => {
    const { source, clock, told, pass } = follow('silent');
    const checked = source.check();
    clock.advanceTo(startMs + 29_999);
    expect(told).toEqual([]);
    await pass(0.5);
    await checked;
    expect(told).toEqual(['trouble since 00:00: https://bls.example/schedule does not answer: nothing within 30 s']);
  });

  it('that asks for patience gets it', async () => {
    const { source, askedAt, pass } = follow({ status: 429, headers: { 'retry-after': '1800' } });
    await source.check();
    await pass(45);
    expect(askedAt).toEqual(['00:00', '00:30']);
  });

  it('is read anew at the turn of the year, though it did not change', async () => {
    const rule = [
      ...['BEGIN:VCALENDAR', 'BEGIN:VEVENT', 'UID:x', 'DTSTART:20200101T120000Z', 'RRULE:FREQ=YEARLY'],
      ...['END:VEVENT', 'END:VCALENDAR', ''],
    ].join('\r\n');
    const { source, clock, told } = follow({ body: rule, etag: '"1"' }, { format: 'ics' });
    await source.check();
    clock.advanceTo(Date.UTC(2026, 0, 1) - 1);
    await source.check();
    expect(told).toHaveLength(1);
    clock.advanceTo(Date.UTC(2026, 0, 1));
    await source.check();
    expect(told[1]).toContain('x@2027-01-01T12:00:00Z');
  });

  it('asks at instants of its own', async () => {
    const { source, askedAt, pass } = follow({ body: one!, etag: '"1"' }, { random: createRandom(7) });
    await source.check();
    await pass(600);
    const minutes = askedAt.map((text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3)));
    const gaps = minutes.slice(1).map((minute, index) => minute - minutes[index]!);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(13);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(17);
    expect(new Set(gaps).size).toBeGreaterThan(2);
  });
});

describe('over the network', () => {
  async function serve(listener: RequestListener): Promise<string> {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return String((server.address() as AddressInfo).port);
  }
  const ask = (url: string, isAllowed: (address: string) => boolean) =>
    httpGet(new URL(url), { headers: {}, signal: AbortSignal.timeout(10_000), isAllowed });

  it('a name that nobody knows is an answer, and no crash', async () => {
    // Reserved for names that never exist (RFC 2606).
    await expect(ask('http://calendar.invalid/', () => true)).rejects.toThrow(/calendar/);
  });

  it('a feed of this machine is read', async () => {
    const port = await serve((request, response) => {
      if (request.url === '/') response.writeHead(302, { location: '/cpi.csv' }).end('elsewhere');
      else response.writeHead(200, { etag: '"1"' }).end(one);
    });
    const { source, told } = follow('silent', { url: `http://127.0.0.1:${port}/`, get: httpGet });
    await source.check();
    expect(told).toEqual(['cpi@2025-10-15T12:30:00Z "1"']);
  });

  it('only addresses that were judged are connected to, whatever their name', async () => {
    let requestCount = 0;
    const port = await serve((_, response) => void response.end(String(++requestCount)));
    const judged: string[] = [];
    for (const host of ['localhost', '127.0.0.1']) {
      const asked = ask(`http://${host}:${port}/`, (address) => judged.push(address) < 0);
      await expect(asked).rejects.toMatchObject({ code: 'feed-address' });
    }
    expect(requestCount).toBe(0);
    expect(judged).toContain('127.0.0.1');
    const { status, close } = await ask(`http://localhost:${port}/`, (address) => address === '127.0.0.1');
    close();
    expect([status, requestCount]).toEqual([200, 1]);
  });
});
