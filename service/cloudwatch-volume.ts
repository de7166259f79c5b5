/**
 * Demand that CloudWatch counts, brought to the system: what was missed while nobody ran is kept before the start, then each minute as it settles.
 *
 * A start needs no answer: what is kept is learned, the rest comes later.
 */
import { createBucketCounter, type BucketCounter } from '../collectors/bucket-counter.ts';
import { usdOfMetrics } from '../collectors/cloudwatch.ts';
import {
  demandMetricsOf,
  openMinuteCollector,
  settledAfterMs,
  type MinuteCollector,
  type ToldMinutes,
} from '../collectors/cloudwatch-minutes.ts';
import { createVitalsCollector, vitalMetricsOf } from '../collectors/cloudwatch-vitals.ts';
import { openHistoryKeep, type HistoryKeep, type KeptRow } from '../collectors/kept-history.ts';
import type { Config } from '../config/load.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { formatInstant, msPerHour, msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import { openConfiguredMetrics, type MetricPorts } from './cloudwatch.ts';
import { onePlaceOf } from './from-config.ts';
import { historyFolderOf, readinessOf } from './kept-volume.ts';
import type { Log } from './log.ts';
import type { System } from './system.ts';
import type { SystemFunction } from './system-options.ts';

export interface CloudwatchVolume {
  /** To be called each minute; reads when a reading is due. What goes wrong is logged once until it is over. */
  read(signal: AbortSignal): Promise<void>;
  /** To be called each hour: keeps what the minutes were like. */
  readVitals(signal: AbortSignal): Promise<void>;
}

export interface VolumePorts extends MetricPorts {
  readonly log: Log;
}

type Listener = Pick<System, 'admit' | 'learnedUntilMs'>;

/** A start waits no longer for CloudWatch: the market does not wait either. */
const startPatienceMs = 20 * msPerSecond;
/** What is not read until then is read while the service runs. 500 functions of which nothing is kept take some minutes: `history import` is for that. */
const startMsMax = msPerMinute;

/** Beyond it minutes come so late that forecasts follow the day only from afar. */
const lagMsMax = 15 * msPerMinute;

export interface WaitingVolume {
  /** Tells the system from now on. `functions` are those that it was composed of. */
  follow(system: Listener, functions: readonly SystemFunction[]): Promise<CloudwatchVolume>;
}

/**
 * Brings what is kept up to date, as far as CloudWatch answers. Undefined where no function is counted by it.
 *
 * @throws InputError when the folder of what is kept cannot be used.
 */
export async function openCloudwatchVolume(
  config: Config,
  ports: VolumePorts,
  signal: AbortSignal,
): Promise<WaitingVolume | undefined> {
  const counted = config.functions.filter(({ volume }) => volume.csv === undefined);
  if (counted.length === 0) return undefined;
  // Metrics are found by name alone: those of another account would be kept under the wrong one.
  const { region } = onePlaceOf(config.functions.map(({ spec }) => spec.key));
  const keep = openHistoryKeep(historyFolderOf(config.store));
  const reader = openConfiguredMetrics(config, region, ports);
  const { cloudwatchMetricsPerHour } = config.limits;
  const vitalsPerHour = vitalMetricsOf(counted.length);
  // Demand comes first: where the limit leaves little beside it, vitals are not read.
  const hasVitals = vitalsPerHour <= cloudwatchMetricsPerHour / 2;
  const collector = await openMinuteCollector({
    functions: counted.map(({ spec }) => ({ key: spec.key, runDurationMsP99: spec.runDurationMs.p99 })),
    reader,
    keep,
    clock: ports.clock,
    metricsPerHourMax: cloudwatchMetricsPerHour - (hasVitals ? vitalsPerHour : 0),
  });
  const vitals = createVitalsCollector({
    keys: counted.map(({ spec }) => spec.key),
    reader,
    keep,
    settledAfterMs: settledAfterMs(Math.max(...counted.map(({ spec }) => spec.runDurationMs.p99))),
  });
  const demandPerHour = (msPerHour / collector.intervalMs) * demandMetricsOf(counted.length);
  const metricsPerHour = demandPerHour + (hasVitals ? vitalsPerHour : 0);
  ports.log.info('cloudwatch.opened', {
    endpoint: reader.endpointName,
    functions: counted.length,
    everyMinutes: collector.intervalMs / msPerMinute,
    hasVitals,
    usdPerMonthMax: roundUsd(usdOfMetrics(metricsPerHour * 24 * 30)),
  });
  const trouble = createTrouble(ports.log);
  const { clock } = ports;
  // What is read now is learned from the files: nobody has to be told.
  const collecting = { signal, tell: () => undefined, patienceMs: startPatienceMs, rowCountMax: Infinity };
  await trouble.around(() => collector.collect({ ...collecting, deadlineMs: clock.nowMs() + startMsMax }), signal);
  return {
    async follow(system, functions) {
      const own = functions.filter(({ spec }) => counted.some((one) => one.spec.key === spec.key));
      tellReadiness(own, ports);
      const counters = await openCounters(own, { keep, system, nowMs: ports.clock.nowMs() });
      const report = createReport(collector, { ...ports, useMetrics: () => reader.use().metricCount });
      return {
        async read(runSignal) {
          if (!collector.isDue()) return;
          const tell = ({ key, rows }: ToldMinutes): void => tellRows(system, key, rows, counters.get(key)!);
          await trouble.around(() => collector.collect({ signal: runSignal, tell }), runSignal);
          report();
        },
        async readVitals(runSignal) {
          if (hasVitals) await trouble.around(() => vitals.collect(ports.clock.nowMs(), runSignal), runSignal);
        },
      };
    },
  };
}

