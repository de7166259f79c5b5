import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BreakerSpec } from '../../core/breaker.ts';
import type { Incident } from '../../core/incident.ts';
import type { BreakerItemPlace } from '../../core/remedy.ts';
import { createLiveRing } from '../live-windows.ts';
import { countEdges, type EdgeCounts } from './edge-counts.ts';
import { fleetShareOf } from './fleet.ts';
import {
  closedSince,
  next,
  standingOf,
  transitions,
  type BreakerCommand,
  type BreakerMoment,
  type BreakerState,
} from './machine.ts';
import { remedyOf } from './remedies.ts';
import { noCalls, quietMoment, sampleIncident, sampleSpec } from './sample.ts';
import { breakersFor, touchedBy } from './spec.ts';

const perSecond = 20;

/** Calls to the callee, second by second: how many of those that are let through are harmed. */
type Fault = (atMs: number) => number;

interface Episode {
  readonly fault: Fault;
  readonly untilMs: number;
  readonly spec?: BreakerSpec;
  readonly incident?: (atMs: number) => Incident | undefined;
  readonly change?: (atMs: number) => Partial<BreakerMoment>;
}

/** Lives through an episode a second at a time, where what is admitted is what is counted. */
function live({ fault, untilMs, spec = sampleSpec, incident, change }: Episode) {
  let state = closedSince(0);
  const seconds: EdgeCounts[] = [];
  const moves: [atMs: number, to: string][] = [];
  const steps: [atMs: number, kind: string, because: string][] = [];
  for (let nowMs = 0; nowMs <= untilMs; nowMs += 1_000) {
    const standing = standingOf(spec, state, nowMs);
    const callCount = perSecond * standing.admitRatio;
    seconds.push({ callCount, harmedCount: callCount * fault(nowMs), throttleCount: 0 });
    const known = incident?.(nowMs);
    const step = next(
      spec,
      state,
      quietMoment(nowMs, {
        incidents: known ? [known] : [],
        count: (fromMs, toMs) =>
          seconds.slice(Math.ceil(fromMs / 1_000), Math.ceil(toMs / 1_000)).reduce(
            (sum, one) => ({
              callCount: sum.callCount + one.callCount,
              harmedCount: sum.harmedCount + one.harmedCount,
              throttleCount: 0,
            }),
            noCalls,
          ),
        ...change?.(nowMs),
      }),
    );
    if (step.kind !== 'nothing') steps.push([nowMs, step.kind, step.because]);
    if (step.state.state !== state.state) moves.push([nowMs, step.state.state]);
    state = step.state;
  }
  return { moves, steps, state, seconds };
}

/** Found after five seconds; seen as over half a minute after it is. */
const found =
  (startsAtMs: number, endsAtMs: number) =>
  (atMs: number): Incident | undefined =>
    atMs >= startsAtMs + 5_000 && atMs < endsAtMs + 30_000 ? { ...sampleIncident, startsAtMs } : undefined;

