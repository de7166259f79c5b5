/**
 * The share of requests that a loss system turns away, remembered on a grid of loads: a plan of 500 functions asks for it some ten million times.
 */
/**
 * Loads of the grid lie a fraction of their own standard deviation apart. Between them, without bursts, the loss is within 0.2 % down to a loss of a hundredth, 1 % down to a
 * thousandth and 3 % down to a ten-thousandth (see the test).
 */
const loadStep = 1 / 12;
const placesPerStep = 12;
/** Below one erlang the grid goes on by ratios, down to a hundred-thousandth. */
const smallestLoadRoot = Math.exp(-6);
const smallestPlace = Math.log(smallestLoadRoot) / loadStep;

/** A loss below this counts as none. */
const lossMin = 1e-9;

/** What a stream of requests is like, beside its load. Round numbers: whoever asks with the same ones shares the curves. */
export interface Bursts {
  /** Variance over mean of the number running, were there always room (peakedness.ts). At least 1. */
  readonly peakedness: number;
  /** How far bursts are shorter than runs, 0 to 1: see `lossesBy`. */
  readonly briefness: number;
}

export interface ErlangTable {
  /**
   * Adds `count` at a load to a histogram over the grid: to the three neighbours of the load, with weights that keep the sums of one, load and load². The
   * histogram must be as long as `lengthFor` the greatest load says.
   */
  spread(offeredLoad: number, count: number, histogram: Float64Array): void;
  /**
   * The same to the two neighbours that the load lies between: weights that keep the sums of one and load, and are never negative. For curves with a kink, beside which
   * `spread` may say that more demand spills less; where there is none it says too much by up to four times as much as `spread` errs.
   */
  split(offeredLoad: number, count: number, histogram: Float64Array): void;
  lengthFor(offeredLoad: number): number;
  loadAt(index: number): number;
  /** By place in the grid, which stands for a load of `loadAt(place)` × peakedness: the share lost with 0, 1, 2 … environments, cut where nothing is lost. */
  lossesBy(bursts: Bursts): (place: number) => Float64Array;
}

/**
 * Poisson arrivals: Erlang's formula. Bursty ones lie between two systems that have the same mean and variance of the number running:
 *
 * - bursts far longer than runs: the load itself is random, gamma with mean m and variance m · (z − 1), and Erlang's formula holds at each;
 * - bursts far shorter than runs: Pascal traffic, which is exact for batches of geometric size and exponential runs (its traffic congestion).
 *
 * `briefness` is the weight of the second. Hayward's B(c / z, m / z) lies near both while c is within two standard deviations of a load of dozens, but its tail is that of
 * a Poisson distribution where the true one is that of a negative binomial: at 3 erlang, z = 8 and 20 environments it foretells 2 % where 6 % are lost.
 *
 * Cost: O(environments) for Poisson, 40 times that for bursty arrivals; what was asked for is remembered as long as the table lives.
 *
 * - Delbrouck, A Unified Approximate Evaluation of Congestion Functions for Smooth and Peaky Traffics, IEEE Transactions on Communications 29 (1981).
 */
export function createErlangTable(): ErlangTable {
  let grid = gridUpTo(400);
  const byBursts = new Map<string, Float64Array[]>();
  const reach = (offeredLoad: number): number => {
    const nearest = nearestTo(offeredLoad);
    if (nearest + 1 >= grid.length / 4) grid = gridUpTo(2 * nearest);
    return nearest;
  };
  return {
    split(offeredLoad, count, histogram) {
      const nearest = reach(offeredLoad);
      const below = grid[4 * nearest]! > offeredLoad ? nearest - 1 : nearest;
      const [from, until] = [grid[4 * below]!, grid[4 * below + 4]!];
      const part = (offeredLoad - from) / (until - from);
      histogram[below]! += count * (1 - part);
      histogram[below + 1]! += count * part;
    },
    spread(offeredLoad, count, histogram) {
      const nearest = reach(offeredLoad);
      const at = 4 * nearest;
      const fromA = offeredLoad - grid[at - 4]!;
      const fromB = offeredLoad - grid[at]!;
      const fromC = offeredLoad - grid[at + 4]!;
      histogram[nearest - 1]! += count * fromB * fromC * grid[at + 1]!;
      histogram[nearest]! += count * fromA * fromC * grid[at + 2]!;
      histogram[nearest + 1]! += count * fromA * fromB * grid[at + 3]!;
    },
    lengthFor: (offeredLoad) => nearestTo(offeredLoad) + 2,
    loadAt: loadOf,
    lossesBy(bursts) {
      const { peakedness, briefness } = bursts;
      const key = `${peakedness} ${briefness}`;
      // An array, not a map: this is read more often than anything else.
      const known = byBursts.get(key) ?? [];
      byBursts.set(key, known);
      return (place) => (known[place] ??= lossesOf(loadOf(place) * peakedness, bursts));
    },
  };
}

