import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HoldProvisionedConcurrency, Outcome } from '../core/action.ts';
import type { ProvisionedStatus } from '../core/capacity.ts';
import type { Mode, Ownership } from '../core/function-spec.ts';
import type { EndpointKind } from './endpoint.ts';
import { action, nowMs, observed } from './gate-example.ts';
import { gateStages } from './gate-stages.ts';
import { createGate, type GateContext, type Verdict } from './gate.ts';
import { pursuitTransitions, type Pursuit, type PursuitState } from './pursuit.ts';

const gate = createGate(gateStages);

const often = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const mostly = <T>(value: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: often(...others) });
const counts = often(0, 10, 20, 40, 80);
const instants = often(-60_000, -10_000, -10_000, -1, 0, 1, 60_000, 60_000).map((offsetMs) => nowMs + offsetMs);
const anyObserved = fc
  .record({
    requested: counts,
    status: often<ProvisionedStatus>('IN_PROGRESS', 'READY', 'READY', 'FAILED'),
    atMs: mostly(10_000, 60_000, 30_000, 0).map((agoMs) => nowMs - agoMs),
    hasRoutingWeights: mostly(false, true),
  })
  .map(({ requested, status, ...more }) => observed(requested, status, more));
const anyOutcome = fc
  .record({
    kind: often<Outcome['kind']>('accepted', 'refused', 'throttled', 'unavailable', 'unknown'),
    atMs: instants,
  })
  .map(({ kind, atMs }): Outcome =>
    kind === 'accepted' ? { kind, atMs } : { kind, atMs, code: 'Code', message: 'words' },
  );
// Mostly such as let something through: a gate that is shut for ten reasons proves nothing about the eleventh.
const anyContext: fc.Arbitrary<GateContext> = fc.record({
  nowMs: fc.constant(nowMs),
  mode: mostly<Mode>('enforce', 'shadow', 'advise'),
  endpointKind: mostly<EndpointKind>('twin', 'aws', 'unknown'),
  spec: fc.record({
    concurrencyCeiling: often(20, 80),
    concurrencyFloor: often(0, 10),
    ownership: mostly<Ownership>('own', 'observe'),
  }),
  bookedEndMs: mostly<number | undefined>(nowMs + 60_000, undefined),
  errorRatio: mostly(0, 0.5),
  limits: fc.record({ concurrencyMax: often(40, 120), usdPerHourMax: often(4, 10), usdPerEventMax: often(4, 10) }),
  account: often(140, 1_000).map((limit) => ({ concurrencyLimit: limit, unreservedConcurrency: limit })),
  others: fc.record({ concurrency: often(0, 20, 80), usdPerHour: fc.nat(6), usdOfEvent: fc.nat(6) }),
  cost: fc.record({ usdPerHour: fc.nat(5), usd: fc.nat(5) }),
  seed: fc.constant('seed'),
  pursuit: fc.record({
    state: often(...(Object.keys(pursuitTransitions) as PursuitState[]), 'wanted', 'wanted', 'wanted', 'lost'),
    sinceMs: instants,
    wantedConcurrency: counts,
    concurrency: counts,
    baselineConcurrency: mostly<number | undefined>(0, undefined, 10),
    askedConcurrency: fc.option(counts, { nil: undefined }),
    oursConcurrencyMax: fc.option(counts, { nil: undefined }),
    inFlight: mostly<Pursuit['inFlight']>(undefined, { concurrency: 20, sentAtMs: nowMs }),
    attemptCount: fc.nat(4),
    lastOutcome: fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: anyOutcome }),
    observed: anyObserved,
    lookFailedCount: mostly(0, 1),
  }),
});
const anyAction = fc
  .record({ concurrency: counts, untilMs: instants, deadlineMs: instants })
  .map((doing): HoldProvisionedConcurrency => ({ ...action, ...doing }));

/** Independent of the gate's own notion: more than any level that Lambda has from anybody. */
function isSurelyRaise(doing: HoldProvisionedConcurrency, { pursuit }: GateContext): boolean {
  return doing.concurrency > Math.max(pursuit.observed?.provisioned?.requested ?? 0, pursuit.askedConcurrency ?? 0);
}

