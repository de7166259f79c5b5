/**
 * CloudWatch's GetMetricData and ListMetrics for the namespace AWS/Lambda. No metric math, no Metrics Insights: those are refused, not guessed.
 */
import { parseFunctionKey } from '../../core/series-key.ts';
import { msPerDay, msPerHour, msPerMinute, msPerSecond, type EpochMs } from '../../core/time.ts';
import { errorAnswer, Refusal } from './answer.ts';
import type { TwinParams } from './limits.ts';
import type { MetricBook } from './metric-book.ts';
import {
  isPublished,
  metricNames,
  pointsOf,
  type Dimensions,
  type MetricPoint,
  type Statistic,
} from './metric-statistics.ts';
import { integerIn, membersOf, numberIn, oneOf, textIn, type Members } from './request-body.ts';

export type MetricOperationName = 'GetMetricData' | 'ListMetrics';

export interface MetricContext {
  readonly book: MetricBook;
  readonly params: TwinParams;
}

const namespace = 'AWS/Lambda';
/** Documented. */
const queryCountMax = 500;
const pointCountMax = 100_800;
const listedCountMax = 500;

type Operation = (context: MetricContext, members: Members, nowMs: EpochMs) => object;

export const metricOperations: Readonly<Record<MetricOperationName, Operation>> = {
  GetMetricData({ book, params }, members, nowMs) {
    const asked = queriesIn(members);
    const isDescending = oneOf(scanOrders, textIn(members, 'ScanBy'), 'ScanBy') !== 'TimestampAscending';
    const pageSize = integerIn(members, 'MaxDatapoints') ?? pointCountMax;
    if (pageSize < 1 || pageSize > pointCountMax) {
      throw invalid(`The parameter MaxDatapoints must be between 1 and ${pointCountMax}.`);
    }
    // Later pages show what the first one saw, so that none is told twice or left out.
    const place = placeIn(members) ?? { asOfMs: nowMs, offset: 0 };
    const span = spanIn(members, place.asOfMs);
    const visibleUntilMs = place.asOfMs - params.metricDelayMs;
    const found = asked.map((query) => {
      if (!query.isLambda) return { query, points: [] };
      const points = pointsOf(book, { ...query, ...span, visibleUntilMs, nowMs: place.asOfMs });
      return { query, points: isDescending ? points.toReversed() : points };
    });
    return pageOf(found, { ...place, pageSize });
  },
  ListMetrics({ book }, members) {
    const filters = filtersIn(members);
    const found = candidatesIn(book).filter(
      (metric) => filters.every((isMet) => isMet(metric)) && isPublished(book, metric.metricName, metric.dimensions),
    );
    const offset = placeIn(members)?.offset ?? 0;
    const page = found.slice(offset, offset + listedCountMax);
    const nextOffset = offset + listedCountMax;
    return {
      Metrics: page.map(({ metricName, listed }) => ({
        Namespace: namespace,
        MetricName: metricName,
        Dimensions: listed,
      })),
      ...(nextOffset < found.length && { NextToken: tokenOf({ asOfMs: 0, offset: nextOffset }) }),
    };
  },
};

export const metricOperationNames = Object.keys(metricOperations) as MetricOperationName[];

const scanOrders = ['TimestampDescending', 'TimestampAscending'] as const;

interface Query {
  readonly id: string;
  readonly label: string;
  readonly isShown: boolean;
  readonly isLambda: boolean;
  readonly metricName: string;
  readonly dimensions: Dimensions;
  readonly statistic: Statistic;
  readonly periodMs: number;
}

function queriesIn(members: Members): readonly Query[] {
  const sent = members['MetricDataQueries'];
  if (!Array.isArray(sent) || sent.length === 0) throw missing('MetricDataQueries');
  if (sent.length > queryCountMax) {
    throw invalid(`The collection MetricDataQueries must not have a size greater than ${queryCountMax}.`);
  }
  const queries = sent.map((one: unknown, index) => queryIn({ query: one }, `MetricDataQueries.member.${index + 1}`));
  const ids = new Set(queries.map(({ id }) => id));
  if (ids.size < queries.length) throw invalid('The values for parameter id in MetricDataQueries are not unique.');
  return queries;
}

