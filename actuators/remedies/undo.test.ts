import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Remedy, Standing } from '../../core/remedy.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { msPerMinute } from '../../core/time.ts';
import { undoNameOf, type Undo } from '../../core/undo.ts';
import { isStanding, undoOf } from './undo.ts';

const key = '123456789012/us-east-1/orders:live' as FunctionKey;
const minuteMs = Date.UTC(2026, 10, 20, 13, 50);
const untilMs = minuteMs - 1;
const base = { because: 'it errs', untilMs };

const weigh = (weight: number, more: object = {}): Remedy => ({
  ...base,
  kind: 'weigh-alias',
  key,
  version: '7',
  weight,
  ...more,
});
const reserve = (concurrency: number | null): Remedy => ({ ...base, kind: 'reserve-concurrency', key, concurrency });
const turn = (isEnabled: boolean): Remedy => ({ ...base, kind: 'switch-event-source', key, uuid: 'u', isEnabled });
const redrive: Remedy = { ...base, kind: 'redrive-dead-letters', queueArn: 'q', messagesPerSecondMax: 10 };
const breaker = (revision: number): Remedy => ({
  ...base,
  kind: 'move-breaker',
  standing: { name: 'b', state: 'open', admitRatio: 0, sinceMs: 0, untilMs, revision },
});

const alias = (weights: Readonly<Record<string, number>> = {}): Standing => ({
  kind: 'alias',
  key,
  version: '8',
  weights,
  revisionId: 'r',
});
const reserved = (concurrency: number | null): Standing => ({ kind: 'reserved', key, concurrency });
const source = (state: 'enabled' | 'disabled' | 'changing', becomes?: 'enabled' | 'disabled'): Standing => ({
  kind: 'event-source',
  key,
  uuid: 'u',
  state,
  ...(becomes && { becomes }),
});

describe('what gives a remedy back', () => {
  it.each<[string, Remedy, Standing | undefined, object]>([
    ['a share goes back to none', weigh(0.5), alias(), { kind: 'restore-weights', weights: {} }],
    [
      'a share goes back to the canary',
      weigh(0.5),
      alias({ 7: 0.1 }),
      { kind: 'restore-weights', weights: { 7: 0.1 } },
    ],
    ['a canary that was emptied comes back', weigh(0), alias({ 7: 0.1 }), { weights: { 7: 0.1 } }],
    ['a limit goes back to none', reserve(0), reserved(null), { kind: 'restore-reserved', concurrency: null }],
    ['a limit that was lifted comes back', reserve(null), reserved(50), { concurrency: 50 }],
    ['a function that was stopped stays stopped', reserve(5), reserved(0), { concurrency: 0 }],
    ['a source goes on', turn(false), source('enabled'), { kind: 'restore-event-source', uuid: 'u', isEnabled: true }],
    ['one that was about to go on', turn(false), source('changing', 'enabled'), { isEnabled: true }],
    ['one that was resumed is paused', turn(true), source('disabled'), { isEnabled: false }],
  ])('%s', (_, remedy, before, undo) => {
    expect(undoOf(remedy, before)).toMatchObject({ kind: 'booked', undo: { key, atMs: minuteMs, ...undo } });
  });

  it.each<[string, Remedy, Standing | undefined, string]>([
    ['a version that was taken back stays', weigh(1, { isRollback: true }), alias(), 'stays'],
    ['so do messages that were moved', redrive, undefined, 'stays'],
    ['a breaker ends for its clients by itself', breaker(1), undefined, 'expires'],
    ['a share that stands is not ours to give back', weigh(0.5), alias({ 7: 0.5 }), 'stands'],
    ['nor one that nobody has', weigh(0), alias(), 'stands'],
    ['nor a limit of the same', reserve(0), reserved(0), 'stands'],
    ['none at all is not 0', reserve(0), undefined, 'unknown'],
    ['what was not looked at is not touched', weigh(1), reserved(1), 'unknown'],
    ['nor a source that AWS is changing into something', turn(false), source('changing'), 'unknown'],
  ])('%s', (_, remedy, before, kind) => {
    expect(undoOf(remedy, before)).toMatchObject({ kind });
  });

  it('is never early, and at most a minute late before AWS is', () => {
    const before = reserved(null);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), (endMs) => {
        const undoing = undoOf({ ...reserve(1), untilMs: endMs }, before);
        const atMs = undoing.kind === 'booked' ? undoing.undo.atMs : NaN;
        expect(atMs % msPerMinute).toBe(0);
        expect(atMs - endMs).toBeGreaterThanOrEqual(0);
        expect(atMs - endMs).toBeLessThan(msPerMinute);
      }),
    );
  });
});

