/**
 * What is told of two hundred seeded faults, and when; of two at once and of one that comes back; and in a quiet month of ten functions with forty events, where
 * nothing is. Detectors and correlator together, as the service has them: what counts is the incident.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { msPerDay } from '../core/time.ts';
import type { WindowKey } from '../core/window.ts';
import { createDetection } from '../detector/detection.ts';
import { createFaultFunction } from '../simulation/world/faults/fault-function.ts';
import {
  faultPair,
  faultScenario,
  faultTwice,
  pairCount,
  quietFunction,
  quietFunctionCount,
  quietMonth,
  scenarioCount,
  type FaultScenario,
} from '../simulation/world/faults/scenarios.ts';
import {
  createQuietWatch,
  watchEpisodes,
  watchFault,
  type EpisodesSeen,
  type FalseIncident,
  type FaultSeen,
} from '../simulation/world/faults/watch.ts';
import { printBreakers } from './faults-breakers.ts';
import { printForged } from './faults-forged.ts';

/** What was told of one function in one day. */
interface QuietDay {
  readonly index: number;
  readonly incidents: readonly FalseIncident[];
  readonly noticeCount: number;
}

interface Job {
  readonly seed: string;
  readonly dayCount: number;
  readonly indexes: readonly number[];
}

/** From the first harmed request's end to the incident. */
const promisedMs = 3_000;

export async function run(args: readonly string[]): Promise<void> {
  const { values: flags } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string', default: 'faults-1' },
      days: { type: 'string', default: '30' },
      only: { type: 'string', default: '' },
      'harmed-ratio-min': { type: 'string', default: '0.2' },
    },
  });
  print(`faults: seed ${flags.seed}, Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? '?'}`);
  if (flags.only === '' || flags.only === 'speed') printSpeed();
  if (flags.only === '' || flags.only === 'faults') printFaults(flags.seed);
  if (flags.only === '' || flags.only === 'pairs') printPairs(flags.seed);
  if (flags.only === '' || flags.only === 'breakers')
    await printBreakers(flags.seed, Number(flags['harmed-ratio-min']), print);
  if (flags.only === '' || flags.only === 'forged') printForged(flags.seed, print);
  if (flags.only === '' || flags.only === 'quiet') await printQuiet(flags.seed, Number(flags.days));
}

interface Row {
  readonly scenario: FaultScenario;
  readonly seen: FaultSeen;
}

function printFaults(seed: string): void {
  const rows = Array.from({ length: scenarioCount }, (_, index): Row => {
    const scenario = faultScenario(index, seed);
    return { scenario, seen: watchFault(scenario) };
  });
  print(`${'stratum'.padEnd(38)}${headings.map(right).join('')}`);
  for (const [name, belongs] of strataOf())
    print(name.padEnd(38) + summary(rows.filter(belongs).map((row) => row.seen)));
  for (const row of rows) if (isAmiss(row)) print(`  ${describe(row)}`);
}

const headings = ['faults', 'found', 'p50 s', 'p99 s', 'finding', 'origin', 'at once', 'doubled', 'false'];

const isWhole = ({ scenario: { options } }: Row): boolean => options.samplingRatio === 1;
const isQuick = ({ scenario: { options } }: Row): boolean => options.exportMs === 250;
/** A fifth of fifty requests a second, or more, is harmed: at the function, or at the one callee. */
const isGreat = ({ seen }: Row): boolean => seen.harmedRatio >= 0.2 && seen.requestsPerSecond >= 50;
const isPromised = (row: Row): boolean => isGreat(row) && isWhole(row) && isQuick(row);

function strataOf(): readonly (readonly [string, (row: Row) => boolean])[] {
  const isPartial = ({ scenario }: Row): boolean => scenario.kind.startsWith('partial');
  return [
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
    ['whole, 250 ms', (row) => isWhole(row) && isQuick(row)],
    ['5 %, 250 ms', (row) => !isWhole(row) && isQuick(row)],
    ['whole, 5 s', (row) => isWhole(row) && !isQuick(row)],
    ['5 %, 5 s', (row) => !isWhole(row) && !isQuick(row)],
    ['≥ 20 % of ≥ 50/s, whole, 250 ms', isPromised],
    ['  of them in one callee of three', (row) => isPromised(row) && isPartial(row)],
    ['≥ 20 % of ≥ 50/s, 5 %, 250 ms', (row) => isGreat(row) && !isWhole(row) && isQuick(row)],
  ];
}

