/**
 * One function of the twin without its HTTP: the same data plane, the same life of a provisioned configuration, the same bill. Many policies are
 * played side by side, so a fleet holds nothing but its state; arrivals are handed to all of them.
 */
import type { Random } from '../../core/random.ts';
import { msPerMinute, type EpochMs } from '../../core/time.ts';
import type { Arrivals } from '../twin/arrivals.ts';
import { readCounters, type Counters } from '../twin/counters.ts';
import { admit, createFunctionPlane, resetPeaks, setAllocated } from '../twin/function-plane.ts';
import type { TwinParams } from '../twin/limits.ts';
import type { TwinFunction } from '../twin/twin-function.ts';
import type { Provision } from './provision.ts';

/** What CloudWatch shows of a minute in which requests came while provisioned concurrency stood; of others it shows nothing. */
export interface MinuteMetrics {
  readonly startsAtMs: EpochMs;
  /** `ProvisionedConcurrencyUtilization`, in [0, 1]: busy over allocated, averaged over the minute and at its busiest instant. */
  readonly utilizationAverage: number;
  readonly utilizationMaximum: number;
}

export interface FleetCounters extends Counters {
  /** Requests that ran on provisioned environments. */
  readonly provisionedRequests: number;
}

export interface Fleet {
  /** Serves the arrivals from place `first` on that come before `untilMs`; answers the place of the next one. */
  serve(arrivals: Arrivals, first: number, untilMs: EpochMs): number;
  /** Closes the minute that ends now. */
  endMinute(nowMs: EpochMs): MinuteMetrics | undefined;
  counters(nowMs: EpochMs): FleetCounters;
}

export interface FleetOptions {
  readonly spec: TwinFunction;
  readonly params: TwinParams;
  readonly random: Random;
  readonly fromMs: EpochMs;
  readonly provision: Provision;
}

export function createFleet({ spec, params, random, fromMs, provision }: FleetOptions): Fleet {
  const plane = createFunctionPlane(spec, params, random);
  const { bill } = provision;
  let servedMs = fromMs;
  let minute = { allocatedMs: 0, runMs: 0, arrivalCount: 0 };
  setAllocated(plane, provision.allocated, fromMs);

  /** Up to an instant at which nothing changes between. */
  const serveUntil = (arrivals: Arrivals, first: number, untilMs: EpochMs): number => {
    const { atMs, runMs } = arrivals;
    if (plane.allocated !== provision.allocated) setAllocated(plane, provision.allocated, servedMs);
    const onDemandMax = params.accountConcurrency - provision.claimed;
    let next = first;
    while (next < atMs.length && atMs[next]! < untilMs) {
      admit(plane, atMs[next]!, runMs[next]!, onDemandMax);
      next++;
    }
    minute.arrivalCount += next - first;
    minute.allocatedMs += plane.allocated * (untilMs - servedMs);
    servedMs = untilMs;
    return next;
  };
  return {
    serve(arrivals, first, untilMs) {
      const { settlesAtMs } = provision;
      if (settlesAtMs === undefined || settlesAtMs >= untilMs) return serveUntil(arrivals, first, untilMs);
      const next = serveUntil(arrivals, first, settlesAtMs);
      provision.settle();
      return serveUntil(arrivals, next, untilMs);
    },
    endMinute(nowMs) {
      const ranMs = plane.provisionedRunMs - minute.runMs;
      const metrics =
        minute.arrivalCount > 0 && minute.allocatedMs > 0
          ? {
              startsAtMs: nowMs - msPerMinute,
              utilizationAverage: Math.min(1, ranMs / minute.allocatedMs),
              utilizationMaximum: plane.allocated > 0 ? Math.min(1, plane.provisionedPeak / plane.allocated) : 1,
            }
          : undefined;
      minute = { allocatedMs: 0, runMs: plane.provisionedRunMs, arrivalCount: 0 };
      resetPeaks(plane, nowMs);
      return metrics;
    },
    counters: (nowMs) => ({
      ...readCounters({ spec, plane, bill, params }, nowMs),
      provisionedRequests: plane.provisionedRequests,
    }),
  };
}
