/** Arrivals by the load that they meet: a histogram over the loads of an Erlang table, which is all that a loss formula asks of a stretch of time. */
import type { EpochMs } from '../core/time.ts';
import { billingPeriodMs } from './cost.ts';
import type { ErlangTable } from './erlang-table.ts';
import { loadMax, type LoadKernel } from './load-kernel.ts';

export interface LoadHistogram {
  /** All arrivals, those beyond `loadMax` included, which are not in the histogram. */
  requestCount: number;
  /** The greatest load, in erlang. */
  top: number;
  /** All arrivals lie in places [first, end). */
  first: number;
  end: number;
  /** By place in the table, of load / peakedness. Single ones may be negative by a little: they are weights of an interpolation. */
  readonly arrivals: Float64Array;
}

/** Empty ones, over places [0, length), in one piece of memory. */
export function createLoads(count: number, length: number): LoadHistogram[] {
  const whole = new Float64Array(count * length);
  return Array.from({ length: count }, (_, index) => {
    const arrivals = whole.subarray(index * length, (index + 1) * length);
    return { requestCount: 0, top: 0, first: length, end: 0, arrivals };
  });
}

export function clearLoads(loads: LoadHistogram): void {
  loads.arrivals.fill(0, loads.first, loads.end);
  loads.requestCount = 0;
  loads.top = 0;
  loads.first = loads.arrivals.length;
  loads.end = 0;
}

export function addLoads(sum: LoadHistogram, part: LoadHistogram, weight: number): void {
  sum.requestCount += weight * part.requestCount;
  sum.top = Math.max(sum.top, part.top);
  sum.first = Math.min(sum.first, part.first);
  sum.end = Math.max(sum.end, part.end);
  for (let place = part.first; place < part.end; place++) sum.arrivals[place]! += weight * part.arrivals[place]!;
}

export interface DemandPath {
  readonly fromMs: EpochMs;
  readonly stepMs: number;
  /** By bucket. */
  readonly counts: Float64Array;
}

export interface Gathering {
  readonly kernel: LoadKernel;
  readonly table: ErlangTable;
  readonly peakedness: number;
  /** The curves that are asked at these loads bend sharply at the request rate. */
  readonly isRateBound: boolean;
}

/** Adds the arrivals of one billing block along one path, each moment's at its load. Before the first bucket all were like it. */
export function gatherLoads(path: DemandPath, blockAtMs: EpochMs, gathering: Gathering, loads: LoadHistogram): void {
  const { kernel, table, peakedness, isRateBound } = gathering;
  const { counts, stepMs } = path;
  const untilMs = blockAtMs + billingPeriodMs;
  let bottom = Infinity;
  const end = Math.min(counts.length, Math.ceil((untilMs - path.fromMs) / stepMs));
  for (let bucket = Math.max(0, Math.floor((blockAtMs - path.fromMs) / stepMs)); bucket < end; bucket++) {
    const bucketAtMs = path.fromMs + bucket * stepMs;
    if (counts[bucket] === 0) continue;
    for (const { atMs, share, running } of kernel.points) {
      if (bucketAtMs + atMs < blockAtMs || bucketAtMs + atMs >= untilMs) continue;
      const count = counts[bucket]! * share;
      let load = 0;
      for (let lag = 0; lag < running.length; lag++) load += counts[Math.max(0, bucket - lag)]! * running[lag]!;
      load = Math.max(0, load);
      const kept = load > loadMax ? loadMax / load : 1;
      if (isRateBound) table.split((kept * load) / peakedness, kept * count, loads.arrivals);
      else table.spread((kept * load) / peakedness, kept * count, loads.arrivals);
      loads.requestCount += count;
      loads.top = Math.max(loads.top, kept * load);
      bottom = Math.min(bottom, kept * load);
    }
  }
  if (loads.requestCount === 0) return;
  loads.first = Math.min(loads.first, table.lengthFor(bottom / peakedness) - 3);
  loads.end = Math.max(loads.end, table.lengthFor(loads.top / peakedness));
}
