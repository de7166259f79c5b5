/** Messages that are no pages, from what went on record to the bytes at a server: the digest of a day, and pre-warms beside it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { msPerSecond } from '../core/time.ts';
import { createMemoryStore } from '../store/memory.ts';
import { compose } from './compose.ts';
import { createMessenger, type SecretTarget } from './messenger.ts';
import { sampleOncall } from './oncall-sample.ts';
import { trouble } from './oncall-stub.ts';
import { minute, sampleOptions, samplePorts } from './sample.ts';

interface Received {
  readonly path: string;
  readonly atMs: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The system with its own messenger, and a server that has a path for each target. */
async function start(fromMs: number) {
  const received: Received[] = [];
  const { ports, clock } = samplePorts({ store: createMemoryStore(), fromMs });
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => (text += part));
    request.on('end', () => {
      received.push({ path: request.url!, atMs: clock.nowMs(), body: JSON.parse(text) as Received['body'] });
      response.writeHead(202).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const targets = sampleOncall.targets.map((target): SecretTarget => {
    const secret = target.kind === 'pagerduty' ? 'R'.repeat(32) : `whsec_${Buffer.alloc(24).toString('base64')}`;
    return { ...target, url: `http://127.0.0.1:${port}/${target.name}`, secrets: [{ reveal: () => secret }] };
  });
  const options = { ...sampleOptions(), oncall: sampleOncall };
  const system = await compose(options, { ...ports, messenger: createMessenger({ targets, clock }) });
  const until = async (untilMs: number): Promise<void> => {
    while (clock.nowMs() < untilMs) {
      clock.advanceTo(clock.nowMs() + msPerSecond);
      await system.tick();
      do await new Promise((resolve) => void setImmediate(resolve));
      while (system.pendingEffectCount() > 0);
    }
  };
  return { system, clock, until, received };
}

it('minor trouble waits for the digest of the day, which is one message with all of it', async () => {
  // Eight o'clock in New York.
  const digestAtMs = minute(-30);
  const { system, clock, until, received } = await start(minute(-35));
  const about = { function: 'service:quotes-cache', id: 'service:quotes-cache@1', severity: 'minor' };
  trouble(system, clock.nowMs(), 'opened', about);
  await until(clock.nowMs() + 60 * msPerSecond);
  trouble(system, clock.nowMs(), 'closed', { ...about, because: 'quiet for five minutes' });
  await until(digestAtMs - msPerSecond);
  expect(received).toEqual([]);
  await until(digestAtMs + 60 * msPerSecond);
  expect(received.map(({ path, atMs }) => [path, atMs])).toEqual([['/quotes-channel', digestAtMs]]);
  expect(received[0]!.body).toMatchObject({
    type: 'foreshock.incident.trigger',
    data: {
      level: 'digest',
      evidence: ['quotes-cache: 43 % of requests to orders-validate:live fail', 'over: quiet for five minutes'],
    },
  });
});

it('a pre-warm that is READY is a change beside incidents, once, and pages nobody', async () => {
  const { until, received } = await start(minute(-30));
  await until(minute(0));
  expect(received.map(({ path }) => path).sort()).toEqual(['/orders-channel', '/orders-pager/v2/change/enqueue']);
  const [atPager, atChannel] = ['/orders-pager/v2/change/enqueue', '/orders-channel'].map(
    (path) => received.find((one) => one.path === path)!.body,
  );
  expect(atPager).toMatchObject({ routing_key: 'R'.repeat(32), payload: { source: 'orders-validate:live' } });
  expect(atPager).not.toHaveProperty('event_action');
  expect(atChannel).toMatchObject({ type: 'foreshock.prewarm' });
  expect(JSON.stringify(received)).not.toContain('123456789012');
});
