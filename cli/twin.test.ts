import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { twinVerb } from './twin.ts';
import type { Terminal } from './verb.ts';

interface Stage {
  readonly terminal: Terminal;
  readonly stop: AbortController;
  /** The first text on stdout. */
  readonly said: Promise<string>;
}

function stage(): Stage {
  const stop = new AbortController();
  const { promise: said, resolve } = Promise.withResolvers<string>();
  const fail = (text: string): never => {
    throw new Error(`unexpected on stderr: ${text}`);
  };
  const terminal: Terminal = {
    env: {},
    isInteractive: false,
    hasColour: false,
    out: resolve,
    err: fail,
    signal: stop.signal,
  };
  return { terminal, stop, said };
}

describe('twin', () => {
  it('says where it listens, answers there, and ends when it is told to', async () => {
    const { terminal, stop, said } = stage();
    const ended = twinVerb.run(['--port', '0', '--functions', '2', '--json'], terminal);
    const { url, functions } = JSON.parse(await said) as { url: string; functions: string[] };
    expect(functions).toEqual(['123456789012/us-east-1/function-1:live', '123456789012/us-east-1/function-2:live']);
    const response = await fetch(`${url}/2015-03-31/functions/function-2/aliases/live`);
    expect(await response.json()).toMatchObject({ Name: 'live', FunctionVersion: '1' });
    const body = JSON.stringify({ kind: 'error', status: 503, operations: ['GetAlias'] });
    expect((await fetch(`${url}/_twin/faults`, { method: 'POST', body })).status).toBe(201);
    expect((await fetch(`${url}/2015-03-31/functions/function-2/aliases/live`)).status).toBe(503);
    stop.abort();
    expect(await ended).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });

  it('greets people with what to type', async () => {
    const { terminal, stop, said } = stage();
    const ended = twinVerb.run(['--port', '0', '--function', '123456789012/eu-west-1/quotes:blue'], terminal);
    expect(await said).toMatch(/AWS_ENDPOINT_URL=http:\/\/127\.0\.0\.1:\d+ AWS_REGION=eu-west-1/);
    stop.abort();
    await ended;
  });

  it('says in one line that the port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    await expect(twinVerb.run(['--port', String(port)], stage().terminal)).rejects.toThrow(
      `127.0.0.1:${port} is already taken; stop what listens there or choose another --port`,
    );
    other.close();
  });

  it.each<[args: string[], line: RegExp]>([
    [['--port', 'http'], /^--port http: expected a whole number from 0 to 65535$/],
    [['--port', '65536'], /^--port 65536: /],
    [['--functions', '0'], /^--functions 0: expected a whole number from 1 to 1000$/],
    [['--functions', '2', '--function', 'x'], /exclude each other/],
    [['--function', 'orders'], /^'orders' is no function key/],
    [
      ['--function', '123456789012/us-east-1/a:live', '--function', '123456789012/us-east-2/b:live'],
      /one account and region/,
    ],
    [
      ['--function', '123456789012/us-east-1/a:live', '--function', '123456789012/us-east-1/a:live'],
      /a:live comes twice/,
    ],
    [['now'], /^unexpected word "now"/],
    [['--prot', '1'], /--prot/],
  ])('refuses %j in one line', async (args, line) => {
    const refused = twinVerb.run(args, stage().terminal);
    await expect(refused).rejects.toThrow(line);
    await expect(refused).rejects.toMatchObject({ name: 'InputError' });
  });
});
