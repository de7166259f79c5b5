/**
 * From a checked configuration to the options of a system: reads histories and calendars, each file once.
 */
import { calendarVersion, compareEvents, type Calendar } from '../calendar/event.ts';
import { createVenue } from '../calendar/venue.ts';
import { readCalendar } from '../collectors/calendar-file.ts';
import { readVolumeCsv, type VolumeProgress } from '../collectors/volume-csv.ts';
import type { Config } from '../config/load.ts';
import { InputError } from '../core/errors.ts';
import type { MarketEvent } from '../core/market-event.ts';
import { parseFunctionKey, type FunctionKey } from '../core/series-key.ts';
import type { EpochMs } from '../core/time.ts';
import { sliceSeries } from '../core/volume-series.ts';
import { documentedLead } from '../forecaster/event-window.ts';
import { requireForecastable } from '../forecaster/forecaster.ts';
import { readKeptHistories } from './kept-volume.ts';
import { release } from './release.ts';
import type { SystemFunction, SystemHistory, SystemOptions } from './system-options.ts';

export interface ReadOptions {
  /** Rows at or after it are not read. */
  readonly untilMs: EpochMs;
  readonly signal: AbortSignal;
  readonly onProgress?: (file: string, progress: VolumeProgress) => void;
}

/** @throws InputError naming the file, line and fault. */
export async function readSystemOptions(config: Config, read: ReadOptions): Promise<SystemOptions> {
  const place = onePlaceOf(config.functions.map(({ spec }) => spec.key));
  const histories = await readHistories(config, read);
  const kept = await readKeptHistories(config, read.untilMs);
  const functions = config.functions.map(({ spec, volume, symbols }): SystemFunction => {
    const { csv, requestsPerUnit, venue } = volume;
    const history = csv === undefined ? kept.get(spec.key)! : histories.get(csv)!;
    return { spec, symbols, requestsPerUnit, venue: createVenue(venue), history, volumeFrom: history.name };
  });
  const { quantile, importanceMin, keepWhilePaying, horizonMs, readyBeforeMs, preparationMs } = config.planning;
  return {
    title: `${functions.length} functions of ${place.accountId} in ${place.region}`,
    simulated: false,
    release,
    configSha256: config.sha256,
    functions,
    calendar: await readCalendars(config, read),
    limits: config.limits,
    prices: config.prices[place.region]!,
    policy: { quantile, importanceMin, keepWhilePaying },
    lead: { ...documentedLead, prepMs: preparationMs, readyBeforeMs },
    horizonMs,
    seed: config.sha256,
  };
}

/** Histories as they stand in their files now, by path. */
export async function readHistories(
  config: Config,
  { untilMs, signal, onProgress }: ReadOptions,
): Promise<ReadonlyMap<string, SystemHistory>> {
  const histories = new Map<string, SystemHistory>();
  for (const { volume } of config.functions) {
    const { csv } = volume;
    if (csv === undefined || histories.has(csv)) continue;
    const { series, sha256, rowCount, badRows } = await readVolumeCsv(csv, {
      untilMs,
      signal,
      ...(onProgress && { onProgress: (progress) => onProgress(csv, progress) }),
    });
    // A last bucket that is still filling up would be learned as all there was, and never again.
    const ended = sliceSeries(series, series.fromMs, untilMs);
    requireForecastable(series.stepMs, csv);
    histories.set(csv, {
      name: csv,
      history: { series: ended, sha256, rowCount, badRowCount: badRows.count },
    });
  }
  return histories;
}

/** All calendars as one. Two that say the same event keep the first; the same id with other words is a contradiction. */
async function readCalendars(config: Config, { untilMs, signal }: ReadOptions): Promise<Calendar> {
  const known = new Map<string, MarketEvent>();
  const warnings: string[] = [];
  const names: string[] = [];
  for (const { format, path } of config.calendars) {
    const calendar = await readCalendar(path, { aroundMs: untilMs, format, signal });
    names.push(calendar.name);
    warnings.push(...calendar.warnings);
    for (const event of calendar.events) {
      const other = known.get(event.id);
      if (other && (other.startsAtMs !== event.startsAtMs || other.status !== event.status)) {
        throw new InputError(
          'calendar.contradiction',
          `${event.id} stands in ${other.source.calendar} and in ${event.source.calendar} with different times or status: remove one`,
        );
      }
      if (!other) known.set(event.id, event);
    }
  }
  const events = [...known.values()].sort(compareEvents);
  return { name: names.join(', ') || 'bells only', events, version: calendarVersion(events), warnings };
}

/**
 * The call budget, the concurrency and the limits are those of one account and region; another one wants a service of its own.
 *
 * @throws InputError naming two that differ.
 */
export function onePlaceOf(keys: readonly FunctionKey[]): { readonly accountId: string; readonly region: string } {
  const [first, ...others] = keys.map((key) => parseFunctionKey(key)!);
  const stray = others.find(({ accountId, region }) => accountId !== first!.accountId || region !== first!.region);
  if (stray) {
    throw new InputError(
      'config.places',
      `functions lie in ${first!.accountId}/${first!.region} and in ${stray.accountId}/${stray.region}: one service watches one account and region, so give each a configuration of its own`,
    );
  }
  return first!;
}
