/**
 * What a function's traffic got, and what it cost, as running totals: read at two instants, their difference is what happened between.
 */
import { createHistogram, type Histogram } from '../../core/histogram.ts';
import type { EpochMs } from '../../core/time.ts';
import type { FunctionPlane } from './function-plane.ts';
import type { TwinParams } from './limits.ts';
import type { ProvisionedBill } from './provisioned-bill.ts';
import type { TwinFunction } from './twin-function.ts';

export interface Counters {
  /** Requests served; with `throttles`, the requests that came. */
  readonly requests: number;
  /** Requests served on demand while provisioned concurrency was allocated. */
  readonly spillover: number;
  readonly throttles: number;
  readonly coldStarts: number;
  /** As the caller feels it: initialisation and run. */
  readonly durationMs: Histogram;
  /** For provisioned concurrency configured, idle or not, rounded as Lambda rounds it. */
  readonly provisionedUsd: number;
  /** For the duration of requests on provisioned environments. */
  readonly provisionedDurationUsd: number;
  /** For the duration of requests and initialisations on demand. */
  readonly onDemandUsd: number;
  readonly requestUsd: number;
}

export interface CounterSource {
  readonly spec: TwinFunction;
  readonly plane: FunctionPlane;
  readonly bill: ProvisionedBill;
  readonly params: TwinParams;
}

/** The totals at an instant, as a copy. */
export function readCounters({ spec, plane, bill, params }: CounterSource, nowMs: EpochMs): Counters {
  const { usdPerGbSecond, usdPerRequest } = params.prices;
  const price = usdPerGbSecond[spec.architecture];
  const gbSecondsPerMs = spec.memoryMb / 1_024 / 1_000;
  const durationMs = createHistogram();
  durationMs.merge(plane.durationMs);
  return {
    requests: plane.requests,
    spillover: plane.spillover,
    throttles: plane.throttles,
    coldStarts: plane.coldStarts,
    durationMs,
    provisionedUsd: bill.billedMsAt(nowMs) * gbSecondsPerMs * price.provisioned,
    provisionedDurationUsd: plane.provisionedRunMs * gbSecondsPerMs * price.provisionedDuration,
    onDemandUsd: plane.onDemandRunMs * gbSecondsPerMs * price.onDemand,
    requestUsd: plane.requests * usdPerRequest,
  };
}

/** What happened between two readings of the same function. */
export function countersBetween(earlier: Counters, later: Counters): Counters {
  const durationMs = createHistogram();
  durationMs.merge(later.durationMs);
  durationMs.subtract(earlier.durationMs);
  return {
    requests: later.requests - earlier.requests,
    spillover: later.spillover - earlier.spillover,
    throttles: later.throttles - earlier.throttles,
    coldStarts: later.coldStarts - earlier.coldStarts,
    durationMs,
    provisionedUsd: later.provisionedUsd - earlier.provisionedUsd,
    provisionedDurationUsd: later.provisionedDurationUsd - earlier.provisionedDurationUsd,
    onDemandUsd: later.onDemandUsd - earlier.onDemandUsd,
    requestUsd: later.requestUsd - earlier.requestUsd,
  };
}
