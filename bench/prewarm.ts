/**
 * What warmth costs, and what it buys: the policies of `simulate` over the events of two series, 300 requests a second at the usual level, 120 ms,
 * 1,024 MB. First each policy at its default setting, every request served; then the frontier of those that have a dial: dollars of provisioned
 * concurrency over the oracle's at the same share of overflow.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readHistory } from '../cli/history.ts';
import { formatTable } from '../cli/table.ts';
import { pricesUsEast1 } from '../config/schema.ts';
import { parseInstant } from '../core/time.ts';
import { windowMs, afterMs } from '../simulation/policies/spans.ts';
import { usdAtOverflow, type FrontierPoint } from '../simulation/policies/frontier.ts';
import type { PolicyOutcome, SimulationJob } from '../simulation/policies/job.ts';
import { simulateInParallel } from '../simulation/policies/parallel.ts';
import { plotFrontier } from '../simulation/policies/plot.ts';
import { prepareSimulation } from '../simulation/policies/prepare.ts';
import { defaultParams, twinVersion } from '../simulation/twin/limits.ts';
import { defaultModelName, models } from '../models/index.ts';

const cases = [
  { file: 'XAGUSD-1m', from: '2016-01-01', to: '2017-01-01' },
  { file: 'SPY-5m', from: '2025-09-01', to: '2026-01-01' },
] as const;

/** Every request is served: they look at metrics, or cold starts and durations are wanted of them. */
const defaults = [
  'foreshock',
  'same-event-before',
  'none',
  'static-peak',
  'aas',
  'aas:in=3',
  'aas:maximum=1',
  'aas:maximum=1:target=0.3',
  'aws-predictive',
  'oracle',
];

const settingsOf = (prefix: string, values: readonly number[]): string[] => values.map((value) => `${prefix}${value}`);

const spillPrices = [1.5e-6, 2.5e-6, 4e-6, 7e-6, 1e-5, 1.5e-5, 2.5e-5, 5e-5, 1e-4];

/** Each dial with the settings that are tried; between them is interpolated. */
const dials: Readonly<Record<string, readonly string[]>> = {
  oracle: settingsOf('oracle:usdPerOverflow=', [1_000, 3e-4, 1e-4, 5e-5, 2e-5, 1e-5, 5e-6, 2.5e-6, 1.5e-6, 1e-6]),
  'same event before, by quantile': settingsOf(
    'same-event-before:quantile=',
    [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999],
  ),
  'same event before, by factor': settingsOf(
    'same-event-before:quantile=0.5:multiplier=',
    [0.7, 0.85, 1, 1.25, 1.5, 2, 3, 4],
  ),
  'foreshock, by price of a spill': settingsOf('foreshock:usdPerSpill=', spillPrices),
  'foreshock, asked when its peers ask': settingsOf('foreshock:asked=5:usdPerSpill=', spillPrices),
};

const overflowRatios = [0.001, 0.0025, 0.005, 0.01, 0.02] as const;

interface Flags {
  readonly data: string;
  readonly seed: string;
  readonly workers: number;
  readonly accountConcurrency: number;
  readonly spanCountMax: number;
  readonly parts: readonly string[];
}

