/** The verbs by which an operator makes sure of on-call before the night, against a pager that knows its keys. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { listenPager } from '../simulation/world/pager.ts';
import { doctorVerb } from './doctor.ts';
import { oncallTestVerb } from './oncall-test.ts';
import type { ExitCode, Terminal, Verb } from './verb.ts';

const slackSecret = 'a-path-that-nobody-should-see';

/** Runs a verb on a configuration whose pager listens there. */
async function run(verb: Verb, args: readonly string[], pagerUrl: string): Promise<{ code: ExitCode; out: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'foreshock-oncall-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'foreshock.yaml');
  await writeFile(path.join(folder, 'volume.csv'), 'ts,volume\n');
  await writeFile(
    file,
    `functions:
  - function: 123456789012/us-east-1/orders:live
    memoryMb: 1024
    initDurationMs: 800
    runDurationMs: { p50: 60, p99: 250 }
    spilloverRatioMax: 0.001
    concurrencyCeiling: 500
    volume: { csv: volume.csv }
limits: { concurrencyMax: 800, usdPerHourMax: 20, usdPerEventMax: 15 }
oncall:
  targets:
    - name: pager
      pagerduty: { routingKey: '\${env:ROUTING_KEY}', url: '${pagerUrl}' }
    - name: channel
      slack: { webhookUrl: '\${env:SLACK}' }
  owners: [{ name: desk, page: [pager] }]
`,
  );
  let out = '';
  const { signal } = new AbortController();
  const terminal: Terminal = {
    env: { ROUTING_KEY: 'r'.repeat(32), SLACK: `${pagerUrl}/${slackSecret}` },
    ...{ isInteractive: false, hasColour: false, err: () => undefined, signal },
    out: (text) => void (out += text),
  };
  return { code: await verb.run([...args, '--config', file], terminal), out };
}

async function openPager() {
  const pager = await listenPager({ nowMs: () => 0 });
  onTestFinished(() => pager.close());
  return pager;
}

describe('oncall test', () => {
  it('wakes nobody unless a page is asked for, and leaves none open', async () => {
    const pager = await openPager();
    expect(await run(oncallTestVerb, ['pager'], pager.url)).toEqual({
      code: 0,
      out: 'pager took the trigger: it answers 202\n',
    });
    expect([pager.alerts().length, pager.changeCount()]).toEqual([0, 1]);
    expect((await run(oncallTestVerb, ['pager', '--page'], pager.url)).code).toBe(0);
    expect(pager.alerts()).toMatchObject([{ summary: expect.stringContaining('test') as string, resolvedAtMs: 0 }]);
  });

  it('says what is not taken, and names no secret', async () => {
    const pager = await openPager();
    const { code, out } = await run(oncallTestVerb, ['channel', '--json'], pager.url);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toEqual({
      target: 'channel',
      sent: [{ step: 'trigger', isTaken: false, because: 'it answers 400' }],
    });
    await expect(run(oncallTestVerb, ['nobody'], pager.url)).rejects.toThrow('it has pager, channel');
  });
});

describe('doctor', () => {
  it('connects, and asks nothing', async () => {
    let requestCount = 0;
    const server = createServer(() => {
      requestCount++;
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { code, out } = await run(doctorVerb, [], url);
    expect([code, requestCount]).toEqual([0, 0]);
    expect(out).toMatch(/pager +pagerduty +127\.0\.0\.1:\d+ +reachable/);
    expect(out).not.toContain(slackSecret);
  });

  it.each([
    ['nobody listens there', 'http://127.0.0.1:1', 'ECONNREFUSED'],
    ['it is inside a network that nobody named', 'https://10.0.0.7', 'not an address that is allowed'],
  ])('says no where %s', async (_, url, says) => {
    const { code, out } = await run(doctorVerb, ['--json'], url);
    expect(code).toBe(1);
    const { oncall } = JSON.parse(out) as { oncall: { isReachable: boolean; because: string }[] };
    expect(oncall.map(({ isReachable }) => isReachable)).toEqual([false, false]);
    expect(oncall[0]!.because).toContain(says);
  });
});
