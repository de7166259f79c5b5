import { describe, expect, it } from 'vitest';
import type { CapacityPlan, CapacityStep } from '../core/capacity.ts';
import { createRandom } from '../core/random.ts';
import { msPerHour, msPerMinute } from '../core/time.ts';
import { documentedLead } from './event-window.ts';
import { concurrencyFor } from './need.ts';
import { createDemand } from './offered-load.ts';
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

describe('concurrencyFor', () => {
  it.each([
    { name: '300/s of 120 ms at 0.1 %: Erlang', perSecond: 300, offeredLoad: 36, needed: 55, limit: 'concurrency' },
    {
      name: 'Little says 600 for 30,000 quotes/s of 20 ms; Lambda needs 3,000',
      perSecond: 30_000,
      offeredLoad: 600,
      needed: 3_000,
      limit: 'rate',
    },
    { name: 'just under the rate', perSecond: 550, offeredLoad: 36, needed: 55, limit: 'concurrency' },
    { name: 'just above the rate', perSecond: 551, offeredLoad: 36, needed: 56, limit: 'rate' },
    { name: 'nothing comes', perSecond: 0, offeredLoad: 0, needed: 0, limit: 'concurrency' },
  ])('$name', ({ perSecond, offeredLoad, needed, limit }) => {
    const need = concurrencyFor({ arrivalsPerSecond: perSecond, offeredLoad, spilloverRatioMax: 0.001 });
    expect([need.concurrency, need.limit]).toEqual([needed, limit]);
  });
});

describe('plan: one release', () => {
  it('raises once, ten minutes before, and steps down on five-minute boundaries', () => {
    const made = plan(sampleInput([sampleSpec({ concurrencyFloor: 5 })]));
    // 300/s × 1.5 (the 0.95 quantile) × 1.592 (first second of the minute) = 716/s. In the next one 709/s × 0.12 s = 85.1 run at once.
    expect(outline(made)).toEqual([
      '11:30–13:20 5',
      '13:20–13:50 112',
      '13:50–14:10 79',
      '14:10–14:30 63',
      '14:30–14:50 50',
      '14:50–15:30 40',
      '15:30–17:30 5',
    ]);
    expect(made.steps[1]).toMatchObject({
      readyByMs: minutesFrom(-5),
      concurrencyWanted: 112,
      bindingLimit: 'concurrency',
      eventId: 'nfp@2026-11-06T13:30:00Z',
      eventAtMs: releaseAtMs,
      because:
        'nfp at 2026-11-06T13:30:00Z: the 0.95 quantile of demand from here on peaks at 716 requests/s, 85.1 running at once; 112 keep spillover within 0.1 %.',
    });
    expect(made.steps[1]!.usd).toBeCloseTo(112 * 0.015 * 0.5, 4);
    expect(made.notPlanned).toEqual([]);
  });

  // Goal: the target holds on the very path that it is stated for. Method: serve that path's five busiest minutes, request by request, on the
  // planned environments, and count who finds all busy.
  it('keeps spillover at the target on the quantile it is ready for', () => {
    const spec = sampleSpec({ runDurationMs: { p50: 120, p99: 500 } });
    const environments = levelAt(plan(sampleInput([spec])), releaseAtMs);
    const path = createDemand({ path: sampleForecast(spec), level: 0.95, runDurationMs: spec.runDurationMs });
    const random = createRandom('spillover');
    const sigma = Math.log(500 / 120) / 2.326_347_874;
    const freeAt = new Float64Array(environments);
    let requests = 0;
    let spilled = 0;
    for (let second = 0; second < 300; second++) {
      const fromMs = releaseAtMs + second * 1000;
      const count = random.poisson(path.peakWithin(fromMs, fromMs + 1000).arrivalsPerSecond);
      const arrivals = Array.from({ length: count }, () => second + random.next()).sort((a, b) => a - b);
      for (const at of arrivals) {
        requests++;
        const free = freeAt.findIndex((freeAtSecond) => freeAtSecond <= at);
        if (free < 0) spilled++;
        else freeAt[free] = at + 0.12 * Math.exp(sigma * random.normal());
      }
    }
    expect(requests).toBeGreaterThan(120_000);
    expect(spilled / requests).toBeLessThan(0.001);
    // And not by waste: with a tenth fewer the busiest second alone would pass it.
    expect(environments).toBeLessThan(1.35 * path.peakWithin(releaseAtMs, minutesFrom(1)).offeredLoad);
  });

  it('holds the raise through the lull before the event', () => {
    const spec = sampleSpec();
    const lull = (atMs: number): number => (atMs >= minutesFrom(-8) && atMs < releaseAtMs ? 5 : sampleDemand(atMs));
    const forecast = sampleForecast(spec, { requestsPerSecond: lull });
    const made = plan(sampleInput([], { functions: [{ spec, forecast, symbols: [] }] }));
    expect(outline(made)[0]).toBe('13:20–13:50 112');
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
    expect(step).toMatchObject({ fromMs: nowMs, readyByMs: nowMs, concurrency: 112 });
  });

  it('lets the level of the forecast follow the price of a cold start', () => {
    const at = (usd: number): CapacityStep =>
      plan(sampleInput([sampleSpec({ spillTarget: { kind: 'usdPerColdStart', usd } })])).steps[0]!;
    // Half an hour of 1 GB costs 0.75 cents: 1 − 0.0075 / 0.2 = 0.96, and the forecast knows 0.95 at most; 1 − 0.0075 / 0.015 = 0.5.
    expect(at(0.2).concurrency).toBe(112);
    expect(at(0.015).concurrency).toBe(79);
    expect(at(0.015).because).toContain('the 0.5 quantile');
  });
});

