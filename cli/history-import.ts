/** `history import`: what CloudWatch still has of demand, as files that are kept. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { usdOfMetrics, type MetricUse } from '../collectors/cloudwatch.ts';
import {
  importHistory,
  importMetricCount,
  planImport,
  type ImportedFunction,
} from '../collectors/cloudwatch-import.ts';
import { settledAfterMs } from '../collectors/cloudwatch-minutes.ts';
import { openHistoryKeep, readLearnable, type Grain, type HistoryKeep } from '../collectors/kept-history.ts';
import { createVenue } from '../calendar/venue.ts';
import type { Config, ConfiguredFunction } from '../config/load.ts';
import { InputError } from '../core/errors.ts';
import { formatInstant, msPerMinute, type EpochMs } from '../core/time.ts';
import { openConfiguredMetrics } from '../service/cloudwatch.ts';
import { onePlaceOf } from '../service/from-config.ts';
import { historyFolderOf, readinessOf, type Readiness } from '../service/kept-volume.ts';
import { realClock, realTimers } from '../service/real-time.ts';
import { takeWriterLock } from '../store/writer-lock.ts';
import { loadNamedConfig } from './config-flags.ts';
import { instantFlag } from './flags.ts';
import { clearProgress, drawProgress } from './progress.ts';
import { formatTable } from './table.ts';
import { parseFlags, printJson, type Terminal, type Verb } from './verb.ts';

export const historyImportVerb: Verb = {
  name: 'history import',
  summary: 'keeps what CloudWatch still has of the demand of functions',
  usage: `
  foreshock history import --cloudwatch --config F [--function K] [--from T] [--store F | --out DIR] [--json]

Reads Invocations and Throttles of each alias, at the finest grain that is left: minutes of the last 15 days, five minutes of 63, hours of 455. Each grain
has files of its own, and nothing is made finer than it came. What is kept already stays, so it can be run again. It costs 0.01 dollars for 1,000
metrics: six a function, and a few.

  --cloudwatch   the source (the only one)
  --config F     the configuration: its functions, and how AWS is reached
  --function K   this function alone, such as 123456789012/us-east-1/orders-validate:live
  --from T       nothing older than this instant
  --store F      beside this store, where its service finds it (default: the store of the configuration)
  --out DIR      into this folder instead
  --json         { "folder", "functions": [{ "function", "folder", "spans", "newestAgeMs", "learned" }], "calls", "metrics", "usd" }

Ends with 1 when CloudWatch has nothing of one of the functions. A service that uses the store must be stopped, or --out named.`,
  async run(args, terminal) {
    const { values } = parseFlags(args, {
      cloudwatch: { type: 'boolean', default: false },
      config: { type: 'string' },
      function: { type: 'string' },
      from: { type: 'string' },
      store: { type: 'string' },
      out: { type: 'string' },
      json: { type: 'boolean', default: false },
    });
    if (!values.cloudwatch) throw new InputError('usage', 'name the source: --cloudwatch');
    if (values.out !== undefined && values.store !== undefined)
      throw new InputError('usage', 'one of --out and --store: both name a folder');
    const fromMs = values.from === undefined ? undefined : instantFlag('--from', values.from);
    const config = await loadNamedConfig(values.config, terminal);
    const functions = functionsOf(config, values.function);
    const store = values.store === undefined ? config.store : path.resolve(values.store);
    const folder = values.out === undefined ? historyFolderOf(store) : path.resolve(values.out);
    const lock = values.out === undefined ? await lockStore(store) : undefined;
    try {
      const report = await runImport({ config, functions, folder, fromMs, terminal });
      if (values.json) printJson(terminal, reportJson(report));
      else terminal.out(formatReport(report));
      return report.functions.every(({ imported }) => imported.spans.length > 0) ? 0 : 1;
    } finally {
      lock?.release();
    }
  },
};

interface Report {
  readonly folder: string;
  readonly functions: readonly ReportedFunction[];
  readonly readAtMs: EpochMs;
  readonly use: MetricUse;
}

interface ReportedFunction {
  readonly imported: ImportedFunction;
  readonly folder: string;
  /** What a forecaster would be given of all that is kept now; null where there is nothing. */
  readonly learned:
    (Readiness & { readonly grain: Grain; readonly fromMs: EpochMs; readonly bucketCount: number }) | null;
}

interface Import {
  readonly config: Config;
  readonly functions: readonly ConfiguredFunction[];
  readonly folder: string;
  readonly fromMs: EpochMs | undefined;
  readonly terminal: Terminal;
}

