/** What comes back from those who were told, and what becomes of what they do not take. */
import { describe, expect, it } from 'vitest';
import type { Delivery } from '../actuators/notify/outbox.ts';
import type { OncallAnswer } from '../actuators/notify/pagerduty-answer.ts';
import type { AuditEvent } from '../core/audit.ts';
import { createMemoryStore } from '../store/memory.ts';
import { sampleOncall } from './oncall-sample.ts';
import { createDesk, eventsOf, startDesk, taken, trouble } from './oncall-stub.ts';
import { minute, spec } from './sample.ts';

const fromMs = minute(-50);
/** In New York the sample's night ends at seven: half past six. */
const nightMs = minute(-120);

async function page(startsAtMs = fromMs) {
  const store = createMemoryStore();
  const desk = createDesk();
  let dedupKey = '';
  desk.answer = (delivery, atMs) => {
    dedupKey = delivery.notification.dedupKey;
    return taken(delivery, atMs);
  };
  const run = await startDesk(store, startsAtMs, desk);
  trouble(run.system, run.clock.nowMs(), 'opened');
  await run.seconds(1);
  const answer = (more: Partial<OncallAnswer> = {}): void => {
    const plain = { target: 'orders-pager', eventId: 'e1', kind: 'acknowledged', by: 'Ada', atMs: 0 } as const;
    run.system.admit({ kind: 'answered', answer: { ...plain, dedupKey, ...more } });
  };
  const told = async (kind: AuditEvent['kind']): Promise<readonly AuditEvent[]> =>
    (await eventsOf(store)).filter((event) => event.kind === kind);
  return { ...run, store, desk, answer, told };
}

const escalations = (requests: readonly string[]) => requests.filter((name) => name.startsWith('escalation'));

describe('an answer', () => {
  it('acknowledged there is acknowledged here by the same person, once, and is not told back', async () => {
    const { answer, seconds, told, desk } = await page();
    answer();
    await seconds(1);
    answer();
    answer({ eventId: 'e2', by: 'Grace' });
    await seconds(16 * 60);
    const opened = (await told('incident.opened'))[0]!;
    expect(await told('incident.changed')).toMatchObject([
      { actor: 'orders-pager:Ada', causeSeq: opened.seq, body: { change: 'acknowledged' } },
    ]);
    expect((await told('notification.answered')).map(({ actor }) => actor)).toEqual([
      'orders-pager:Ada',
      'orders-pager:Grace',
    ]);
    expect(escalations(desk.requests)).toEqual([]);
    expect(desk.requests.filter((name) => name.includes('acknowledge'))).toEqual([]);
  });

  it('resolved there is noted; here it is over by its evidence alone', async () => {
    const { answer, seconds, told, desk, system, clock } = await page();
    answer({ kind: 'resolved' });
    await seconds(16 * 60);
    expect(await told('incident.closed')).toEqual([]);
    expect((await told('notification.answered')).map(({ body }) => body['answer'])).toEqual(['resolved']);
    // Nobody has said that they look at it.
    expect(escalations(desk.requests)).toHaveLength(1);
    trouble(system, clock.nowMs(), 'closed');
    await seconds(2);
    expect(desk.requests).toContain('page resolve orders-pager');
  });

  it.each([
    ['of a machine', { by: undefined as never }, 1],
    ['about an episode that nobody knows', { dedupKey: 'b'.repeat(64) }, 0],
  ])('%s acknowledges nothing', async (_, more, answeredCount) => {
    const { answer, seconds, told, desk } = await page();
    answer(more);
    await seconds(16 * 60);
    expect(await told('incident.changed')).toEqual([]);
    expect(await told('notification.answered')).toHaveLength(answeredCount);
    expect(escalations(desk.requests)).toHaveLength(1);
  });
});

it('a page that is refused goes to the next, and that it was refused is trouble of its own until something is taken', async () => {
  const store = createMemoryStore();
  const desk = createDesk();
  let isMended = false;
  desk.answer = (delivery, atMs) =>
    delivery.target === 'orders-pager' && !isMended
      ? { kind: 'refused', atMs, because: 'it answers 400' }
      : taken(delivery, atMs);
  const { system, clock, seconds } = await startDesk(store, fromMs, desk);
  trouble(system, clock.nowMs(), 'opened');
  await seconds(5);
  const own = async () =>
    (await eventsOf(store)).filter(({ body }) => body['incident'] === 'on-call-fails').map(({ kind }) => kind);
  expect(await own()).toEqual(['incident.opened']);
  const pages = desk.requests.filter((name) => name.startsWith('page trigger'));
  // The trouble, then the trouble with the pager itself: each is tried there, and goes on.
  expect(pages).toEqual([
    'page trigger orders-pager',
    'page trigger orders-pager',
    'page trigger boss',
    'page trigger boss',
  ]);
  expect(system.toldCounts()).toEqual({ pages: 2, escalations: 0 });
  trouble(system, clock.nowMs(), 'closed');
  await seconds(2);
  expect(desk.requests.filter((name) => name.includes('resolve'))).toEqual(['page resolve boss']);
  isMended = true;
  trouble(system, clock.nowMs(), 'opened');
  await seconds(4);
  expect(desk.heard).toContain('page trigger orders-pager');
  expect(await own()).toEqual(['incident.opened', 'incident.closed']);
});

