/**
 * Past errors of a plain forecast by class of bucket, as bounded lists, and their quantiles. A class with few errors reads all of them.
 */
const errorCountMin = 5;
/** A year of sessions of one class. */
const errorCountMax = 256;
const anyErrorCountMax = 8_192;

export interface ErrorBookSnapshot {
  readonly [field: string]: Readonly<Record<string, readonly number[]>>;
  readonly classes: Readonly<Record<string, readonly number[]>>;
  readonly expected: Readonly<Record<string, readonly number[]>>;
}

export interface ErrorBook {
  /** The locations foretold for the buckets from `first` on; NaN where none was. */
  expect(first: number, locations: Float64Array): void;
  /** Compares a bucket with what was foretold for it, if anything was. */
  judge(bucket: number, logVolume: number, classOf: () => string): void;
  quantile(className: string, level: number): number;
  snapshot(): ErrorBookSnapshot;
}

export function createErrorBook(snapshot?: ErrorBookSnapshot): ErrorBook {
  const classes = new Map(Object.entries(snapshot?.classes ?? {}).map(([name, errors]) => [name, [...errors]]));
  const sorted = new Map<string, readonly number[]>();
  // Foretold half hours that have not come yet, by their first bucket. JSON has no NaN: a missing location is kept as 1e9.
  const expected = new Map(
    Object.entries(snapshot?.expected ?? {}).map(([first, locations]) => [Number(first), Float64Array.from(locations)]),
  );
  const keep = (name: string, error: number, countMax: number): void => {
    const errors = classes.get(name) ?? [];
    classes.set(name, errors);
    errors.push(error);
    // Dropped by the batch: taking one off the front of a long list each time would cost its length.
    if (errors.length > countMax * 1.25) errors.splice(0, errors.length - countMax);
    sorted.delete(name);
  };
  const errorsOf = (name: string): readonly number[] => {
    const enough = (classes.get(name)?.length ?? 0) >= errorCountMin ? name : 'any';
    const known = sorted.get(enough) ?? (classes.get(enough) ?? []).toSorted((left, right) => left - right);
    sorted.set(enough, known);
    return known;
  };
  return {
    expect(first, locations) {
      if (!expected.has(first))
        expected.set(
          first,
          locations.map((location) => (Number.isNaN(location) ? missing : location)),
        );
    },
    judge(bucket, logVolume, classOf) {
      for (const [first, locations] of expected) {
        const location = locations[bucket - first];
        if (location !== undefined && location !== missing && !Number.isNaN(logVolume)) {
          const className = classOf();
          keep('any', logVolume - location, anyErrorCountMax);
          if (className !== 'any') keep(className, logVolume - location, errorCountMax);
        }
        if (bucket >= first + locations.length - 1) expected.delete(first);
      }
    },
    quantile(className, level) {
      const errors = errorsOf(className);
      if (errors.length === 0) return 0;
      const place = level * (errors.length - 1);
      const below = errors[Math.floor(place)]!;
      return below + (place - Math.floor(place)) * (errors[Math.ceil(place)]! - below);
    },
    snapshot: () => ({
      classes: Object.fromEntries([...classes].map(([name, errors]) => [name, [...errors]])),
      expected: Object.fromEntries([...expected].map(([first, locations]) => [String(first), [...locations]])),
    }),
  };
}

const missing = 1e9;
