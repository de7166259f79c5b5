/**
 * Five hundred functions, each with a history of its own, before one great event: the production system against the twin over HTTP, in virtual time, with five
 * calls a second to Lambda's control plane. Calls are counted where they arrive. All must be READY five minutes before the event.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { formatInstant, msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import type { TwinRequest } from '../simulation/twin/answer.ts';
import { composeOn } from '../simulation/world/demo.ts';
import { createWorld, warmUpMs, type World } from '../simulation/world/world.ts';
import { createMemoryStore } from '../store/memory.ts';
import { drawOwnHistories, fleetEventAtMs, ownHistoriesOptions } from './own-histories.ts';

const seed = 20_260_320;
const readyBeforeMs = 5 * msPerMinute;
const callsPerSecondMax = 5;

export async function run(args: readonly string[]): Promise<void> {
  const { values: flags } = parseArgs({
    args: [...args],
    options: { functions: { type: 'string', default: '500' }, from: { type: 'string', default: '45' } },
  });
  const histories = drawOwnHistories(Number(flags.functions), seed);
  const fromMs = fleetEventAtMs - Number(flags.from) * msPerMinute;
  const calls = createCallCounter();
  const startedMs = performance.now();
  let nowMs = (): EpochMs => fromMs;
  const world = await createWorld({
    functions: histories.functions.map(({ spec, volume }) => ({
      twin: { ...spec, version: '1' },
      volume,
      requestsPerUnit: 1,
    })),
    events: histories.events.filter(({ startsAtMs }) => startsAtMs === fleetEventAtMs),
    fromMs,
    untilMs: fleetEventAtMs - 3 * msPerMinute,
    seed,
    twinParams: { accountConcurrency: 10_000 },
    compose(ports) {
      nowMs = () => ports.clock.nowMs();
      const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
      return composeOn(ports, ownHistoriesOptions(histories, fromMs - warmUpMs), { store: createMemoryStore(), log });
    },
    beforeAnswer(request) {
      calls.count(request, nowMs());
      return undefined;
    },
  });
  print(
    `fleet: ${histories.functions.length} functions with own histories, seed ${seed}, Node ${process.versions.node}, ${cpus().length} cores; started in ${seconds(performance.now() - startedMs)}`,
  );
  const { worstTickMs } = await play(world);
  report(
    world,
    histories.functions.map(({ spec }) => spec.key),
    calls,
  );
  print(
    `${seconds(performance.now() - startedMs)} on the clock; the longest second of the world took ${seconds(worstTickMs)}`,
  );
  await world.close();
}

async function play(world: World): Promise<{ worstTickMs: number }> {
  let worstTickMs = 0;
  for (let isRunning = true; isRunning;) {
    const atMs = performance.now();
    isRunning = await world.step();
    worstTickMs = Math.max(worstTickMs, performance.now() - atMs);
  }
  return { worstTickMs };
}

function report(world: World, keys: readonly Parameters<World['measured']>[0][], calls: CallCounter): void {
  const prewarms = keys.flatMap((key) => world.system.prewarmsOf(key));
  const ready = prewarms.flatMap(({ readyAtMs }) => (readyAtMs === null ? [] : [readyAtMs]));
  const concurrency = prewarms.reduce((sum, one) => sum + one.concurrency, 0);
  const lastReadyAtMs = Math.max(...ready);
  const inTimeCount = ready.filter((atMs) => atMs <= fleetEventAtMs - readyBeforeMs).length;
  print(
    `asked for ${concurrency} on ${prewarms.length} functions; first Put at ${before(calls.firstPutAtMs)}, last at ${before(calls.lastPutAtMs)}`,
  );
  print(
    `READY: ${ready.length}, the first seen at ${before(Math.min(...ready))}, the last at ${before(lastReadyAtMs)}; by T-5 min: ${inTimeCount} of ${keys.length}`,
  );
  for (const [kind, { count, before: early }] of calls.byKind())
    print(`  ${kind.padEnd(36)} ${String(count).padStart(6)}, of them ${early} by T-5 min`);
  print(`Lambda calls in any second: ${calls.lambdaPerSecondMax()} at most (budget ${callsPerSecondMax})`);
  if (inTimeCount < keys.length || calls.lambdaPerSecondMax() > callsPerSecondMax) process.exitCode = 1;
}

function createCallCounter() {
  const kinds = new Map<string, { count: number; before: number }>();
  const lambdaAtMs: EpochMs[] = [];
  const putAtMs: EpochMs[] = [];
  return {
    count(request: TwinRequest, atMs: EpochMs): void {
      const kind = kindOf(request);
      const known = kinds.get(kind) ?? { count: 0, before: 0 };
      known.count++;
      if (atMs <= fleetEventAtMs - readyBeforeMs) known.before++;
      kinds.set(kind, known);
      if (kind.startsWith('Lambda')) lambdaAtMs.push(atMs);
      if (kind === 'Lambda PUT provisioned-concurrency') putAtMs.push(atMs);
    },
    get firstPutAtMs() {
      return putAtMs[0] ?? NaN;
    },
    get lastPutAtMs() {
      return putAtMs.at(-1) ?? NaN;
    },
    byKind: () => [...kinds].sort(([one], [other]) => (one < other ? -1 : 1)),
    lambdaPerSecondMax(): number {
      let most = 0;
      let first = 0;
      for (const [index, atMs] of lambdaAtMs.entries()) {
        while (atMs - lambdaAtMs[first]! >= msPerSecond) first++;
        most = Math.max(most, index - first + 1);
      }
      return most;
    },
  };
}

type CallCounter = ReturnType<typeof createCallCounter>;

/** `Lambda GET aliases`: the service, the method, and the last word of the path that is no name. */
function kindOf({ method, target, amzTarget }: TwinRequest): string {
  if (amzTarget !== undefined) return amzTarget;
  const [path = ''] = target.split('?');
  const words = path
    .split('/')
    .filter((word) =>
      /^(?:schedules|aliases|provisioned-concurrency|account-settings|concurrency|functions)$/.test(word),
    );
  const service = path.startsWith('/schedule') ? 'Scheduler' : 'Lambda';
  return `${service} ${method} ${words.at(-1) ?? path}`;
}

function before(atMs: EpochMs): string {
  if (!Number.isFinite(atMs)) return 'never';
  return `T-${((fleetEventAtMs - atMs) / msPerMinute).toFixed(1)} min (${formatInstant(atMs)})`;
}

function seconds(ms: number): string {
  return `${(ms / msPerSecond).toFixed(1)} s`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
