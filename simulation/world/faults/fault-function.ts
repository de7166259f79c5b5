/**
 * One function with its caller and three callees, as deltas: what a collector would seal of its spans, without the wire between.
 *
 * Each request comes over the gateway's edge, runs in the function, and calls one of three callees. Faults lie in the function (latency, errors), before it
 * (throttles: no span of it then, only the caller's), or in one callee of three (partial). Cold starts follow from growth, cost the caller time, and are not in
 * the function's own span; environments warmed by us are initialised as provisioned ones.
 *
 * Apart: the gateway, who calls it and the callees send spans too, each by a token and in batches of its own; and calls that a breaker does not admit are not made,
 * but answered by a fallback at once.
 */
import { bucketOf } from '../../../core/histogram.ts';
import { createRandom, type Random } from '../../../core/random.ts';
import type { FunctionKey } from '../../../core/series-key.ts';
import { msPerDay, msPerHour, msPerMinute, msPerSecond, type EpochMs } from '../../../core/time.ts';
import type { EdgeKey, ServiceKey, WindowDelta, WindowKey } from '../../../core/window.ts';
import { createDeltaBook, type DeltaBook } from './delta-book.ts';
import { createDemand, type DemandOptions } from './demand.ts';

export type FaultKind = 'errors' | 'latency' | 'partial-errors' | 'partial-latency' | 'throttles';

export interface WorldFault {
  readonly kind: FaultKind;
  readonly fromMs: EpochMs;
  readonly untilMs: EpochMs;
}

export interface FaultFunctionOptions extends DemandOptions {
  readonly name: string;
  readonly medianMs: number;
  /** Of the log-normal, natural logarithm. */
  readonly sigma: number;
  readonly errorRatio: number;
  /** Each span is kept with this probability. */
  readonly samplingRatio: number;
  /** How long a span waits for its batch, at most. */
  readonly exportMs: 250 | 5_000;
  readonly faults?: readonly WorldFault[];
  /** Absent: the spans are the function's and its caller's, and all by one sender. */
  readonly isApart?: true;
}

/** Share of calls to this callee that its callers make now, 0…1. */
export type Admission = (callee: string) => number;

export interface FaultFunction {
  readonly key: FunctionKey;
  /** Where its trouble would begin: the edge to it, and those to its callees. */
  readonly callerEdge: EdgeKey;
  readonly calleeEdges: readonly EdgeKey[];
  /** What has arrived by `nowMs`; call it each second, in turn. Without an admission all calls are made. */
  tick(nowMs: EpochMs, admits?: Admission): WindowDelta[];
  /** End of the first request that the fault harmed; undefined before. Harmed: failed, throttled, or slower than four times the usual median. */
  readonly firstBadAtMs: EpochMs | undefined;
  /** Share of requests that the fault harms at the key where it is greatest (the function, or the callee's edge), and what share of all requests passes there. */
  harm(): { readonly harmedRatio: number; readonly passingRatio: number };
  /** Requests that the fault met, those of them that it harmed, and those that it would have harmed had all calls been made. */
  met(): { readonly requestCount: number; readonly harmedCount: number; readonly harmedWithoutCount: number };
}

export const gatewayKey: ServiceKey = 'service:gateway';
const webEdge: EdgeKey = `edge:service:web>${gatewayKey}`;
/** Whose token each part of the world that is apart sends by. */
export const worldSenders = { web: 'web', gateway: 'gateway', functions: 'functions', services: 'services' } as const;

const calleeCount = 3;
const latencyTimes = 5;
/** So many times the usual median is slow enough to be harm. */
const slowTimes = 4;
const badRatio = 0.3;
const poolSize = 8_192;
const throttleMs = 5;
/** What a caller takes to answer without the call. */
const fallbackMs = 1;
const coldMs = 600;
const warmKeptPerSecond = 0.9995;
/** Of a batch of 250 ms an eighth of a second's spans is exported after the tick. */
const lateRatio = 0.125;
const batchSeconds = 5;
const prewarmBeforeMs = 10 * msPerMinute;
const bunchPerSecond = 1 / 7_200;

