import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CapacityPlan, CapacityStep } from '../core/capacity.ts';
import type { Forecast } from '../core/forecast.ts';
import type { FunctionSpec, SpillTarget } from '../core/function-spec.ts';
import { msPerHour, msPerMinute } from '../core/time.ts';
import { plan, type PlanInput } from './planner.ts';
import { morningMs, sampleEvent, sampleInput, samplePrices, sampleSpec } from './sample.ts';

const untilMs = morningMs + 6 * msPerHour;
const instants = Array.from({ length: 6 * 60 }, (_, minute) => morningMs + minute * msPerMinute);

/** Demand by the bucket: any shape at all, so that no property leans on a pleasant one. */
const drawnFunction = fc.record({
  counts: fc.array(fc.nat(4_000), { minLength: 72, maxLength: 72 }),
  stepMs: fc.constantFrom(msPerMinute, 5 * msPerMinute),
  runMs: fc.constantFrom(20, 120, 600),
  floor: fc.constantFrom(0, 10, 60),
  ceilingAbove: fc.nat(150),
  reserved: fc.option(fc.nat(100), { nil: undefined }),
  memoryMb: fc.constantFrom(128, 1024, 3008),
  symbol: fc.constantFrom('A', 'B'),
  target: fc.constantFrom<SpillTarget>(
    { kind: 'spilloverRatioMax', ratio: 0.001 },
    { kind: 'spilloverRatioMax', ratio: 0.05 },
    { kind: 'usdPerColdStart', usd: 0.01 },
    { kind: 'usdPerColdStart', usd: 0.5 },
  ),
});
type DrawnFunction = typeof drawnFunction extends fc.Arbitrary<infer T> ? T : never;

const drawnEvents = fc.array(
  fc.record({
    // Quarters of an hour, so that some events coincide and windows overlap; and any minute.
    minutes: fc.oneof(
      fc.integer({ min: -10, max: 22 }).map((quarters) => quarters * 15),
      fc.integer({ min: -150, max: 330 }),
    ),
    importance: fc.constantFrom(1 as const, 2 as const, 3 as const),
    symbols: fc.constantFrom<readonly string[]>([], ['A'], ['B']),
  }),
  { maxLength: 6 },
);

const drawnLimits = fc.record({
  concurrencyMax: fc.nat(300),
  usdPerHourMax: fc.integer({ min: 0, max: 400 }).map((cents) => cents / 100),
  usdPerEventMax: fc.integer({ min: 0, max: 400 }).map((cents) => cents / 100),
});
const drawnAccount = fc.record({
  concurrencyLimit: fc.constant(3_000),
  unreservedConcurrency: fc.integer({ min: 0, max: 500 }),
  otherProvisioned: fc.nat(100),
});

const unlimited = {
  limits: { concurrencyMax: 1e6, usdPerHourMax: 1e6, usdPerEventMax: 1e6 },
  account: { concurrencyLimit: 1e6, unreservedConcurrency: 1e6, otherProvisioned: 0 },
};

function specOf(drawn: DrawnFunction, index: number): FunctionSpec {
  return sampleSpec({
    name: `function-${index}`,
    runDurationMs: { p50: drawn.runMs, p99: 2 * drawn.runMs },
    concurrencyFloor: drawn.floor,
    concurrencyCeiling: drawn.floor + drawn.ceilingAbove,
    memoryMb: drawn.memoryMb,
    spillTarget: drawn.target,
    ...(drawn.reserved !== undefined && { reservedConcurrency: drawn.reserved }),
  });
}

function forecastOf(spec: FunctionSpec, drawn: DrawnFunction, more: readonly number[] = []): Forecast {
  const stepCount = (untilMs - morningMs) / drawn.stepMs;
  const requestCount = Array.from({ length: stepCount }, (_, step) => [
    drawn.counts[step % drawn.counts.length]! + (more[step % 72] ?? 0),
  ]);
  return {
    key: spec.key,
    issuedAtMs: morningMs,
    model: 'drawn',
    fromMs: morningMs,
    stepMs: drawn.stepMs,
    levels: [0.95],
    requestCount,
  };
}

function inputOf(
  functions: readonly DrawnFunction[],
  events: readonly { minutes: number; importance: 1 | 2 | 3; symbols: readonly string[] }[],
  changes: Partial<PlanInput> = {},
): PlanInput {
  return sampleInput([], {
    untilMs,
    functions: functions.map((drawn, index) => {
      const spec = specOf(drawn, index);
      return { spec, forecast: forecastOf(spec, drawn), symbols: [drawn.symbol] };
    }),
    events: events.map(({ minutes, ...event }, index) =>
      sampleEvent({ id: `event-${index}`, startsAtMs: morningMs + minutes * msPerMinute, ...event }),
    ),
    ...changes,
  });
}