describe('an episode', () => {
  it.each([1, 2, 4, 10, 30])('of %i minutes has three transitions, the last soon after its end', (minutes) => {
    const endsAtMs = 60_000 + minutes * 60_000;
    const { moves, seconds } = live({
      fault: (atMs) => (atMs >= 60_000 && atMs < endsAtMs ? 1 : 0),
      incident: found(60_000, endsAtMs),
      untilMs: endsAtMs + 600_000,
    });
    expect(moves.map(([, to]) => to)).toEqual(['open', 'half-open', 'closed']);
    expect(moves[0]![0]).toBe(65_000);
    // At worst a whole hold-off has just begun: two minutes, then three shares of 15 seconds.
    expect(moves[2]![0] - endsAtMs).toBeLessThanOrEqual(120_000 + 20_000 + 3 * 16_000);
    const harmed = seconds.reduce((sum, { harmedCount }) => sum + harmedCount, 0);
    expect(harmed).toBeLessThan(perSecond * (6 + 2.5 * minutes));
  });

  it('of four minutes goes as docs/breakers.md says', () => {
    const { steps } = live({
      fault: (atMs) => (atMs < 240_000 ? 1 : 0),
      incident: found(0, 240_000),
      untilMs: 400_000,
    });
    const told = steps.flatMap(([atMs, kind, because]) => (kind === 'renewed' ? [] : [`${atMs / 1_000} ${because}`]));
    const sees = (share: number) => `${share} % of calls go through, to see how they fare`;
    const harmed = (count: number, of: number) => `${count} of ${of} calls to dynamodb/orders were harmed`;
    expect(told).toEqual([
      '5 100 of 100 calls to dynamodb/orders are harmed (edge:f>dynamodb/orders@0)',
      `35 it held off: ${sees(5)}`,
      `45 ${harmed(5, 5)}`,
      `105 it held off: ${sees(5)}`,
      `115 ${harmed(5, 5)}`,
      `235 it held off: ${sees(5)}`,
      `260 ${harmed(0, 20)}: ${sees(20)}`,
      `275 ${harmed(0, 40)}: ${sees(50)}`,
      `290 ${harmed(0, 100)}`,
    ]);
  });

  it('that comes back under half of the load opens again, and holds off for longer', () => {
    let isBack = false;
    const { moves } = live({
      fault: (atMs) => {
        isBack ||= atMs >= 145_000;
        return (atMs >= 10_000 && atMs < 40_000) || (isBack && atMs < 170_000) ? 1 : 0;
      },
      incident: found(10_000, 170_000),
      untilMs: 600_000,
    });
    const [opened, again] = moves.filter(([, to]) => to === 'open');
    expect(opened![0]).toBe(15_000);
    expect(again![0]).toBeGreaterThan(145_000);
    const halfOpened = moves.filter(([, to]) => to === 'half-open').map(([atMs]) => atMs);
    expect(halfOpened[1]! - again![0]).toBeGreaterThanOrEqual(60_000);
  });

  it('closes although nobody calls any more', () => {
    const { moves } = live({
      fault: () => 1,
      incident: found(0, 10_000),
      untilMs: 900_000,
      change: (atMs) => (atMs > 10_000 ? { count: () => noCalls } : {}),
    });
    expect(moves.map(([, to]) => to)).toEqual(['open', 'closed']);
  });

  it('is renewed each third of its lease, and counted up with each standing', () => {
    const { steps, state } = live({ fault: () => 1, incident: found(0, 900_000), untilMs: 33_000 });
    expect(steps.map(([atMs, kind]) => [atMs, kind])).toEqual([
      [5_000, 'moved'],
      [25_000, 'renewed'],
    ]);
    expect(state).toMatchObject({ revision: 2, untilMs: 85_000 });
  });

  it('is told twice more where clients write over what they read', () => {
    const place: BreakerItemPlace = {
      ...{ format: 'circuitbreaker-lambda', accountId: '123456789012', region: 'us-east-1' },
      ...{ table: 'circuits', id: 'orders', recoveryTimeoutMs: 10_000 },
    };
    const { steps } = live({
      spec: { ...sampleSpec, enactment: { kind: 'shared-state', places: [place] } },
      fault: () => 1,
      incident: found(0, 900_000),
      untilMs: 31_000,
    });
    expect(steps.map(([atMs]) => atMs)).toEqual([5_000, 7_000, 10_000, 30_000]);
  });
});

