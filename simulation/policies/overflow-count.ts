/**
 * A stand-in for a fleet where only two things are asked: what provisioned concurrency does not take, and what it costs. Both follow from the
 * level that stands in each ten seconds; no request is served.
 *
 * Against the data plane: what becomes READY inside ten seconds counts from their end, and a burst that the rate rule turns away is counted by
 * whole seconds. Both together move the share of overflow by less than 0.05 % of the requests (simulate.test.ts).
 */
import { createHistogram } from '../../core/histogram.ts';
import type { EpochMs } from '../../core/time.ts';
import type { FleetCounters, FleetOptions } from './fleet.ts';
import type { OverflowCurve } from './overflow.ts';
import { decisionMs } from './policy.ts';

export function createOverflowCount(curves: readonly OverflowCurve[], options: FleetOptions) {
  const { spec, params, fromMs, provision } = options;
  const usdPerMs = (spec.memoryMb / 1_024 / 1_000) * params.prices.usdPerGbSecond[spec.architecture].provisioned;
  const nothing = createHistogram();
  let provisionedRequests = 0;
  return {
    serve(nowMs: EpochMs): void {
      const { arrivalCount, overflowOf } = curves[(nowMs - fromMs) / decisionMs]!;
      provisionedRequests += arrivalCount - overflowOf(provision.allocated);
      if (provision.settlesAtMs !== undefined && provision.settlesAtMs <= nowMs + decisionMs) provision.settle();
    },
    endMinute: () => undefined,
    counters: (nowMs: EpochMs): FleetCounters => ({
      requests: 0,
      spillover: 0,
      throttles: 0,
      coldStarts: 0,
      durationMs: nothing,
      provisionedUsd: provision.bill.billedMsAt(nowMs) * usdPerMs,
      provisionedDurationUsd: 0,
      onDemandUsd: 0,
      requestUsd: 0,
      provisionedRequests,
    }),
  };
}