async function runImport({ config, functions, folder, fromMs, terminal }: Import): Promise<Report> {
  const nowMs = realClock.nowMs();
  const settleMs = settledAfterMs(Math.max(...functions.map(({ spec }) => spec.runDurationMs.p99)));
  const spans = planImport(nowMs, { settleMs, ...(fromMs !== undefined && { fromMs }) });
  if (spans.length === 0) throw new InputError('usage', '--from lies so late that no minute since has settled');
  const { region } = onePlaceOf(functions.map(({ spec }) => spec.key));
  const reader = openConfiguredMetrics(config, region, { env: terminal.env, clock: realClock, timers: realTimers });
  const keep = openHistoryKeep(folder);
  const usd = usdOfMetrics(importMetricCount(functions.length, spans)).toFixed(4);
  drawProgress(terminal, `asking ${reader.endpointName}, about $${usd}`);
  const imported = await importHistory({
    keys: functions.map(({ spec }) => spec.key),
    reader,
    keep,
    spans,
    signal: terminal.signal,
    onProgress: ({ grain, doneRatio }) => {
      const percent = Math.floor(100 * doneRatio);
      drawProgress(
        terminal,
        `${percent} % of ${functions.length} functions from ${reader.endpointName}, ${grain}, about $${usd}`,
      );
    },
  }).finally(() => clearProgress(terminal));
  const reported: ReportedFunction[] = [];
  for (const [index, one] of imported.entries()) reported.push(await reportOf(one, functions[index]!, { keep, nowMs }));
  return { folder, functions: reported, readAtMs: nowMs, use: reader.use() };
}

async function reportOf(
  imported: ImportedFunction,
  { spec, volume }: ConfiguredFunction,
  { keep, nowMs }: { readonly keep: HistoryKeep; readonly nowMs: EpochMs },
): Promise<ReportedFunction> {
  const folder = keep.folderOf(spec.key);
  const kept = await readLearnable(folder, nowMs);
  if (!kept) return { imported, folder, learned: null };
  const { grain, series, rowCount } = kept;
  const readiness = readinessOf(series, createVenue(volume.venue), nowMs);
  return { imported, folder, learned: { grain, fromMs: series.fromMs, bucketCount: rowCount, ...readiness } };
}

function functionsOf(config: Config, key: string | undefined): readonly ConfiguredFunction[] {
  if (key === undefined) {
    const counted = config.functions.filter(({ volume }) => volume.csv === undefined);
    if (counted.length > 0) return counted;
    throw new InputError(
      'usage',
      `${config.file}: no function has volume: { cloudwatch: true }; set it, or name one with --function`,
    );
  }
  const found = config.functions.find(({ spec }) => spec.key === key);
  if (found) return [found];
  const known = config.functions.map(({ spec }) => spec.key);
  const more = known.length > 3 ? `, and ${known.length - 3} more` : '';
  throw new InputError(
    'usage',
    `--function ${key}: ${config.file} has no such function; it has ${known.slice(0, 3).join(', ')}${more}`,
  );
}

async function lockStore(store: string): Promise<{ release(): void }> {
  await mkdir(path.dirname(store), { recursive: true });
  return takeWriterLock(store);
}

function reportJson({ folder, functions, readAtMs, use }: Report) {
  return {
    folder,
    readAtMs,
    functions: functions.map(({ imported: { key, spans, newestAtMs }, folder: ofFunction, learned }) => ({
      function: key,
      folder: ofFunction,
      spans,
      newestAtMs,
      newestAgeMs: newestAgeMs(newestAtMs, readAtMs),
      learned,
    })),
    calls: use.callCount,
    metrics: use.metricCount,
    usd: usdOfMetrics(use.metricCount),
  };
}

/** From the end of the newest minute: nothing that ended later is shown yet, or nothing came. */
function newestAgeMs(newestAtMs: EpochMs | null, readAtMs: EpochMs): number | null {
  return newestAtMs === null ? null : Math.max(0, readAtMs - newestAtMs - msPerMinute);
}

function formatReport({ folder, functions, readAtMs, use }: Report): string {
  const rows = functions.flatMap(({ imported: { key, spans } }) =>
    spans.map(({ grain, fromMs, untilMs, bucketCount, missingCount, newCount, requestCount }) => [
      key,
      grain,
      formatInstant(fromMs),
      formatInstant(untilMs),
      ...[bucketCount, missingCount, newCount, requestCount].map(String),
    ]),
  );
  const table = formatTable(
    [
      { title: 'function' },
      { title: 'grain' },
      { title: 'from' },
      { title: 'until' },
      ...['buckets', 'missing', 'new', 'requests'].map((title) => ({ title, isNumber: true })),
    ],
    rows,
  );
  const notes = functions.map((one) => noteOf(one, readAtMs));
  const cost = `${use.metricCount} metrics in ${use.callCount} calls, $${usdOfMetrics(use.metricCount).toFixed(4)} at 0.01 for 1,000; kept in ${folder}`;
  return `${[...(rows.length > 0 ? [table] : []), '', ...notes, cost].join('\n')}\n`;
}

function noteOf({ imported: { key, newestAtMs }, learned }: ReportedFunction, readAtMs: EpochMs): string {
  if (newestAtMs === null)
    return `${key}: CloudWatch has no point of it; does the alias get requests, and is the name right?`;
  const age = `newest point ended ${(newestAgeMs(newestAtMs, readAtMs)! / msPerMinute).toFixed(1)} min ago`;
  if (!learned) return `${key}: ${age}; nothing to learn from yet`;
  const { grain, fromMs, bucketCount, readyAtMs, dayCount, dayCountNeeded } = learned;
  const ready =
    readyAtMs === null
      ? 'enough for a forecast'
      : `a forecast not before ${formatInstant(readyAtMs)} (${dayCount} of ${dayCountNeeded} days)`;
  return `${key}: ${age}; to learn from: ${bucketCount} buckets of ${grain} from ${formatInstant(fromMs)}, ${ready}`;
}
