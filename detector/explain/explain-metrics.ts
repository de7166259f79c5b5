/**
 * A cause from metrics and a call graph: each node's loss (rise of its latency, or fall of its availability, times its requests) less what its callees lose is
 * its own; who loses most by itself is the likely cause.
 *
 * Usual is the median of the rows before the alarm's. The alarm's row and those up to 15 minutes on count by how far the target itself is off in them, so
 * that rows in which it was well again say nothing. A node's loss counts only on the way from the target.
 *
 * Names nobody where the target is off by no more than its rows are among themselves: in nine of ten stretches of a baseline, or, without one, by less
 * than 5 % of latency or 0.15 points of availability.
 */
import { InputError } from '../../core/errors.ts';
import type { MetricTable } from '../../core/metric-table.ts';
import { formatInstant, msPerHour, msPerMinute, type EpochMs } from '../../core/time.ts';
import { verdictOf } from '../verdict.ts';
import { causeCountMax, median, quantileOf, type Cause, type Explanation } from './explanation.ts';

export interface MetricsQuestion {
  readonly table: MetricTable;
  /** Pairs of caller and callee. */
  readonly calls: readonly (readonly [caller: string, callee: string])[];
  readonly target: { readonly node: string; readonly metric: TargetMetric };
  readonly atMs: EpochMs;
  /** Rows without trouble: what the target does by itself. */
  readonly baseline?: MetricTable;
}

export type TargetMetric = 'availability' | 'latency';
export const targetMetrics: readonly TargetMetric[] = ['availability', 'latency'];

const usualRowsMs = msPerHour;
const alarmRowsMs = 15 * msPerMinute;
const leastDeviation: Readonly<Record<TargetMetric, number>> = { latency: 0.05, availability: 0.15 };
/** So many stretches of a baseline make a quantile of 0.9 worth something. */
const stretchCountMin = 20;

interface Rows {
  readonly usual: readonly number[];
  readonly alarm: readonly number[];
}

/** @throws InputError where the target is not in the table, or no row lies before or at the alarm. */
export function explainMetrics({ table, calls, target, atMs, baseline }: MetricsQuestion): Explanation {
  const rows = rowsAround(table, atMs);
  const values = table.series.get(target.node)?.get(target.metric);
  if (!values)
    throw new InputError('explain-target', `--target ${target.node}:${target.metric}: the metrics have no such series`);
  const deviation = deviationOf(values, rows, target.metric);
  if (deviation === undefined)
    throw new InputError(
      'explain-rows',
      `${target.node}:${target.metric} has no values before and at ${formatInstant(atMs)}`,
    );
  const limit = limitOf(baseline, target);
  const said = `${target.metric} of ${target.node} ${describe(deviation, target.metric)}`;
  if (deviation <= limit)
    return { verdict: 'INCONCLUSIVE', because: `${said}, which is within what is usual for it`, causes: [] };
  const weights = weightsOf(values, rows, target.metric);
  const callees = calleesByCaller(calls);
  const losses = new Map(
    [...reachable(target.node, callees)].map((node) => [node, lossOf(table, node, target.metric, { rows, weights })]),
  );
  const owns = [...losses]
    .map(([node, loss]) => ({ node, loss, own: ownLoss(losses, callees, node) }))
    .filter(({ own }) => own > 0)
    .sort((a, b) => b.own - a.own || (a.node < b.node ? -1 : 1));
  return conclude({ said, owns, losses, calls, metric: target.metric, targetLoss: losses.get(target.node)! });
}

function rowsAround({ rowsAtMs, rowMs }: MetricTable, atMs: EpochMs): Rows {
  const at = rowsAtMs.findIndex((rowAtMs) => rowAtMs <= atMs && atMs < rowAtMs + rowMs);
  if (at < 0) throw new InputError('explain-rows', `--at ${formatInstant(atMs)}: no row of the metrics holds it`);
  const places = rowsAtMs.map((_, place) => place);
  const usual = places.filter((place) => place < at && rowsAtMs[place]! >= rowsAtMs[at]! - usualRowsMs);
  if (usual.length === 0)
    throw new InputError(
      'explain-rows',
      `--at ${formatInstant(atMs)}: a row before the alarm's is needed, to know what is usual`,
    );
  return { usual, alarm: places.filter((place) => place >= at && rowsAtMs[place]! < rowsAtMs[at]! + alarmRowsMs) };
}

type Values = readonly (number | undefined)[];

/** How much worse than usual a row is, in seconds or in points of availability; undefined where it is not known. */
function riseIn(values: Values, rows: Rows, metric: TargetMetric, row: number): number | undefined {
  const usual = median(rows.usual.flatMap((place) => values[place] ?? []));
  const value = values[row];
  if (value === undefined || Number.isNaN(usual)) return undefined;
  return metric === 'latency' ? value - usual : usual - value;
}

/** Mean over the alarm's rows: of latency as a share of what is usual, of availability in points. */
function deviationOf(values: Values, rows: Rows, metric: TargetMetric): number | undefined {
  const rises = rows.alarm.flatMap((row) => riseIn(values, rows, metric, row) ?? []);
  if (rises.length === 0) return undefined;
  const rise = rises.reduce((sum, one) => sum + one, 0) / rises.length;
  const usual = median(rows.usual.flatMap((place) => values[place] ?? []));
  return metric === 'latency' ? rise / Math.max(usual, Number.MIN_VALUE) : rise;
}

