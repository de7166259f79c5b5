import { describe, expect, it } from 'vitest';
import type { FunctionSpec } from '../core/function-spec.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import { foldSealed, type EngineSnapshot, type SealedTick } from './engine-snapshot.ts';
import { createEngine, type Engine, type TickResult } from './engine.ts';
import type { Fact } from './facts.ts';
import { createPlanning } from './planning.ts';
import {
  account,
  accountFact,
  controlPlaneFact,
  createPaperLambda,
  drill,
  historyUntilMs,
  key,
  minute,
  sampleOptions,
  spec,
  stepMs,
  type PaperLambda,
} from './sample.ts';

const options = sampleOptions();

function engineOf(functions: readonly FunctionSpec[] = [spec], snapshot?: EngineSnapshot): Engine {
  return createEngine({ ...options, ...(functions[0] !== spec && sampleOptions(functions)) }, snapshot);
}

interface Judged extends TickResult {
  readonly nowMs: EpochMs;
  readonly nextSeq: number;
}

interface Drive {
  readonly untilMs: EpochMs;
  readonly facts?: readonly Fact[];
  readonly lambda?: PaperLambda;
}

/** Ticks once a second; what Lambda answers in one tick is a fact of the next. */
function drive(
  engine: Engine,
  { untilMs, facts: first = [controlPlaneFact, accountFact], lambda = createPaperLambda() }: Drive,
): Judged[] {
  const judged: Judged[] = [];
  let facts = first;
  let nextSeq = 0;
  for (let nowMs = minute(-11); nowMs < untilMs; nowMs += msPerSecond) {
    const result = engine.tick(nowMs, facts, nextSeq);
    judged.push({ ...result, nowMs, nextSeq });
    nextSeq += result.drafts.length;
    facts = result.effects.map((effect) => lambda.answer(effect, nowMs));
  }
  return judged;
}

function draftsOf(judged: readonly Judged[], kind: string) {
  return judged.flatMap(({ drafts }) => drafts.filter((draft) => draft.kind === kind));
}

