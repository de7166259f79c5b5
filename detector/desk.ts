/** One key's desk: its live seconds, what is usual for it, its detectors, and the minutes that wait to be learned. */
import type { Finding } from '../core/finding.ts';
import type { Json } from '../core/json.ts';
import { msPerDay, msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import type { WindowDelta } from '../core/window.ts';
import { createDelay } from './delay.ts';
import type { DetectionContext } from './detection.ts';
import { kindOf, nothingFound, type DetectorOptions } from './detector.ts';
import { detectors } from './index.ts';
import {
  addDurations,
  clearMinute,
  createLearningMinute,
  spansOfRequest,
  type LearningMinute,
} from './learning-minute.ts';
import { createLiveRing, type LiveRing } from './live-windows.ts';
import type { Arrived, Moment } from './moment.ts';
import { createUsualRate } from './usual-rate.ts';
import { createUsualShape } from './usual-shape.ts';

/** A quarter of the threshold: what is only half believed is not learned either. */
const doubtMax = 0.25;
/** A doubt that lasts longer is how things are now. */
const adoptAfterMs = msPerDay;
/** What is silent for longer is not judged second by second when it comes back. */
const settleSecondsMax = 60;
const coldKeptPerSecond = 0.9;
const msPerBlock = 10 * msPerSecond;
const noActions: Moment['ownActions'] = [];
const noEvents: Moment['events'] = [];

export interface Desk {
  /** False where the delta is older than the live seconds. */
  receive(delta: WindowDelta): boolean;
  /** Requests that arrived since the last tick and met a cold start. */
  readonly coldArrivedCount: number;
  /** `calleeColdCount`: the same, of the function at the end of this edge. */
  judge(nowMs: EpochMs, context: DetectionContext, calleeColdCount: number): readonly Finding[];
  readonly live: LiveRing;
  snapshot(): Json;
}

interface Turned {
  readonly ended: LearningMinute;
  readonly isRateClean: boolean;
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

interface Kept {
  readonly live: Json;
  readonly delay: Json;
  readonly rate: Json;
  readonly shape: Json;
  readonly detectors: Readonly<Record<string, Json>>;
  readonly settledUntilMs: EpochMs;
  readonly spanRatio: number;
  readonly coldLeftCount: number;
  /** By detector; a snapshot of an earlier release has none. */
  readonly doubtedSince?: Readonly<Record<string, EpochMs>>;
  readonly minutes: readonly [Json, Json];
}

export function createDesk(options: DetectorOptions, snapshot?: Json): Desk {
  const { key } = options;
  const kept = snapshot as unknown as Kept | undefined;
  const live = createLiveRing(kept?.live);
  const delay = createDelay(kept?.delay);
  const usualRate = createUsualRate(kept?.rate);
  const usualShape = createUsualShape(kept?.shape);
  const kind = kindOf(key);
  const own = Object.entries(detectors)
    .filter(([, { judges }]) => judges.includes(kind))
    .map(([name, entry], place) => ({
      ...{ name, place, isAboutRate: entry.about === 'rate' },
      detector: entry.create(options, kept?.detectors[name]),
    }));
  /** Those of shares sleep most of the time: ten thousand keys have a dozen failed calls a second between them. */
  const watchful = own.filter(({ detector }) => detector.isAsleep === undefined);
  const sleepers = own.filter(({ detector }) => detector.isAsleep !== undefined);
  let isSleeping = false;
  let minute = thawMinute(kept?.minutes[0]);
  let minuteBefore = thawMinute(kept?.minutes[1]);
  let minuteSpare = createLearningMinute();
  let settledUntilMs = kept?.settledUntilMs ?? 0;
  /** By the place of the detector among `own`. */
  const doubtedSince = own.map(({ name }) => kept?.doubtedSince?.[name]);
  let coldArrivedCount = 0;
  let coldLeftCount = kept?.coldLeftCount ?? 0;
  /** What may be learned at this tick: by those who judge how many calls there are, and by those who judge how they look. */
  let cleanRate: LearningMinute | undefined;
  let cleanLook: LearningMinute | undefined;
  const deltas: WindowDelta[] = [];
  const arrived: Writable<Arrived> = emptyArrived(deltas);
  let expectedOf: DetectionContext['expectedOf'];
  const moment: Writable<Moment> = emptyMoment({ key, arrived, live, usualRate, usualShape });
  moment.expectedAt = (atMs) => expectedOf?.(key, atMs);
  moment.spanRatio = kept?.spanRatio ?? 1;
  return {
    live,
    receive(delta) {
      if (!live.fold(delta, usualShape.slowFromBucket)) return false;
      deltas.push(delta);
      coldArrivedCount += delta.coldStartCount;
      return true;
    },
    get coldArrivedCount() {
      return coldArrivedCount;
    },
    judge(nowMs, context, calleeColdCount) {
      const minuteFromMs = Math.floor((nowMs - msPerSecond) / msPerMinute) * msPerMinute;
      const turned = minuteFromMs > minute.fromMs ? turnMinute(minuteFromMs) : undefined;
      cleanRate = turned?.isRateClean === true ? turned.ended : undefined;
      cleanLook = turned?.ended;
      addArrived(nowMs);
      settle(nowMs);
      inform(nowMs, context);
      explainColds(coldArrivedCount + calleeColdCount);
      const findings = inspect();
      if (cleanRate) usualRate.learn(cleanRate);
      if (cleanLook) usualShape.learn(cleanLook);
      deltas.length = 0;
      coldArrivedCount = 0;
      return findings;
    },
    snapshot: () => ({
      live: live.snapshot(),
      delay: delay.snapshot(),
      rate: usualRate.snapshot(),
      shape: usualShape.snapshot(),
      detectors: Object.fromEntries(own.map(({ name, detector }) => [name, detector.snapshot()])),
      settledUntilMs,
      spanRatio: moment.spanRatio,
      coldLeftCount,
      doubtedSince: Object.fromEntries(
        own.flatMap(({ name, place }) => (doubtedSince[place] === undefined ? [] : [[name, doubtedSince[place]]])),
      ),
      minutes: [freezeMinute(minute), freezeMinute(minuteBefore)],
    }),
  };

  /** The minute before last, to be learned if nobody doubted it, nor the one after it, and if anything came in it. */
  function turnMinute(fromMs: EpochMs): Turned | undefined {
    const ended = minuteBefore;
    const { isRateDoubted, isLookDoubted } = doubtsAt(fromMs);
    minuteBefore = minute;
    minute = minuteSpare;
    minuteSpare = ended;
    clearMinute(minute, fromMs);
    delay.fade();
    return isLookDoubted || ended.requestSum === 0 ? undefined : { ended, isRateClean: !isRateDoubted };
  }

  /** Each doubt has its own day: a fault that begins in the second day of a surge is no more usual than any other. */
  function doubtsAt(nowMs: EpochMs): { readonly isRateDoubted: boolean; readonly isLookDoubted: boolean } {
    const doubters = minuteBefore.doubters | minute.doubters;
    let [isRateDoubted, isLookDoubted] = [false, false];
    for (const { place, isAboutRate } of own) {
      const bit = 1 << place;
      if ((doubters & bit) === 0) {
        doubtedSince[place] = undefined;
        continue;
      }
      const sinceMs = (doubtedSince[place] ??=
        (minuteBefore.doubters & bit) === 0 ? minute.fromMs : minuteBefore.fromMs);
      if (nowMs - sinceMs > adoptAfterMs) continue;
      if (isAboutRate) isRateDoubted = true;
      else isLookDoubted = true;
    }
    return { isRateDoubted, isLookDoubted };
  }

  function addArrived(nowMs: EpochMs): void {
    arrived.spanCount = 0;
    arrived.errorCount = 0;
    arrived.throttleCount = 0;
    arrived.coldStartCount = 0;
    arrived.deadLetterCount = 0;
    arrived.secondAtMs = nowMs - msPerSecond;
    let most = 0;
    let worst = 0;
    const block = minute.blocks[Math.floor((nowMs - msPerSecond - minute.fromMs) / msPerBlock)];
    for (const delta of deltas) {
      const scale = spansOfRequest(delta);
      arrived.spanCount += delta.spanCount;
      arrived.errorCount += delta.errorCount * scale;
      arrived.throttleCount += delta.throttleCount * scale;
      arrived.coldStartCount += delta.coldStartCount * scale;
      arrived.deadLetterCount += delta.deadLetterCount * scale;
      if (delta.spanCount > most) {
        most = delta.spanCount;
        arrived.secondAtMs = delta.secondAtMs;
      }
      // One second alone is both.
      const bad = deltas.length === 1 ? 0 : badSpansOf(delta) * scale;
      if (bad > worst || (bad > 0 && bad === worst && delta.secondAtMs < arrived.worstSecondAtMs)) {
        worst = bad;
        arrived.worstSecondAtMs = delta.secondAtMs;
      }
      delay.add(nowMs - delta.secondAtMs - msPerSecond, delta.spanCount);
      if (delta.requestCount === undefined) minute.isRateKnown = false;
      if (block) addDurations(minute, block, delta.durationMs, scale);
    }
    if (worst === 0) arrived.worstSecondAtMs = arrived.secondAtMs;
    if (!block) return;
    block.spanCount += arrived.spanCount;
    block.errorCount += arrived.errorCount;
    block.throttleCount += arrived.throttleCount;
    block.coldStartCount += arrived.coldStartCount;
    block.deadLetterCount += arrived.deadLetterCount;
  }

  /** Seconds of which all came that will come: rates are judged and learned on those alone. */
  function settle(nowMs: EpochMs): void {
    const untilMs = Math.floor((nowMs - delay.settledAfterMs) / msPerSecond) * msPerSecond;
    // Before the first span nothing was silent: nobody was there.
    if (settledUntilMs === 0) settledUntilMs = live.newestAtMs ?? untilMs;
    moment.settledFromMs = Math.max(settledUntilMs, untilMs - settleSecondsMax * msPerSecond);
    moment.settledUntilMs = Math.max(untilMs, moment.settledFromMs);
    settledUntilMs = moment.settledUntilMs;
    for (let atMs = moment.settledFromMs; atMs < settledUntilMs; atMs += msPerSecond) {
      if (live.isSilent(atMs)) continue;
      const requestCount = live.at(atMs, 'requestCount');
      minute.requestSum += requestCount;
      minute.requestSquareSum += requestCount * requestCount;
      minute.spanSum += live.at(atMs, 'spanCount');
    }
    // A sender's sampling is what it is, and no matter of doubt: it is followed at once.
    if (minute.requestSum > 0) moment.spanRatio = Math.min(1, minute.spanSum / minute.requestSum);
    // Silent seconds count as none only where the minute has spans at all: then the telemetry was alive.
    minute.secondCount += (settledUntilMs - moment.settledFromMs) / msPerSecond;
  }

  function badSpansOf(delta: WindowDelta): number {
    return delta.errorCount + delta.throttleCount + delta.deadLetterCount + slowerCountOf(delta);
  }

  function slowerCountOf({ durationMs }: WindowDelta): number {
    const { slowerFromBucket } = usualShape;
    let count = 0;
    for (let index = durationMs.length - 2; index >= 0 && durationMs[index]! >= slowerFromBucket; index -= 2)
      count += durationMs[index + 1]!;
    return count;
  }

  /** The caller's span and the function's come in different batches: what one tick explains is remembered for some more. */
  function explainColds(arrivedCount: number): void {
    let slowCount = 0;
    for (const delta of deltas) slowCount += slowerCountOf(delta);
    coldLeftCount = coldLeftCount * coldKeptPerSecond + arrivedCount;
    moment.coldRequestCount = coldLeftCount;
    coldLeftCount = Math.max(0, coldLeftCount - slowCount);
  }

  function inform(nowMs: EpochMs, context: DetectionContext): void {
    moment.nowMs = nowMs;
    expectedOf = context.expectedOf;
    moment.capacity = context.capacityOf?.(key);
    moment.ownActions = context.ownActionsOf?.(key) ?? noActions;
    moment.events = context.eventsOf?.(key) ?? noEvents;
    const cost = context.costOf?.(key);
    moment.usdPerBusyMs = cost?.usdPerBusyMs;
    moment.usdPerHourLimit = cost?.usdPerHourLimit;
  }

  function inspect(): readonly Finding[] {
    const found = ask(watchful);
    const isBad = arrived.errorCount > 0 || arrived.throttleCount > 0 || arrived.deadLetterCount > 0;
    if (isSleeping && !isBad && !cleanLook) return found;
    const woken = ask(sleepers);
    isSleeping = sleepers.every(({ detector }) => detector.isAsleep);
    return woken.length === 0 ? found : [...found, ...woken];
  }

  function ask(those: typeof own): readonly Finding[] {
    let findings = nothingFound;
    for (const { detector, place, isAboutRate } of those) {
      moment.clean = isAboutRate ? cleanRate : cleanLook;
      const found = detector.inspect(moment);
      if (found.length > 0) findings = findings.length === 0 ? found : [...findings, ...found];
      if (detector.doubt > doubtMax) minute.doubters |= 1 << place;
    }
    return findings;
  }
}

function emptyArrived(deltas: readonly WindowDelta[]): Writable<Arrived> {
  return {
    spanCount: 0,
    errorCount: 0,
    throttleCount: 0,
    coldStartCount: 0,
    deadLetterCount: 0,
    secondAtMs: 0,
    worstSecondAtMs: 0,
    deltas,
  };
}

function emptyMoment(parts: Pick<Moment, 'key' | 'arrived' | 'live' | 'usualRate' | 'usualShape'>): Writable<Moment> {
  return {
    ...parts,
    nowMs: 0,
    settledFromMs: 0,
    settledUntilMs: 0,
    clean: undefined,
    expectedAt: () => undefined,
    spanRatio: 1,
    coldRequestCount: 0,
    capacity: undefined,
    ownActions: noActions,
    events: noEvents,
    usdPerBusyMs: undefined,
    usdPerHourLimit: undefined,
  };
}

function freezeMinute(minute: LearningMinute): Json {
  return {
    ...minute,
    blocks: minute.blocks.map((block) => ({ ...block })),
    cells: [...minute.cells.entries()].filter(([, count]) => count > 0),
  };
}

function thawMinute(kept: Json | undefined): LearningMinute {
  const minute = createLearningMinute();
  if (kept === undefined) return minute;
  const { cells, ...rest } = kept as unknown as Omit<LearningMinute, 'cells'> & { cells: [number, number][] };
  for (const [cell, count] of cells) minute.cells[cell] = count;
  return Object.assign(minute, structuredClone(rest));
}
