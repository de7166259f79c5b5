/**
 * Closes each minute of the twin's clock: tells what came in it, and writes down what CloudWatch will show of it.
 */
import { parseFunctionKey, type FunctionKey } from '../../core/series-key.ts';
import { msPerMinute, type EpochMs } from '../../core/time.ts';
import type { CounterSource } from './counters.ts';
import type { FunctionLimits } from './data-plane.ts';
import { createMinuteReader, type MetricBook } from './metric-book.ts';

/** What came to a function in one minute of the clock; all that came, served or throttled. */
export interface MinuteCount {
  readonly key: FunctionKey;
  readonly startsAtMs: EpochMs;
  readonly arrivalCount: number;
  /** Of these. */
  readonly throttleCount: number;
}

export interface MinuteCounter {
  /** End of the minute that is being counted. */
  endsAtMs(): EpochMs;
  /** Tells of the minute and begins the next; everything until its end has been served. */
  close(): void;
}

export interface MinuteCounterOptions {
  readonly sources: readonly CounterSource[];
  readonly fromMs: EpochMs;
  readonly metrics: MetricBook;
  /** By function: what it takes out of the account. */
  readonly limits: ReadonlyMap<string, FunctionLimits>;
  readonly onMinute?: (count: MinuteCount) => void;
}

export function createMinuteCounter(options: MinuteCounterOptions): MinuteCounter {
  const { sources, fromMs, metrics, limits, onMinute } = options;
  const readers = sources.map(({ plane }) => createMinuteReader(plane));
  // A minute that had begun before the twin did is not whole, and is not told of.
  let startsAtMs = Math.ceil(fromMs / msPerMinute) * msPerMinute - msPerMinute;
  return {
    endsAtMs: () => startsAtMs + msPerMinute,
    close() {
      const isWhole = startsAtMs >= fromMs;
      let unreservedPeak = 0;
      let arrivals = 0;
      sources.forEach(({ spec: { key } }, index) => {
        const reader = readers[index]!;
        const record = reader.read(startsAtMs);
        if (!isWhole) return;
        const arrivalCount = record ? record.invocationCount + record.throttleCount : 0;
        onMinute?.({ key, startsAtMs, arrivalCount, throttleCount: record?.throttleCount ?? 0 });
        const { functionName } = parseFunctionKey(key)!;
        if (limits.get(functionName)?.reservedConcurrency === undefined) unreservedPeak += reader.onDemandPeak();
        arrivals += arrivalCount;
        if (record) metrics.add(key, record);
      });
      if (arrivals > 0) {
        const claimed = unreservedPeak + takenOutOf(limits);
        metrics.addAccount({ startsAtMs, lengthMs: msPerMinute, unreservedPeak, claimed });
      }
      startsAtMs += msPerMinute;
    },
  };
}

/** Documented: all that is reserved, and what is provisioned for functions without a reservation. */
function takenOutOf(limits: ReadonlyMap<string, FunctionLimits>): number {
  let sum = 0;
  for (const { claimed, reservedConcurrency } of limits.values()) sum += reservedConcurrency ?? claimed;
  return sum;
}
