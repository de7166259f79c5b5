/**
 * How good would the forecasts have been? One pass over the history in time order: each window is forecast half an hour before it starts by
 * models that have learned up to then and no further, and compared with what came.
 *
 * Scores, per class of windows: pinball loss summed over the levels and averaged over the buckets, divided by the windows' mean usual
 * volume (the median of the same clock time on the forty days before, days with events there left out), so that 1 is as much as is usual;
 * and coverage, the share of buckets that stayed under a quantile.
 *
 * - Koenker & Bassett, Regression Quantiles, Econometrica 46 (1978): pinball loss.
 */
import type { QuantilePath } from '../core/forecast.ts';
import type { MarketEvent } from '../core/market-event.ts';
import type { SessionClock } from '../core/session-clock.ts';
import { msPerMinute, type EpochMs } from '../core/time.ts';
import { endOf, sliceSeries, type VolumeSeries } from '../core/volume-series.ts';
import { isNotReady, type Model, type ModelEntry } from '../models/model.ts';
import type { BacktestWindow } from './backtest-windows.ts';
import { concerning } from './forecaster.ts';
import { createUsualVolume } from './usual-volume.ts';

/** The forecast is issued this long before its window starts. */
export const leadMs = 30 * msPerMinute;
export const windowMs = 30 * msPerMinute;
const coverageLevel = 0.95;

export interface BacktestOptions {
  readonly series: VolumeSeries;
  /** The whole calendar, sorted; events with symbols count only for `symbols`. */
  readonly events: readonly MarketEvent[];
  readonly symbols: readonly string[];
  readonly clock: SessionClock;
  readonly windows: readonly BacktestWindow[];
  readonly levels: readonly number[];
  readonly models: Readonly<Record<string, ModelEntry>>;
  /** Called before each window. */
  readonly onProgress?: (doneCount: number, windowCount: number) => void;
}

export interface WindowForecast {
  readonly window: BacktestWindow;
  readonly model: string;
  readonly path: QuantilePath;
}

export interface ClassScore {
  readonly class: string;
  readonly windowCount: number;
  readonly bucketCount: number;
  readonly models: readonly ModelScore[];
}

export interface ModelScore {
  readonly model: string;
  readonly pinball: number;
  readonly coverage95: number | null;
  /** Share of windows whose busiest bucket stayed under the highest 0.95 quantile of the window. */
  readonly peakCoverage95: number | null;
}

export interface BacktestResult {
  readonly forecasts: readonly WindowForecast[];
  readonly classes: readonly ClassScore[];
  /** Windows that a model was not ready for, with its words. */
  readonly notReady: readonly { readonly model: string; readonly windowCount: number; readonly reason: string }[];
}

export function runBacktest(options: BacktestOptions): BacktestResult {
  const { series, windows, clock, levels } = options;
  const { stepMs } = series;
  const runners = Object.entries(options.models).map(([name, entry]) => ({
    name,
    model: entry.create({ stepMs, clock, seriesName: 'series' }),
  }));
  const starts = [...new Set(windows.map(({ startsAtMs }) => startsAtMs))].sort((left, right) => left - right);
  const forecasts: WindowForecast[] = [];
  const notReady = new Map<string, { model: string; windowCount: number; reason: string }>();
  let learnedUntilMs = series.fromMs;

  for (const [index, startsAtMs] of starts.entries()) {
    options.onProgress?.(index, starts.length);
    const originMs = Math.floor((startsAtMs - leadMs) / stepMs) * stepMs;
    if (originMs > learnedUntilMs) {
      learn(
        runners.map(({ model }) => model),
        options,
        { fromMs: learnedUntilMs, untilMs: originMs },
      );
      learnedUntilMs = originMs;
    }
    const stepCount = Math.ceil(windowMs / stepMs);
    const span = { fromMs: startsAtMs, untilMs: startsAtMs + windowMs };
    const events = concerning(options.events, options.symbols, span);
    for (const { name, model } of runners) {
      const path = model.forecast({ fromMs: startsAtMs, stepMs, stepCount, levels, events });
      if (isNotReady(path)) {
        const known = notReady.get(name) ?? { model: name, windowCount: 0, reason: path.notReady };
        notReady.set(name, { ...known, windowCount: known.windowCount + 1 });
        continue;
      }
      for (const window of windows) if (window.startsAtMs === startsAtMs) forecasts.push({ window, model: name, path });
    }
  }
  return { forecasts, classes: scoreClasses(options, forecasts), notReady: [...notReady.values()] };
}

