/**
 * What the minutes of a function were like: errors, durations, spillover, busy provisioned environments, and how much of the account was claimed. Read once an hour and kept, for
 * CloudWatch forgets minutes after 15 days; forecasts do not need them.
 */
import type { FunctionKey } from '../core/series-key.ts';
import { msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import type { MetricReader, MetricReading } from './cloudwatch.ts';
import { queryIdOf, queryOf, witnessId, witnessQuery } from './cloudwatch-demand.ts';
import type { HistoryKeep, VitalsRow } from './kept-history.ts';

type OwnVital = Exclude<keyof VitalsRow, 'atMs' | 'claimedConcurrency'>;

const vitals: Readonly<Record<OwnVital, readonly [metricName: string, statistic: string]>> = {
  errors: ['Errors', 'Sum'],
  durationMsAverage: ['Duration', 'Average'],
  durationMsP50: ['Duration', 'p50'],
  durationMsP99: ['Duration', 'p99'],
  spillover: ['ProvisionedConcurrencySpilloverInvocations', 'Sum'],
  provisionedConcurrency: ['ProvisionedConcurrentExecutions', 'Maximum'],
};

/** A longer gap is left: what was missed while nobody ran is told by no scorecard. */
const reachMs = 6 * msPerHour;

/** Points held at a time: 30 functions over six hours of seven metrics are 75,600. */
const functionsPerReading = 30;

/** What one reading of so many functions asks for; AWS may count the three statistics of `Duration` as one. */
export function vitalMetricsOf(functionCount: number): number {
  return functionCount * Object.keys(vitals).length + Math.ceil(functionCount / functionsPerReading);
}

export interface VitalsCollector {
  /** Reads and keeps the minutes since the last time that have settled. @throws what the reader throws, InputError when they cannot be kept. */
  collect(nowMs: EpochMs, signal: AbortSignal): Promise<void>;
}

export function createVitalsCollector(options: {
  readonly keys: readonly FunctionKey[];
  readonly reader: MetricReader;
  readonly keep: HistoryKeep;
  /** From the end of a minute until it is taken as it is shown. */
  readonly settledAfterMs: number;
}): VitalsCollector {
  const { keys, reader, keep, settledAfterMs } = options;
  let fromMs = -Infinity;
  return {
    async collect(nowMs, signal) {
      const untilMs = Math.floor((nowMs - settledAfterMs) / msPerMinute) * msPerMinute;
      const span = { fromMs: Math.max(fromMs, untilMs - reachMs), untilMs, stepMs: msPerMinute };
      for (let first = 0; first < keys.length; first += functionsPerReading) {
        const batch = keys.slice(first, first + functionsPerReading);
        const queries = batch.flatMap((key) => Object.values(vitals).map((vital) => queryOf(key, ...vital)));
        const reading = await reader.read([...queries, witnessQuery], span, { signal });
        for (const key of batch) await keep.appendVitals(key, rowsOf(reading, key));
      }
      // Only now: a reading that failed half way is done again, and what was kept of it is not kept twice.
      fromMs = untilMs;
    },
  };
}

/** Minutes in which the function has any point at all. */
function rowsOf({ points }: MetricReading, key: FunctionKey): readonly VitalsRow[] {
  const own = Object.entries(vitals).map(([name, vital]) => [name, points.get(queryIdOf(key, ...vital))!] as const);
  const claimed = points.get(witnessId)!;
  const instants = new Set(own.flatMap(([, of]) => [...of.keys()]));
  return [...instants]
    .sort((one, other) => one - other)
    .map((atMs) => {
      const known = own.map(([name, of]) => [name, of.get(atMs) ?? null] as const);
      const values = Object.fromEntries(known) as Record<OwnVital, number | null>;
      return { atMs, ...values, claimedConcurrency: claimed.get(atMs) ?? null };
    });
}
