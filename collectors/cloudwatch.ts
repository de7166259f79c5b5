/**
 * The door to CloudWatch's metrics of one account and region: many metrics over one span in, their points out.
 *
 * GetMetricData answers up to 500 metrics and 100,800 points a call, in pages; it is charged by the metric, whatever the span. So spans may be long, metrics must be
 * few, and what was asked is counted. A call that is throttled or fails is tried again with growing pauses and jitter, up to a deadline.
 *
 * What comes back is another's text: an id that was not asked for, a time off the grid, a negative or infinite value ends the reading.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
 */
import {
  CloudWatchClient,
  GetMetricDataCommand,
  type GetMetricDataCommandOutput,
  type MetricDataQuery,
  type MetricDataResult,
} from '@aws-sdk/client-cloudwatch';
import { InputError, WorldError } from '../core/errors.ts';
import { isLoopback } from '../core/loopback.ts';
import type { Random } from '../core/random.ts';
import { msPerMinute, msPerSecond, type Clock, type EpochMs, type Timers } from '../core/time.ts';
import { readMetricFailure } from './cloudwatch-failure.ts';

export interface MetricQuery {
  /** Ours, to find the points again. */
  readonly id: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
  /** `Sum`, `Average`, `Maximum`, `p99`. */
  readonly statistic: string;
}

export interface MetricSpan {
  /** A multiple of `stepMs`; the first bucket. */
  readonly fromMs: EpochMs;
  /** Not included. */
  readonly untilMs: EpochMs;
  readonly stepMs: number;
}

/** Bucket start to value; CloudWatch has no point where nothing was reported, and no zero either. */
export type MetricPoints = ReadonlyMap<EpochMs, number>;

export interface MetricReading {
  /** By the query's id; every query has its entry, an empty one where there is nothing. */
  readonly points: ReadonlyMap<string, MetricPoints>;
  /** When the last answer came. */
  readonly readAtMs: EpochMs;
}

/** What was asked since the door was opened. */
export interface MetricUse {
  readonly callCount: number;
  /** What AWS charges for. Pages are counted as metrics asked again: whether AWS does so is not written anywhere, and this is the higher reading. */
  readonly metricCount: number;
}

export interface MetricReader {
  /** The other end, for people. */
  readonly endpointName: string;
  readonly use: () => MetricUse;
  /**
   * @throws InputError when nobody may read here (naming the permission) or there are no credentials: asking again would not help.
   * @throws WorldError when CloudWatch did not answer as it should until the deadline. The signal's reason when aborted.
   */
  read(queries: readonly MetricQuery[], span: MetricSpan, options: ReadMetricsOptions): Promise<MetricReading>;
}

export interface ReadMetricsOptions {
  readonly signal: AbortSignal;
  /** No new attempt starts later than this after the first. */
  readonly patienceMs?: number;
  readonly onProgress?: (progress: { readonly doneCount: number; readonly totalCount: number }) => void;
}

export interface MetricReaderOptions {
  readonly region: string;
  /** Absent: Amazon's own. */
  readonly endpointUrl?: string | undefined;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Spreads attempts that failed together. */
  readonly random: Random;
  /** Of the socket, so in real time even where the clock is virtual. */
  readonly requestTimeoutMs?: number;
}

/** Lambda's metrics stand there. */
const namespace = 'AWS/Lambda';

/** Limits of one call, by the API's reference. */
const queriesPerCallMax = 500;
const pointsPerCallMax = 100_800;

/** 500 metrics of 200 points; an answer with more pages than its points can fill is going in circles. */
const pageCountMax = 220;

/** A first pause of a second refills the bucket of 50 calls a second whoever emptied it; then doubling. */
const pauseMsFirst = msPerSecond;
const pauseMsMax = 30 * msPerSecond;
const patienceMsDefault = 2 * msPerMinute;
const requestTimeoutMsDefault = 30_000;

/** 0.01 dollars for 1,000 metrics (https://aws.amazon.com/cloudwatch/pricing/, us-east-1, November 2026). */
const usdPerMetric = 0.01 / 1_000;

export function usdOfMetrics(metricCount: number): number {
  return metricCount * usdPerMetric;
}

/** Nothing but AWS is ever shown a real access key. */
const localCredentials = { accessKeyId: 'foreshock-twin', secretAccessKey: 'foreshock-twin' };

