import { describe, expect, it } from 'vitest';
import { msPerHour } from '../core/time.ts';
import { advanceBrake, brakeOff, countedFromMs, type BrakeMoment, type BrakeState } from './brake.ts';
import { endHolds, holdOf, putHold, releaseHold } from './holds.ts';
import type { FunctionKey } from '../core/series-key.ts';

const atMs = Date.UTC(2026, 10, 6, 13, 31);
const person = { by: 'operator:ada', because: 'enough' };
const run = (moments: readonly BrakeMoment[], from: BrakeState = brakeOff): BrakeState =>
  moments.reduce((state, moment) => advanceBrake(state, moment, { withoutEffectMax: 3 }), from);
const noEffect = (afterMs: number): BrakeMoment => ({ kind: 'without-effect', atMs: atMs + afterMs });
const set = (scope?: 'remedies' | 'all'): BrakeMoment => ({ kind: 'set', atMs, ...person, ...(scope && { scope }) });

describe('the brake', () => {
  it('goes on by itself when more is wanted than an hour may hold, and stays on', () => {
    const on = run([{ kind: 'too-many', atMs, actionCount: 12 }]);
    expect(on.on).toMatchObject({ scope: 'remedies', by: 'engine', because: expect.stringContaining('12') as string });
    expect(run([{ kind: 'too-many', atMs: atMs + msPerHour, actionCount: 1 }], on)).toBe(on);
  });

  it.each([
    [[0, 1, 2], true],
    [[0, 1], false],
    [[0, 1, msPerHour], false],
    [[0, 1, msPerHour - 1], true],
  ])('goes on by itself when three remedies in an hour changed nothing: %j', (times, isOn) =>
    expect(run(times.map(noEffect)).on !== undefined).toBe(isOn),
  );

  it('is taken off by a human, who has looked at what was before', () => {
    const off = run([noEffect(0), noEffect(1), noEffect(2), set()]);
    expect(off.on).toBeUndefined();
    expect(countedFromMs(off)).toBe(atMs);
    expect(run([noEffect(3), noEffect(4)], off).on).toBeUndefined();
    expect(run([set()])).toBe(brakeOff);
  });

  it('of everything goes over one of remedies, and not the other way', () => {
    const all = run([set('remedies'), set('all')]);
    expect(all.on?.scope).toBe('all');
    expect(run([set('remedies')], all)).toBe(all);
  });
});

describe('holds', () => {
  const hold = { ...person, sinceMs: atMs };
  const key = '123456789012/us-east-1/orders:live' as FunctionKey;

  it("are a function's own before its group's, until they end or somebody lets go", () => {
    const holds = putHold(putHold({}, 'orders', { ...hold, untilMs: atMs + 5 }), key, hold);
    expect(holdOf(holds, { key, group: 'orders' })).toBe(hold);
    expect(holdOf(releaseHold(holds, key), { key, group: 'orders' })?.untilMs).toBe(atMs + 5);
    expect(holdOf(releaseHold(holds, key), { key })).toBeUndefined();
    expect(releaseHold(holds, 'other')).toBe(holds);
    expect(endHolds(holds, atMs + 4).holds).toBe(holds);
    expect(endHolds(holds, atMs + 5)).toEqual({ holds: { [key]: hold }, ended: ['orders'] });
  });
});