function queryIn(holder: Members, place: string): Query {
  const query = membersOf(holder, 'query');
  const id = query && textIn(query, 'Id');
  if (id === undefined) throw missing(`${place}.Id`);
  if (!/^[a-z][a-zA-Z0-9_]{0,254}$/.test(id)) {
    throw invalid(
      `The value ${id.slice(0, 100)} for parameter ${place}.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.`,
    );
  }
  if (textIn(query!, 'Expression') !== undefined) throw invalid(`The twin plays no expressions: ${place}.Expression`);
  const stat = membersOf(query!, 'MetricStat');
  const metric = stat && membersOf(stat, 'Metric');
  const metricName = metric && textIn(metric, 'MetricName');
  if (metricName === undefined) throw missing(`${place}.MetricStat.Metric.MetricName`);
  const dimensions = dimensionsIn(metric!, place);
  const statistic = statisticIn(textIn(stat!, 'Stat'), place);
  if (statistic.kind === 'percentile' && metricName !== 'Duration') {
    throw invalid(`The twin has percentiles of Duration alone: ${place}.MetricStat.Stat`);
  }
  return {
    id,
    label: textIn(query!, 'Label') ?? metricName,
    isShown: (query!['ReturnData'] ?? true) !== false,
    isLambda: textIn(metric!, 'Namespace') === namespace && dimensions !== undefined,
    metricName,
    dimensions: dimensions ?? {},
    statistic,
    periodMs: periodMsIn(stat!, place),
  };
}

function periodMsIn(stat: Members, place: string): number {
  const seconds = integerIn(stat, 'Period') ?? integerIn(stat, 'period');
  if (seconds === undefined) throw missing(`${place}.MetricStat.Period`);
  if (seconds <= 0 || (seconds % 60 !== 0 && ![1, 5, 10, 20, 30].includes(seconds))) {
    throw invalid(
      `The parameter ${place}.MetricStat.Period must be a value in the set [1, 5, 10, 20, 30], or a multiple of 60.`,
    );
  }
  return seconds * msPerSecond;
}

const statistics = ['Sum', 'Average', 'Minimum', 'Maximum', 'SampleCount'] as const;

function statisticIn(text: string | undefined, place: string): Statistic {
  if (text === undefined) throw missing(`${place}.MetricStat.Stat`);
  const kind = statistics.find((one) => one === text);
  if (kind) return { kind, ratio: NaN };
  const percent = /^p(\d{1,2}(?:\.\d{1,10})?|100)$/.exec(text)?.[1];
  if (percent !== undefined) return { kind: 'percentile', ratio: Number(percent) / 100 };
  throw invalid(`The value ${text.slice(0, 100)} for parameter ${place}.MetricStat.Stat is not supported.`);
}

/** Undefined for dimensions that Lambda publishes nothing under. */
function dimensionsIn(metric: Members, place: string): Dimensions | undefined {
  const sent = metric['Dimensions'] ?? [];
  if (!Array.isArray(sent) || sent.length > 30)
    throw invalid(`The parameter ${place}.MetricStat.Metric.Dimensions is no list of at most 30.`);
  const pairs = new Map<string, string>();
  for (const one of sent as unknown[]) {
    const dimension = membersOf({ one }, 'one') ?? {};
    const name = textIn(dimension, 'Name');
    const value = textIn(dimension, 'Value');
    if (name === undefined || value === undefined) throw missing(`${place}.MetricStat.Metric.Dimensions`);
    pairs.set(name, value);
  }
  const functionName = pairs.get('FunctionName');
  const resource = pairs.get('Resource');
  const known = Number(functionName !== undefined) + Number(resource !== undefined);
  if (known !== pairs.size || (functionName === undefined && resource !== undefined)) return undefined;
  return { ...(functionName !== undefined && { functionName }), ...(resource !== undefined && { resource }) };
}

function spanIn(members: Members, nowMs: EpochMs): { readonly fromMs: EpochMs; readonly untilMs: EpochMs } {
  const [start, end] = [numberIn(members, 'StartTime'), numberIn(members, 'EndTime')];
  if (start === undefined) throw missing('StartTime');
  if (end === undefined) throw missing('EndTime');
  if (start === end) throw invalid('The parameter StartTime must not equal parameter EndTime.');
  if (start > end) throw invalid('The parameter EndTime must be greater than StartTime.');
  const fromMs = start * msPerSecond;
  // Documented: rounded down to what is kept at that age.
  const ageMs = nowMs - fromMs;
  const stepMs = ageMs < 15 * msPerDay ? msPerMinute : ageMs <= 63 * msPerDay ? 5 * msPerMinute : msPerHour;
  return { fromMs: Math.floor(fromMs / stepMs) * stepMs, untilMs: end * msPerSecond };
}

