/**
 * The Numenta Anomaly Benchmark: our score beside the published detectors', by a scorer that first reproduces theirs. And on the half of the corpus that nothing
 * was chosen on.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { createSeriesScorer } from '../detector/series-scorer.ts';
import { nabProfiles, scoreNab, scoreNabAt, type NabFile, type NabProfileName } from './nab-score.ts';

const profileNames = Object.keys(nabProfiles) as readonly NabProfileName[];
type Scores = Readonly<Record<NabProfileName, number>>;
type NamedFile = NabFile & { readonly name: string };

export async function run(args: readonly string[]): Promise<void> {
  const { values: flags } = parseArgs({
    args: [...args],
    options: { data: { type: 'string', default: '../shared/data' } },
  });
  const folder = join(flags.data, 'nab');
  const windows = readJson(folder, 'windows_by_row.json') as Record<string, Pick<NabFile, 'windows'>>;
  const { normalised_published_final_results_json: published } = readJson(folder, 'reference_scores.json') as {
    normalised_published_final_results_json: Record<string, Scores>;
  };
  print(`detect: NAB, Node ${process.versions.node}, ${cpus()[0]?.model ?? '?'}; no seed: nothing is random`);
  checkScorer(folder, windows, published);
  const startedMs = performance.now();
  const ours = Object.entries(windows).map(([name, { windows: each }]): NamedFile => {
    const scorer = createSeriesScorer();
    return {
      name,
      windows: each,
      scores: readValues(join(folder, 'data', `${name}.gz`)).map((value) => scorer.score(value)),
    };
  });
  const rowCount = ours.reduce((sum, { scores }) => sum + scores.length, 0);
  const seconds = (performance.now() - startedMs) / 1_000;
  const rows = Object.entries(published).map(([name, scores]) => ({ name, scores }));
  rows.push({ name: 'foreshock', scores: scoresOf(ours) });
  rows.sort((left, right) => right.scores.standard - left.scores.standard);
  print(['detector'.padEnd(22), ...profileNames.map((name) => name.padStart(20))].join(''));
  for (const { name, scores } of rows) print(lineOf(name, scores));
  printHalves(folder, ours);
  print(`${rowCount} values read and scored in ${seconds.toFixed(1)} s`);
}

/** The stored scores of four detectors must give what was published of them. */
function checkScorer(
  folder: string,
  windows: Readonly<Record<string, Pick<NabFile, 'windows'>>>,
  published: Readonly<Record<string, Scores>>,
): void {
  let worst = 0;
  const stored = readdirSync(join(folder, 'detector_scores')).filter((name) => name.endsWith('.ndjson.gz'));
  for (const name of stored) {
    const files = readText(join(folder, 'detector_scores', name))
      .trim()
      .split('\n')
      .map((line): NabFile => {
        const { file, anomaly_score: scores } = JSON.parse(line) as { file: string; anomaly_score: number[] };
        return { scores, windows: windows[file]!.windows };
      });
    const scores = scoresOf(files);
    for (const profile of profileNames)
      worst = Math.max(worst, Math.abs(scores[profile] - published[basename(name, '.ndjson.gz')]![profile]));
  }
  print(
    `scorer: ${stored.length} detectors' stored scores give their published figures to within ${worst.toExponential(1)}`,
  );
}

/** The threshold from one half, the score from the other. */
function printHalves(folder: string, files: readonly NamedFile[]): void {
  const { tune } = readJson(folder, 'split_half.json') as { tune: readonly string[] };
  const tuned = files.filter(({ name }) => tune.includes(name));
  const checked = files.filter(({ name }) => !tune.includes(name));
  const scores = Object.fromEntries(
    profileNames.map((name) => [name, scoreNabAt(checked, name, scoreNab(tuned, name).threshold).normalised]),
  ) as Record<NabProfileName, number>;
  print(lineOf('foreshock, check half', scores));
}

function scoresOf(files: readonly NabFile[]): Scores {
  return Object.fromEntries(profileNames.map((name) => [name, scoreNab(files, name).normalised])) as Record<
    NabProfileName,
    number
  >;
}

function lineOf(name: string, scores: Scores): string {
  return name.padEnd(22) + profileNames.map((profile) => scores[profile].toFixed(2).padStart(20)).join('');
}

function readValues(path: string): number[] {
  return readText(path)
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => Number(line.slice(line.indexOf(',') + 1)));
}

function readText(path: string): string {
  return gunzipSync(readFileSync(path)).toString('utf8');
}

function readJson(folder: string, name: string): unknown {
  return JSON.parse(readFileSync(join(folder, name), 'utf8'));
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
