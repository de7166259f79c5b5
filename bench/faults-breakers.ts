/** What breakers do about two hundred seeded faults, through the engine of production: when, where, how often, and what of the harm is left. */
import { cpus } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { playBreakers, type BreakerPlay } from '../simulation/world/faults/breaker-play.ts';
import { faultScenario, scenarioCount, type FaultScenario } from '../simulation/world/faults/scenarios.ts';

interface Job {
  readonly seed: string;
  readonly harmedRatioMin: number;
  readonly indexes: readonly number[];
}

interface Played {
  readonly index: number;
  readonly play: BreakerPlay;
}

interface Row {
  readonly scenario: FaultScenario;
  readonly play: BreakerPlay;
}

type Print = (line: string) => void;

/** An ordinary episode: open, half-open, closed. */
const movesMax = 3;

export async function printBreakers(seed: string, harmedRatioMin: number, print: Print): Promise<void> {
  const rows: Row[] = [];
  const threadCount = Math.max(1, cpus().length);
  const hands = Array.from({ length: threadCount }, (_, hand) =>
    Array.from({ length: scenarioCount }, (_each, index) => index).filter((index) => index % threadCount === hand),
  );
  await Promise.all(
    hands.map((indexes) =>
      playInThread({ seed, harmedRatioMin, indexes }, ({ index, play }) =>
        rows.push({ scenario: faultScenario(index, seed), play }),
      ),
    ),
  );
  rows.sort((left, right) => left.scenario.index - right.scenario.index);
  print(
    `breakers open from ${(100 * harmedRatioMin).toFixed(0)} % of calls harmed, by the defaults of a configuration`,
  );
  print(`${'stratum'.padEnd(24)}${headings.map((text) => text.padStart(10)).join('')}`);
  for (const [name, belongs] of strataOf()) print(name.padEnd(24) + summary(rows.filter(belongs)));
  for (const [reason, count] of reasonsOf(rows, harmedRatioMin)) print(`  not opened: ${count} × ${reason}`);
  for (const { scenario, play } of rows) {
    const { index, kind, options } = scenario;
    const isAmiss =
      play.strayed.length > 0 || play.moves.length > movesMax || !play.isClosedAtEnd || (play.openAfterMs ?? 0) > 1_000;
    if (isAmiss)
      print(
        `  ${index} ${kind}, ${options.requestsPerSecond}/s × ${options.samplingRatio}, ${options.exportMs} ms, opened ${seconds(play.openAfterMs)} s after the incident at ${play.origin ?? '?'}: ${play.moves.join('; ')}${(play.openAfterMs ?? 0) > 1_000 ? `; held ${play.refusals.join('; ')}` : ''}${play.strayed.length > 0 ? `; strayed to ${play.strayed.join(', ')}` : ''}`,
      );
  }
}

const headings = [
  ...['faults', 'incident', 'opened', 'p50 s', 'p99 s', 'max s', 'strayed', '≤ 3'],
  ...['closed', 'after p50', 'after max', 'without', 'with'],
];

function strataOf(): readonly (readonly [string, (row: Row) => boolean])[] {
  return [
    ['all', () => true],
    ...(['latency', 'errors', 'throttles', 'partial-errors', 'partial-latency'] as const).map(
      (kind) => [kind, ({ scenario }: Row) => scenario.kind === kind] as const,
    ),
    ['inside event windows', ({ scenario }) => scenario.isInsideEvent],
    ['outside', ({ scenario }) => !scenario.isInsideEvent],
    ...[5, 20, 50, 150, 500].map(
      (rate) =>
        [`${String(rate)} requests/s`, ({ scenario }: Row) => scenario.options.requestsPerSecond === rate] as const,
    ),
    ['≥ 5 spans/s there', (row) => spansPerSecondOf(row) >= manySpans],
    ['fewer', (row) => spansPerSecondOf(row) < manySpans],
    ...([1, 0.05] as const).flatMap((ratio) =>
      ([250, 5_000] as const).map(
        (exportMs) =>
          [
            `${ratio === 1 ? 'whole' : '5 %'}, ${exportMs} ms`,
            ({ scenario: { options } }: Row) => options.samplingRatio === ratio && options.exportMs === exportMs,
          ] as const,
      ),
    ),
  ];
}

const manySpans = 5;

/** Over the breaker's edge, before the fault: a third of calls where one callee of three is sick. */
function spansPerSecondOf({ scenario: { kind, options } }: Row): number {
  return (options.requestsPerSecond * options.samplingRatio) / (kind.startsWith('partial') ? 3 : 1);
}

function summary(rows: readonly Row[]): string {
  const plays = rows.map(({ play }) => play);
  const opened = plays.filter((play) => play.openAfterMs !== undefined);
  const delays = sorted(opened.map(({ openAfterMs }) => openAfterMs!));
  const closing = sorted(opened.flatMap(({ closedAfterMs }) => closedAfterMs ?? []));
  const sum = (of: (play: BreakerPlay) => number): number => plays.reduce((total, play) => total + of(play), 0);
  const few = opened.filter(({ moves }) => moves.length <= movesMax).length;
  return [
    String(plays.length),
    String(plays.filter(({ origin }) => origin !== undefined).length),
    String(opened.length),
    ...[0.5, 0.99, 1].map((ratio) => seconds(quantile(delays, ratio))),
    share(plays.filter(({ strayed }) => strayed.length > 0).length, plays.length),
    share(few, opened.length),
    share(opened.filter(({ isClosedAtEnd }) => isClosedAtEnd).length, opened.length),
    ...[0.5, 1].map((ratio) => seconds(quantile(closing, ratio))),
    String(sum(({ harmedWithoutCount }) => harmedWithoutCount)),
    String(sum(({ harmedCount }) => harmedCount)),
  ]
    .map((text) => text.padStart(10))
    .join('');
}

/** Why none opened although so much was harmed that one may: by the gate's stage, or what is short of it. */
function reasonsOf(rows: readonly Row[], harmedRatioMin: number): ReadonlyMap<string, number> {
  const reasons = new Map<string, number>();
  for (const { play, scenario } of rows) {
    if (play.openAfterMs !== undefined) continue;
    const refusal = play.refusals.at(-1);
    const reason =
      play.origin === undefined
        ? 'no incident'
        : play.harmedRatio < harmedRatioMin
          ? 'less is harmed than it would open for'
          : `${scenario.kind}: ${refusal?.slice(refusal.indexOf('s: ') + 3) ?? 'its own calls did not show it'}`;
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  return reasons;
}

function sorted(values: readonly number[]): readonly number[] {
  return [...values].sort((left, right) => left - right);
}

function quantile(ascending: readonly number[], ratio: number): number | undefined {
  return ascending[Math.max(0, Math.ceil(ratio * ascending.length) - 1)];
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? '-' : (ms / 1_000).toFixed(1);
}

function share(count: number, of: number): string {
  return of === 0 ? '-' : `${((100 * count) / of).toFixed(1)} %`;
}

function playInThread(job: Job, hear: (played: Played) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: job });
    worker.on('message', hear);
    worker.once('error', reject);
    worker.once('exit', () => resolve());
  });
}

if (!isMainThread) {
  const { seed, harmedRatioMin, indexes } = workerData as Job;
  for (const index of indexes) {
    const play = playBreakers(faultScenario(index, seed), { harmedRatioMin });
    parentPort?.postMessage({ index, play } satisfies Played);
  }
}
