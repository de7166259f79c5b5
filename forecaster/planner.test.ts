import { describe, expect, it } from 'vitest';
import type { CapacityPlan } from '../core/capacity.ts';
import { msPerHour, msPerMinute } from '../core/time.ts';
import { documentedLead } from './event-window.ts';

import { plan } from './planner.ts';
import {
  morningMs,
  releaseAtMs,
  sampleDemand,
  sampleEvent,
  sampleForecast,
  sampleInput,
  sampleSpec,
} from './sample.ts';

/** `13:20–13:45 103` for each step: times of day in UTC, and the level. */
function outline(made: CapacityPlan): string[] {
  const clock = (atMs: number): string => new Date(atMs).toISOString().slice(11, 16);
  return made.steps.map((step) => `${clock(step.fromMs)}–${clock(step.untilMs)} ${step.concurrency}`);
}

function levelAt(made: CapacityPlan, atMs: number): number {
  return made.steps.find((step) => step.fromMs <= atMs && atMs < step.untilMs)?.concurrency ?? 0;
}

const minutesFrom = (minutes: number): number => releaseAtMs + minutes * msPerMinute;

describe('plan: one release', () => {
  it('raises once, ten minutes before, and steps down on five-minute boundaries', () => {
    const made = plan(sampleInput([sampleSpec({ concurrencyFloor: 5 })]));
    // At the quantile to be ready for 450/s come: 102 let one request in a thousand spill in the half hour, 101 would not. From 14:00 on only those
    // stay that are busy for 60 % of the time, or save a start. Steps down stop at 72, 20, 14, 10, 8: what is needed, up to a tenth more or one.
    expect(outline(made)).toEqual([
      '11:30–13:20 5',
      '13:20–13:50 102',
      '13:50–14:00 72',
      '14:00–14:10 20',
      '14:10–14:30 14',
      '14:30–14:50 10',
      '14:50–15:30 8',
      '15:30–17:30 5',
    ]);
    expect(made.steps[1]).toMatchObject({
      readyByMs: minutesFrom(-5),
      concurrencyWanted: 102,
      bindingLimit: 'concurrency',
      eventId: 'nfp@2026-11-06T13:30:00Z',
      eventAtMs: releaseAtMs,
      because:
        'nfp at 2026-11-06T13:30:00Z: 341 requests/s expected in the busiest five minutes; its window costs $1.20 and saves $0.78, and 0.0867 % of requests spill until half an hour after it at the quantile to be ready for.',
    });
    expect(made.steps[1]!.usd).toBeCloseTo(102 * 0.015 * 0.5, 4);
    expect(made.notPlanned).toEqual([]);
  });

  it('holds the raise through the lull before the event', () => {
    const spec = sampleSpec();
    const lull = (atMs: number): number => (atMs >= minutesFrom(-8) && atMs < releaseAtMs ? 5 : sampleDemand(atMs));
    const forecast = sampleForecast(spec, { requestsPerSecond: lull });
    const made = plan(sampleInput([], { functions: [{ spec, forecast, symbols: [] }] }));
    expect(outline(made)[0]).toBe('13:20–13:50 102');
  });

  it.each([
    { name: 'a few: ten minutes before', changes: {}, asked: '13:20' },
    { name: '12,000: 2 + 2 + 1 minutes and the initialisation before READY', changes: { load: 150 }, asked: '13:15' },
    { name: 'three minutes in the queue', changes: { queueMs: 3 * msPerMinute }, asked: '13:15' },
    {
      name: 'two minutes in the queue, without a margin',
      changes: { queueMs: 2 * msPerMinute, marginMs: 0 },
      asked: '13:20',
    },
    { name: 'READY wanted ten minutes before', changes: { readyBeforeMs: 10 * msPerMinute }, asked: '13:15' },
  ])('asks early enough: $name', ({ changes: { load = 1, ...lead }, asked }) => {
    const spec = sampleSpec();
    const forecast = sampleForecast(spec, { requestsPerSecond: (atMs) => load * sampleDemand(atMs) });
    const made = plan(
      sampleInput([], { functions: [{ spec, forecast, symbols: [] }], lead: { ...documentedLead, ...lead } }),
    );
    expect(outline(made)[0]).toMatch(asked);
  });

  it('asks at once when the event is known late', () => {
    const nowMs = minutesFrom(-3) + 1_000;
    const [step] = plan(sampleInput([sampleSpec()], { nowMs })).steps;
    expect(step).toMatchObject({ fromMs: nowMs, readyByMs: nowMs, concurrency: 102 });
  });
});

