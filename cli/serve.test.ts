/**
 * The service as its users meet it: the verbs, the files that they edit, a twin at the other end, the clock on the wall. Nothing waits for a time that passes, only
 * for what is to come of it.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { AuditEvent } from '../core/audit.ts';
import { formatInstant, msPerDay, msPerHour, msPerMinute } from '../core/time.ts';
import type { CalendarView, PlanView } from '../service/view.ts';
import { listenTwin } from '../simulation/twin/control-plane-http.ts';
import { createTwin } from '../simulation/twin/twin.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { auditReplayVerb } from './audit-replay.ts';
import { auditShowVerb } from './audit-show.ts';
import { auditVerifyVerb } from './audit-verify.ts';
import { calendarConfirmVerb } from './calendar-confirm.ts';
import { serveVerb } from './serve.ts';
import type { ExitCode, Terminal, Verb } from './verb.ts';
import { warmVerb } from './warm.ts';

const key = '123456789012/us-east-1/orders:live' as FunctionKey;
const stepMs = 5 * msPerMinute;

/** Two weeks of ten requests a second until now. */
function volumeUntil(nowMs: number): string {
  const untilMs = Math.floor(nowMs / stepMs) * stepMs;
  const rows = Array.from({ length: (14 * msPerDay) / stepMs }, (_, index) => {
    const atMs = untilMs - 14 * msPerDay + index * stepMs;
    return `${formatInstant(atMs)},${3_000 + ((index * 7) % 11) * 50}`;
  });
  return `ts,volume\n${rows.join('\n')}\n`;
}

const configOf = (twinUrl: string, concurrencyMax: number): string => `
aws: { endpoint: '${twinUrl}' }
store: store.db
functions:
  - function: ${key}
    memoryMb: 1024
    initDurationMs: 800
    runDurationMs: { p50: 120, p99: 400 }
    spilloverRatioMax: 0.001
    concurrencyCeiling: 80
    volume: { csv: volume.csv, venue: Etc/UTC }
    group: trading
    mode: enforce
    ownership: own
calendars: [{ csv: calendar.csv }]
limits: { concurrencyMax: ${concurrencyMax}, usdPerHourMax: 20, usdPerEventMax: 15 }
`;

