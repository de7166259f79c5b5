/** The share of requests that spill, over concurrency: from environments that are all busy, and from the request rate that each brings. */
import type { Bursts, ErlangTable } from './erlang-table.ts';
import type { LoadHistogram } from './load-histogram.ts';

/** Lambda spills from provisioned concurrency at this rate for each environment, idle or not (AWS: Understanding function scaling). */
export const requestsPerSecondPerEnvironment = 10;

/** Less than this share of a block's requests is nothing. */
const spillRatioMin = 1e-6;

export interface SpillCurves {
  readonly meanSeconds: number;
  readonly peakedness: number;
  /** Runs so short that the request rate decides: `spillAt` bends sharply where it begins to. */
  readonly isRateBound: boolean;
  /** The mean number running at once that a place of the table stands for. */
  loadAt(place: number): number;
  /** The place in the table nearest to a load. */
  nearest(load: number): number;
  /** More environments than this are never all busy at the load. */
  placesAt(load: number): number;
  /** Share of arrivals that find all of 0, 1, 2 … environments busy. */
  busyAt(place: number): Float64Array;
  /** Share of arrivals that spill for either reason. */
  spillAt(place: number): Float64Array;
}

export interface SpillCurveOptions {
  readonly table: ErlangTable;
  readonly bursts: Bursts;
  readonly burstiness: number;
  readonly meanSeconds: number;
}

/** The curves of one function, made as they are asked for. */
export function createSpillCurves({ table, bursts, burstiness, meanSeconds }: SpillCurveOptions): SpillCurves {
  const { peakedness } = bursts;
  const spill: Float64Array[] = [];
  const loadAt = (place: number): number => table.loadAt(place) * peakedness;
  const busyAt = table.lossesBy(bursts);
  const spillAt = (place: number): Float64Array =>
    (spill[place] ??= greaterOf(busyAt(place), { arrivalsPerSecond: loadAt(place) / meanSeconds, burstiness }));
  // Whoever has environments enough for longer runs has rate enough: at c = arrivals / 10 a quarter is lost to busy ones already.
  const isRateFelt = meanSeconds * requestsPerSecondPerEnvironment < 1.25;
  const nearest = (load: number): number => table.lengthFor(load / peakedness) - 2;
  return {
    meanSeconds,
    peakedness,
    isRateBound: meanSeconds * requestsPerSecondPerEnvironment < 1,
    loadAt,
    nearest,
    placesAt: (load) => busyAt(nearest(load) + 1).length,
    busyAt,
    spillAt: isRateFelt ? spillAt : busyAt,
  };
}

/** Where both limits are near, which is around runs of 0.1 s, the greater share is taken: what one turns away, the other does not see. */
function greaterOf(busy: Float64Array, stream: Stream): Float64Array {
  let length = busy.length;
  while (rateLossOf(stream, length) >= spillRatioMin) length++;
  const spill = new Float64Array(length);
  spill.set(busy);
  for (let environments = 1; environments < length; environments++) {
    const ratio = rateLossOf(stream, environments);
    if (ratio > spill[environments]!) spill[environments] = ratio;
    else if (ratio < spillRatioMin) break;
  }
  return spill;
}

interface Stream {
  readonly arrivalsPerSecond: number;
  readonly burstiness: number;
}

/**
 * The share of a stream that a bucket turns away which fills at 10 tokens a second for each environment and holds a second's worth. As a Brownian motion
 * between two walls (drift θ = arrivals − rate, variance burstiness · arrivals, K tokens apart) it turns away θ / (1 − exp(−2θK / variance)). How much of the
 * rate Lambda lets one save up is not documented; a second's worth is assumed.
 *
 * - Harrison, Brownian Motion and Stochastic Flow Systems (1985), §5.6.
 */
function rateLossOf({ arrivalsPerSecond, burstiness }: Stream, environments: number): number {
  if (arrivalsPerSecond === 0) return 0;
  const tokens = environments * requestsPerSecondPerEnvironment;
  const drift = arrivalsPerSecond - tokens;
  const scale = (2 * tokens) / (burstiness * arrivalsPerSecond);
  const lost = Math.abs(drift * scale) < 1e-9 ? 1 / scale : drift / -Math.expm1(-drift * scale);
  return Math.min(1, lost / arrivalsPerSecond);
}

/** Expected spilled requests with 0, 1, 2 … environments, cut where it is next to nothing. */
export function spillOver(curves: SpillCurves, { arrivals, first, end }: LoadHistogram): Float64Array {
  let spilled = new Float64Array(1);
  // From the greatest load down, so that the longest curve comes first.
  for (let place = end - 1; place >= first; place--) {
    const count = arrivals[place]!;
    if (count === 0) continue;
    const ratios = curves.spillAt(place);
    if (ratios.length > spilled.length) spilled = lengthened(spilled, ratios.length);
    for (let environments = 0; environments < ratios.length; environments++) {
      spilled[environments]! += count * ratios[environments]!;
    }
  }
  // The weights of a load between two others may be negative by a little, and beside the kink of the request rate so may be what they add up to: what more spills with more
  // environments is none of it real.
  let [least, length] = [0, spilled.length];
  for (let environments = length - 1; environments >= 0; environments--) {
    least = Math.max(least, spilled[environments]!);
    spilled[environments] = least;
  }
  while (length > 1 && spilled[length - 1]! < spilled[0]! * spillRatioMin) length--;
  return spilled.subarray(0, length);
}

function lengthened(values: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const longer = new Float64Array(length);
  longer.set(values);
  return longer;
}

/**
 * What each more avoids; the last one what is left. Loss formulas are convex, so that these fall; where an interpolation says otherwise by a hair,
 * neighbours share (pool adjacent violators), which keeps the sum.
 */
export function marginalsOf(spilled: Float64Array): Float64Array {
  const marginals = spilled.map((left, environments) => left - (spilled[environments + 1] ?? 0));
  if (spilled[0] === 0) return new Float64Array(0);
  for (let index = 1; index < marginals.length; index++) {
    let mean = marginals[index]!;
    let first = index;
    for (let sum = mean; first > 0 && marginals[first - 1]! < mean; mean = sum / (index - first + 1)) {
      sum += marginals[--first]!;
    }
    if (first < index) marginals.fill(mean, first, index + 1);
  }
  return marginals;
}