/** A counter for each function, with the minutes that were kept after the last whole bucket that was learned. */
async function openCounters(
  functions: readonly SystemFunction[],
  { keep, system, nowMs }: { readonly keep: HistoryKeep; readonly system: Listener; readonly nowMs: EpochMs },
): Promise<ReadonlyMap<FunctionKey, BucketCounter>> {
  const counters = new Map<FunctionKey, BucketCounter>();
  for (const { spec, history } of functions) {
    const counter = createBucketCounter(history.history.series.stepMs);
    const kept = await keep.read(spec.key, '1m', { fromMs: system.learnedUntilMs(spec.key), untilMs: nowMs });
    const rows = [...(kept?.series.values ?? [])].flatMap((volume, index) =>
      Number.isNaN(volume) ? [] : [{ atMs: kept!.series.fromMs + index * msPerMinute, volume }],
    );
    tellRows(system, spec.key, rows, counter);
    counters.set(spec.key, counter);
  }
  return counters;
}

function tellRows(system: Listener, key: FunctionKey, rows: readonly KeptRow[], counter: BucketCounter): void {
  for (const { atMs, volume, isSaturated = false } of rows) {
    const bucket = counter.push(atMs, volume, { isSaturated });
    if (bucket) system.admit({ kind: 'volume', key, ...bucket, countedBy: 'cloudwatch' });
  }
}

function tellReadiness(functions: readonly SystemFunction[], { clock, log }: VolumePorts): void {
  const nowMs = clock.nowMs();
  for (const { spec, history, venue } of functions) {
    const { dayCount, dayCountNeeded, readyAtMs } = readinessOf(history.history.series, venue, nowMs);
    if (readyAtMs === null) continue;
    log.warn('history.short', {
      function: spec.key,
      dayCount,
      dayCountNeeded,
      readyNotBefore: formatInstant(readyAtMs),
      consequence:
        'its floor is held and no event is warmed for until then; foreshock history import reads what CloudWatch still has',
    });
  }
}

interface Trouble {
  /** What `work` answers; undefined where it failed, which is logged when it is news. */
  around<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T | undefined>;
}

function createTrouble(log: Log): Trouble {
  let known: string | undefined;
  return {
    async around(work, signal) {
      try {
        const answer = await work();
        if (known !== undefined) log.info('cloudwatch.readable', { after: known });
        known = undefined;
        return answer;
      } catch (error) {
        if (signal.aborted) return undefined;
        const { message } = error as Error;
        if (message !== known)
          log.warn('cloudwatch.unreadable', {
            error: message,
            consequence: 'forecasts go on from the minutes learned; what is missed is read later, for 15 days',
          });
        known = message;
        return undefined;
      }
    },
  };
}

/** Once an hour, and when the lag becomes too long: how far behind CloudWatch is, and what asking it costs. */
function createReport(
  collector: MinuteCollector,
  { clock, log, useMetrics }: VolumePorts & { readonly useMetrics: () => number },
): () => void {
  let reportedHour = Math.floor(clock.nowMs() / msPerHour);
  let wasBehind = false;
  return () => {
    const lagMs = collector.lagMs();
    const isBehind = lagMs !== null && lagMs > lagMsMax;
    if (isBehind && !wasBehind)
      log.warn('cloudwatch.behind', { lagMs, consequence: 'forecasts do not know the last minutes' });
    wasBehind = isBehind;
    const hour = Math.floor(clock.nowMs() / msPerHour);
    if (hour === reportedHour) return;
    reportedHour = hour;
    const status = collector.status();
    log.info('cloudwatch.lag', {
      lagMs,
      neverSeen: status.filter(({ newestAtMs }) => newestAtMs === null).length,
      missingMinutes: status.reduce((sum, { missingCount }) => sum + missingCount, 0),
      lateRequests: status.reduce((sum, { lateRequestCount }) => sum + lateRequestCount, 0),
      metrics: useMetrics(),
      usd: roundUsd(usdOfMetrics(useMetrics())),
    });
  };
}

function roundUsd(usd: number): number {
  return Math.round(usd * 10_000) / 10_000;
}
