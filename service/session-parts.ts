/**
 * All that a session is made of, read and checked before anything is touched: an edited configuration that cannot work is refused while the one before goes
 * on, and the hand-over itself takes no longer than a tick or two.
 */
import { createAwsDoors } from '../actuators/aws-doors.ts';
import { resolveEndpointUrl } from '../actuators/endpoint.ts';
import { calendarVersion, type Calendar } from '../calendar/event.ts';
import type { SourcedCalendar } from '../calendar/in-force.ts';
import type { Config } from '../config/load.ts';
import type { Store } from '../core/ports.ts';
import { openAnchorSinks } from './anchor-places.ts';
import type { AnchorSink } from './anchor-sink.ts';
import { createAwsPorts, type AwsPorts } from './aws-ports.ts';
import { knownSources } from './calendar-desk.ts';
import { openCloudwatchVolume, type WaitingVolume } from './cloudwatch-volume.ts';
import { requireEnforcement } from './enforcement.ts';
import { onePlaceOf, readReadableCalendars, readSystemOptions } from './from-config.ts';
import type { Log } from './log.ts';
import { realClock, realTimers } from './real-time.ts';
import type { SystemOptions } from './system-options.ts';

export interface SessionPorts {
  readonly store: Store;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Prints checkpoints, where the configuration asks for it. */
  readonly out: (text: string) => void;
}

export interface SessionParts {
  readonly config: Config;
  /** What the calendar files say. One that could not be read is left out: what it said last is in the store. */
  readonly given: readonly SourcedCalendar[];
  /** Without calendar: what is in force is known when the session starts. */
  readonly options: Omit<SystemOptions, 'calendar'>;
  readonly aws: AwsPorts;
  readonly sinks: readonly AnchorSink[];
  /** Opens what CloudWatch counts, or answers with what was opened already. */
  readonly openVolume: () => Promise<WaitingVolume | undefined>;
}

const noCalendar: Calendar = { name: '', events: [], version: calendarVersion([]), warnings: [] };

/**
 * Reads and checks; changes nothing but what CloudWatch counts, which is brought up to date first unless another session is doing so.
 *
 * @throws InputError when files, feeds or the other end cannot be used as the configuration says. WorldError when another session is at work, and the
 * other end does not answer.
 */
export async function prepareSession(
  config: Config,
  { store, env, log, signal, out }: SessionPorts,
  { isBeside }: { readonly isBeside: boolean },
): Promise<SessionParts> {
  const read = { untilMs: realClock.nowMs(), signal };
  const { accountId, region } = onePlaceOf(config.functions.map(({ spec }) => spec.key));
  const given = await readReadableCalendars(config, { ...read, known: await knownSources(store), log });
  const openVolume = () => openCloudwatchVolume(config, { env, clock: realClock, timers: realTimers, log }, signal);
  // Two that write the same files would write each minute twice.
  const volume = isBeside ? undefined : await openVolume();
  const options = await readSystemOptions(config, read, noCalendar);
  const doors = createAwsDoors({
    accountId,
    region,
    endpointUrlOf: (service) => resolveEndpointUrl(config.aws.endpoint, env, service),
    clock: realClock,
    timers: realTimers,
    callsPerSecond: config.limits.controlPlaneCallsPerSecond,
  });
  const specs = options.functions.map(({ spec }) => spec);
  const { scheduler } = config.aws;
  const aws = createAwsPorts({
    doorsOf: () => doors,
    clock: realClock,
    specs,
    ...scheduler,
    signal,
    breakers: config.breakers?.specs ?? [],
  });
  // The session before knows the account's limits. One that cannot read them would ask for nothing, and extend nothing that is booked, until it can.
  if (isBeside && specs.some(({ mode }) => mode === 'enforce')) await aws.readAccountLimits();
  await requireEnforcement(specs, { door: doors.lambda, ports: aws, scheduler, log, signal });
  const sinks = await openAnchorSinks(config.audit.anchors, { clock: realClock, region, out });
  return { config, given, options, aws, sinks, openVolume: async () => volume ?? openVolume() };
}
