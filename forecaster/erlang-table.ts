/**
 * Erlang's loss formula for any number of servers, whole or not, remembered on a grid: a plan of 500 functions asks for it some ten million times.
 */

/**
 * Loads of the grid lie a fraction of their own standard deviation apart. Linear between two of them the loss is at most 1 % too large where it is
 * 0.1 %, and 3 % where it is a millionth (see the test).
 */
const loadStep = 1 / 12;
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
  const loads: number[] = [];
  /** By the middle one of three: one over the products of its differences, for the weights. */
  const scales: number[] = [];
  const know = (count: number): void => {
    while (loads.length < count) loads.push(loadOf(loads.length));
    while (scales.length < 3 * (count - 1)) {
      const middle = scales.length / 3;
      const [a, b, c] = [loads[middle - 1] ?? -1, loads[middle]!, loads[middle + 1]!];
      scales.push(1 / ((a - b) * (a - c)), 1 / ((b - a) * (b - c)), 1 / ((c - a) * (c - b)));
    }
  };
  const logLosses = new Map<number, Float64Array>();
  const byStride = new Map<number, Map<number, Float64Array>>();
  const logLossesAt = (index: number): Float64Array =>
    remembered(logLosses, index, () => computeLogLosses(loadOf(index)));
  return {
    spread(offeredLoad, count, histogram) {
      const nearest = Math.max(1, Math.round(placeOf(Math.sqrt(offeredLoad))));
      if (loads.length < nearest + 2) know(nearest + 2);
      const fromA = offeredLoad - loads[nearest - 1]!;
      const fromB = offeredLoad - loads[nearest]!;
      const fromC = offeredLoad - loads[nearest + 1]!;
      histogram[nearest - 1]! += count * fromB * fromC * scales[3 * nearest]!;
      histogram[nearest]! += count * fromA * fromC * scales[3 * nearest + 1]!;
      histogram[nearest + 1]! += count * fromA * fromB * scales[3 * nearest + 2]!;
    },
    lengthFor: (offeredLoad) => Math.max(1, Math.round(placeOf(Math.sqrt(offeredLoad)))) + 2,
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

/** Index 0 is a load of nothing, 1 the smallest one. */
function placeOf(root: number): number {
  if (root < smallestLoadRoot) return 0;
  return 1 - smallestPlace + (root < 1 ? Math.log(root) : root - 1) / loadStep;
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
