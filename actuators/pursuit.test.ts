import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../core/action.ts';
import type { ProvisionedStatus } from '../core/capacity.ts';
import {
  after,
  answered,
  asked40,
  failed40,
  missed,
  ready40,
  reconsidered,
  seen,
  sent,
  want,
} from './pursuit-example.ts';
import {
  advance,
  createPursuit,
  pursuitTransitions,
  verifyWithinMs,
  type Pursuit,
  type PursuitFact,
  type PursuitState,
} from './pursuit.ts';

describe('pursuit, by story', () => {
  it.each<[string, readonly PursuitFact[], Partial<Pursuit>]>([
    ['asks and is accepted', asked40, { state: 'asked', askedConcurrency: 40, askedAtMs: 4, baselineConcurrency: 0 }],
    [
      'is seen in preparation',
      [...asked40, seen(20, 40, { status: 'IN_PROGRESS' })],
      { state: 'allocating', sinceMs: 20 },
    ],
    ['is verified', ready40, { state: 'ready', readyAtMs: 100, attemptCount: 0 }],
    ['keeps its first READY', [...ready40, seen(160, 40)], { state: 'ready', readyAtMs: 100, sinceMs: 100 }],
    ['has one less available', [...asked40, seen(100, 40, { allocated: 40, available: 39 })], { state: 'allocating' }],
    ['has one less allocated', [...asked40, seen(100, 40, { allocated: 39, available: 40 })], { state: 'allocating' }],
    ['is READY on a weighted alias', [...asked40, seen(100, 40, { weights: true })], { state: 'allocating' }],
    [
      'sees the level before ours, READY',
      [want(1, 40), seen(2, 30), sent(3, 40), answered(4, 40, 'accepted'), seen(5, 30)],
      { state: 'wanted' },
    ],
    ['looked before it was accepted', [...asked40, seen(3, 0)], { state: 'asked' }],
    ['hears answers out of order', [...ready40, seen(90, 40, { status: 'IN_PROGRESS' })], { state: 'ready' }],
    [
      'sees it before it hears the answer',
      [want(1, 40), seen(2, 0), sent(3, 40), seen(4, 40), answered(5, 40, 'accepted')],
      { state: 'ready', readyAtMs: 4 },
    ],
    [
      'is deployed over',
      [...ready40, seen(160, 40, { status: 'IN_PROGRESS' })],
      { state: 'lost', readyAtMs: 100, lostAtMs: 160 },
    ],
    ['is overwritten by another hand', [...ready40, seen(160, 10)], { state: 'lost', lostAtMs: 160 }],
    [
      'comes back',
      [...ready40, seen(160, 40, { weights: true }), seen(200, 40)],
      { state: 'ready', readyAtMs: 100, lostAtMs: undefined },
    ],
    [
      'fails',
      [...asked40, seen(100, 40, { status: 'FAILED' })],
      { state: 'failed', failure: { atMs: 100, reason: 'FUNCTION_ERROR_INIT_FAILURE', version: '1' } },
    ],
    [
      'finds a failure of last week',
      [want(1, 40), seen(2, 40, { status: 'FAILED' })],
      { state: 'wanted', failure: undefined, baselineConcurrency: 0 },
    ],
    [
      'is mended by a deployment',
      [...asked40, seen(100, 40, { status: 'FAILED' }), seen(160, 40, { status: 'IN_PROGRESS', version: '2' })],
      { state: 'allocating', failure: undefined },
    ],
    [
      'wants more after a failure',
      [...asked40, seen(100, 40, { status: 'FAILED' }), want(110, 50)],
      { state: 'wanted', concurrency: 50, failure: { atMs: 100, reason: 'FUNCTION_ERROR_INIT_FAILURE', version: '1' } },
    ],
    [
      'is told to try again',
      [...failed40, reconsidered, seen(120, 40, { status: 'FAILED' })],
      { state: 'wanted', failure: undefined },
    ],
    [
      'keeps a doubt over new limits',
      [want(1, 40), seen(2, 0), sent(3, 40), answered(4, 40, 'unavailable'), reconsidered],
      { lastOutcome: { kind: 'unavailable', atMs: 4, code: 'Code', message: 'words' }, attemptCount: 0 },
    ],
    [
      'forgets a refusal by old limits',
      [want(1, 40), seen(2, 0), sent(3, 40), answered(4, 40, 'refused'), reconsidered],
      { lastOutcome: undefined, attemptCount: 0 },
    ],
    ['wants nothing after that', [...failed40, reconsidered, want(120, 0)], { state: 'wanted', concurrency: 0 }],
    [
      'loses an answer',
      [want(1, 40), seen(2, 0), sent(3, 40), answered(9, 40, 'unknown')],
      { state: 'cannot-verify', inFlight: undefined, askedConcurrency: 40 },
    ],
    [
      'finds that the lost call took effect',
      [want(1, 40), seen(2, 0), sent(3, 40), answered(9, 40, 'unknown'), seen(10, 40, { status: 'IN_PROGRESS' })],
      { state: 'allocating' },
    ],
    [
      'finds that it did not',
      [want(1, 40), seen(2, 0), sent(3, 40), answered(9, 40, 'unknown'), seen(10, 0)],
      { state: 'wanted' },
    ],
    [
      'wants nothing while it cannot see',
      [want(1, 40), sent(3, 40), answered(9, 40, 'unknown'), want(10, 0)],
      { state: 'cannot-verify', concurrency: 0 },
    ],
    [
      'misses looks, not for long',
      [...ready40, missed(159), missed(159 + verifyWithinMs - 1)],
      { state: 'ready', lookFailedCount: 2 },
    ],
    [
      'cannot see before anything was asked',
      [want(1, 40), seen(2, 0), missed(100), missed(100 + verifyWithinMs)],
      { state: 'cannot-verify', askedConcurrency: undefined },
    ],
    [
      'leaves to another hand what it has set, and keeps to it',
      [...ready40, seen(200, 5), { kind: 'yield' }, want(300, 0)],
      { state: 'idle', askedConcurrency: undefined },
    ],
    [
      'follows another hand that has it',
      [...ready40, seen(200, 5), { kind: 'yield' }, seen(300, 7)],
      { state: 'lost', baselineConcurrency: 7, askedConcurrency: undefined },
    ],
    ['misses looks for too long', [...ready40, missed(159), missed(159 + verifyWithinMs)], { state: 'cannot-verify' }],
    [
      'sees again',
      [...ready40, missed(159), missed(159 + verifyWithinMs), seen(100 + 2 * verifyWithinMs, 40)],
      { state: 'ready', readyAtMs: 100, lookFailedCount: 0 },
    ],
    [
      'is refused',
      [want(1, 40), seen(2, 0), sent(3, 40), answered(4, 40, 'refused')],
      { state: 'wanted', attemptCount: 1, askedConcurrency: undefined },
    ],
    [
      'is refused, and nothing changes',
      [
        want(1, 40),
        seen(2, 0, { weights: true }),
        sent(3, 40),
        answered(4, 40, 'refused'),
        seen(60, 0, { weights: true }),
      ],
      { attemptCount: 1 },
    ],
    [
      'is refused, and the weights go',
      [want(1, 40), seen(2, 0, { weights: true }), sent(3, 40), answered(4, 40, 'refused'), seen(60, 0)],
      { attemptCount: 0, lastOutcome: undefined },
    ],
    [
      'gets the answer to a level no longer wanted',
      [want(1, 40), seen(2, 0), sent(3, 40), want(4, 60), answered(5, 40, 'accepted')],
      { state: 'wanted', concurrency: 60, askedConcurrency: 40, lastOutcome: undefined },
    ],
    ['wants nothing before it asked', [want(1, 40), seen(2, 0), want(3, 0)], { state: 'idle' }],
    [
      'wants nothing after a 5xx that may have taken effect',
      [want(1, 40), seen(2, 0), sent(3, 40), answered(4, 40, 'unavailable'), want(5, 0)],
      { state: 'wanted', concurrency: 0 },
    ],
    [
      'loses the answer to a release',
      [...ready40, want(200, 0), sent(201, 0), answered(202, 0, 'unknown'), seen(203, 40)],
      { state: 'wanted', oursConcurrencyMax: 40 },
    ],
    [
      'sees the level that it asked',
      [...ready40, want(200, 20), sent(201, 20), answered(202, 20, 'accepted'), seen(203, 20)],
      { state: 'ready', oursConcurrencyMax: 20 },
    ],
    [
      'wants nothing while a Put is under way, and sees nothing',
      [want(1, 40), seen(2, 0), sent(3, 40), want(4, 0), seen(5, 0)],
      { state: 'wanted', concurrency: 0 },
    ],
    [
      'releases',
      [...ready40, want(200, 0), sent(201, 0), answered(202, 0, 'accepted'), seen(203, 0)],
      { state: 'idle', askedConcurrency: undefined, baselineConcurrency: undefined },
    ],
    [
      'returns to what stood before',
      [want(1, 40), seen(2, 12), sent(3, 40), answered(4, 40, 'accepted'), seen(90, 40), want(200, 0)],
      { state: 'wanted', concurrency: 12, baselineConcurrency: 12 },
    ],
    [
      'has returned to what stood before',
      [
        want(1, 40),
        seen(2, 12),
        sent(3, 40),
        answered(4, 40, 'accepted'),
        want(200, 0),
        sent(201, 12),
        answered(202, 12, 'accepted'),
        seen(260, 12),
      ],
      { state: 'idle' },
    ],
    [
      'had found more, which its owner has taken away',
      [want(1, 40), seen(2, 50), seen(60_002, 10)],
      { state: 'lost', concurrency: 40, baselineConcurrency: 10 },
    ],
    [
      'finds more than it wants',
      [want(1, 40), seen(2, 50)],
      { state: 'ready', concurrency: 50, wantedConcurrency: 40 },
    ],
  ])('%s', (_name, facts, expected) => {
    const pursuit = after(...facts);
    const told = Object.keys(expected).map((field) => [field, pursuit[field as keyof Pursuit]]);
    expect(Object.fromEntries(told)).toEqual(expected);
  });
});