describe('what goes out', () => {
  it('has its intent in the very same tick, under the number that it names, caused by the plan', () => {
    const judged = drive(engineOf(), { untilMs: minute(20) });
    const all = judged.flatMap(({ drafts }) => drafts);
    const sent = judged.flatMap(({ effects, drafts, nextSeq }) =>
      effects.flatMap((effect) =>
        effect.kind === 'apply' ? [{ effect, draft: drafts[effect.intentSeq - nextSeq] }] : [],
      ),
    );
    expect(sent.length).toBeGreaterThan(1);
    for (const { effect, draft } of sent) {
      const { action } = effect;
      const isHold = action.kind === 'hold-provisioned-concurrency';
      const body = isHold ? { key, concurrency: action.concurrency } : { function: key, call: action.kind };
      expect(draft).toMatchObject({ kind: 'action.intended', body });
      expect(all[draft!.causeSeq!]?.kind).toBe('plan.decided');
    }
    const outcomes = draftsOf(judged, 'action.outcome').map(({ causeSeq }) => causeSeq);
    expect(outcomes).toEqual(sent.map(({ effect }) => effect.intentSeq));
  });

  // Goal: a drill is every day at its minute, so that its surge is the usual; that it lifts nothing beyond the usual does not make it one that does nothing.
  it('is a raise for what surges every day, and for a kind without effect nothing but the reason', () => {
    const untilMs = minute(-9);
    const surging = drive(engineOf(), { untilMs });
    const flat = drive(createEngine(sampleOptions([spec], 1)), { untilMs });
    const notPlannedOf = (judged: readonly Judged[]) => draftsOf(judged, 'plan.decided').at(-1)?.body['notPlanned'];
    expect(draftsOf(surging, 'action.intended').length).toBeGreaterThan(0);
    expect(notPlannedOf(surging)).toEqual([]);
    expect(draftsOf(flat, 'action.intended')).toEqual([]);
    expect(notPlannedOf(flat)).toEqual([
      {
        key,
        eventId: drill.id,
        because: expect.stringMatching(
          /^drill has no effect that could be measured: seen 3 times, it lifts the half hour after it by -?0\.\d %$/,
        ) as string,
      },
    ]);
  });

  it('waits for the account: without its limits nothing is planned, looked at or asked', () => {
    const judged = drive(engineOf([{ ...spec, concurrencyFloor: 4 }]), { untilMs: minute(-9), facts: [] });
    expect(judged.flatMap(({ drafts, effects }) => [...drafts, ...effects])).toEqual([]);
  });

  it.each(['shadow', 'advise'] as const)('is nothing in %s, and says so once a level', (mode) => {
    const judged = drive(engineOf([{ ...spec, mode }]), { untilMs: minute(14) });
    // One look at what stands there, and nothing that changes it.
    expect(judged.flatMap(({ effects }) => effects.map(({ kind }) => kind))).toEqual(['observe']);
    expect(draftsOf(judged, 'action.refused').map(({ body }) => [body['stage'], body['eventId']])).toEqual([
      ['mode', drill.id],
    ]);
    expect(draftsOf(judged, 'prewarm.late')).toEqual([]);
  });

  // Goal: the joint ceiling holds against what no plan knew of. Method: the looks of one second find 68 by another hand; all Puts of the next
  // second are judged one after the other; each asks for 33.
  it.each([
    { name: 'planned', others: 0, refusedCount: 0 },
    { name: 'found, to the last', others: 68, refusedCount: 1 },
    { name: 'found, one beyond', others: 69, refusedCount: 2 },
  ])('is never more than the limits over all functions allow together, as $name', ({ others, refusedCount }) => {
    const functions = ['orders', 'quotes', 'risk', 'cash', 'loans', 'cards'].map((name) => ({
      ...spec,
      key: `123456789012/us-east-1/${name}:live` as FunctionKey,
    }));
    const lambda = createPaperLambda();
    if (others > 0) {
      const until = { untilMs: minute(0), deadlineMs: minute(0), because: 'by another hand' };
      lambda.apply({ kind: 'hold-provisioned-concurrency', key: functions[0]!.key, concurrency: others, ...until }, 0);
    }
    const judged = drive(engineOf(functions), { untilMs: minute(-9), lambda });
    const total = lambda.levels.reduce((sum, level) => sum + level, 0);
    expect(total).toBeGreaterThan(0.8 * options.limits.concurrencyMax);
    expect(total).toBeLessThanOrEqual(options.limits.concurrencyMax);
    const refused = draftsOf(judged, 'action.refused');
    expect(refused.map(({ body }) => body['stage'])).toEqual(Array.from({ length: refusedCount }, () => 'ceiling'));
  });
});

// Goal: what a plan would keep after an event is never a reason to raise. Method: Lambda takes nothing until the window is over.
it.each([
  { name: 'kept where it came', refusedUntilMs: minute(-20), isHeld: true },
  { name: 'not asked for where it never came', refusedUntilMs: minute(16), isHeld: false },
])('what pays after an event is $name', ({ refusedUntilMs, isHeld }) => {
  const slow = { ...spec, runDurationMs: { p50: 600, p99: 1_000 } };
  const policy = { ...options.policy, keepWhilePaying: true };
  const engine = createEngine({ ...sampleOptions([slow]), policy });
  const paper = createPaperLambda();
  const lambda: PaperLambda = {
    ...paper,
    apply: (action, nowMs) =>
      nowMs < refusedUntilMs
        ? { kind: 'throttled', atMs: nowMs, code: 'TooManyRequestsException', message: '' }
        : paper.apply(action, nowMs),
  };
  drive(engine, { untilMs: minute(125), lambda });
  expect(engine.plan()!.steps.find((step) => step.fromMs <= minute(125))?.eventId).toBeUndefined();
  const { levels } = lambda;
  expect(levels).toEqual(levels.toSorted((a, b) => b - a));
  expect(levels.some((level) => level > 0)).toBe(isHeld);
});

