import { describe, expect, it } from 'vitest';
import type { HoldProvisionedConcurrency, Outcome } from '../core/action.ts';
import { action, context, nowMs, observed, wanted } from './gate-example.ts';
import { gateStages } from './gate-stages.ts';
import { createGate, type GateContext, type Verdict } from './gate.ts';
import type { Pursuit } from './pursuit.ts';

const gate = createGate(gateStages);

function weighted(agoMs: number): Outcome {
  const message = 'Alias with weights can not be used with Provisioned Concurrency';
  return { kind: 'refused', atMs: nowMs - agoMs, code: 'InvalidParameterValueException', message };
}

const outcome = (kind: Exclude<Outcome['kind'], 'accepted'>, agoMs: number, retryAfterMs?: number): Outcome => {
  const answer = { kind, atMs: nowMs - agoMs, code: 'Code', message: 'words' };
  return kind === 'refused' || retryAfterMs === undefined ? answer : { ...answer, kind, retryAfterMs };
};

/** READY at 40 of ours, on top of nothing. */
const ours: Pursuit = {
  ...wanted,
  state: 'ready',
  askedConcurrency: 40,
  oursConcurrencyMax: 40,
  observed: observed(40),
  readyAtMs: nowMs - 1_000,
};
const failed: Pursuit = {
  ...wanted,
  state: 'failed',
  askedConcurrency: 40,
  oursConcurrencyMax: 40,
  observed: observed(40, 'FAILED'),
  failure: { atMs: nowMs - 1_000, reason: 'FUNCTION_ERROR_INIT_FAILURE', version: '1' },
};
const releasing: Pursuit = { ...ours, state: 'wanted', wantedConcurrency: 0, concurrency: 0 };
const lowering: Pursuit = { ...ours, state: 'wanted', wantedConcurrency: 10, concurrency: 10 };

const { ownership: _own, ...unowned } = context.spec;
/** READY, until somebody set 10. */
const drifted: Pursuit = {
  ...ours,
  state: 'lost',
  observed: observed(10),
  drift: { count: 1, seen: 10, atMs: nowMs - 1_000 },
};
const steering: Pursuit = {
  ...wanted,
  isSteered: true,
  baselineBounds: { min: 0, max: 60 },
  observed: observed(12, 'IN_PROGRESS', { scalable: { min: 0, max: 60 } }),
};

const brake = { by: 'operator:ada', because: 'a drill' };

interface Case {
  readonly says: string;
  readonly action?: Partial<HoldProvisionedConcurrency>;
  readonly context?: Partial<GateContext>;
  readonly pursuit?: Partial<Pursuit>;
  readonly verdict: string;
}

