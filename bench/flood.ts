/**
 * A receiver pushed beyond its queue for twenty seconds, with detectors running: what is shed, how long `/healthz` takes, how much memory that takes at most. A
 * gzip bomb and a length of 2 GiB come beside it each second. Then a million functions that nobody has heard of.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadavg } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createDetection } from '../detector/detection.ts';
import { realTimers } from '../service/real-time.ts';
import { openReceiverThreads } from '../service/receiver-threads.ts';
import { thinDeltas } from '../store/packed-deltas.ts';
import type { FromLoad, LoadOrder, ToLoad } from './otlp-load.ts';
import type { PushOrder, PushReport } from './flood-pusher.ts';

const seed = 20_260_904;
const quietMs = 5_000;
/** What it takes to make the bodies, and the quiet before. */
const preparationMs = 25_000;
/** The first see all keys for the first time, and the compiler at work. */
const warmTickCount = 4;

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '20' },
      connections: { type: 'string', default: '600' },
      names: { type: 'string', default: '1000000' },
      /** Of the detectors: each key takes about 85 kB. */
      keys: { type: 'string', default: '20000' },
    },
  });
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const loadNow = (): string => loadavg()[0]!.toFixed(1);
  const lastsMs = 1_000 * Number(values.seconds);
  const order: LoadOrder = {
    seed,
    functionCount: 2_000,
    bodiesPerSecond: 20,
    secondCount: Number(values.seconds) + 2 * warmTickCount,
    connectionCount: Number(values.connections),
  };
  say(`flood: seed ${seed}, Node ${process.version}, ${order.connectionCount} connections, ${values.seconds} s`);

  const load = fork(new URL('./otlp-load.ts', import.meta.url));
  const pusher = fork(new URL('./flood-pusher.ts', import.meta.url));
  // Bodies are made for seconds that are to come.
  const fromMs = 1_000 * Math.ceil(Date.now() / 1_000) + preparationMs;
  await ask<FromLoad>(load, { kind: 'prepare', order, fromMs } satisfies ToLoad);
  const detection = createDetection({ keysMax: Number(values.keys) });
  const receiver = await openReceiverThreads({
    where: { host: '127.0.0.1', port: 0, tokens: {} },
    folding: {
      signals: [],
      home: { accountId: '123456789012', region: 'us-east-1' },
      samplings: { local: { kind: 'ratio', ratio: 1 } },
      functionArns: [],
    },
    aliasOf: () => undefined,
    clock: { nowMs: Date.now },
    timers: realTimers,
  });
  const { url } = receiver;
  // A second door into the same process, as the service has one: new connections are taken one in each turn of the event loop, of each door.
  const side = createServer((_, response) => void response.end('{"status":"ok"}')).listen(0, '127.0.0.1');
  await once(side, 'listening');
  const sideUrl = `http://127.0.0.1:${(side.address() as AddressInfo).port}`;
  let second = 0;
  let tickCount = 0;
  const warm = Promise.withResolvers<undefined>();
  const tick = (): void => {
    const nowMs = Date.now();
    while (nowMs >= fromMs + 1_000 * (second + 1) && second < order.secondCount - 1)
      load.send({ kind: 'second', second: ++second } satisfies ToLoad);
    // As the service does: what is judged is what would be kept.
    detection.tick(nowMs, thinDeltas(receiver.take()));
    if (nowMs >= fromMs && ++tickCount === warmTickCount) warm.resolve(undefined);
    timer = setTimeout(tick, 1_000 - (Date.now() % 1_000));
  };
  let timer = setTimeout(tick, 0);
  let turns: ReturnType<typeof watchTurns>;
  const push = (sent: PushOrder): Promise<PushReport> => {
    turns = watchTurns();
    return ask<PushReport>(pusher, sent);
  };
  const tell = (name: string, { answers, healthMs, sideHealthMs }: PushReport): void => {
    say(`${name}: ${JSON.stringify(answers)}`);
    if (healthMs.length > 0) say(`  /healthz by the same door ${spread(healthMs)}`);
    if (sideHealthMs.length > 0) say(`  /healthz by a door of its own ${spread(sideHealthMs)}`);
    const { p99Ms, mostMs } = turns.end();
    say(
      `  waiting for the turn that is going on, in the service's processor time: p99 ${p99Ms.toFixed(1)} ms, most ${mostMs.toFixed(1)} ms`,
    );
    say(`  peak memory so far ${peakMiB()} MiB, load average ${loadNow()}`);
  };

  tell('quiet', await push({ kind: 'probe', url, sideUrl, lastsMs: quietMs, withMalice: false }));
  await wait(Math.max(0, fromMs + 1_000 - Date.now()));
  const flood = ask<FromLoad>(load, { kind: 'go', url: `${url}/v1/traces` } satisfies ToLoad);
  await warm.promise;
  tell('flooded', await push({ kind: 'probe', url, sideUrl, lastsMs, withMalice: true }));
  second = order.secondCount;
  load.send({ kind: 'second', second } satisfies ToLoad);
  const sent = await flood;
  if (sent.kind === 'sent') say(`  the flood was answered ${JSON.stringify(sent.answers)}`);

  const names = { kind: 'names', url, nameCount: Number(values.names), endAtMs: Date.now() } as const;
  tell(`${values.names} names`, await push(names));
  await wait(2_000);
  const { counts, deniedTextCount } = receiver.senders()[0]!;
  const keyCount = [...detection.keys()].length;
  say(`  ${JSON.stringify(counts)}, texts denied ${deniedTextCount}`);
  say(`  keys judged ${keyCount}, deltas refused by the detectors ${detection.refusedCount}`);
  clearTimeout(timer);
  load.disconnect();
  pusher.disconnect();
  side.close();
  await receiver.close();
}

/**
 * How long who asks at any moment waits for the turn of the event loop that is going on, in processor time of its thread: what `/healthz` takes where nobody
 * else wants the core.
 */
function watchTurns(): { end(): { readonly p99Ms: number; readonly mostMs: number } } {
  /** Of turns that are no spinning in place. */
  const turnMs: number[] = [];
  const beganMs = threadCpuMs();
  let lastMs = beganMs;
  let isOver = false;
  const turn = (): void => {
    const nowMs = threadCpuMs();
    if (nowMs - lastMs > 0.5) turnMs.push(nowMs - lastMs);
    lastMs = nowMs;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  return {
    end() {
      isOver = true;
      const shareBeyond = (ms: number): number =>
        turnMs.reduce((sum, each) => sum + Math.max(0, each - ms), 0) / (lastMs - beganMs);
      let p99Ms = 0.5;
      while (shareBeyond(p99Ms) > 0.01) p99Ms += 0.5;
      return { p99Ms, mostMs: turnMs.reduce((most, ms) => Math.max(most, ms), 0) };
    },
  };
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (ratio: number): string => (sorted[Math.ceil(ratio * sorted.length) - 1] ?? NaN).toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms, of ${values.length}`;
}

function peakMiB(): number {
  return Math.round(process.resourceUsage().maxRSS / 1_024);
}

async function ask<Answer>(child: ChildProcess, message: ToLoad | PushOrder): Promise<Answer> {
  child.send(message);
  const [answer] = (await once(child, 'message')) as [Answer];
  return answer;
}
