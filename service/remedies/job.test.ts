/** One remedy into a world on paper and out of it, with every way in which answers get lost. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assertNever } from '../../core/assert.ts';
import type { ReserveConcurrency, Standing } from '../../core/remedy.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { msPerMinute } from '../../core/time.ts';
import { undoNameOf } from '../../core/undo.ts';
import {
  askedJob,
  callOf,
  hasBegun,
  hearJob,
  isDone,
  resumeJob,
  startJob,
  type Held,
  type JobAim,
  type JobAnswer,
  type JobCall,
  type JobResult,
  type RemedyJob,
} from './job.ts';

const key = '123456789012/us-east-1/orders:live' as FunctionKey;
const usual = 10;
/** Set by another hand. */
const others = 5;
const limit: ReserveConcurrency = {
  ...{ kind: 'reserve-concurrency', key, concurrency: 2, because: 'too many' },
  untilMs: 10 * msPerMinute,
};

/**
 * `dropped`: it never came there, and nobody knows. `lost`: it was carried out, and nobody heard. `died`: the same, and whoever asked was started anew. The others are
 * answers; `moved`: somebody else has set another level, and we are told.
 */
type Fate = 'accepted' | 'died' | 'dropped' | 'lost' | 'moved' | 'refused' | 'throttled' | 'unavailable';

/** One limit of one function, and what is booked to restore it. */
function createPaperWorld() {
  let level: number | null = usual;
  const booked = new Set<string>();
  const landed: string[] = [];
  const carryOut = (call: JobCall): void => {
    switch (call.kind) {
      case 'look':
        return;
      case 'book':
        booked.add(undoNameOf(call.undo));
        break;
      case 'cancel':
        booked.delete(undoNameOf(call.undo));
        break;
      case 'apply':
        level = (call.remedy as ReserveConcurrency).concurrency;
        break;
      case 'give-back':
        level = call.undo.kind === 'restore-reserved' ? call.undo.concurrency : null;
        break;
      default:
        assertNever(call);
    }
    landed.push(call.kind);
    // What we set does not stand for a moment without its end.
    expect(level === usual || level === others || booked.size > 0).toBe(true);
  };
  return {
    booked,
    landed,
    level: () => level,
    answer(call: JobCall, fate: Fate): JobAnswer {
      const isCarriedOut = fate === 'accepted' || fate === 'lost' || fate === 'died';
      if (isCarriedOut) carryOut(call);
      if (fate === 'accepted' && call.kind === 'look') {
        const standing: Standing = { kind: 'reserved', key, concurrency: level };
        return { kind: 'stood', standing };
      }
      const atMs = 0;
      if (fate === 'moved') {
        level = others;
        return { kind: 'outcome', outcome: { kind: 'refused', atMs, code: 'MovedUnderUs', message: '' } };
      }
      if (fate === 'accepted') return { kind: 'outcome', outcome: { kind: 'accepted', atMs } };
      const kind = fate === 'refused' || fate === 'throttled' || fate === 'unavailable' ? fate : 'unknown';
      return { kind: 'outcome', outcome: { kind, atMs, code: fate, message: '' } };
    },
  };
}

type PaperWorld = ReturnType<typeof createPaperWorld>;

interface Played {
  readonly calls: readonly string[];
  readonly result: JobResult;
}

interface Play {
  readonly aim?: JobAim;
  readonly remedy?: ReserveConcurrency;
  readonly held?: Held | undefined;
  /** By the number of the call; beyond them all is accepted. */
  readonly fates?: readonly Fate[];
}

function play(world: PaperWorld, { aim = 'set', remedy = limit, held, fates = [] }: Play): Played {
  const calls: string[] = [];
  let job: RemedyJob = startJob({ id: '1', owner: { kind: 'breaker', name: 'b' }, aim, remedy, nowMs: 0, held });
  while (!isDone(job)) {
    expect(calls.length).toBeLessThan(60);
    const call = callOf(job);
    const fate = fates[calls.length] ?? 'accepted';
    calls.push(call.kind);
    job = askedJob(job, calls.length);
    if (fate === 'died') job = JSON.parse(JSON.stringify(job)) as RemedyJob;
    job = hearJob(job, world.answer(call, fate));
    expect(job.isAsked).toBe(false);
  }
  return { calls, result: job.result };
}