export function createFaultFunction(options: FaultFunctionOptions): FaultFunction {
  const { name, seed, medianMs, sigma, faults = [] } = options;
  const key = `123456789012/us-east-1/${name}:live` as FunctionKey;
  const isApart = options.isApart === true;
  const callerEdge: EdgeKey = `edge:${gatewayKey}>${key}`;
  const calleeNodes = Array.from({ length: calleeCount }, (_, index): ServiceKey => `service:${name}-ledger-${index}`);
  const calleeEdges = calleeNodes.map(
    (node, index): EdgeKey => `edge:${key}>${isApart ? node : `dynamodb/table-${index}`}`,
  );
  const keys: readonly WindowKey[] = [
    ...[callerEdge, key, ...calleeEdges],
    ...(isApart ? [...calleeNodes, gatewayKey, webEdge] : []),
  ];
  const senders = keys.map((one) => senderOf(one, key));
  const countAt = createDemand(options);
  const random = createRandom(`${seed}/spans`);
  /** Apart from the other, so that what callers do changes nothing of what the world would have done. */
  const apartRandom = createRandom(`${seed}/apart`);
  const selfPool = pool(createRandom(`${seed}/self`), medianMs / 2, sigma);
  const calleePool = pool(createRandom(`${seed}/callee`), medianMs / 2, sigma);
  /** Books by when they arrive: 0 at this tick, 1 at the next, … */
  const waiting = Array.from({ length: batchSeconds + 1 }, () => keys.map(() => createDeltaBook()));
  const inFlight: { readonly dueMs: EpochMs; readonly delta: WindowDelta }[] = [];
  const usualMs = { own: medianOf(selfPool, calleePool), callee: medianOf(calleePool) };
  const faulty = { requestCount: 0, harmedCount: 0, callCount: 0, harmedCallCount: 0 };
  const met = { requestCount: 0, harmedCount: 0, harmedWithoutCount: 0 };
  let admitRatioOf: Admission = admitAll;
  let firstBadAtMs: EpochMs | undefined;
  let warm = 0;
  /** Of the second that is being played. */
  let times = 1;
  const isWhole = options.samplingRatio >= 1;
  const weight = 1 / options.samplingRatio;
  const slotCount = options.exportMs === 250 ? 2 : batchSeconds + 1;
  return {
    key,
    callerEdge,
    calleeEdges,
    get firstBadAtMs() {
      return firstBadAtMs;
    },
    harm() {
      const ofRequests = faulty.harmedCount / Math.max(1, faulty.requestCount);
      const ofCalls = faulty.harmedCallCount / Math.max(1, faulty.callCount);
      const passingRatio = faulty.callCount / Math.max(1, faulty.requestCount);
      return ofCalls > ofRequests
        ? { harmedRatio: ofCalls, passingRatio }
        : { harmedRatio: ofRequests, passingRatio: 1 };
    },
    met: () => ({ ...met }),
    tick(nowMs, admits = admitAll) {
      admitRatioOf = admits;
      const secondAtMs = nowMs - msPerSecond;
      const count = countAt(secondAtMs);
      const colds = coldStarts(count);
      const bunch = random.next() < bunchPerSecond ? 2 + Math.floor(4 * random.next()) : 0;
      const fault = faults.find(({ fromMs, untilMs }) => secondAtMs + msPerSecond > fromMs && secondAtMs < untilMs);
      let badEarliest = Infinity;
      times = hourTimes(secondAtMs);
      for (let request = 0; request < count; request++) {
        const at = random.next();
        const kind = fault && secondAtMs + at * msPerSecond >= fault.fromMs ? fault.kind : undefined;
        const isBad = serve(secondAtMs, request < colds, request < bunch, kind);
        if (isBad && at < badEarliest) badEarliest = at;
      }
      if (firstBadAtMs === undefined && badEarliest < 1) firstBadAtMs = secondAtMs + badEarliest * msPerSecond;
      prewarm(secondAtMs);
      return arrivals(nowMs, secondAtMs);
    },
  };

  /** One request; true where the fault harmed it. */
  function serve(secondAtMs: EpochMs, isCold: boolean, isBunched: boolean, kind: FaultKind | undefined): boolean {
    const isKept = isWhole || random.next() < options.samplingRatio;
    const books = waiting[slotOf(secondAtMs, random)]!;
    const isMade = isCalled(key);
    if (kind !== undefined) met.requestCount++;
    if (kind === 'throttles' && random.next() < badRatio) {
      if (isKept && isMade) throttle((isApart ? waiting[slotOf(secondAtMs, apartRandom)]! : books)[0]!, weight);
      if (isKept && isApart) recordEntry(secondAtMs, isMade ? throttleMs : fallbackMs, isMade);
      faulty.requestCount++;
      faulty.harmedCount++;
      met.harmedWithoutCount++;
      if (isMade) met.harmedCount++;
      return true;
    }
    const callee = Math.floor(random.next() * calleeCount);
    const isPartial = callee === 0 && (kind === 'partial-errors' || kind === 'partial-latency');
    const calleeMs = draw(calleePool) * (isPartial && kind === 'partial-latency' ? latencyTimes : 1);
    const ownMs = (draw(selfPool) + calleeMs) * (kind === 'latency' ? latencyTimes : 1);
    const calleeFails = isPartial && kind === 'partial-errors' && random.next() < badRatio;
    const fails = calleeFails || isBunched || random.next() < (kind === 'errors' ? badRatio : options.errorRatio);
    if (isKept && !isApart) {
      record(books[0]!, ownMs + 1 + (isCold ? coldMs : 0), weight, fails);
      record(books[1]!, ownMs, weight, fails);
      if (isCold) books[1]!.coldStartCount += weight;
      record(books[2 + callee]!, calleeMs, weight, calleeFails);
    }
    const slowFrom = slowTimes * times;
    if (isApart) {
      const isCalleeCalled = isMade && isCalled(calleeNodes[callee]!);
      // Without the call it fails by itself alone, and is as quick as it is by itself.
      const madeMs = isCalleeCalled ? ownMs : ownMs - (calleeMs - fallbackMs) * (kind === 'latency' ? latencyTimes : 1);
      const isFailed = isCalleeCalled ? fails : fails && !calleeFails;
      if (isKept) {
        recordEntry(secondAtMs, isMade ? madeMs + 1 + (isCold ? coldMs : 0) : fallbackMs, isMade && isFailed);
        if (isMade) {
          const gateway = waiting[slotOf(secondAtMs, apartRandom)]!;
          record(gateway[0]!, madeMs + 1 + (isCold ? coldMs : 0), weight, isFailed);
          record(books[1]!, madeMs, weight, isFailed);
          if (isCold) books[1]!.coldStartCount += weight;
        }
        if (isCalleeCalled) {
          record(books[2 + callee]!, calleeMs, weight, calleeFails);
          const services = waiting[slotOf(secondAtMs, apartRandom)]!;
          record(services[2 + calleeCount + callee]!, calleeMs, weight, calleeFails);
        }
      }
      if (kind !== undefined) {
        const isHarmedHere = (failed: boolean, tookMs: number): boolean =>
          (failed && (calleeFails || kind === 'errors')) || tookMs > slowFrom * usualMs.own;
        if (isMade && isHarmedHere(isFailed, madeMs)) met.harmedCount++;
        if (isHarmedHere(fails, ownMs)) met.harmedWithoutCount++;
      }
    }
    if (kind === undefined) return false;
    const isCallHarmed = isPartial && (calleeFails || calleeMs > slowFrom * usualMs.callee);
    const isHarmed = calleeFails || (kind === 'errors' && fails) || ownMs > slowFrom * usualMs.own;
    faulty.requestCount++;
    if (isHarmed) faulty.harmedCount++;
    if (isPartial) faulty.callCount++;
    if (isCallHarmed) faulty.harmedCallCount++;
    return isHarmed || isCallHarmed;
  }

  /** As the gateway and who calls it saw the request. */
  function recordEntry(secondAtMs: EpochMs, durationMs: number, fails: boolean): void {
    record(waiting[slotOf(secondAtMs, apartRandom)]!.at(-2)!, durationMs + 1, weight, fails);
    record(waiting[slotOf(secondAtMs, apartRandom)]!.at(-1)!, durationMs + 2, weight, fails);
  }

  function isCalled(callee: string): boolean {
    const ratio = admitRatioOf(callee);
    return ratio >= 1 || apartRandom.next() < ratio;
  }

  function draw(from: Float64Array): number {
    return from[Math.floor(random.next() * poolSize)]! * times;
  }

  /** Growth over what is warm starts cold; of what idles, Lambda lets go some within ten minutes. Environments are whole. */
  function coldStarts(count: number): number {
    const busy = Math.ceil((count * medianMs * 1.3) / msPerSecond);
    const colds = Math.max(0, busy - Math.ceil(warm));
    warm = Math.max(busy, warm * warmKeptPerSecond);
    return colds;
  }

  function prewarm(secondAtMs: EpochMs): void {
    for (const { startsAtMs, lift, isForetold } of options.events)
      if (isForetold && secondAtMs === startsAtMs - prewarmBeforeMs) {
        const wanted = Math.ceil(warm * lift);
        waiting[slotOf(secondAtMs, random)]![1]!.provisionedInitCount += Math.max(0, wanted - Math.floor(warm));
        warm = Math.max(warm, wanted);
      }
  }

  /** At how many ticks from now the span's batch arrives. */
  function slotOf(secondAtMs: EpochMs, dice: Random): number {
    if (options.exportMs === 250) return dice.next() < lateRatio ? 1 : 0;
    // Each environment has a phase of its own: a second's spans come spread over the five after it.
    return (Math.floor(dice.next() * batchSeconds) + Math.floor(secondAtMs / msPerSecond)) % batchSeconds;
  }

  function arrivals(nowMs: EpochMs, secondAtMs: EpochMs): WindowDelta[] {
    const due: WindowDelta[] = [];
    for (let index = inFlight.length - 1; index >= 0; index--) {
      if (inFlight[index]!.dueMs > nowMs) continue;
      due.push(inFlight[index]!.delta);
      inFlight.splice(index, 1);
    }
    const traceId = `${name}-${String(secondAtMs)}`;
    for (let slot = 0; slot < slotCount; slot++) {
      const books = waiting[slot]!;
      for (let place = 0; place < books.length; place++) {
        const closed = books[place]!.close(keys[place]!, secondAtMs, traceId);
        if (!closed) continue;
        const delta = isApart ? { ...closed, sender: senders[place]! } : closed;
        if (slot === 0) due.push(delta);
        else inFlight.push({ dueMs: nowMs + slot * msPerSecond, delta });
      }
    }
    return due;
  }
}

