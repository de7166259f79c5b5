/**
 * Spans a second on one core, from gzip protobuf on a socket to sealed deltas, sealed and (with `--detectors`) judged once a second as the service does it: 2,000
 * functions, about 1,000 spans a request. The sender is a process of its own on another core.
 *
 * A second is one of the receiver's own processor time, all its threads added up: the receiver's clock, its ticks and the spans' times go by it. On a machine
 * that is shared, a second by the wall clock holds as much of a core as others leave, and a tick costs the same in it.
 *
 * With `--threads` it is received as the service does, in threads of their own: then seconds are of the wall clock, which is what its threads read, and a core's
 * share is what all of them took.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpus, loadavg } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { listenOtlp } from '../collectors/otlp-http.ts';
import { createWindower } from '../collectors/windower.ts';
import { createDetection } from '../detector/detection.ts';
import { realClock, realTimers } from '../service/real-time.ts';
import { openReceiverThreads } from '../service/receiver-threads.ts';
import type { SpanReceiver } from '../service/span-receiver.ts';
import type { FromLoad, LoadOrder, ToLoad } from './otlp-load.ts';

const seed = 20_260_904;

/** The spans' first second: the same seed gives the same bytes on any day, but where the clock is the real one. */
const fixedFromMs = Date.UTC(2026, 8, 4, 12, 30);

/** Bodies are made for seconds that are to come. */
const preparationMs = 20_000;

/** Half a second after the spans', so that each tick finds spans of two seconds, as where senders export once a second. */
const behindMs = 1_500;

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      threads: { type: 'boolean', default: false },
      detectors: { type: 'boolean', default: false },
      seconds: { type: 'string', default: '14' },
      connections: { type: 'string', default: '8' },
    },
  });
  const order: LoadOrder = {
    seed,
    functionCount: 2_000,
    bodiesPerSecond: 20,
    secondCount: Number(values.seconds),
    connectionCount: Number(values.connections),
  };
  const fromMs = values.threads ? 1_000 * Math.ceil(Date.now() / 1_000) + preparationMs : fixedFromMs;
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  say(
    `ingest: seed ${seed}, Node ${process.version}, zlib ${process.versions.zlib}, ${cpus().length} × ${cpus()[0]?.model ?? '?'}`,
  );

  const load = fork(new URL('./otlp-load.ts', import.meta.url));
  const prepared = await ask(load, { kind: 'prepare', order, fromMs });
  if (prepared.kind !== 'prepared') throw new Error('the sender answered out of turn');
  say(
    `${prepared.spansPerBody} spans a request, ${prepared.plainByteCount} bytes, ${prepared.gzipByteCount} gzip; ${order.functionCount} functions`,
  );
  if (values.threads) await wait(Math.max(0, fromMs + behindMs - Date.now()));
  const startCpuMs = cpuMs();
  const ranMs = (): number => (values.threads ? Date.now() - fromMs - behindMs : cpuMs() - startCpuMs);
  const nowMs = (): number => fromMs + behindMs + ranMs();
  const receiver = await (values.threads ? openThreads() : openHere(nowMs));
  const detection = values.detectors ? createDetection() : undefined;
  const ticks: Tick[] = [];
  let last = { atMs: performance.now(), received: 0, cpuMs: startCpuMs };
  const tick = (): void => {
    const beganCpuMs = cpuMs();
    const deltas = receiver.seal(nowMs());
    const sealedCpuMs = cpuMs();
    detection?.tick(nowMs(), deltas);
    const next = {
      atMs: performance.now(),
      received: receiver.senders()[0]?.counts.received ?? 0,
      cpuMs: cpuMs(),
    };
    ticks.push({
      perSecond: (1_000 * (next.received - last.received)) / (next.cpuMs - last.cpuMs),
      perWallSecond: (1_000 * (next.received - last.received)) / (next.atMs - last.atMs),
      deltaCount: deltas.length,
      sealMs: sealedCpuMs - beganCpuMs,
      judgeMs: next.cpuMs - sealedCpuMs,
    });
    last = next;
  };
  let second = 0;
  let tickCount = 0;
  const timer = setInterval(() => {
    if (ranMs() >= 1_000 * (second + 1)) load.send({ kind: 'second', second: ++second } satisfies ToLoad);
    if (ranMs() < 1_000 * tickCount + 500) return;
    tickCount++;
    tick();
  }, 5);
  const sent = await ask(load, { kind: 'go', url: `${receiver.url}/v1/traces` });
  clearInterval(timer);
  load.disconnect();
  if (sent.kind === 'sent') say(`answers ${JSON.stringify(sent.answers)}`);
  say(JSON.stringify(receiver.senders()[0]?.counts));
  await receiver.close();

  // The first seconds are the compiler's.
  const warm = ticks.slice(4, -1);
  const row = (name: string, pick: (tick: Tick) => number): void => {
    const sorted = warm.map(pick).sort((a, b) => a - b);
    const at = (ratio: number): string =>
      Math.round(sorted[Math.floor(ratio * (sorted.length - 1))] ?? NaN).toLocaleString('en');
    say(
      `${name.padEnd(34)}median ${at(0.5)}  worst ${at(name.startsWith('spans') ? 0 : 1)}  best ${at(name.startsWith('spans') ? 1 : 0)}`,
    );
  };
  const load1 = loadavg()[0]!.toFixed(1);
  say(
    `${warm.length} seconds ${values.threads ? 'by the wall, in threads' : 'of a core'}, detectors ${values.detectors ? 'on' : 'off'}; load average ${load1}`,
  );
  row('spans a second of a core', (tick) => tick.perSecond);
  row('spans a second by the wall', (tick) => tick.perWallSecond);
  row('deltas a tick', (tick) => tick.deltaCount);
  row('ms to seal', (tick) => tick.sealMs);
  row('ms to judge', (tick) => tick.judgeMs);
  say(`peak memory ${Math.round(process.resourceUsage().maxRSS / 1_024)} MiB`);
}

type Receiver = Pick<SpanReceiver, 'url' | 'seal' | 'senders' | 'close'>;

async function openHere(nowMs: () => number): Promise<Receiver> {
  const windower = createWindower({ aliasOf: () => undefined, samplingOf: () => ({ kind: 'ratio', ratio: 1 }) });
  const where = { host: '127.0.0.1', port: 0, timers: realTimers };
  const listener = await listenOtlp({ ...where, windower, clock: { nowMs } });
  return {
    url: listener.url,
    seal: (atMs) => windower.seal(atMs),
    senders: () => windower.report(),
    close: () => listener.close(),
  };
}

async function openThreads(): Promise<Receiver> {
  const threads = await openReceiverThreads({
    where: { host: '127.0.0.1', port: 0, tokens: {} },
    folding: {
      signals: [],
      home: { accountId: '123456789012', region: 'us-east-1' },
      samplings: { local: { kind: 'ratio', ratio: 1 } },
      functionArns: [],
    },
    aliasOf: () => undefined,
    clock: realClock,
    timers: realTimers,
  });
  return { ...threads, seal: () => threads.take() };
}

interface Tick {
  readonly perSecond: number;
  readonly perWallSecond: number;
  readonly deltaCount: number;
  readonly sealMs: number;
  readonly judgeMs: number;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

async function ask(load: ChildProcess, message: ToLoad): Promise<FromLoad> {
  load.send(message);
  const [answer] = (await once(load, 'message')) as [FromLoad];
  return answer;
}
