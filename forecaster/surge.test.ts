import { describe, expect, it } from 'vitest';
import type { CapacityPlan } from '../core/capacity.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import { msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import { plan } from './planner.ts';
import { morningMs, releaseAtMs, sampleDemand, sampleForecast, sampleInput, sampleSpec } from './sample.ts';
import type { Revision } from './surge.ts';

const revision = (atMs: EpochMs): Revision => ({ atMs, untilMs: atMs + 60 * msPerMinute, because: 'seen' });

interface Moment {
  readonly nowMs: EpochMs;
  readonly times: number;
  readonly previous?: CapacityPlan;
  readonly revision?: Revision;
  readonly spec?: FunctionSpec;
  readonly hasEvent?: boolean;
}

/** The plan at an instant, under demand that is so many times what the sample has. */
function planAt({ nowMs, times, previous, revision: asked, spec = sampleSpec(), hasEvent = true }: Moment) {
  const untilMs = nowMs + 4 * msPerHour;
  const requestsPerSecond = (atMs: EpochMs): number => times * sampleDemand(atMs);
  const forecast = sampleForecast(spec, { fromMs: nowMs, untilMs, requestsPerSecond });
  return plan({
    ...sampleInput([spec], { nowMs, untilMs, ...(previous && { previous }) }),
    functions: [{ spec, forecast, symbols: [], ...(asked && { revision: asked }) }],
    ...(!hasEvent && { events: [] }),
  });
}

const holdAt = ({ steps }: CapacityPlan, atMs: EpochMs) =>
  steps.find(({ fromMs, untilMs }) => fromMs <= atMs && atMs < untilMs);

describe('a window that has begun', () => {
  const atMs = releaseAtMs + msPerMinute;
  const before = planAt({ nowMs: morningMs, times: 1 });
  const held = holdAt(before, atMs)!;

  it('is not raised by a forecast that has risen alone', () => {
    const later = holdAt(planAt({ nowMs: atMs, times: 3, previous: before }), atMs)!;
    expect([later.concurrency, later.raiseUntilMs]).toEqual([held.concurrency, undefined]);
  });

  it('is raised once where the nowcast asks for it, in time to be of use, under the same event and its budget', () => {
    const revised = planAt({ nowMs: atMs, times: 3, previous: before, revision: revision(atMs) });
    const raised = holdAt(revised, atMs)!;
    expect(raised.concurrency).toBeGreaterThan(2 * held.concurrency);
    expect(raised.eventId).toBe(held.eventId);
    expect(raised.raiseUntilMs).toBeGreaterThan(atMs + msPerHour);
    // And no further by whatever comes later, until it is asked for again.
    const laterMs = atMs + 2 * msPerMinute;
    const later = holdAt(planAt({ nowMs: laterMs, times: 9, previous: revised }), laterMs)!;
    expect([later.concurrency, later.raiseUntilMs]).toEqual([raised.concurrency, raised.raiseUntilMs]);
  });

  it.each([
    ['hardly more is needed', 1.08, sampleSpec()],
    ['its ceiling had cut it', 3, sampleSpec({ concurrencyCeiling: 30 })],
  ])('stays as it is where %s', (_, times, spec) => {
    const previous = planAt({ nowMs: morningMs, times: 1, spec });
    const revised = planAt({ nowMs: atMs, times, previous, revision: revision(atMs), spec });
    expect(holdAt(revised, atMs)!.concurrency).toBe(holdAt(previous, atMs)!.concurrency);
  });
});

describe('where no window stands', () => {
  const spec = sampleSpec({ concurrencyFloor: 20 });
  const ask = (nowMs: EpochMs, rest: Partial<Moment>) => planAt({ nowMs, times: 5, spec, hasEvent: false, ...rest });
  const begun = ask(morningMs, { revision: revision(morningMs) });
  const step = holdAt(begun, morningMs)!;

  it('one begins, is asked for at once, and says why', () => {
    expect(step).toMatchObject({ fromMs: morningMs, eventId: 'surge@2026-11-06T11:30:00Z', eventAtMs: morningMs });
    expect(step.raiseUntilMs).toBe(morningMs + msPerHour);
    expect(step.concurrency).toBeGreaterThan(spec.concurrencyFloor);
    expect(step.because).toContain('seen');
  });

  it('goes on as it was raised in the plans that follow, and ends by itself', () => {
    const laterMs = morningMs + 10 * msPerMinute;
    const later = ask(laterMs, { previous: begun, times: 9 });
    expect(holdAt(later, laterMs)).toMatchObject({ concurrency: step.concurrency, eventId: step.eventId });
    expect(holdAt(later, morningMs + msPerHour)).toMatchObject({ concurrency: 20, bindingLimit: 'floor' });
    const afterMs = morningMs + msPerHour;
    expect(ask(afterMs, { previous: later, times: 9 }).steps.every(({ eventId }) => eventId === undefined)).toBe(true);
  });
});