/** At most what Lambda was seen to be asked for, alive, with nothing of ours since. */
function isSurelyNoRaise(
  doing: HoldProvisionedConcurrency,
  { pursuit: { observed: look, state } }: GateContext,
): boolean {
  const isSeen = state !== 'asked' && look?.provisioned !== undefined && look.provisioned.status !== 'FAILED';
  return doing.concurrency === 0 || (isSeen && doing.concurrency <= look.provisioned.requested);
}

describe('gate, whatever the facts', () => {
  const check = (property: (doing: HoldProvisionedConcurrency, facts: GateContext, verdict: Verdict) => void) => {
    let passCount = 0;
    fc.assert(
      fc.property(anyAction, anyContext, (doing, facts) => {
        const verdict = gate.judge(doing, facts);
        if (verdict.kind === 'pass') passCount++;
        property(doing, facts, verdict);
      }),
      { numRuns: 3_000, seed: 20_261_106 },
    );
    expect(passCount, 'the property saw actions that pass').toBeGreaterThan(100);
  };

  it('lets nothing through outside enforce, to an unknown end, unowned, unbooked, over a call under way, or blindly', () => {
    check((doing, { mode, endpointKind, pursuit, spec, bookedEndMs }, verdict) => {
      const isUnbooked = bookedEndMs === undefined && doing.concurrency > (pursuit.baselineConcurrency ?? 1_000);
      const isShut =
        mode !== 'enforce' ||
        endpointKind === 'unknown' ||
        spec.ownership !== 'own' ||
        isUnbooked ||
        pursuit.inFlight !== undefined ||
        pursuit.state === 'cannot-verify';
      if (isShut) expect(verdict.kind).not.toBe('pass');
    });
  });

  it('raises nothing after the deadline, above a ceiling, the account or a budget', () => {
    check((doing, facts, verdict) => {
      if (verdict.kind !== 'pass' || !isSurelyRaise(doing, facts)) return;
      const { limits, others, cost, account, spec } = facts;
      expect(doing.deadlineMs).toBeGreaterThanOrEqual(facts.nowMs);
      expect(doing.untilMs).toBeGreaterThan(facts.nowMs);
      expect(doing.concurrency).toBeLessThanOrEqual(spec.concurrencyCeiling);
      const total = doing.concurrency + others.concurrency;
      expect(total).toBeLessThanOrEqual(Math.min(limits.concurrencyMax, account!.concurrencyLimit - 100));
      expect(others.usdPerHour + cost.usdPerHour).toBeLessThanOrEqual(limits.usdPerHourMax);
      expect(others.usdOfEvent + cost.usd).toBeLessThanOrEqual(limits.usdPerEventMax);
    });
  });

  it('never lets more through under stricter limits', () => {
    check((doing, facts, verdict) => {
      const { limits, others, spec } = facts;
      const stricter: GateContext = {
        ...facts,
        spec: { ...spec, concurrencyCeiling: spec.concurrencyCeiling / 2, reservedConcurrency: 30 },
        limits: { ...limits, concurrencyMax: limits.concurrencyMax - 1, usdPerHourMax: limits.usdPerHourMax - 1 },
        others: { ...others, usdOfEvent: others.usdOfEvent + 1 },
      };
      if (gate.judge(doing, stricter).kind === 'pass') expect(verdict.kind).toBe('pass');
    });
  });

  it('never keeps anybody from lowering for money, ceilings or the deadline', () => {
    check((doing, facts, verdict) => {
      if (!isSurelyNoRaise(doing, facts)) return;
      const poor: GateContext = {
        ...facts,
        spec: { ...facts.spec, concurrencyCeiling: 0 },
        limits: { concurrencyMax: 0, usdPerHourMax: 0, usdPerEventMax: 0 },
      };
      expect(gate.judge({ ...doing, deadlineMs: 0 }, poor)).toEqual(verdict);
    });
  });

  it('goes below nothing that stood before us', () => {
    check((doing, { pursuit }, verdict) => {
      const stands = Math.min(pursuit.baselineConcurrency ?? 0, pursuit.observed?.provisioned?.requested ?? 0);
      if (verdict.kind === 'pass' && pursuit.state !== 'asked')
        expect(doing.concurrency).toBeGreaterThanOrEqual(stands);
    });
  });
});