async function openTwin(): Promise<string> {
  const twin = createTwin({
    functions: [
      {
        ...{ key, version: '1', memoryMb: 1_024, architecture: 'x86_64', initDurationMs: 800 },
        runDurationMs: { p50: 120, p99: 400 },
      },
    ],
    seed: 1,
    clock: { nowMs: () => Date.now() },
  });
  const server = await listenTwin({ handle: (request) => twin.handle(request), host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close());
  return server.url;
}

interface Answer {
  readonly code: ExitCode;
  readonly out: string;
}

/** Runs a verb to its end. @throws what it threw. */
async function run(verb: Verb, args: readonly string[]): Promise<Answer> {
  let out = '';
  const signal = new AbortController().signal;
  const terminal: Terminal = {
    ...{ env: {}, isInteractive: false, hasColour: false, signal },
    out: (text) => void (out += text),
    err: (text) => void (out += text),
  };
  const code = await verb.run(args, terminal);
  return { code, out };
}

async function openService() {
  const folder = await mkdtemp(path.join(tmpdir(), 'foreshock-serve-'));
  const inFolder = (name: string): string => path.join(folder, name);
  const twinUrl = await openTwin();
  const configFile = inFolder('foreshock.yaml');
  const calendarFile = inFolder('calendar.csv');
  const setLimit = (concurrencyMax: number) => writeFile(configFile, configOf(twinUrl, concurrencyMax));
  const setEvents = (...rows: readonly string[]) =>
    writeFile(
      calendarFile,
      `id,ts,kind,title,importance,symbol,source\n${rows.map((row) => `${row},3,,bls.gov\n`).join('')}`,
    );
  await setLimit(200);
  await writeFile(inFolder('volume.csv'), volumeUntil(Date.now()));

  const start = async () => {
    const stop = new AbortController();
    const { promise: listening, resolve } = Promise.withResolvers<string>();
    const terminal: Terminal = {
      ...{ env: {}, isInteractive: false, hasColour: false, signal: stop.signal },
      out: resolve,
      err: () => undefined,
    };
    const ended = serveVerb.run(['--config', configFile, '--port', '0', '--log', 'silent', '--json'], terminal);
    onTestFinished(async () => {
      stop.abort();
      await ended.catch(() => undefined);
    });
    const text = await Promise.race([listening, ended.then((code) => `ended with ${code}`)]);
    const { url } = JSON.parse(text) as { url: string };
    return {
      url,
      flags: ['--config', configFile, '--port', new URL(url).port],
      get: async <T>(route: string): Promise<T> => (await (await fetch(`${url}${route}`)).json()) as T,
      stop: (): Promise<ExitCode> => {
        stop.abort();
        return ended;
      },
    };
  };
  onTestFinished(() => rm(folder, { recursive: true }));
  const store = inFolder('store.db');
  return {
    ...{ folder, configFile, calendarFile, store, setLimit, setEvents, start, twinUrl },
    audit: async (...kinds: readonly string[]): Promise<AuditEvent[]> => {
      const flags = kinds.flatMap((kind) => ['--kind', kind]);
      return JSON.parse((await run(auditShowVerb, ['--store', store, '--json', ...flags])).out) as AuditEvent[];
    },
  };
}

/** Generous: it is the machine that may be busy, and nothing is decided by it. */
const soon = { timeout: 20_000, interval: 50 };

const becauseOf = (events: readonly AuditEvent[]): unknown[] => events.map(({ body }) => body['because']);

it('takes edits over while it runs, refuses bad ones, asks for no capacity twice, and does what people ask', async () => {
  const { setLimit, setEvents, start, audit, store, calendarFile } = await openService();
  const near = formatInstant(Math.ceil(Date.now() / stepMs) * stepMs + 8 * msPerHour);
  const later = formatInstant(Date.parse(near) + 2 * msPerHour);
  await setEvents(`release,${near},cpi,Consumer prices`);
  const service = await start();
  const eventIds = async (): Promise<string[]> =>
    (await service.get<CalendarView>('/api/calendar')).events.map(({ id }) => id);
  await vi.waitFor(async () => expect((await service.get<PlanView>('/api/plan')).issuedAtMs).not.toBeNull(), soon);
  expect(await eventIds()).toEqual(['release']);

  const warming = ['--group', 'trading', '--lift', '30', '--for', '45m', '--because', 'tariffs'];
  const warmed = await run(warmVerb, [...warming, ...service.flags]);
  expect(warmed.out).toMatch(/^manual:trading@\S+: for 1 function of trading; from now on the plan holds\n/);
  expect(warmed.out).toMatch(/\norders:live +80 +\d+ .* ceiling +manual:trading@/);
  const holds = async (): Promise<unknown[]> =>
    (await audit('action.intended'))
      .filter(({ body }) => body['kind'] === 'hold-provisioned-concurrency')
      .map(({ body }) => body['concurrency']);
  await vi.waitFor(async () => expect(await holds()).toEqual([80]), soon);

  const first = await readFile(calendarFile, 'utf8');
  await writeFile(calendarFile, first.slice(0, 30));
  await setLimit(0);
  await vi.waitFor(async () => {
    expect(await audit('calendar.refused')).toHaveLength(1);
    expect(await audit('config.refused')).toHaveLength(1);
  }, soon);
  await setEvents(`release,${later},cpi,Consumer prices`);
  await setLimit(190);
  await vi.waitFor(async () => {
    expect(await eventIds()).toContain(`release~was@${near}`);
    expect(await audit('config.changed')).toHaveLength(1);
  }, soon);
  // What the session before held over is still held over, and the person who lets it go asks the one after it.
  const confirmed = await run(calendarConfirmVerb, ['release', ...service.flags]);
  expect(confirmed).toEqual({ code: 0, out: `release is right as it stands; let go: release~was@${near}\n` });
  await vi.waitFor(async () => expect(await eventIds()).toEqual([expect.stringMatching(/^manual/), 'release']), soon);
  expect((await run(calendarConfirmVerb, ['release', ...service.flags])).code).toBe(1);
  expect(await service.stop()).toBe(0);

  expect(becauseOf(await audit('calendar.changed', 'calendar.confirmed'))).toEqual([
    expect.stringMatching(/^added manual:trading@/),
    `moved release from ${near} to ${later}`,
    expect.stringMatching(/^release is right as it stands/),
  ]);
  expect(becauseOf(await audit('config.changed', 'config.refused'))).toEqual([
    expect.stringMatching(/concurrencyMax: got 0, expected .*; the configuration before stays in force$/),
    'limits.concurrencyMax: was 200, is now 190',
  ]);
  expect(await holds()).toEqual([80]);
  expect((await audit('calendar.changed'))[0]!.actor).toBe('operator:local');
  expect((await run(auditVerifyVerb, ['--store', store])).code).toBe(0);
  // Both sessions, recomputed from what each of them began with.
  expect((await run(auditReplayVerb, ['--store', store, '--json'])).code).toBe(0);
});

it('starts with what a calendar said last where its file is faulty, and refuses where nothing is known of it', async () => {
  const { setEvents, start, calendarFile, audit } = await openService();
  await writeFile(calendarFile, 'what is this');
  await expect(start()).rejects.toThrow(/calendar\.csv:1: /);
  const at = formatInstant(Math.ceil(Date.now() / stepMs) * stepMs + 8 * msPerHour);
  await setEvents(`release,${at},cpi,Consumer prices`);
  expect(await (await start()).stop()).toBe(0);
  await writeFile(calendarFile, 'what is this');
  const again = await start();
  await vi.waitFor(async () => {
    expect((await again.get<CalendarView>('/api/calendar')).events.map(({ id }) => id)).toEqual(['release']);
  }, soon);
  await again.stop();
  expect((await audit('calendar.loaded')).map(({ body }) => body['eventCount'])).toEqual([1, 1]);
});

// A session that cannot read the account's limits would ask for nothing and extend nothing: the one that knows them stays.
it('takes no edit over while the control plane does not answer, and goes on with what it has', async () => {
  const { setEvents, setLimit, start, audit, twinUrl } = await openService();
  await setEvents();
  const service = await start();
  await vi.waitFor(async () => expect((await service.get<PlanView>('/api/plan')).issuedAtMs).not.toBeNull(), soon);
  const fault = { kind: 'error', status: 503, operations: ['GetAccountSettings'] };
  await fetch(`${twinUrl}/_twin/faults`, { method: 'POST', body: JSON.stringify(fault) });
  await setLimit(190);
  await vi.waitFor(async () => expect(await audit('config.refused')).toHaveLength(1), soon);
  expect(becauseOf(await audit('config.refused'))).toEqual([
    expect.stringMatching(
      /^reading the account limits from .*; the configuration before stays in force, and the edit is tried again every half minute$/,
    ),
  ]);
  expect(await audit('service.stopped')).toEqual([]);
  await fetch(`${twinUrl}/_twin/faults`, { method: 'DELETE' });
  // Saved again it is taken at once; left alone, within half a minute.
  await setLimit(180);
  await vi.waitFor(async () => expect(await audit('config.changed')).toHaveLength(1), soon);
  await service.stop();
});
