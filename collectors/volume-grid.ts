/**
 * Rows (instant, volume) onto a regular grid of buckets. Memory is bounded by the covered span, not by the number of rows: a bucket is
 * eight bytes however often it is written, and the last row written wins.
 */
import type { EpochMs } from '../core/time.ts';
import type { VolumeSeries } from '../core/volume-series.ts';

/** A year of seconds or 63 years of minutes, in 256 MiB. A wider span is a typo in a date, or an attack. */
export const bucketCountMax = 32 * 1024 * 1024;

export interface VolumeGrid {
  readonly rowCount: number;
  readonly duplicateRowCount: number;
  readonly unorderedRowCount: number;
  /** `off-grid` and `span` leave the grid as it was. */
  put(atMs: EpochMs, volume: number): 'kept' | 'off-grid' | 'span';
  /** The covered span, without slack; the grid is used up. Undefined when no row was kept. */
  finish(): VolumeSeries | undefined;
}

export function createVolumeGrid(stepMs: number): VolumeGrid {
  let values = new Float64Array(0);
  /** The bucket, counted from the epoch, that `values[0]` stands for. */
  let base = 0;
  // Both inclusive, counted from the epoch; the span is empty while last < first.
  let first = 0;
  let last = -1;
  let previous = -Infinity;
  let rowCount = 0;
  let duplicateRowCount = 0;
  let unorderedRowCount = 0;

  /** Makes room for [from, to], in one copy; grows by half, so that a row costs constant time on average. */
  const cover = (from: number, to: number): void => {
    const slack = Math.min(bucketCountMax - (to - from + 1), Math.max(4_096, values.length >> 1));
    const isAtFront = last >= first && from < first;
    const nextBase = isAtFront ? from - slack : from;
    const next = new Float64Array(to - from + 1 + slack).fill(NaN);
    if (last >= first) next.set(values.subarray(first - base, last - base + 1), first - nextBase);
    values = next;
    base = nextBase;
  };

  return {
    get rowCount() {
      return rowCount;
    },
    get duplicateRowCount() {
      return duplicateRowCount;
    },
    get unorderedRowCount() {
      return unorderedRowCount;
    },
    put(atMs, volume) {
      const bucket = atMs / stepMs;
      if (!Number.isInteger(bucket)) return 'off-grid';
      const isEmpty = last < first;
      if (isEmpty || bucket > last || bucket < first) {
        const from = isEmpty || bucket < first ? bucket : first;
        const to = isEmpty || bucket > last ? bucket : last;
        if (to - from >= bucketCountMax) return 'span';
        if (from < base || to - base >= values.length) cover(from, to);
        first = from;
        last = to;
      }
      const index = bucket - base;
      if (!Number.isNaN(values[index]!)) duplicateRowCount++;
      if (bucket < previous) unorderedRowCount++;
      values[index] = volume;
      previous = bucket;
      rowCount++;
      return 'kept';
    },
    finish() {
      if (last < first) return undefined;
      const length = last - first + 1;
      // A transfer shrinks in place where it can: a history of 200 MB is not held twice.
      if (first > base) values.copyWithin(0, first - base, last - base + 1);
      const series = { fromMs: first * stepMs, stepMs, values: new Float64Array(values.buffer.transfer(length * 8)) };
      values = new Float64Array(0);
      return series;
    },
  };
}

/**
 * The bucket length that rows speak of: the most common greatest common divisor of two neighbouring differences.
 * In an ordered file that is the most common difference. In a shuffled one the differences are random multiples of the step, two of which
 * have the step itself as their divisor in 6 / π² = 61 % of cases; a row that lies off the grid spoils two votes, not the election.
 * The smaller of two with equal votes. Undefined when the rows tell fewer than two instants.
 */
export function inferStepMs(instants: readonly EpochMs[]): number | undefined {
  const differences: number[] = [];
  for (let index = 1; index < instants.length; index++) {
    const difference = Math.abs(instants[index]! - instants[index - 1]!);
    if (difference > 0) differences.push(difference);
  }
  if (differences.length < 2) return differences[0];
  const votes = new Map<number, number>();
  for (let index = 1; index < differences.length; index++) {
    const divisor = greatestCommonDivisor(differences[index - 1]!, differences[index]!);
    votes.set(divisor, (votes.get(divisor) ?? 0) + 1);
  }
  let winner = Infinity;
  let most = 0;
  for (const [stepMs, count] of votes) {
    if (count > most || (count === most && stepMs < winner)) [winner, most] = [stepMs, count];
  }
  return winner;
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
