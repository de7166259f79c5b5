/**
 * The twin as another SDK sees it: every recorded step driven through boto3, calls of the other services with the codes that they must give, and what remedies of ours left at
 * AWS, as boto3 reads it. Needs python3 with boto3 (`pip install boto3`). The peer is the recording itself: no mismatch is the only good figure.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { createInterface } from 'node:readline';
import type { FunctionKey } from '../core/series-key.ts';
import { listenTwin } from '../simulation/twin/control-plane-http.ts';
import { twinVersion } from '../simulation/twin/limits.ts';
import { notPlayed, recordedScripts } from '../simulation/twin/recorded-scripts.contract.ts';
import {
  allSteps,
  Stage,
  type Caller,
  type Command,
  type Json,
  type Said,
} from '../simulation/twin/recorded-steps.contract.ts';
import { createTwin } from '../simulation/twin/twin.ts';
import { codedCalls, startMs } from './boto3/calls.ts';
import { readRemedies } from './boto3/remedies.ts';

const seed = 7;

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { python: { type: 'string', default: 'python3' } } });
  const driver = openDriver(values.python);
  try {
    const versions = await driver.next();
    print(`boto3: ${JSON.stringify(versions)}, Node ${process.version}, twin ${twinVersion}, seed ${seed}`);
    const readings = await readRemedies((call) => driver.ask(call), { seed, startMs });
    const mismatches = [...(await driveRecorded(driver)), ...(await driveCoded(driver)), ...readings.mismatches];
    print(`remedies read by boto3 ${readings.count}  mismatches ${readings.mismatches.length}`);
    for (const mismatch of mismatches) print(`mismatch  ${mismatch}`);
    if (mismatches.length > 0) process.exitCode = 1;
  } finally {
    driver.close();
  }
}

async function driveRecorded(driver: Driver): Promise<readonly string[]> {
  const driven = new Set<string>();
  const mismatches: string[] = [];
  for (const { name, run: runScript } of recordedScripts) {
    const stages: Stage[] = [];
    try {
      await runScript(async (test) => {
        const stage = new Stage(test, {
          openCaller: (url) => openBotoCaller(driver, url),
          onStep: (step) => driven.add(step),
          onMismatch: (step, error) => mismatches.push(`${step}: ${firstLine(error)}`),
        });
        stages.push(stage);
        return stage.listen();
      });
    } catch (error) {
      mismatches.push(`${name} broke off: ${firstLine(error as Error)}`);
    } finally {
      for (const stage of stages) await stage.close();
    }
  }
  for (const step of allSteps) {
    if (!driven.has(step)) print(`not driven  ${step}: ${notPlayed[step] ?? 'its test broke off'}`);
  }
  print(`recorded steps ${allSteps.length}  driven ${driven.size}  mismatches ${mismatches.length}`);
  return mismatches;
}

async function driveCoded(driver: Driver): Promise<readonly string[]> {
  const about = { version: '1', memoryMb: 512, architecture: 'arm64', initDurationMs: 500 } as const;
  const key = '123456789012/us-east-1/orders:live' as FunctionKey;
  const functions = [{ key, ...about, runDurationMs: { p50: 50, p99: 200 } }];
  const twin = createTwin({ functions, seed, clock: { nowMs: () => startMs } });
  const hourOfFives = new Float64Array(12).fill(300);
  twin.importMetrics(key, { fromMs: startMs - 3_600_000, stepMs: 300_000, invocationCounts: hourOfFives });
  const server = await listenTwin({ host: '127.0.0.1', port: 0, handle: (request) => twin.handle(request) });
  const mismatches: string[] = [];
  const counts = new Map<string, number>();
  try {
    for (const { service, operation, params, code, has = {} } of codedCalls) {
      const said = await driver.ask({ url: server.url, service, operation, params });
      counts.set(service, (counts.get(service) ?? 0) + 1);
      const given = said.error?.code ?? 'ok';
      if (given !== code) mismatches.push(`${operation}: ${given} instead of ${code} (${said.error?.message ?? ''})`);
      for (const [member, value] of Object.entries(has)) {
        if (isDeepStrictEqual(said.members[member], value)) continue;
        mismatches.push(`${operation}: ${member} is ${JSON.stringify(said.members[member])}`);
      }
    }
  } finally {
    await server.close();
  }
  const each = [...counts].map(([service, count]) => `${service} ${count}`).join(', ');
  print(`coded calls ${codedCalls.length} (${each})  mismatches ${mismatches.length}`);
  return mismatches;
}

function openBotoCaller(driver: Driver, url: string): Caller {
  return {
    send: (command) =>
      driver.ask({ url, service: 'lambda', operation: operationOf(command), params: paramsOf(command) }),
    close: async () => undefined,
  };
}

/** Commands are named after their operations. */
function operationOf(command: Command): string {
  return command.constructor.name.replace(/Command$/, '');
}

function paramsOf(command: Command): object {
  const { input } = command as { readonly input: object };
  return JSON.parse(
    JSON.stringify(input, (_, value: unknown) =>
      value instanceof Uint8Array ? { $bytes: Buffer.from(value).toString('base64') } : value,
    ),
  ) as object;
}

interface Driver {
  next(): Promise<Json>;
  ask(call: { readonly url: string; service: string; operation: string; params: object }): Promise<Said>;
  close(): void;
}

function openDriver(python: string): Driver {
  const child: ChildProcessWithoutNullStreams = spawn(python, [new URL('boto3/driver.py', import.meta.url).pathname]);
  child.stderr.pipe(process.stderr);
  // One that does not start, or ends, has no more lines: that is said where a line is waited for.
  child.on('error', () => undefined);
  child.stdin.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<Json> => {
    const { done, value } = await lines.next();
    if (done) throw new Error(`${python} answered nothing; is boto3 installed for it?`);
    return JSON.parse(value) as Json;
  };
  return {
    next,
    async ask(call) {
      child.stdin.write(`${JSON.stringify(call)}\n`);
      const { status, code, message, members } = await next();
      const error = code === undefined ? {} : { error: { code: code as string, message: message as string } };
      return { status: status as number, ...error, members: members as Json };
    },
    close: () => child.stdin.end(),
  };
}

function firstLine({ message }: Error): string {
  return message.split('\n').slice(0, 3).join(' ').slice(0, 300);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
