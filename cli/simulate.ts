/** `simulate`: what capacity policies would have spent and spilled over one's own history. */
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { pricesUsEast1 } from '../config/schema.ts';
import { InputError } from '../core/errors.ts';
import { defaultAccountLimits } from '../core/ports.ts';
import { parseWindows, type BacktestWindow } from '../forecaster/backtest-windows.ts';
import { meanRunMs } from '../forecaster/run-distribution.ts';
import { policies, readPolicy } from '../simulation/policies/index.ts';
import type { PolicyOutcome } from '../simulation/policies/job.ts';
import { simulateInParallel } from '../simulation/policies/parallel.ts';
import { plotWindow } from '../simulation/policies/plot.ts';
import { busiestSpan, prepareSimulation, type Prepared } from '../simulation/policies/prepare.ts';
import { afterMs, windowMs } from '../simulation/policies/spans.ts';
import { instantFlag, numberFlag } from './flags.ts';
import { needed, readHistory } from './history.ts';
import { clearProgress, drawProgress } from './progress.ts';
import { formatTable } from './table.ts';
import { parseFlags, printJson, type Terminal, type Verb } from './verb.ts';

const policiesDefault = 'foreshock,none,static-peak,aas,aws-predictive,oracle';
const classNames = ['event', 'open'];
const accountConcurrencyDefault = String(defaultAccountLimits.concurrencyLimit);

const policyLines = Object.entries(policies).flatMap(([name, { summary, parameters }]) => [
  `  ${name.padEnd(18)}${summary}`,
  ...Object.entries(parameters).map(([key, one]) => `      ${`${key}=${one.default}`.padEnd(26)}${one.means}`),
]);