function stepAt(made: CapacityPlan, key: string, atMs: number): CapacityStep | undefined {
  return made.steps.find((step) => step.key === key && step.fromMs <= atMs && atMs < step.untilMs);
}

/** Level by function and minute. */
function levelsOf(made: CapacityPlan, input: PlanInput): number[][] {
  return input.functions.map(({ spec }) => {
    const steps = made.steps.filter((step) => step.key === spec.key);
    return instants.map((atMs) => steps.find((step) => step.fromMs <= atMs && atMs < step.untilMs)?.concurrency ?? 0);
  });
}

/** What one function is given when nothing is scarce, by the minute: as it was drawn, and with a fifth more of everything. */
function levelsForAFifthMore(drawn: DrawnFunction, events: Parameters<typeof inputOf>[1]) {
  const input = inputOf([drawn], events, unlimited);
  const [first] = input.functions;
  const fifth = drawn.counts.map((count) => count / 5);
  const lifted = { ...first!, forecast: forecastOf(first!.spec, drawn, fifth) };
  const [less] = levelsOf(plan(input), input);
  const [more] = levelsOf(plan({ ...input, functions: [lifted] }), input);
  return { more: more!, less: less! };
}

function expectNeverLess(more: readonly number[][], less: readonly number[][]): void {
  const worse = less.flatMap((levels, row) => levels.filter((level, minute) => more[row]![minute]! < level));
  expect(worse).toEqual([]);
}

function expectWithinLimits(made: CapacityPlan, input: PlanInput): void {
  const { limits, account } = input;
  const usdByEvent = new Map<string, number>();
  for (const { eventId, usd } of made.steps) {
    if (eventId !== undefined) usdByEvent.set(eventId, (usdByEvent.get(eventId) ?? 0) + usd);
  }
  for (const usd of usdByEvent.values()) expect(usd).toBeLessThanOrEqual(limits.usdPerEventMax + 1e-6);
  const levels = levelsOf(made, input);
  const pool = Math.max(0, account.unreservedConcurrency - 100 - account.otherProvisioned);
  const broken = instants.flatMap((atMs, minute) => {
    if (atMs < input.nowMs) return [];
    let [all, unreserved, usdPerHour] = [0, 0, 0];
    const isAbove = input.functions.map(({ spec }, row) => {
      const level = levels[row]![minute]!;
      all += level;
      if (spec.reservedConcurrency === undefined) unreserved += level;
      usdPerHour += level * (spec.memoryMb / 1024) * 3_600 * samplePrices.usdPerGbSecond.x86_64.provisioned;
      return level > Math.min(spec.concurrencyCeiling, spec.reservedConcurrency ?? Infinity);
    });
    const isKept = all <= limits.concurrencyMax && unreserved <= pool && usdPerHour <= limits.usdPerHourMax + 1e-6;
    return isKept && !isAbove.includes(true) ? [] : [{ atMs, all, unreserved, usdPerHour }];
  });
  expect(broken).toEqual([]);
}

function expectWellFormed(made: CapacityPlan): void {
  for (const [index, step] of made.steps.entries()) {
    expect(step.fromMs).toBeLessThan(step.untilMs);
    expect(step.untilMs).toBeLessThanOrEqual(made.untilMs);
    expect(step.readyByMs).toBeGreaterThanOrEqual(step.fromMs);
    expect(Number.isInteger(step.concurrency) && step.concurrency > 0).toBe(true);
    expect(step.concurrencyWanted).toBeGreaterThanOrEqual(step.concurrency);
    const before = made.steps[index - 1];
    if (before?.key === step.key) expect(step.fromMs).toBeGreaterThanOrEqual(before.untilMs);
    else if (before) expect(step.key > before.key).toBe(true);
  }
}

const runs = { numRuns: 25 };
const fleet = fc.array(drawnFunction, { minLength: 1, maxLength: 3 });