const often = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const steps = fc.array(
  fc.record({
    lengthMs: often(0, 1_000, verifyWithinMs),
    kind: often<PursuitFact['kind']>(
      'want',
      'sent',
      'sent',
      'outcome',
      'outcome',
      'observed',
      'observed',
      'observed',
      'look-failed',
      'reconsider',
      'adopt',
      'booked-raise',
    ),
    concurrency: often(0, 10, 20),
    isPresent: often(true, true, true, false),
    status: often<ProvisionedStatus>('IN_PROGRESS', 'READY', 'FAILED'),
    shortBy: often(0, 0, 1),
    weights: often(false, false, true),
    version: often('1', '1', '2'),
    outcome: often<Outcome['kind']>(
      'accepted',
      'accepted',
      'accepted',
      'refused',
      'throttled',
      'unavailable',
      'unknown',
    ),
    lateByMs: often(0, 0, 0, 5_000),
  }),
  { minLength: 1, maxLength: 60, size: 'max' },
);
type Steps = typeof steps extends fc.Arbitrary<infer Value> ? Value : never;

/** Turns random steps into facts as a host would report them: one call at a time, mostly about the level pursued. */
function* walk(script: Steps): Generator<{ before: Pursuit; fact: PursuitFact; now: Pursuit }> {
  let pursuit = createPursuit(0);
  let atMs = 0;
  for (const step of script) {
    atMs += step.lengthMs;
    const level = step.isPresent ? pursuit.concurrency : step.concurrency;
    const fact = ((): PursuitFact => {
      switch (step.kind) {
        case 'want':
          return want(atMs, step.concurrency);
        case 'sent':
          return pursuit.inFlight || pursuit.state === 'idle' ? want(atMs, step.concurrency) : sent(atMs, level);
        case 'outcome':
          return answered(atMs, pursuit.inFlight?.concurrency ?? level, step.outcome);
        case 'observed': {
          const available = step.status === 'READY' ? Math.max(0, level - step.shortBy) : 0;
          return seen(atMs - step.lateByMs, level, { ...step, available });
        }
        case 'adopt':
          return { kind: 'adopt', baselineConcurrency: step.concurrency, atMs };
        case 'booked-raise':
          return { kind: 'booked-raise', concurrency: step.concurrency, atMs };
        case 'yield':
          return { kind: 'yield' };
        case 'look-failed':
        case 'reconsider':
          return { kind: step.kind, atMs };
      }
    })();
    const now = advance(deepFreeze(pursuit), fact);
    yield { before: pursuit, fact, now };
    pursuit = now;
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}

describe('pursuit, whatever happens', () => {
  it('is the very same while nothing is new', () => {
    const ready = after(...ready40);
    expect(advance(ready, want(500, 40))).toBe(ready);
    const onTop = after(want(1, 40), seen(2, 50));
    expect(advance(onTop, want(500, 40))).toBe(onTop);
  });

  it('changes state only as listed, and claims no more than was seen', () => {
    fc.assert(
      fc.property(steps, (script) => {
        for (const { before, fact, now } of walk(script)) {
          const isListed = now.state === before.state || pursuitTransitions[before.state].includes(now.state);
          expect(isListed, `${before.state} -> ${now.state} by ${JSON.stringify(fact)}`).toBe(true);
          checkClaims(now);
        }
      }),
      { numRuns: 200 },
    );
  });

  // Goal: the table lists nothing that cannot happen. Method: many walks from one seed, and every change that they made.
  it('makes every change that is listed', () => {
    const made = new Map<PursuitState, Set<PursuitState>>();
    for (const script of fc.sample(steps, { numRuns: 3_000, seed: 20_261_106 })) {
      for (const { before, now } of walk(script)) {
        if (now.state !== before.state) made.set(before.state, (made.get(before.state) ?? new Set()).add(now.state));
      }
    }
    for (const [from, listed] of Object.entries(pursuitTransitions)) {
      expect([...(made.get(from as PursuitState) ?? [])].sort(), from).toEqual([...listed].sort());
    }
  });

  it('goes on from a snapshot exactly as before', () => {
    fc.assert(
      fc.property(steps, (script) => {
        for (const { before, fact, now } of walk(script)) {
          const restored = JSON.parse(JSON.stringify(before)) as Pursuit;
          expect(advance(restored, fact)).toEqual(now);
        }
      }),
      { numRuns: 100 },
    );
  });
});

function checkClaims(pursuit: Pursuit): void {
  const { state, concurrency, observed, inFlight, askedConcurrency } = pursuit;
  expect(concurrency).toBe(Math.max(pursuit.wantedConcurrency, pursuit.baselineConcurrency ?? 0));
  if (state === 'ready') {
    expect(observed).toMatchObject({
      hasRoutingWeights: false,
      provisioned: { status: 'READY', requested: concurrency },
    });
    expect(Math.min(observed!.provisioned!.allocated, observed!.provisioned!.available)).toBeGreaterThanOrEqual(
      concurrency,
    );
    expect(pursuit.readyAtMs).toBeLessThanOrEqual(observed!.atMs);
  }
  if (state === 'idle') expect([inFlight, askedConcurrency, concurrency]).toEqual([undefined, undefined, 0]);
  if (state === 'lost') expect(pursuit.lostAtMs).toBeGreaterThanOrEqual(pursuit.readyAtMs!);
  if (state === 'failed') expect(pursuit.failure).toBeDefined();
}
