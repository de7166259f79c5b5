/**
 * Missing data is a finding: a history that ended long ago still gives forecasts, of the level that it ended at.
 *
 * The first of the detectors. Those that read traces come beside it; they share nothing with the forecaster but what it foretold.
 */
import { formatInstant, msPerDay, type EpochMs } from '../core/time.ts';
import { endOf, type VolumeSeries } from '../core/volume-series.ts';

/** A long weekend with a holiday is under four days. */
const staleAfterMs = 7 * msPerDay;

export interface NamedHistory {
  readonly name: string;
  readonly history: { readonly series: VolumeSeries };
}

/** One sentence for each history that ended more than a week before `nowMs`. */
export function staleHistories(histories: readonly NamedHistory[], nowMs: EpochMs): string[] {
  const endsAtMs = new Map(histories.map(({ name, history }) => [name, endOf(history.series)]));
  return [...endsAtMs]
    .filter(([, endMs]) => nowMs - endMs > staleAfterMs)
    .map(([name, endMs]) => {
      const days = Math.floor((nowMs - endMs) / msPerDay);
      return `${name} ends at ${formatInstant(endMs)}, ${days} days before: forecasts rest on what was usual then`;
    });
}
