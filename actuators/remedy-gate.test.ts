import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Observer, ObserverKind } from '../core/corroboration.ts';
import type { Remedy } from '../core/remedy.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerHour, msPerMinute, msPerSecond } from '../core/time.ts';
import { emptyRemedyLedger, enterRemedy, extendRemedy, forgetRemedies, tallyRemedies } from './remedy-gate-ledger.ts';
import type { RemedyEntry } from './remedy-gate-ledger.ts';
import { createRemedyGate, type RemedyContext } from './remedy-gate.ts';
import { remedyStages } from './remedy-gate-stages.ts';

const nowMs = Date.UTC(2026, 10, 6, 13, 31);
const key = '123456789012/us-east-1/orders:live' as FunctionKey;
const untilMs = nowMs + 10 * msPerMinute;
const because = 'half of its calls fail';

const breaker = (admitRatio: number, name = 'orders-table'): Remedy => ({
  kind: 'move-breaker',
  standing: {
    ...{ name, admitRatio, sinceMs: nowMs, untilMs: nowMs + msPerMinute, revision: 1 },
    state: admitRatio === 0 ? 'open' : admitRatio === 1 ? 'closed' : 'half-open',
  },
  untilMs: nowMs + msPerMinute,
  because,
});
const weigh: Remedy = { kind: 'weigh-alias', key, version: '7', weight: 1, untilMs, because };
const reserve: Remedy = { kind: 'reserve-concurrency', key, concurrency: 10, untilMs, because };
const pause: Remedy = { kind: 'switch-event-source', key, uuid: 'a-b', isEnabled: false, untilMs, because };
const redrive: Remedy = { kind: 'redrive-dead-letters', queueArn: 'q', messagesPerSecondMax: 10, untilMs, because };
const call: Remedy = { kind: 'call-webhook', target: 'events', id: 'a', body: 'b', untilMs, because };
const add: Remedy = { kind: 'add-provisioned', key, concurrency: 20, untilMs, because };

const observer = (kind: ObserverKind, sender?: string): Observer => ({
  ...{ kind, key, atMs: nowMs, because: '40 % fail' },
  ...(sender !== undefined && { sender }),
});
const caller = observer('caller', 'gateway');
const callee = observer('callee', 'layer');
const aws = observer('cloudwatch');
const confirmed = (...observers: Observer[]) => ({ observers, disputedBy: [], disputedSenders: [] });

const entry = (over: Partial<RemedyEntry> = {}): RemedyEntry => ({
  ...{ kind: 'weigh-alias', target: `weigh-alias ${key}`, touches: ['other'], atMs: nowMs - msPerMinute, untilMs },
  ...{ usd: 0.5, incidentId: 'another' },
  ...over,
});

/** Passes with every limit met exactly. */
const context: RemedyContext = {
  ...{ nowMs, purpose: 'new', mode: 'enforce', touches: [key], neverBreak: [], functionCount: 20, usd: 1 },
  trouble: { incidentId: 'orders@1', state: 'open', seenAtMs: nowMs - 15 * msPerSecond },
  corroboration: confirmed(callee, caller, aws),
  limits: { actionsPerHourMax: 3, usdPerHourMax: 2, fleetShareMax: 0.15, cooldownMs: 10 * msPerMinute },
  tally: tallyRemedies(
    [entry({ target: 'else' }), entry({ target: `reserve-concurrency ${key}`, atMs: nowMs - 10 * msPerMinute })],
    nowMs,
  ),
  isApprovalWanted: false,
};

const gate = createRemedyGate(remedyStages);
const verdictOn = (remedy: Remedy, over: Partial<RemedyContext> = {}) => gate.judge(remedy, { ...context, ...over });
const limit = (over: Partial<RemedyContext['limits']>) => ({ limits: { ...context.limits, ...over } });
const human = { by: 'operator:ada', how: 'asked' } as const;
const approved = { by: 'operator:ada', how: 'approved' } as const;
const brake = { by: 'operator:ada', because: 'a deployment' };

