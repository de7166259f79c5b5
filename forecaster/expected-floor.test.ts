import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CapacityPlan } from '../core/capacity.ts';
import type { Expectation, MarketEvent } from '../core/market-event.ts';
import { msPerHour, msPerMinute } from '../core/time.ts';
import { withExpectedFloor } from './expected-floor.ts';
import { plan, type PlanInput } from './planner.ts';
import { morningMs, releaseAtMs, sampleEvent, sampleForecast, sampleInput, sampleSpec } from './sample.ts';

const spec = sampleSpec({ group: 'trading' });
const forecast = sampleForecast(spec);
const usual = () => sampleForecast(spec, { requestsPerSecond: () => 60 });
const lift: Expectation = { group: 'trading', minutes: 30, lift: 8 };
const expecting = (expectation: Expectation, change: Partial<MarketEvent> = {}): MarketEvent =>
  sampleEvent({ expect: expectation, ...change });
const floored = (event: MarketEvent, group: string | undefined = 'trading') =>
  withExpectedFloor(forecast, { events: [event], group, usual });

/** Both levels of some minutes after the release, as requests a second. */
const perSecond = (path: typeof forecast, ...minutes: number[]): number[][] =>
  minutes.map((minute) =>
    path.requestCount[(releaseAtMs - morningMs) / msPerMinute + minute]!.map((count) => count / 60),
  );