describe('it opens', () => {
  const trouble = { callCount: 10, harmedCount: 5, throttleCount: 0 };
  const at = (change: Partial<BreakerMoment>): BreakerMoment =>
    quietMoment(50_000, { incidents: [sampleIncident], count: () => trouble, ...change });

  it('on an incident that its calls show, by just as many as are asked for', () => {
    const step = next(sampleSpec, closedSince(0), at({}));
    expect(step).toMatchObject({
      kind: 'moved',
      state: { state: 'open', admitRatio: 0, incidentId: sampleIncident.id },
    });
    expect(step.because).toBe('5 of 10 calls to dynamodb/orders are harmed (edge:f>dynamodb/orders@0)');
    expect(standingOf(sampleSpec, step.state, 50_000)).toEqual({
      name: 'orders-table',
      state: 'open',
      admitRatio: 0,
      sinceMs: 50_000,
      untilMs: 110_000,
      revision: 1,
    });
  });

  it.each<[string, Partial<BreakerMoment>, RegExp | '']>([
    ['no incident', { incidents: [] }, ''],
    ['one of another callee', { incidents: [{ ...sampleIncident, origin: 'edge:f>dynamodb/fills' }] }, ''],
    ['one of a caller', { incidents: [{ ...sampleIncident, origin: 'service:f' }] }, ''],
    ['one whose trouble is past', { incidents: [{ ...sampleIncident, state: 'mitigated' }] }, ''],
    ['one that is announced work', { incidents: [{ ...sampleIncident, silencedBy: 'move' }] }, ''],
    ['a call too few', { count: () => ({ callCount: 9, harmedCount: 9, throttleCount: 0 }) }, ''],
    ['too few that are harmed', { count: () => ({ callCount: 11, harmedCount: 5, throttleCount: 0 }) }, ''],
    ['a function that is never to be stopped', { neverBreak: ['cancel'] }, /cancel is marked neverBreak/],
    ['a gate that says no', { permit: () => ({ isAllowed: false, because: 'brake' }) }, /^brake$/],
    ['too many open', { fleet: { functionCount: 40, openCount: 4, otherTroubledCount: 0 } }, /touch 4 of 40/],
    ['panic', { fleet: { functionCount: 40, openCount: 0, otherTroubledCount: 21 } }, /21 of 40 .*other trouble/],
  ])('not with %s', (_, change, says) => {
    const step = next(sampleSpec, closedSince(0), at(change));
    expect(step.state.state).toBe('closed');
    expect(step.kind).toBe(says === '' ? 'nothing' : 'held');
    expect(step.because).toMatch(says);
    // Said once.
    expect(next(sampleSpec, step.state, at(change)).kind).toBe('nothing');
  });

  it.each<[string, Partial<BreakerMoment>]>([
    ['the first of a small fleet', { fleet: { functionCount: 4, openCount: 0, otherTroubledCount: 0 } }],
    ['one below the most', { fleet: { functionCount: 40, openCount: 3, otherTroubledCount: 0 } }],
    ['half of the fleet in other trouble', { fleet: { functionCount: 40, openCount: 0, otherTroubledCount: 20 } }],
    ['two of three in other trouble', { fleet: { functionCount: 3, openCount: 0, otherTroubledCount: 2 } }],
  ])('with %s', (_, change) => {
    expect(next(sampleSpec, closedSince(0), at(change)).state.state).toBe('open');
  });

  // Goal: a breaker that slept through a quiet hour judges the next call on that call alone.
  // Method: nine harmed calls, one short of the volume needed; an idle hour; one more.
  it('not by what was before an idle hour', () => {
    const ring = createLiveRing();
    const call = (secondAtMs: number, count: number): void => {
      const counts = { spanCount: count, requestCount: count, errorCount: count, throttleCount: 0, coldStartCount: 0 };
      const rest = { provisionedInitCount: 0, deadLetterCount: 0, durationMs: [], valueSum: 0, sender: 's' };
      const examples = { slowest: [], failed: [] };
      ring.fold({ key: 'edge:f>dynamodb/orders', secondAtMs, ...counts, ...rest, examples }, Infinity);
    };
    const judge = (nowMs: number) => {
      const incidents = [{ ...sampleIncident, startsAtMs: 0 }];
      const count = (fromMs: number, untilMs: number) => countEdges([ring], fromMs, untilMs);
      return next(sampleSpec, closedSince(0), quietMoment(nowMs, { incidents, count })).state.state;
    };
    call(0, 9);
    expect(judge(1_000)).toBe('closed');
    call(3_600_000, 1);
    expect(judge(3_601_000)).toBe('closed');
    call(3_601_000, 9);
    expect(judge(3_602_000)).toBe('open');
  });
});

