/**
 * What is seen of two hundred seeded faults, and when; and what is seen in a quiet month of ten functions with forty events, where nothing is.
 * No peer: what others ship is a threshold a metric, set by hand. The figure beside ours is that threshold: 5 % errors, or a mean twice its usual, over a minute.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { WindowKey } from '../core/window.ts';
import { createDetection } from '../detector/detection.ts';
import { createFaultFunction } from '../simulation/world/faults/fault-function.ts';
import {
  faultScenario,
  quietFunction,
  quietFunctionCount,
  quietMonth,
  scenarioCount,
  type FaultScenario,
} from '../simulation/world/faults/scenarios.ts';
import { watchFault, watchQuiet, type FalseAlarm, type FaultSeen } from '../simulation/world/faults/watch.ts';

interface Quiet {
  readonly index: number;
  readonly alarms: readonly FalseAlarm[];
  readonly noticeCount: number;
}

interface Job {
  readonly seed: string;
  readonly dayCount: number;
  readonly indexes: readonly number[];
}

export async function run(args: readonly string[]): Promise<void> {
  const { values: flags } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string', default: 'faults-1' },
      days: { type: 'string', default: '30' },
      only: { type: 'string', default: '' },
    },
  });
  print(`faults: seed ${flags.seed}, Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? '?'}`);
  if (flags.only === '' || flags.only === 'speed') printSpeed();
  if (flags.only === '' || flags.only === 'faults') printFaults(flags.seed);
  if (flags.only === '' || flags.only === 'quiet') await printQuiet(flags.seed, Number(flags.days));
}

function printFaults(seed: string): void {
  const rows = Array.from({ length: scenarioCount }, (_, index) => {
    const scenario = faultScenario(index, seed);
    return { scenario, seen: watchFault(scenario) };
  });
  type Row = (typeof rows)[number];
  const isWhole = ({ options }: FaultScenario): boolean => options.samplingRatio === 1;
  const isQuick = ({ options }: FaultScenario): boolean => options.exportMs === 250;
  const isGreat = ({ scenario, seen }: Row): boolean =>
    !scenario.kind.startsWith('partial') && seen.requestsPerSecond >= 50;
  const strata: readonly (readonly [string, (row: Row) => boolean])[] = [
    ['all', () => true],
    ['inside event windows', ({ scenario }) => scenario.isInsideEvent],
    ['outside', ({ scenario }) => !scenario.isInsideEvent],
    ...(['latency', 'errors', 'throttles', 'partial-errors', 'partial-latency'] as const).map(
      (kind) => [kind, ({ scenario }: Row) => scenario.kind === kind] as const,
    ),
    ...[5, 20, 50, 150, 500].map(
      (rate) =>
        [`${String(rate)} requests/s`, ({ scenario }: Row) => scenario.options.requestsPerSecond === rate] as const,
    ),
    ['whole, 250 ms', ({ scenario }) => isWhole(scenario) && isQuick(scenario)],
    ['5 %, 250 ms', ({ scenario }) => !isWhole(scenario) && isQuick(scenario)],
    ['whole, 5 s', ({ scenario }) => isWhole(scenario) && !isQuick(scenario)],
    ['5 %, 5 s', ({ scenario }) => !isWhole(scenario) && !isQuick(scenario)],
    ['≥ 20 % of ≥ 50/s, whole, 250 ms', (row) => isGreat(row) && isWhole(row.scenario) && isQuick(row.scenario)],
    ['≥ 20 % of ≥ 50/s, 5 %, 250 ms', (row) => isGreat(row) && !isWhole(row.scenario) && isQuick(row.scenario)],
  ];
  print(`${'stratum'.padEnd(34)}${['faults', 'found', 'p50 s', 'p99 s', 'origin', 'false'].map(right).join('')}`);
  for (const [name, belongs] of strata) print(name.padEnd(34) + summary(rows.filter(belongs).map(({ seen }) => seen)));
  for (const { scenario, seen } of rows)
    if (seen.delayMs === undefined || seen.isFalse || !seen.isOriginRight)
      print(
        `  ${scenario.index} ${scenario.kind}, ${seen.requestsPerSecond.toFixed(0)}/s × ${scenario.options.samplingRatio}, ${scenario.options.exportMs} ms, bursts of ${scenario.options.burstiness.toFixed(1)}: ${seen.isFalse ? 'false alarm; ' : ''}${seen.delayMs === undefined ? 'not found' : `found by ${seen.detectors.join(', ')}`}`,
      );
}

function summary(seen: readonly FaultSeen[]): string {
  const found = seen.filter(({ delayMs }) => delayMs !== undefined);
  // Those that were never found are later than all.
  const delays = seen.map(({ delayMs }) => delayMs ?? Infinity).sort((left, right) => left - right);
  const at = (ratio: number): string => {
    const delay = delays[Math.max(0, Math.ceil(ratio * delays.length) - 1)] ?? NaN;
    return Number.isFinite(delay) ? (delay / 1_000).toFixed(1) : 'never';
  };
  return [
    String(seen.length),
    share(found.length, seen.length),
    at(0.5),
    at(0.99),
    share(seen.filter(({ isOriginRight }) => isOriginRight).length, seen.length),
    String(seen.filter(({ isFalse }) => isFalse).length),
  ]
    .map(right)
    .join('');
}

async function printQuiet(seed: string, dayCount: number): Promise<void> {
  const startedMs = performance.now();
  const threadCount = Math.max(1, Math.min(cpus().length, quietFunctionCount));
  // The busiest functions cost most: they are dealt out in turn, from the top.
  const hands = Array.from({ length: threadCount }, (): number[] => []);
  for (let index = 0; index < quietFunctionCount; index++) hands[index % threadCount]!.push(index);
  const results = (await Promise.all(hands.map((indexes) => inThread({ seed, dayCount, indexes })))).flat();
  const alarms = results.flatMap(({ alarms: each }) => each);
  const month = quietMonth(seed, dayCount);
  print(
    `quiet: ${quietFunctionCount} functions × ${dayCount} days, ${month.events.length} events: ${alarms.length} would be incidents, ${alarms.filter(({ isInsideEvent }) => isInsideEvent).length} of them inside event windows; ${results.reduce((sum, { noticeCount }) => sum + noticeCount, 0)} notices; ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`,
  );
  for (const { index, alarms: each } of results)
    for (const { atMs, isInsideEvent, because } of each)
      print(`  ${index} ${new Date(atMs).toISOString()}${isInsideEvent ? ' inside an event window' : ''}: ${because}`);
}

function inThread(job: Job): Promise<readonly Quiet[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: job });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

if (!isMainThread) {
  const { seed, dayCount, indexes } = workerData as Job;
  const month = quietMonth(seed, dayCount);
  parentPort?.postMessage(
    indexes.map((index): Quiet => ({ index, ...watchQuiet(month, quietFunction(month, seed, index)) })),
  );
}

const speedFunctionCount = 2_000;
const speedTickCount = 60;
/** So many are played; the others are their copies by another name. */
const speedWorldCount = 20;