const flagOptions = {
  history: { type: 'string' },
  calendar: { type: 'string' },
  policy: { type: 'string', default: policiesDefault },
  from: { type: 'string' },
  to: { type: 'string' },
  'requests-per-second': { type: 'string', default: '300' },
  'duration-ms': { type: 'string', default: '120' },
  'duration-ms-p99': { type: 'string' },
  'memory-mb': { type: 'string', default: '1024' },
  'init-ms': { type: 'string', default: '800' },
  'account-concurrency': { type: 'string', default: accountConcurrencyDefault },
  symbol: { type: 'string' },
  venue: { type: 'string', default: 'XNYS' },
  windows: { type: 'string', default: classNames.join(',') },
  'windows-file': { type: 'string' },
  seed: { type: 'string', default: '1' },
  workers: { type: 'string' },
  plot: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

export const simulateVerb: Verb = {
  name: 'simulate',
  summary: "what capacity policies would have spent and spilled over one's own history",
  usage: `
foreshock simulate --history F --calendar F --from T --to T [--policy P[,P…]] [--requests-per-second 300] [--duration-ms 120]
                   [--memory-mb 1024] [--init-ms 800] [--windows event,open] [--windows-file F] [--symbol S] [--venue XNYS]
                   [--account-concurrency ${accountConcurrencyDefault}] [--seed S] [--workers N] [--plot F.svg] [--json]

Plays every policy against the very same requests, on the twin's model of Lambda: from half an hour before each window to half an hour after it.
Requests are judged over the window's half hour; dollars are for what was held from half an hour before it to its end.

  --history F       CSV or CSV.gz with the columns ts,volume; or a function's folder, as history import keeps it
  --calendar F      CSV with the columns ts,kind,title,importance,symbol,source; or YAML, or iCalendar
  --from T, --to T  windows that start in [from, to)
  --policy P[,P…]   each with its parameters, such as aas:target=0.5:in=3 (default: ${policiesDefault})
  --requests-per-second N   what the usual level of the history stands for: its median in sessions of the 28 days before --from
  --duration-ms N   of a request on a warm environment; --duration-ms-p99 N where it varies (log-normal)
  --memory-mb N, --init-ms N   of the function; the initialisation is its 99th percentile
  --windows …       events of importance 2 and 3, opening bells (default: both)
  --windows-file F  CSV window_start,class: these windows, and no choice
  --symbol S        events that name symbols count only if they name this one
  --venue V         whose clock demand follows: XNYS (the default), XNAS, or a time zone such as Europe/Paris
  --account-concurrency N   the account's concurrency limit
  --seed S          the same seed gives the same requests (default 1)
  --workers N       threads (default: as many as there are processors)
  --plot F.svg      draws demand, capacity and overflow of each policy around the busiest window

Policies, with their parameters:
${policyLines.join('\n')}

"overflow" is what did not run on provisioned concurrency; "spillover" is Lambda's metric, which counts only while any stands.
`,
  async run(args, terminal) {
    const { values: flags } = parseFlags(args, flagOptions);
    const names = flags.policy.split(',');
    for (const name of names) readPolicy(name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new InputError('usage', `--policy ${flags.policy}: "${twice}" comes twice`);
    const workerCount =
      flags.workers === undefined
        ? availableParallelism()
        : numberFlag('--workers', flags.workers, { min: 1, max: 256, isWhole: true });
    const prepared = await prepare(flags, names, terminal);
    const viewed = flags.plot === undefined ? undefined : busiestSpan(prepared.job);
    const outcome = await simulateInParallel(
      { ...prepared.job, ...(viewed && { viewedSpanFromMs: viewed.fromMs }) },
      {
        workerCount,
        signal: terminal.signal,
        onProgress: (doneCount, spanCount) => drawProgress(terminal, progressLine(doneCount, spanCount)),
      },
    ).finally(() => clearProgress(terminal));
    if (flags.plot !== undefined) {
      const runSeconds = meanRunMs(prepared.job.spec.runDurationMs) / 1_000;
      await write(flags.plot, plotWindow(outcome.views, { runSeconds }));
    }
    const rows = rowsOf(outcome.policies);
    if (flags.json) printJson(terminal, { policies: rows, ...aboutOf(prepared) });
    else terminal.out(render(rows, prepared));
    return 0;
  },
};

type Flags = ReturnType<typeof parseFlags<typeof flagOptions>>['values'];

async function prepare(flags: Flags, names: readonly string[], terminal: Terminal): Promise<Prepared> {
  const windowsFile = flags['windows-file'];
  const endOfFlag = (flag: '--from' | '--to', text: string | undefined, otherwise: number): number =>
    text === undefined && windowsFile !== undefined ? otherwise : instantFlag(flag, needed(flag, text));
  const fromMs = endOfFlag('--from', flags.from, -Infinity);
  const untilMs = endOfFlag('--to', flags.to, Infinity);
  if (untilMs <= fromMs) throw new InputError('usage', '--to must be later than --from');
  const durationMs = numberFlag('--duration-ms', flags['duration-ms'], { min: 1, max: 900_000 });
  const durationMsP99 = numberFlag('--duration-ms-p99', flags['duration-ms-p99'] ?? flags['duration-ms'], {
    min: durationMs,
    max: 900_000,
  });
  const simulated = {
    requestsPerSecond: numberFlag('--requests-per-second', flags['requests-per-second'], { min: 0.01, max: 100_000 }),
    runDurationMs: { p50: durationMs, p99: durationMsP99 },
    memoryMb: numberFlag('--memory-mb', flags['memory-mb'], { min: 128, max: 10_240, isWhole: true }),
    initDurationMs: numberFlag('--init-ms', flags['init-ms'], { min: 1, max: 900_000 }),
  };
  const accountConcurrency = numberFlag('--account-concurrency', flags['account-concurrency'], {
    min: 101,
    max: 1e7,
    isWhole: true,
  });
  const classes = flags.windows.split(',');
  const unknown = classes.find((name) => !classNames.includes(name));
  if (unknown !== undefined)
    throw new InputError('usage', `--windows ${flags.windows}: "${unknown}" is none of ${classNames.join(', ')}`);
  const windows = windowsFile === undefined ? undefined : await readWindows(windowsFile);
  const { series, events } = await readHistory({
    history: needed('--history', flags.history),
    calendar: needed('--calendar', flags.calendar),
    untilMs: untilMs + windowMs + afterMs,
    signal: terminal.signal,
  });
  return prepareSimulation({
    series,
    events,
    symbols: flags.symbol === undefined ? [] : [flags.symbol],
    venueName: flags.venue,
    prices: pricesUsEast1,
    fromMs,
    untilMs,
    classes,
    windows,
    function: simulated,
    accountConcurrency,
    policies: names,
    grain: 'requests',
    seed: flags.seed,
  });
}

async function readWindows(path: string): Promise<BacktestWindow[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const { code = 'error' } = error as NodeJS.ErrnoException;
    throw new InputError('windows-file', `${path}: cannot be read (${code})`, { cause: error });
  });
  return parseWindows(text, path);
}

