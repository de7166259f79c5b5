import { describe, expect, it } from 'vitest';
import { msPerMinute } from '../core/time.ts';
import { worthOfBlocks } from './block-worth.ts';
import { createErlangTable } from './erlang-table.ts';
import { loadKernelOf } from './load-kernel.ts';
import { priorPeakProfile, type PeakProfile } from './peak-profile.ts';

const flat: PeakProfile = { name: 'flat', sharesOf: (stepMs) => new Float64Array(stepMs / 1_000).fill(1_000 / stepMs) };
const before = 15;

/** Twenty minutes of which the last five are the block; its first is `lift` times what was before. */
function countsOf(perMinute: number, lift: number): number[] {
  return Array.from({ length: before + 5 }, (_, minute) => (minute < before ? perMinute : perMinute * lift));
}

function erlang(environments: number, load: number): number {
  let loss = 1;
  for (let k = 1; k <= environments; k++) loss = (load * loss) / (k + load * loss);
  return loss;
}

/** The integral m(t) by twentieths of a second, and Erlang's formula at each second: nothing of the kernel, the histogram or the table. */
function spilledByHand(
  demand: { readonly counts: readonly number[]; readonly profile: PeakProfile; readonly runSeconds: number },
  environments: number,
): number {
  const shares = demand.profile.sharesOf(msPerMinute);
  const rateAt = (second: number): number => demand.counts[Math.floor(second / 60)]! * shares[Math.floor(second) % 60]!;
  let spilled = 0;
  for (let second = before * 60; second < (before + 5) * 60; second++) {
    const slices = Math.max(20, Math.round(demand.runSeconds * 20));
    let load = 0;
    for (let slice = 0; slice < slices; slice++) {
      load += (rateAt(second + 0.5 - ((slice + 0.5) / slices) * demand.runSeconds) * demand.runSeconds) / slices;
    }
    spilled += rateAt(second) * erlang(environments, load);
  }
  return spilled;
}

describe('loadKernelOf', () => {
  it.each([0.011, 0.12, 2.5, 23.2, 75])('neither adds nor loses load: runs of %d s on flat demand', (seconds) => {
    const runs = [{ seconds, probability: 1 }];
    const { points } = loadKernelOf({ stepMs: msPerMinute, profile: flat, runs, countMax: 600, peakedness: 1 });
    for (const { running } of points) {
      expect(running.reduce((sum, value) => sum + value, 0) * 60).toBeCloseTo(seconds, 4);
    }
    expect(points.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
  });

  // Long runs rise to their peak inside a minute, and carry a jump from one minute into the next.
  const cases = [0.12, 2.5, 11, 23.2, 75].flatMap((runSeconds) =>
    [flat, priorPeakProfile].flatMap((profile) => [1, 4].map((lift) => ({ runSeconds, profile, lift }))),
  );
  it.each(cases)('keeps what spills: $runSeconds s, $profile.name, $lift times', ({ runSeconds, profile, lift }) => {
    for (const load of [8, 49, 300]) {
      const counts = countsOf((load * 60) / runSeconds / lift, lift);
      const [block] = worthOfBlocks({
        path: { fromMs: 0, stepMs: msPerMinute, levels: [0.5], requestCount: counts.map((count) => [count]) },
        runs: [{ seconds: runSeconds, probability: 1 }],
        burstiness: 1,
        profile,
        blocks: [before * msPerMinute],
        table: createErlangTable(),
      });
      for (const deviations of [0, 2, 4]) {
        const environments = Math.round(load + deviations * Math.sqrt(load));
        const found = block!.spillAvoided.subarray(environments).reduce((sum, value) => sum + value, 0);
        const exact = spilledByHand({ counts, profile, runSeconds }, environments);
        // Below a thousandth of all requests nothing is decided.
        const scale = Math.max(exact, 0.001 * block!.requestCount);
        expect(Math.abs(found - exact) / scale).toBeLessThan(0.05);
      }
    }
  });
});