describe('a human', () => {
  const command = (to: BreakerCommand['to'], untilMs = 600_000): BreakerCommand => ({
    ...{ to, untilMs, by: 'operator:ann', because: 'maintenance of orders' },
  });
  const say = (state: BreakerState, nowMs: number, said: BreakerCommand, change: Partial<BreakerMoment> = {}) =>
    next(sampleSpec, state, quietMoment(nowMs, { command: said, ...change }));

  it('opens it without any trouble, for as long as they said, and over a time in which nobody ran', () => {
    let { state } = say(closedSince(0), 1_000, command('forced-open'));
    expect(standingOf(sampleSpec, state, 1_000)).toMatchObject({ state: 'open', admitRatio: 0, untilMs: 61_000 });
    expect(standingOf(sampleSpec, state, 61_000)).toMatchObject({ state: 'closed', admitRatio: 1 });
    ({ state } = next(sampleSpec, state, quietMoment(300_000)));
    expect(standingOf(sampleSpec, state, 300_000)).toMatchObject({ state: 'open', untilMs: 360_000 });
    ({ state } = next(sampleSpec, state, quietMoment(590_000)));
    expect(standingOf(sampleSpec, state, 590_000)).toMatchObject({ state: 'open', untilMs: 600_000 });
    ({ state } = next(sampleSpec, state, quietMoment(600_000)));
    expect(state).toMatchObject({ state: 'closed' });
    expect(state.forced).toBeUndefined();
  });

  it('keeps it closed in the worst trouble, and takes the word back', () => {
    const trouble = {
      incidents: [sampleIncident],
      count: () => ({ callCount: 99, harmedCount: 99, throttleCount: 0 }),
    };
    let { state } = say(closedSince(0), 1_000, command('forced-closed'));
    ({ state } = next(sampleSpec, state, quietMoment(2_000, trouble)));
    expect(state.state).toBe('forced-closed');
    ({ state } = say(state, 3_000, command('none')));
    expect(state.state).toBe('closed');
    ({ state } = next(sampleSpec, state, quietMoment(4_000, trouble)));
    expect(state.state).toBe('open');
  });

  it('has it say what it would do', () => {
    const trouble = {
      incidents: [sampleIncident],
      count: () => ({ callCount: 99, harmedCount: 99, throttleCount: 0 }),
    };
    const { state } = say(closedSince(0), 1_000, command('metrics-only'));
    const step = next(sampleSpec, state, quietMoment(2_000, trouble));
    expect(step).toMatchObject({ kind: 'held', because: `metrics only: would open for ${sampleIncident.id}` });
    expect(standingOf(sampleSpec, step.state, 2_000).admitRatio).toBe(1);
  });

  it.each([
    ['open what is marked neverBreak', command('forced-open'), { neverBreak: ['cancel'] }],
    ['say what has ended already', command('forced-open', 1_000), {}],
  ])('cannot %s', (_, said, change) => {
    expect(say(closedSince(0), 1_000, said, change).state.state).toBe('closed');
  });

  it('says the same again for longer, which is no transition', () => {
    const { state } = say(closedSince(0), 1_000, command('forced-open'));
    const again = say(state, 2_000, command('forced-open', 900_000));
    expect(again).toMatchObject({ kind: 'renewed', state: { sinceMs: 1_000, forced: { untilMs: 900_000 } } });
  });
});

it('counts the fleet without itself: trouble and breakers of others, each function once', () => {
  const other = { ...sampleIncident, origin: 'service:a', harmed: ['a', 'b', 'x'] } as const;
  const over = { ...other, state: 'resolved', harmed: ['c'] } as const;
  const moment = { functions: ['a', 'b', 'c', 'f'], incidents: [sampleIncident, other, other, over] };
  expect(fleetShareOf(sampleSpec, { ...moment, touchedByOthers: ['c', 'c', 'dynamodb/fills'] })).toEqual({
    functionCount: 4,
    openCount: 1,
    otherTroubledCount: 2,
  });
});

it('that may not be renewed any more runs out, and calls go through', () => {
  const { moves, steps } = live({
    fault: () => 1,
    incident: found(0, 900_000),
    untilMs: 70_000,
    change: (atMs) => ({ permit: () => ({ isAllowed: atMs < 10_000, because: 'the brake is on' }) }),
  });
  expect(moves).toEqual([
    [5_000, 'open'],
    [65_000, 'closed'],
  ]);
  expect(steps.map(([atMs, kind]) => [atMs, kind])).toEqual([
    [5_000, 'moved'],
    [25_000, 'held'],
    [35_000, 'share'],
    [45_000, 'held'],
    [65_000, 'moved'],
    // It would open anew.
    [66_000, 'held'],
  ]);
});

