/**
 * The demo's fleet: three functions of a broker that are bound by three different things: concurrency, request rate, and a slow start.
 */
import type { FunctionSpec } from '../../core/function-spec.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { endOf, sliceSeries, type VolumeSeries } from '../../core/volume-series.ts';
import { msPerDay, type EpochMs } from '../../core/time.ts';

export interface FleetFunction {
  readonly spec: FunctionSpec;
  /** Requests of this function for each request at the edge. */
  readonly requestsPerEdgeRequest: number;
}

const place = '123456789012/us-east-1';

export const demoFleet: readonly FleetFunction[] = [
  {
    requestsPerEdgeRequest: 1,
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
    },
  },
  {
    // 18 ms: by Little's law half a hundred would do for 2,000 a second; Lambda wants one for every 10 requests a second.
    requestsPerEdgeRequest: 2,
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
    },
  },
  {
    // A JVM: a cold start holds an order for 2.6 s in a moving market, worth about 30 cents.
    requestsPerEdgeRequest: 0.25,
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
    },
  },
];

/** A foreign history is scaled so that its usual minute is this busy at the edge: enough to see capacity move, small enough for a default account. */
const usualRequestsPerSecond = 50;
const usualDays = 28;

/** Requests for one unit of volume, by the median of the non-empty buckets of the four weeks before `fromMs`. */
export function edgeRequestsPerUnit(series: VolumeSeries, fromMs: EpochMs): number {
  const recent = sliceSeries(
    series,
    Math.max(series.fromMs, fromMs - usualDays * msPerDay),
    Math.min(fromMs, endOf(series)),
  );
  const values = recent.values.filter((value) => value > 0).sort();
  const usual = values[Math.floor(values.length / 2)];
  return usual === undefined ? 1 : (usualRequestsPerSecond * series.stepMs) / 1_000 / usual;
}
