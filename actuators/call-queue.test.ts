import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Urgency } from '../core/ports.ts';
import { createVirtualClock } from '../core/virtual-clock.ts';
import { controlPlaneLeadMs, createCallQueue, type CallQueueOptions } from './call-queue.ts';

const neverAborted = new AbortController().signal;

function setUp(options: Partial<CallQueueOptions> = {}) {
  const clock = createVirtualClock(0);
  const queue = createCallQueue({ clock, timers: clock, ...options });
  const started: { name: string; atMs: number }[] = [];
  const ask = (name: string, urgency: Urgency = 'routine', extra: { startByMs?: number; signal?: AbortSignal } = {}) =>
    queue.run(
      async () => {
        started.push({ name, atMs: clock.nowMs() });
        return name;
      },
      { urgency, signal: neverAborted, ...extra },
    );
  return { clock, queue, started, ask, names: () => started.map(({ name }) => name) };
}

describe('call queue', () => {
  // Goal: no second ever sees more than five calls, wherever it begins, and none waits without need.
  // Method: calls of both kinds come at random instants; every window of a second that begins at a start is counted.
  it('starts at most five calls in any second, urgent ones first, each line first in first out', () => {
    const arrivals = fc.array(fc.tuple(fc.nat(3_000), fc.constantFrom<Urgency>('urgent', 'routine')), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(arrivals, (calls) => {
        const { clock, started, ask } = setUp();
        calls.forEach(([atMs, urgency], id) => clock.after(atMs, () => void ask(`${urgency} ${id}`, urgency)));
        clock.advanceTo(60_000);
        expect(started).toHaveLength(calls.length);
        for (const { atMs } of started) {
          const inSecond = started.filter((other) => other.atMs >= atMs && other.atMs < atMs + 1_000);
          expect(inSecond.length).toBeLessThanOrEqual(5);
        }
        const arrivalOf = new Map(calls.map(([atMs, urgency], id) => [`${urgency} ${id}`, { atMs, id, urgency }]));
        started.forEach((first, place) => {
          for (const later of started.slice(place + 1)) {
            const [a, b] = [arrivalOf.get(first.name)!, arrivalOf.get(later.name)!];
            // Whoever starts later was not waiting with a better claim.
            const hadBetterClaim =
              a.urgency === b.urgency ? b.atMs < a.atMs : b.urgency === 'urgent' && b.atMs < first.atMs;
            expect(hadBetterClaim, `${later.name} before ${first.name}`).toBe(false);
          }
        });
      }),
      { numRuns: 60 },
    );
  });

  it('tells how long a call would wait, and is right', async () => {
    const { clock, queue, ask, started } = setUp();
    for (const name of ['a', 'b', 'c']) void ask(name);
    void ask('raise', 'urgent');
    expect(queue.expectedWaitMs('urgent')).toBe(400);
    expect(queue.expectedWaitMs('routine')).toBe(800);
    expect(queue.expectedWaitMs('routine', 5)).toBe(1_600);
    const last = ask('last');
    clock.advanceTo(800);
    expect(await last).toEqual({ kind: 'done', value: 'last', waitedMs: 800 });
    expect(started.map(({ name }) => name)).toEqual(['a', 'raise', 'b', 'c', 'last']);
    expect(queue.expectedWaitMs('routine')).toBe(200);
  });

  it('sheds at its bound, a poll before a raise, and counts it', async () => {
    const { clock, queue, ask, names } = setUp({ waitingCountMax: 2 });
    void ask('running');
    void ask('poll 1');
    const poll = ask('poll 2');
    expect(await ask('poll 3')).toEqual({ kind: 'shed' });
    void ask('raise', 'urgent');
    expect(await poll).toEqual({ kind: 'shed' });
    void ask('raise 2', 'urgent');
    expect(await ask('raise 3', 'urgent')).toEqual({ kind: 'shed' });
    expect(queue.shedCount).toBe(4);
    clock.advanceTo(10_000);
    expect(names()).toEqual(['running', 'raise', 'raise 2']);
    expect(queue.waitingCount).toBe(0);
    expect(queue.startedCount).toBe(3);
  });

  it.each([
    { startByMs: 199, answer: { kind: 'late' } },
    { startByMs: 200, answer: { kind: 'done', value: 'raise', waitedMs: 200 } },
  ])(
    'starts nothing after its latest start ($startByMs), and gives the slot to the next',
    async ({ startByMs, answer }) => {
      const { clock, ask, started } = setUp();
      void ask('running');
      const raise = ask('raise', 'urgent', { startByMs });
      void ask('poll');
      clock.advanceTo(1_000);
      expect(await raise).toEqual(answer);
      expect(started.at(-1)).toEqual({ name: 'poll', atMs: answer.kind === 'late' ? 200 : 400 });
    },
  );

  it('drops a waiting call that is given up, and never starts one that was given up before', async () => {
    const { clock, queue, ask, names } = setUp();
    const giveUp = new AbortController();
    void ask('running');
    const waiting = ask('waiting', 'urgent', { signal: giveUp.signal });
    giveUp.abort();
    expect(await waiting).toEqual({ kind: 'aborted' });
    expect(await ask('too late', 'urgent', { signal: giveUp.signal })).toEqual({ kind: 'aborted' });
    clock.advanceTo(1_000);
    expect(names()).toEqual(['running']);
    expect(queue.waitingCount).toBe(0);
  });

  it('starts nothing while it is paused, also when a timer was set before', () => {
    const { clock, queue, ask, started } = setUp();
    void ask('a');
    void ask('b');
    queue.pauseFor(5_000);
    clock.advanceTo(4_999);
    expect(started).toHaveLength(1);
    clock.advanceTo(5_000);
    expect(started.at(-1)).toEqual({ name: 'b', atMs: 5_000 });
  });

  it('lets out what the call throws', async () => {
    const { queue } = setUp();
    const failing = queue.run(() => Promise.reject(new Error('broken')), { urgency: 'routine', signal: neverAborted });
    await expect(failing).rejects.toThrow('broken');
  });

  it.each([
    { functionCount: 12, leadMs: 12_000 },
    { functionCount: 500, leadMs: 500_000 },
  ])('counts $leadMs ms of queue time for $functionCount functions', ({ functionCount, leadMs }) => {
    expect(controlPlaneLeadMs(functionCount)).toBe(leadMs);
  });
});