/** Index 0 is a load of nothing, 1 the smallest one; the nearest that has neighbours on both sides. */
function nearestTo(offeredLoad: number): number {
  const root = Math.sqrt(offeredLoad);
  if (root < smallestLoadRoot) return 1;
  const beyond = root < 1 ? Math.log(root) : root - 1;
  // Rounded by hand: all are positive, and Math.round is what this would spend its time on.
  return Math.max(1, (1.5 - smallestPlace + beyond * placesPerStep) | 0);
}

/** Four numbers a load: itself, and with its neighbours a, b, c one over the products of differences that the weights of the three are made with. */
function gridUpTo(count: number): Float64Array {
  const grid = new Float64Array(4 * count);
  for (let index = 0; index < count; index++) {
    const [a, b, c] = [index === 0 ? -1 : loadOf(index - 1), loadOf(index), loadOf(index + 1)];
    grid.set([b, 1 / ((a - b) * (a - c)), 1 / ((b - a) * (b - c)), 1 / ((c - a) * (c - b))], 4 * index);
  }
  return grid;
}

function loadOf(index: number): number {
  if (index === 0) return 0;
  const beyond = (index - 1 + smallestPlace) * loadStep;
  return (beyond < 0 ? Math.exp(beyond) : 1 + beyond) ** 2;
}

function lossesOf(load: number, { peakedness, briefness }: Bursts): Float64Array {
  if (load === 0) return Float64Array.of(1);
  if (peakedness === 1) return pascalLosses(load, 1);
  const nodes = gammaNodes(load, peakedness);
  const pascal = pascalLosses(load, peakedness);
  const losses: number[] = [1];
  for (let environments = 1; ; environments++) {
    let mixed = 0;
    for (const node of nodes) {
      node.inverse = 1 + (environments / node.load) * node.inverse;
      mixed += node.weight / node.inverse;
    }
    const loss = (1 - briefness) * mixed + briefness * (pascal[environments] ?? 0);
    if (loss < lossMin) return Float64Array.from(losses);
    losses.push(loss);
  }
}

/**
 * States 0 … n have probabilities p(i + 1) = p(i) · (a + βi) / (i + 1) with a = load / z and β = 1 − 1 / z; what is lost is (1 + βn / a) · p(n). The recursion is for
 * 1 / p(n), which only adds positive terms and therefore loses no digits. At z = 1 it is Erlang's.
 *
 * - Jagerman, Some Properties of the Erlang Loss Function, Bell System Technical Journal 53 (1974), eq. for 1/B.
 */
function pascalLosses(load: number, peakedness: number): Float64Array {
  const a = load / peakedness;
  const beta = 1 - 1 / peakedness;
  const losses = [1];
  for (let environments = 1, inverse = 1; ; environments++) {
    inverse = 1 + (environments / (a + beta * (environments - 1))) * inverse;
    const loss = (1 + (beta * environments) / a) / inverse;
    if (loss < lossMin) return Float64Array.from(losses);
    losses.push(loss);
  }
}

/** A load, the part of all arrivals that meet it, and 1/B on the way up. */
interface GammaNode {
  readonly load: number;
  readonly weight: number;
  inverse: number;
}

/** Gamma loads as arrivals meet them (weighted by the load): the trapezoid rule in ln load, out to a hundred-millionth of the density at its peak. */
function gammaNodes(mean: number, peakedness: number): GammaNode[] {
  const scale = peakedness - 1;
  const shape = mean / scale + 1;
  const logDensity = (beyond: number): number => shape * (beyond - Math.expm1(beyond));
  const reach = (direction: 1 | -1): number => {
    let beyond = 0;
    const step = direction / (4 * Math.sqrt(shape));
    while (logDensity(beyond) > Math.log(1e-8)) beyond += step;
    return beyond;
  };
  const [from, until] = [reach(-1), reach(1)];
  const nodes = Array.from({ length: nodeCount }, (_, index) => {
    const beyond = from + ((until - from) * index) / (nodeCount - 1);
    return { load: shape * scale * Math.exp(beyond), weight: Math.exp(logDensity(beyond)), inverse: 1 };
  });
  const whole = nodes.reduce((sum, { weight }) => sum + weight, 0);
  return nodes.map((node) => ({ ...node, weight: node.weight / whole }));
}
const nodeCount = 40;