interface Place {
  readonly asOfMs: EpochMs;
  /** Points, or metrics, on the pages before. */
  readonly offset: number;
}

function placeIn(members: Members): Place | undefined {
  const token = textIn(members, 'NextToken');
  if (token === undefined) return undefined;
  const [, asOfMs, offset] =
    /^as-of=(\d{1,16}),offset=(\d{1,12})$/.exec(Buffer.from(token, 'base64url').toString()) ?? [];
  if (asOfMs === undefined || offset === undefined) {
    throw new Refusal(errorAnswer(400, 'InvalidNextToken', { message: 'The next token is invalid.' }));
  }
  return { asOfMs: Number(asOfMs), offset: Number(offset) };
}

function tokenOf({ asOfMs, offset }: Place): string {
  return Buffer.from(`as-of=${asOfMs},offset=${offset}`).toString('base64url');
}

/** Query after query, as many points as a page holds; each query is on every page, with what of it falls there. */
function pageOf(
  found: readonly { readonly query: Query; readonly points: readonly MetricPoint[] }[],
  { asOfMs, offset, pageSize }: Place & { readonly pageSize: number },
): object {
  let passed = 0;
  const results = found.flatMap(({ query, points }) => {
    const from = Math.max(0, offset - passed);
    const until = Math.max(0, offset + pageSize - passed);
    passed += points.length;
    if (!query.isShown) return [];
    const page = points.slice(from, until);
    return [
      {
        Id: query.id,
        Label: query.label,
        Timestamps: page.map(({ atMs }) => atMs / msPerSecond),
        Values: page.map(({ value }) => value),
        StatusCode: until < points.length ? 'PartialData' : 'Complete',
      },
    ];
  });
  const nextOffset = offset + pageSize;
  return {
    MetricDataResults: results,
    ...(nextOffset < passed && { NextToken: tokenOf({ asOfMs, offset: nextOffset }) }),
    Messages: [],
  };
}

interface Candidate {
  readonly metricName: string;
  readonly dimensions: Dimensions;
  readonly listed: readonly { readonly Name: string; readonly Value: string }[];
}

/** Every name under the account, each function, and each alias. */
function candidatesIn({ keys }: MetricBook): readonly Candidate[] {
  const functions = new Set(keys.map((key) => parseFunctionKey(key)!.functionName));
  const all: readonly Dimensions[] = [
    {},
    ...[...functions].map((functionName) => ({ functionName })),
    ...keys.map((key) => {
      const { functionName, alias } = parseFunctionKey(key)!;
      return { functionName, resource: `${functionName}:${alias}` };
    }),
  ];
  return all.flatMap((dimensions) =>
    metricNames.map((metricName) => ({ metricName, dimensions, listed: listed(dimensions) })),
  );
}

function listed({ functionName, resource }: Dimensions): Candidate['listed'] {
  return [
    ...(functionName === undefined ? [] : [{ Name: 'FunctionName', Value: functionName }]),
    ...(resource === undefined ? [] : [{ Name: 'Resource', Value: resource }]),
  ];
}

function filtersIn(members: Members): readonly ((metric: Candidate) => boolean)[] {
  const asked = textIn(members, 'Namespace') ?? namespace;
  const name = textIn(members, 'MetricName');
  const sent = members['Dimensions'] ?? [];
  if (!Array.isArray(sent) || sent.length > 10) throw invalid('The parameter Dimensions is no list of at most 10.');
  return [
    () => asked === namespace,
    ({ metricName }) => (name ?? metricName) === metricName,
    ...sent.map((one: unknown) => {
      const dimension = membersOf({ one }, 'one') ?? {};
      const [wanted, value] = [textIn(dimension, 'Name'), textIn(dimension, 'Value')];
      return (metric: Candidate) =>
        metric.listed.some(({ Name, Value }) => Name === wanted && (value ?? Value) === Value);
    }),
  ];
}

function invalid(message: string): Refusal {
  return new Refusal(errorAnswer(400, 'ValidationError', { message }));
}

function missing(member: string): Refusal {
  return new Refusal(errorAnswer(400, 'MissingParameter', { message: `The parameter ${member} is required.` }));
}
