/**
 * How long a plan of 500 functions takes where each has a history of its own: learning what there is, the first plan, a plan after each function has learned five
 * minutes, and one after all of them have learned the end of an event at once, which changes what is expected of every event. Beside the clock on the wall stands the time
 * of the processors, which other work on the machine does not stretch.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import { createPlanning } from '../service/planning.ts';
import { drawOwnHistories, fleetEventAtMs, ownHistoriesOptions } from './own-histories.ts';

const seed = 20_260_320;

export async function run(args: readonly string[]): Promise<void> {
  const { values: flags } = parseArgs({ args: [...args], options: { functions: { type: 'string', default: '500' } } });
  const histories = drawOwnHistories(Number(flags.functions), seed);
  const { functions } = histories;
  print(
    `plan: ${functions.length} functions, ${histories.events.length} events, ${functions[0]!.volume.values.length} one-minute buckets each; seed ${seed}, Node ${process.versions.node}, ${cpus().length} cores`,
  );
  const knownUntilMs = fleetEventAtMs - 45 * msPerMinute;
  const options = ownHistoriesOptions(histories, knownUntilMs);
  const planning = timed('learning all histories', () => createPlanning(options));
  let learnedUntilMs = knownUntilMs;
  const learnUntil = (untilMs: EpochMs): void => {
    for (; learnedUntilMs < untilMs; learnedUntilMs += msPerMinute) {
      for (const { spec, volume } of functions) {
        const requestCount = volume.values[(learnedUntilMs - volume.fromMs) / volume.stepMs]!;
        planning.learn({ key: spec.key, bucketAtMs: learnedUntilMs, requestCount });
      }
    }
  };
  const account = { concurrencyLimit: 10_000, unreservedConcurrency: 10_000 };
  const decide = (nowMs: EpochMs) =>
    planning.decide({ nowMs, account, previous: undefined, held: 0, lead: options.lead, queueWaitMs: 0 });
  const { plan } = timed('first plan, forecasts included', () => decide(learnedUntilMs));
  timed('the plan around the event alone', () => decide(learnedUntilMs));
  print(
    `${plan.steps.length} steps; ${(plan.givenUp ?? []).map(({ name, concurrency }) => `${concurrency} given up for ${name}`).join(', ')}`,
  );
  timed('learning five minutes', () => learnUntil(knownUntilMs + 5 * msPerMinute));
  timed('plan after five minutes', () => decide(learnedUntilMs));
  // Ten minutes before the last of what the event brings.
  timed('learning until the event is nearly over', () => learnUntil(fleetEventAtMs + 2 * msPerHour - 5 * msPerMinute));
  decide(learnedUntilMs);
  timed('learning ten more, the event over for all', () =>
    learnUntil(fleetEventAtMs + 2 * msPerHour + 5 * msPerMinute),
  );
  timed('plan after the event', () => decide(learnedUntilMs));
}

function timed<Result>(what: string, run: () => Result): Result {
  const startedMs = performance.now();
  const startedCpu = process.cpuUsage();
  const result = run();
  const { user, system } = process.cpuUsage(startedCpu);
  const inMs = (ms: number): string => `${ms.toFixed(0).padStart(8)} ms`;
  print(`${what.padEnd(42)} ${inMs(performance.now() - startedMs)} ${inMs((user + system) / 1_000)} of processors`);
  return result;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