describe('a floor under the forecast', () => {
  it('is what is expected, from the event to its end, on every level', () => {
    const lifted = floored(expecting(lift));
    expect(perSecond(lifted, -1, 0, 20, 29, 30)).toEqual([
      [60, 90],
      [480, 480],
      [480, 480],
      [480, 480],
      [180, 270],
    ]);
    expect(lifted.model).toBe('sample, at least 8 times the usual for 30 min for nfp@2026-11-06T13:30:00Z');
  });

  it('takes a rate as it is, and leaves what is higher', () => {
    const lifted = floored(expecting({ group: 'trading', minutes: 30, requestsPerSecond: 400 }));
    expect(perSecond(lifted, 0)).toEqual([[400, 450]]);
  });

  it('lifts the bucket that an event begins in whole', () => {
    const lifted = floored(expecting({ ...lift, minutes: 1 }, { startsAtMs: releaseAtMs + 30_000 }));
    expect(perSecond(lifted, -1, 0, 1, 2).map(([median]) => median)).toEqual([60, 480, 480, 300]);
  });

  it.each<[string, MarketEvent, string | undefined]>([
    ['another group', expecting(lift), 'reports'],
    ['no group', expecting(lift), undefined],
    ['a cancelled event', expecting(lift, { status: 'cancelled' }), 'trading'],
    ['a day', expecting(lift, { precision: 'date' }), 'trading'],
    ['less than is forecast', expecting({ ...lift, lift: 2, minutes: 20 }), 'trading'],
    ['what is over', expecting(lift, { startsAtMs: morningMs - 30 * msPerMinute }), 'trading'],
    ['what is beyond', expecting(lift, { startsAtMs: morningMs + 6 * msPerHour }), 'trading'],
  ])('is none for %s', (_, event, group) => {
    expect(withExpectedFloor(forecast, { events: [event], group, usual })).toBe(forecast);
  });

  it('knows nothing of a lift where the usual is not known, and asks for it only then', () => {
    const unknown = { events: [expecting(lift)], group: 'trading', usual: () => ({ notReady: 'young' }) };
    expect(withExpectedFloor(forecast, unknown)).toBe(forecast);
    const never = (): never => expect.unreachable('nobody expects a lift');
    const rate = expecting({ group: 'trading', minutes: 30, requestsPerSecond: 900 });
    expect(perSecond(withExpectedFloor(forecast, { events: [rate], group: 'trading', usual: never }), 0)).toEqual([
      [900, 900],
    ]);
    const young = { notReady: 'young' };
    expect(withExpectedFloor<typeof young>(young, { events: [rate], group: 'trading', usual: never })).toBe(young);
  });

  it('never lowers a level, and never crosses two', () => {
    const expectations = fc.record({
      minute: fc.integer({ min: -200, max: 300 }),
      minutes: fc.integer({ min: 1, max: 180 }),
      lift: fc.double({ min: 1.1, max: 100, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(expectations, { maxLength: 4 }), (list) => {
        const events = list.map(({ minute, ...rest }, index) =>
          expecting({ group: 'trading', ...rest }, { id: `e${index}`, startsAtMs: releaseAtMs + minute * msPerMinute }),
        );
        const { requestCount } = withExpectedFloor(forecast, { events, group: 'trading', usual });
        requestCount.forEach(([low, high], index) => {
          expect(low!).toBeGreaterThanOrEqual(forecast.requestCount[index]![0]!);
          expect(high!).toBeGreaterThanOrEqual(Math.max(low!, forecast.requestCount[index]![1]!));
        });
      }),
      { seed: 5, numRuns: 50 },
    );
  });
});

describe('an event that people start now', () => {
  const others = sampleSpec({ name: 'statements', group: 'reports' });
  const warmed = (nowMs: number, minutes = 45): MarketEvent =>
    expecting(
      { group: 'trading', minutes, requestsPerSecond: 600 },
      { id: `manual@${nowMs}`, kind: 'manual', title: 'tariff post', startsAtMs: nowMs },
    );

  function planAt(nowMs: number, events: readonly MarketEvent[], previous?: CapacityPlan): CapacityPlan {
    const change: Partial<PlanInput> = { nowMs, events, ...(previous && { previous }) };
    const input = sampleInput([spec, others], change);
    const functions = input.functions.map((one) => ({
      ...one,
      forecast: withExpectedFloor(one.forecast, { events, group: one.spec.group, usual }),
    }));
    return plan({ ...input, functions });
  }
  const outline = ({ steps }: CapacityPlan, key = spec.key): string[] =>
    steps
      .filter((step) => step.key === key)
      .map(({ fromMs, untilMs, concurrency, eventId }) => {
        const [from, until] = [fromMs, untilMs].map((at) => new Date(at).toISOString().slice(11, 19));
        return `${from!}–${until!} ${concurrency} ${eventId?.split('@')[0] ?? 'floor'}`;
      });
  const levelAt = (made: CapacityPlan, atMs: number): number =>
    made.steps.find((step) => step.key === spec.key && step.fromMs <= atMs && atMs < step.untilMs)?.concurrency ?? 0;
  const early = morningMs + 137_000;

  it('is warmed for at once, to its end, for its group alone', () => {
    const made = planAt(early, [warmed(early)]);
    // It is over at 12:17:17: its last block needs fewer.
    expect(outline(made)).toEqual(['11:32:17–12:15:00 133 manual', '12:15:00–12:20:00 130 manual']);
    expect(outline(made, others.key)).toEqual([]);
    expect(made.steps[0]).toMatchObject({
      eventAtMs: early,
      readyByMs: early,
      raiseUntilMs: early + 45 * msPerMinute,
      because: expect.stringMatching(
        /^manual at 2026-11-06T11:32:17Z \(tariff post\), expected by people to bring 600 requests\/s for 45 min: 60\d requests\/s expected/,
      ) as string,
    });
  });

  it('stays as it is from plan to plan', () => {
    const event = warmed(early);
    const first = planAt(early, [event]);
    const second = planAt(early + 60_000, [event], first);
    expect(outline(second)).toEqual(outline(first));
  });

  it.each([
    ['while the window of a release is being raised', -8],
    ['just before it', -1],
    ['and just after', 7],
  ])('raises what a release has begun: %s', (_, minutes) => {
    const nfp = sampleEvent();
    const begun = planAt(releaseAtMs - 10 * msPerMinute, [nfp]);
    const nowMs = releaseAtMs + minutes * msPerMinute;
    const made = planAt(nowMs, [nfp, warmed(nowMs)], begun);
    expect(levelAt(begun, nowMs)).toBe(102);
    expect(levelAt(made, nowMs)).toBeGreaterThan(125);
    // When it is over, the release still has what it needs.
    const later = planAt(nowMs + 44 * msPerMinute, [nfp, warmed(nowMs)], made);
    const after = nowMs + 51 * msPerMinute;
    expect(levelAt(later, after)).toBeGreaterThan(0);
    expect(levelAt(later, after)).toBeLessThanOrEqual(levelAt(begun, after));
  });

  it('changes nothing where a release holds more', () => {
    const nfp = sampleEvent();
    const begun = planAt(releaseAtMs - 10 * msPerMinute, [nfp]);
    const nowMs = releaseAtMs - 8 * msPerMinute;
    const little = warmed(nowMs);
    const low = { ...little, expect: { group: 'trading', minutes: 45, requestsPerSecond: 100 } };
    const both = planAt(nowMs, [nfp, low], begun);
    expect(outline(both)[0]).toBe('13:20:00–13:50:00 102 nfp');
    const alone = planAt(nowMs, [nfp], begun);
    for (let minutes = -8; minutes < 120; minutes++) {
      const atMs = releaseAtMs + minutes * msPerMinute;
      expect(levelAt(both, atMs)).toBeGreaterThanOrEqual(levelAt(alone, atMs));
    }
  });

  it('of a group that is none is not planned, and said so', () => {
    const lost = { ...warmed(early), expect: { group: 'tradng', minutes: 45, requestsPerSecond: 600 } };
    expect(planAt(early, [lost]).notPlanned).toContainEqual({
      eventId: lost.id,
      because: 'no function is of the group tradng',
    });
  });
});

it('plans for a small release that somebody expects much of', () => {
  const small = expecting({ group: 'trading', minutes: 30, requestsPerSecond: 600 }, { importance: 1 });
  const input = sampleInput([spec, sampleSpec({ name: 'statements' })], { events: [small] });
  const made = plan({ ...input, policy: { ...input.policy, importanceMin: 2 } });
  expect(new Set(made.steps.map(({ key }) => key))).toEqual(new Set([spec.key]));
});