describe('plan: limits', () => {
  const reserved = sampleSpec({ reservedConcurrency: 80 });
  it.each<{ name: string; spec: ReturnType<typeof sampleSpec>; changes: object; level: number; limit: string }>([
    { name: 'demand', spec: sampleSpec(), changes: {}, level: 112, limit: 'concurrency' },
    {
      name: 'the rate of short requests',
      spec: sampleSpec({ runDurationMs: { p50: 20, p99: 20 } }),
      changes: {},
      level: 72,
      limit: 'rate',
    },
    {
      name: 'a floor that covers the event',
      spec: sampleSpec({ concurrencyFloor: 112 }),
      changes: {},
      level: 112,
      limit: 'floor',
    },
    {
      name: 'a floor one short',
      spec: sampleSpec({ concurrencyFloor: 111 }),
      changes: {},
      level: 112,
      limit: 'concurrency',
    },
    { name: 'ceiling', spec: sampleSpec({ concurrencyCeiling: 111 }), changes: {}, level: 111, limit: 'ceiling' },
    {
      name: 'ceiling that suffices',
      spec: sampleSpec({ concurrencyCeiling: 112 }),
      changes: {},
      level: 112,
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
      name: 'dollars an event: 30 for 130 minutes cost 97.5 cents',
      spec: sampleSpec(),
      changes: { limits: { concurrencyMax: 1_000, usdPerHourMax: 100, usdPerEventMax: 0.98 } },
      level: 30,
      limit: 'usd',
    },
  ])('$name', ({ spec, changes, level, limit }) => {
    const made = plan(sampleInput([spec], changes));
    const step = made.steps.find((candidate) => candidate.fromMs <= releaseAtMs && releaseAtMs < candidate.untilMs);
    expect([step?.concurrency, step?.bindingLimit]).toEqual([level, limit]);
  });

  it('says what it cut and what was wanted', () => {
    const [step] = plan(sampleInput([sampleSpec({ concurrencyCeiling: 60 })])).steps;
    expect(step).toMatchObject({ concurrency: 60, concurrencyWanted: 112 });
    expect(step!.because).toMatch(/112 keep spillover within 0\.1 %; cut to 60 by the function's ceiling\.$/);
  });

  it('names an event that the limits leave nothing for', () => {
    const account = { concurrencyLimit: 1_000, unreservedConcurrency: 100, otherProvisioned: 0 };
    const made = plan(sampleInput([sampleSpec()], { account }));
    expect(made.steps).toEqual([]);
    expect(made.notPlanned).toEqual([
      {
        key: sampleSpec().key,
        eventId: sampleEvent().id,
        because: "wanted 112, and the account's unreserved concurrency less 100 leaves nothing above the floor of 0",
      },
    ]);
  });

  it('serves the more important event first, and equals by the same ratio', () => {
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
    expect(levels(336)).toEqual([112, 112, 112]);
    expect(levels(250)).toEqual([112, 112, 26]);
    expect(levels(150)).toEqual([75, 75, 0]);
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
    expect(outline(made)).toEqual(['13:20–16:00 206']);
    expect(made.steps[0]).toMatchObject({ eventId: sampleEvent().id, readyByMs: minutesFrom(-5) });
    expect(made.steps[0]!.because).toContain('(and 1 more within half an hour)');
  });

  it('makes a second raise for one a minute later, and does not let go of the first', () => {
    const made = twin(31, 2);
    expect(outline(made)).toEqual(['13:20–13:50 112', '13:50–16:05 206']);
    expect(made.steps[1]).toMatchObject({ eventId: 'later', eventAtMs: minutesFrom(31), readyByMs: minutesFrom(26) });
  });

  it('hands the first window over to a lesser second one without a dip', () => {
    expect(outline(twin(60, 0.5))).toEqual(['13:20–13:50 112', '13:50–14:10 79', '14:10–14:20 63', '14:20–16:30 63']);
  });

  // Goal: a lesser event does not take away what the one before still holds. Method: events at 0 and 30 minutes, one raise, held to minute 45; a
  // lesser one at minute 31 takes over at minute 20.
  it('keeps the peak of a first window that a second one takes over', () => {
    const spec = sampleSpec();
    const events = [0, 30, 31].map((minutes) => sampleEvent({ id: `at ${minutes}`, startsAtMs: minutesFrom(minutes) }));
    const made = plan(sampleInput([spec], { events }));
    expect(outline(made).slice(0, 3)).toEqual(['13:20–13:50 112', '13:50–14:15 112', '14:15–14:20 73']);
    expect(made.steps.slice(0, 2).map(({ eventId }) => eventId)).toEqual(['at 0', 'at 31']);
  });

  it.each([
    { name: 'cancelled', event: sampleEvent({ status: 'cancelled' }), steps: 0 },
    { name: 'a holiday', event: sampleEvent({ kind: 'holiday', phase: 'holiday' }), steps: 0 },
    { name: 'the open of a session', event: sampleEvent({ kind: 'open', phase: 'open' }), steps: 5 },
    { name: 'below the least importance', event: sampleEvent({ importance: 1 }), steps: 0 },
    { name: 'results of another company', event: sampleEvent({ symbols: ['MSFT'] }), steps: 0 },
    { name: 'results of its own', event: sampleEvent({ symbols: ['MSFT', 'AAPL'] }), steps: 5 },
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
    { name: 'a forecast a tenth higher is no reason for a call', minutes: -8, ratio: 1.1, level: 112 },
    { name: 'one a fifth higher is, while READY in time is possible', minutes: -8, ratio: 1.2, level: 131 },
    { name: 'and is not any more', minutes: -5, ratio: 1.2, level: 112 },
    { name: 'a lower one lets go of nothing before the event', minutes: -8, ratio: 0.5, level: 112 },
    { name: 'nor just after it, should it be late', minutes: 6, ratio: 0.3, level: 112 },
    { name: 'before the window it is followed down', minutes: -11, ratio: 0.5, level: 63 },
  ])('$name', ({ minutes, ratio, level }) => {
    expect(levelAt(again(minutes, ratio, first), releaseAtMs + 7 * msPerMinute)).toBe(level);
  });

  it('goes on with the step that was asked for, and keeps those before it', () => {
    const second = again(-8, 1.05, first);
    expect(outline(second)[0]).toBe('13:20–13:50 112');
    expect(second.steps[0]).toMatchObject({ readyByMs: minutesFrom(-5), usd: first.steps[0]!.usd });
    expect(outline(again(24, 1, second)).slice(0, 2)).toEqual(['13:20–13:50 112', '13:50–14:10 79']);
  });

  // Goal: what a window has cost already is not forgotten when it is planned again. Method: a budget that binds, a plan a minute, wobbling forecasts.
  it('keeps to the dollars of an event over all its plans, and does not fidget', () => {
    const limits = { concurrencyMax: 1_000, usdPerHourMax: 100, usdPerEventMax: 1.5 };
    let made = plan(sampleInput([spec], { limits }));
    const levels: number[] = [];
    for (let minute = -20; minute < 120; minute++) {
      made = again(minute, 1 + 0.05 * Math.sin(minute * 1.7), made, { limits });
      expect(made.steps.reduce((usd, step) => usd + step.usd, 0)).toBeLessThanOrEqual(1.5);
      const level = levelAt(made, minutesFrom(minute));
      if (minute >= -10 && level !== levels.at(-1)) levels.push(level);
    }
    expect(levels).toEqual(levels.toSorted((a, b) => b - a));
    expect(levels.length).toBeLessThanOrEqual(4);
  });

  it('counts a block twice that a second raise bills twice', () => {
    const total = (made: CapacityPlan): number => made.steps.reduce((usd, step) => usd + step.usd, 0);
    const raised = again(-8, 1.2, first);
    const usdPerEventMax = total(raised) - 0.01;
    const limits = { concurrencyMax: 1_000, usdPerHourMax: 100, usdPerEventMax };
    expect(levelAt(raised, releaseAtMs)).toBe(131);
    const kept = again(-8, 1.2, first, { limits });
    expect(levelAt(kept, releaseAtMs)).toBe(112);
    expect(total(kept)).toBeLessThanOrEqual(usdPerEventMax);
  });

  it('holds what it has until the dollars are spent, then the floor', () => {
    // 112 for the 30 minutes to 13:50 cost 84 cents; 79 for 5 minutes cost 9.9 cents.
    const limits = { concurrencyMax: 1_000, usdPerHourMax: 100, usdPerEventMax: 0.84 + 0.199 };
    const made = again(6, 1, first, { limits });
    expect(outline(made)).toEqual(['13:20–13:50 112', '13:50–14:00 79']);
  });

  it('leaves what a limit had cut, and goes on saying so', () => {
    const tight = { concurrencyMax: 60, usdPerHourMax: 100, usdPerEventMax: 100 };
    const cut = plan(sampleInput([spec], { limits: tight }));
    const [step] = again(-8, 1, cut).steps;
    expect(step).toMatchObject({ concurrency: 60, concurrencyWanted: 112, bindingLimit: 'ceiling' });
    expect(levelAt(again(-8, 1, cut), releaseAtMs)).toBe(60);
    expect(levelAt(again(-11, 1, cut), releaseAtMs)).toBe(112);
  });

  it('does not go back to the window before, once another has taken over', () => {
    const events = [sampleEvent(), sampleEvent({ id: 'later', startsAtMs: minutesFrom(60) })];
    const made = plan(sampleInput([spec], { events }));
    expect(levelAt(made, minutesFrom(56))).toBe(63);
    expect(levelAt(again(56, 1.6, made, { events }), minutesFrom(57))).toBe(63);
  });

  it('holds what was planned when the forecast fails, then the floor', () => {
    const floored = sampleSpec({ concurrencyFloor: 5 });
    const functions = [{ spec: floored, forecast: { notReady: 'no data since 13:10' }, symbols: [] }];
    const nowMs = minutesFrom(-9);
    const made = plan(sampleInput([], { functions, nowMs, previous: plan(sampleInput([floored])) }));
    expect(outline(made)).toEqual([
      '13:20–13:50 112',
      '13:50–14:10 79',
      '14:10–14:30 63',
      '14:30–14:50 50',
      '14:50–15:30 40',
      '15:30–17:30 5',
    ]);
    expect(made.steps[0]!.because).toBe(
      'nfp at 2026-11-06T13:30:00Z: 112 as in the plan before; no forecast: no data since 13:10.',
    );
    const alone = plan(sampleInput([], { functions, nowMs }));
    expect(alone.steps.map(({ concurrency, because }) => [concurrency, because])).toEqual([
      [5, 'Floor of 5; no forecast: no data since 13:10.'],
    ]);
    expect(alone.notPlanned).toEqual([{ key: floored.key, because: 'no forecast: no data since 13:10' }]);
  });
});
