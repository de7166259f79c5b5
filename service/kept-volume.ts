/** Functions whose demand CloudWatch counts: what has been kept of it is their history, and may be nothing yet. */
import path from 'node:path';
import { openHistoryKeep, readLearnable, type HistoryKeep } from '../collectors/kept-history.ts';
import type { Config } from '../config/load.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerMinute, type EpochMs } from '../core/time.ts';
import type { SystemHistory } from './system-options.ts';

/** Beside the store: what is worth keeping lies in one folder. */
export function historyKeepOf(config: Config): HistoryKeep {
  return openHistoryKeep(path.join(path.dirname(config.store), 'history'));
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
  const keep = historyKeepOf(config);
  const histories = new Map<FunctionKey, SystemHistory>();
  for (const { spec, volume } of config.functions) {
    if (volume.csv !== undefined) continue;
    const kept = await readLearnable(keep, spec.key, untilMs);
    histories.set(spec.key, { name: keep.folderOf(spec.key), history: kept ?? emptyHistory(untilMs) });
  }
  return histories;
}

function emptyHistory(untilMs: EpochMs): SystemHistory['history'] {
  const fromMs = Math.floor(untilMs / msPerMinute) * msPerMinute;
  const series = { fromMs, stepMs: msPerMinute, values: new Float64Array(0) };
  return { series, sha256: '', rowCount: 0, badRowCount: 0 };
}