// Goal: each stage stops what it must and nothing beside it. Method: the context above passes with every limit met exactly; each case changes
// one thing, most in pairs that lie on both sides of the line.
const cases: readonly Case[] = [
  { says: 'puts back what another hand changed', pursuit: drifted, verdict: 'pass' },
  {
    says: 'puts it back once',
    pursuit: { ...drifted, drift: { ...drifted.drift!, count: 2 } },
    verdict: 'refuse drift',
  },
  {
    says: 'lets the other hand have it',
    pursuit: drifted,
    context: { spec: { ...context.spec, onDrift: 'yield' } },
    verdict: 'refuse drift',
  },
  {
    says: 'puts it back even once the event has begun',
    pursuit: { ...drifted, windowId: 'nfp' },
    action: { deadlineMs: nowMs - 1 },
    verdict: 'pass',
  },
  {
    says: 'raises for no other reason by then',
    pursuit: { ...wanted, windowId: 'nfp' },
    action: { deadlineMs: nowMs - 1 },
    verdict: 'refuse expired',
  },
  {
    says: 'looks once more where there is nothing to take away',
    pursuit: { ...releasing, observed: observed(0) },
    action: { concurrency: 0 },
    verdict: 'observe observed',
  },
  {
    says: 'makes no scalable target',
    pursuit: { ...steering, observed: observed(12) },
    verdict: 'refuse ownership',
  },
  { says: 'has no booked end', context: { bookedEndMs: undefined }, verdict: 'wait booked' },
  {
    says: 'needs none to go back',
    pursuit: releasing,
    action: { concurrency: 0 },
    context: { bookedEndMs: undefined },
    verdict: 'pass',
  },
  {
    says: 'needs one for what is above what stood before',
    pursuit: lowering,
    action: { concurrency: 10 },
    context: { bookedEndMs: undefined },
    verdict: 'wait booked',
  },
  {
    says: 'lowers nothing on a bad day',
    pursuit: lowering,
    action: { concurrency: 10 },
    context: { errorRatio: 0.051 },
    verdict: 'wait bad-day',
  },
  {
    says: 'lowers on a day as any other',
    pursuit: lowering,
    action: { concurrency: 10 },
    context: { errorRatio: 0.05 },
    verdict: 'pass',
  },
  { says: 'raises on a bad day', context: { errorRatio: 0.9 }, verdict: 'pass' },
  { says: 'steers while the tracking moves it', pursuit: steering, verdict: 'pass' },
  {
    says: 'has steered',
    pursuit: {
      ...steering,
      state: 'allocating',
      askedConcurrency: 40,
      observed: observed(40, 'IN_PROGRESS', { scalable: { min: 40, max: 60 } }),
    },
    verdict: 'already already',
  },
  {
    says: 'repairs a maximum that was left lowered',
    pursuit: {
      ...steering,
      state: 'allocating',
      askedConcurrency: 40,
      oursConcurrencyMax: 40,
      observed: observed(40, 'READY', { scalable: { min: 40, max: 40 } }),
    },
    verdict: 'pass',
  },
  { says: 'passes with every limit met exactly', verdict: 'pass' },
  { says: 'does nothing in shadow', context: { mode: 'shadow' }, verdict: 'refuse mode' },
  { says: 'does nothing in advise', context: { mode: 'advise' }, verdict: 'refuse mode' },
  { says: 'does not turn a knob that nobody said is ours', context: { spec: unowned }, verdict: 'refuse owner' },
  { says: 'only looks', context: { spec: { ...unowned, ownership: 'observe' } }, verdict: 'refuse owner' },
  { says: 'acts on AWS', context: { endpointKind: 'aws' }, verdict: 'pass' },
  { says: 'does not touch what it cannot name', context: { endpointKind: 'unknown' }, verdict: 'refuse endpoint' },
  { says: 'keeps its hands off what is held', context: { operatorHold: { because: 'drill' } }, verdict: 'wait held' },
  {
    says: 'holds until the end',
    context: { operatorHold: { because: 'drill', untilMs: nowMs + 1 } },
    verdict: 'wait held',
  },
  {
    says: 'forgets a hold that has ended',
    context: { operatorHold: { because: 'drill', untilMs: nowMs } },
    verdict: 'pass',
  },
  {
    says: 'has one call under way',
    pursuit: { inFlight: { concurrency: 30, sentAtMs: nowMs } },
    verdict: 'wait in-flight',
  },
  { says: 'has asked', pursuit: { state: 'asked', askedConcurrency: 40 }, verdict: 'already already' },
  { says: 'has asked for less', pursuit: { state: 'asked', askedConcurrency: 30 }, verdict: 'pass' },
  { says: 'has it', pursuit: ours, verdict: 'already already' },
  {
    says: 'has it, seen long ago',
    pursuit: { ...ours, observed: observed(40, 'READY', { atMs: nowMs - 90_000 }) },
    verdict: 'already already',
  },
  {
    says: 'lost it to a deployment that will bring it back',
    pursuit: { ...ours, state: 'lost', observed: observed(40, 'IN_PROGRESS') },
    verdict: 'already already',
  },
  { says: 'lost it to another hand', pursuit: { ...ours, state: 'lost', observed: observed(0) }, verdict: 'pass' },
  {
    says: 'has nothing to release',
    action: { concurrency: 0 },
    pursuit: { state: 'idle' },
    verdict: 'already already',
  },
  {
    says: 'was refused',
    pursuit: { lastOutcome: outcome('refused', 2_000), attemptCount: 1 },
    verdict: 'refuse backoff',
  },
  {
    says: 'was refused by a deployment, not half a minute ago',
    pursuit: { lastOutcome: weighted(29_999), attemptCount: 1 },
    verdict: 'wait backoff',
  },
  {
    says: 'was refused by a deployment half a minute ago, and has looked since',
    pursuit: { lastOutcome: weighted(30_000), attemptCount: 1 },
    verdict: 'pass',
  },
  {
    says: 'was refused by a deployment and has not looked since',
    pursuit: {
      lastOutcome: weighted(30_000),
      attemptCount: 1,
      observed: observed(0, 'READY', { atMs: nowMs - 30_001 }),
    },
    verdict: 'observe observed',
  },
  {
    says: 'was refused by a conflict half a minute ago',
    pursuit: {
      lastOutcome: {
        kind: 'refused',
        atMs: nowMs - 30_000,
        code: 'ResourceConflictException',
        message: 'The operation cannot be performed at this time.',
      },
      attemptCount: 1,
    },
    verdict: 'pass',
  },
  {
    says: 'was throttled just now',
    pursuit: { lastOutcome: outcome('throttled', 499), attemptCount: 1 },
    verdict: 'wait backoff',
  },
  {
    says: 'was throttled a second ago',
    pursuit: { lastOutcome: outcome('throttled', 1_000), attemptCount: 1 },
    verdict: 'pass',
  },
  {
    says: 'was throttled since it looked, and that changed nothing',
    pursuit: {
      lastOutcome: outcome('throttled', 1_000),
      attemptCount: 1,
      observed: observed(0, 'READY', { atMs: nowMs - 2_000 }),
    },
    verdict: 'pass',
  },
  {
    says: 'was throttled for the fourth time',
    pursuit: { lastOutcome: outcome('throttled', 3_999), attemptCount: 4 },
    verdict: 'wait backoff',
  },
  {
    says: 'was throttled and told when to return',
    pursuit: { lastOutcome: outcome('throttled', 4_999, 5_000), attemptCount: 1 },
    verdict: 'wait backoff',
  },
  {
    says: 'was told when to return, and that is now',
    pursuit: { lastOutcome: outcome('throttled', 5_000, 5_000), attemptCount: 1 },
    verdict: 'pass',
  },
  {
    says: 'was throttled for long enough',
    pursuit: { lastOutcome: outcome('throttled', 30_000), attemptCount: 29 },
    verdict: 'pass',
  },
  {
    says: 'was throttled for too long',
    pursuit: { lastOutcome: outcome('throttled', 30_000), attemptCount: 30 },
    verdict: 'refuse backoff',
  },
  {
    says: 'lowers, and was throttled time and again',
    action: { concurrency: 10 },
    pursuit: { ...lowering, lastOutcome: outcome('throttled', 30_000), attemptCount: 300 },
    verdict: 'pass',
  },
  {
    says: 'never stops trying to release',
    action: { concurrency: 0 },
    pursuit: { ...releasing, lastOutcome: outcome('throttled', 30_000), attemptCount: 300 },
    verdict: 'pass',
  },
  {
    says: 'waited out an outage, not looked since',
    pursuit: {
      lastOutcome: outcome('unavailable', 2_000),
      attemptCount: 1,
      observed: observed(0, 'READY', { atMs: nowMs - 2_001 }),
    },
    verdict: 'observe observed',
  },
  {
    says: 'has looked since an outage',
    pursuit: { lastOutcome: outcome('unavailable', 2_000), attemptCount: 1 },
    verdict: 'pass',
  },
  { says: 'never looked', pursuit: { observed: undefined }, verdict: 'observe observed' },
  {
    says: 'looked half a minute ago',
    pursuit: { observed: observed(0, 'READY', { atMs: nowMs - 30_000 }) },
    verdict: 'pass',
  },
  {
    says: 'looked before that',
    pursuit: { observed: observed(0, 'READY', { atMs: nowMs - 30_001 }) },
    verdict: 'observe observed',
  },
  { says: 'failed to look, and will by itself', pursuit: { lookFailedCount: 1 }, verdict: 'wait observed' },
  { says: 'cannot verify, and does not ask again', pursuit: { state: 'cannot-verify' }, verdict: 'wait observed' },
  {
    says: 'cannot verify, and does not release',
    action: { concurrency: 0 },
    pursuit: { ...releasing, state: 'cannot-verify' },
    verdict: 'wait observed',
  },
  { says: 'raises at T+0', action: { deadlineMs: nowMs }, verdict: 'pass' },
  { says: 'raises after T+0', action: { deadlineMs: nowMs - 1 }, verdict: 'refuse expired' },
  { says: 'is no longer wanted', action: { untilMs: nowMs }, verdict: 'refuse expired' },
  { says: 'lowers after T+0', action: { concurrency: 10, deadlineMs: nowMs - 1 }, pursuit: lowering, verdict: 'pass' },
  {
    says: 'releases whenever',
    action: { concurrency: 0, deadlineMs: nowMs - 1, untilMs: nowMs - 1 },
    pursuit: releasing,
    verdict: 'pass',
  },
  { says: 'asks again after a failure', pursuit: failed, verdict: 'refuse failed' },
  {
    says: 'asks for less after a failure',
    action: { concurrency: 39 },
    pursuit: { ...failed, state: 'wanted', concurrency: 39 },
    verdict: 'refuse failed',
  },
  {
    says: 'goes back to the floor after a failure',
    action: { concurrency: 10 },
    pursuit: { ...failed, state: 'wanted', concurrency: 10 },
    verdict: 'pass',
  },
  {
    says: 'failed at the floor',
    action: { concurrency: 10 },
    pursuit: { ...failed, observed: observed(10, 'FAILED'), askedConcurrency: 10, oursConcurrencyMax: 10 },
    verdict: 'refuse failed',
  },
  {
    says: 'removes what failed',
    action: { concurrency: 0 },
    pursuit: { ...failed, state: 'wanted', concurrency: 0 },
    verdict: 'pass',
  },
  { says: 'asks over a failure of last week', pursuit: { observed: observed(40, 'FAILED') }, verdict: 'pass' },
  {
    says: 'asks over it after T+0',
    action: { deadlineMs: nowMs - 1 },
    pursuit: { observed: observed(40, 'FAILED') },
    verdict: 'refuse expired',
  },
  {
    says: 'goes below what stood before',
    action: { concurrency: 10 },
    pursuit: { ...lowering, baselineConcurrency: 11 },
    verdict: 'refuse ownership',
  },
  {
    says: 'removes what stood before',
    action: { concurrency: 0 },
    pursuit: { ...releasing, baselineConcurrency: 11 },
    verdict: 'refuse ownership',
  },
  {
    says: 'returns to what stood before',
    action: { concurrency: 10 },
    pursuit: { ...lowering, baselineConcurrency: 10 },
    verdict: 'pass',
  },
  {
    says: 'lowers what somebody else has raised',
    action: { concurrency: 0 },
    pursuit: { ...releasing, observed: observed(41) },
    verdict: 'wait ownership',
  },
  {
    says: 'meets a weighted alias',
    pursuit: { observed: observed(0, 'READY', { hasRoutingWeights: true }) },
    verdict: 'wait deployment',
  },
  {
    says: 'releases on a weighted alias',
    action: { concurrency: 0 },
    pursuit: { ...releasing, observed: observed(40, 'READY', { hasRoutingWeights: true }) },
    verdict: 'pass',
  },
  {
    says: 'meets an allocation by another hand',
    pursuit: { observed: observed(30, 'IN_PROGRESS') },
    verdict: 'wait deployment',
  },
  {
    says: 'meets an allocation of its own',
    pursuit: { oursConcurrencyMax: 30, observed: observed(30, 'IN_PROGRESS') },
    verdict: 'pass',
  },
  {
    says: 'was READY and is reallocated',
    pursuit: { oursConcurrencyMax: 30, lostAtMs: nowMs - 9_000, observed: observed(30, 'IN_PROGRESS') },
    verdict: 'wait deployment',
  },
  {
    says: 'is above its ceiling',
    context: { spec: { ...context.spec, concurrencyCeiling: 39 } },
    verdict: 'refuse ceiling',
  },
  {
    says: 'is above its reservation',
    context: { spec: { ...context.spec, reservedConcurrency: 39 } },
    verdict: 'refuse ceiling',
  },
  {
    says: 'is above what all may hold',
    context: { others: { ...context.others, concurrency: 61 } },
    verdict: 'refuse ceiling',
  },
  {
    says: 'leaves the account 99',
    context: { account: { concurrencyLimit: 199, unreservedConcurrency: 199 } },
    verdict: 'refuse ceiling',
  },
  {
    says: 'is above the hourly budget',
    context: { others: { ...context.others, usdPerHour: 8.01 } },
    verdict: 'refuse budget',
  },
  {
    says: 'is above the budget of its event',
    context: { others: { ...context.others, usdOfEvent: 3.01 } },
    verdict: 'refuse budget',
  },
  { says: 'raises with the brake on', context: { brake }, verdict: 'wait brake' },
  {
    says: 'raises before anybody said yes',
    context: { unapproved: 'nobody has said yes yet' },
    verdict: 'wait approval',
  },
  {
    says: 'releases with the brake on and without a yes',
    action: { concurrency: 0 },
    context: { brake, unapproved: 'nobody has said yes yet' },
    pursuit: releasing,
    verdict: 'pass',
  },
  {
    says: 'costs to the last cent what its limits allow, summed in another order',
    context: {
      limits: { ...context.limits, usdPerHourMax: 0.3, usdPerEventMax: 0.3 },
      others: { ...context.others, usdPerHour: 0.1, usdOfEvent: 0.1 },
      cost: { usdPerHour: 0.2, usd: 0.2 },
    },
    verdict: 'pass',
  },
  {
    says: 'lowers above every limit',
    action: { concurrency: 10 },
    pursuit: lowering,
    context: { others: { concurrency: 999, usdPerHour: 99, usdOfEvent: 99 } },
    verdict: 'pass',
  },
];

