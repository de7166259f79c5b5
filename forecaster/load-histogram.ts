/** Arrivals by the load that they meet: a histogram over the loads of an Erlang table, which is all that a loss formula asks of a stretch of time. */
import type { EpochMs } from '../core/time.ts';
import { msPerSecond } from '../core/time.ts';
import { billingPeriodMs } from './cost.ts';
import type { ErlangTable } from './erlang-table.ts';
import type { LoadKernel } from './load-kernel.ts';

export interface LoadHistogram {
  requestCount: number;
  /** The greatest load, in erlang. */
  top: number;
  /** By place in the table, of load / peakedness. Single ones may be negative by a little: they are weights of an interpolation. */
  readonly arrivals: Float64Array;
}

export function createLoads(length: number): LoadHistogram {
  return { requestCount: 0, top: 0, arrivals: new Float64Array(length) };
}

export function clearLoads(loads: LoadHistogram): void {
  loads.requestCount = 0;
  loads.top = 0;
  loads.arrivals.fill(0);
}

export function addLoads(sum: LoadHistogram, part: LoadHistogram, weight: number): void {
  sum.requestCount += weight * part.requestCount;
  sum.top = Math.max(sum.top, part.top);
  for (let place = 0; place < part.arrivals.length; place++) sum.arrivals[place]! += weight * part.arrivals[place]!;
}

export interface DemandPath {
  readonly fromMs: EpochMs;
  /** By bucket. */
  readonly counts: Float64Array;
}

export interface Gathering {
  readonly kernel: LoadKernel;
  readonly table: ErlangTable;
  readonly peakedness: number;
}

/** Adds the arrivals of one billing block along one path, each moment's at its load. Before the first bucket all were like it. */
export function gatherLoads(path: DemandPath, blockAtMs: EpochMs, gathering: Gathering, loads: LoadHistogram): void {
  const { kernel, table, peakedness } = gathering;
  const { counts } = path;
  const { momentCount, arrivals, running } = kernel;
  const momentMs = kernel.momentSeconds * msPerSecond;
  const end = Math.min(counts.length * momentCount, Math.ceil((blockAtMs + billingPeriodMs - path.fromMs) / momentMs));
  for (let moment = Math.max(0, Math.ceil((blockAtMs - path.fromMs) / momentMs)); moment < end; moment++) {
    const bucket = Math.floor(moment / momentCount);
    const offset = moment - bucket * momentCount;
    const count = counts[bucket]! * arrivals[offset]!;
    if (count === 0) continue;
    const lags = running[offset]!;
    let load = 0;
    for (let lag = 0; lag < lags.length; lag++) load += counts[Math.max(0, bucket - lag)]! * lags[lag]!;
    table.spread(load / peakedness, count, loads.arrivals);
    loads.requestCount += count;
    if (load > loads.top) loads.top = load;
  }
}

/** A load that no moment of the path passes. */
export function loadBound({ counts }: DemandPath, { running }: LoadKernel): number {
  const most = counts.reduce((greatest, count) => Math.max(greatest, count), 0);
  return most * Math.max(...running.map((lags) => lags.reduce((sum, value) => sum + value, 0)));
}
