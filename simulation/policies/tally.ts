/** What happened to one policy: requests over the judged half hours, dollars over what it held for them. */
import { createHistogram, type Histogram } from '../../core/histogram.ts';
import { countersBetween } from '../twin/counters.ts';
import type { FleetCounters } from './fleet.ts';
import type { Phase } from './spans.ts';

/** Plain numbers, so that a worker can hand them over. */
export interface TallySums {
  windows: number;
  /** All that came in the judged half hours, served or throttled. */
  arrivals: number;
  requests: number;
  /** Served on demand while provisioned concurrency stood: Lambda's own metric. */
  spillover: number;
  throttles: number;
  /** Arrivals that did not run on provisioned concurrency, whether any stood or not. */
  overflow: number;
  coldStarts: number;
  /** Provisioned concurrency from half an hour before a window to its end, and in the half hour after it. */
  provisionedUsd: number;
  provisionedUsdAfter: number;
  /** The rest of the bill, over the same time as `provisionedUsd`: duration, initialisations and requests. */
  runUsd: number;
  /** Environment minutes and minutes over the judged half hours. */
  allocatedMinutes: number;
  judgedMinutes: number;
}

export interface MinuteOutcome {
  readonly before: FleetCounters;
  readonly after: FleetCounters;
  readonly phase: Phase;
  readonly arrivalCount: number;
  readonly allocated: number;
}

export interface Tally {
  readonly sums: Readonly<TallySums>;
  /** Durations as the caller feels them, over the judged half hours. */
  readonly durationMs: Histogram;
  /** Answers how many arrivals of the minute overflowed. */
  addMinute(minute: MinuteOutcome): number;
  add(other: Pick<Tally, 'sums' | 'durationMs'>): void;
}

export function createTally(windows = 0): Tally {
  const durationMs = createHistogram();
  const sums: TallySums = {
    windows,
    arrivals: 0,
    requests: 0,
    spillover: 0,
    throttles: 0,
    overflow: 0,
    coldStarts: 0,
    provisionedUsd: 0,
    provisionedUsdAfter: 0,
    runUsd: 0,
    allocatedMinutes: 0,
    judgedMinutes: 0,
  };
  let billedUsd = 0;
  return {
    sums,
    durationMs,
    addMinute({ before, after, phase, arrivalCount, allocated }) {
      const between = countersBetween(before, after);
      // From nothing on, and not from `before`: what stands as a span begins has its first block billed at once.
      const provisionedUsd = after.provisionedUsd - billedUsd;
      billedUsd = after.provisionedUsd;
      const overflow = arrivalCount - (after.provisionedRequests - before.provisionedRequests);
      if (phase === 'after') {
        sums.provisionedUsdAfter += provisionedUsd;
        return overflow;
      }
      sums.provisionedUsd += provisionedUsd;
      sums.runUsd += between.provisionedDurationUsd + between.onDemandUsd + between.requestUsd;
      if (phase === 'lead') return overflow;
      sums.arrivals += arrivalCount;
      sums.requests += between.requests;
      sums.spillover += between.spillover;
      sums.throttles += between.throttles;
      sums.overflow += overflow;
      sums.coldStarts += between.coldStarts;
      sums.allocatedMinutes += allocated;
      sums.judgedMinutes++;
      durationMs.merge(between.durationMs);
      return overflow;
    },
    add(other) {
      for (const name of Object.keys(sums) as (keyof TallySums)[]) sums[name] += other.sums[name];
      durationMs.merge(other.durationMs);
    },
  };
}