describe('what is written down', () => {
  it('is a plan only when it says something new: of two dozen in two hours without an event, few', () => {
    const engine = engineOf();
    const decided: unknown[] = [];
    let planCount = 0;
    for (let nowMs = minute(150); nowMs < minute(270); nowMs += msPerMinute) {
      const { drafts } = engine.tick(nowMs, nowMs === minute(150) ? [accountFact] : [], 0);
      planCount += engine.plan()?.issuedAtMs === nowMs ? 1 : 0;
      decided.push(...drafts.filter(({ kind }) => kind === 'plan.decided').map(({ body }) => body['steps']));
    }
    expect(planCount).toBe(24);
    expect(decided).toEqual([[]]);
  });

  it('is sealed when something happened, and not in a quiet second', () => {
    const engine = engineOf();
    const judged = drive(engine, { untilMs: minute(-4) });
    for (const [index, { drafts, effects, sealed, nowMs }] of judged.entries()) {
      const heardCount = judged[index - 1]?.effects.length ?? 1;
      const isReplanned = nowMs % (5 * msPerMinute) === 0;
      expect(sealed !== undefined).toBe(drafts.length + effects.length + heardCount > 0 || isReplanned);
    }
    expect(judged.filter(({ sealed }) => sealed === undefined).length).toBeGreaterThan(300);
    // A count alone changes nothing yet, and is what a later plan is made from.
    const volume: Fact = { kind: 'volume', key, bucketAtMs: historyUntilMs, requestCount: 2_500 };
    expect(engine.tick(minute(-4), [volume], 0)).toMatchObject({ drafts: [], sealed: { facts: [volume] } });
  });

  it('is the same to the byte for the same facts', () => {
    const [one, other] = [1, 2].map(() => JSON.stringify(drive(engineOf(), { untilMs: minute(1) })));
    expect(one).toBe(other);
  });

  // Goal: whenever the process ends, what its rows say is what it knew.
  it('leads back to the same state, from the first row or from any snapshot', () => {
    const engine = engineOf();
    const stateNow = (): EngineSnapshot => JSON.parse(JSON.stringify(engine.snapshot())) as EngineSnapshot;
    let folded = stateNow();
    let resumed: EngineSnapshot | undefined;
    const lambda = createPaperLambda();
    let facts: readonly Fact[] = [controlPlaneFact, accountFact];
    for (let nowMs = minute(-11); nowMs < minute(16); nowMs += msPerSecond) {
      const { sealed, effects } = engine.tick(nowMs, facts, 0);
      if (sealed !== undefined) {
        folded = foldSealed(folded, sealed as unknown as SealedTick);
        if (resumed) resumed = foldSealed(resumed, sealed as unknown as SealedTick);
      }
      if (nowMs === minute(-9)) resumed = stateNow();
      const { pursuits, openIntents, bookings } = stateNow();
      for (const known of resumed ? [folded, resumed] : [folded]) {
        expect(known.pursuits).toEqual(pursuits);
        expect(known.openIntents).toEqual(openIntents);
        expect({ [key]: {}, ...known.bookings }).toEqual(bookings);
      }
      facts = effects.map((effect) => lambda.answer(effect, nowMs));
    }
    expect(lambda.levels.length).toBeGreaterThan(1);
  });
});

describe('after a restart', () => {
  it('hears of an action on a function that is watched no more', () => {
    const gone = '123456789012/us-east-1/gone:live' as FunctionKey;
    const action = {
      kind: 'hold-provisioned-concurrency',
      key: gone,
      concurrency: 5,
      untilMs: 1,
      deadlineMs: 1,
      because: '',
    } as const;
    const outcome = { kind: 'unknown', atMs: minute(-11), code: 'Restarted', message: '' } as const;
    const engine = engineOf([spec], { pursuits: {}, openIntents: { 3: action } });
    const { drafts } = engine.tick(minute(-11), [{ kind: 'outcome', intentSeq: 3, action, outcome }], 7);
    expect(drafts).toMatchObject([{ kind: 'action.outcome', causeSeq: 3, body: { function: gone } }]);
    expect(engine.snapshot().openIntents).toEqual({});
  });
});