describe('whom a breaker concerns', () => {
  const specs = [
    sampleSpec,
    { ...sampleSpec, name: 'of-f', callers: ['f'] },
    { ...sampleSpec, name: 'of-g', callers: ['g'] },
    { ...sampleSpec, name: 'fills', callee: 'dynamodb/fills' },
  ];
  it.each([
    ['edge:f>dynamodb/orders', ['orders-table', 'of-f']],
    ['edge:h>dynamodb/orders', ['orders-table']],
    ['edge:f>dynamodb/orders-2', []],
    ['edge:dynamodb/orders>f', []],
    ['service:f', []],
    ['signal:reject-ratio/algo-7', []],
  ] as const)('an incident at %s is for %j', (origin, names) => {
    expect(breakersFor({ ...sampleIncident, origin }, specs).map(({ name }) => name)).toEqual(names);
  });

  it('of a callee that is a node is for all who call it', () => {
    const spec = { ...sampleSpec, callee: 'service:ledger', callers: ['f'] };
    expect(breakersFor({ ...sampleIncident, origin: 'service:ledger' }, [spec])).toEqual([spec]);
  });

  it('are the callee and its callers, and nobody else', () => {
    expect(touchedBy(sampleSpec, ['f', 'g'])).toEqual(['dynamodb/orders', 'f', 'g']);
    expect(touchedBy(specs[1]!, ['f', 'g'])).toEqual(['dynamodb/orders', 'f']);
  });
});

describe('means', () => {
  const key = '123456789012/us-east-1/orders:live' as never;
  const standing = { name: 'n', sinceMs: 0, untilMs: 60_000, revision: 3 };
  const open = { ...standing, state: 'open', admitRatio: 0 } as const;
  const trickle = { ...standing, state: 'open', admitRatio: 0.05 } as const;
  const half = { ...standing, state: 'half-open', admitRatio: 0.2 } as const;
  const closed = { ...standing, state: 'closed', admitRatio: 1 } as const;
  const weighted: BreakerSpec = { ...sampleSpec, enactment: { kind: 'alias-weight', key, fallbackVersion: '7' } };
  const limited: BreakerSpec = { ...sampleSpec, enactment: { kind: 'reserved-concurrency', key, concurrency: 2 } };

  it.each([
    ['shared state', sampleSpec, open, { kind: 'move-breaker', standing: open }],
    ['all to the fallback', weighted, open, { kind: 'weigh-alias', version: '7', weight: 1 }],
    ['all but a trickle', weighted, trickle, { weight: 0.95 }],
    ['most', weighted, half, { weight: 0.8 }],
    ['none', weighted, closed, { weight: 0 }],
    ['few at a time', limited, open, { kind: 'reserve-concurrency', concurrency: 2 }],
    ['as few', limited, trickle, { concurrency: 2 }],
    ['four times as many', limited, half, { concurrency: 8 }],
    ['no limit', limited, closed, { concurrency: null }],
  ])('%s', (_, spec, told, remedy) => {
    expect(remedyOf(spec, told, 'why')).toMatchObject({ because: 'why', untilMs: 60_000, ...remedy });
  });

  it('of a limit of none let one through to see how it fares', () => {
    const shut: BreakerSpec = { ...sampleSpec, enactment: { kind: 'reserved-concurrency', key, concurrency: 0 } };
    const told = [open, trickle, half].map((one) => remedyOf(shut, one, ''));
    expect(told).toMatchObject([{ concurrency: 0 }, { concurrency: 1 }, { concurrency: 4 }]);
  });

  it.each([
    ['what AWS refuses by our limit', limited, { callCount: 100, harmedCount: 70, throttleCount: 70 }, 'half-open'],
    ['what else fails there', limited, { callCount: 100, harmedCount: 90, throttleCount: 70 }, 'open'],
    [
      'as many failures as calls go to the version',
      weighted,
      { callCount: 1_000, harmedCount: 50, throttleCount: 0 },
      'open',
    ],
    ['few of them', weighted, { callCount: 1_000, harmedCount: 9, throttleCount: 0 }, 'half-open'],
  ])('judges %s', (_, spec, counts, to) => {
    const open: BreakerState = {
      ...{ state: 'open', sinceMs: 0, admitRatio: 0.05, shareSinceMs: 0, revision: 2, leasedAtMs: 0 },
      ...{ untilMs: 60_000, holdOffCount: 0 },
    };
    expect(next(spec, open, quietMoment(20_000, { count: () => counts })).state.state).toBe(to);
  });
});

