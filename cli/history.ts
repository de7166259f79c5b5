/** What the verbs on a history share: its series, its calendar, its clock. */
import { stat } from 'node:fs/promises';
import { readCalendar } from '../collectors/calendar-file.ts';
import { readLearnable } from '../collectors/kept-history.ts';
import { readVolumeCsv } from '../collectors/volume-csv.ts';
import { InputError } from '../core/errors.ts';
import type { MarketEvent } from '../core/market-event.ts';
import { msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import type { VolumeSeries } from '../core/volume-series.ts';
import { requireForecastable } from '../forecaster/forecaster.ts';

export interface HistoryFiles {
  readonly history: string;
  readonly calendar: string;
  /** Rows at or after it are not read. */
  readonly untilMs: EpochMs;
  /** Bucket length wanted; a multiple of the history's own. */
  readonly stepMs?: number;
  readonly signal: AbortSignal;
}

export async function readHistory(
  files: HistoryFiles,
): Promise<{ series: VolumeSeries; events: readonly MarketEvent[] }> {
  const { events } = await readCalendar(files.calendar, { aroundMs: files.untilMs, signal: files.signal });
  return { series: withStep(await readSeries(files), files), events };
}

/** A file; or the folder in which a function's volume is kept, of which a forecaster would be given the same. */
async function readSeries({ history, untilMs, signal }: HistoryFiles): Promise<VolumeSeries> {
  const isFolder = await stat(history).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) return (await readVolumeCsv(history, { untilMs, signal })).series;
  const kept = await readLearnable(history, untilMs);
  if (kept) return kept.series;
  throw new InputError('history-empty', `${history}: holds no minutes or five minutes that end before the origin`);
}

function withStep(series: VolumeSeries, { stepMs = series.stepMs, history }: HistoryFiles): VolumeSeries {
  const factor = stepMs / series.stepMs;
  if (!Number.isInteger(factor)) {
    throw new InputError(
      'history-step',
      `${history}: its buckets are ${series.stepMs / 1_000} s long; --step must be a multiple of that`,
    );
  }
  requireForecastable(stepMs, history);
  return factor === 1 ? series : coarsen(series, factor);
}

/** Sums buckets; a sum over a missing bucket is missing, because a part is not the whole. The first and last may be cut off. */
function coarsen(series: VolumeSeries, factor: number): VolumeSeries {
  const stepMs = series.stepMs * factor;
  const fromMs = Math.ceil(series.fromMs / stepMs) * stepMs;
  const skipped = (fromMs - series.fromMs) / series.stepMs;
  const length = Math.max(0, Math.floor((series.values.length - skipped) / factor));
  const values = new Float64Array(length);
  for (let bucket = 0; bucket < length; bucket++) {
    let sum = 0;
    for (let part = 0; part < factor; part++) sum += series.values[skipped + bucket * factor + part]!;
    values[bucket] = sum;
  }
  return { fromMs, stepMs, values };
}

const lengthPattern = /^(\d{1,6})(s|m|h)$/;
const msPerUnit: Readonly<Record<string, number>> = { s: 1_000, m: msPerMinute, h: msPerHour };

/** `90s`, `30m`, `24h`. */
export function lengthFlag(flag: string, text: string): number {
  const match = lengthPattern.exec(text);
  const lengthMs = match ? Number(match[1]) * msPerUnit[match[2]!]! : 0;
  if (lengthMs === 0) throw new InputError('usage', `${flag} ${text}: expected a length such as 30m or 24h`);
  return lengthMs;
}

export const levelsDefault = '0.5,0.9,0.95,0.99';

/** Ascending, each inside (0, 1). */
export function levelsFlag(text: string): number[] {
  const levels = text.split(',').map((word) => (word.trim() === '' ? NaN : Number(word)));
  const isAscending = levels.every((level, index) => level > (levels[index - 1] ?? 0) && level < 1);
  if (!isAscending || levels.length > 100) {
    throw new InputError(
      'usage',
      `--levels ${text}: expected ascending numbers between 0 and 1, such as ${levelsDefault}`,
    );
  }
  return levels;
}

export function needed(flag: string, value: string | undefined): string {
  if (value === undefined) throw new InputError('usage', `${flag} is needed`);
  return value;
}
