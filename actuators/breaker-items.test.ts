import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BreakerItemPlace, BreakerStanding } from '../core/remedy.ts';
import { breakerItemPut, readAsClient, standingIn, type Item } from './breaker-items.ts';

const powertools: BreakerItemPlace = {
  ...{ format: 'powertools', accountId: '123456789012', region: 'us-east-1', table: 'CircuitBreakerState' },
  ...{ id: 'orders', recoveryTimeoutMs: 30_000 },
};
const lambda: BreakerItemPlace = { ...powertools, format: 'circuitbreaker-lambda', recoveryTimeoutMs: 10_000 };

const nowMs = 1_763_670_000_500;
const open: BreakerStanding = {
  ...{ name: 'orders-table', state: 'open', admitRatio: 0, sinceMs: nowMs, untilMs: nowMs + 60_000, revision: 7 },
};
const trickle: BreakerStanding = { ...open, admitRatio: 0.05, revision: 8 };
const half: BreakerStanding = { ...open, state: 'half-open', admitRatio: 0.2, revision: 9 };
const closed: BreakerStanding = { ...open, state: 'closed', admitRatio: 1, untilMs: nowMs, revision: 10 };

describe('what is put', () => {
  it('is an item of Powertools, to the attribute', () => {
    const { item, conditionExpression, names, values } = breakerItemPut(powertools, open, nowMs)!;
    expect(item).toEqual({
      id: { S: 'orders' },
      state: { S: 'OPEN' },
      failure_count: { N: '0' },
      // 30 s before the second in which the standing ends: the client adds its recovery timeout.
      opened_at: { N: '1763670030' },
      expiration: { N: '1763673691' },
      foreshock_revision: { N: '7' },
      foreshock_until: { N: '1763670060500' },
      foreshock_since: { N: '1763670000500' },
      foreshock_state: { S: 'open' },
      foreshock_admit: { N: '0' },
    });
    expect(conditionExpression).toBe('attribute_not_exists(#revision) OR #revision <= :revision OR #until <= :now');
    expect(names).toEqual({ '#revision': 'foreshock_revision', '#until': 'foreshock_until' });
    expect(values).toEqual({ ':revision': { N: '7' }, ':now': { N: '1763670000500' } });
  });

  it('is an item of circuitbreaker-lambda, to the attribute', () => {
    expect(breakerItemPut(lambda, open, nowMs)!.item).toMatchObject({
      id: { S: 'orders' },
      circuitState: { S: 'OPEN' },
      failureCount: { N: '0' },
      successCount: { N: '0' },
      nextAttempt: { N: '1763670060500' },
      lastFailureTime: { N: '1763670000500' },
      consecutiveOpens: { N: '0' },
      stateTimestamp: { N: '1763670000500' },
      schemaVersion: { N: '1' },
    });
  });

  it.each([powertools, lambda])('is nothing while clients of $format test by themselves', (place) => {
    expect(breakerItemPut(place, trickle, nowMs, open)).toBeDefined();
    expect(breakerItemPut(place, half, nowMs, trickle)).toBeUndefined();
    expect(breakerItemPut(place, open, nowMs, half)).toBeDefined();
    expect(breakerItemPut(place, closed, nowMs, half)).toBeDefined();
  });
});

describe('a client that reads it', () => {
  const read = (place: BreakerItemPlace, standing: BreakerStanding, afterMs: number) =>
    readAsClient(place, breakerItemPut(place, standing, nowMs)!.item, nowMs + afterMs);

  it.each([
    ['stops', powertools, open, 0, { admits: 'none', untilMs: 1_763_670_060_000 }],
    ['stops to the second', powertools, open, 59_499, { admits: 'none', untilMs: 1_763_670_060_000 }],
    ['tests by one when it is over', powertools, open, 59_500, { admits: 'one' }],
    ['tests by one when its time is up', powertools, trickle, 0, { admits: 'one' }],
    ['lets all through', powertools, closed, 0, { admits: 'all' }],
    ['stops', lambda, open, 0, { admits: 'none', untilMs: nowMs + 60_000 }],
    ['stops to the millisecond', lambda, open, 59_999, { admits: 'none', untilMs: nowMs + 60_000 }],
    ['lets all try when it is over', lambda, open, 60_000, { admits: 'all' }],
    ['lets all try when its time is up', lambda, trickle, 0, { admits: 'all' }],
    ['lets all through', lambda, closed, 0, { admits: 'all' }],
  ] as const)('%s (%o)', (_, place, standing, afterMs, view) => {
    expect(read(place, standing, afterMs)).toEqual(view);
  });

  it.each<[string, BreakerItemPlace, Item | undefined, string]>([
    ['no item', powertools, undefined, 'all'],
    ['no name', powertools, { state: { S: 'OPEN' } }, 'all'],
    ['no time', powertools, { id: { S: 'a' }, state: { S: 'OPEN' } }, 'none'],
    ['a state that it does not know', powertools, { id: { S: 'a' }, state: { S: 'open' } }, 'all'],
    ['a test of somebody', powertools, { id: { S: 'a' }, state: { S: 'HALF_OPEN' } }, 'one'],
    ['no item', lambda, undefined, 'all'],
    ['no time', lambda, { circuitState: { S: 'OPEN' } }, 'all'],
    ['a test of somebody', lambda, { circuitState: { S: 'HALF-OPEN' }, nextAttempt: { N: '9e15' } }, 'all'],
    ['a state of old', lambda, { circuitState: { S: 'HALF' }, nextAttempt: { N: '9e15' } }, 'all'],
  ])('makes of %s what the real one does', (_, place, item, admits) => {
    expect(readAsClient(place, item, nowMs).admits).toBe(admits);
  });

  it('is stopped by an open standing alone, and never beyond its end', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(powertools, lambda),
        fc.record({ recoveryS: fc.integer({ min: 1, max: 900 }), leaseMs: fc.integer({ min: 2_000, max: 900_000 }) }),
        fc.constantFrom(open, trickle, half, closed),
        fc.nat(2_000_000),
        (format, { recoveryS, leaseMs }, standing, afterMs) => {
          const place = { ...format, recoveryTimeoutMs: recoveryS * 1_000 };
          const told = { ...standing, untilMs: nowMs + leaseMs };
          const { item } = breakerItemPut(place, told, nowMs)!;
          const { admits } = readAsClient(place, item, nowMs + afterMs);
          if (told.admitRatio > 0 || afterMs >= leaseMs) expect(admits).not.toBe('none');
          else if (afterMs < leaseMs - 1_000) expect(admits).toBe('none');
          expect(standingIn(place, told.name, item)).toEqual(told);
        },
      ),
    );
  });
});

it.each<[string, BreakerItemPlace, Item | undefined]>([
  ['where there is nothing', powertools, undefined],
  ['where a client put its own', powertools, { id: { S: 'orders' }, state: { S: 'OPEN' }, opened_at: { N: '1' } }],
  // This one changes the attributes that it knows and leaves the others.
  [
    'where a client wrote over it',
    lambda,
    { ...breakerItemPut(lambda, open, nowMs)!.item, circuitState: { S: 'CLOSED' } },
  ],
  ['where a number is none', lambda, { ...breakerItemPut(lambda, open, nowMs)!.item, foreshock_until: { N: 'x' } }],
])('our word is not there %s', (_, place, item) => {
  expect(standingIn(place, 'orders-table', item)).toBeUndefined();
});