/** Hands over the next block, padded with missing buckets where the history ends before the origin. */
function learn(models: readonly Model[], options: BacktestOptions, span: { fromMs: EpochMs; untilMs: EpochMs }): void {
  const { series } = options;
  const seen = sliceSeries(series, span.fromMs, span.untilMs);
  const volume =
    endOf(seen) === span.untilMs
      ? seen
      : { ...seen, fromMs: span.fromMs, values: padded(seen.values, (span.untilMs - span.fromMs) / series.stepMs) };
  const events = concerning(options.events, options.symbols, span);
  for (const model of models) model.learn({ volume, events });
}

function padded(values: Float64Array, length: number): Float64Array {
  const whole = new Float64Array(length).fill(NaN);
  whole.set(values);
  return whole;
}

/** Sums over the buckets of one class, for one model. */
interface Tally {
  loss: number;
  coveredCount: number;
  bucketCount: number;
  windowCount: number;
  peakCoveredCount: number;
}

function scoreClasses(options: BacktestOptions, forecasts: readonly WindowForecast[]): ClassScore[] {
  const { series, levels } = options;
  const usualVolume = createUsualVolume(series, {
    clock: options.clock,
    events: concerning(options.events, options.symbols, { fromMs: series.fromMs, untilMs: endOf(series) }),
  });
  const coverageAt = levels.indexOf(coverageLevel);
  const classes = new Map<string, { tallies: Map<string, Tally>; usual: number; usualCount: number }>();
  const usualCounted = new Set<string>();
  for (const { window, model, path } of forecasts) {
    const [name = window.class] = window.class.split(':');
    const into = classes.get(name) ?? { tallies: new Map<string, Tally>(), usual: 0, usualCount: 0 };
    classes.set(name, into);
    const tally = into.tallies.get(model) ?? {
      loss: 0,
      coveredCount: 0,
      bucketCount: 0,
      windowCount: 0,
      peakCoveredCount: 0,
    };
    into.tallies.set(model, tally);
    const windowName = `${window.startsAtMs} ${window.class}`;
    let peak = -Infinity;
    let peakQuantile = -Infinity;
    for (const [step, quantiles] of path.requestCount.entries()) {
      const bucket = Math.round((window.startsAtMs - series.fromMs) / series.stepMs) + step;
      const actual = series.values[bucket] ?? NaN;
      const usual = usualVolume(bucket);
      if (Number.isNaN(actual) || Number.isNaN(usual)) continue;
      if (!usualCounted.has(windowName)) {
        into.usual += usual;
        into.usualCount++;
      }
      tally.loss += pinballLoss(quantiles, levels, actual);
      tally.bucketCount++;
      const quantile = quantiles[coverageAt] ?? Infinity;
      if (actual <= quantile) tally.coveredCount++;
      peak = Math.max(peak, actual);
      peakQuantile = Math.max(peakQuantile, quantile);
    }
    usualCounted.add(windowName);
    if (peak === -Infinity) continue;
    tally.windowCount++;
    if (peak <= peakQuantile) tally.peakCoveredCount++;
  }
  const share = (count: number, of: number): number | null => (coverageAt < 0 || of === 0 ? null : count / of);
  return [...classes].map(([name, { tallies, usual, usualCount }]) => ({
    class: name,
    windowCount: Math.max(...[...tallies.values()].map(({ windowCount }) => windowCount)),
    bucketCount: Math.max(...[...tallies.values()].map(({ bucketCount }) => bucketCount)),
    models: [...tallies].map(([model, tally]) => ({
      model,
      pinball: tally.loss / tally.bucketCount / (usual / usualCount),
      coverage95: share(tally.coveredCount, tally.bucketCount),
      peakCoverage95: share(tally.peakCoveredCount, tally.windowCount),
    })),
  }));
}

/** Summed over the levels, in units of volume. */
export function pinballLoss(quantiles: readonly number[], levels: readonly number[], actual: number): number {
  let loss = 0;
  for (const [index, level] of levels.entries()) {
    const short = actual - quantiles[index]!;
    loss += Math.max(level * short, (level - 1) * short);
  }
  return loss;
}
