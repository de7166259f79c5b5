/**
 * Where one function's requests run, one arrival at a time.
 *
 * A request takes a provisioned environment if one is idle and the provisioned rate is not used up. Else it runs on demand: on the idle
 * environment used last, or on a new one that must initialise first, as far as concurrency and the scaling rate allow; beyond that it is
 * throttled. Environments that served an overflow stay warm for a while, as they do in the real service.
 *
 * Cost: O(log busy) an arrival, no allocation.
 */
import { createHistogram, type Histogram } from '../../core/histogram.ts';
import type { Random } from '../../core/random.ts';
import type { EpochMs } from '../../core/time.ts';
import type { Arrivals } from './arrivals.ts';
import { createIdleStack, expireIdle, pushIdle, type IdleStack } from './idle-stack.ts';
import type { TwinParams } from './limits.ts';
import { createLogNormal } from './log-normal.ts';
import { createTimeHeap, popTime, pushTime, type TimeHeap } from './time-heap.ts';
import type { TwinFunction } from './twin-function.ts';

/** One request as it was served. The record is used again for the next: read it, and do not keep it. */
export interface SeenRequest {
  atMs: EpochMs;
  /** With its cold start, where it had one; negative when it was throttled. */
  durationMs: number;
  /** What its handler took. */
  runMs: number;
}

/** State of one function's data plane; plain fields, because the loop over arrivals is hot. */
export interface FunctionPlane {
  readonly params: TwinParams;
  readonly drawInitMs: () => number;
  /** Told of every request, where somebody wants to know. */
  onRequest: ((request: SeenRequest) => void) | undefined;
  readonly seen: SeenRequest;

  allocated: number;
  readonly provisionedBusy: TimeHeap;
  rateTokens: number;
  rateSeenMs: EpochMs;

  readonly onDemandBusy: TimeHeap;
  /** On-demand environments of a version that gets no more traffic: they finish their request and are gone. */
  readonly retiring: TimeHeap;
  readonly idle: IdleStack;
  scaleTokens: number;
  scaleSeenMs: EpochMs;

  readonly queue: Arrivals[];
  /** Place of the next arrival in the first batch of the queue. */
  next: number;

  requests: number;
  spillover: number;
  throttles: number;
  coldStarts: number;
  /** Billed milliseconds on provisioned environments, and on demand with initialisations. */
  provisionedRunMs: number;
  onDemandRunMs: number;
  readonly durationMs: Histogram;

  /** Requests that ran on provisioned environments. */
  provisionedRequests: number;
  /** Of all requests served, without initialisations. */
  runMs: number;
  /** The cold starts among the durations: as the caller felt them, and what they ran. */
  readonly coldDurationMs: Histogram;
  readonly coldRunMs: Histogram;
  /** Most at once since the last `resetPeaks`: on provisioned environments, on demand, and together. */
  provisionedPeak: number;
  onDemandPeak: number;
  concurrencyPeak: number;
}

export function createFunctionPlane(spec: TwinFunction, params: TwinParams, random: Random): FunctionPlane {
  const initQuantiles = { p50: spec.initDurationMs / params.initSpread, p99: spec.initDurationMs };
  return {
    params,
    drawInitMs: createLogNormal(initQuantiles, random.fork('init')),
    onRequest: undefined,
    seen: { atMs: 0, durationMs: 0, runMs: 0 },
    allocated: 0,
    provisionedBusy: createTimeHeap(),
    rateTokens: 0,
    rateSeenMs: 0,
    onDemandBusy: createTimeHeap(),
    retiring: createTimeHeap(),
    idle: createIdleStack(),
    scaleTokens: params.onDemandScalePer10s,
    scaleSeenMs: 0,
    queue: [],
    next: 0,
    requests: 0,
    spillover: 0,
    throttles: 0,
    coldStarts: 0,
    provisionedRunMs: 0,
    onDemandRunMs: 0,
    durationMs: createHistogram(),
    provisionedRequests: 0,
    runMs: 0,
    coldDurationMs: createHistogram(),
    coldRunMs: createHistogram(),
    provisionedPeak: 0,
    onDemandPeak: 0,
    concurrencyPeak: 0,
  };
}

/**
 * Changes how many provisioned environments stand. A surplus that is busy finishes its request and is gone; new ones bring their share of
 * the request rate with them.
 */
export function setAllocated(plane: FunctionPlane, allocated: number, atMs: EpochMs): void {
  refillRate(plane, atMs);
  const share = (count: number): number =>
    (count * plane.params.requestsPerSecondPerConcurrency * plane.params.requestBurstMs) / 1_000;
  const added = Math.max(0, allocated - plane.allocated);
  plane.rateTokens = Math.min(share(allocated), plane.rateTokens + share(added));
  plane.allocated = allocated;
}

/** One request comes. `onDemandMax` is how many may run on demand at once. */
export function admit(plane: FunctionPlane, atMs: EpochMs, runMs: number, onDemandMax: number): void {
  const isProvisioned = plane.allocated > 0;
  if (isProvisioned && takeProvisioned(plane, atMs, runMs)) {
    if (plane.onRequest) tell(plane, atMs, runMs, runMs);
    return;
  }
  const durationMs = runOnDemand(plane, atMs, runMs, onDemandMax);
  if (plane.onRequest) tell(plane, atMs, durationMs, runMs);
  if (durationMs < 0) {
    plane.throttles++;
    return;
  }
  plane.requests++;
  if (isProvisioned) plane.spillover++;
  plane.runMs += runMs;
  plane.onDemandRunMs += Math.ceil(durationMs);
  plane.durationMs.record(durationMs);
  if (durationMs === runMs) return;
  plane.coldDurationMs.record(durationMs);
  plane.coldRunMs.record(runMs);
}

