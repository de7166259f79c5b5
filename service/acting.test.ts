import { describe, expect, it } from 'vitest';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerHour, msPerMinute } from '../core/time.ts';
import { moveBrake, obey, passTime, type ActingState, type Command } from './acting.ts';
import { viewActing } from './acting-view.ts';
import { brakeOff } from './brake.ts';
import { prewarmTimes, type ApprovalWish } from './approvals.ts';

const startsAtMs = Date.UTC(2026, 10, 6, 13, 30);
const nowMs = startsAtMs - 10 * msPerHour;
const key = '123456789012/us-east-1/orders:live' as FunctionKey;
const wish: ApprovalWish = {
  subject: { kind: 'prewarm', eventId: 'nfp', calendarVersion: 'v1' },
  functions: [key],
  wanted: { concurrencyMax: 100, usdMax: 4 },
  times: prewarmTimes(startsAtMs),
  because: 'non-farm payrolls',
};
const emptyActing: ActingState = { approvals: {}, holds: {}, brake: brakeOff };
const said = { by: 'operator:ada', because: 'fine', atMs: nowMs + 1_000 };
const limits = { withoutEffectMax: 3 };
const asked = passTime(emptyActing, { nowMs, wishes: { prewarm: [wish] } });
const id = Object.keys(asked.state.approvals)[0]!;

const briefly = (state: ActingState, command: Command) =>
  obey(state, command, limits).notes.map(({ kind, actor, body }) => [kind, actor, body['because']]);

describe('what people say of acting', () => {
  it.each<[string, Command, readonly (readonly unknown[])[]]>([
    ['a yes', { ...said, kind: 'answer', id, isGranted: true }, [['approval.answered', 'operator:ada', 'fine']]],
    ['a yes to nothing', { ...said, kind: 'answer', id: 'other', isGranted: true }, []],
    ['the brake', { ...said, kind: 'brake', scope: 'remedies' }, [['brake.changed', 'operator:ada', 'fine']]],
    ['the brake off, where it is off', { ...said, kind: 'brake' }, []],
    ['a hold', { ...said, kind: 'hold', subject: 'orders' }, [['hold.changed', 'operator:ada', 'fine']]],
    ['a release of nothing', { ...said, kind: 'release', subject: 'orders' }, []],
  ])('is on record under its name: %s', (_name, command, notes) => {
    expect(briefly(asked.state, command)).toEqual(notes);
    if (notes.length === 0) expect(obey(asked.state, command, limits).state).toBe(asked.state);
  });

  it('survives the way through a store, and changes nothing while nothing happens', () => {
    const held = obey(asked.state, { ...said, kind: 'hold', subject: key, untilMs: startsAtMs }, limits).state;
    const read = JSON.parse(JSON.stringify(held)) as ActingState;
    expect(passTime(read, { nowMs: nowMs + msPerMinute, wishes: { prewarm: [wish] } })).toEqual({
      ...{ state: held, notes: [], news: [] },
    });
    const later = { nowMs: nowMs + msPerMinute, wishes: { prewarm: [wish] } };
    expect(passTime(held, later).state).toBe(held);
    const over = passTime(held, { nowMs: startsAtMs, wishes: {} });
    expect(over.notes.map(({ kind, actor }) => `${kind} ${actor}`)).toContain('hold.changed engine');
    expect(viewActing(over.state).holds).toEqual([]);
  });

  it('tells of the brake that went on by itself', () => {
    const { state, notes } = moveBrake(emptyActing, { kind: 'too-many', atMs: nowMs, actionCount: 12 }, limits);
    expect(notes).toMatchObject([{ kind: 'brake.changed', actor: 'engine', body: { isOn: true, scope: 'remedies' } }]);
    expect(viewActing(state).brake).toMatchObject({ isOn: true, by: 'engine' });
  });
});
