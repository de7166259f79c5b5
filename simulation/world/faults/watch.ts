/** Plays a scenario, or a quiet month, before the detectors, and says what they said and when. */
import type { Incident, IncidentChange } from '../../../core/incident.ts';
import type { MarketEvent } from '../../../core/market-event.ts';
import { msPerHour, msPerMinute, msPerSecond, type EpochMs } from '../../../core/time.ts';
import type { WindowDelta, WindowKey } from '../../../core/window.ts';
import { createCorrelator } from '../../../detector/correlator.ts';
import { createDetection, type DetectionContext, type DetectionOptions } from '../../../detector/detection.ts';
import type { Scene } from '../../../detector/episode.ts';
import type { ExpectedRate } from '../../../detector/moment.ts';
import { forecastRate, meanRate, type WorldEvent } from './demand.ts';
import {
  createFaultFunction,
  type FaultFunction,
  type FaultFunctionOptions,
  type FaultKind,
} from './fault-function.ts';
import type { FaultScenario, QuietMonth } from './scenarios.ts';

export interface FaultSeen {
  /** End of the first harmed request to the incident; undefined: never, in four minutes. */
  readonly delayMs: number | undefined;
  /** The same to the first finding of trouble. */
  readonly findingDelayMs: number | undefined;
  readonly detectors: readonly string[];
  /** Where the incident was told to begin, when it was opened and at last. */
  readonly originAtFirst: string | undefined;
  readonly origin: string | undefined;
  readonly isOriginRightAtFirst: boolean;
  readonly isOriginRight: boolean;
  /** Opened since the first harmed request: one is right. */
  readonly incidentCount: number;
  /** Opened before there was any trouble. */
  readonly falseCount: number;
  /** Requests a second when the fault began, at the key where harm is greatest, and the share of them that is harmed. */
  readonly requestsPerSecond: number;
  readonly harmedRatio: number;
}

export function watchFault(scenario: FaultScenario): FaultSeen {
  const { options, startsAtMs, endsAtMs, hasForecast, kind } = scenario;
  const world = createFaultFunction(options);
  const watch = createWatch();
  const context = contextOf(options, world.key, hasForecast);
  let findingAtMs: EpochMs | undefined;
  const opened: Incident[] = [];
  let falseCount = 0;
  for (let nowMs = startsAtMs + msPerSecond; nowMs < endsAtMs; nowMs += msPerSecond) {
    const { changes, findings } = watch.look(nowMs, world.tick(nowMs), context(nowMs));
    const incidents = openedOf(changes);
    if (world.firstBadAtMs === undefined) {
      falseCount += incidents.length;
      continue;
    }
    opened.push(...incidents);
    if (findings.some(({ weight }) => weight === 'trouble')) findingAtMs ??= nowMs;
  }
  const [first] = opened;
  const last = watch.incidents.find(({ id }) => id === first?.id) ?? first;
  const beginsAt = originOf(kind, world);
  const { harmedRatio, passingRatio } = world.harm();
  const since = (atMs: EpochMs | undefined): number | undefined =>
    atMs === undefined || world.firstBadAtMs === undefined ? undefined : atMs - world.firstBadAtMs;
  return {
    delayMs: since(first?.openedAtMs),
    findingDelayMs: since(findingAtMs),
    detectors: [...new Set(first?.findings.map(({ detector }) => detector))],
    originAtFirst: first?.origin,
    origin: last?.origin,
    isOriginRightAtFirst: first?.origin === beginsAt,
    isOriginRight: last?.origin === beginsAt,
    incidentCount: opened.length,
    falseCount,
    requestsPerSecond: passingRatio * meanRate(options, options.faults?.[0]?.fromMs ?? startsAtMs),
    harmedRatio,
  };
}

/** How many incidents came of two episodes, and how many episodes had one that begins where they do. */
export interface EpisodesSeen {
  readonly incidentCount: number;
  readonly episodesNamed: number;
  readonly origins: readonly string[];
}

