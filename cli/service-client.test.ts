import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { InputError } from '../core/errors.ts';
import { breakerForceVerb, breakerListVerb } from './breaker.ts';
import { calendarConfirmVerb } from './calendar-confirm.ts';
import { playbookRunVerb, playbookStatusVerb } from './playbook.ts';
import type { ExitCode, Terminal, Verb } from './verb.ts';
import { warmVerb } from './warm.ts';

interface Given {
  readonly status: number;
  readonly body: unknown;
}

/** What listens: answers every request alike, and keeps what it was asked. */
async function listen({ status, body }: Given) {
  const asked: { url: string; authorization: string | undefined; body: unknown }[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      asked.push({
        url: request.url!,
        authorization: request.headers.authorization,
        body: text === '' ? null : JSON.parse(text),
      });
      response.statusCode = status;
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise((resolve) => server.close(resolve));
  onTestFinished(() => (server.listening ? close().then(() => undefined) : undefined));
  return { asked, port, close };
}

/** Runs a verb on a configuration with that http section. @throws what it threw. */
async function run(
  verb: Verb,
  args: readonly string[],
  http = 'port: 8080',
  people: readonly string[] = [],
): Promise<{ code: ExitCode; out: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'foreshock-client-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'foreshock.yaml');
  await writeFile(path.join(folder, 'volume.csv'), 'ts,volume\n');
  await writeFile(
    file,
    `http: { ${http} }
functions:
  - function: 123456789012/us-east-1/orders:live
    memoryMb: 1024
    initDurationMs: 800
    runDurationMs: { p50: 60, p99: 250 }
    spilloverRatioMax: 0.001
    concurrencyCeiling: 500
    volume: { csv: volume.csv }
limits: { concurrencyMax: 800, usdPerHourMax: 20, usdPerEventMax: 15 }
${people.length === 0 ? '' : `people: [${people.join(', ')}]`}
`,
  );
  let out = '';
  const signal = new AbortController().signal;
  const terminal: Terminal = {
    ...{
      env: { TOKEN: 'a-token-that-nobody-should-see', OTHER: 'another-token-that-nobody-sees' },
      isInteractive: false,
      hasColour: false,
      signal,
    },
    out: (text) => void (out += text),
    err: () => undefined,
  };
  return { code: await verb.run([...args, '--config', file], terminal), out };
}

const warming = ['--group', 'trading', '--lift', '4', '--for', '45m', '--because', 'tariffs'];
const without = (flag: string): string[] => {
  const index = warming.indexOf(flag);
  return warming.toSpliced(index, 2);
};
const withFlag = (flag: string, value: string): string[] => [...without(flag), flag, value];

describe('warm', () => {
  const step = {
    ...{
      function: '123456789012/us-east-1/orders:live',
      fromMs: 0,
      untilMs: 60_000,
      concurrency: 9,
      concurrencyWanted: 40,
    },
    ...{ usd: 0.1234, bindingLimit: 'ceiling', eventId: 'manual:1', because: '' },
  };

  it.each([
    {
      name: 'what the plan holds',
      steps: [step],
      out: /^manual:1: for 1 function of trading; from now on the plan holds\n\n.*\norders:live +9 +40 +1970-01-01T00:01:00Z +0\.123 +ceiling +manual:1\n$/,
    },
    {
      name: 'that the limits leave nothing',
      steps: [],
      out: /^manual:1: for 1 function of trading, for which the plan leaves nothing: /,
    },
    {
      name: 'that there is no plan yet',
      steps: null,
      out: /^manual:1: for 1 function of trading; no plan has been made yet: /,
    },
  ])('says $name', async ({ steps, out }) => {
    const body = { eventId: 'manual:1', functions: [step.function], steps };
    const { asked, port } = await listen({ status: 201, body });
    const answer = await run(warmVerb, warming, `port: ${port}`);
    expect(answer.code).toBe(0);
    expect(answer.out).toMatch(out);
    expect(asked).toEqual([
      {
        ...{ url: '/api/warm', authorization: undefined },
        body: { group: 'trading', lift: 4, minutes: 45, because: 'tariffs' },
      },
    ]);
    expect(JSON.parse((await run(warmVerb, [...warming, '--json'], `port: ${port}`)).out)).toEqual(body);
  });

  it.each<[args: string[], line: RegExp]>([
    [without('--group'), /^--group is needed/],
    [without('--because'), /^--because is needed/],
    [withFlag('--lift', 'four'), /^--lift four: expected a number from 1 to 1000$/],
    [withFlag('--lift', '1'), /^--lift 1: .*more than 1$/],
    [withFlag('--for', '45'), /^--for 45: expected a length/],
    [withFlag('--for', '59s'), /^--for 59s: expected/],
    [withFlag('--for', '25h'), /^--for 25h: expected a length from 1m to 24h$/],
    [[...warming, '--port', '0'], /^--port 0: expected a whole number from 1 to 65535$/],
  ])('refuses %j in one line, and asks nobody', async (args, line) => {
    const { asked, port } = await listen({ status: 201, body: {} });
    await expect(run(warmVerb, args, `port: ${port}`)).rejects.toThrow(line);
    expect(asked).toEqual([]);
  });
});

describe('calendar confirm', () => {
  it('says what was let go, with exit 0', async () => {
    const { asked, port } = await listen({
      status: 200,
      body: { confirmed: 'cpi', released: ['cpi~was@1', 'cpi~was@2'] },
    });
    expect(await run(calendarConfirmVerb, ['cpi'], `port: ${port}`)).toEqual({
      code: 0,
      out: 'cpi is right as it stands; let go: cpi~was@1, cpi~was@2\n',
    });
    expect(asked).toMatchObject([{ url: '/api/calendar/confirm', body: { id: 'cpi' } }]);
  });

  it('says that nothing waited for it, with exit 1', async () => {
    const body = { type: 'urn:foreshock:nothing-to-confirm', status: 404, detail: 'nothing waits' };
    const { port } = await listen({ status: 404, body });
    expect(await run(calendarConfirmVerb, ['cpi'], `port: ${port}`)).toEqual({
      code: 1,
      out: 'nothing waits for a confirmation of cpi\n',
    });
    const { code, out } = await run(calendarConfirmVerb, ['cpi', '--json'], `port: ${port}`);
    expect([code, JSON.parse(out)]).toEqual([1, { confirmed: null, released: [] }]);
  });

  it('wants to know of what', async () => {
    await expect(run(calendarConfirmVerb, [])).rejects.toThrow(/^name the event, such as /);
    await expect(run(calendarConfirmVerb, ['cpi', 'fomc'])).rejects.toThrow(/^unexpected word "fomc"/);
  });
});

describe('the service', () => {
  it('is asked on the port that it was started with, with the first token', async () => {
    const { asked, port } = await listen({ status: 200, body: { confirmed: 'cpi', released: [] } });
    const http = "port: 0, tokens: ['${env:TOKEN}', '${env:OTHER}']";
    expect((await run(calendarConfirmVerb, ['cpi', '--port', String(port)], http)).code).toBe(0);
    expect(asked).toMatchObject([{ authorization: 'Bearer a-token-that-nobody-should-see' }]);
    await expect(run(calendarConfirmVerb, ['cpi'], http)).rejects.toThrow(
      /^the configuration takes a free port: say with --port/,
    );
  });

  describe('of people', () => {
    const ada = "{ name: ada, role: operator, token: '${env:TOKEN}' }";
    const edi = "{ name: edi, role: editor, token: '${env:OTHER}' }";
    const asked = { breakers: [], playbooks: [], runId: 'r', confirmed: 'x', released: [], steps: [], functions: [] };
    const verbs: readonly [Verb, readonly string[]][] = [
      [breakerListVerb, []],
      [breakerForceVerb, ['orders-table', 'open', '--because', 'tariffs']],
      [calendarConfirmVerb, ['cpi']],
      [playbookRunVerb, ['slow', '--incident', 'i']],
      [playbookStatusVerb, []],
      [warmVerb, warming],
    ];

    it.each(verbs)('is asked by whom --as names: $name', async (verb, args) => {
      const { asked: heard, port } = await listen({ status: 200, body: asked });
      await run(verb, [...args, '--as', 'edi'], `port: ${port}`, [ada, edi]);
      expect(heard).toMatchObject([{ authorization: 'Bearer another-token-that-nobody-sees' }]);
      await run(verb, args, `port: ${port}`, [ada]);
      expect(heard[1]).toMatchObject({ authorization: 'Bearer a-token-that-nobody-should-see' });
    });

    it('is asked by who has their own token and no other secret, nor any file that it names', async () => {
      const { asked: heard, port } = await listen({ status: 200, body: asked });
      const bob = "{ name: bob, role: viewer, token: '${env:OF_BOB_ALONE}' }";
      const absent = `port: ${port} }\nplaybooks: [nowhere.yaml]\ncalendars: [csv: nowhere.csv]\naudit: { anchorFile: anchor.jsonl, signingKey: '\${env:OF_SERVICE}'`;
      await run(breakerListVerb, ['--as', 'ada'], absent, [ada, bob]);
      expect(heard).toMatchObject([{ authorization: 'Bearer a-token-that-nobody-should-see' }]);
      await expect(run(breakerListVerb, ['--as', 'bob'], absent, [ada, bob])).rejects.toThrow(
        /people\[1\]\.token: got no environment variable OF_BOB_ALONE, expected it to be set$/,
      );
    });

    it.each(verbs)(
      'is not asked while nobody has said who asks, or as one who is not there: $name',
      async (verb, args) => {
        const { asked: heard, port } = await listen({ status: 200, body: asked });
        await expect(run(verb, args, `port: ${port}`, [ada, edi])).rejects.toThrow(
          /^say with --as who asks: the configuration has people: ada, edi$/,
        );
        await expect(run(verb, [...args, '--as', 'bob'], `port: ${port}`, [ada, edi])).rejects.toThrow(
          /^--as bob: no such name among people of the configuration: ada, edi$/,
        );
        expect(heard).toEqual([]);
      },
    );
  });

  it.each([
    {
      name: 'that lets nobody in',
      given: { status: 401, body: { type: 'urn:foreshock:unauthorised', detail: 'wants a token' } },
      line: /: wants a token$/,
    },
    {
      name: 'that finds a fault',
      given: { status: 400, body: { type: 'urn:foreshock:warm.group', detail: 'there are a, b' } },
      line: /: there are a, b$/,
    },
    {
      name: 'that can only be read',
      given: { status: 404, body: { type: 'urn:foreshock:not-found', detail: '' } },
      line: /: what listens there takes no orders/,
    },
    {
      name: 'that is another program',
      given: { status: 200, body: '<html>' },
      line: /: what listens there is no foreshock serve \(it answered 200, not in JSON\)$/,
    },
    { name: 'that says nothing of its fault', given: { status: 500, body: {} }, line: /: answered 500$/ },
  ])('$name is told of in one line', async ({ given, line }) => {
    const { port } = await listen(given);
    const failure = await run(calendarConfirmVerb, ['cpi'], `port: ${port}`).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(InputError);
    const { message } = failure as InputError;
    expect(message).toMatch(line);
    expect(message).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:${port}/api/calendar/confirm: [^\\n]*$`));
  });

  it('that is not there is told of with what to do', async () => {
    const { port, close } = await listen({ status: 200, body: {} });
    await close();
    await expect(run(calendarConfirmVerb, ['cpi'], `port: ${port}`)).rejects.toThrow(
      `http://127.0.0.1:${port}/api/calendar/confirm: nobody answers (ECONNREFUSED); is the service running? (foreshock serve)`,
    );
  });
});
