/**
 * Demand out of Lambda's metrics: which are asked for a function, and what their points and their silence mean.
 *
 * Demand is `Invocations` plus `Throttles`: a throttled request is not in `Invocations`, and who learns from those alone learns the ceiling.
 *
 * Silence: CloudWatch reports no zeros. A bucket without a point of a function means no request where CloudWatch has shown to have that bucket: any function read
 * along, or the account's `ClaimedAccountConcurrency`, has a point there. Otherwise nobody knows whether nothing came or nothing was told, and the bucket is missing. Of the
 * time before the first point ever seen of a function nothing is said: it may not have been there, or be called otherwise.
 */
import { parseFunctionKey, type FunctionKey } from '../core/series-key.ts';
import type { EpochMs } from '../core/time.ts';
import type { MetricPoints, MetricQuery, MetricReading, MetricSpan } from './cloudwatch.ts';
import type { KeptRow } from './kept-history.ts';

const demandMetrics = ['Invocations', 'Throttles'] as const;

/** Invocations and throttles of one alias. */
export const demandMetricCount = demandMetrics.length;

/** The account's own metric, among those of functions. */
export const witnessId = 'account';

/** Of the whole account and region: present wherever anything of it runs. */
export const witnessQuery: MetricQuery = {
  id: witnessId,
  metricName: 'ClaimedAccountConcurrency',
  dimensions: {},
  statistic: 'Maximum',
};

/** What is asked for the demand of some functions: two metrics each, and one for all. */
export function demandQueries(keys: readonly FunctionKey[]): readonly MetricQuery[] {
  return [...keys.flatMap((key) => demandMetrics.map((name) => queryOf(key, name, 'Sum'))), witnessQuery];
}

/** An alias is the dimension `Resource` = `name:alias` beside the function's name; a version behind it is not asked about. */
export function queryOf(key: FunctionKey, metricName: string, statistic: string): MetricQuery {
  const { functionName, alias } = parseFunctionKey(key)!;
  const dimensions = { FunctionName: functionName, Resource: `${functionName}:${alias}` };
  return { id: queryIdOf(key, metricName, statistic), metricName, dimensions, statistic };
}

export function queryIdOf(key: FunctionKey, metricName: string, statistic: string): string {
  return `${key} ${metricName} ${statistic}`;
}

/** Requests by bucket, throttled ones included. One of the two metrics without a point is a zero: the other shows that the bucket was reported. */
export function demandOf({ points }: MetricReading, key: FunctionKey): MetricPoints {
  const demand = new Map<EpochMs, number>();
  for (const name of demandMetrics) {
    for (const [atMs, value] of points.get(queryIdOf(key, name, 'Sum'))!)
      demand.set(atMs, (demand.get(atMs) ?? 0) + value);
  }
  return demand;
}

/** The buckets in which anything of a function was throttled: more may have wanted to come. */
export function saturatedBuckets({ points }: MetricReading, key: FunctionKey): ReadonlySet<EpochMs> {
  const throttles = points.get(queryIdOf(key, 'Throttles', 'Sum'))!;
  return new Set([...throttles].flatMap(([atMs, value]) => (value > 0 ? [atMs] : [])));
}

/** The buckets in which anything of the account has a point. */
export function witnessedBuckets({ points }: MetricReading): ReadonlySet<EpochMs> {
  return new Set([...points.values()].flatMap((one) => [...one.keys()]));
}

/** Demand of one function over a span, in time order; missing buckets are left out. Nothing is said of the time before `seenFromMs`. */
export function demandRows(
  demand: MetricPoints,
  witnessed: ReadonlySet<EpochMs>,
  { span, seenFromMs }: { readonly span: MetricSpan; readonly seenFromMs: EpochMs },
): readonly KeptRow[] {
  const rows: KeptRow[] = [];
  for (let atMs = span.fromMs; atMs < span.untilMs; atMs += span.stepMs) {
    const volume = demand.get(atMs) ?? (witnessed.has(atMs) && atMs >= seenFromMs ? 0 : undefined);
    if (volume !== undefined) rows.push({ atMs, volume });
  }
  return rows;
}
