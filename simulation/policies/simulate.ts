/**
 * Plays capacity policies side by side over the same spans of one history: every policy has a fleet of its own and meets the very same requests.
 *
 * What is judged is the half hour of each window. Dollars are counted from half an hour before the first window of a span to the end of the
 * last: what stands when a window ends is paid to then, as it serves the next half hour's requests, and what it costs for the half hour after
 * is told apart (`provisionedUsdAfter`). A policy that holds day and night pays for its lead as everybody does; per window it therefore looks
 * cheap, and `concurrencyAverage` says what it holds.
 */
import { assert } from '../../core/assert.ts';
import { createRandom } from '../../core/random.ts';
import { msPerMinute, type EpochMs } from '../../core/time.ts';
import { endOf, sliceSeries, type VolumeSeries } from '../../core/volume-series.ts';
import { createArrivalSource, type Arrivals } from '../twin/arrivals.ts';
import { defaultParams, type TwinParams } from '../twin/limits.ts';
import type { TwinFunction } from '../twin/twin-function.ts';
import { createFleet, type FleetCounters, type FleetOptions, type MinuteMetrics } from './fleet.ts';
import { readPolicy } from './index.ts';
import { createOverflowCount } from './overflow-count.ts';
import { overflowCurves, type OverflowCurve } from './overflow.ts';
import { decisionMs, type Policy, type PolicyContext, type SpanPolicy } from './policy.ts';
import { createProvision, type Provision } from './provision.ts';
import { phaseOf, type Phase, type Span } from './spans.ts';
import { createTally, type Tally } from './tally.ts';

// Independent clients, with some batching: the lower of two public request logs (1.3 and 13), as in the simulated world.
const burstiness = 1.3;

export interface SimulationOptions extends PolicyContext {
  /** As they are written on the command line: `aas:target=0.5`. */
  readonly policies: readonly string[];
  readonly series: VolumeSeries;
  readonly spans: readonly Span[];
  readonly seed: string;
  /**
   * `requests`: each request is served by the twin's data plane. `overflow`: only what provisioned concurrency does not take is counted, by the
   * curves of overflow.ts, which makes one more policy cost next to nothing; metrics there are none, so reactive policies are refused.
   */
  readonly grain: 'requests' | 'overflow';
  /** Called when a span is done. */
  readonly onSpan?: (result: SpanResult) => void;
  /** Told of every minute of every policy; for plots. */
  readonly onMinute?: (minute: MinuteView) => void;
}

/** One policy over one span. */
export interface SpanResult {
  readonly span: Span;
  /** In the order of the policies. */
  readonly tallies: readonly Tally[];
}

export interface MinuteView {
  readonly policy: string;
  readonly atMs: EpochMs;
  readonly phase: Phase;
  readonly arrivalCount: number;
  /** READY at the end of the minute. */
  readonly allocated: number;
  /** Arrivals of the minute that did not run on provisioned concurrency. */
  readonly overflowCount: number;
}

/** The tallies of all policies, each over all spans. */
export function simulate(options: SimulationOptions): Tally[] {
  const policies = options.policies.map((text) => {
    const { isReactive, create } = readPolicy(text);
    assert(options.grain === 'requests' || !isReactive, 'a policy that looks at metrics needs every request served');
    return { name: text, policy: create(options) };
  });
  const totals = policies.map(() => createTally());
  for (const span of options.spans) {
    const tallies = playSpan(span, policies, options);
    tallies.forEach((tally, index) => totals[index]!.add(tally));
    options.onSpan?.({ span, tallies });
  }
  return totals;
}

interface Named {
  readonly name: string;
  readonly policy: Policy;
}

interface Player {
  readonly name: string;
  readonly policy: SpanPolicy;
  readonly provision: Provision;
  readonly server: Server;
  readonly metrics: MinuteMetrics[];
  readonly tally: Tally;
}

/** Where a policy's requests go: the data plane, or a count of what overflows. */
interface Server {
  /** Ten seconds. */
  serve(fromMs: EpochMs): void;
  endMinute(nowMs: EpochMs): MinuteMetrics | undefined;
  counters(nowMs: EpochMs): FleetCounters;
}

