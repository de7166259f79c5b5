/**
 * A demo's world: the packaged market or the user's own volume, the demo fleet, and the production system composed on it.
 */
import { trace } from '@opentelemetry/api';
import { calendarVersion, type Calendar } from '../../calendar/event.ts';
import { createVenue } from '../../calendar/venue.ts';
import { readCalendar } from '../../collectors/calendar-file.ts';
import { readVolumeCsv } from '../../collectors/volume-csv.ts';
import { pricesUsEast1 } from '../../config/schema.ts';
import { InputError } from '../../core/errors.ts';
import type { AuditEvent } from '../../core/audit.ts';
import type { Store } from '../../core/ports.ts';
import { createRandom } from '../../core/random.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { formatInstant, msPerDay, type Clock, type EpochMs } from '../../core/time.ts';
import { endOf, sliceSeries, type VolumeSeries } from '../../core/volume-series.ts';
import { documentedLead } from '../../forecaster/event-window.ts';
import { requireForecastable } from '../../forecaster/forecaster.ts';
import { createAwsPorts } from '../../service/aws-ports.ts';
import { createBreakerBoard, type BreakerBoard } from '../../service/breaker-board.ts';
import { compose } from '../../service/compose.ts';
import type { Log } from '../../service/log.ts';
import { createMessenger, type Messenger } from '../../service/messenger.ts';
import { release } from '../../service/release.ts';
import type { System } from '../../service/system.ts';
import type { SystemHistory, SystemOptions, SystemPorts } from '../../service/system-options.ts';
import { listenToAudit } from './audit-ear.ts';
import { demoOncall, demoTargets } from './demo-oncall.ts';
import { admitRatioOf, createBreakerTable, createDemoRemedyCaller, demoRemedies } from './demo-remedies.ts';
import type { WorldPorts } from './drive.ts';
import { demoFleet, edgeRequestsPerUnit } from './fleet.ts';
import { drawMarket, type SimulatedDay } from './market.ts';
import { listenPager, type Pager } from './pager.ts';
import { secondAct } from './second-act.ts';
import type { TraceOptions } from './traces.ts';
import { createWorld, warmUpMs, type SpanPorts, type World, type WorldOptions } from './world.ts';

export type DemoSource =
  /** `fromMs`: an earlier start than its own. */
  | { readonly kind: 'simulated'; readonly day: SimulatedDay; readonly fromMs?: EpochMs }
  | {
      readonly kind: 'history';
      readonly history: string;
      readonly calendar: string;
      readonly venue: string;
      readonly fromMs: EpochMs;
      readonly untilMs?: EpochMs;
    };

export interface Demo {
  readonly world: World;
  /** What has gone on record, as it came. */
  readonly audit: readonly AuditEvent[];
  /** Whom its on-call is told by. */
  readonly pager: Pick<Pager, 'alerts'>;
  readonly title: string;
  readonly fromMs: EpochMs;
  readonly untilMs: EpochMs;
  readonly functionKeys: readonly FunctionKey[];
  readonly traces?: TraceOptions;
}

/** What a demo is played with, before anybody plays it. */
export interface DemoCast extends Pick<
  WorldOptions,
  'functions' | 'events' | 'fromMs' | 'untilMs' | 'seed' | 'traces'
> {
  readonly systemOptions: SystemOptions;
}

interface DemoDay {
  readonly title: string;
  readonly volume: VolumeSeries;
  readonly history: SystemHistory;
  readonly calendar: Calendar;
  readonly venue: string;
  readonly fromMs: EpochMs;
  readonly untilMs: EpochMs;
  readonly edgeRequestsPerUnit: number;
  /** Of a simulated day: what its second act follows. A recorded day has none, and brings no spans. */
  readonly releaseAtMs?: EpochMs;
}