export function openMetricReader(options: MetricReaderOptions): MetricReader {
  const { region, endpointUrl, clock, timers, random } = options;
  const isLocal = endpointUrl !== undefined && isLoopback(new URL(endpointUrl).hostname);
  const client = new CloudWatchClient({
    region,
    // One attempt: the pauses between them are ours, in the clock that we were handed.
    maxAttempts: 1,
    ...(endpointUrl !== undefined && { endpoint: endpointUrl }),
    ...(isLocal && { credentials: localCredentials }),
  });
  const endpointName = endpointUrl ?? `CloudWatch in ${region}`;
  let callCount = 0;
  let metricCount = 0;

  const send = async (
    call: MetricCall,
    { signal, giveUpAtMs }: { readonly signal: AbortSignal; readonly giveUpAtMs: EpochMs },
  ): Promise<GetMetricDataCommandOutput> => {
    for (let attempt = 0; ; attempt++) {
      try {
        const timeout = AbortSignal.timeout(options.requestTimeoutMs ?? requestTimeoutMsDefault);
        callCount++;
        const answer = await client.send(commandOf(call), { abortSignal: AbortSignal.any([signal, timeout]) });
        metricCount += call.queries.length;
        requireRead(answer.MetricDataResults ?? []);
        return answer;
      } catch (error) {
        signal.throwIfAborted();
        const failure = readMetricFailure(error, endpointName);
        if (failure instanceof InputError || !failure.retryable) throw failure;
        // Full jitter over the doubled pause: those who failed together do not come back together.
        const pauseMs = Math.ceil(Math.min(pauseMsMax, pauseMsFirst * 2 ** attempt) * (0.5 + random.next() / 2));
        if (clock.nowMs() + pauseMs > giveUpAtMs) throw failure;
        await pause(timers, pauseMs, signal);
      }
    }
  };

  return {
    endpointName,
    use: () => ({ callCount, metricCount }),
    async read(queries, span, { signal, patienceMs = patienceMsDefault, onProgress }) {
      const points = new Map<string, Map<EpochMs, number>>(queries.map(({ id }) => [id, new Map()]));
      const calls = splitIntoCalls(queries, span);
      for (const [index, call] of calls.entries()) {
        const giveUpAtMs = clock.nowMs() + patienceMs;
        let nextToken: string | undefined;
        for (let page = 0; page === 0 || nextToken !== undefined; page++) {
          signal.throwIfAborted();
          if (page === pageCountMax) throw unreadable('its pages do not end');
          const answer = await send({ ...call, nextToken }, { signal, giveUpAtMs });
          takePoints(answer.MetricDataResults ?? [], call, points);
          nextToken = answer.NextToken;
        }
        onProgress?.({ doneCount: index + 1, totalCount: calls.length });
      }
      return { points, readAtMs: clock.nowMs() };
    },
  };
}

interface MetricCall {
  readonly queries: readonly MetricQuery[];
  readonly span: MetricSpan;
  readonly nextToken?: string | undefined;
}

/** As many metrics and buckets a call as the API answers at once: first all metrics that fit over the whole span, and a span that is too long in pieces. */
function splitIntoCalls(queries: readonly MetricQuery[], span: MetricSpan): readonly MetricCall[] {
  const bucketCount = Math.max(0, Math.ceil((span.untilMs - span.fromMs) / span.stepMs));
  if (bucketCount === 0) return [];
  const bucketsPerCall = Math.min(bucketCount, pointsPerCallMax);
  const queriesPerCall = Math.min(queriesPerCallMax, Math.floor(pointsPerCallMax / bucketsPerCall));
  const calls: MetricCall[] = [];
  for (let first = 0; first < queries.length; first += queriesPerCall) {
    for (let bucket = 0; bucket < bucketCount; bucket += bucketsPerCall) {
      const fromMs = span.fromMs + bucket * span.stepMs;
      const untilMs = Math.min(span.untilMs, fromMs + bucketsPerCall * span.stepMs);
      calls.push({ queries: queries.slice(first, first + queriesPerCall), span: { ...span, fromMs, untilMs } });
    }
  }
  return calls;
}

/** Ids of the wire begin with a small letter and hold no colon; a place in the call is enough. */
const wireIdOf = (index: number): string => `q${index}`;

function commandOf({ queries, span, nextToken }: MetricCall): GetMetricDataCommand {
  const metricDataQueries = queries.map(({ metricName, dimensions, statistic }, index): MetricDataQuery => ({
    Id: wireIdOf(index),
    MetricStat: {
      Metric: {
        Namespace: namespace,
        MetricName: metricName,
        Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
      },
      Period: span.stepMs / msPerSecond,
      Stat: statistic,
    },
  }));
  return new GetMetricDataCommand({
    MetricDataQueries: metricDataQueries,
    StartTime: new Date(span.fromMs),
    EndTime: new Date(span.untilMs),
    ScanBy: 'TimestampAscending',
    MaxDatapoints: pointsPerCallMax,
    ...(nextToken !== undefined && { NextToken: nextToken }),
  });
}

/** An answer may fail for single metrics: it is asked for again whole, for a part of demand is no demand. */
function requireRead(results: readonly MetricDataResult[]): void {
  for (const { StatusCode } of results) {
    if (StatusCode === 'Forbidden') {
      const message = 'CloudWatch holds back a metric: allow the action cloudwatch:GetMetricData on resource *';
      throw new InputError('cloudwatch-denied', message);
    }
    if (StatusCode === 'InternalError')
      throw new WorldError('InternalError', 'CloudWatch could not read a metric', { retryable: true });
  }
}

function takePoints(
  results: readonly MetricDataResult[],
  { queries, span }: MetricCall,
  points: ReadonlyMap<string, Map<EpochMs, number>>,
): void {
  const ids = new Map(queries.map(({ id }, index) => [wireIdOf(index), id]));
  for (const { Id, Timestamps = [], Values = [] } of results) {
    const into = points.get(ids.get(Id ?? '') ?? '');
    if (!into) throw unreadable('it names a metric that was not asked for');
    if (Timestamps.length !== Values.length) throw unreadable('its times and values differ in number');
    for (const [index, at] of Timestamps.entries()) {
      const atMs = at.getTime();
      const value = Values[index]!;
      if (atMs < span.fromMs || atMs >= span.untilMs || atMs % span.stepMs !== 0)
        throw unreadable(`it has a point at ${String(atMs)}, which is no bucket that was asked for`);
      if (!(value >= 0 && value < Number.MAX_SAFE_INTEGER)) throw unreadable(`it has the value ${String(value)}`);
      into.set(atMs, value);
    }
  }
}

function unreadable(what: string): WorldError {
  return new WorldError('UnreadableAnswer', `CloudWatch's answer cannot be used: ${what}`, { retryable: true });
}

async function pause(timers: Timers, delayMs: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const giveUp = (): void => {
      cancel();
      reject(signal.reason as Error);
    };
    const cancel = timers.after(delayMs, () => {
      signal.removeEventListener('abort', giveUp);
      resolve();
    });
    signal.addEventListener('abort', giveUp, { once: true });
  });
}
