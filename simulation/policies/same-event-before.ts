/**
 * What a careful operator does by hand: warm for what the same kind of event did before, at a fixed quantile of it, or times a safety factor. The
 * curve is that of the baseline of the same name in models/: the usual volume of the clock time, the recent level, and per minute of the event
 * the quantile of what earlier ones did. Asked for five minutes before, and stepped on Lambda's billing blocks, for the window and no longer.
 */
import type { Forecast } from '../../core/forecast.ts';
import { msPerSecond, type EpochMs } from '../../core/time.ts';
import { endOf, sliceSeries, type VolumeSeries } from '../../core/volume-series.ts';
import { createForecaster, type Forecaster } from '../../forecaster/forecaster.ts';
import { policyEntry, type PolicyContext } from './policy.ts';
import { blockMs, levelForRate, levelOfBlocks, type BlockNeed } from './sizing.ts';
import { leadMs, windowMs } from './spans.ts';

export const sameEventBefore = policyEntry({
  summary: 'what the same kind of event did before, at a fixed quantile',
  parameters: {
    quantile: { default: 0.99, min: 0.01, max: 0.999, means: 'quantile of what earlier events did' },
    multiplier: { default: 1, min: 0.01, max: 100, means: 'safety factor on it' },
  },
  create({ quantile, multiplier }, context) {
    const { spec, requestsPerUnit, stepMs, events } = context;
    const forecaster = forecasterOf(context);
    const levelOf = ({ requestCount }: Forecast, buckets: { readonly first: number; readonly end: number }): number => {
      const busiest = Math.max(0, ...requestCount.slice(buckets.first, buckets.end).map(([units]) => units!));
      return levelForRate((multiplier * busiest * requestsPerUnit * msPerSecond) / stepMs, spec.runDurationMs);
    };
    const needsOf = (startMs: EpochMs): BlockNeed[] => {
      const untilMs = startMs + windowMs;
      const forecast = forecaster.forecast({ fromMs: startMs, untilMs, levels: [quantile], events });
      if ('notReady' in forecast) return [];
      const blocks: BlockNeed[] = [];
      for (let fromMs = Math.floor(startMs / blockMs) * blockMs; fromMs < untilMs; fromMs += blockMs) {
        const first = Math.max(0, Math.floor((fromMs - forecast.fromMs) / stepMs));
        const end = Math.ceil((fromMs + blockMs - forecast.fromMs) / stepMs);
        blocks.push({ fromMs, concurrency: levelOf(forecast, { first, end }) });
      }
      return blocks;
    };
    return {
      begin({ span, history }) {
        const learnUntilEndOf = (seen: VolumeSeries): void => {
          const unlearned = sliceSeries(seen, forecaster.originMs ?? seen.fromMs, endOf(seen));
          if (unlearned.values.length > 0) forecaster.learn(unlearned, events);
        };
        learnUntilEndOf(history);
        const ahead = [...span.windowsAtMs];
        const needs: BlockNeed[] = [];
        return {
          initialLevel: 0,
          levelAt({ nowMs, volume }) {
            // Each window is forecast half an hour before it starts.
            while (ahead.length > 0 && ahead[0]! - leadMs <= nowMs) {
              learnUntilEndOf(volume);
              needs.push(...needsOf(ahead.shift()!));
            }
            return levelOfBlocks(needs, nowMs);
          },
        };
      },
    };
  },
});

/** One for all quantiles of a simulation: they are asked at the same instants, and to learn years of minutes takes seconds. */
const forecasters = new WeakMap<PolicyContext, Forecaster>();

function forecasterOf(context: PolicyContext): Forecaster {
  const { spec, stepMs, venue, symbols } = context;
  const known = forecasters.get(context);
  if (known) return known;
  const model = 'same-event-before';
  const forecaster = createForecaster({ key: spec.key, stepMs, clock: venue, symbols, model });
  forecasters.set(context, forecaster);
  return forecaster;
}