export interface DemoOptions {
  readonly source: DemoSource;
  readonly seed: string;
  /** How often each environment sends its spans. */
  readonly exportMs?: number;
  readonly store: Store;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** As a configuration has it by default. */
const demoPolicy = { quantile: 0.95, importanceMin: 2, keepWhilePaying: true } as const;
const demoHorizonMs = msPerDay;

/** @throws InputError when the files or the span cannot be used. */
export async function createDemoWorld({ store: kept, log, ...options }: DemoOptions): Promise<Demo> {
  const { systemOptions: quiet, ...cast } = await castDemo(options);
  const keys = cast.functions.map(({ twin }) => twin.key);
  const systemOptions: SystemOptions = { ...quiet, oncall: demoOncall(keys), remedies: demoRemedies(keys) };
  const audit: AuditEvent[] = [];
  const store = listenToAudit(kept, audit);
  const known: { clock?: Clock; board?: BreakerBoard } = {};
  const pager = await listenPager({ nowMs: () => known.clock?.nowMs() ?? cast.fromMs });
  const creating = createWorld({
    ...cast,
    admitRatioOf: (key) => admitRatioOf(key, known.board),
    async compose(ports) {
      known.clock = ports.clock;
      const carrier = createMessenger({ targets: demoTargets(pager.url), clock: ports.clock });
      const messenger: Messenger = {
        deliver: (delivery, signal) => ports.whileInFlight(() => carrier.deliver(delivery, signal)),
      };
      await createBreakerTable(ports);
      known.board = createBreakerBoard(ports.clock);
      const remedies = createDemoRemedyCaller(ports, systemOptions, known.board);
      return composeOn(ports, systemOptions, { store, log, messenger, remedies });
    },
  });
  const world = await creating.catch(async (error: unknown) => {
    await pager.close();
    throw error;
  });
  return {
    world: {
      ...world,
      async close() {
        await world.close();
        await pager.close();
      },
    },
    audit,
    pager,
    title: systemOptions.title,
    fromMs: cast.fromMs,
    untilMs: cast.untilMs,
    functionKeys: cast.functions.map(({ twin }) => twin.key),
    ...(cast.traces && { traces: cast.traces }),
  };
}

/** @throws InputError when the files or the span cannot be used. */
export async function castDemo({
  source,
  seed,
  exportMs,
  signal,
}: Pick<DemoOptions, 'source' | 'seed' | 'exportMs' | 'signal'>): Promise<DemoCast> {
  const day = source.kind === 'simulated' ? simulatedDay(source, seed) : await recordedDay(source, signal);
  const venue = createVenue(day.venue);
  const functions = demoFleet.map(({ spec, requestsPerEdgeRequest }) => ({
    spec,
    requestsPerUnit: requestsPerEdgeRequest * day.edgeRequestsPerUnit,
  }));
  const systemOptions: SystemOptions = {
    title: day.title,
    simulated: true,
    release,
    // Of what a configuration file would have said; the demo has none.
    configSha256: 'demo',
    functions: functions.map((one) => ({ ...one, symbols: [], venue, history: day.history, volumeFrom: one.spec.key })),
    calendar: day.calendar,
    limits: { concurrencyMax: 900, usdPerHourMax: 25, usdPerEventMax: 25 },
    prices: pricesUsEast1,
    policy: demoPolicy,
    lead: documentedLead,
    horizonMs: demoHorizonMs,
    seed,
  };
  return {
    systemOptions,
    functions: functions.map(({ spec, requestsPerUnit }) => ({
      twin: { ...spec, version: '1' },
      volume: day.volume,
      requestsPerUnit,
    })),
    events: [...day.calendar.events, ...venue.sessionEvents(day.fromMs, day.untilMs)].filter(
      (event) => event.importance >= demoPolicy.importanceMin,
    ),
    fromMs: day.fromMs,
    untilMs: day.untilMs,
    seed,
    ...(day.releaseAtMs !== undefined && { traces: secondAct(day.releaseAtMs, exportMs) }),
  };
}

/** The production system on a world's ports. */
export function composeOn(
  { clock, doorsOf, sealSpans }: WorldPorts & SpanPorts,
  options: SystemOptions,
  { store, log, messenger, remedies }: Pick<SystemPorts, 'store' | 'log' | 'messenger' | 'remedies'>,
): Promise<System> {
  const { signal } = new AbortController();
  const specs = options.functions.map(({ spec }) => spec);
  return compose(options, {
    clock,
    store,
    log,
    tracer: trace.getTracer('foreshock'),
    ...createAwsPorts({ doorsOf, clock, specs, signal }),
    ...(sealSpans && { sealSpans }),
    ...(messenger && { messenger }),
    ...(remedies && { remedies }),
  });
}

function simulatedDay({ day: kind, ...asked }: Extract<DemoSource, { kind: 'simulated' }>, seed: string): DemoDay {
  const { series, events, untilMs, ...market } = drawMarket(kind, createRandom(`market ${seed}`));
  const fromMs = asked.fromMs ?? market.fromMs;
  const calendar: Calendar = { name: 'simulated', events, version: calendarVersion(events), warnings: [] };
  return {
    title: `a simulated ${kind} morning, ${formatInstant(fromMs)} to ${formatInstant(untilMs)}`,
    volume: series,
    history: historyBefore('simulated', series, {
      fromMs,
      sha256: `seed ${seed}`,
      rowCount: series.values.length,
      badRowCount: 0,
    }),
    calendar,
    venue: 'XNYS',
    fromMs,
    untilMs,
    releaseAtMs: market.releaseAtMs,
    // The market is drawn at the edge of a site three times as busy as the fleet's default account would bear.
    edgeRequestsPerUnit: 1.5,
  };
}

async function recordedDay(source: Extract<DemoSource, { kind: 'history' }>, signal: AbortSignal): Promise<DemoDay> {
  const { fromMs } = source;
  const calendar = await readCalendar(source.calendar, { aroundMs: fromMs, signal });
  const untilMs = source.untilMs ?? fromMs + msPerDay;
  const read = await readVolumeCsv(source.history, { untilMs, signal });
  const { series } = read;
  requireForecastable(series.stepMs, source.history);
  if (fromMs <= series.fromMs || fromMs >= endOf(series)) {
    throw new InputError(
      'demo.span',
      `${source.history} covers ${formatInstant(series.fromMs)} to ${formatInstant(endOf(series))}: --from ${formatInstant(fromMs)} must lie inside it, with history before it`,
    );
  }
  const endMs = Math.min(untilMs, endOf(series));
  return {
    title: `${source.history}, ${formatInstant(fromMs)} to ${formatInstant(endMs)}: real volume, simulated Lambda`,
    volume: series,
    history: historyBefore(source.history, series, {
      fromMs,
      sha256: read.sha256,
      rowCount: read.rowCount,
      badRowCount: read.badRows.count,
    }),
    calendar,
    venue: source.venue,
    fromMs,
    untilMs: endMs,
    edgeRequestsPerUnit: edgeRequestsPerUnit(series, fromMs),
  };
}

/** What is known when the day begins, the world's warm-up not included: not one row of what is to come. */
function historyBefore(
  name: string,
  series: VolumeSeries,
  { fromMs, ...about }: { fromMs: EpochMs; sha256: string; rowCount: number; badRowCount: number },
): SystemHistory {
  return { name, history: { series: sliceSeries(series, series.fromMs, fromMs - warmUpMs), ...about } };
}
