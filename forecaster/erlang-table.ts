/**
 * Erlang's loss formula for any number of servers, whole or not, remembered on a grid: a plan of 500 functions asks for it some ten million times.
 */

/**
 * Loads of the grid lie a fraction of their own standard deviation apart. Linear between two of them the loss is at most 1 % too large where it is
 * 0.1 %, and 3 % where it is a millionth (see the test).
 */
const loadStep = 1 / 12;
const placesPerStep = 12;
/** Below one erlang the grid goes on by ratios, down to a hundred-thousandth. */
const smallestLoadRoot = Math.exp(-6);
const smallestPlace = Math.log(smallestLoadRoot) / loadStep;

/** The loss is kept at quarters of a server and interpolated in between, cubically in its logarithm. */
const perServer = 4;
/** A loss below e^−21, one in 1.3 thousand million, counts as none. */
const logLossMin = -21;

export interface ErlangTable {
  /**
   * Adds `count` at a load to a histogram over the grid: to the three neighbours of the load, with weights that keep the sums of one, load and load². The
   * histogram must be as long as `lengthFor` the greatest load says.
   */
  spread(offeredLoad: number, count: number, histogram: Float64Array): void;
  lengthFor(offeredLoad: number): number;
  loadAt(index: number): number;
  /**
   * By index of the grid: the share of requests lost to 0, `stride`, 2 · `stride` … servers, cut where nothing is lost. The stride is at most 1: Hayward's
   * correction is c / z servers for c environments, and 1 is the plain formula.
   */
  lossesBy(stride: number): (index: number) => Float64Array;
}

/**
 * Method: 1/B(x + 1) = 1 + ((x + 1) / load) / B(x) from x = 0, ¼, ½ and ¾; there 1/B(x) = ∫₀^∞ e^−s · (1 + s / load)^x ds, by the double exponential rule
 * (s = exp(t − e^−t), step 1/16), which is exact to twelve digits.
 *
 * Cost: what was asked for is remembered as long as the table lives; 0.2 MB for loads up to 100, 9 MB up to 3,000.
 *
 * - Jagers & van Doorn, On the Continued Erlang Loss Function, Operations Research Letters 5 (1986): the integral, and that B is convex in x.
 */
export function createErlangTable(): ErlangTable {
  let grid = gridUpTo(400);
  const logLosses = new Map<number, Float64Array>();
  const byStride = new Map<number, Map<number, Float64Array>>();
  const logLossesAt = (index: number): Float64Array =>
    remembered(logLosses, index, () => computeLogLosses(loadOf(index)));
  return {
    spread(offeredLoad, count, histogram) {
      const nearest = nearestTo(offeredLoad);
      if (nearest + 1 >= grid.length / 4) grid = gridUpTo(2 * nearest);
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
    lossesBy(stride) {
      const known = remembered(byStride, stride, () => new Map<number, Float64Array>());
      return (index) =>
        remembered(known, index, () => (index === 0 ? Float64Array.of(1) : readAt(logLossesAt(index), stride)));
    },
  };
}

function remembered<Key, Value>(known: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = known.get(key);
  if (found !== undefined) return found;
  const fresh = make();
  known.set(key, fresh);
  return fresh;
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

/** ln B(n / 4, load) for n = 0, 1, 2 … until it is below the least, and four more for the interpolation. */
function computeLogLosses(load: number): Float64Array {
  const inverses = Array.from({ length: perServer }, (_, quarter) => inverseLossBelowOne(quarter / perServer, load));
  const logs: number[] = [];
  for (let beyond = 0, place = 0; beyond <= perServer; place++) {
    const chain = place % perServer;
    if (place >= perServer) inverses[chain] = 1 + (place / perServer / load) * inverses[chain]!;
    const log = -Math.log(inverses[chain]!);
    logs.push(log);
    if (log < logLossMin) beyond++;
  }
  return Float64Array.from(logs);
}

/** 1/B(x, load) for 0 ≤ x < 1. */
function inverseLossBelowOne(x: number, load: number): number {
  if (x === 0) return 1;
  const step = 1 / 16;
  let sum = 0;
  for (let place = -5 / step; place <= 5 / step; place++) {
    const t = place * step;
    const shrink = Math.exp(-t);
    const s = Math.exp(t - shrink);
    sum += Math.exp(-s) * (1 + s / load) ** x * s * (1 + shrink);
  }
  return sum * step;
}

function readAt(logs: Float64Array, stride: number): Float64Array {
  const losses = new Float64Array(Math.ceil((logs.length - perServer) / (perServer * stride)) + 1);
  let length = 0;
  for (let index = 0; index < losses.length; index++) {
    const place = index * stride * perServer;
    const near = Math.min(logs.length - 3, Math.max(1, Math.floor(place)));
    const log = cubic(logs, near, place - near);
    if (log < logLossMin) break;
    losses[length++] = Math.exp(log);
  }
  return losses.subarray(0, length);
}

/** Through the four values around, t beyond `near`. */
function cubic(values: Float64Array, near: number, t: number): number {
  if (t === 0) return values[near]!;
  const [a, b, c, d] = [values[near - 1]!, values[near]!, values[near + 1]!, values[near + 2]!];
  const left = (-t * (t - 1) * (t - 2)) / 6;
  const centre = ((t + 1) * (t - 1) * (t - 2)) / 2;
  const right = (-(t + 1) * t * (t - 2)) / 2;
  const far = ((t + 1) * t * (t - 1)) / 6;
  return a * left + b * centre + c * right + d * far;
}
