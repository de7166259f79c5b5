import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MarketEvent } from '../core/market-event.ts';
import { msPerHour, msPerMinute } from '../core/time.ts';
import { at, brief, cpi } from './event.fixture.ts';
import { compareEvents } from './event.ts';
import { hasWindow } from './finding.ts';
import { confirm, eventsInForce, noHoldOver, takeOver, type HoldOverState } from './hold-over.ts';

const nowMs = at('2025-10-15T06:30:00Z');
const release = cpi('2025-10-15T12:30:00Z', { id: 'cpi-oct' });
const to = (ts: string, change: Parameters<typeof cpi>[1] = {}) => cpi(ts, { id: 'cpi-oct', ...change });

interface Taken {
  readonly state: HoldOverState;
  readonly calendar: readonly MarketEvent[];
  readonly nowMs: number;
}

/** Versions one after another, each an hour after the one before; the first is what was always there. */
function edits(...versions: readonly (readonly MarketEvent[])[]): Taken {
  let [state, time] = [noHoldOver, nowMs - msPerHour];
  let current: readonly MarketEvent[] | undefined;
  for (const next of versions) {
    time += current === undefined ? 0 : msPerHour;
    ({ state } = takeOver(state, { current, next: next.toSorted(compareEvents), nowMs: time }));
    current = next.toSorted(compareEvents);
  }
  return { state, calendar: current ?? [], nowMs: time };
}

const inForce = ({ state, calendar, nowMs: time }: Taken): string[] => eventsInForce(state, calendar, time).map(brief);