function judge({ action: doing, context: facts, pursuit }: Omit<Case, 'says' | 'verdict'>): Verdict {
  return gate.judge({ ...action, ...doing }, { ...context, ...facts, pursuit: { ...wanted, ...pursuit } });
}

const brief = (verdict: Verdict): string => (verdict.kind === 'pass' ? 'pass' : `${verdict.kind} ${verdict.stage}`);

describe('gate, stage by stage', () => {
  it.each(cases)('$says: $verdict', (named) => {
    const verdict = judge(named);
    expect(brief(verdict)).toBe(named.verdict);
    if (verdict.kind !== 'pass') expect(verdict.reason.length).toBeGreaterThan(10);
  });

  it('has a case for every stage', () => {
    const stopped = new Set(cases.map(({ verdict }) => verdict.split(' ')[1]));
    expect(gate.stageNames.filter((name) => !stopped.has(name))).toEqual([]);
  });

  it('says when to come back, the same every time, within half and the whole of the delay', () => {
    for (let attemptCount = 1; attemptCount < 12; attemptCount++) {
      const named = { pursuit: { lastOutcome: outcome('throttled', 0), attemptCount } };
      const verdict = judge(named);
      const delayMs = Math.min(30_000, 1_000 * 2 ** (attemptCount - 1));
      expect(verdict).toMatchObject({ kind: 'wait', stage: 'backoff' });
      const waitMs = verdict.kind === 'wait' ? verdict.untilMs! - nowMs : Number.NaN;
      expect(waitMs).toBeGreaterThanOrEqual(delayMs / 2);
      expect(waitMs).toBeLessThanOrEqual(delayMs);
      expect(judge(named)).toEqual(verdict);
    }
  });

  it('tells without the mode stage what shadow would have done', () => {
    const shadow = createGate(gateStages.filter((stage) => stage.name !== 'mode'));
    expect(shadow.judge(action, { ...context, mode: 'shadow' })).toEqual({ kind: 'pass' });
  });
});