/** Two thousand functions with five keys each, 20 requests a second: milliseconds to judge one tick. */
function printSpeed(): void {
  const startsAtMs = Date.UTC(2026, 2, 2, 14);
  const month = { startsAtMs, endsAtMs: startsAtMs, events: [] };
  const worlds = Array.from({ length: speedWorldCount }, (_, index) => {
    const { options } = quietFunction(month, 'speed', index);
    return createFaultFunction({ ...options, name: `speed-${String(index)}`, requestsPerSecond: 20 });
  });
  const detection = createDetection();
  const tookMs: number[] = [];
  let deltaCount = 0;
  for (let tick = 1; tick <= speedTickCount; tick++) {
    const nowMs = startsAtMs + tick * 1_000;
    const played = worlds.flatMap((world) => world.tick(nowMs));
    const deltas = Array.from({ length: speedFunctionCount / speedWorldCount }, (_, copy) =>
      played.map((delta) => ({
        ...delta,
        key: delta.key.replaceAll('/speed-', `/speed-${String(copy)}-`) as WindowKey,
      })),
    ).flat();
    deltaCount += deltas.length;
    // Processor time: a machine that is shared tells nothing by the wall clock.
    const before = process.cpuUsage();
    detection.tick(nowMs, deltas);
    const { user, system } = process.cpuUsage(before);
    tookMs.push((user + system) / 1_000);
  }
  const late = tookMs.slice(speedTickCount / 2).sort((left, right) => left - right);
  print(
    `speed: ${speedFunctionCount} functions, ${5 * speedFunctionCount} keys, ${Math.round(deltaCount / speedTickCount)} deltas a tick: processor time ${late[late.length >> 1]!.toFixed(1)} ms a tick at the median, ${late.at(-1)!.toFixed(1)} ms at most`,
  );
}

function share(count: number, of: number): string {
  return of === 0 ? '-' : `${((100 * count) / of).toFixed(1)} %`;
}

function right(text: string): string {
  return text.padStart(9);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