it('a page that one of two refuses goes to the next as well: the other may wake nobody', async () => {
  const desk = createDesk();
  desk.answer = (delivery, atMs) =>
    delivery.target === 'orders-pager' ? { kind: 'refused', atMs, because: 'it answers 400' } : taken(delivery, atMs);
  const [orders, ...others] = sampleOncall.owners;
  const owners = [{ ...orders!, page: ['orders-pager', 'orders-channel'] }, ...others];
  const { system, clock, seconds } = await startDesk(createMemoryStore(), fromMs, desk, { oncall: { owners } });
  trouble(system, clock.nowMs(), 'opened');
  await seconds(16 * 60);
  const ofTrouble = desk.requests.filter((name) => name.endsWith('boss'));
  // One of the trouble, one of the pager that refuses, and nothing of either is escalated to where it is already.
  expect(ofTrouble).toEqual(['page trigger boss', 'page trigger boss']);
});

it('a page begun while its target has taken nothing for five minutes goes to the next; the one that waits there is not told twice', async () => {
  const desk = createDesk();
  desk.answer = (delivery, atMs) =>
    delivery.target === 'orders-pager'
      ? { kind: 'failed', atMs, because: 'it answers 503', mayHaveArrived: false }
      : taken(delivery, atMs);
  const { system, clock, seconds } = await startDesk(createMemoryStore(), fromMs, desk);
  trouble(system, clock.nowMs(), 'opened');
  await seconds(5 * 60);
  expect(desk.requests).not.toContain('page trigger boss');
  await seconds(30);
  // That the pager fails.
  expect(desk.requests.filter((name) => name === 'page trigger boss')).toHaveLength(1);
});

describe('what is withheld', () => {
  it('at night, for little harm, pages in the morning with the reason why so late', async () => {
    const because = 'at night only from 20 % harmed';
    const store = createMemoryStore();
    const desk = createDesk();
    const { system, clock, seconds } = await startDesk(store, nightMs, desk);
    trouble(system, clock.nowMs(), 'opened', { harmedRatioMax: 0.05 });
    await seconds(2);
    expect(desk.requests).toEqual(['notice trigger orders-channel']);
    const withheld = (await eventsOf(store)).filter(({ kind }) => kind === 'notification.withheld');
    expect(withheld.map(({ body }) => body['because'])).toEqual([because]);
    await seconds(31 * 60);
    expect(desk.requests).toContain('page trigger orders-pager');
    const page = (await eventsOf(store)).find(
      ({ kind, body }) => kind === 'notification.intended' && body['level'] === 'page',
    );
    expect(page!.body['because']).toContain(`until now: ${because}`);
    expect((await eventsOf(store)).filter(({ kind }) => kind === 'notification.withheld')).toHaveLength(1);
  });

  it('in announced maintenance, is told when that is over and it still stands', async () => {
    const store = createMemoryStore();
    const desk = createDesk();
    const { system, clock, seconds } = await startDesk(store, fromMs, desk);
    trouble(system, clock.nowMs(), 'opened', { silencedBy: 'release-7' });
    await seconds(60);
    expect(desk.requests).toEqual([]);
    trouble(system, clock.nowMs(), 'changed', { change: 'unsilenced' });
    await seconds(1);
    expect(desk.requests).toEqual(['page trigger orders-pager']);
    const withheld = (await eventsOf(store)).filter(({ kind }) => kind === 'notification.withheld');
    expect(withheld.map(({ body }) => body['because'])).toEqual(['silenced: release-7']);
  });
});

it('capacity that is left behind is told, once over all starts', async () => {
  const store = createMemoryStore();
  const desk = createDesk();
  const said: Delivery[] = [];
  desk.answer = (delivery, atMs) => {
    said.push(delivery);
    return taken(delivery, atMs);
  };
  const first = await startDesk(store, fromMs, desk);
  for (let waited = 0; first.lambda.levels.length === 0; waited++) {
    expect(waited).toBeLessThan(60);
    await first.seconds(60);
  }
  for (let start = 0; start < 2; start++) {
    const next = await startDesk(store, first.clock.nowMs(), desk, { functions: [{ ...spec, mode: 'shadow' }] });
    await next.seconds(3);
  }
  const left = said.filter(({ notification }) => notification.attributes['incident'] === 'left-behind');
  expect(left.map(({ target, notification: { level } }) => [target, level])).toEqual([['orders-channel', 'notice']]);
});
