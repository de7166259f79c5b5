import { describe, expect, it } from 'vitest';
import { msPerSecond, type EpochMs } from '../core/time.ts';
import type { Store } from '../core/ports.ts';
import { createMemoryStore } from '../store/memory.ts';
import { createDesk, eventsOf, startDesk, taken, trouble } from './oncall-stub.ts';
import { sampleOncall } from './oncall-sample.ts';
import { minute, spec } from './sample.ts';

const fromMs = minute(-50);

describe('an episode', () => {
  it('is one page, one escalation, and over where it was told; each attempt on record before it', async () => {
    const store = createMemoryStore();
    const desk = createDesk();
    const { system, clock, seconds } = await startDesk(store, fromMs, desk);
    await seconds(2);
    trouble(system, clock.nowMs(), 'opened');
    await seconds(1);
    expect(desk.heard).toEqual(['page trigger orders-pager']);
    await seconds(16 * 60);
    trouble(system, clock.nowMs(), 'closed');
    await seconds(2);
    const ours = desk.requests.filter((name) => !name.startsWith('change'));
    expect([...ours.slice(0, 2), ...ours.slice(2).sort()]).toEqual([
      'page trigger orders-pager',
      'escalation trigger boss',
      'page resolve boss',
      'page resolve orders-pager',
    ]);
    const events = await eventsOf(store);
    const opened = events.find(({ kind }) => kind === 'incident.opened')!;
    const intents = events.filter(({ kind }) => kind === 'notification.intended');
    expect(intents[0]).toMatchObject({ causeSeq: opened.seq, atMs: opened.atMs });
    for (const outcome of events.filter(({ kind }) => kind === 'notification.outcome'))
      expect(intents.map(({ seq }) => seq)).toContain(outcome.causeSeq);
  });

  it('that somebody has seen is not escalated', async () => {
    const desk = createDesk();
    const { system, clock, seconds } = await startDesk(createMemoryStore(), fromMs, desk);
    trouble(system, clock.nowMs(), 'opened');
    await seconds(1);
    trouble(system, clock.nowMs(), 'changed', { change: 'acknowledged' });
    await seconds(16 * 60);
    expect(desk.requests.filter((name) => name.startsWith('escalation'))).toEqual([]);
    expect(desk.requests).toContain('page acknowledge orders-pager');
  });

  it('says what was done about it, and calls somebody else once a playbook can do no more, seen or not', async () => {
    const store = createMemoryStore();
    const desk = createDesk();
    const said: string[] = [];
    desk.answer = (delivery, nowMs) => {
      said.push(`${delivery.target} ${delivery.notification.step}: ${delivery.notification.done.join()}`);
      return taken(delivery, nowMs);
    };
    const { system, clock, seconds } = await startDesk(store, fromMs, desk, {
      oncall: { ...sampleOncall, attributes: ['actions'] },
    });
    trouble(system, clock.nowMs(), 'opened');
    await seconds(2);
    trouble(system, clock.nowMs(), 'changed', { change: 'acknowledged' });
    await seconds(2);
    const causeSeq = (await eventsOf(store)).find(({ kind }) => kind === 'incident.opened')!.seq;
    const tell = (kind: 'breaker.moved' | 'playbook.escalated', body: Record<string, string | number>): void =>
      void system.admit({ kind: 'told', draft: { atMs: clock.nowMs(), kind, actor: 'engine', causeSeq, body } });
    tell('breaker.moved', { breaker: 'orders', to: 'open', admitRatio: 0 });
    tell('playbook.escalated', { because: 'all was accepted, and the trouble is as it was' });
    await seconds(2);
    tell('playbook.escalated', { because: 'again' });
    await seconds(2);
    expect(said.filter((line) => line.startsWith('boss'))).toEqual([
      'boss trigger: breaker orders open, 0 % of calls go through',
    ]);
  });

  it('asks in good time, as a notice, for the yes that a pre-warm waits for', async () => {
    const desk = createDesk();
    let summary = '';
    desk.answer = (delivery, nowMs) => {
      ({ summary } = delivery.notification);
      return taken(delivery, nowMs);
    };
    const { system, clock, seconds } = await startDesk(createMemoryStore(), fromMs, desk);
    const ask = (news: string): void =>
      void system.admit({
        kind: 'told',
        draft: {
          ...{ atMs: clock.nowMs(), kind: 'approval.asked', actor: 'engine' },
          body: { news, approval: 'a1', functions: [spec.key], because: 'payrolls' },
        },
      });
    ask('asked');
    await seconds(2);
    ask('paged');
    await seconds(2);
    expect(summary).toContain('foreshock approve a1');
    expect(desk.requests).toEqual(['notice trigger orders-channel']);
  });

  it('of functions in shadow is on record, and told to nobody', async () => {
    const store = createMemoryStore();
    const desk = createDesk();
    const { system, clock, seconds } = await startDesk(store, fromMs, desk, {
      functions: [{ ...spec, mode: 'shadow' }],
    });
    trouble(system, clock.nowMs(), 'opened', { function: spec.key });
    await seconds(3);
    expect(desk.requests).toEqual([]);
    expect((await eventsOf(store)).map(({ kind }) => kind)).toContain('notification.withheld');
  });

  it('tells no account number, unless it is allowed', async () => {
    const desk = createDesk();
    let said = '';
    desk.answer = (delivery, nowMs) => {
      said = JSON.stringify(delivery.notification);
      return taken(delivery, nowMs);
    };
    const { system, clock, seconds } = await startDesk(createMemoryStore(), fromMs, desk);
    trouble(system, clock.nowMs(), 'opened');
    await seconds(1);
    expect(said).toContain('orders-validate:live');
    expect(said).not.toContain('123456789012');
  });

  it('goes on to the next where its target is gone, and that is told once as well', async () => {
    const desk = createDesk();
    desk.answer = (delivery, atMs) =>
      delivery.target === 'orders-pager' ? { kind: 'gone', atMs, because: 'it answers 410' } : taken(delivery, atMs);
    const { system, clock, seconds } = await startDesk(createMemoryStore(), fromMs, desk);
    trouble(system, clock.nowMs(), 'opened');
    await seconds(60);
    expect(desk.requests.filter((name) => name.endsWith('orders-pager'))).toEqual(['page trigger orders-pager']);
    // The trouble itself, and that the pager is gone.
    expect(desk.requests.filter((name) => name.endsWith('boss'))).toEqual(['page trigger boss', 'page trigger boss']);
  });
});

