/** Functions whose demand CloudWatch counts: what has been kept of it is their history, and may be nothing yet. */
import path from 'node:path';
import { openHistoryKeep, readLearnable } from '../collectors/kept-history.ts';
import type { Config } from '../config/load.ts';
import type { FunctionKey } from '../core/series-key.ts';
import type { SessionClock } from '../core/session-clock.ts';
import { msPerDay, msPerMinute, type EpochMs } from '../core/time.ts';
import type { VolumeSeries } from '../core/volume-series.ts';
import type { SystemHistory } from './system-options.ts';

/** Beside the store: what is worth keeping lies in one folder. */
export function historyFolderOf(store: string): string {
  return path.join(path.dirname(store), 'history');
}

/**
 * What is kept of every function whose volume comes from CloudWatch. One of which nothing is kept has an empty history of minutes that ends now.
 *
 * @throws InputError naming the file that is not what was written there.
 */
export async function readKeptHistories(
  config: Config,
  untilMs: EpochMs,
): Promise<ReadonlyMap<FunctionKey, SystemHistory>> {
  const keep = openHistoryKeep(historyFolderOf(config.store));
  const histories = new Map<FunctionKey, SystemHistory>();
  for (const { spec, volume } of config.functions) {
    if (volume.csv !== undefined) continue;
    const folder = keep.folderOf(spec.key);
    const kept = await readLearnable(folder, untilMs);
    histories.set(spec.key, { name: folder, history: kept ?? emptyHistory(untilMs) });
  }
  return histories;
}

function emptyHistory(untilMs: EpochMs): SystemHistory['history'] {
  const fromMs = Math.floor(untilMs / msPerMinute) * msPerMinute;
  const series = { fromMs, stepMs: msPerMinute, values: new Float64Array(0) };
  return { series, sha256: '', rowCount: 0, badRowCount: 0 };
}

/** The days with data that the model wants to have seen end: ten after the first (models/session-event.ts). A test holds the two together. */
const dayCountNeeded = 11;

export interface Readiness {
  /** Local days with data that are over. */
  readonly dayCount: number;
  readonly dayCountNeeded: number;
  /** When a forecast can be had, if data come every day from now on: not before. Null: now. */
  readonly readyAtMs: EpochMs | null;
}

export function readinessOf(series: VolumeSeries, clock: SessionClock, nowMs: EpochMs): Readiness {
  const localDayOf = (atMs: EpochMs): number => Math.floor((atMs + clock.utcOffsetMsAt(atMs)) / msPerDay);
  const today = localDayOf(nowMs);
  const days = new Set<number>();
  for (const [index, value] of series.values.entries()) {
    if (!Number.isNaN(value)) days.add(localDayOf(series.fromMs + index * series.stepMs));
  }
  days.delete(today);
  const dayCount = days.size;
  if (dayCount >= dayCountNeeded) return { dayCount, dayCountNeeded, readyAtMs: null };
  const localMs = (today + dayCountNeeded - dayCount) * msPerDay;
  return { dayCount, dayCountNeeded, readyAtMs: localMs - clock.utcOffsetMsAt(localMs) };
}