async function write(path: string, text: string): Promise<void> {
  await writeFile(path, text).catch((error: unknown) => {
    const { code = 'error' } = error as NodeJS.ErrnoException;
    throw new InputError('plot-file', `${path}: cannot be written (${code})`, { cause: error });
  });
}

const barWidth = 30;

function progressLine(doneCount: number, spanCount: number): string {
  const filled = Math.round((barWidth * doneCount) / spanCount);
  return `[${'#'.repeat(filled)}${' '.repeat(barWidth - filled)}] ${doneCount} of ${spanCount} stretches simulated`;
}

function rowsOf(outcomes: readonly PolicyOutcome[]) {
  const oracleUsd = outcomes.find(({ policy }) => policy === 'oracle')?.sums.provisionedUsd;
  return outcomes.map(({ policy, sums, durationMsP99 }) => {
    const { windows, arrivals, requests, spillover, throttles, overflow, coldStarts } = sums;
    const { provisionedUsd, provisionedUsdAfter, runUsd, allocatedMinutes, judgedMinutes } = sums;
    return {
      policy,
      requests,
      spillover,
      throttles,
      coldStarts,
      durationMsP99,
      provisionedUsd,
      windows,
      arrivals,
      spilloverRatio: ratio(spillover + throttles, arrivals),
      overflow,
      overflowRatio: ratio(overflow, arrivals),
      totalUsd: provisionedUsd + runUsd,
      provisionedUsdAfter,
      usdPerOracle: oracleUsd === undefined || oracleUsd === 0 ? null : provisionedUsd / oracleUsd,
      concurrencyAverage: ratio(allocatedMinutes, judgedMinutes),
    };
  });
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function aboutOf({ job, windowCount, leftOutCount, usualVolumePerMinute }: Prepared) {
  const { seed, requestsPerUnit } = job;
  return { windows: windowCount, windowsLeftOut: leftOutCount, seed, usualVolumePerMinute, requestsPerUnit };
}

/** Four figures are what a level is known to. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

function render(rows: ReturnType<typeof rowsOf>, prepared: Prepared): string {
  const columns = [
    { title: 'policy' },
    ...[
      'requests',
      'overflow %',
      'spillover',
      'throttles',
      'cold starts',
      'p99 ms',
      'warm',
      'warm usd',
      'over oracle',
    ].map((title) => ({ title, isNumber: true })),
    { title: 'after usd', isNumber: true },
    { title: 'total usd', isNumber: true },
  ];
  const lines = rows.map((row) => [
    row.policy,
    String(row.requests),
    (100 * row.overflowRatio).toFixed(3),
    String(row.spillover),
    String(row.throttles),
    String(row.coldStarts),
    row.durationMsP99?.toFixed(0) ?? '-',
    row.concurrencyAverage.toFixed(0),
    row.provisionedUsd.toFixed(2),
    row.usdPerOracle?.toFixed(2) ?? '-',
    row.provisionedUsdAfter.toFixed(2),
    row.totalUsd.toFixed(2),
  ]);
  const { windowCount, leftOutCount, usualVolumePerMinute: usual, job } = prepared;
  const about = [
    '',
    `${windowCount} windows; the usual volume of ${rounded(usual)} a minute stands for ${rounded((usual * job.requestsPerUnit) / 60)} requests a second; seed ${job.seed}`,
    ...(leftOutCount > 0
      ? [`${leftOutCount} windows lie outside the history, or not on a minute, and were left out`]
      : []),
  ];
  return `${[formatTable(columns, lines), ...about].join('\n')}\n`;
}
