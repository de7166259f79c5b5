/** `detect`: how surprising is each value of one series, given those before it? */
import { createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { readSeriesCsv } from '../collectors/series-csv.ts';
import { InputError } from '../core/errors.ts';
import { createSeriesScorer } from '../detector/series-scorer.ts';
import { needed } from './history.ts';
import { printable } from './printable.ts';
import { formatTable } from './table.ts';
import { parseFlags, printJson, type Verb } from './verb.ts';

/** From here on a score is an anomaly: ten times rarer than what was told lately, and a little. */
const labelFrom = 0.5;
const shownCount = 20;

interface Anomaly {
  readonly timestamp: string;
  readonly value: number;
  readonly score: number;
}

export const detectVerb: Verb = {
  name: 'detect',
  summary: 'scores each value of one series by how surprising it is after those before it',
  usage: `
foreshock detect --series F.csv [--out F.csv] [--json]

One pass, online: a score depends on the values before it and on nothing after.

  --series F  CSV or CSV.gz with the header timestamp,value; timestamps are carried along as they stand
  --out F     writes timestamp,value,anomaly_score,label for every row

The score lies in [0, 1]; the label is 1 from ${labelFrom} on. The first 150 values are learned from and score 0. Without --out the most surprising
values are shown.
`,
  async run(args, terminal) {
    const { values: flags } = parseFlags(args, {
      series: { type: 'string' },
      out: { type: 'string' },
      json: { type: 'boolean', default: false },
    });
    const path = needed('--series', flags.series);
    const tally = createTally();
    const lines = score(path, tally, terminal.signal);
    if (flags.out === undefined) for await (const _ of lines);
    else await write(flags.out, path, lines);
    const result = tally.result();
    if (flags.json) printJson(terminal, result);
    else terminal.out(render(result));
    return 0;
  },
};

/** Lines of the answer, in turn; what they hold is told to the tally. */
async function* score(path: string, tally: Tally, signal: AbortSignal): AsyncGenerator<string> {
  const scorer = createSeriesScorer();
  yield 'timestamp,value,anomaly_score,label\n';
  for await (const { timestamp, value } of readSeriesCsv(path, { signal })) {
    const anomalyScore = Number(scorer.score(value).toFixed(6));
    tally.add({ timestamp, value, score: anomalyScore });
    yield `${timestamp},${value},${anomalyScore},${anomalyScore >= labelFrom ? 1 : 0}\n`;
  }
}

async function write(out: string, series: string, lines: AsyncIterable<string>): Promise<void> {
  if (resolve(out) === resolve(series)) throw new InputError('usage', '--out must be another file than --series');
  try {
    await pipeline(lines, createWriteStream(out));
  } catch (error) {
    if (error instanceof InputError || (error as Error).name === 'AbortError') throw error;
    const { code = 'error' } = error as NodeJS.ErrnoException;
    throw new InputError('out-file', `${out}: cannot be written (${code})`, { cause: error });
  }
}

interface DetectResult {
  readonly values: number;
  readonly anomalies: number;
  readonly mostSurprising: readonly Anomaly[];
}

interface Tally {
  add(row: Anomaly): void;
  result(): DetectResult;
}

function createTally(): Tally {
  let values = 0;
  let anomalies = 0;
  let kept: readonly Anomaly[] = [];
  return {
    add(row) {
      values++;
      if (row.score < labelFrom) return;
      anomalies++;
      kept = [...kept, row];
      if (kept.length > 2 * shownCount) kept = mostSurprising(kept);
    },
    result: () => ({ values, anomalies, mostSurprising: mostSurprising(kept) }),
  };
}

function render({ values, anomalies, mostSurprising: shown }: DetectResult): string {
  const head = `${values} values, ${anomalies} of them anomalies\n`;
  if (shown.length === 0) return head;
  const columns = [{ title: 'timestamp' }, { title: 'value', isNumber: true }, { title: 'score', isNumber: true }];
  const rows = shown.map(({ timestamp, value, score: each }) => [printable(timestamp), String(value), each.toFixed(3)]);
  return `${head}${formatTable(columns, rows)}\n`;
}

function mostSurprising(anomalies: readonly Anomaly[]): Anomaly[] {
  return [...anomalies].sort((left, right) => right.score - left.score).slice(0, shownCount);
}
