import { describe, expect, it } from 'vitest';
import type { CapacityPlan } from '../../core/capacity.ts';
import type { FunctionSpec } from '../../core/function-spec.ts';
import { msPerMinute } from '../../core/time.ts';
import { plan, type PlanInput } from '../planner.ts';
import { releaseAtMs, sampleForecast, sampleInput, sampleSpec } from '../sample.ts';
import { ramp } from './ramp.ts';

const minutesFrom = (minutes: number): number => releaseAtMs + minutes * msPerMinute;

function levelAt(made: CapacityPlan, key: string, atMs: number): number {
  return made.steps.find((step) => step.key === key && step.fromMs <= atMs && atMs < step.untilMs)?.concurrency ?? 0;
}

function together(made: CapacityPlan, specs: readonly FunctionSpec[], atMs: number): number {
  return specs.reduce((sum, { key }) => sum + levelAt(made, key, atMs), 0);
}

describe('ramp', () => {
  it.each([
    { name: 'what fits stays', levels: [[0, 0, 50, 50]], held: [0], max: 60, expected: [[0, 0, 50, 50]] },
    { name: 'a large one is split', levels: [[0, 0, 100, 100]], held: [0], max: 60, expected: [[0, 40, 100, 100]] },
    {
      name: 'several take turns',
      levels: [
        [0, 0, 50],
        [0, 0, 40],
      ],
      held: [0, 0],
      max: 50,
      expected: [
        [0, 40, 50],
        [0, 0, 40],
      ],
    },
    {
      name: 'what there is no time for is given up',
      levels: [[100, 100, 20]],
      held: [10],
      max: 30,
      expected: [[40, 40, 20]],
    },
  ])('$name', ({ levels, held, max, expected }) => {
    const ramped = ramp({ levels: levels.map((own) => Int32Array.from(own)), held, initsPerBlockMax: max });
    expect(ramped.map((own) => [...own])).toEqual(expected);
  });
});

describe('plan under what functions share', () => {
  it('asks earlier and in parts, so that no more start in a minute than may', () => {
    const specs = ['a', 'b', 'c'].map((name) => sampleSpec({ name }));
    const input = sampleInput(specs);
    // 306 environments; at 2 a second 120 in each part.
    const made = plan({ ...input, limits: { ...input.limits, initsPerSecondMax: 2 } });
    const at = [-25, -20, -15, -10, 0].map((minutes) => together(made, specs, minutesFrom(minutes)));
    expect(at).toEqual([0, 66, 186, 306, 306]);
    expect(made.steps.every(({ readyByMs }) => readyByMs >= minutesFrom(-20))).toBe(true);
    const again = plan({
      ...input,
      limits: { ...input.limits, initsPerSecondMax: 2 },
      nowMs: minutesFrom(-17),
      previous: made,
    });
    expect([-15, -10, 0, 20].map((minutes) => together(again, specs, minutesFrom(minutes)))).toEqual(
      [-15, -10, 0, 20].map((minutes) => together(made, specs, minutesFrom(minutes))),
    );
  });

  it('says what there was no time to start', () => {
    const spec = sampleSpec();
    const input = sampleInput([spec], { nowMs: minutesFrom(-12) });
    const made = plan({ ...input, limits: { ...input.limits, initsPerSecondMax: 0.5 } });
    expect(levelAt(made, spec.key, releaseAtMs)).toBe(60);
    expect(made.givenUp).toMatchObject([{ limit: 'inits', concurrency: 42 }]);
  });

  // Goal: connections of what is warm and of what still stands on demand are never more than there are. Method: demand that rises by half, so that before the raise nearly as
  // many stand on demand as it asks for.
  it('keeps to the connections of a database behind forty functions', () => {
    const specs = Array.from({ length: 40 }, (_, index) =>
      sampleSpec({ name: `orders-${String(index).padStart(2, '0')}` }),
    );
    const planWith = (limit: number): CapacityPlan => {
      const resource = { name: 'orders-db', perEnvironment: 2, limit, functions: specs.map(({ key }) => key) };
      const input: PlanInput = sampleInput(specs, { sharedResources: [resource] });
      const requestsPerSecond = (atMs: number): number => (atMs < releaseAtMs ? 60 : 90);
      const functions = specs.map((spec) => ({
        spec,
        forecast: sampleForecast(spec, { requestsPerSecond }),
        symbols: [],
      }));
      return plan({ ...input, functions });
    };
    const free = planWith(40_000);
    const made = planWith(4_000);
    expect(free.givenUp).toBeUndefined();
    expect(made.givenUp).toMatchObject([{ limit: 'sharedResource', name: '4000 of orders-db', isKept: true }]);
    expect(made.givenUp![0]!.marginalUsd).toBeGreaterThan(0);
    const [all, less] = [free, made].map((one) => together(one, specs, releaseAtMs));
    expect(less!).toBeLessThan(all!);
    // On demand at least the 7.2 that run on average stand beside what comes.
    expect(2 * (less! + 40 * 7.2)).toBeLessThanOrEqual(4_000);
    // Demand alone opens more than that: no warm capacity helps, and the plan says so.
    expect(planWith(1_000).givenUp).toMatchObject([{ limit: 'sharedResource', isKept: false }]);
  });
});
