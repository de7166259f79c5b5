/**
 * From a checked configuration to the options of a system: reads histories and calendars, each file once.
 */
import type { Calendar } from '../calendar/event.ts';
import { takeCalendars, type SourcedCalendar } from '../calendar/in-force.ts';
import { createVenue } from '../calendar/venue.ts';
import { readCalendar } from '../collectors/calendar-file.ts';
import { readVolumeCsv, type VolumeProgress } from '../collectors/volume-csv.ts';
import type { Config } from '../config/load.ts';
import { InputError } from '../core/errors.ts';
import type { SessionClock } from '../core/session-clock.ts';
import { parseFunctionKey, type FunctionKey } from '../core/series-key.ts';
import type { EpochMs } from '../core/time.ts';
import { sliceSeries } from '../core/volume-series.ts';
import { documentedLead } from '../forecaster/event-window.ts';
import { requireForecastable } from '../forecaster/forecaster.ts';
import { readKeptHistories } from './kept-volume.ts';
import { firstLineOf, type Log } from './log.ts';
import { oncallOptionsOf } from './oncall-from-config.ts';
import { release } from './release.ts';
import type { RemedyOptions } from './remedies/options.ts';
import type { SystemFunction, SystemHistory, SystemOptions } from './system-options.ts';

export interface ReadOptions {
  /** Rows at or after it are not read. */
  readonly untilMs: EpochMs;
  readonly signal: AbortSignal;
  readonly onProgress?: (file: string, progress: VolumeProgress) => void;
}

/**
 * @param calendar what is in force; absent: what the files say, as at a first start.
 * @throws InputError naming the file, line and fault.
 */
export async function readSystemOptions(
  config: Config,
  read: ReadOptions,
  calendar?: Calendar,
): Promise<SystemOptions> {
  const place = onePlaceOf(config.functions.map(({ spec }) => spec.key));
  const histories = await readHistories(config, read);
  const kept = await readKeptHistories(config, read.untilMs);
  const functions = config.functions.map(({ spec, volume, symbols }): SystemFunction => {
    const { csv, requestsPerUnit, venue } = volume;
    const history = csv === undefined ? kept.get(spec.key)! : histories.get(csv)!;
    return { spec, symbols, requestsPerUnit, venue: createVenue(venue), history, volumeFrom: history.name };
  });
  const { horizonMs, readyBeforeMs, preparationMs, ...policy } = config.planning;
  return {
    title: `${functions.length} functions of ${place.accountId} in ${place.region}`,
    simulated: false,
    release,
    configSha256: config.sha256,
    functions,
    calendar: calendar ?? (await readFirstCalendar(config, read)),
    limits: config.limits,
    ...(config.sharedResources.length > 0 && { sharedResources: config.sharedResources }),
    prices: config.prices[place.region]!,
    policy,
    lead: { ...documentedLead, prepMs: preparationMs, readyBeforeMs },
    horizonMs,
    watch: {
      budget: { incidentsPerFunctionMonth: config.detection.incidentsPerFunctionMonth },
      keysMax: config.detection.keysMax,
      signals: Object.fromEntries(config.signals.map(({ name, aggregation }) => [name, aggregation])),
      maintenance: config.maintenance,
      demandSenders: (config.telemetry.otlp?.senders ?? []).flatMap(({ name, countsDemand }) =>
        countsDemand ? [name] : [],
      ),
    },
    ...(config.oncall && { oncall: oncallOptionsOf(config, config.oncall, `${place.accountId}/${place.region}`) }),
    remedies: remedyOptionsOf(config),
    ...prewarmApprovalsOf(config),
    // Not the configuration's hash: a limit that is edited would move every booking by some minutes, and each move is two calls.
    seed: `${place.accountId}/${place.region}`,
  };
}

/** Of the functions whose pre-warms wait for a yes; absent where none do. */
function prewarmApprovalsOf({ remedies: { approvals } }: Config): Pick<SystemOptions, 'prewarmApprovals'> {
  const asked = Object.entries(approvals).filter(([, { isPrewarmAsked }]) => isPrewarmAsked);
  if (asked.length === 0) return {};
  return { prewarmApprovals: Object.fromEntries(asked.map(([key, { onNoAnswer }]) => [key, { onNoAnswer }])) };
}

/** Without breakers and playbooks there is nothing to be done; brake and holds are there all the same. */
function remedyOptionsOf({ remedies, breakers, playbooks }: Config): RemedyOptions {
  const { limits, brake, modes, neverBreak, approvalMs } = remedies;
  const approvals = Object.fromEntries(
    Object.entries(remedies.approvals).map(([key, { remedies: kinds }]) => [key, kinds]),
  );
  return {
    playbooks,
    approvals,
    approvalMs,
    breakers: breakers?.specs ?? [],
    guards: breakers?.guards ?? noGuards,
    limits,
    brake,
    modes,
    neverBreak,
  };
}

/** Of no breaker. */
const noGuards = { openRatioMax: 0, panicRatioMin: 0 };

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

async function readFirstCalendar(config: Config, read: ReadOptions): Promise<Calendar> {
  const moment = { nowMs: read.untilMs, clock: sessionClockOf(config) };
  return takeCalendars(undefined, await readCalendarFiles(config, read), moment).calendar;
}

/** In the hours and holidays of the first function's venue an event is usual or not. */
export function sessionClockOf({ functions }: Config): SessionClock {
  return createVenue(functions[0]!.volume.venue);
}

/** What each file of the configuration says, by its path. Feeds are followed by the service, and are not asked here. */
export async function readCalendarFiles(
  { calendars }: Pick<Config, 'calendars'>,
  { untilMs, signal }: ReadOptions,
): Promise<SourcedCalendar[]> {
  const given: SourcedCalendar[] = [];
  for (const { format, path } of calendars) {
    given.push({ source: path, calendar: await readCalendar(path, { aroundMs: untilMs, format, signal }) });
  }
  return given;
}

export interface KnownCalendars extends ReadOptions {
  /** Sources of which the store has what they said last. */
  readonly known: ReadonlySet<string>;
  readonly log: Log;
}

/**
 * The same for a service that may have run before: a faulty file leaves what it said last in force, and keeps nobody from starting.
 *
 * @throws InputError where nothing is known of it: then nobody would know what is missing.
 */
export async function readReadableCalendars(
  { calendars }: Pick<Config, 'calendars'>,
  { known, log, ...read }: KnownCalendars,
): Promise<SourcedCalendar[]> {
  const given: SourcedCalendar[] = [];
  for (const calendar of calendars) {
    try {
      given.push(...(await readCalendarFiles({ calendars: [calendar] }, read)));
    } catch (error) {
      if (!(error instanceof InputError) || !known.has(calendar.path)) throw error;
      const consequence = 'it starts with what that calendar said last';
      log.warn('calendar.unread', { source: calendar.path, because: firstLineOf(error.message), consequence });
    }
  }
  return given;
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