function summary(seen: readonly FaultSeen[]): string {
  const count = (isSo: (each: FaultSeen) => boolean): number => seen.filter(isSo).length;
  const found = count(({ delayMs }) => delayMs !== undefined);
  return [
    String(seen.length),
    share(found, seen.length),
    quantile(seen, 0.5, ({ delayMs }) => delayMs),
    quantile(seen, 0.99, ({ delayMs }) => delayMs),
    quantile(seen, 0.99, ({ findingDelayMs }) => findingDelayMs),
    share(
      count(({ isOriginRight }) => isOriginRight),
      seen.length,
    ),
    share(
      count(({ isOriginRightAtFirst }) => isOriginRightAtFirst),
      seen.length,
    ),
    String(count(({ incidentCount }) => incidentCount > 1)),
    String(seen.reduce((sum, { falseCount }) => sum + falseCount, 0)),
  ]
    .map(right)
    .join('');
}

/** Those that were never found are later than all. */
function quantile(seen: readonly FaultSeen[], ratio: number, of: (each: FaultSeen) => number | undefined): string {
  const delays = seen.map((each) => of(each) ?? Infinity).sort((left, right) => left - right);
  const delay = delays[Math.max(0, Math.ceil(ratio * delays.length) - 1)] ?? NaN;
  return Number.isFinite(delay) ? (delay / 1_000).toFixed(1) : 'never';
}

function isAmiss(row: Row): boolean {
  const { delayMs, falseCount, isOriginRight, incidentCount } = row.seen;
  const isLate = isPromised(row) && (delayMs ?? Infinity) > promisedMs;
  return isLate || delayMs === undefined || falseCount > 0 || incidentCount > 1 || !isOriginRight;
}

function describe({ scenario, seen }: Row): string {
  const { index, kind, options, isInsideEvent } = scenario;
  const { samplingRatio, exportMs, burstiness } = options;
  const delivery = `${seen.requestsPerSecond.toFixed(0)}/s × ${samplingRatio}, ${(100 * seen.harmedRatio).toFixed(0)} % harmed, ${exportMs} ms, bursts of ${burstiness.toFixed(1)}${isInsideEvent ? ', event' : ''}`;
  const delay =
    seen.delayMs === undefined
      ? 'never'
      : `${(seen.delayMs / 1_000).toFixed(1)} s by ${seen.detectors.join(', ')} at ${seen.originAtFirst ?? '?'} then ${seen.origin ?? '?'}`;
  return `${index} ${kind}, ${delivery}: ${delay}; ${seen.incidentCount} incidents, ${seen.falseCount} false`;
}

/** Twenty times two functions at once, and twenty times one whose fault comes back: two episodes each. */
function printPairs(seed: string): void {
  const pairs = Array.from({ length: pairCount }, (_, index) => index);
  const plays = [
    ['two functions at once', (index: number) => faultPair(index, seed)],
    ['one function twice', (index: number) => [faultTwice(index, seed)]],
  ] as const;
  for (const [name, scenariosOf] of plays) {
    const seen = pairs.map((index) => watchEpisodes(scenariosOf(index)));
    const sum = (of: (each: EpisodesSeen) => number): number => seen.reduce((total, each) => total + of(each), 0);
    print(
      `${name}: ${2 * pairCount} episodes, ${sum(({ incidentCount }) => incidentCount)} incidents, ${sum(({ episodesNamed }) => episodesNamed)} episodes with one where they begin; more than two incidents in ${seen.filter(({ incidentCount }) => incidentCount > 2).length} of ${pairCount}`,
    );
    for (const [index, { incidentCount, episodesNamed, origins }] of seen.entries())
      if (incidentCount > 2 || episodesNamed < 2) print(`  ${index}: ${origins.join(', ')}`);
  }
}