describe('a limit that is set and given back', () => {
  // Which call, by its place, meets which fate; what is asked then; what came of it in the world.
  it.each<[string, readonly Fate[], readonly string[], string]>([
    ['all is well', [], ['look', 'book', 'apply'], 'accepted'],
    ['death at the look', ['died'], ['look', 'look', 'book', 'apply'], 'accepted'],
    ['death after it was booked', ['accepted', 'died'], ['look', 'book', 'book', 'apply'], 'accepted'],
    [
      'death after it was set: it is looked at',
      ['accepted', 'accepted', 'died'],
      ['look', 'book', 'apply', 'look'],
      'accepted',
    ],
    [
      'it never came there: looked at, and set then',
      ['accepted', 'accepted', 'dropped'],
      ['look', 'book', 'apply', 'look', 'book', 'apply'],
      'accepted',
    ],
    ['too many calls', ['throttled', 'accepted', 'throttled'], ['look', 'look', 'book', 'book', 'apply'], 'accepted'],
    ['what ends it is refused: never set', ['accepted', 'refused'], ['look', 'book'], 'refused'],
    [
      'what ends it was booked, and nobody heard of it: cancelled',
      ['accepted', 'lost', 'lost', 'lost', 'lost'],
      ['look', 'book', 'book', 'book', 'book', 'cancel'],
      'unknown',
    ],
    [
      'refused: what was booked is cancelled',
      ['accepted', 'accepted', 'refused'],
      ['look', 'book', 'apply', 'cancel'],
      'refused',
    ],
    [
      'death while it is cancelled',
      ['accepted', 'accepted', 'refused', 'died'],
      ['look', 'book', 'apply', 'cancel', 'cancel'],
      'refused',
    ],
  ])('%s', (_name, fates, calls, outcome) => {
    const world = createPaperWorld();
    const played = play(world, { fates });
    expect(played.calls).toEqual(calls);
    expect(played.result.outcome.kind).toBe(outcome);
    const isSet = outcome === 'accepted';
    expect(world.level()).toBe(isSet ? 2 : usual);
    expect(world.booked.size).toBe(isSet ? 1 : 0);
    expect(world.landed.filter((kind) => kind === 'apply')).toHaveLength(isSet ? 1 : 0);
    expect(played.result.held !== undefined).toBe(isSet);
  });

  it('is taken for standing where nobody could look after it was set: what ends it stays booked, and it is given back', () => {
    const world = createPaperWorld();
    const blind = Array.from({ length: 20 }, (): Fate => 'unavailable');
    const { result } = play(world, { fates: ['accepted', 'accepted', 'lost', ...blind] });
    expect(result.outcome.kind).toBe('unavailable');
    expect(world.level()).toBe(2);
    expect(world.booked.size).toBe(1);
    play(world, { aim: 'give-back', held: result.held });
    expect([world.level(), world.booked.size]).toEqual([usual, 0]);
  });

  it('goes back to what stood before the first level, and leaves one booking of two levels', () => {
    const world = createPaperWorld();
    const { result: first } = play(world, {});
    const next = { ...limit, concurrency: 8, untilMs: 20 * msPerMinute };
    const second = play(world, { remedy: next, held: first.held });
    expect(second.calls).toEqual(['look', 'book', 'apply', 'cancel']);
    expect([world.level(), world.booked.size]).toEqual([8, 1]);
    const back = play(world, { aim: 'give-back', remedy: next, held: second.result.held, fates: ['died'] });
    expect(back.calls).toEqual(['give-back', 'give-back', 'cancel']);
    expect([world.level(), world.booked.size, back.result.held]).toEqual([usual, 0, undefined]);
  });

  it('that somebody else has moved is left to them, and not booked any more', () => {
    const world = createPaperWorld();
    const { result } = play(world, {});
    const back = play(world, { aim: 'give-back', held: result.held, fates: ['moved'] });
    expect(back.calls).toEqual(['give-back', 'cancel']);
    expect([world.level(), world.booked.size, back.result.held]).toEqual([others, 0, undefined]);
  });

  it('that we may not give back stays booked to be: AWS has its own hand', () => {
    const world = createPaperWorld();
    const { result } = play(world, {});
    const back = play(world, { aim: 'give-back', held: result.held, fates: ['refused'] });
    expect(back.calls).toEqual(['give-back']);
    expect(world.booked.size).toBe(1);
    expect(back.result.held).toEqual(result.held);
  });

  it('that stood so already is not ours', () => {
    const world = createPaperWorld();
    const { calls, result } = play(world, { remedy: { ...limit, concurrency: usual } });
    expect(calls).toEqual(['look']);
    expect(result).toMatchObject({ outcome: { kind: 'accepted' } });
    expect(result.held).toBeUndefined();
  });
});

const anyFate = fc.constantFrom<Fate>('accepted', 'died', 'dropped', 'lost', 'refused', 'throttled', 'unavailable');

it('goes on to its end once anything was asked for it, and stands on what is held where nothing was', () => {
  const owner = { kind: 'breaker', name: 'b' } as const;
  const held: Held = { remedy: limit, before: { kind: 'reserved', key, concurrency: usual } };
  const fresh = startJob({ id: '1', owner, aim: 'set', remedy: limit, nowMs: 0 });
  expect([hasBegun(fresh), resumeJob(fresh, held).held]).toEqual([false, held]);
  const asked = askedJob(fresh, undefined);
  const looked = hearJob(asked, { kind: 'stood', standing: { kind: 'reserved', key, concurrency: usual } });
  for (const begun of [asked, looked])
    expect([hasBegun(begun), resumeJob(begun, held).held]).toEqual([true, undefined]);
});

it('whatever gets lost: set once at most, never without its end booked, and given back by who holds it', () => {
  fc.assert(
    fc.property(fc.array(anyFate, { maxLength: 30 }), fc.array(anyFate, { maxLength: 12 }), (fates, backFates) => {
      const world = createPaperWorld();
      const { result } = play(world, { fates });
      const applied = world.landed.filter((kind) => kind === 'apply').length;
      expect(applied).toBeLessThanOrEqual(1);
      // Nothing stands that nobody knows of.
      if (world.level() !== usual) {
        expect(result.held?.undo && world.booked.has(undoNameOf(result.held.undo))).toBe(true);
      }
      if (result.outcome.kind === 'accepted') expect([applied, world.level()]).toEqual([1, 2]);
      if (!result.held) return;
      const { result: back } = play(world, { aim: 'give-back', held: result.held, fates: backFates });
      // Given up: it is held still, and AWS ends it.
      if (back.held) expect(world.booked.size).toBe(1);
      else if (back.outcome.kind === 'accepted') expect(world.level()).toBe(usual);
    }),
    { numRuns: 2_000 },
  );
});
