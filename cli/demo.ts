/**
 * `foreshock demo`: a market day against the Lambda twin, without an AWS account. The system is the production one; only its clock and its Lambda are
 * simulated.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InputError } from '../core/errors.ts';
import type { Store } from '../core/ports.ts';
import { createApp } from '../service/http/app.ts';
import { listen } from '../service/http/listen.ts';
import { createLog } from '../service/log.ts';
import { webFolder } from '../service/release.ts';
import type { Scorecard } from '../service/view.ts';
import { createDemoWorld, type Demo, type DemoSource } from '../simulation/world/demo.ts';
import type { SimulatedDay } from '../simulation/world/market.ts';
import { readScorecard } from '../simulation/world/scorecard.ts';
import { exportStepMs } from '../simulation/world/traces.ts';
import type { World } from '../simulation/world/world.ts';
import { verifyAudit } from '../store/audit-verify.ts';
import { openEmbeddedStore } from '../store/embedded.ts';
import { verifyTicks } from '../store/tick-log.ts';
import { formatScorecard, progressLine } from './demo-text.ts';
import { instantFlag, numberFlag } from './flags.ts';
import { clearProgress, drawProgress, progressWidth } from './progress.ts';
import { parseFlags, printJson, type ExitCode, type Terminal, type Verb } from './verb.ts';

export const demoVerb: Verb = {
  name: 'demo',
  summary: 'a market day against the Lambda twin: no AWS account needed (npm start)',
  usage: `
  foreshock demo [--day nfp|cpi|fomc] [--speed 60] [--port 8080]
  foreshock demo --history F --calendar F --from T [--until T]
  foreshock demo … --exit-when-done [--json]

Plays a simulated day, or a day of your own history, twice at once: with Foreshock and without. The same seed gives the same decisions.

  --day KIND         the simulated morning: payrolls (nfp, the default), cpi or fomc
  --history F        volume to replay instead: CSV or .csv.gz, ts,volume
  --calendar F       its events: CSV, ts,kind,title,importance,symbol,source; or YAML, or iCalendar
  --venue V          clock of that volume: XNYS (the default), XNAS, or a time zone such as Europe/Paris
  --from T           start; what lies before it is history
  --until T          end (default: a day after --from, or the end of the history)
  --speed N          virtual seconds a second (default 60; with --exit-when-done as fast as it can)
  --port N           page and API (default 8080; none with --exit-when-done unless given)
  --store F          keep the store in this new file (default: a new one among the temporary files, not kept with --json)
  --seed N           another day of the same kind (default 1)
  --export-ms N      spans of the second act are sent every N ms: 250 (the default) to 10000
  --exit-when-done   run to the end, print the scorecard, exit
  --json             print the scorecard as JSON`,
  run: runDemo,
};

interface DemoFlags {
  readonly source: DemoSource;
  readonly speed: number | undefined;
  readonly port: number | undefined;
  readonly store: string | undefined;
  readonly seed: string;
  readonly exportMs: number;
  readonly exitWhenDone: boolean;
  readonly json: boolean;
}

async function runDemo(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const flags = readFlags(args);
  if (flags.store !== undefined) return runDemoOn(flags.store, flags, terminal);
  const folder = await mkdtemp(path.join(os.tmpdir(), 'foreshock-demo-'));
  let isNamed = false;
  try {
    const exitCode = await runDemoOn(path.join(folder, 'store.db'), flags, terminal);
    isNamed = !flags.json;
    return exitCode;
  } finally {
    // A store that nobody was told of is of no use to anybody.
    if (!isNamed) await rm(folder, { recursive: true, force: true });
  }
}

async function runDemoOn(storeFile: string, flags: DemoFlags, terminal: Terminal): Promise<ExitCode> {
  const store = await openNewStore(storeFile);
  // On a terminal the progress line tells the story; in a pipe the log does, unless a script waits for the scorecard only.
  const log = createLog(terminal.isInteractive || flags.exitWhenDone ? 'silent' : 'info');
  const demo = await createDemoWorld({
    source: flags.source,
    seed: flags.seed,
    exportMs: flags.exportMs,
    store,
    log,
    signal: terminal.signal,
  }).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  try {
    return await playDemo(demo, { flags, storeFile, terminal });
  } finally {
    await demo.world.close();
  }
}

interface Stage {
  readonly flags: DemoFlags;
  readonly storeFile: string;
  readonly terminal: Terminal;
}

async function playDemo({ world, ...demo }: Demo, { flags, storeFile, terminal }: Stage): Promise<ExitCode> {
  let isAuditVerified = false;
  const scorecard = (): Scorecard => readScorecard(world, { ...demo, isAuditVerified });
  const listener =
    flags.port === undefined
      ? undefined
      : await listen(
          createApp({ view: { ...world.system.view, scorecard, senders: () => [] }, tokens: [], webFolder }),
          {
            host: '127.0.0.1',
            port: flags.port,
          },
        );
  try {
    if (listener && !flags.json)
      terminal.out(
        `${demo.title}\nplan, scorecard and page: ${listener.url.replace('127.0.0.1', 'localhost')}\nstore: ${storeFile}\n`,
      );
    const isDone = await play(demo, world, { speed: flags.speed, terminal });
    // The last words of the chain are written by the stop, so it comes before the check.
    await world.system.stop(isDone ? 'the day is over' : 'interrupted');
    isAuditVerified = await isChainWhole(storeFile);
    if (flags.json) printJson(terminal, scorecard());
    else terminal.out(formatScorecard(demo.title, scorecard(), storeFile));
    if (listener && isDone && !flags.exitWhenDone) {
      terminal.out('The day is over; the page stays until you press Ctrl-C.\n');
      await aborted(terminal.signal);
    }
    return isDone || !flags.exitWhenDone ? 0 : 1;
  } finally {
    await listener?.close();
  }
}

/** Runs the world to its end, or until somebody stops it; answers whether it came to its end. */
async function play(
  demo: Pick<Demo, 'fromMs' | 'untilMs' | 'functionKeys' | 'pager'>,
  world: World,
  { speed, terminal }: { readonly speed: number | undefined; readonly terminal: Terminal },
): Promise<boolean> {
  const show = createProgress(terminal);
  const startedAtMs = performance.now();
  const firstMs = world.nowMs();
  let isRunning = true;
  while (isRunning && !terminal.signal.aborted) {
    isRunning = await world.step();
    show(() => progressLine(world, demo, { hasColour: terminal.hasColour, width: progressWidth(terminal) }));
    if (speed !== undefined) await waitUntil(startedAtMs + (world.nowMs() - firstMs) / speed, terminal.signal);
  }
  show.end();
  return !isRunning;
}