describe('plan', () => {
  it('keeps every limit; its steps are sorted, apart, and end', () => {
    fc.assert(
      fc.property(fleet, drawnEvents, drawnLimits, drawnAccount, (functions, events, limits, account) => {
        const input = inputOf(functions, events, { limits, account });
        const made = plan(input);
        expectWellFormed(made);
        expectWithinLimits(made, input);
      }),
      runs,
    );
  });

  it('keeps them when it is made again and again, each time from other forecasts', () => {
    fc.assert(
      fc.property(
        fleet,
        drawnEvents,
        drawnLimits,
        drawnAccount,
        fc.array(fc.nat(15_000), { minLength: 72, maxLength: 72 }),
        (functions, events, limits, account, more) => {
          let previous: CapacityPlan | undefined;
          for (let minutes = 60; minutes < 130; minutes += 7) {
            const nowMs = morningMs + minutes * msPerMinute;
            const input = inputOf(functions, events, { limits, account, nowMs, ...(previous && { previous }) });
            const wobbled = input.functions.map((planned, index) => ({
              ...planned,
              forecast: forecastOf(planned.spec, functions[index]!, minutes % 2 === 0 ? more : []),
            }));
            previous = plan({ ...input, functions: wobbled });
            expectWellFormed(previous);
            expectWithinLimits(previous, input);
          }
        },
      ),
      { numRuns: 6 },
    );
  });

  it('is the same for the same input, in whatever order that comes', () => {
    fc.assert(
      fc.property(fleet, drawnEvents, drawnLimits, (functions, events, limits) => {
        // Each event twice: their order decides nothing either.
        const input = inputOf(functions, [...events, ...events], { limits });
        const frozen = JSON.stringify(input);
        const made = JSON.stringify(plan(input));
        expect(JSON.stringify(plan(input))).toBe(made);
        expect(JSON.stringify(input)).toBe(frozen);
        const turned = { ...input, functions: input.functions.toReversed(), events: input.events.toReversed() };
        expect(JSON.stringify(plan(turned).steps)).toBe(JSON.stringify(plan(input).steps));
      }),
      runs,
    );
  });

  // A price by the cold start promises no such thing: where a trickle becomes a stream, environments on demand stay warm between requests, and fewer cold starts are left to avoid.
  it('never gives a function that states a price by the spill less for a fifth more demand', () => {
    fc.assert(
      fc.property(drawnFunction, drawnEvents, fc.constantFrom(0.00001, 0.001, 0.05), (one, events, usd) => {
        const { more, less } = levelsForAFifthMore({ ...one, target: { kind: 'usdPerSpill', usd } }, events);
        expectNeverLess([more], [less]);
      }),
      runs,
    );
  });

  // Where dollars bind, a higher limit may move them from a tail to a peak, where they save more (worth/joint.test.ts holds what they save); so they suffice here.
  it('never gives a function alone less for a higher limit of concurrency', () => {
    fc.assert(
      fc.property(
        drawnFunction,
        drawnEvents,
        drawnLimits,
        drawnAccount,
        fc.nat(500),
        fc.nat(500),
        (drawn, events, { concurrencyMax }, account, more, room) => {
          const dollars = { usdPerHourMax: 1e6, usdPerEventMax: 1e6 };
          const input = inputOf([drawn], events, { limits: { concurrencyMax, ...dollars }, account });
          const higher = inputOf([{ ...drawn, ceilingAbove: drawn.ceilingAbove + room }], events, {
            limits: { concurrencyMax: concurrencyMax + more, ...dollars },
            account: { ...account, unreservedConcurrency: account.unreservedConcurrency + room },
          });
          expectNeverLess(levelsOf(plan(higher), input), levelsOf(plan(input), input));
        },
      ),
      runs,
    );
  });

  it('never raises inside a window, whatever limits relent halfway', () => {
    fc.assert(
      fc.property(fleet, drawnEvents, drawnLimits, drawnAccount, (functions, events, limits, account) => {
        const made = plan(inputOf(functions, events, { limits, account }));
        const raised = made.steps.filter((step, index) => {
          const before = made.steps[index - 1];
          const isSameWindow =
            before?.key === step.key && before.eventId === step.eventId && step.eventId !== undefined;
          return isSameWindow && step.concurrency > before.concurrency;
        });
        expect(raised).toEqual([]);
      }),
      runs,
    );
  });

  it('asks ten minutes before each event at the latest', () => {
    fc.assert(
      fc.property(drawnFunction, drawnEvents, (drawn, events) => {
        const input = inputOf([{ ...drawn, floor: 0 }], events, unlimited);
        const made = plan(input);
        for (const event of input.events) {
          const step = stepAt(made, input.functions[0]!.spec.key, event.startsAtMs);
          if (step?.eventId !== event.id) continue;
          const first = made.steps.find((candidate) => candidate.eventId === event.id)!;
          if (first.fromMs > input.nowMs) expect(first.fromMs).toBeLessThanOrEqual(event.startsAtMs - 10 * msPerMinute);
        }
      }),
      runs,
    );
  });
});
