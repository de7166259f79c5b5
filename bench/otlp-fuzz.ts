/** 100,000 requests that nobody should send, from a seed: one clear status each, no crash, and the receiver answers as before. */
import { Agent, request } from 'node:http';
import { parseArgs } from 'node:util';
import { createFuzz, fuzzStatuses, type FuzzInput } from '../collectors/fixtures/otlp-fuzz.ts';
import { listenOtlp } from '../collectors/otlp-http.ts';
import { createWindower } from '../collectors/windower.ts';
import { createRandom } from '../core/random.ts';

const nowMs = Date.UTC(2026, 8, 4, 12, 30, 10);

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { inputs: { type: 'string', default: '100000' }, seed: { type: 'string', default: '20260904' } },
  });
  const inputCount = Number(values.inputs);
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  say(`otlp-fuzz: seed ${values.seed}, ${inputCount} inputs, Node ${process.version}`);
  const windower = createWindower({ aliasOf: () => undefined, samplingOf: () => ({ kind: 'ratio', ratio: 1 }) });
  const listener = await listenOtlp({
    host: '127.0.0.1',
    port: 0,
    windower,
    clock: { nowMs: () => nowMs },
    timers: {
      after: (delayMs, call) =>
        (
          (timer) => () =>
            clearTimeout(timer)
        )(setTimeout(call, delayMs)),
    },
  });
  const next = createFuzz(createRandom(values.seed), nowMs);
  const agent = new Agent({ keepAlive: true });
  const answers = new Map<string, Map<number | string, number>>();
  let wrongCount = 0;
  for (let sent = 0; sent < inputCount;) {
    const inputs = Array.from({ length: Math.min(16, inputCount - sent) }, next);
    const statuses = await Promise.all(inputs.map((input) => post(`${listener.url}/v1/traces`, agent, input)));
    statuses.forEach((status, index) => {
      const { name } = inputs[index]!;
      const counts = answers.get(name) ?? new Map<number | string, number>();
      answers.set(name, counts.set(status, (counts.get(status) ?? 0) + 1));
      if (typeof status === 'string' || !fuzzStatuses.includes(status)) wrongCount++;
    });
    sent += inputs.length;
    if (sent % 8_000 === 0) windower.seal(nowMs);
  }
  for (const [name, counts] of [...answers].sort()) {
    say(
      `${name.padEnd(26)}${[...counts]
        .sort()
        .map(([status, count]) => `${status}: ${count}`)
        .join('  ')}`,
    );
  }
  say(
    `other than ${fuzzStatuses.join(', ')}: ${wrongCount}; peak memory ${Math.round(process.resourceUsage().maxRSS / 1_024)} MiB`,
  );
  agent.destroy();
  await listener.close();
  if (wrongCount > 0) process.exitCode = 1;
}

function post(url: string, agent: Agent, { body, headers }: FuzzInput): Promise<number | string> {
  return new Promise((resolve) => {
    const asked = request(
      url,
      { method: 'POST', agent, headers: { ...headers, 'content-length': String(body.length) } },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 'none'));
      },
    );
    asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    asked.end(body);
  });
}