/** All functions day by day, so that a run that is cut short says something of each. */
async function printQuiet(seed: string, dayCount: number): Promise<void> {
  const startedMs = performance.now();
  const threadCount = Math.max(1, Math.min(cpus().length, quietFunctionCount));
  // The busiest functions cost most: they are dealt out in turn, from the top.
  const hands = Array.from({ length: threadCount }, (): number[] => []);
  for (let index = 0; index < quietFunctionCount; index++) hands[index % threadCount]!.push(index);
  const sum = { incidentCount: 0, insideCount: 0, noticeCount: 0, functionDayCount: 0 };
  const hear = ({ index, incidents, noticeCount }: QuietDay): void => {
    sum.functionDayCount++;
    sum.noticeCount += noticeCount;
    sum.incidentCount += incidents.length;
    sum.insideCount += incidents.filter(({ isInsideEvent }) => isInsideEvent).length;
    for (const { atMs, isInsideEvent, because } of incidents)
      print(`  ${index} ${new Date(atMs).toISOString()}${isInsideEvent ? ' inside an event window' : ''}: ${because}`);
    // Onto the record at once: a run that is cut short has said what it saw.
    if (sum.functionDayCount % quietFunctionCount === 0)
      print(
        `  ${sum.functionDayCount} of ${quietFunctionCount * dayCount} function days: ${sum.incidentCount} incidents, ${sum.insideCount} inside event windows, ${sum.noticeCount} notices; ${elapsed(startedMs)}`,
      );
  };
  await Promise.all(hands.map((indexes) => playInThread({ seed, dayCount, indexes }, hear)));
  print(
    `quiet: ${quietFunctionCount} functions × ${dayCount} days, ${quietMonth(seed, dayCount).events.length} events: ${sum.incidentCount} incidents, ${sum.insideCount} of them inside event windows; ${sum.noticeCount} notices; ${elapsed(startedMs)}`,
  );
}

/** Processor time too, of all threads: a machine that is shared tells little by the wall clock. */
function elapsed(sinceMs: number): string {
  const { user, system } = process.cpuUsage();
  return `${((performance.now() - sinceMs) / 1_000).toFixed(0)} s, ${((user + system) / 1_000_000).toFixed(0)} s of processor time`;
}

function playInThread(job: Job, hear: (day: QuietDay) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: job });
    worker.on('message', hear);
    worker.once('error', reject);
    worker.once('exit', () => resolve());
  });
}

if (!isMainThread) {
  const { seed, dayCount, indexes } = workerData as Job;
  const month = quietMonth(seed, dayCount);
  const watches = indexes.map((index) => ({
    index,
    watch: createQuietWatch(month, quietFunction(month, seed, index)),
  }));
  for (let day = 1; day <= dayCount; day++)
    for (const { index, watch } of watches)
      parentPort?.postMessage({ index, ...watch.playUntil(month.startsAtMs + day * msPerDay) } satisfies QuietDay);
}

const speedFunctionCount = 2_000;
/** Two minutes pass before the first is learned: until then the distributions are not judged. */
const speedTickCount = 160;
const speedMeasuredCount = 30;
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
  const nameOfCopy = createNames();
  const tookMs: number[] = [];
  let deltaCount = 0;
  for (let tick = 1; tick <= speedTickCount; tick++) {
    const nowMs = startsAtMs + tick * 1_000;
    const played = worlds.flatMap((world) => world.tick(nowMs));
    const deltas = Array.from({ length: speedFunctionCount / speedWorldCount }, (_, copy) =>
      played.map((delta) => ({
        ...delta,
        key: nameOfCopy(delta.key, copy),
      })),
    ).flat();
    deltaCount += deltas.length;
    // Processor time: a machine that is shared tells nothing by the wall clock.
    const before = process.cpuUsage();
    detection.tick(nowMs, deltas);
    const { user, system } = process.cpuUsage(before);
    tookMs.push((user + system) / 1_000);
  }
  const late = tookMs.slice(-speedMeasuredCount).sort((left, right) => left - right);
  print(
    `speed: ${speedFunctionCount} functions, ${5 * speedFunctionCount} keys, ${Math.round(deltaCount / speedTickCount)} deltas a tick: processor time ${late[late.length >> 1]!.toFixed(1)} ms a tick at the median, ${late.at(-1)!.toFixed(1)} ms at most`,
  );
}

/** One string for one key, as the collectors' interner gives it: a name that is made anew each second is hashed anew. */
function createNames(): (key: WindowKey, copy: number) => WindowKey {
  const names = new Map<WindowKey, WindowKey[]>();
  return (key, copy) => {
    const known = names.get(key) ?? [];
    names.set(key, known);
    return (known[copy] ??= key.replaceAll('/speed-', `/speed-${String(copy)}-`) as WindowKey);
  };
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
