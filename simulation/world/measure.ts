/** The twin's counters in the words of the scorecard. */
import type { FunctionKey } from '../../core/series-key.ts';
import type { EpochMs } from '../../core/time.ts';
import type { EventWindowView, Measured } from '../../service/view.ts';
import { countersBetween, type Counters } from '../twin/counters.ts';
import type { Twin } from '../twin/twin.ts';

export function measuredOf(counters: Counters): Measured {
  const { requests, spillover, throttles, coldStarts, durationMs } = counters;
  const { provisionedUsd, provisionedDurationUsd, onDemandUsd, requestUsd } = counters;
  return {
    requests,
    spillover,
    throttles,
    coldStarts,
    durationMsP99: durationMs.quantile(0.99) ?? null,
    provisionedUsd,
    totalUsd: provisionedUsd + provisionedDurationUsd + onDemandUsd + requestUsd,
  };
}

export interface TwinPair {
  readonly with: Twin;
  readonly without: Twin;
}

/** Measures both twins over one event's half hour: opened at its start, closed at its end. */
export function openEventWindow(
  twins: TwinPair,
  key: FunctionKey,
  event: { readonly eventId: string; readonly fromMs: EpochMs; readonly untilMs: EpochMs },
) {
  const before = { with: twins.with.countersOf(key), without: twins.without.countersOf(key) };
  return {
    key,
    untilMs: event.untilMs,
    close: (): EventWindowView => ({
      ...event,
      with: measuredOf(countersBetween(before.with, twins.with.countersOf(key))),
      without: measuredOf(countersBetween(before.without, twins.without.countersOf(key))),
    }),
  };
}
