import { describe, expect, it } from 'vitest';
import { createErlangTable } from './erlang-table.ts';

const poisson = { peakedness: 1, briefness: 0 };

/** What the table says of one load: a histogram of one arrival at it, through the curves. */
function lossOf(load: number, environments: number, bursts = poisson): number {
  const table = createErlangTable();
  const histogram = new Float64Array(table.lengthFor(load / bursts.peakedness));
  table.spread(load / bursts.peakedness, 1, histogram);
  const losses = table.lossesBy(bursts);
  return histogram.reduce((sum, count, place) => sum + count * (losses(place)[environments] ?? 0), 0);
}

/** Erlang's formula by logarithms, which shares nothing with the recursion. */
function erlang(environments: number, load: number): number {
  let logTerm = 0;
  const logTerms = [0];
  for (let k = 1; k <= environments; k++) logTerms.push((logTerm += Math.log(load / k)));
  return 1 / logTerms.reduce((sum, term) => sum + Math.exp(term - logTerm), 0);
}

describe('createErlangTable', () => {
  // Published Erlang B tables: the load that so many servers carry at that loss.
  it.each([
    { servers: 1, load: 0.0101, loss: 0.01 },
    { servers: 10, load: 4.461, loss: 0.01 },
    { servers: 10, load: 3.092, loss: 0.001 },
    { servers: 50, load: 32.51, loss: 0.001 },
    { servers: 100, load: 84.06, loss: 0.01 },
    { servers: 100, load: 75.24, loss: 0.001 },
  ])('finds the $loss of $servers servers at $load erlang in the tables', ({ servers, load, loss }) => {
    expect(Math.abs(lossOf(load, servers) / loss - 1)).toBeLessThan(0.01);
  });

  it('is Erlang B to nine digits at the loads of its grid, without bursts', () => {
    const table = createErlangTable();
    const losses = table.lossesBy(poisson);
    for (const place of [1, 40, 75, 120, 200, 400]) {
      losses(place).forEach((loss, environments) => {
        expect(Math.abs(loss / erlang(environments, table.loadAt(place)) - 1)).toBeLessThan(1e-9);
      });
    }
  });

  // Between grid loads, three of them stand for one: worst where small loads meet many servers.
  it.each([
    { lossMin: 1e-2, errorMax: 0.002 },
    { lossMin: 1e-3, errorMax: 0.01 },
    { lossMin: 1e-4, errorMax: 0.03 },
  ])('is within $errorMax of Erlang B between them, down to a loss of $lossMin', ({ lossMin, errorMax }) => {
    for (let index = 0; index < 40; index++) {
      const load = 0.01 * 300_000 ** (index / 40);
      for (let environments = 0, exact = 1; exact >= lossMin; environments += 1 + Math.floor(load / 40)) {
        expect(Math.abs(lossOf(load, environments) / exact - 1)).toBeLessThan(errorMax);
        exact = erlang(environments + 1 + Math.floor(load / 40), load);
      }
    }
  });

  // Batches of geometric size (mean z), exponential runs, those that find no place lost: the stationary states of that chain, solved by themselves.
  it('loses of batches what their Markov chain loses, where bursts are brief', () => {
    const [load, peakedness, environments] = [6, 3, 12];
    const batchesPerRun = load / peakedness;
    const carriesOn = 1 - 1 / peakedness;
    // p(n + 1) · (n + 1) = batches × Σ p(i) · P(batch > n − i)
    const states = [1];
    for (let n = 0; n < environments; n++) {
      const up = states.reduce((sum, p, i) => sum + p * carriesOn ** (n - i), 0);
      states.push((batchesPerRun * up) / (n + 1));
    }
    const whole = states.reduce((sum, p) => sum + p, 0);
    const running = states.reduce((sum, p, n) => sum + p * n, 0) / whole;
    expect(lossOf(load, environments, { peakedness, briefness: 1 })).toBeCloseTo(1 - running / load, 4);
  });

  // By the definition of the mixture: what arrives at each load, and what of it is lost, summed finely.
  it('loses what gamma loads lose one by one, where bursts are long', () => {
    const [load, peakedness, environments] = [5, 3, 10];
    const shape = load / (peakedness - 1);
    let [lost, offered] = [0, 0];
    for (let at = 0.005; at < 80; at += 0.01) {
      const density = at ** (shape - 1) * Math.exp(-at / (peakedness - 1));
      lost += density * at * erlang(environments, at);
      offered += density * at;
    }
    const found = lossOf(load, environments, { peakedness, briefness: 0 });
    expect(Math.abs(found / (lost / offered) - 1)).toBeLessThan(0.003);
  });

  it.each([
    { load: 0.3, peakedness: 4, briefness: 0.5 },
    { load: 36, peakedness: 1.04, briefness: 0.125 },
    { load: 36, peakedness: 9, briefness: 1 },
    { load: 700, peakedness: 2, briefness: 0 },
  ])('falls ever slower: load $load, peakedness $peakedness, briefness $briefness', ({ load, ...bursts }) => {
    const table = createErlangTable();
    const losses = table.lossesBy(bursts)(table.lengthFor(load / bursts.peakedness) - 2);
    const steps = losses.subarray(1).map((loss, index) => losses[index]! - loss);
    steps.forEach((step, index) => {
      expect(step).toBeGreaterThanOrEqual(0);
      expect(steps[index + 1] ?? 0).toBeLessThanOrEqual(step * (1 + 1e-9));
    });
  });
});
