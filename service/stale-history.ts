/** Missing data is a finding: a history that ended long ago still gives forecasts, of the level that it ended at. */
import { formatInstant, msPerDay, type EpochMs } from '../core/time.ts';
import { endOf } from '../core/volume-series.ts';
import type { SystemFunction } from './system-options.ts';

/** A long weekend with a holiday is under four days. */
const staleAfterMs = 7 * msPerDay;

/** One sentence for each history that ended more than a week before `nowMs`. */
export function staleHistories(functions: readonly Pick<SystemFunction, 'history'>[], nowMs: EpochMs): string[] {
  const endsAtMs = new Map(functions.map(({ history }) => [history.name, endOf(history.history.series)]));
  return [...endsAtMs]
    .filter(([, endMs]) => nowMs - endMs > staleAfterMs)
    .map(
      ([name, endMs]) =>
        `${name} ends at ${formatInstant(endMs)}, ${Math.floor((nowMs - endMs) / msPerDay)} days before: forecasts rest on what was usual then`,
    );
}