describe('what is in force after edits', () => {
  it.each<[string, readonly (readonly MarketEvent[])[], string[]]>([
    ['the first version holds nothing over', [[release]], ['cpi-oct 2025-10-15T12:30:00Z']],
    ['an added event is in force at once', [[], [release]], ['cpi-oct 2025-10-15T12:30:00Z']],
    [
      'a later time keeps the old one warm',
      [[release], [to('2025-10-24T12:30:00Z')]],
      ['cpi-oct 2025-10-15T12:30:00Z held-over', 'cpi-oct 2025-10-24T12:30:00Z'],
    ],
    [
      'and so does an earlier one, for either may be the slip',
      [[release], [to('2025-10-15T08:30:00Z')]],
      ['cpi-oct 2025-10-15T08:30:00Z', 'cpi-oct 2025-10-15T12:30:00Z held-over'],
    ],
    [
      'a cancelled one stays warm',
      [[release], [{ ...release, status: 'cancelled' }]],
      ['cpi-oct 2025-10-15T12:30:00Z cancelled', 'cpi-oct 2025-10-15T12:30:00Z held-over'],
    ],
    ['a removed one does', [[release], []], ['cpi-oct 2025-10-15T12:30:00Z held-over']],
    [
      'one that is to count for less counts as before',
      [[release], [{ ...release, importance: 1 }]],
      ['cpi-oct 2025-10-15T12:30:00Z of 1', 'cpi-oct 2025-10-15T12:30:00Z held-over'],
    ],
    [
      'one that loses its time keeps it',
      [[release], [to('2025-10-15', { precision: 'date' })]],
      ['cpi-oct 2025-10-15T00:00:00Z', 'cpi-oct 2025-10-15T12:30:00Z held-over'],
    ],
    ['other words change nothing', [[release], [{ ...release, title: 'CPI' }]], ['cpi-oct 2025-10-15T12:30:00Z']],
    [
      'a day and more before, an edit is an edit',
      [[to('2025-10-16T06:30:00Z')], [to('2025-10-24T12:30:00Z')]],
      ['cpi-oct 2025-10-24T12:30:00Z'],
    ],
    [
      'a minute less is not',
      [[to('2025-10-16T06:29:00Z')], [to('2025-10-24T12:30:00Z')]],
      ['cpi-oct 2025-10-16T06:29:00Z held-over', 'cpi-oct 2025-10-24T12:30:00Z'],
    ],
    [
      'a window that has begun is not let go under load',
      [[to('2025-10-15T04:31:00Z')], []],
      ['cpi-oct 2025-10-15T04:31:00Z held-over'],
    ],
    ['what a person started, a person ends', [[to('2025-10-15T06:00:00Z', { kind: 'manual' })], []], []],
    ['one that is over is', [[to('2025-10-15T04:30:00Z')], []], []],
    [
      'moved twice, both times before are warm',
      [[release], [to('2025-10-15T14:30:00Z')], [to('2025-10-15T16:30:00Z')]],
      [
        'cpi-oct 2025-10-15T12:30:00Z held-over',
        'cpi-oct 2025-10-15T14:30:00Z held-over',
        'cpi-oct 2025-10-15T16:30:00Z',
      ],
    ],
    ['moved and moved back', [[release], [to('2025-10-15T14:30:00Z')], [release]], ['cpi-oct 2025-10-15T12:30:00Z']],
    [
      'moved twice and back once',
      [[release], [to('2025-10-15T14:30:00Z')], [to('2025-10-15T16:30:00Z')], [to('2025-10-15T14:30:00Z')]],
      ['cpi-oct 2025-10-15T12:30:00Z held-over', 'cpi-oct 2025-10-15T14:30:00Z'],
    ],
    [
      'cancelled and on again',
      [[release], [{ ...release, status: 'cancelled' }], [release]],
      ['cpi-oct 2025-10-15T12:30:00Z'],
    ],
    ['removed and there again', [[release], [], [release]], ['cpi-oct 2025-10-15T12:30:00Z']],
    ['added and taken back within the hour', [[], [release], []], []],
    ['added, and gone hours later', [[], [release], [release], []], ['cpi-oct 2025-10-15T12:30:00Z held-over']],
    [
      'moved back under the name of its time',
      [[cpi('2025-10-15T12:30:00Z')], [cpi('2025-10-15T14:30:00Z')], [cpi('2025-10-15T12:30:00Z')]],
      ['cpi@2025-10-15T12:30:00Z 2025-10-15T12:30:00Z'],
    ],
    [
      'what another event says anyway needs no holding',
      [[release, cpi('2025-10-15T14:30:00Z', { id: 'twin' })], [cpi('2025-10-15T12:30:00Z', { id: 'twin' })]],
      ['twin 2025-10-15T12:30:00Z', 'twin 2025-10-15T14:30:00Z held-over'],
    ],
  ])('%s', (_, versions, expected) => {
    expect(inForce(edits(...versions)).toSorted()).toEqual(expected.toSorted());
  });

  it('tells what it holds over, once, and how to end it', () => {
    const moved = [to('2025-10-24T12:30:00Z')];
    const first = takeOver(noHoldOver, { current: [release], next: moved, nowMs });
    expect(first.findings).toEqual([
      {
        kind: 'held-over',
        eventId: 'cpi-oct',
        atMs: release.startsAtMs,
        because:
          'cpi at 2025-10-15T12:30:00Z moved to 2025-10-24T12:30:00Z less than 24 h before: its window stays warm too; if that is right: calendar confirm cpi-oct',
        severity: 'notice',
      },
    ]);
    const second = takeOver(first.state, { current: moved, next: moved, nowMs: nowMs + msPerMinute });
    expect([second.findings, second.state]).toEqual([[], first.state]);
  });

  it('ends by itself when the window is over, and forgets', () => {
    const taken = edits([release], []);
    const over = release.startsAtMs + 2 * msPerHour;
    expect(inForce({ ...taken, nowMs: over - 1 })).toHaveLength(1);
    expect(inForce({ ...taken, nowMs: over })).toEqual([]);
    expect(takeOver(taken.state, { current: [], next: [], nowMs: nowMs + 27 * msPerHour }).state).toEqual(noHoldOver);
  });
});

