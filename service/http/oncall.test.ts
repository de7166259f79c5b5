/** The door by which targets answer: signed, bounded, and open to nobody else. */
import { createHmac } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { expect, it, onTestFinished } from 'vitest';
import type { Fact } from '../facts.ts';
import { createOncallInbox } from '../oncall-inbox.ts';
import { webFolder } from '../release.ts';
import type { SystemView } from '../view.ts';
import { createApp } from './app.ts';
import { listen } from './listen.ts';

const nowMs = Date.parse('2026-11-20T13:32:00Z');
const secret = 'a-secret-of-a-subscription';

async function open() {
  const facts: Fact[] = [];
  const targets = [
    { name: 'pager', webhookSecrets: [{ reveal: () => secret }] },
    { name: 'mute', webhookSecrets: [] },
  ];
  const inbox = createOncallInbox(targets, { clock: { nowMs: () => nowMs }, admit: (fact) => facts.push(fact) });
  const app = createApp({ view: {} as SystemView, tokens: ['a-token'], webFolder, inbox });
  const listener = await listen(app, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => listener.close());
  const post = async (target: string, body: Buffer | string, headers: Readonly<Record<string, string>> = {}) => {
    const response = await fetch(`${listener.url}/api/oncall/pagerduty/${target}`, { method: 'POST', body, headers });
    return response.status;
  };
  return { post, facts };
}

function answer(occurredAt = '2026-11-20T13:31:02Z'): string {
  const agent = { type: 'user_reference', summary: 'Ada' };
  const data = { incident_key: 'k' };
  return JSON.stringify({
    event: { id: 'e', event_type: 'incident.acknowledged', occurred_at: occurredAt, agent, data },
  });
}

const sign = (body: string, by = secret) => ({
  'x-pagerduty-signature': `v1=${createHmac('sha256', by).update(body).digest('hex')}`,
});

it('takes what is signed, without a token of ours', async () => {
  const { post, facts } = await open();
  expect(await post('pager', answer(), sign(answer()))).toBe(202);
  expect(facts).toEqual([
    {
      kind: 'answered',
      answer: {
        ...{ target: 'pager', eventId: 'e', kind: 'acknowledged', dedupKey: 'k', by: 'Ada' },
        atMs: Date.parse('2026-11-20T13:31:02Z'),
      },
    },
  ]);
});

it.each([
  ['unsigned', 'pager', answer(), {}, 401],
  ['signed by somebody else', 'pager', answer(), sign(answer(), 'guessed'), 401],
  ['for a target that may not answer', 'mute', answer(), sign(answer(), ''), 401],
  ['for a target that nobody named', 'nobody', answer(), sign(answer()), 401],
  ['signed with nothing in it', 'pager', '', sign(''), 202],
  ['older than two days', 'pager', answer('2026-11-18T13:31:59Z'), sign(answer('2026-11-18T13:31:59Z')), 202],
  ['from the future', 'pager', answer('2026-11-20T13:37:01Z'), sign(answer('2026-11-20T13:37:01Z')), 202],
  ['too large', 'pager', ' '.repeat(300_000), sign(' '.repeat(300_000)), 413],
  ['packed', 'pager', gzipSync(answer()), { ...sign(answer()), 'content-encoding': 'gzip' }, 415],
])('lets nothing in that is %s', async (_, target, body, headers, status) => {
  const { post, facts } = await open();
  expect(await post(target, body, headers)).toBe(status);
  expect(facts).toEqual([]);
});
