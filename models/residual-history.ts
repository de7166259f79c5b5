/**
 * The last few months of residuals (log volume less the profile as it stood when the bucket came), kept so that any past stretch can be
 * averaged in constant time.
 *
 * Mental model: a ring of buckets, and beside it running totals of weight and of weight times residual. Residuals are kept in steps of
 * 1/1024 (a tenth of a percent of volume) and weights are whole, so the totals are exact whole numbers: rebuilt from a snapshot they are
 * the same to the last bit, which sums of fractions would not be.
 *
 * Cost: O(1) to append and to average over time; to average over a number of recorded buckets, as many steps as there are gaps in them.
 */
import { assert } from '../core/assert.ts';
import { packInt16, packUint8, unpackInt16, unpackUint8 } from './packed.ts';

const stepsPerUnit = 1024;
/** e^±31 times the usual: beyond any volume. */
const residualMax = 31;

export interface ResidualHistory {
  /** Count of buckets ever appended; the next one gets this index. */
  readonly bucketCount: number;
  /** Index of the oldest bucket still kept. */
  readonly oldest: number;
  append(entry: ResidualEntry): void;
  /** Writes residuals from `first` on (NaN where none was recorded) and answers how many of those recorded lie in the reach of an event. */
  read(first: number, into: Float64Array, place: { readonly from: number; readonly until: number }): number;
  /** Weighted mean over [from, until); undefined when nothing was recorded there. */
  meanBetween(from: number, until: number): number | undefined;
  /** Weighted mean over the last `count` recorded buckets before `until`. */
  meanOfLast(count: number, until: number): number | undefined;
  /** Recorded buckets in [from, until). */
  recordedBetween(from: number, until: number): number;
  snapshot(): ResidualHistorySnapshot;
}

export interface ResidualEntry {
  /** NaN: nothing was recorded. */
  readonly residual: number;
  /** Whole, 1 to 255: precision relative to other buckets. */
  readonly weight: number;
  /** Lies in the reach of a market event. */
  readonly isTouched: boolean;
}

export interface ResidualHistorySnapshot {
  readonly [key: string]: string | number;
  readonly bucketCount: number;
  readonly residuals: string;
  readonly weights: string;
  readonly touched: string;
}

export function createResidualHistory(capacity: number, snapshot?: ResidualHistorySnapshot): ResidualHistory {
  const residuals = new Int16Array(capacity);
  const weights = new Uint8Array(capacity);
  const touched = new Uint8Array(capacity);
  // Totals after each bucket; a mean over [from, until) is a difference of two.
  const totalWeight = new Float64Array(capacity);
  const totalWeighted = new Float64Array(capacity);
  const totalRecorded = new Float64Array(capacity);
  let bucketCount = 0;
  let place = 0;

  const put = (residualSteps: number, weight: number, isTouched: boolean): void => {
    const before = place === 0 ? capacity - 1 : place - 1;
    residuals[place] = residualSteps;
    weights[place] = weight;
    touched[place] = isTouched ? 1 : 0;
    totalWeight[place] = totalWeight[before]! + weight;
    totalWeighted[place] = totalWeighted[before]! + weight * residualSteps;
    totalRecorded[place] = totalRecorded[before]! + (weight > 0 ? 1 : 0);
    bucketCount++;
    place = place + 1 === capacity ? 0 : place + 1;
  };
  const oldestKept = (): number => Math.max(0, bucketCount - capacity + 1);
  // The total before bucket `from` sits one bucket earlier; before the first of all it is zero.
  const totalBefore = (totals: Float64Array, bucket: number): number =>
    bucket <= 0 ? 0 : totals[(bucket - 1) % capacity]!;
  const mean = (from: number, until: number): number | undefined => {
    const weight = totalBefore(totalWeight, until) - totalBefore(totalWeight, from);
    if (weight === 0) return undefined;
    return (totalBefore(totalWeighted, until) - totalBefore(totalWeighted, from)) / weight / stepsPerUnit;
  };

  if (snapshot) {
    const kept = unpackInt16(snapshot.residuals);
    const keptWeights = unpackUint8(snapshot.weights);
    const keptTouched = unpackUint8(snapshot.touched);
    assert(
      kept.length === keptWeights.length && kept.length === keptTouched.length,
      'history columns are equally long',
    );
    bucketCount = snapshot.bucketCount - kept.length;
    place = bucketCount % capacity;
    for (let index = 0; index < kept.length; index++) put(kept[index]!, keptWeights[index]!, keptTouched[index] === 1);
  }

  return {
    get bucketCount() {
      return bucketCount;
    },
    get oldest() {
      return oldestKept();
    },
    append({ residual, weight, isTouched }) {
      const isMissing = Number.isNaN(residual);
      const clipped = Math.min(residualMax, Math.max(-residualMax, isMissing ? 0 : residual));
      put(Math.round(clipped * stepsPerUnit), isMissing ? 0 : weight, isTouched);
    },
    read(first, into, { from, until }) {
      assert(first >= oldestKept() && first + until - from <= bucketCount, 'only kept buckets are read');
      let at = first % capacity;
      let touchedCount = 0;
      for (let index = from; index < until; index++) {
        const isMissing = weights[at] === 0;
        into[index] = isMissing ? NaN : residuals[at]! / stepsPerUnit;
        if (!isMissing) touchedCount += touched[at]!;
        at = at + 1 === capacity ? 0 : at + 1;
      }
      return touchedCount;
    },
    meanBetween: (from, until) =>
      mean(Math.max(from, oldestKept()), Math.min(Math.max(until, oldestKept()), bucketCount)),
    meanOfLast(count, until) {
      const oldest = oldestKept();
      const end = Math.min(until, bucketCount);
      if (oldest >= end) return undefined;
      // Each step back goes over at least as many buckets as are still missing, so it never goes too far.
      let start = end;
      let missingCount = count;
      while (missingCount > 0 && start > oldest) {
        start = Math.max(oldest, start - missingCount);
        missingCount = count - (totalBefore(totalRecorded, end) - totalBefore(totalRecorded, start));
      }
      return mean(start, end);
    },
    recordedBetween(from, until) {
      const start = Math.max(from, oldestKept());
      const end = Math.min(Math.max(until, start), bucketCount);
      return totalBefore(totalRecorded, end) - totalBefore(totalRecorded, start);
    },
    snapshot() {
      const length = Math.min(bucketCount, capacity);
      const first = bucketCount - length;
      const column = <Column extends Int16Array | Uint8Array>(from: Column, into: Column): Column => {
        for (let index = 0; index < length; index++) into[index] = from[(first + index) % capacity]!;
        return into;
      };
      return {
        bucketCount,
        residuals: packInt16(column(residuals, new Int16Array(length))),
        weights: packUint8(column(weights, new Uint8Array(length))),
        touched: packUint8(column(touched, new Uint8Array(length))),
      };
    },
  };
}
