import { describe, expect, it } from 'vitest';
import { msPerDay, msPerHour, msPerMinute, msPerSecond } from '../../core/time.ts';
import {
  dropHopeless,
  dueDeliveries,
  emptyOutbox,
  enqueue,
  hearOutcome,
  isGone,
  laneIdOf,
  markInFlight,
  type DeliveryOutcome,
  type Outbox,
} from './outbox.ts';
import { samplePage } from './sample.ts';

const { atMs: fromMs } = samplePage;
const cause = { subject: 'account', because: 'a test' };
const inFlightMaxOf = () => 4;

function put(outbox: Outbox, target: string, dedupKey: string, more: Partial<typeof samplePage> = {}): Outbox {
  const notification = { ...samplePage, dedupKey, id: `${target} ${dedupKey} ${more.step ?? 'trigger'}`, ...more };
  return { ...outbox, ...enqueue(outbox, { target, notification, cause }) };
}

/** One attempt at a lane, and what came back. */
function attempt(outbox: Outbox, outcome: DeliveryOutcome, seq = 7) {
  const [delivery] = dueDeliveries(outbox, { nowMs: outcome.atMs, inFlightMaxOf });
  const { laneId } = delivery!;
  return hearOutcome(markInFlight(outbox, delivery!, seq), { laneId, seq, outcome, seed: 's', configSha256: 'c' })!;
}

const failedAt = (atMs: number, more: { retryAfterMs?: number } = {}): DeliveryOutcome => ({
  ...{ kind: 'failed', atMs, because: 'it answers 500', mayHaveArrived: false },
  ...more,
});

describe('waits', () => {
  it('grow to a quarter of an hour, half of each by chance, and end after a day', () => {
    let outbox = put(emptyOutbox, 'pager', 'aa');
    const waits: number[] = [];
    let atMs = fromMs;
    while (atMs < fromMs + msPerDay) {
      const { outbox: next, consequence } = attempt(outbox, failedAt(atMs));
      outbox = next;
      if (consequence.kind !== 'retried') throw new Error('not tried again');
      waits.push(consequence.nextAtMs - atMs);
      atMs = consequence.nextAtMs;
    }
    waits.forEach((wait, index) => {
      const whole = Math.min(15 * msPerMinute, 5 * msPerSecond * 2 ** index);
      expect(wait).toBeGreaterThanOrEqual(whole / 2);
      expect(wait).toBeLessThanOrEqual(whole);
    });
    expect(waits.length).toBeGreaterThan(96);
    const isKnown = () => true;
    expect(dropHopeless(outbox, { nowMs: fromMs + msPerDay - 1, isKnown }).dropped).toEqual([]);
    expect(dropHopeless(outbox, { nowMs: fromMs + msPerDay, isKnown })).toMatchObject({
      outbox: { lanes: {} },
      dropped: [{ target: 'pager', because: 'it was tried for a day' }],
    });
  });

  it.each([
    [30 * msPerSecond, 30 * msPerSecond],
    [100 * msPerDay, msPerHour],
  ])(
    'that a target asks for (%i ms) hold for all of its lanes, and for no other target',
    (retryAfterMs, expectedMs) => {
      const both = put(put(put(emptyOutbox, 'pager', 'aa'), 'pager', 'bb'), 'webhook', 'aa');
      const { outbox } = attempt(both, failedAt(fromMs, { retryAfterMs }));
      const dueAt = (nowMs: number) => dueDeliveries(outbox, { nowMs, inFlightMaxOf }).map(({ laneId }) => laneId);
      expect(dueAt(fromMs + expectedMs - 1)).toEqual(['webhook aa']);
      expect(dueAt(fromMs + expectedMs).sort()).toEqual(['pager aa', 'pager bb', 'webhook aa']);
    },
  );
});

it('a lane is told in its order, pages before notices, and so many at a time', () => {
  const notices = ['aa', 'bb', 'cc', 'dd', 'ee'].reduce(
    (outbox, key) => put(outbox, 'pager', key, { level: 'notice' }),
    emptyOutbox,
  );
  const outbox = put(put(notices, 'pager', 'ff'), 'pager', 'ff', { step: 'resolve' });
  const due = dueDeliveries(outbox, { nowMs: fromMs, inFlightMaxOf }).map(
    ({ laneId, notification }) => `${laneId} ${notification.step}`,
  );
  expect(due).toEqual(['pager ff trigger', 'pager aa trigger', 'pager bb trigger', 'pager cc trigger']);
});

it('a target that is gone is told nothing more under this configuration, and another one may name it anew', () => {
  const outbox = put(put(put(emptyOutbox, 'pager', 'aa'), 'pager', 'bb'), 'webhook', 'aa');
  const { outbox: after, consequence } = attempt(outbox, { kind: 'gone', atMs: fromMs, because: 'it answers 410' });
  expect(consequence).toEqual({ kind: 'dropped', messageCount: 2 });
  expect(Object.keys(after.lanes)).toEqual(['webhook aa']);
  expect([isGone(after, 'pager', 'c'), isGone(after, 'pager', 'another')]).toEqual([true, false]);
});

it.each([
  ['trigger', 'refused with all that came after it', 2, 0],
  ['acknowledge', 'refused alone', 1, 1],
] as const)('a %s is %s', (step, _, messageCount, laneCount) => {
  const outbox = put(put(emptyOutbox, 'pager', 'aa', { step }), 'pager', 'aa', { step: 'resolve' });
  const { outbox: after, consequence } = attempt(outbox, { kind: 'refused', atMs: fromMs, because: 'it answers 400' });
  expect(consequence).toEqual({ kind: 'dropped', messageCount });
  expect(Object.keys(after.lanes)).toHaveLength(laneCount);
});

it('an answer to an attempt that nobody waits for changes nothing', () => {
  const outbox = put(emptyOutbox, 'pager', 'aa');
  const outcome: DeliveryOutcome = { kind: 'taken', atMs: fromMs, status: 202 };
  const laneId = laneIdOf('pager', { dedupKey: 'aa' });
  expect(hearOutcome(outbox, { laneId, seq: 3, outcome, seed: 's', configSha256: 'c' })).toBeUndefined();
});