// Goal: wherever the process dies, each message reaches a target that knows its own keys exactly once, and in its order.
// Method: every append (before it is durable, and after) and every delivery (before the target heard it, and after) of one episode is a step; the run is cut at
// each of them in turn, and goes on from the store alone.
it('killed between any two steps loses nothing and tells nothing twice', async () => {
  let stepCount = Infinity;
  for (let cutAt = 0; cutAt < stepCount; cutAt++) {
    const store = createMemoryStore();
    const desk = createDesk();
    const life = { step: 0, isDead: false };
    const survives = (): boolean => {
      life.isDead ||= life.step++ === cutAt;
      return !life.isDead;
    };
    const mortal: Store = {
      ...store,
      async append(records, after) {
        if (!survives()) throw new Error('killed');
        const head = await store.append(records, after);
        if (!survives()) throw new Error('killed');
        return head;
      },
    };
    const play = async (from: Store, startMs: EpochMs, seconds: number): Promise<EpochMs> => {
      const { system, clock, seconds: pass } = await startDesk(from, startMs, desk);
      for (let index = 0; index < seconds && !life.isDead; index++) {
        const at = (clock.nowMs() - fromMs) / msPerSecond;
        const kinds = (await eventsOf(store)).map(({ kind }) => kind);
        if (at >= 1 && !kinds.includes('incident.opened')) trouble(system, clock.nowMs(), 'opened');
        else if (at >= 4 && !kinds.includes('incident.closed')) trouble(system, clock.nowMs(), 'closed');
        await pass(1);
      }
      return clock.nowMs();
    };
    desk.answer = (delivery, nowMs) => {
      if (!survives()) return 'lost';
      return survives() ? taken(delivery, nowMs) : 'killed';
    };
    const diedAtMs = await play(mortal, fromMs, 8).catch(() => fromMs + 8 * msPerSecond);
    const wasDead = life.isDead;
    life.isDead = false;
    desk.answer = taken;
    await play(store, diedAtMs, 30);
    const ours = (names: readonly string[]) => names.filter((name) => name.endsWith('orders-pager'));
    const expected = ['page trigger orders-pager', 'page resolve orders-pager'];
    expect(ours(desk.heard), `cut at step ${cutAt}`).toEqual(expected);
    // What was on its way is asked once more, and nothing else is.
    expect(ours(desk.requests).length).toBeLessThanOrEqual(expected.length + (wasDead ? 1 : 0));
    if (!wasDead) stepCount = cutAt;
  }
  expect(stepCount).toBeGreaterThan(15);
});