describe('the gate for remedies', () => {
  it.each([breaker(0), weigh, reserve, pause, redrive, add])('lets $kind through where every limit is met', (remedy) =>
    expect(verdictOn(remedy)).toEqual({ kind: 'pass' }),
  );

  it.each<[string, Remedy, Partial<RemedyContext>, string]>([
    ['the brake', weigh, { brake }, 'brake refuse'],
    ['the brake, a human as well', weigh, { brake, human }, 'brake refuse'],
    ['shadow', weigh, { mode: 'shadow' }, 'mode refuse'],
    ['advise', weigh, { mode: 'advise' }, 'mode refuse'],
    ['a hold', weigh, { operatorHold: { because: 'x', untilMs: nowMs + 1 } }, 'held wait'],
    ['a hold that is over', weigh, { operatorHold: { because: 'x', untilMs: nowMs } }, 'pass'],
    ['announced work', weigh, { maintenance: { id: 'move', untilMs: nowMs + 1 } }, 'maintenance wait'],
    ['announced work that is over', weigh, { maintenance: { id: 'move', untilMs: nowMs } }, 'pass'],
    ['a breaker before what must not break', breaker(0), { neverBreak: [key] }, 'never-break refuse'],
    ['a pause of it', pause, { neverBreak: [key] }, 'never-break refuse'],
    ['a human who wants that', reserve, { neverBreak: [key], human }, 'never-break refuse'],
    ['more capacity for it', add, { neverBreak: [key] }, 'pass'],
    ['no incident', weigh, { trouble: undefined }, 'still-true refuse'],
    ['no incident, and a human', weigh, { trouble: undefined, human }, 'pass'],
    ['trouble that is over', weigh, { trouble: { ...context.trouble!, state: 'mitigated' } }, 'still-true refuse'],
    ['one that somebody has seen', weigh, { trouble: { ...context.trouble!, state: 'acknowledged' } }, 'pass'],
    [
      'trouble that shows no more',
      weigh,
      { trouble: { ...context.trouble!, seenAtMs: nowMs - 15_001 } },
      'still-true wait',
    ],
    ['one observer', breaker(0), { corroboration: confirmed(caller) }, 'corroboration wait'],
    ['no observer, and a human', breaker(0), { corroboration: confirmed(), human }, 'pass'],
    [
      'one observer, and a yes',
      breaker(0),
      { corroboration: confirmed(caller), human: approved },
      'corroboration wait',
    ],
    ['caller and callee, to a breaker', breaker(0), { corroboration: confirmed(callee, caller) }, 'pass'],
    ['caller and callee, to an alias', weigh, { corroboration: confirmed(callee, caller) }, 'approval ask'],
    ['caller and callee, to a limit', reserve, { corroboration: confirmed(callee, caller) }, 'approval ask'],
    ['caller and callee, to a pause', pause, { corroboration: confirmed(callee, caller) }, 'approval ask'],
    ['the same, and a yes', weigh, { corroboration: confirmed(callee, caller), human: approved }, 'pass'],
    [
      'a sender who is doubted',
      breaker(0),
      { corroboration: { ...confirmed(callee, caller), disputedSenders: ['gateway-2'] } },
      'corroboration refuse',
    ],
    [
      'as many who deny as confirm',
      breaker(0),
      { corroboration: { ...confirmed(callee, caller), disputedBy: [caller, observer('caller', 'other')] } },
      'corroboration refuse',
    ],
    [
      'one who denies, and two',
      breaker(0),
      { corroboration: { ...confirmed(callee, caller), disputedBy: [caller] } },
      'pass',
    ],
    [
      'AWS who denies',
      breaker(0),
      { corroboration: { ...confirmed(callee, caller), disputedBy: [aws] } },
      'corroboration refuse',
    ],
    [
      'the same, a moment ago',
      reserve,
      {
        tally: tallyRemedies(
          [entry({ target: `reserve-concurrency ${key}`, atMs: nowMs - 10 * msPerMinute + 1 })],
          nowMs,
        ),
      },
      'cooldown wait',
    ],
    [
      'the same, for the same incident',
      reserve,
      { tally: tallyRemedies([entry({ target: `reserve-concurrency ${key}`, incidentId: 'orders@1' })], nowMs) },
      'pass',
    ],
    ['too many in an hour', weigh, limit({ actionsPerHourMax: 2 }), 'actions wait'],
    ['too many dollars', add, { usd: 1.01 }, 'budget wait'],
    ['too many dollars, for what costs nothing', weigh, { usd: 0, ...limit({ usdPerHourMax: 0.1 }) }, 'pass'],
    ['too much of the fleet', weigh, { touches: [key, 'a', 'b'] }, 'share wait'],
    ['too much of it, to a webhook, which changes no calls', call, { touches: [key, 'a', 'b'] }, 'pass'],
    [
      'as much of it as may be, beside a webhook',
      weigh,
      {
        tally: tallyRemedies([entry({ kind: 'call-webhook', target: 'call-webhook events' })], nowMs),
        ...limit({ fleetShareMax: 0.01 }),
      },
      'pass',
    ],
    ['too much of it, touched already', weigh, { touches: ['other'], ...limit({ fleetShareMax: 0.01 }) }, 'pass'],
    [
      'one function of a small fleet',
      weigh,
      { functionCount: 2, tally: tallyRemedies([], nowMs), ...limit({ fleetShareMax: 0.01 }) },
      'pass',
    ],
    ['a yes that is wanted', breaker(0), { isApprovalWanted: true }, 'approval ask'],
    ['a yes that is given', breaker(0), { isApprovalWanted: true, human: approved }, 'pass'],
    ['a no', breaker(0), { denied: brake }, 'approval refuse'],
  ])('to %s it answers', (_name, remedy, over, expected) => {
    const verdict = verdictOn(remedy, over);
    expect(verdict.kind === 'pass' ? 'pass' : `${verdict.stage} ${verdict.kind}`).toBe(expected);
  });

  it('names the sender whose word is doubted', () =>
    expect(
      verdictOn(breaker(0), { corroboration: { ...confirmed(callee, caller), disputedSenders: ['gateway-2'] } }),
    ).toMatchObject({ reason: expect.stringContaining('gateway-2') as string }));

  const worst: Partial<RemedyContext> = {
    ...{ brake, mode: 'shadow', neverBreak: [key], trouble: undefined, corroboration: confirmed(), denied: brake },
    operatorHold: { because: 'x' },
    maintenance: { id: 'move', untilMs },
    isApprovalWanted: true,
    limits: { actionsPerHourMax: 0, usdPerHourMax: 0, fleetShareMax: 0, cooldownMs: msPerHour },
  };

  it('never stops what gives back', () =>
    expect(verdictOn(breaker(0.2), { ...worst, purpose: 'take-back' })).toEqual({ kind: 'pass' }));

  it('asks what is said again who may act, and not whether there was too much of it', () => {
    const { brake: _brake, operatorHold: _hold, maintenance: _work, ...rest } = worst;
    const renewed = { ...rest, purpose: 'renewal', mode: 'enforce', neverBreak: [] } as const;
    expect(verdictOn(breaker(0), renewed)).toEqual({ kind: 'pass' });
    expect(verdictOn(breaker(0), { ...renewed, brake })).toMatchObject({ stage: 'brake' });
    expect(verdictOn(breaker(0), { ...renewed, neverBreak: [key] })).toMatchObject({ stage: 'never-break' });
  });

  it('tells in a dry run all that stands against it', () =>
    expect(gate.judgeAll(weigh, { ...context, ...worst }).map(({ stage }) => stage)).toEqual([
      ...['brake', 'mode', 'held', 'maintenance', 'never-break', 'still-true', 'corroboration', 'actions'],
      ...['budget', 'share', 'approval'],
    ]));

  it('lets nothing more through by a stricter limit', () => {
    const number = fc.record({
      actionsPerHourMax: fc.integer({ min: 0, max: 6 }),
      usdPerHourMax: fc.double({ min: 0, max: 4, noNaN: true }),
      fleetShareMax: fc.double({ min: 0, max: 1, noNaN: true }),
      cooldownMs: fc.integer({ min: 0, max: 2 * msPerHour }),
    });
    const entries = fc.array(
      fc.record({
        ...{ kind: fc.constant('weigh-alias' as const), usd: fc.double({ min: 0, max: 1, noNaN: true }) },
        target: fc.constantFrom(`weigh-alias ${key}`, `add-provisioned ${key}`),
        touches: fc.subarray(['a', 'b', 'c', key]),
        atMs: fc.integer({ min: nowMs - 2 * msPerHour, max: nowMs }),
        untilMs: fc.integer({ min: nowMs - msPerHour, max: nowMs + msPerHour }),
      }),
      { maxLength: 6 },
    );
    const observers = fc.subarray([callee, caller, aws]);
    fc.assert(
      fc.property(
        ...[number, number, entries, observers, fc.constantFrom(weigh, add, breaker(0)), fc.nat(10)],
        (loose, other, ledger, seen, remedy, functionCount) => {
          const strict = {
            actionsPerHourMax: Math.min(loose.actionsPerHourMax, other.actionsPerHourMax),
            usdPerHourMax: Math.min(loose.usdPerHourMax, other.usdPerHourMax),
            fleetShareMax: Math.min(loose.fleetShareMax, other.fleetShareMax),
            cooldownMs: Math.max(loose.cooldownMs, other.cooldownMs),
          };
          const over = {
            ...{ functionCount, tally: tallyRemedies(ledger, nowMs), usd: 0.5 },
            corroboration: confirmed(...seen),
          };
          if (verdictOn(remedy, { ...over, limits: strict }).kind === 'pass')
            expect(verdictOn(remedy, { ...over, limits: loose }).kind).toBe('pass');
          // Fewer who confirm never let more through, and neither does a milder mode.
          if (verdictOn(remedy, { ...over, limits: loose, corroboration: confirmed(...seen.slice(1)) }).kind === 'pass')
            expect(verdictOn(remedy, { ...over, limits: loose }).kind).toBe('pass');
          expect(verdictOn(remedy, { ...over, limits: loose, mode: 'advise' }).kind).not.toBe('pass');
        },
      ),
    );
  });
});

describe('the ledger of remedies', () => {
  it('counts an hour, what stands, and money that was spent even where a human has looked at it', () => {
    let ledger = enterRemedy(emptyRemedyLedger, entry({ atMs: nowMs - msPerHour, touches: ['gone'], untilMs: nowMs }));
    ledger = enterRemedy(ledger, entry({ atMs: nowMs - msPerHour + 1, touches: ['stands'], target: 'x' }));
    ledger = enterRemedy(ledger, entry({ atMs: nowMs - 1, touches: ['back'], target: 'y' }));
    ledger = extendRemedy(ledger, 'y', nowMs);
    expect(tallyRemedies(ledger, nowMs)).toMatchObject({ actionCount: 2, usd: 1, touched: new Set(['stands']) });
    expect(tallyRemedies(ledger, nowMs, nowMs - 2)).toMatchObject({ actionCount: 1, usd: 1 });
    expect(forgetRemedies(ledger, nowMs, msPerMinute).map(({ target }) => target)).toEqual(['x', 'y']);
    expect(forgetRemedies(ledger, nowMs, 2 * msPerHour)).toBe(ledger);
  });
});