// Goal: functions that scale one stream of volume are forecast from it, and it is learned once.
it.each([
  { name: 'one stream', volumeFrom: () => 'volume.csv', isShared: true },
  { name: 'streams of their own', volumeFrom: (one: FunctionKey) => one, isShared: false },
])('forecasts two functions on $name', ({ volumeFrom, isShared }) => {
  const other = { ...spec, key: key.replace('orders-validate', 'quotes-stream') as FunctionKey };
  const functions = sampleOptions([spec, other]).functions.map((one, index) => ({
    ...one,
    volumeFrom: volumeFrom(one.spec.key),
    requestsPerUnit: 1 + index,
  }));
  const planning = createPlanning({ ...options, functions });
  planning.learn({ key: other.key, bucketAtMs: historyUntilMs, requestCount: 2 * 2_500 });
  expect(planning.learnedUntilMs(other.key)).toBe(historyUntilMs + stepMs);
  expect(planning.learnedUntilMs(key)).toBe(historyUntilMs + (isShared ? stepMs : 0));
  const { forecasts } = planning.decide({
    nowMs: minute(-30),
    account,
    previous: undefined,
    held: 0,
    lead: options.lead,
    queueWaitMs: 0,
  });
  const [median, doubled] = forecasts.map(({ levels, requestCount }) => requestCount.at(-1)![levels.indexOf(0.5)]!);
  expect(doubled! / median!).toBeCloseTo(2, isShared ? 12 : 1);
});

// Goal: demand is learned, and not what capacity made of it. Method: two ways to be told of the same demand give one forecast.
it.each([
  {
    name: 'retries and replays are left out',
    told: { requestCount: 2_500, repeatCount: 400 },
    like: { requestCount: 2_100 },
    isSame: true,
  },
  {
    name: 'what was throttled is counted in',
    told: { requestCount: 2_500 },
    like: { requestCount: 2_100 },
    isSame: false,
  },
  {
    name: 'a saturated bucket that shows less is no news',
    told: { requestCount: 1_900, isSaturated: true },
    like: { requestCount: 1_800, isSaturated: true },
    isSame: true,
  },
  { name: 'one that is not saturated is', told: { requestCount: 1_900 }, like: { requestCount: 1_800 }, isSame: false },
])('learns demand: $name', ({ told, like, isSame }) => {
  const inputsAfter = (bucket: { readonly requestCount: number }): unknown => {
    const planning = createPlanning(options);
    planning.learn({ key, bucketAtMs: historyUntilMs, ...bucket });
    const moment = { nowMs: minute(-30), account, previous: undefined, held: 0, lead: options.lead, queueWaitMs: 0 };
    return planning.decide(moment).record()['inputs'];
  };
  if (isSame) expect(inputsAfter(told)).toEqual(inputsAfter(like));
  else expect(inputsAfter(told)).not.toEqual(inputsAfter(like));
});

// Goal: a bucket counts once. Method: the forecasts of two learners have one hash as long as they learned the same.
it.each([
  { name: 'the bucket', atMs: [historyUntilMs], isSame: true },
  { name: 'the bucket, told twice', atMs: [historyUntilMs, historyUntilMs], isSame: true },
  { name: 'the bucket, and one long learned', atMs: [historyUntilMs, historyUntilMs - stepMs], isSame: true },
  { name: 'the bucket, and the next', atMs: [historyUntilMs, historyUntilMs + stepMs], isSame: false },
])('learns from $name', ({ atMs, isSame }) => {
  const forecastsAfter = (buckets: readonly EpochMs[]): unknown => {
    const planning = createPlanning(options);
    for (const bucketAtMs of buckets) planning.learn({ key, bucketAtMs, requestCount: 2_500 });
    const { record } = planning.decide({
      nowMs: minute(-30),
      account,
      previous: undefined,
      held: 0,
      lead: options.lead,
      queueWaitMs: 0,
    });
    return record()['inputs'];
  };
  const once = forecastsAfter([historyUntilMs]);
  if (isSame) expect(forecastsAfter(atMs)).toEqual(once);
  else expect(forecastsAfter(atMs)).not.toEqual(once);
});