describe('whether it is so already', () => {
  const atMs = minuteMs;
  const moved = (startedAtMs?: number): Standing => ({
    kind: 'redrive',
    queueArn: 'q',
    isRunning: false,
    movedCount: 3,
    ...(startedAtMs !== undefined && { startedAtMs }),
  });
  it.each<[string, Remedy, Standing, boolean]>([
    ['the share stands', weigh(0.1), alias({ 7: 0.1 + 1e-17 }), true],
    ['another share stands', weigh(0.1), alias({ 7: 0.2 }), false],
    ['the share is another version’s', weigh(0.1), alias({ 6: 0.1 }), false],
    ['nobody has a share', weigh(0), alias(), true],
    ['another version keeps its share', weigh(0), alias({ 6: 0.1 }), true],
    ['it is still there', weigh(0), alias({ 7: 0.1 }), false],
    ['a limit of nothing is not none', reserve(0), reserved(null), false],
    ['nor none one of nothing', reserve(null), reserved(0), false],
    ['it is being paused', turn(false), source('changing', 'disabled'), true],
    ['it is being resumed', turn(false), source('changing', 'enabled'), false],
    ['a move began since', redrive, moved(atMs), true],
    ['a move began by a clock that is behind', redrive, moved(atMs - 5_000), true],
    ['the last move is an older one', redrive, moved(atMs - 5_001), false],
    ['nothing was ever moved', redrive, moved(), false],
    ['a newer standing is there', breaker(4), { kind: 'breaker', standing: { ...standingOf(5) } }, true],
    ['an older one is', breaker(4), { kind: 'breaker', standing: standingOf(3) }, false],
    ['none is', breaker(0), { kind: 'breaker', standing: undefined }, false],
    ['it is another thing', reserve(1), alias(), false],
  ])('%s', (_, remedy, standing, isSo) => {
    expect(isStanding(remedy, standing, atMs)).toBe(isSo);
  });

  function standingOf(revision: number) {
    return { name: 'b', state: 'closed', admitRatio: 1, sinceMs: 0, untilMs, revision } as const;
  }
});

describe('the name of an undo', () => {
  const at = { key, atMs: minuteMs };
  const undos: readonly Undo[] = [
    { ...at, kind: 'restore-weights', weights: {} },
    { ...at, kind: 'restore-weights', weights: { 7: 0.1 } },
    { ...at, kind: 'restore-weights', weights: { 123456789: 1 } },
    { ...at, kind: 'restore-reserved', concurrency: null },
    { ...at, kind: 'restore-reserved', concurrency: 0 },
    { ...at, kind: 'restore-event-source', uuid: 'u', isEnabled: true },
    { ...at, kind: 'restore-event-source', uuid: 'v', isEnabled: true },
    { ...at, kind: 'restore-reserved', concurrency: 0, atMs: minuteMs + msPerMinute },
    { ...at, kind: 'restore-reserved', concurrency: 0, key: `${key}2` as FunctionKey },
  ];
  it('fits what AWS takes, and tells every two apart', () => {
    const names = undos.map(undoNameOf);
    expect(new Set(names).size).toBe(undos.length);
    for (const name of names) expect(name).toMatch(/^[0-9a-zA-Z._-]{1,64}$/);
    expect(names[0]).toMatch(/^foreshock-undo-[0-9a-f]{16}-w-202611201350-none$/);
  });
});