/** `--data DIR`: a folder with `market/`; `--series NAME`: one of them; `--spans N`: the first N stretches only; `--parts defaults` or
 * `frontier`: one of the two; `--plot DIR`: the frontiers as SVG. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string', default: '../shared/data' },
      seed: { type: 'string', default: '1' },
      series: { type: 'string' },
      spans: { type: 'string', default: 'Infinity' },
      workers: { type: 'string', default: String(availableParallelism()) },
      // More than any policy asks for, so that the policies are measured and not the account.
      'account-concurrency': { type: 'string', default: '10000' },
      parts: { type: 'string', default: 'frontier,defaults' },
      plot: { type: 'string' },
    },
  });
  const flags: Flags = {
    data: values.data,
    seed: values.seed,
    workers: Number(values.workers),
    accountConcurrency: Number(values['account-concurrency']),
    spanCountMax: Number(values.spans),
    parts: values.parts.split(','),
  };
  print(
    `prewarm: twin ${twinVersion}, ${models[defaultModelName].version}, prices of ${defaultParams.prices.asOf}; seed ${flags.seed}; Node ${process.versions.node}, ${cpus()[0]?.model ?? 'unknown processor'}`,
    `data ${flags.data}; 300 requests a second at the usual level, 120 ms, 1,024 MB, init 800 ms, account concurrency ${flags.accountConcurrency}`,
  );
  for (const one of cases) {
    if (values.series !== undefined && values.series !== one.file) continue;
    const frontier = await judge(one, flags);
    if (values.plot !== undefined)
      await writeFile(
        join(values.plot, `${one.file}-frontier.svg`),
        plotFrontier(frontier, `${one.file}: dollars over the oracle's at the same overflow`),
      );
  }
}

async function judge(one: (typeof cases)[number], flags: Flags) {
  const untilMs = parseInstant(one.to)!;
  const { series, events } = await readHistory({
    history: join(flags.data, 'market', `${one.file}.csv.gz`),
    calendar: join(flags.data, 'market', 'calendar.csv'),
    untilMs: untilMs + windowMs + afterMs,
    signal: new AbortController().signal,
  });
  const { job, windowCount, usualVolumePerMinute } = prepareSimulation({
    series,
    events,
    symbols: [],
    venueName: 'XNYS',
    prices: pricesUsEast1,
    fromMs: parseInstant(one.from)!,
    untilMs,
    classes: ['event'],
    function: { requestsPerSecond: 300, runDurationMs: { p50: 120, p99: 120 }, memoryMb: 1_024, initDurationMs: 800 },
    accountConcurrency: flags.accountConcurrency,
    policies: defaults,
    grain: 'requests',
    seed: flags.seed,
  });
  const spans = job.spans.slice(0, flags.spanCountMax);
  print(
    '',
    `## ${one.file}, ${one.from} to ${one.to}: ${windowCount} events in ${job.spans.length} stretches${spans.length < job.spans.length ? `, of which the first ${spans.length}` : ''}; usual volume ${usualVolumePerMinute} a minute`,
  );
  if (flags.parts.includes('defaults')) printDefaults(await play({ ...job, spans }, flags));
  if (!flags.parts.includes('frontier')) return [];
  return printFrontier(await play({ ...job, spans, grain: 'overflow', policies: Object.values(dials).flat() }, flags));
}

async function play(job: SimulationJob, { workers }: Flags): Promise<readonly PolicyOutcome[]> {
  const startedMs = performance.now();
  const { policies } = await simulateInParallel(job, {
    workerCount: workers,
    signal: new AbortController().signal,
    onProgress: (done, all) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${all} stretches `);
    },
  });
  print(
    '',
    `${job.policies.length} settings, ${job.grain}: ${((performance.now() - startedMs) / 1_000).toFixed(0)} s on ${workers} threads`,
  );
  return policies;
}

function printFrontier(outcomes: readonly PolicyOutcome[]) {
  const pointsOf = new Map(
    Object.entries(dials).map(([name, settings]) => [
      name,
      outcomes.filter(({ policy }) => settings.includes(policy)).map(pointOf),
    ]),
  );
  const oracle = pointsOf.get('oracle')!;
  const oracleUsd = overflowRatios.map((ratio) => usdAtOverflow(oracle, ratio)!);
  const shown = (usd: number | undefined, index: number): string =>
    usd === undefined ? '-' : (usd / oracleUsd[index]!).toFixed(2);
  const rows = [...pointsOf].map(([name, points]) => [
    name,
    ...overflowRatios.map((ratio, index) => shown(usdAtOverflow(points, ratio), index)),
  ]);
  print(
    '',
    'dollars over the oracle\u2019s at the same overflow; "-": no setting tried comes down to it',
    formatTable(
      [{ title: 'dial' }, ...overflowRatios.map((ratio) => ({ title: `${100 * ratio} %`, isNumber: true }))],
      [...rows, ['the oracle\u2019s dollars', ...oracleUsd.map((usd) => usd.toFixed(2))]],
    ),
    '',
    formatTable(
      [{ title: 'setting' }, { title: 'overflow %', isNumber: true }, { title: 'usd', isNumber: true }],
      outcomes.map((outcome) => [
        outcome.policy,
        (100 * pointOf(outcome).overflowRatio).toFixed(3),
        outcome.sums.provisionedUsd.toFixed(2),
      ]),
    ),
  );
  return [...pointsOf].map(([name, points]) => ({
    name,
    points: overflowRatios.flatMap((overflowRatio, index) => {
      const usd = usdAtOverflow(points, overflowRatio);
      return usd === undefined ? [] : [{ overflowRatio, usdPerOracle: usd / oracleUsd[index]! }];
    }),
  }));
}

function pointOf({ sums }: PolicyOutcome): FrontierPoint {
  return { overflowRatio: sums.overflow / sums.arrivals, usd: sums.provisionedUsd };
}

function printDefaults(outcomes: readonly PolicyOutcome[]): void {
  const oracleUsd = outcomes.find(({ policy }) => policy === 'oracle')!.sums.provisionedUsd;
  print(
    '',
    formatTable(
      [
        { title: 'policy' },
        ...['overflow %', 'cold starts', 'throttles', 'p99 ms', 'usd', 'over oracle', 'after usd', 'all usd'].map(
          (title) => ({ title, isNumber: true }),
        ),
      ],
      outcomes.map(({ policy, sums, durationMsP99 }) => [
        policy,
        ((100 * sums.overflow) / sums.arrivals).toFixed(3),
        String(sums.coldStarts),
        String(sums.throttles),
        durationMsP99?.toFixed(0) ?? '-',
        sums.provisionedUsd.toFixed(2),
        (sums.provisionedUsd / oracleUsd).toFixed(2),
        sums.provisionedUsdAfter.toFixed(2),
        (sums.provisionedUsd + sums.runUsd).toFixed(2),
      ]),
    ),
  );
}

function print(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