function tell({ onRequest, seen }: FunctionPlane, atMs: EpochMs, durationMs: number, runMs: number): void {
  seen.atMs = atMs;
  seen.durationMs = durationMs;
  seen.runMs = runMs;
  onRequest!(seen);
}

function takeProvisioned(plane: FunctionPlane, atMs: EpochMs, runMs: number): boolean {
  const busy = plane.provisionedBusy;
  releaseProvisioned(plane, atMs);
  if (busy.size >= plane.allocated) return false;
  refillRate(plane, atMs);
  if (plane.rateTokens < 1) return false;
  plane.rateTokens -= 1;
  pushTime(busy, atMs + runMs);
  if (plane.onDemandBusy.size > 0) releaseOnDemand(plane, atMs);
  notePeaks(plane);
  plane.requests++;
  plane.provisionedRequests++;
  plane.runMs += runMs;
  plane.provisionedRunMs += Math.ceil(runMs);
  plane.durationMs.record(runMs);
  return true;
}

/** How long the request takes with its cold start, if it has one; negative when it is throttled. */
function runOnDemand(plane: FunctionPlane, atMs: EpochMs, runMs: number, onDemandMax: number): number {
  releaseOnDemand(plane, atMs);
  const { onDemandBusy, idle } = plane;
  if (onDemandBusy.size + plane.retiring.size >= onDemandMax) return -1;
  expireIdle(idle, atMs - plane.params.keepAliveMs);
  let durationMs = runMs;
  if (idle.size > 0) idle.size--;
  else {
    if (!takeScaling(plane, atMs)) return -1;
    plane.coldStarts++;
    durationMs += plane.drawInitMs();
  }
  pushTime(onDemandBusy, atMs + durationMs);
  if (plane.provisionedBusy.size > 0) releaseProvisioned(plane, atMs);
  notePeaks(plane);
  return durationMs;
}

function releaseProvisioned({ provisionedBusy: busy }: FunctionPlane, atMs: EpochMs): void {
  while (busy.size > 0 && busy.times[0]! <= atMs) popTime(busy);
}

function notePeaks(plane: FunctionPlane): void {
  const provisioned = plane.provisionedBusy.size;
  const onDemand = onDemandCount(plane);
  if (provisioned > plane.provisionedPeak) plane.provisionedPeak = provisioned;
  if (onDemand > plane.onDemandPeak) plane.onDemandPeak = onDemand;
  if (provisioned + onDemand > plane.concurrencyPeak) plane.concurrencyPeak = provisioned + onDemand;
}

/** From now on the peaks are of what comes, and of what still runs. */
export function resetPeaks(plane: FunctionPlane, atMs: EpochMs): void {
  releaseProvisioned(plane, atMs);
  releaseOnDemand(plane, atMs);
  plane.provisionedPeak = 0;
  plane.onDemandPeak = 0;
  plane.concurrencyPeak = 0;
  notePeaks(plane);
}

/** Puts environments that finished by then among the idle ones, in the order in which they finished. */
export function releaseOnDemand(plane: FunctionPlane, atMs: EpochMs): void {
  const busy = plane.onDemandBusy;
  while (busy.size > 0 && busy.times[0]! <= atMs) pushIdle(plane.idle, popTime(busy));
  const { retiring } = plane;
  while (retiring.size > 0 && retiring.times[0]! <= atMs) popTime(retiring);
}

/** Environments that run on demand, as of the last release. */
export function onDemandCount({ onDemandBusy, retiring }: FunctionPlane): number {
  return onDemandBusy.size + retiring.size;
}

/** The traffic goes to another version from now on: what stands on demand is of the old one, and serves no more of it. */
export function retireOnDemand(plane: FunctionPlane, atMs: EpochMs): void {
  releaseOnDemand(plane, atMs);
  while (plane.onDemandBusy.size > 0) pushTime(plane.retiring, popTime(plane.onDemandBusy));
  plane.idle.size = 0;
}

function refillRate(plane: FunctionPlane, atMs: EpochMs): void {
  const { requestsPerSecondPerConcurrency, requestBurstMs } = plane.params;
  const perMs = (plane.allocated * requestsPerSecondPerConcurrency) / 1_000;
  plane.rateTokens = Math.min(perMs * requestBurstMs, plane.rateTokens + (atMs - plane.rateSeenMs) * perMs);
  plane.rateSeenMs = atMs;
}

function takeScaling(plane: FunctionPlane, atMs: EpochMs): boolean {
  const { onDemandScalePer10s } = plane.params;
  const refill = ((atMs - plane.scaleSeenMs) * onDemandScalePer10s) / 10_000;
  plane.scaleTokens = Math.min(onDemandScalePer10s, plane.scaleTokens + refill);
  plane.scaleSeenMs = atMs;
  if (plane.scaleTokens < 1) return false;
  plane.scaleTokens -= 1;
  return true;
}
