/** Hayward's correction for bursts, as a peer of the loss curves: B(c / z, m / z) with Erlang's formula between whole numbers of servers. */
import { createErlangTable, type ErlangTable } from '../forecaster/erlang-table.ts';

/**
 * - Fredericks, Congestion in Blocking Systems – a Simple Approximation Technique, Bell System Technical Journal 59 (1980).
 */
export function createHaywardTable(): ErlangTable {
  const table = createErlangTable();
  const known = new Map<string, Float64Array>();
  return {
    ...table,
    lossesBy:
      ({ peakedness }) =>
      (place) => {
        const key = `${peakedness} ${place}`;
        const losses = known.get(key) ?? lossesOf(table.loadAt(place), 1 / peakedness);
        known.set(key, losses);
        return losses;
      },
  };
}

/** Servers are counted in these parts, and 1 / z is rounded to them: each part has its own recursion. */
const parts = 32;

/** B(x, load) at x = 0, stride, 2 · stride … */
function lossesOf(load: number, stride: number): Float64Array {
  if (load === 0) return Float64Array.of(1);
  const inverses: number[] = [];
  for (let place = 0; (inverses[place - 1] ?? 1) <= 1e9; place++) {
    const before = inverses[place - parts];
    inverses.push(before === undefined ? inverseBelowOne(place / parts, load) : 1 + (place / parts / load) * before);
  }
  const step = Math.max(1, Math.round(stride * parts));
  return Float64Array.from({ length: Math.ceil(inverses.length / step) }, (_, index) => 1 / inverses[index * step]!);
}

/**
 * 1/B(x, load) = ∫₀^∞ e^−s · (1 + s / load)^x ds, by the double exponential rule s = exp(t − e^−t).
 *
 * - Jagers & van Doorn, On the Continued Erlang Loss Function, Operations Research Letters 5 (1986).
 */
function inverseBelowOne(x: number, load: number): number {
  const step = 1 / 8;
  let sum = 0;
  for (let t = -5; t <= 5; t += step) {
    const s = Math.exp(t - Math.exp(-t));
    sum += Math.exp(-s) * (1 + s / load) ** x * s * (1 + Math.exp(-t));
  }
  return sum * step;
}