it.each([
  { usualHarmedRatio: 0, harmedCount: 20, to: 'half-open' },
  { usualHarmedRatio: 0, harmedCount: 21, to: 'open' },
  { usualHarmedRatio: 0.1, harmedCount: 30, to: 'half-open' },
  { usualHarmedRatio: 0.1, harmedCount: 31, to: 'open' },
  { usualHarmedRatio: 0.5, harmedCount: 90, to: 'half-open' },
  { usualHarmedRatio: 0.5, harmedCount: 91, to: 'open' },
])('a trickle of which $harmedCount % is harmed where $usualHarmedRatio is usual: $to', (given) => {
  const { usualHarmedRatio, harmedCount, to } = given;
  const open: BreakerState = {
    ...{ state: 'open', sinceMs: 0, admitRatio: 0.05, shareSinceMs: 0, revision: 2, leasedAtMs: 0 },
    ...{ untilMs: 60_000, holdOffCount: 0 },
  };
  const count = () => ({ callCount: 100, harmedCount, throttleCount: 0 });
  const { state } = next(sampleSpec, open, quietMoment(20_000, { count, usualHarmedRatio }));
  expect([state.state, state.admitRatio]).toEqual(to === 'open' ? ['open', 0] : ['half-open', 0.2]);
});

describe('whatever happens', () => {
  const moments = fc.array(
    fc.record({
      afterMs: fc.integer({ min: 0, max: 90_000 }),
      hasIncident: fc.boolean(),
      callCount: fc.nat(100),
      harmedRatio: fc.double({ min: 0, max: 1, noNaN: true }),
      isAllowed: fc.boolean(),
      isNever: fc.boolean(),
      command: fc.option(
        fc.record({
          to: fc.constantFrom('forced-open', 'forced-closed', 'metrics-only', 'none' as const),
          forMs: fc.integer({ min: -1, max: 300_000 }),
        }),
        { nil: undefined, freq: 6 },
      ),
    }),
    { minLength: 1, maxLength: 60 },
  );

  it('only listed transitions are made, a human wins, nothing opens without trouble, and all of it ends', () => {
    fc.assert(
      fc.property(moments, (happened) => {
        let state = closedSince(0);
        let nowMs = 0;
        for (const { afterMs, hasIncident, callCount, harmedRatio, isAllowed, isNever, command } of happened) {
          nowMs += afterMs;
          const counts = { callCount, harmedCount: callCount * harmedRatio, throttleCount: 0 };
          const before = state;
          const step = next(
            sampleSpec,
            before,
            quietMoment(nowMs, {
              incidents: hasIncident ? [sampleIncident] : [],
              count: () => counts,
              permit: () => ({ isAllowed, because: 'no' }),
              neverBreak: isNever ? ['cancel'] : [],
              ...(command && {
                command: { to: command.to, by: 'ann', because: 'so', untilMs: nowMs + command.forMs },
              }),
            }),
          );
          state = step.state;
          if (state.state !== before.state) expect(transitions[before.state]).toContain(state.state);
          expect(state.revision).toBeGreaterThanOrEqual(before.revision);
          // Each change of what clients are told is a new revision, with an end.
          const told = standingOf(sampleSpec, state, nowMs);
          expect(told.untilMs - nowMs).toBeLessThanOrEqual(sampleSpec.leaseMs);
          if (before.revision === state.revision)
            expect(told.admitRatio).toBe(standingOf(sampleSpec, before, nowMs).admitRatio);
          const isForced = before.forced !== undefined && nowMs < before.forced.untilMs;
          if (isForced && !command) expect(state.state).toBe(before.state);
          if (state.state === 'open' && before.state === 'closed')
            expect([hasIncident, callCount >= 10, counts.harmedCount > 0, isAllowed, isNever]).toEqual([
              true,
              true,
              true,
              true,
              false,
            ]);
          if (told.admitRatio < standingOf(sampleSpec, before, nowMs).admitRatio && state.state !== 'forced-open')
            expect(counts.harmedCount).toBeGreaterThan(0);
          if (state.untilMs > before.untilMs && told.admitRatio < 1) expect(isAllowed).toBe(true);
          expect(standingOf(sampleSpec, state, nowMs + sampleSpec.leaseMs)).toMatchObject({
            state: 'closed',
            admitRatio: 1,
          });
          expect(JSON.parse(JSON.stringify(state))).toEqual(state);
        }
        // Left alone for an hour of nobody calling, whoever said whatever.
        for (let second = 0; second < 3_600; second += 5)
          ({ state } = next(sampleSpec, state, quietMoment(nowMs + second * 1_000)));
        expect(state.state).toBe('closed');
      }),
    );
  });
});