/** What nine of ten stretches of the baseline stay below, each cut as the alarm's rows are; never less than a half of what counts without one. */
function limitOf(baseline: MetricTable | undefined, { node, metric }: MetricsQuestion['target']): number {
  const least = leastDeviation[metric];
  const values = baseline?.series.get(node)?.get(metric);
  if (!baseline || !values) return least;
  const deviations = baseline.rowsAtMs.flatMap((_, at) => {
    const alarm = [0, 1, 2].map((ahead) => at + ahead);
    return at === 0 || at + 2 >= values.length ? [] : (deviationOf(values, { usual: [at - 1], alarm }, metric) ?? []);
  });
  return deviations.length < stretchCountMin ? least : Math.max(least / 2, quantileOf(deviations, 0.9));
}

function weightsOf(values: Values, rows: Rows, metric: TargetMetric): readonly number[] {
  const rises = rows.alarm.map((row) => Math.max(0, riseIn(values, rows, metric, row) ?? 0));
  const total = rises.reduce((sum, rise) => sum + rise, 0);
  return rises.map((rise) => rise / total);
}

interface Window {
  readonly rows: Rows;
  readonly weights: readonly number[];
}

/** Seconds, or hundredths of requests, that a row of the alarm's costs more than usual; 0 where the node has no such metric. */
function lossOf(table: MetricTable, node: string, metric: TargetMetric, { rows, weights }: Window): number {
  const values = table.series.get(node)?.get(metric);
  const requests = table.series.get(node)?.get('requests');
  if (!values || !requests) return 0;
  const losses = rows.alarm.map(
    (row, index) => weights[index]! * (riseIn(values, rows, metric, row) ?? 0) * (requests[row] ?? 0),
  );
  return Math.max(
    0,
    losses.reduce((sum, loss) => sum + loss, 0),
  );
}

function ownLoss(
  losses: ReadonlyMap<string, number>,
  callees: ReadonlyMap<string, ReadonlySet<string>>,
  node: string,
): number {
  const below = [...(callees.get(node) ?? [])].filter((callee) => callee !== node);
  return losses.get(node)! - below.reduce((sum, callee) => sum + (losses.get(callee) ?? 0), 0);
}

function calleesByCaller(calls: MetricsQuestion['calls']): ReadonlyMap<string, ReadonlySet<string>> {
  const callees = new Map<string, Set<string>>();
  for (const [caller, callee] of calls) {
    const known = callees.get(caller) ?? new Set();
    callees.set(caller, known.add(callee));
  }
  return callees;
}

function reachable(from: string, callees: ReadonlyMap<string, ReadonlySet<string>>): ReadonlySet<string> {
  const seen = new Set<string>();
  const open = [from];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    open.push(...(callees.get(node) ?? []));
  }
  return seen;
}

interface Own {
  readonly node: string;
  readonly loss: number;
  readonly own: number;
}

interface Conclusion {
  readonly said: string;
  readonly owns: readonly Own[];
  readonly losses: ReadonlyMap<string, number>;
  readonly calls: MetricsQuestion['calls'];
  readonly metric: TargetMetric;
  readonly targetLoss: number;
}

function conclude({ said, owns, losses, calls, metric, targetLoss }: Conclusion): Explanation {
  const total = owns.reduce((sum, { own }) => sum + own, 0);
  const causes = owns.slice(0, causeCountMax).map(({ node, loss, own }): Cause => {
    const unit = metric === 'latency' ? 's' : 'requests';
    const amount = (value: number): string => (metric === 'latency' ? value : value / 100).toPrecision(3);
    return {
      node,
      operation: metric,
      score: own / total,
      evidence: [
        `loses ${amount(own)} ${unit} a row by itself, of ${amount(loss)} with its callees; the target loses ${amount(targetLoss)}`,
      ],
    };
  });
  const [top, next] = owns;
  if (!top) return { verdict: 'INCONCLUSIVE', because: `${said}, and no node accounts for it by itself`, causes };
  const callers = calls.filter(([caller, callee]) => callee === top.node && caller !== top.node);
  const verdict = verdictOf({
    explainedRatio: Math.min(1, top.own / targetLoss),
    nextRatio: Math.min(1, (next?.own ?? 0) / targetLoss),
    // A row of five minutes stands for many requests; what it is short of is a caller that saw the same.
    requestCount: Infinity,
    hasSecondWitness: callers.some(([caller]) => (losses.get(caller) ?? 0) >= top.own / 2),
  });
  const percent = Math.round((100 * top.own) / targetLoss);
  return { verdict, because: `${said}; ${top.node} loses ${percent} % as much by itself`, causes };
}

function describe(deviation: number, metric: TargetMetric): string {
  const size =
    metric === 'latency' ? `${(100 * Math.abs(deviation)).toFixed(0)} %` : `${Math.abs(deviation).toFixed(2)} points`;
  const isUp = metric === 'latency' ? deviation > 0 : deviation < 0;
  return `is ${isUp ? 'up' : 'down'} by ${size}`;
}