async function waitUntil(dueAtMs: number, signal: AbortSignal): Promise<void> {
  const delayMs = dueAtMs - performance.now();
  // Timers are late by a millisecond or so; below that there is nothing to wait for.
  if (delayMs > 1) await sleep(delayMs, undefined, { signal }).catch(() => undefined);
}

/** Draws one line over and over, at most ten times a second; nothing where stderr is no terminal. */
function createProgress(terminal: Terminal) {
  let drawnAtMs = -Infinity;
  const show = (line: () => string): void => {
    if (!terminal.isInteractive || performance.now() - drawnAtMs < 100) return;
    drawnAtMs = performance.now();
    drawProgress(terminal, line());
  };
  return Object.assign(show, { end: () => clearProgress(terminal) });
}

async function openNewStore(file: string): Promise<Store> {
  const store = await openEmbeddedStore(file, { survives: 'crash' });
  if ((await store.head()) === 0) return store;
  await store.close();
  throw new InputError('demo.store', `${file} holds another run already: a demo wants a new file`);
}

async function isChainWhole(file: string): Promise<boolean> {
  const store = await openEmbeddedStore(file, { readOnly: true });
  try {
    return (await verifyAudit(store)).verified && (await verifyTicks(store)).verified;
  } finally {
    await store.close();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function readFlags(args: readonly string[]): DemoFlags {
  const { values } = parseFlags(args, {
    day: { type: 'string' },
    history: { type: 'string' },
    calendar: { type: 'string' },
    venue: { type: 'string' },
    from: { type: 'string' },
    until: { type: 'string' },
    speed: { type: 'string' },
    port: { type: 'string' },
    store: { type: 'string' },
    seed: { type: 'string' },
    'export-ms': { type: 'string' },
    'exit-when-done': { type: 'boolean' },
    json: { type: 'boolean' },
  });
  const exitWhenDone = values['exit-when-done'] ?? false;
  return {
    source: sourceOf(values),
    speed:
      values.speed === undefined
        ? exitWhenDone
          ? undefined
          : 60
        : numberFlag('--speed', values.speed, { min: 0.1, max: 100_000 }),
    port:
      values.port === undefined
        ? exitWhenDone
          ? undefined
          : 8080
        : numberFlag('--port', values.port, { min: 0, max: 65_535, isWhole: true }),
    store: values.store,
    seed: values.seed ?? '1',
    exportMs: exportMsOf(values['export-ms']),
    exitWhenDone,
    json: values.json ?? false,
  };
}

function exportMsOf(text = '250'): number {
  const exportMs = numberFlag('--export-ms', text, { min: exportStepMs, max: 10_000, isWhole: true });
  if (exportMs % exportStepMs === 0) return exportMs;
  throw new InputError('usage', `--export-ms ${text}: expected a multiple of ${exportStepMs}`);
}

type SourceValues = Partial<Record<'day' | 'history' | 'calendar' | 'venue' | 'from' | 'until', string>>;

function sourceOf(values: SourceValues): DemoSource {
  const { history, calendar, from, day = 'nfp', venue = 'XNYS' } = values;
  if (history === undefined) {
    const stray = (['calendar', 'venue', 'from', 'until'] as const).find((name) => values[name] !== undefined);
    if (stray) throw new InputError('usage', `--${stray} goes with --history: a simulated day brings its own`);
    if (!isSimulatedDay(day)) throw new InputError('usage', `--day ${day}: expected nfp, cpi or fomc`);
    return { kind: 'simulated', day };
  }
  if (values.day !== undefined)
    throw new InputError('usage', '--day is a simulated day and --history a recorded one: give one of them');
  if (calendar === undefined || from === undefined)
    throw new InputError('usage', '--history wants --calendar F and --from T beside it');
  const fromMs = instantFlag('--from', from);
  const untilMs = values.until === undefined ? undefined : instantFlag('--until', values.until);
  if (untilMs !== undefined && untilMs <= fromMs)
    throw new InputError('usage', `--until ${values.until ?? ''} is not after --from ${from}`);
  return { kind: 'history', history, calendar, venue, fromMs, ...(untilMs !== undefined && { untilMs }) };
}

function isSimulatedDay(text: string): text is SimulatedDay {
  return text === 'nfp' || text === 'cpi' || text === 'fomc';
}
