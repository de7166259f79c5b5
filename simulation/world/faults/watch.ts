/** Plays a scenario, or a quiet month, before the detectors, and says what they said and when. */
import type { Finding } from '../../../core/finding.ts';
import type { MarketEvent } from '../../../core/market-event.ts';
import { msPerHour, msPerMinute, msPerSecond, type EpochMs } from '../../../core/time.ts';
import type { WindowKey } from '../../../core/window.ts';
import { createDetection, type DetectionContext, type DetectionOptions } from '../../../detector/detection.ts';
import type { ExpectedRate } from '../../../detector/moment.ts';
import { forecastRate, meanRate, type WorldEvent } from './demand.ts';
import { createFaultFunction, type FaultFunctionOptions } from './fault-function.ts';
import type { FaultScenario, QuietMonth } from './scenarios.ts';

export interface FaultSeen {
  /** End of the first harmed request to the first finding of trouble; undefined: never, in four minutes. */
  readonly delayMs: number | undefined;
  readonly detectors: readonly string[];
  readonly isOriginRight: boolean;
  /** Trouble was found before there was any. */
  readonly isFalse: boolean;
  /** Requests a second when the fault began. */
  readonly requestsPerSecond: number;
}

/** What is seen, ten seconds on, is what names the origin: the callee's edge where that is in trouble, else the function's own. */
const originAfterMs = 10 * msPerSecond;

export function watchFault({ options, startsAtMs, endsAtMs, hasForecast, kind }: FaultScenario): FaultSeen {
  const world = createFaultFunction(options);
  const detection = createDetection();
  const context = contextOf(options, world.key, hasForecast);
  let foundAtMs: EpochMs | undefined;
  let isFalse = false;
  let troubled: readonly Finding[] = [];
  for (let nowMs = startsAtMs + msPerSecond; nowMs < endsAtMs; nowMs += msPerSecond) {
    const trouble = detection
      .tick(nowMs, world.tick(nowMs), context(nowMs))
      .filter(({ weight }) => weight === 'trouble');
    if (trouble.length === 0) continue;
    if (world.firstBadAtMs === undefined) {
      isFalse = true;
      continue;
    }
    foundAtMs ??= nowMs;
    if (nowMs <= foundAtMs + originAfterMs) troubled = trouble;
  }
  const keys = new Set(troubled.map(({ key }) => key));
  const callee = world.calleeEdges.find((edge) => keys.has(edge));
  return {
    delayMs: foundAtMs === undefined || world.firstBadAtMs === undefined ? undefined : foundAtMs - world.firstBadAtMs,
    detectors: [...new Set(troubled.map(({ detector }) => detector))],
    isOriginRight: kind.startsWith('partial')
      ? callee === world.calleeEdges[0] && world.calleeEdges.slice(1).every((edge) => !keys.has(edge))
      : callee === undefined && keys.size > 0,
    isFalse,
    requestsPerSecond: meanRate(options, options.fault?.fromMs ?? startsAtMs),
  };
}

export interface FalseAlarm {
  readonly atMs: EpochMs;
  readonly isInsideEvent: boolean;
  readonly because: string;
}

/** What would be one incident: trouble in a function that had none for ten minutes. */
const episodeGapMs = 10 * msPerMinute;

export function watchQuiet(
  month: QuietMonth,
  { options, hasForecast }: { readonly options: FaultFunctionOptions; readonly hasForecast: boolean },
  detectionOptions: DetectionOptions = {},
): { readonly alarms: readonly FalseAlarm[]; readonly noticeCount: number } {
  const world = createFaultFunction(options);
  const detection = createDetection(detectionOptions);
  const context = contextOf(options, world.key, hasForecast);
  const alarms: FalseAlarm[] = [];
  let troubledAtMs = -Infinity;
  let noticedAtMs = -Infinity;
  let noticeCount = 0;
  for (let nowMs = month.startsAtMs + msPerSecond; nowMs <= month.endsAtMs; nowMs += msPerSecond) {
    const findings = detection.tick(nowMs, world.tick(nowMs), context(nowMs));
    const trouble = findings.find(({ weight }) => weight === 'trouble');
    if (trouble) {
      if (nowMs - troubledAtMs > episodeGapMs)
        alarms.push({
          atMs: nowMs,
          isInsideEvent: month.events.some((event) => isNear(event, nowMs)),
          because: `${trouble.detector} ${trouble.key}: ${trouble.because}`,
        });
      troubledAtMs = nowMs;
    }
    if (findings.length > 0) {
      if (!trouble && nowMs - noticedAtMs > episodeGapMs) noticeCount++;
      noticedAtMs = nowMs;
    }
  }
  return { alarms, noticeCount };
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

function marketEvent({ startsAtMs }: WorldEvent): MarketEvent {
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
