/**
 * Metrics and call graphs from JSON files: for `explain`. Two forms, a document a line each:
 *
 * - a header `{"unix":[…]}` and then one series a line, `{"node","metric","stat","v":[…]}`;
 * - one stretch a line, `{"unix":[…],"series":[{"node","metric","stat","v":[…]},…]}`, of which the one that holds the asked instant is taken.
 */
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import type { MetricTable } from '../core/metric-table.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import { readJsonLines } from './json-lines.ts';

const rowCountMax = 1_000_000;
const seriesCountMax = 100_000;
const callCountMax = 1_000_000;

const seriesForm = z.object({
  node: z.string().min(1).max(1_000),
  metric: z.string().min(1).max(100),
  stat: z.string().max(100).optional(),
  v: z.array(z.number().nullable()).max(rowCountMax),
});
const headerForm = z.object({ unix: z.array(z.number()).min(1).max(rowCountMax) });
const targetForm = z.object({ node: z.string(), metric: z.string(), timestamp: z.number().optional() });
const stretchForm = headerForm.extend({
  series: z.array(seriesForm).max(seriesCountMax),
  target: targetForm.optional(),
});
const graphForm = z.object({ calls: z.array(z.tuple([z.string(), z.string()])).max(callCountMax) });

type Series = z.infer<typeof seriesForm>;

/** Averages and sums are what losses are made of; percentiles of the same metric are left. */
const stats = new Set([undefined, 'Average', 'Sum']);

export interface MetricsWanted {
  readonly atMs: EpochMs;
  readonly node: string;
  readonly metric: string;
}

/** @throws InputError where the file has neither form, or no stretch in it holds the instant. */
export async function readMetricTable(
  path: string,
  wanted?: MetricsWanted,
  signal?: AbortSignal,
): Promise<MetricTable> {
  let header: readonly number[] | undefined;
  const series: Series[] = [];
  const stretches: z.infer<typeof stretchForm>[] = [];
  for await (const { value, line } of readJsonLines(path, signal)) {
    const stretch = stretchForm.safeParse(value);
    if (stretch.success) {
      stretches.push(stretch.data);
      continue;
    }
    const one = header ? seriesForm.safeParse(value) : headerForm.safeParse(value);
    if (!one.success)
      throw new InputError(
        'metrics-form',
        `${path}: line ${line}: expected ${header ? '{"node","metric","v":[…]}' : '{"unix":[…]}'}`,
      );
    if ('unix' in one.data) header = one.data.unix;
    else series.push(one.data);
    if (series.length > seriesCountMax)
      throw new InputError('metrics-form', `${path}: more than ${seriesCountMax} series`);
  }
  if (header) return tableOf(path, header, series);
  const chosen = wanted ? choose(stretches, wanted) : stretches[0];
  if (!chosen) throw new InputError('metrics-rows', `${path}: no row holds the instant of --at`);
  return tableOf(path, chosen.unix, chosen.series);
}

/** The stretch whose alarm it is, else one that holds the instant. */
function choose(
  stretches: readonly z.infer<typeof stretchForm>[],
  { atMs, node, metric }: MetricsWanted,
): z.infer<typeof stretchForm> | undefined {
  const holding = stretches.filter(({ unix }) => {
    const rowMs = rowMsOf(unix);
    return unix[0]! * msPerSecond <= atMs && atMs < unix.at(-1)! * msPerSecond + rowMs;
  });
  const isAsked = ({ target }: (typeof stretches)[number]): boolean =>
    target?.node === node && target.metric === metric;
  return (
    holding.find((stretch) => isAsked(stretch) && stretch.target?.timestamp === Math.floor(atMs / msPerSecond)) ??
    holding.find(isAsked) ??
    holding[0]
  );
}

function rowMsOf(unix: readonly number[]): number {
  return unix.length > 1 ? (unix[1]! - unix[0]!) * msPerSecond : 5 * msPerMinute;
}

function tableOf(path: string, unix: readonly number[], series: readonly Series[]): MetricTable {
  const rowMs = rowMsOf(unix);
  if (!(rowMs > 0) || unix.some((at, row) => row > 0 && at <= unix[row - 1]!))
    throw new InputError('metrics-rows', `${path}: "unix" must ascend`);
  const byNode = new Map<string, Map<string, readonly (number | undefined)[]>>();
  for (const { node, metric, stat, v } of series) {
    if (!stats.has(stat)) continue;
    if (v.length !== unix.length)
      throw new InputError('metrics-rows', `${path}: ${node} ${metric}: ${v.length} values for ${unix.length} rows`);
    const metrics = byNode.get(node) ?? new Map<string, readonly (number | undefined)[]>();
    byNode.set(node, metrics);
    metrics.set(
      metric,
      v.map((value) => value ?? undefined),
    );
  }
  return { rowsAtMs: unix.map((at) => at * msPerSecond), rowMs, series: byNode };
}

/** A document `{"calls":[["caller","callee"],…]}`. */
export async function readCallGraph(
  path: string,
  signal?: AbortSignal,
): Promise<readonly (readonly [string, string])[]> {
  for await (const { value } of readJsonLines(path, signal)) {
    const graph = graphForm.safeParse(value);
    if (graph.success) return graph.data.calls;
    break;
  }
  throw new InputError('graph-form', `${path}: expected {"calls":[["caller","callee"],…]}`);
}
