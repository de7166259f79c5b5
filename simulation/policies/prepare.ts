/** From a history, a calendar and what is said of one function to a simulation that can be run. */
import { createVenue } from '../../calendar/venue.ts';
import { InputError } from '../../core/errors.ts';
import type { FunctionSpec, Prices } from '../../core/function-spec.ts';
import type { MarketEvent } from '../../core/market-event.ts';
import { functionKeyOf } from '../../core/series-key.ts';
import { formatInstant, msPerDay, msPerSecond, msPerMinute, type EpochMs } from '../../core/time.ts';
import { endOf, type VolumeSeries } from '../../core/volume-series.ts';
import { chooseWindows, type BacktestWindow } from '../../forecaster/backtest-windows.ts';
import { concerning } from '../../forecaster/forecaster.ts';
import type { SimulationJob } from './job.ts';
import { leadMs, spansOf, windowMs, type Span } from './spans.ts';
import { usualVolumePerMinute } from './usual-level.ts';

/** The one function that is simulated. */
export interface SimulatedFunction {
  readonly requestsPerSecond: number;
  readonly runDurationMs: FunctionSpec['runDurationMs'];
  readonly memoryMb: number;
  readonly initDurationMs: number;
}

export interface PrepareOptions {
  readonly series: VolumeSeries;
  /** The whole calendar, sorted. */
  readonly events: readonly MarketEvent[];
  readonly symbols: readonly string[];
  readonly venueName: string;
  readonly prices: Prices;
  /** Infinite ends where a file says which windows there are. */
  readonly fromMs: EpochMs;
  readonly untilMs: EpochMs;
  /** `event`, `open`; of no account where `windows` are given. */
  readonly classes: readonly string[];
  readonly windows?: readonly BacktestWindow[] | undefined;
  readonly function: SimulatedFunction;
  readonly accountConcurrency: number;
  readonly policies: readonly string[];
  readonly grain: SimulationJob['grain'];
  readonly seed: string;
}

export interface Prepared {
  readonly job: SimulationJob;
  readonly windowCount: number;
  /** Outside the history, or off its grid. */
  readonly leftOutCount: number;
  readonly usualVolumePerMinute: number;
}

/** Events of less importance get no window, as the planner gives them none. */
const importanceMin = 2;

/** @throws InputError where no window lies inside the history, or its usual level is not known. */
export function prepareSimulation(options: PrepareOptions): Prepared {
  const { series, events, symbols, venueName, fromMs, function: simulated } = options;
  const candidates = options.windows ?? choose(options);
  const span = { fromMs: series.fromMs, untilMs: endOf(series) };
  const inside = candidates.filter(
    ({ startsAtMs }) =>
      startsAtMs >= fromMs &&
      startsAtMs < options.untilMs &&
      startsAtMs % msPerMinute === 0 &&
      startsAtMs - leadMs >= span.fromMs + msPerDay &&
      startsAtMs + windowMs <= span.untilMs,
  );
  const spans = spansOf(inside.map(({ startsAtMs }) => startsAtMs));
  if (spans.length === 0)
    throw new InputError('simulation-windows', 'no window lies inside the history; check --from, --to and the files');
  const usualBeforeMs = Number.isFinite(fromMs) ? fromMs : spans[0]!.fromMs;
  const usual = usualVolumePerMinute(series, createVenue(venueName), usualBeforeMs);
  if (usual === undefined)
    throw new InputError(
      'simulation-level',
      `the history has no usual volume in the 28 days before ${formatInstant(usualBeforeMs)}; let --from be later`,
    );
  const { requestsPerSecond, runDurationMs, memoryMb, initDurationMs } = simulated;
  const job: SimulationJob = {
    policies: options.policies,
    grain: options.grain,
    seed: options.seed,
    series,
    spans,
    events,
    symbols,
    venueName,
    stepMs: series.stepMs,
    requestsPerUnit: (requestsPerSecond * (msPerMinute / msPerSecond)) / usual,
    accountConcurrency: options.accountConcurrency,
    prices: options.prices,
    spec: {
      key: functionKeyOf({ accountId: '123456789012', region: 'us-east-1', functionName: 'simulated', alias: 'live' }),
      memoryMb,
      architecture: 'x86_64',
      initDurationMs,
      runDurationMs,
      spillTarget: { kind: 'spilloverRatioMax', ratio: 0.001 },
      concurrencyFloor: 0,
      concurrencyCeiling: options.accountConcurrency,
      mode: 'shadow',
    },
  };
  const windowCount = spans.reduce((sum, { windowsAtMs }) => sum + windowsAtMs.length, 0);
  return { job, windowCount, leftOutCount: candidates.length - inside.length, usualVolumePerMinute: usual };
}

function choose({ series, events, symbols, venueName, fromMs, untilMs, classes }: PrepareOptions): BacktestWindow[] {
  const venue = createVenue(venueName);
  const span = { fromMs: Math.max(fromMs, series.fromMs), untilMs: Math.min(untilMs, endOf(series)) };
  if (span.untilMs <= span.fromMs) return [];
  return chooseWindows({
    series,
    events: concerning(events, symbols, span).filter(({ importance }) => importance >= importanceMin),
    clock: venue,
    opensAtMs: venue
      .sessionEvents(span.fromMs, span.untilMs)
      .flatMap(({ kind, startsAtMs }) => (kind === 'open' ? [startsAtMs] : [])),
    fromMs,
    untilMs,
    classes,
    // Draws quiet windows, of which there are none here.
    seed: 0,
  });
}

/** The span with the busiest judged bucket: the one to draw. */
export function busiestSpan({ series, spans }: Pick<SimulationJob, 'series' | 'spans'>): Span {
  const peakOf = ({ windowsAtMs }: Span): number =>
    Math.max(
      ...windowsAtMs.map((startMs) => {
        const first = Math.floor((startMs - series.fromMs) / series.stepMs);
        const values = series.values.subarray(first, first + Math.ceil(windowMs / series.stepMs));
        return values.reduce((highest, value) => (value > highest ? value : highest), 0);
      }),
    );
  return spans.reduce((best, span) => (peakOf(span) > peakOf(best) ? span : best));
}