describe('a confirmation', () => {
  const moved = edits([release], [to('2025-10-15T14:30:00Z')], [to('2025-10-15T16:30:00Z')]);
  const confirmed = (id: string): string[] | undefined => {
    const answer = confirm(moved.state, id, moved);
    return answer && inForce({ ...moved, state: answer.state });
  };

  it.each([
    ['of the event ends all that is held over for it', 'cpi-oct', ['cpi-oct 2025-10-15T16:30:00Z']],
    [
      'of one window ends that one',
      'cpi-oct~was@2025-10-15T12:30:00Z',
      ['cpi-oct 2025-10-15T14:30:00Z held-over', 'cpi-oct 2025-10-15T16:30:00Z'],
    ],
    ['of what nothing waits for is refused', 'cpi-nov', undefined],
  ])('%s', (_, id, expected) => expect(confirmed(id)).toEqual(expected));

  it('holds for what was said then, not for the next edit', () => {
    const answer = confirm(moved.state, 'cpi-oct', moved)!;
    const next = takeOver(answer.state, { current: moved.calendar, next: [], nowMs: moved.nowMs });
    expect(next.events.map(brief)).toEqual(['cpi-oct 2025-10-15T16:30:00Z held-over']);
  });
});

/** Calendars of up to four events on the half hours of two days around `nowMs`, under ids that hold the time or do not. */
const calendars = fc
  .uniqueArray(
    fc.record({
      name: fc.constantFrom('a', 'b', 'c', ''),
      half: fc.integer({ min: -6, max: 60 }),
      kind: fc.constantFrom('cpi', 'ppi'),
      status: fc.constantFrom('scheduled' as const, 'scheduled' as const, 'cancelled' as const),
      importance: fc.constantFrom(2 as const, 3 as const),
    }),
    { maxLength: 4, selector: ({ name, kind, half }) => name || `${kind}${half}` },
  )
  .map((drafts) =>
    drafts
      .map(({ name, half, ...change }) =>
        cpi('2025-10-15', { ...change, startsAtMs: nowMs + half * 30 * msPerMinute, ...(name && { id: name }) }),
      )
      .sort(compareEvents),
  );

const isWarm = (events: readonly MarketEvent[], window: MarketEvent): boolean =>
  events.some(
    (event) =>
      hasWindow(event) &&
      event.kind === window.kind &&
      event.startsAtMs === window.startsAtMs &&
      event.importance >= window.importance,
  );

// Goal: whatever is done to a calendar, nothing of the coming day that the settled version had gets cold. Method: random chains of versions within
// the day, and the windows of the first, which was always there.
it('lets no window of the last 24 hours vanish without a confirmation', () => {
  fc.assert(
    fc.property(calendars, fc.array(calendars, { minLength: 1, maxLength: 5 }), (settled, versions) => {
      let state = noHoldOver;
      let current = settled;
      let time = nowMs;
      for (const next of versions) {
        ({ state } = takeOver(state, { current, next, nowMs: time }));
        current = next;
        time += 10 * msPerMinute;
      }
      const events = eventsInForce(state, current, time);
      const near = settled.filter(
        (event) =>
          hasWindow(event) && event.startsAtMs > time - 2 * msPerHour && event.startsAtMs < nowMs + 24 * msPerHour,
      );
      for (const window of near) expect(isWarm(events, window)).toBe(true);
      expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    }),
    { seed: 3, numRuns: 2_000 },
  );
});

it('leaves nothing of an edit and its reverse', () => {
  fc.assert(
    fc.property(calendars, calendars, (before, after) => {
      const there = takeOver(noHoldOver, { current: before, next: after, nowMs });
      const back = takeOver(there.state, { current: after, next: before, nowMs: nowMs + 30 * msPerMinute });
      expect(back.events.map(brief)).toEqual(before.map(brief));
    }),
    { seed: 3, numRuns: 2_000 },
  );
});

it('is the same from a snapshot', () => {
  fc.assert(
    fc.property(calendars, calendars, calendars, (one, two, three) => {
      const { state } = takeOver(noHoldOver, { current: one, next: two, nowMs });
      const restored = JSON.parse(JSON.stringify(state)) as HoldOverState;
      const input = { current: two, next: three, nowMs };
      expect(takeOver(restored, input)).toEqual(takeOver(state, input));
    }),
    { seed: 3 },
  );
});