function admitAll(): number {
  return 1;
}

function senderOf(key: WindowKey, own: WindowKey): string {
  if (key === webEdge) return worldSenders.web;
  if (key === gatewayKey || key === `edge:${gatewayKey}>${own}`) return worldSenders.gateway;
  return key === own || key.startsWith(`edge:${own}>`) ? worldSenders.functions : worldSenders.services;
}

function record(book: DeltaBook, durationMs: number, weight: number, fails: boolean): void {
  book.add(bucketOf(durationMs), durationMs, weight);
  if (fails) book.errorCount += weight;
}

function throttle(book: DeltaBook, weight: number): void {
  record(book, throttleMs, weight, true);
  book.throttleCount += weight;
}

/** Calls take up to an eighth longer at noon than at midnight. */
function hourTimes(atMs: EpochMs): number {
  return 1 + 0.06 * Math.sin((2 * Math.PI * ((atMs % msPerDay) / msPerHour - 6)) / 24);
}

/** Of sums of one draw from each. */
function medianOf(...pools: readonly Float64Array[]): number {
  const sums = Float64Array.from({ length: poolSize }, (_, index) =>
    pools.reduce((sum, from) => sum + from[index]!, 0),
  ).sort();
  return sums[poolSize >> 1]!;
}

function pool(random: Random, medianMs: number, sigma: number): Float64Array {
  return Float64Array.from({ length: poolSize }, () => {
    // One call in a hundred meets a pause that has nothing to do with it.
    const pause = random.next() < 0.01 ? 4 : 1;
    return medianMs * pause * Math.exp(sigma * random.normal());
  });
}
