/**
 * How good the forecasts are on real data with event days, beside the peers of the evaluation script that comes with the data: it chooses the
 * windows, runs its peers, and scores ours in the same run.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { backtestVerb } from '../cli/backtest.ts';
import { defaultModelName, models } from '../models/index.ts';

interface SeriesCase {
  readonly file: string;
  readonly from: string;
  readonly symbol?: string;
}

const cases: readonly SeriesCase[] = [
  { file: 'SPY-5m', from: '2025-09-01' },
  ...['AAPL', 'AMZN', 'GOOGL', 'MSFT', 'NVDA'].map((symbol) => ({ file: `${symbol}-5m`, from: '2025-09-01', symbol })),
  { file: 'XAGUSD-1m', from: '2016-01-01' },
];
const plainPeers = ['seasonal-naive', 'profile-40d', 'same-event-before'];
const classNames = ['event', 'open', 'quiet'] as const;
type ClassName = (typeof classNames)[number];

interface Score {
  readonly pinball: number;
  readonly coverage95: number;
}
interface Row {
  readonly series: string;
  readonly class: ClassName;
  readonly windowCount: number;
  /** Fewer than ten windows: shown, not averaged. */
  readonly isScored: boolean;
  readonly scores: ReadonlyMap<string, Score>;
}

/** `--data DIR`: a folder with `market/`; `--script F`: the evaluation script; `--python P`: a Python with numpy and scikit-learn. */
export async function run(args: readonly string[]): Promise<void> {
  const { values: flags } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string', default: '../shared/data' },
      script: { type: 'string', default: '../shared/eval/forecast_peers.py' },
      python: { type: 'string', default: 'python3' },
    },
  });
  const folder = await mkdtemp(join(tmpdir(), 'foreshock-bench-'));
  const rows: Row[] = [];
  try {
    for (const seriesCase of cases) rows.push(...(await judge(seriesCase, { ...flags, folder })));
  } finally {
    await rm(folder, { recursive: true });
  }
  process.stdout.write(
    [
      `forecast: ${models[defaultModelName].version}; data ${flags.data}; windows and peers of ${flags.script} (its seed is 7)`,
      `Node ${process.versions.node}, ${cpus()[0]?.model ?? 'unknown processor'}`,
      'pinball loss over usual volume; the best peer is the best of seasonal-naive, profile-40d and same-event-before; cov95 is coverage of the 0.95 quantile',
      '',
      ...render(rows),
      '',
    ].join('\n'),
  );
}

async function judge(
  { file, from, symbol }: SeriesCase,
  { data, script, python, folder }: { data: string; script: string; python: string; folder: string },
): Promise<Row[]> {
  const history = join(data, 'market', `${file}.csv.gz`);
  const calendar = join(data, 'market', 'calendar.csv');
  const windows = join(folder, `${file}-windows.csv`);
  const out = join(folder, `${file}-forecasts.csv`);
  const judgeArgs = [script, history, calendar, from, ...(symbol === undefined ? [] : [symbol])];
  await promisify(execFile)(python, [...judgeArgs, `--windows-out=${windows}`]);
  const signal = new AbortController().signal;
  const silent = {
    env: {},
    isInteractive: false,
    hasColour: false,
    out: () => undefined,
    err: () => undefined,
    signal,
  };
  const verbArgs = ['--history', history, '--calendar', calendar, '--windows-file', windows, '--out', out];
  await backtestVerb.run(symbol === undefined ? verbArgs : [...verbArgs, '--symbol', symbol], silent);
  const { stdout } = await promisify(execFile)(python, [...judgeArgs, `--extra=${out}`]);
  return parseJudgement(file, stdout);
}

/** Reads `  event | seasonal-naive: pinball 1.434 cov95 0.800 peakcov95 0.571 | …`, and the counts of windows from the first line. */
function parseJudgement(series: string, text: string): Row[] {
  const rows: Row[] = [];
  for (const name of classNames) {
    const windowCount = Number(new RegExp(`windows:.*${name} (\\d+)`).exec(text)?.[1] ?? 0);
    const line = new RegExp(`^  ${name}[^|\\n]*\\|(.*)$`, 'm').exec(text)?.[1];
    if (line === undefined) continue;
    const scores = new Map<string, Score>();
    for (const match of line.matchAll(/([a-z0-9-]+): pinball ([\d.]+|nan) cov95 ([\d.]+)/g)) {
      scores.set(match[1]!, { pinball: Number(match[2]), coverage95: Number(match[3]) });
    }
    rows.push({ series, class: name, windowCount, isScored: windowCount >= 10, scores });
  }
  return rows;
}

function render(rows: readonly Row[]): string[] {
  const lines = [
    '| series | class | windows | foreshock | cov95 | best peer | its pinball | ratio | hgb-quantile | ratio to it |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
  ];
  const ratios = new Map<ClassName, { plain: number[]; boosted: number[]; covered: number; windows: number }>();
  for (const row of rows) {
    const own = row.scores.get('extra');
    const boosted = row.scores.get('hgb-quantile');
    const best = plainPeers
      .map((name) => ({ name, pinball: row.scores.get(name)?.pinball ?? Infinity }))
      .reduce((least, peer) => (peer.pinball < least.pinball ? peer : least));
    if (!own || !boosted) continue;
    const [ratio, boostedRatio] = [own.pinball / best.pinball, own.pinball / boosted.pinball];
    const cells = [
      row.series,
      row.class,
      `${row.windowCount}${row.isScored ? '' : ' (few)'}`,
      own.pinball.toFixed(3),
      own.coverage95.toFixed(3),
    ];
    lines.push(
      `| ${[...cells, best.name, best.pinball.toFixed(3), ratio.toFixed(3), boosted.pinball.toFixed(3), boostedRatio.toFixed(3)].join(' | ')} |`,
    );
    const sums = ratios.get(row.class) ?? { plain: [], boosted: [], covered: 0, windows: 0 };
    ratios.set(row.class, sums);
    if (row.isScored) {
      sums.plain.push(ratio);
      sums.boosted.push(boostedRatio);
    }
    // Windows are equally long, but a minute series has five times the buckets of a five-minute one.
    const buckets = row.windowCount * (row.series.endsWith('-1m') ? 30 : 6);
    sums.covered += own.coverage95 * buckets;
    sums.windows += buckets;
  }
  lines.push(
    '',
    '| class | geometric mean of ratios | to hgb-quantile | cov95, pooled over buckets |',
    '| --- | --- | --- | --- |',
  );
  for (const [name, { plain, boosted, covered, windows }] of ratios) {
    lines.push(
      `| ${[name, geometricMean(plain).toFixed(3), geometricMean(boosted).toFixed(3), (covered / windows).toFixed(3)].join(' | ')} |`,
    );
  }
  return lines;
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
