/**
 * One function with its caller and three callees, as deltas: what a collector would seal of its spans, without the wire between.
 *
 * Each request comes over the gateway's edge, runs in the function, and calls one of three callees. Faults lie in the function (latency, errors), before it
 * (throttles: no span of it then, only the caller's), or in one callee of three (partial). Cold starts follow from growth, cost the caller time, and are not in
 * the function's own span; environments warmed by us are initialised as provisioned ones.
 */
import { bucketOf } from '../../../core/histogram.ts';
import { createRandom, type Random } from '../../../core/random.ts';
import type { FunctionKey } from '../../../core/series-key.ts';
import { msPerDay, msPerHour, msPerMinute, msPerSecond, type EpochMs } from '../../../core/time.ts';
import type { EdgeKey, WindowDelta, WindowKey } from '../../../core/window.ts';
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
}

export interface FaultFunction {
  readonly key: FunctionKey;
  /** Where its trouble would begin: the edge to it, and those to its callees. */
  readonly callerEdge: EdgeKey;
  readonly calleeEdges: readonly EdgeKey[];
  /** What has arrived by `nowMs`; call it each second, in turn. */
  tick(nowMs: EpochMs): WindowDelta[];
  /** End of the first request that the fault harmed; undefined before. Harmed: failed, throttled, or slower than four times the usual median. */
  readonly firstBadAtMs: EpochMs | undefined;
  /** Share of requests that the fault harms at the key where it is greatest (the function, or the callee's edge), and what share of all requests passes there. */
  harm(): { readonly harmedRatio: number; readonly passingRatio: number };
}

const calleeCount = 3;
const latencyTimes = 5;
/** So many times the usual median is slow enough to be harm. */
const slowTimes = 4;
const badRatio = 0.3;
const poolSize = 8_192;
const throttleMs = 5;
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
  const callerEdge: EdgeKey = `edge:service:gateway>${key}`;
  const calleeEdges = Array.from({ length: calleeCount }, (_, index): EdgeKey => `edge:${key}>dynamodb/table-${index}`);
  const keys: readonly WindowKey[] = [callerEdge, key, ...calleeEdges];
  const countAt = createDemand(options);
  const random = createRandom(`${seed}/spans`);
  const selfPool = pool(createRandom(`${seed}/self`), medianMs / 2, sigma);
  const calleePool = pool(createRandom(`${seed}/callee`), medianMs / 2, sigma);
  /** Books by when they arrive: 0 at this tick, 1 at the next, … */
  const waiting = Array.from({ length: batchSeconds + 1 }, () => keys.map(() => createDeltaBook()));
  const inFlight: { readonly dueMs: EpochMs; readonly delta: WindowDelta }[] = [];
  const usualMs = { own: medianOf(selfPool, calleePool), callee: medianOf(calleePool) };
  const faulty = { requestCount: 0, harmedCount: 0, callCount: 0, harmedCallCount: 0 };
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
    tick(nowMs) {
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
    const books = waiting[slotOf(secondAtMs)]!;
    if (kind === 'throttles' && random.next() < badRatio) {
      if (isKept) throttle(books[0]!, weight);
      faulty.requestCount++;
      faulty.harmedCount++;
      return true;
    }
    const callee = Math.floor(random.next() * calleeCount);
    const isPartial = callee === 0 && (kind === 'partial-errors' || kind === 'partial-latency');
    const calleeMs = draw(calleePool) * (isPartial && kind === 'partial-latency' ? latencyTimes : 1);
    const ownMs = (draw(selfPool) + calleeMs) * (kind === 'latency' ? latencyTimes : 1);
    const calleeFails = isPartial && kind === 'partial-errors' && random.next() < badRatio;
    const fails = calleeFails || isBunched || random.next() < (kind === 'errors' ? badRatio : options.errorRatio);
    if (isKept) {
      record(books[0]!, ownMs + 1 + (isCold ? coldMs : 0), weight, fails);
      record(books[1]!, ownMs, weight, fails);
      if (isCold) books[1]!.coldStartCount += weight;
      record(books[2 + callee]!, calleeMs, weight, calleeFails);
    }
    if (kind === undefined) return false;
    const slowFrom = slowTimes * times;
    const isCallHarmed = isPartial && (calleeFails || calleeMs > slowFrom * usualMs.callee);
    const isHarmed = calleeFails || (kind === 'errors' && fails) || ownMs > slowFrom * usualMs.own;
    faulty.requestCount++;
    if (isHarmed) faulty.harmedCount++;
    if (isPartial) faulty.callCount++;
    if (isCallHarmed) faulty.harmedCallCount++;
    return isHarmed || isCallHarmed;
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
        waiting[slotOf(secondAtMs)]![1]!.provisionedInitCount += Math.max(0, wanted - Math.floor(warm));
        warm = Math.max(warm, wanted);
      }
  }

  /** At how many ticks from now the span's batch arrives. */
  function slotOf(secondAtMs: EpochMs): number {
    if (options.exportMs === 250) return random.next() < lateRatio ? 1 : 0;
    // Each environment has a phase of its own: a second's spans come spread over the five after it.
    return (Math.floor(random.next() * batchSeconds) + Math.floor(secondAtMs / msPerSecond)) % batchSeconds;
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
        const delta = books[place]!.close(keys[place]!, secondAtMs, traceId);
        if (!delta) continue;
        if (slot === 0) due.push(delta);
        else inFlight.push({ dueMs: nowMs + slot * msPerSecond, delta });
      }
    }
    return due;
  }
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
