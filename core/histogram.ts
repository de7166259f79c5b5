/**
 * A histogram of positive numbers whose buckets grow with the value: 32 to an octave, so a quantile read from it is within 1.6 % of the
 * truth whatever the scale. Mergeable by adding counts.
 *
 * The bucket is read off the bits of the float itself (exponent and the first five bits of the fraction), which costs no logarithm.
 */
const bucketsPerOctave = 32;
const exponentMin = -20;
const exponentMax = 44;
const bucketCount = (exponentMax - exponentMin) * bucketsPerOctave;

const float = new Float64Array(1);
const word = new Uint32Array(float.buffer);

export interface Histogram {
  record(value: number, count?: number): void;
  merge(other: Histogram): void;
  /** Takes the records of an earlier state of this histogram out again: what is left came since. */
  subtract(earlier: Histogram): void;
  /** Adds counts to one bucket by its place in `buckets`, as unpacking does. */
  add(bucket: number, count: number): void;
  /** Value below which the given share of the records lies; undefined when empty. Middle of the bucket. */
  quantile(ratio: number): number | undefined;
  readonly count: number;
  /** Counts by bucket, for merging and for packing. */
  readonly buckets: Float64Array;
}

export function createHistogram(): Histogram {
  const buckets = new Float64Array(bucketCount);
  let total = 0;
  return {
    buckets,
    get count() {
      return total;
    },
    record(value, count = 1) {
      buckets[bucketOf(value)]! += count;
      total += count;
    },
    add(bucket, count) {
      buckets[bucket]! += count;
      total += count;
    },
    merge(other) {
      for (let bucket = 0; bucket < bucketCount; bucket++) buckets[bucket]! += other.buckets[bucket]!;
      total += other.count;
    },
    subtract(earlier) {
      for (let bucket = 0; bucket < bucketCount; bucket++) buckets[bucket]! -= earlier.buckets[bucket]!;
      total -= earlier.count;
    },
    quantile(ratio) {
      if (total === 0) return undefined;
      const rank = Math.max(1, Math.ceil(ratio * total));
      let seen = 0;
      for (let bucket = 0; bucket < bucketCount; bucket++) {
        seen += buckets[bucket]!;
        if (seen >= rank) return middleOf(bucket);
      }
      return middleOf(bucketCount - 1);
    },
  };
}

/** The bucket that a value falls in; 32 buckets on is twice the value. */
export function bucketOf(value: number): number {
  if (!(value > 0)) return 0;
  float[0] = value;
  const high = word[1]!;
  const bucket = (((high >>> 20) & 0x7ff) - 1023 - exponentMin) * bucketsPerOctave + ((high >>> 15) & 31);
  return bucket < 0 ? 0 : bucket >= bucketCount ? bucketCount - 1 : bucket;
}

/** The middle of a bucket. */
export function middleOf(bucket: number): number {
  const octave = 2 ** (Math.floor(bucket / bucketsPerOctave) + exponentMin);
  return octave * (1 + ((bucket % bucketsPerOctave) + 0.5) / bucketsPerOctave);
}
