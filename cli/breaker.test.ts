import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createBreakers } from '../clients/breaker/index.js';
import { closedSince, next, standingOf, type BreakerCommand, type BreakerState } from '../detector/breaker/machine.ts';
import { quietMoment, sampleSpec } from '../detector/breaker/sample.ts';
import { createBreakerBoard } from '../service/breaker-board.ts';
import { breakerViewOf } from '../service/breaker-view.ts';
import { createApp } from '../service/http/app.ts';
import { listen } from '../service/http/listen.ts';
import { webFolder } from '../service/release.ts';
import type { SystemView } from '../service/view.ts';
import { breakerForceVerb, breakerListVerb } from './breaker.ts';
import type { Terminal, Verb } from './verb.ts';

const nowMs = 1_763_670_000_000;

/** The machine, the board and the routes of the service, with a tick at each command. */
async function serve() {
  let state: BreakerState = closedSince(nowMs);
  const board = createBreakerBoard({ nowMs: () => nowMs });
  const tick = (command?: BreakerCommand): void => {
    ({ state } = next(sampleSpec, state, quietMoment(nowMs, command && { command })));
    board.publish([standingOf(sampleSpec, state, nowMs)]);
  };
  tick();
  const timers = { after: () => () => undefined };
  const view = () => breakerViewOf(sampleSpec, state, nowMs);
  const app = createApp({
    view: {} as SystemView,
    tokens: [],
    webFolder,
    breakers: {
      reads: { board, timers, tokens: [] },
      desk: {
        view: () => [view()],
        force(name, { to, forMs, because }, by) {
          if (name !== sampleSpec.name) return undefined;
          const forced = to === 'open' || to === 'closed' ? (`forced-${to}` as const) : to;
          tick({ to: forced, by, because, untilMs: nowMs + forMs });
          return view();
        },
      },
    },
  });
  const listener = await listen(app, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => listener.close());
  return { url: listener.url, port: new URL(listener.url).port };
}

async function run(verb: Verb, args: readonly string[], port: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'foreshock-breaker-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'foreshock.yaml');
  await writeFile(path.join(folder, 'volume.csv'), 'ts,volume\n');
  await writeFile(
    file,
    `http: { port: ${port} }
functions:
  - function: 123456789012/us-east-1/orders:live
    memoryMb: 1024
    initDurationMs: 800
    runDurationMs: { p50: 60, p99: 250 }
    spilloverRatioMax: 0.001
    concurrencyCeiling: 500
    volume: { csv: volume.csv }
limits: { concurrencyMax: 800, usdPerHourMax: 20, usdPerEventMax: 15 }
`,
  );
  let out = '';
  const terminal: Terminal = {
    ...{ env: {}, isInteractive: false, hasColour: false, signal: new AbortController().signal },
    out: (text) => void (out += text),
    err: () => undefined,
  };
  await verb.run([...args, '--config', file], terminal);
  return out;
}

const moving = ['--because', 'orders are being moved'];

describe('a human', () => {
  it('opens a breaker, and the client of a function hears of it, until they take it back', async () => {
    const { url, port } = await serve();
    const heard = async (): Promise<boolean> => {
      const client = createBreakers({ url, nowMs: () => nowMs });
      expect(client.admits('orders-table')).toBe(true);
      await vi.waitFor(() => expect(client.standing('orders-table')).toBeDefined());
      return client.admits('orders-table');
    };
    expect(await heard()).toBe(true);
    expect(await run(breakerForceVerb, ['orders-table', 'open', '--for', '10m', ...moving], port)).toBe(
      'orders-table: open for 10m, from the next tick on\n',
    );
    expect(await heard()).toBe(false);
    expect(await run(breakerListVerb, [], port)).toMatch(
      /\norders-table +forced-open +0 % +2025-11-20T20:20:00Z +2025-11-20T20:30:00Z +dynamodb\/orders +operator:local: orders are being moved *\n$/,
    );
    expect(JSON.parse(await run(breakerForceVerb, ['orders-table', 'none', ...moving, '--json'], port))).toMatchObject({
      forced: 'none',
      breaker: { state: 'closed', forced: null },
    });
    expect(await heard()).toBe(true);
  });

  it.each<[readonly string[], RegExp]>([
    [[...moving], /^name the breaker/],
    [['orders-table', ...moving], /^name what it is to be: open, closed/],
    [['orders-table', 'ajar', ...moving], /^ajar: expected open, closed/],
    [['orders-table', 'open'], /^--because is needed/],
    [['orders-table', 'open', '--for', '25h', ...moving], /^--for 25h: expected a length from 1m to 24h/],
    [['orders-table', 'none', '--for', '10m', ...moving], /^--for: a word that is taken back/],
    [['orders-table', 'open', 'closed', ...moving], /^unexpected word "closed"/],
    [['another', 'open', ...moving], /there is no breaker another$/],
  ])('is told what is wrong with %j', async (args, line) => {
    const { port } = await serve();
    await expect(run(breakerForceVerb, args, port)).rejects.toThrow(line);
  });
});