describe('plan: limits', () => {
  const reserved = sampleSpec({ reservedConcurrency: 80 });
  it.each<{ name: string; spec: ReturnType<typeof sampleSpec>; changes: object; level: number; limit: string }>([
    { name: 'demand', spec: sampleSpec(), changes: {}, level: 102, limit: 'concurrency' },
    {
      name: 'the rate of short requests',
      spec: sampleSpec({ runDurationMs: { p50: 20, p99: 20 } }),
      changes: {},
      level: 70,
      limit: 'rate',
    },
    {
      name: 'a floor that covers the event',
      spec: sampleSpec({ concurrencyFloor: 102 }),
      changes: {},
      level: 102,
      limit: 'floor',
    },
    {
      name: 'a floor too low',
      spec: sampleSpec({ concurrencyFloor: 5 }),
      changes: {},
      level: 102,
      limit: 'concurrency',
    },
    { name: 'ceiling', spec: sampleSpec({ concurrencyCeiling: 96 }), changes: {}, level: 96, limit: 'ceiling' },
    {
      name: 'ceiling that suffices',
      spec: sampleSpec({ concurrencyCeiling: 102 }),
      changes: {},
      level: 102,
      limit: 'concurrency',
    },
    { name: 'reserved', spec: reserved, changes: {}, level: 80, limit: 'reserved' },
    {
      name: 'account: 200 unreserved less 100, less 30 of others',
      spec: sampleSpec(),
      changes: { account: { concurrencyLimit: 1_000, unreservedConcurrency: 200, otherProvisioned: 30 } },
      level: 70,
      limit: 'account',
    },
    {
      name: 'the account does not bind what is reserved',
      spec: reserved,
      changes: { account: { concurrencyLimit: 1_000, unreservedConcurrency: 120, otherProvisioned: 0 } },
      level: 80,
      limit: 'reserved',
    },
    {
      name: 'ceiling over all functions',
      spec: sampleSpec(),
      changes: { limits: { concurrencyMax: 60, usdPerHourMax: 100, usdPerEventMax: 100 } },
      level: 60,
      limit: 'ceiling',
    },
    {
      name: 'dollars an hour: 1.5 cents each',
      spec: sampleSpec(),
      changes: { limits: { concurrencyMax: 1_000, usdPerHourMax: 1.01, usdPerEventMax: 100 } },
      level: 67,
      limit: 'usd',
    },
    {
      name: 'dollars an event: half an hour costs 0.75 cents each',
      spec: sampleSpec(),
      changes: { limits: { concurrencyMax: 1_000, usdPerHourMax: 100, usdPerEventMax: 0.24 } },
      level: 24,
      limit: 'usd',
    },
  ])('$name', ({ spec, changes, level, limit }) => {
    const made = plan(sampleInput([spec], changes));
    const step = made.steps.find((candidate) => candidate.fromMs <= releaseAtMs && releaseAtMs < candidate.untilMs);
    expect([step?.concurrency, step?.bindingLimit]).toEqual([level, limit]);
  });

  it('says what it cut and what was wanted', () => {
    const [step] = plan(sampleInput([sampleSpec({ concurrencyCeiling: 60 })])).steps;
    expect(step).toMatchObject({ concurrency: 60, concurrencyWanted: 102 });
    expect(step!.because).toMatch(/; 102 cut to 60 by the function's ceiling\.$/);
  });

  it('names an event that the limits leave nothing for', () => {
    const account = { concurrencyLimit: 1_000, unreservedConcurrency: 100, otherProvisioned: 0 };
    const made = plan(sampleInput([sampleSpec()], { account }));
    expect(made.steps).toEqual([]);
    expect(made.notPlanned).toEqual([
      {
        key: sampleSpec().key,
        eventId: sampleEvent().id,
        because: "wanted 102, and the account's unreserved concurrency less 100 leaves nothing above the floor of 0",
      },
    ]);
  });

  it('serves equals alike, whatever the importance of their events: the dollar decides', () => {
    const specs = ['a', 'b', 'c'].map((name) => sampleSpec({ name }));
    const own = sampleEvent({ id: 'minor', importance: 2, symbols: ['C'] });
    const major = sampleEvent({ symbols: ['AB'] });
    const functions = specs.map((spec, index) => ({
      spec,
      forecast: sampleForecast(spec),
      symbols: index < 2 ? ['AB'] : ['C'],
    }));
    const levels = (concurrencyMax: number): number[] => {
      const limits = { concurrencyMax, usdPerHourMax: 100, usdPerEventMax: 100 };
      const made = plan(sampleInput([], { functions, events: [own, major], limits }));
      return specs.map(({ key }) =>
        levelAt({ ...made, steps: made.steps.filter((step) => step.key === key) }, releaseAtMs),
      );
    };
    expect(levels(306)).toEqual([102, 102, 102]);
    expect(levels(250)).toEqual([83, 84, 83]);
    expect(levels(150)).toEqual([50, 50, 50]);
  });
});

describe('plan: several events', () => {
  const twin = (minutes: number, lift: number) => {
    const spec = sampleSpec();
    const later = sampleEvent({ id: 'later', startsAtMs: minutesFrom(minutes), importance: 2 });
    const demand = (atMs: number): number => (atMs >= later.startsAtMs ? lift * 300 : sampleDemand(atMs));
    const forecast = sampleForecast(spec, { requestsPerSecond: demand });
    return plan(sampleInput([], { functions: [{ spec, forecast, symbols: [] }], events: [later, sampleEvent()] }));
  };

  it('makes one raise for events of half an hour, to the greater peak', () => {
    const made = twin(30, 2);
    expect(outline(made)).toEqual(['13:20–14:30 189', '14:30–16:00 72']);
    expect(made.steps[0]).toMatchObject({ eventId: sampleEvent().id, readyByMs: minutesFrom(-5) });
    expect(made.steps[0]!.because).toContain('(and 1 more within half an hour)');
  });

  it('makes a second raise for one a minute later, and does not let go of the first', () => {
    const made = twin(31, 2);
    expect(outline(made)).toEqual(['13:20–13:50 102', '13:50–14:35 191', '14:35–16:05 72']);
    expect(made.steps[1]).toMatchObject({ eventId: 'later', eventAtMs: minutesFrom(31), readyByMs: minutesFrom(26) });
  });

  it('meets a lesser second event after what the first had is given back', () => {
    expect(outline(twin(60, 0.5))).toEqual([
      '13:20–13:50 102',
      '13:50–14:00 72',
      '14:00–14:10 20',
      '14:10–14:20 14',
      '14:20–15:00 57',
      '15:00–16:30 18',
    ]);
  });

  // Goal: a lesser event does not take away what the one before still holds. Method: events at 0 and 30 minutes, one raise, held to minute 45; a
  // lesser one at minute 31 takes over at minute 20.
  it('keeps the peak of a first window that a second one takes over', () => {
    const spec = sampleSpec();
    const events = [0, 30, 31].map((minutes) => sampleEvent({ id: `at ${minutes}`, startsAtMs: minutesFrom(minutes) }));
    const made = plan(sampleInput([spec], { events }));
    expect(outline(made).slice(0, 3)).toEqual(['13:20–13:50 99', '13:50–14:20 99', '14:20–14:30 48']);
    expect(made.steps.slice(0, 2).map(({ eventId }) => eventId)).toEqual(['at 0', 'at 31']);
  });

  it.each([
    { name: 'cancelled', event: sampleEvent({ status: 'cancelled' }), steps: 0 },
    { name: 'a holiday', event: sampleEvent({ kind: 'holiday', phase: 'holiday' }), steps: 0 },
    { name: 'the open of a session', event: sampleEvent({ kind: 'open', phase: 'open' }), steps: 6 },
    { name: 'below the least importance', event: sampleEvent({ importance: 1 }), steps: 0 },
    { name: 'results of another company', event: sampleEvent({ symbols: ['MSFT'] }), steps: 0 },
    { name: 'results of its own', event: sampleEvent({ symbols: ['MSFT', 'AAPL'] }), steps: 6 },
    { name: 'over for two hours', event: sampleEvent({ startsAtMs: morningMs - 120 * msPerMinute }), steps: 0 },
    { name: 'after the plan', event: sampleEvent({ startsAtMs: morningMs + 6 * msPerHour }), steps: 0 },
  ])('makes $steps steps for an event: $name', ({ event, steps }) => {
    const spec = sampleSpec();
    const functions = [{ spec, forecast: sampleForecast(spec), symbols: ['AAPL'] }];
    const made = plan(
      sampleInput([], {
        functions,
        events: [event],
        policy: { quantile: 0.95, importanceMin: 2, keepWhilePaying: false },
      }),
    );
    expect(made.steps).toHaveLength(steps);
    expect(made.notPlanned).toEqual([]);
  });

  it.each([
    { name: 'seen three times, and hardly lifts', effect: { eventCount: 3, liftRatio: 0.049 }, isInert: true },
    { name: 'seen three times, and lifts a twentieth', effect: { eventCount: 3, liftRatio: 0.05 }, isInert: false },
    { name: 'seen twice', effect: { eventCount: 2.9, liftRatio: 0 }, isInert: false },
    {
      name: 'the open of a session',
      effect: { eventCount: 3, liftRatio: 0 },
      changes: { phase: 'open' as const },
      isInert: false,
    },
  ])('warms for no kind that is known to do nothing: $name', ({ effect, changes = {}, isInert }) => {
    const spec = sampleSpec();
    const functions = [{ spec, forecast: sampleForecast(spec), symbols: [], effectOf: () => effect }];
    const made = plan(sampleInput([], { functions, events: [sampleEvent(changes)] }));
    expect(made.steps.length === 0).toBe(isInert);
    expect(made.notPlanned).toEqual(
      isInert
        ? [
            {
              key: spec.key,
              eventId: sampleEvent().id,
              because:
                'nfp has no effect that could be measured: seen 3 times, it lifts the half hour after it by 4.9 %',
            },
          ]
        : [],
    );
  });

  it('says that an event without its minute, or beyond the forecast, is not planned', () => {
    const spec = sampleSpec();
    const forecast = sampleForecast(spec, { untilMs: minutesFrom(-30) });
    const events = [sampleEvent(), sampleEvent({ id: 'fomc', precision: 'date', startsAtMs: minutesFrom(-60) })];
    const made = plan(sampleInput([], { functions: [{ spec, forecast, symbols: [] }], events }));
    expect(made.steps).toEqual([]);
    expect(made.notPlanned).toEqual([
      { eventId: 'fomc', because: 'only its day is known; give its minute' },
      { key: spec.key, eventId: sampleEvent().id, because: 'the forecast ends at 2026-11-06T13:00:00Z, before it' },
    ]);
  });
});

describe('plan: again, while a window runs', () => {
  const spec = sampleSpec();
  const again = (minutes: number, ratio: number, previous: CapacityPlan, changes: object = {}): CapacityPlan => {
    const nowMs = minutesFrom(minutes);
    const forecast = sampleForecast(spec, { fromMs: nowMs, requestsPerSecond: (atMs) => ratio * sampleDemand(atMs) });
    return plan(sampleInput([], { nowMs, functions: [{ spec, forecast, symbols: [] }], previous, ...changes }));
  };
  const first = plan(sampleInput([spec]));

  it.each([
    { name: 'a forecast a tenth higher is no reason for a call', minutes: -8, ratio: 1.1, level: 102 },
    { name: 'one a fifth higher is, while READY in time is possible', minutes: -8, ratio: 1.2, level: 120 },
    { name: 'and is not any more', minutes: -5, ratio: 1.2, level: 102 },
    { name: 'a lower one lets go of nothing before the event', minutes: -8, ratio: 0.5, level: 102 },
    { name: 'nor just after it, should it be late', minutes: 6, ratio: 0.3, level: 102 },
    { name: 'before the window it is followed down', minutes: -11, ratio: 0.5, level: 57 },
  ])('$name', ({ minutes, ratio, level }) => {
    expect(levelAt(again(minutes, ratio, first), releaseAtMs + 7 * msPerMinute)).toBe(level);
  });

  it('goes on with the step that was asked for, and keeps those before it', () => {
    const second = again(-8, 1.05, first);
    expect(outline(second)[0]).toBe('13:20–13:50 102');
    expect(second.steps[0]).toMatchObject({ readyByMs: minutesFrom(-5), usd: first.steps[0]!.usd });
    expect(outline(again(24, 1, second)).slice(0, 2)).toEqual(['13:20–13:50 102', '13:50–14:00 72']);
  });

  // Goal: what a window has cost already is not forgotten when it is planned again. Method: a budget that binds, a plan a minute, wobbling forecasts.
  it('keeps to the dollars of an event over all its plans, and does not fidget', () => {
    const limits = { concurrencyMax: 1_000, usdPerHourMax: 100, usdPerEventMax: 0.6 };
    let made = plan(sampleInput([spec], { limits }));
    const levels: number[] = [];
    for (let minute = -20; minute < 120; minute++) {
      made = again(minute, 1 + 0.05 * Math.sin(minute * 1.7), made, { limits });
      expect(made.steps.reduce((usd, step) => usd + step.usd, 0)).toBeLessThanOrEqual(0.6 + 1e-9);
      const level = levelAt(made, minutesFrom(minute));
      if (minute >= -10 && level !== levels.at(-1)) levels.push(level);
    }
    expect(levels).toEqual(levels.toSorted((a, b) => b - a));
    // Where dollars bind, the tail is cut environment by environment.
    expect(levels.length).toBeLessThanOrEqual(8);
  });

  it('counts a block twice that a second raise bills twice', () => {
    const total = (made: CapacityPlan): number => made.steps.reduce((usd, step) => usd + step.usd, 0);
    const raised = again(-8, 1.2, first);
    const usdPerEventMax = total(raised) - 0.01;
    const limits = { concurrencyMax: 1_000, usdPerHourMax: 100, usdPerEventMax };
    expect(levelAt(raised, releaseAtMs)).toBe(120);
    const kept = again(-8, 1.2, first, { limits });
    expect(total(kept)).toBeLessThanOrEqual(usdPerEventMax);
    expect(total(kept)).toBeGreaterThan(usdPerEventMax - 0.1);
  });

  it('holds what it has when dollars are short, and gives up what saves least of the rest', () => {
    // 102 for the 30 minutes to 13:50 cost 77 cents; the rest of the window would cost 41.
    const limits = { concurrencyMax: 1_000, usdPerHourMax: 100, usdPerEventMax: 0.765 + 0.2 };
    const made = again(6, 1, first, { limits });
    expect(outline(made)[0]).toBe('13:20–13:50 102');
    expect(levelAt(made, minutesFrom(20))).toBeGreaterThan(50);
    expect(made.steps.reduce((usd, step) => usd + step.usd, 0)).toBeLessThanOrEqual(limits.usdPerEventMax + 1e-9);
    expect(made.givenUp).toMatchObject([{ limit: 'usd', unit: 'dollar', isKept: true }]);
  });

  it('leaves what a limit had cut, and goes on saying so', () => {
    const tight = { concurrencyMax: 60, usdPerHourMax: 100, usdPerEventMax: 100 };
    const cut = plan(sampleInput([spec], { limits: tight }));
    const [step] = again(-8, 1, cut).steps;
    expect(step).toMatchObject({ concurrency: 60, concurrencyWanted: 102, bindingLimit: 'ceiling' });
    expect(levelAt(again(-8, 1, cut), releaseAtMs)).toBe(60);
    expect(levelAt(again(-11, 1, cut), releaseAtMs)).toBe(102);
  });

  it('does not go back to the window before, once another has taken over', () => {
    const events = [sampleEvent(), sampleEvent({ id: 'later', startsAtMs: minutesFrom(60) })];
    const made = plan(sampleInput([spec], { events }));
    const held = levelAt(made, minutesFrom(56));
    expect(held).toBe(44);
    expect(levelAt(again(56, 1.6, made, { events }), minutesFrom(57))).toBe(held);
  });

  // Goal: a kind that is found to do nothing loses no window that stands. Method: it is found while its window is raised, just before it, and after the peak.
  it.each([
    { name: 'once asked for', minutes: -8, isInert: false },
    { name: 'after its peak', minutes: 25, isInert: false },
    { name: 'before it is asked for', minutes: -11, isInert: true },
  ])('goes on with the window of a kind that is found to do nothing, $name', ({ minutes, isInert }) => {
    const nowMs = minutesFrom(minutes);
    const effectOf = () => ({ eventCount: 3, liftRatio: 0 });
    const functions = [{ spec, forecast: sampleForecast(spec, { fromMs: nowMs }), symbols: [], effectOf }];
    const made = plan(sampleInput([], { nowMs, functions, previous: first }));
    expect(outline(made)).toEqual(isInert ? [] : outline(again(minutes, 1, first)));
    expect(made.notPlanned).toHaveLength(isInert ? 1 : 0);
  });

  it('holds what was planned when the forecast fails, then the floor', () => {
    const floored = sampleSpec({ concurrencyFloor: 5 });
    const functions = [{ spec: floored, forecast: { notReady: 'no data since 13:10' }, symbols: [] }];
    const nowMs = minutesFrom(-9);
    const made = plan(sampleInput([], { functions, nowMs, previous: plan(sampleInput([floored])) }));
    expect(outline(made)).toEqual([
      '13:20–13:50 102',
      '13:50–14:00 72',
      '14:00–14:10 20',
      '14:10–14:30 14',
      '14:30–14:50 10',
      '14:50–15:30 8',
      '15:30–17:30 5',
    ]);
    expect(made.steps[0]!.because).toBe(
      'nfp at 2026-11-06T13:30:00Z: 102 as in the plan before; no forecast: no data since 13:10.',
    );
    const alone = plan(sampleInput([], { functions, nowMs }));
    expect(alone.steps.map(({ concurrency, because }) => [concurrency, because])).toEqual([
      [5, 'Floor of 5; no forecast: no data since 13:10.'],
    ]);
    expect(alone.notPlanned).toEqual([{ key: floored.key, because: 'no forecast: no data since 13:10' }]);
  });
});