/** Two functions at once, or one whose fault comes back. */
export function watchEpisodes(scenarios: readonly FaultScenario[]): EpisodesSeen {
  const parts = scenarios.map((scenario) => {
    const world = createFaultFunction(scenario.options);
    return { world, scenario, contextAt: contextOf(scenario.options, world.key, scenario.hasForecast) };
  });
  const watch = createWatch();
  const incidents = new Map<string, Incident>();
  const startsAtMs = Math.min(...scenarios.map((scenario) => scenario.startsAtMs));
  const endsAtMs = Math.max(...scenarios.map((scenario) => scenario.endsAtMs));
  for (let nowMs = startsAtMs + msPerSecond; nowMs < endsAtMs; nowMs += msPerSecond) {
    const deltas = parts.flatMap(({ world }) => world.tick(nowMs));
    const contexts = parts.map(({ world, contextAt }) => ({ key: world.key, context: contextAt(nowMs) }));
    const { changes } = watch.look(nowMs, deltas, {
      expectedOf: (key, atMs) => contexts.find((each) => each.key === key)?.context.expectedOf?.(key, atMs),
      eventsOf: (key) => contexts.find((each) => key.includes(each.key))?.context.eventsOf?.(key) ?? [],
    });
    for (const change of changes) if (change.kind !== 'notice') incidents.set(change.incident.id, change.incident);
  }
  const origins = [...incidents.values()].map(({ origin }) => origin);
  const wanted: WindowKey[] = parts.flatMap(({ world, scenario: { options } }) =>
    (options.faults ?? []).map(({ kind }) => originOf(kind, world)),
  );
  const left = [...origins];
  const named = wanted.filter((key) => {
    const at = left.indexOf(key);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
  return { incidentCount: incidents.size, episodesNamed: named.length, origins };
}

/** Throttled calls never arrive: the edge is where they end. */
function originOf(kind: FaultKind, { key, callerEdge, calleeEdges }: FaultFunction): WindowKey {
  if (kind === 'throttles') return callerEdge;
  return kind.startsWith('partial') ? calleeEdges[0]! : key;
}

/** Detectors and correlator together, as the service has them. */
function createWatch(options: DetectionOptions = {}) {
  const detection = createDetection(options);
  const correlator = createCorrelator();
  return {
    get incidents(): readonly Incident[] {
      return correlator.incidents;
    },
    look(nowMs: EpochMs, deltas: readonly WindowDelta[], context: DetectionContext) {
      const findings = detection.tick(nowMs, deltas, context);
      const events = context.eventsOf?.(anyKey) ?? [];
      return { findings, changes: correlator.tick(nowMs, { ...emptyScene, findings, deltas, events }) };
    },
  };
}

const anyKey: WindowKey = 'signal:any/any';
const emptyScene: Scene = {
  findings: [],
  deltas: [],
  maintenance: [],
  actionsTaken: [],
  events: [],
  acknowledgements: [],
};

function openedOf(changes: readonly IncidentChange[]): readonly Incident[] {
  return changes.flatMap((change) => (change.kind === 'opened' ? [change.incident] : []));
}

export interface FalseIncident {
  readonly atMs: EpochMs;
  readonly isInsideEvent: boolean;
  readonly because: string;
}

export interface QuietWatch {
  /** Plays on, and answers what was told meanwhile. */
  playUntil(untilMs: EpochMs): { readonly incidents: readonly FalseIncident[]; readonly noticeCount: number };
}

export function createQuietWatch(
  month: QuietMonth,
  { options, hasForecast }: { readonly options: FaultFunctionOptions; readonly hasForecast: boolean },
): QuietWatch {
  const world = createFaultFunction(options);
  const watch = createWatch();
  const context = contextOf(options, world.key, hasForecast);
  let nowMs = month.startsAtMs;
  return {
    playUntil(untilMs) {
      const incidents: FalseIncident[] = [];
      let noticeCount = 0;
      while (nowMs < untilMs) {
        nowMs += msPerSecond;
        const { changes } = watch.look(nowMs, world.tick(nowMs), context(nowMs));
        for (const { kind } of changes) if (kind === 'notice') noticeCount++;
        for (const { openedAtMs: atMs, findings } of openedOf(changes))
          incidents.push({
            atMs,
            isInsideEvent: month.events.some((event) => isNear(event, atMs)),
            because: findings.map(({ detector, key, because }) => `${detector} ${key}: ${because}`).join('; '),
          });
      }
      return { incidents, noticeCount };
    },
  };
}

function isNear({ startsAtMs }: WorldEvent, atMs: EpochMs): boolean {
  return atMs >= startsAtMs - msPerHour / 2 && atMs <= startsAtMs + msPerHour;
}

const forecastsMax = 1_000;

/** What the service would know: the forecast of the function, and the events in its calendar. */
function contextOf(
  options: FaultFunctionOptions,
  key: WindowKey,
  hasForecast: boolean,
): (nowMs: EpochMs) => DetectionContext {
  let minute = -1;
  let events: readonly MarketEvent[] = [];
  const forecasts = new Map<number, ExpectedRate>();
  const expectedAt = (atMs: EpochMs): ExpectedRate => {
    const asked = Math.floor(atMs / msPerMinute);
    const known = forecasts.get(asked) ?? forecastRate(options, asked * msPerMinute);
    forecasts.set(asked, known);
    return known;
  };
  const context: DetectionContext = {
    ...(hasForecast ? { expectedOf: (asked, atMs) => (asked === key ? expectedAt(atMs) : undefined) } : {}),
    eventsOf: () => events,
  };
  return (nowMs) => {
    const now = Math.floor(nowMs / msPerMinute);
    if (now !== minute) {
      minute = now;
      events = options.events.filter((event) => event.isForetold && isNear(event, nowMs)).map(marketEvent);
      if (forecasts.size > forecastsMax) forecasts.clear();
    }
    return context;
  };
}

export function marketEvent({ startsAtMs }: WorldEvent): MarketEvent {
  return {
    id: `release@${String(startsAtMs)}`,
    kind: 'release',
    title: 'release',
    startsAtMs,
    precision: 'minute',
    importance: 3,
    symbols: [],
    status: 'scheduled',
    source: { calendar: 'world', says: '' },
  };
}
