/**
 * `twin`: a Lambda control plane on a port of this machine, for any AWS SDK; no account, no cost, real time.
 */
import { once } from 'node:events';
import { InputError } from '../core/errors.ts';
import { isLoopback } from '../core/loopback.ts';
import { functionKeyOf, parseFunctionKey, type FunctionKey } from '../core/series-key.ts';
import { listenTwin } from '../simulation/twin/control-plane-http.ts';
import { createTwin } from '../simulation/twin/twin.ts';
import type { TwinFunction } from '../simulation/twin/twin-function.ts';
import { numberFlag } from './flags.ts';
import { parseFlags, printJson, type Verb } from './verb.ts';

const functionCountMax = 1_000;

export const twinVerb: Verb = {
  name: 'twin',
  summary: 'a Lambda twin on this machine, for any AWS SDK',
  usage: `
  foreshock twin [--port 4510] [--host 127.0.0.1] [--function KEY]... [--functions N] [--account-concurrency N] [--seed S] [--json]

Plays Lambda's control plane: functions, versions, aliases and their weights, reserved and provisioned concurrency, with 1 to 2
minutes of preparation, allocation in one piece, aliases that take their capacity along, and 15 calls a second. On the same port:
EventBridge Scheduler, whose one-time schedules fire; Application Auto Scaling, whose targets clamp; CloudWatch's GetMetricData,
which has nothing to show here as no traffic comes. Runs until Ctrl-C.

  --port N                 where to listen; 0 takes any free port (4510)
  --host H                 the loopback address to listen on; calls are not authenticated, so no other is taken (127.0.0.1)
  --function KEY           a function, as 123456789012/us-east-1/orders-validate:live; may be given many times,
                           with several aliases of one function too
  --functions N            N functions function-1:live to function-N:live instead
  --account-concurrency N  concurrent executions of the account (1000)
  --seed S                 draws the preparation times (1)
  --json                   print where it listens as JSON

What goes wrong on command, by JSON on the same port:
  POST   /_twin/faults       {"kind":"throttle","operations":["PutProvisionedConcurrencyConfig"],"forMs":60000}
  GET    /_twin/faults       those in force
  DELETE /_twin/faults[/ID]  one, or all
  kind: throttle (429), error (5xx: status), hang (no answer), lose (done, and the answer lost), each for operations, with a
        ratio of the calls or a count of them; stuck (IN_PROGRESS stays), initFails (FAILED), slow (times as long; below 1
        quicker). All take functionName and forMs; without forMs they last until they are taken away.
`,
  async run(args, terminal) {
    const { values } = parseFlags(args, {
      port: { type: 'string', default: '4510' },
      host: { type: 'string', default: '127.0.0.1' },
      function: { type: 'string', multiple: true },
      functions: { type: 'string' },
      'account-concurrency': { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    });
    if (!isLoopback(values.host)) {
      throw new InputError(
        'usage',
        `--host ${values.host}: the twin checks no signatures, so it listens on loopback only (127.0.0.1, ::1)`,
      );
    }
    const port = numberFlag('--port', values.port, { min: 0, max: 65_535, isWhole: true });
    const accountConcurrency = numberFlag('--account-concurrency', values['account-concurrency'], {
      min: 101,
      max: 1e6,
      isWhole: true,
    });
    const functions = functionsOf(values.function, values.functions);
    const twin = createTwin({
      functions,
      seed: values.seed,
      clock: { nowMs: () => Date.now() },
      params: { accountConcurrency },
    });
    const server = await listenTwin({ handle: (request) => twin.handle(request), host: values.host, port });
    // What is booked happens at its time, whether or not anybody calls.
    const heartbeat = setInterval(() => twin.advance(), 1_000);
    const keys = functions.map(({ key }) => key);
    if (values.json) printJson(terminal, { url: server.url, functions: keys, accountConcurrency, seed: values.seed });
    else terminal.out(greeting(server.url, keys));
    if (!terminal.signal.aborted) await once(terminal.signal, 'abort');
    clearInterval(heartbeat);
    await server.close();
    return 0;
  },
};

function functionsOf(keys: readonly string[] | undefined, count: string | undefined): readonly TwinFunction[] {
  if (keys && count !== undefined) {
    throw new InputError('usage', '--function and --functions exclude each other; name the functions or say how many');
  }
  if (keys) return keys.map((key) => twinFunction(key as FunctionKey));
  if (count === undefined) return [twinFunction('123456789012/us-east-1/orders-validate:live' as FunctionKey)];
  const length = numberFlag('--functions', count, { min: 1, max: functionCountMax, isWhole: true });
  const place = { accountId: '123456789012', region: 'us-east-1', alias: 'live' };
  return Array.from({ length }, (_, index) =>
    twinFunction(functionKeyOf({ ...place, functionName: `function-${index + 1}` })),
  );
}

function twinFunction(key: FunctionKey): TwinFunction {
  return {
    key,
    version: '1',
    memoryMb: 1_024,
    architecture: 'arm64',
    initDurationMs: 800,
    runDurationMs: { p50: 120, p99: 400 },
  };
}

function greeting(url: string, keys: readonly FunctionKey[]): string {
  const shown = keys.slice(0, 10).map((key) => `  ${key}`);
  if (keys.length > shown.length) shown.push(`  and ${keys.length - shown.length} more`);
  const { region, functionName, alias } = parseFunctionKey(keys[0]!)!;
  return [
    `The Lambda twin listens on ${url} and plays`,
    ...shown,
    '',
    'Point any AWS SDK or the AWS CLI at it (any credentials will do):',
    `  export AWS_ENDPOINT_URL=${url} AWS_REGION=${region} AWS_ACCESS_KEY_ID=twin AWS_SECRET_ACCESS_KEY=twin`,
    `  aws lambda put-provisioned-concurrency-config --function-name ${functionName} --qualifier ${alias} --provisioned-concurrent-executions 50`,
    '',
    'Ctrl-C stops it.',
    '',
  ].join('\n');
}
