/**
 * The demo's fleet: three functions of a broker that are bound by three different things: concurrency, request rate, and a slow start.
 */
import type { FunctionSpec } from '../../core/function-spec.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { endOf, sliceSeries, type VolumeSeries } from '../../core/volume-series.ts';
import { msPerDay, msPerSecond, type EpochMs } from '../../core/time.ts';

export interface FleetFunction {
  readonly spec: FunctionSpec;
  /** Requests of this function for each request at the edge. */
  readonly requestsPerEdgeRequest: number;
  /** What every request waits for. */
  readonly service: string;
}

const place = '123456789012/us-east-1';

export const demoFleet: readonly FleetFunction[] = [
  {
    requestsPerEdgeRequest: 1,
    service: 'positions',
    spec: {
      key: `${place}/orders-validate:live` as FunctionKey,
      memoryMb: 1_024,
      architecture: 'x86_64',
      initDurationMs: 800,
      runDurationMs: { p50: 90, p99: 400 },
      spillTarget: { kind: 'spilloverRatioMax', ratio: 0.001 },
      concurrencyFloor: 0,
      concurrencyCeiling: 400,
      group: 'trading',
      mode: 'enforce',
      ownership: 'own',
    },
  },
  {
    // 18 ms: by Little's law half a hundred would do for 2,000 a second; Lambda wants one for every 10 requests a second.
    requestsPerEdgeRequest: 2,
    service: 'quotes',
    spec: {
      key: `${place}/quotes-stream:live` as FunctionKey,
      memoryMb: 512,
      architecture: 'arm64',
      initDurationMs: 350,
      runDurationMs: { p50: 18, p99: 60 },
      spillTarget: { kind: 'spilloverRatioMax', ratio: 0.001 },
      concurrencyFloor: 0,
      concurrencyCeiling: 500,
      group: 'trading',
      mode: 'enforce',
      ownership: 'own',
    },
  },
  {
    // A JVM: a cold start holds an order for 2.6 s in a moving market, worth about 30 cents.
    requestsPerEdgeRequest: 0.25,
    service: 'exposures',
    spec: {
      key: `${place}/risk-check:live` as FunctionKey,
      memoryMb: 2_048,
      architecture: 'x86_64',
      initDurationMs: 2_600,
      runDurationMs: { p50: 240, p99: 900 },
      spillTarget: { kind: 'usdPerColdStart', usd: 0.3 },
      concurrencyFloor: 0,
      concurrencyCeiling: 300,
      group: 'risk',
      mode: 'enforce',
      ownership: 'own',
    },
  },
];

/** A recorded history is scaled so that its busiest minutes are this busy at the edge: as much as the fleet can take in an account of 1,000. */
const busyRequestsPerSecond = 500;
const recentDays = 28;
/** Four of ten thousand minutes are busier: releases and single bursts, which the capacity is there to meet. */
const busyQuantile = 0.9996;

/** Requests for one unit of volume, by the busiest buckets of the four weeks before `fromMs`. */
export function edgeRequestsPerUnit(series: VolumeSeries, fromMs: EpochMs): number {
  const from = Math.max(series.fromMs, fromMs - recentDays * msPerDay);
  const recent = sliceSeries(series, from, Math.min(fromMs, endOf(series)));
  const values = recent.values.filter((value) => value > 0).sort();
  const busy = values[Math.floor(values.length * busyQuantile)];
  return busy === undefined ? 1 : (busyRequestsPerSecond * series.stepMs) / msPerSecond / busy;
}