function playSpan(span: Span, policies: readonly Named[], options: SimulationOptions): Tally[] {
  const { series, seed, grain, accountConcurrency } = options;
  const spec = twinFunctionOf(options);
  const params: TwinParams = { ...defaultParams, accountConcurrency };
  const history = sliceSeries(series, series.fromMs, span.fromMs);
  const minutes = drawMinutes(span, options);
  let known: readonly OverflowCurve[] | undefined;
  const curves = (): readonly OverflowCurve[] => (known ??= curvesOf(minutes, span));
  const players = policies.map(({ name, policy }): Player => {
    const spanPolicy = policy.begin({ span, history, future: curves });
    const { initialLevel } = spanPolicy;
    const { fromMs } = span;
    const provision = createProvision({ params, initDurationMs: spec.initDurationMs, fromMs, initialLevel });
    const fleet = { spec, params, random: createRandom(`${seed}/fleet/${span.fromMs}`), fromMs, provision };
    const server = grain === 'requests' ? serveFrom(minutes, fleet) : createOverflowCount(curves(), fleet);
    return { name, policy: spanPolicy, provision, server, metrics: [], tally: createTally(span.windowsAtMs.length) };
  });
  for (const [index, { atMs: arrivalsAtMs }] of minutes.entries()) {
    const atMs = span.fromMs + index * msPerMinute;
    const volume = sliceSeries(series, span.fromMs, atMs);
    const minute = { atMs, volume, phase: phaseOf(span, atMs), arrivalCount: arrivalsAtMs.length, seed };
    for (const player of players) {
      const view = playMinute(player, minute);
      options.onMinute?.(view);
    }
  }
  return players.map(({ tally }) => tally);
}

interface Minute {
  readonly atMs: EpochMs;
  /** Ended when the minute begins. */
  readonly volume: VolumeSeries;
  readonly phase: Phase;
  readonly arrivalCount: number;
  readonly seed: string;
}

function playMinute({ name, policy, provision, server, metrics, tally }: Player, minute: Minute): MinuteView {
  const { atMs, volume, phase, arrivalCount, seed } = minute;
  const endMs = atMs + msPerMinute;
  const before = server.counters(atMs);
  for (let nowMs = atMs; nowMs < endMs; nowMs += decisionMs) {
    const { requested, readySinceMs } = provision;
    const level = policy.levelAt({ nowMs, volume, metrics, requested, readySinceMs });
    // The same instant prepares equally long for every policy.
    if (level !== undefined && level !== requested)
      provision.request(level, nowMs, createRandom(`${seed}/preparation/${nowMs}`).next());
    server.serve(nowMs);
  }
  const metric = server.endMinute(endMs);
  if (metric) metrics.push(metric);
  const { allocated } = provision;
  const overflowCount = tally.addMinute({ before, after: server.counters(endMs), phase, arrivalCount, allocated });
  return { policy: name, atMs, phase, arrivalCount, allocated, overflowCount };
}

function serveFrom(minutes: readonly Arrivals[], options: FleetOptions): Server {
  const fleet = createFleet(options);
  let next = 0;
  return {
    ...fleet,
    serve(nowMs) {
      const arrivals = minutes[Math.floor((nowMs - options.fromMs) / msPerMinute)]!;
      const isFirst = (nowMs - options.fromMs) % msPerMinute === 0;
      next = fleet.serve(arrivals, isFirst ? 0 : next, nowMs + decisionMs);
    },
  };
}

/** Of each ten seconds, how much would overflow from so many environments. */
function curvesOf(minutes: readonly Arrivals[], { fromMs, untilMs }: Span): OverflowCurve[] {
  const perSecondMax = defaultParams.requestsPerSecondPerConcurrency;
  return overflowCurves(minutes, { fromMs, untilMs, stepMs: decisionMs, perSecondMax });
}

/**
 * The requests of each minute of the span; none where nothing was recorded. Each minute is drawn by itself, so where only overflow is counted the
 * others can be left out: a minute is judged, or it warms up the one after it.
 */
function drawMinutes(span: Span, options: SimulationOptions): Arrivals[] {
  const isWanted = (atMs: EpochMs): boolean =>
    options.grain === 'requests' || [atMs, atMs + msPerMinute].some((oneMs) => phaseOf(span, oneMs) === 'window');
  const minutes: Arrivals[] = [];
  for (let atMs = span.fromMs; atMs < span.untilMs; atMs += msPerMinute)
    minutes.push(isWanted(atMs) ? drawMinute(atMs, options) : { atMs: new Float64Array(), runMs: new Float64Array() });
  return minutes;
}

function drawMinute(atMs: EpochMs, { series, requestsPerUnit, spec, seed }: SimulationOptions): Arrivals {
  const random = createRandom(`${seed}/arrivals/${atMs}`);
  const source = createArrivalSource({ random, runDurationMs: spec.runDurationMs, burstiness });
  const volume = atMs < endOf(series) ? series.values[Math.floor((atMs - series.fromMs) / series.stepMs)]! : NaN;
  const requests = ((volume || 0) * requestsPerUnit * msPerMinute) / series.stepMs;
  // Rounded at random, so that a tenth of a request a minute is six an hour and not none.
  const count = Math.floor(requests + random.next());
  return source.draw({ fromMs: atMs, lengthMs: msPerMinute, count });
}

function twinFunctionOf({ spec }: PolicyContext): TwinFunction {
  const { key, memoryMb, architecture, initDurationMs, runDurationMs } = spec;
  return { key, version: '1', memoryMb, architecture, initDurationMs, runDurationMs };
}
