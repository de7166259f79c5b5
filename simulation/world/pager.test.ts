/** The other side of a page, by what the Events API promises of a key. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { createAlertBook, listenPager } from './pager.ts';

const routingKey = 'k'.repeat(32);
const payload = { summary: 'it fails', source: 'orders', severity: 'critical', class: 'incident' };
const event = (action: string, more: object = {}) => ({
  path: '/v2/enqueue',
  body: { routing_key: routingKey, event_action: action, dedup_key: 'a', payload, ...more },
});

describe('an alert', () => {
  it('is one by its key, until it is resolved', () => {
    const book = createAlertBook();
    const all = ['trigger', 'trigger', 'acknowledge', 'trigger', 'resolve', 'resolve', 'trigger'];
    expect(all.map((action, index) => book.hear(event(action), index).status)).toEqual(all.map(() => 202));
    expect(book.alerts()).toMatchObject([
      { dedupKey: 'a', openedAtMs: 0, triggerCount: 3, acknowledgedAtMs: 2, resolvedAtMs: 4 },
      { dedupKey: 'a', openedAtMs: 6, triggerCount: 1 },
    ]);
  });

  it('is another one by another routing key, and none where it was never triggered', () => {
    const book = createAlertBook();
    book.hear(event('trigger'), 0);
    book.hear(event('trigger', { routing_key: 'l'.repeat(32) }), 0);
    book.hear(event('resolve', { dedup_key: 'b' }), 0);
    expect(book.alerts()).toHaveLength(2);
  });

  it.each([
    ['another action', event('close')],
    ['no key', event('trigger', { dedup_key: undefined })],
    ['a key that is too long', event('trigger', { dedup_key: 'a'.repeat(256) })],
    ['a routing key that is none', event('trigger', { routing_key: 'k' })],
    ['a summary that is too long', event('trigger', { payload: { ...payload, summary: 'a'.repeat(1_025) } })],
    ['a severity that is none', event('trigger', { payload: { ...payload, severity: 'major' } })],
    ['no JSON', { path: '/v2/enqueue', body: undefined }],
  ])('is refused with %s', (_, posted) => {
    const book = createAlertBook();
    expect(book.hear(posted, 0).status).toBe(400);
    expect(book.alerts()).toEqual([]);
  });
});

it('takes events over HTTP, and change events beside alerts', async () => {
  const pager = await listenPager({ nowMs: () => 7 });
  onTestFinished(() => pager.close());
  const post = async ({ path, body }: { path: string; body: unknown }) => {
    const response = await fetch(`${pager.url}${path}`, { method: 'POST', body: JSON.stringify(body) });
    return [response.status, await response.json()];
  };
  const success = { status: 'success', message: 'Event processed', dedup_key: 'a' };
  expect(await post(event('trigger'))).toEqual([202, success]);
  expect((await post({ ...event('trigger'), path: '/v2/change/enqueue' }))[0]).toBe(202);
  expect([pager.alerts().length, pager.changeCount(), pager.alerts()[0]!.openedAtMs]).toEqual([1, 1, 7]);
});
