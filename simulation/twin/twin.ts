/**
 * The twin of AWS Lambda and of what steers it, for one account and region: the control planes joined to the data plane, under a clock and one seed.
 *
 * What the control plane allocates serves requests from that very instant, and is billed from the Put on. The world feeds arrivals ahead of
 * the clock; every reading and every call first serves what has come due. A twin that is fed the same arrivals and gets no calls is the
 * comparison: the same day without anybody's help.
 */
import { assert } from '../../core/assert.ts';
import { createRandom } from '../../core/random.ts';
import { functionKeyOf, parseFunctionKey, type FunctionKey } from '../../core/series-key.ts';
import type { Clock, EpochMs } from '../../core/time.ts';
import type { TwinRequest, TwinResponse } from './answer.ts';
import type { Arrivals } from './arrivals.ts';
import { createControlPlane, type CapacityChange } from './control-plane.ts';
import { countersBetween, readCounters, type Counters } from './counters.ts';
import { createDataPlane, type FunctionLimits } from './data-plane.ts';
import type { Fault, FaultInForce } from './faults.ts';
import { retireOnDemand, type SeenRequest } from './function-plane.ts';
import type { AliasTarget } from './function-registry.ts';
import { liveEnvironments, type LiveEnvironments } from './live-environments.ts';
import { defaultParams, type TwinParams } from './limits.ts';
import { createMetricBook, type PastMetrics } from './metric-book.ts';
import { createMinuteCounter, type MinuteCount } from './minute-counter.ts';
import { createProvisionedBill } from './provisioned-bill.ts';
import type { FiredSchedule } from './scheduler-service.ts';
import { placeOf, type TwinFunction } from './twin-function.ts';

export interface TwinOptions {
  readonly functions: readonly TwinFunction[];
  readonly seed: number | string;
  readonly clock: Clock;
  readonly params?: Partial<TwinParams>;
  /** Told once for each function and whole minute, as soon as the minute is over. */
  readonly onMinute?: (count: MinuteCount) => void;
  /** Told of every request as it is served, function by function; the record is used again. */
  readonly onRequest?: (key: FunctionKey, request: SeenRequest) => void;
  /** So many more environments stand provisioned from that instant on. */
  readonly onProvisioned?: (key: FunctionKey, atMs: EpochMs, addedCount: number) => void;
}

export interface Twin {
  readonly params: TwinParams;
  /** Answers one call of the control plane at the clock's time. */
  handle(request: TwinRequest): TwinResponse;
  /** Hands over arrivals that the clock has not reached yet, in time order. They are kept, not copied. */
  feed(key: FunctionKey, arrivals: Arrivals): void;
  /** Serves and settles everything up to the clock's time. */
  advance(): void;
  /** When something happens next by itself: a configuration settles, a schedule fires. Undefined when nothing is under way or booked. */
  nextChangeMs(): EpochMs | undefined;
  /** The last calls that schedules made, up to the clock's time, the oldest first; bounded. */
  firedSchedules(): readonly FiredSchedule[];
  /** Gives a function a past that was not played: CloudWatch answers from it, each span at the grain that is left of it at its age. */
  importMetrics(key: FunctionKey, past: PastMetrics): void;
  /** Totals of one function since the start or the last reset, at the clock's time. */
  countersOf(key: FunctionKey): Counters;
  /** Environments of one function that exist at the clock's time, whether or not they serve. */
  environmentsOf(key: FunctionKey): LiveEnvironments;
  /** The share of an alias's calls that each version gets at the clock's time. The data plane serves all of them alike: what a version does is the world's. */
  sharesOf(key: FunctionKey): Readonly<Record<string, number>>;
  /** Whether an event source mapping polls for its function at the clock's time. */
  isEventSourceEnabled(uuid: string): boolean;
  /** Starts the totals anew, as after a warm-up. Environments and configurations stay. */
  resetCounters(): void;
  /** Points an alias somewhere, as a deployment does; its provisioned concurrency goes with it. */
  placeAlias(functionName: string, alias: AliasTarget): void;
  setInitFails(functionName: string, initFails: boolean): void;
  /** Lets something go wrong from now on. Faults that lose or hold back an answer need the twin to be listened to. */
  addFault(fault: Fault): FaultInForce;
  /** Ends one fault by its id, or all. */
  clearFaults(id?: number): void;
}

export function createTwin({ functions, seed, clock, params: changed, ...told }: TwinOptions): Twin {
  const { onMinute, onRequest, onProvisioned } = told;
  const place = placeOf(functions);
  const params = { ...defaultParams, ...changed };
  const random = createRandom(seed);
  const fromMs = clock.nowMs();
  const dataPlane = createDataPlane({ functions, params, random: random.fork('data-plane'), fromMs });
  if (onRequest)
    functions.forEach(({ key }, index) => {
      dataPlane.planes[index]!.onRequest = (request) => onRequest(key, request);
    });
  const sources = functions.map((spec, index) => ({
    spec,
    plane: dataPlane.planes[index]!,
    bill: createProvisionedBill(params.provisionedBillingMs),
    params,
  }));
  const indexByKey = new Map(functions.map(({ key }, index) => [key, index]));
  const limits = new Map<string, FunctionLimits>(
    functions.map(({ key, reservedConcurrency }) => [
      parseFunctionKey(key)!.functionName,
      { claimed: 0, reservedConcurrency },
    ]),
  );
  const servingVersions: (string | undefined)[] = functions.map(({ version }) => version);
  const claims = functions.map(() => 0);

  const onChange = ({ functionName, atMs, claimed, reservedConcurrency, aliases }: CapacityChange): void => {
    dataPlane.serve(atMs);
    dataPlane.setLimits(functionName, { claimed, reservedConcurrency });
    limits.set(functionName, { claimed, reservedConcurrency });
    for (const { name, allocated, claimed: billed, servingVersion } of aliases) {
      const index = indexByKey.get(functionKeyOf({ ...place, functionName, alias: name }))!;
      if (servingVersion !== servingVersions[index]) retireOnDemand(dataPlane.planes[index]!, atMs);
      servingVersions[index] = servingVersion;
      const addedCount = allocated - dataPlane.planes[index]!.allocated;
      if (addedCount > 0) onProvisioned?.(functions[index]!.key, atMs, addedCount);
      dataPlane.setAllocated(index, allocated, atMs);
      sources[index]!.bill.set(billed, atMs);
      claims[index] = billed;
    }
  };
  const metrics = createMetricBook(functions.map(({ key }) => key));
  const controlPlane = createControlPlane({
    functions,
    params,
    random: random.fork('control-plane'),
    fromMs,
    metrics,
    onChange,
  });
  const minutes = createMinuteCounter({ sources, fromMs, metrics, limits, ...(onMinute && { onMinute }) });
  let baselines = sources.map((source) => readCounters(source, fromMs));

  const settle = (untilMs: EpochMs): void => {
    controlPlane.advance(untilMs);
    dataPlane.serve(untilMs);
  };
  const advance = (): EpochMs => {
    const nowMs = clock.nowMs();
    while (minutes.endsAtMs() <= nowMs) {
      settle(minutes.endsAtMs());
      minutes.close();
    }
    settle(nowMs);
    return nowMs;
  };
  const indexOf = (key: FunctionKey): number => {
    const index = indexByKey.get(key);
    assert(index !== undefined, `the twin has no function ${key}`);
    return index;
  };

  return {
    params,
    handle: (request) => controlPlane.handle(request, advance()),
    feed: (key, arrivals) => dataPlane.feed(indexOf(key), arrivals),
    advance: () => void advance(),
    nextChangeMs: () => controlPlane.nextChangeMs(),
    firedSchedules() {
      advance();
      return controlPlane.firedSchedules();
    },
    importMetrics: (key, past) => metrics.importPast(key, past, advance()),
    countersOf(key) {
      const index = indexOf(key);
      return countersBetween(baselines[index]!, readCounters(sources[index]!, advance()));
    },
    environmentsOf(key) {
      const index = indexOf(key);
      const nowMs = advance();
      return liveEnvironments(dataPlane.planes[index]!, { claimed: claims[index]!, atMs: nowMs });
    },
    sharesOf(key) {
      const { functionName, alias } = parseFunctionKey(key)!;
      return controlPlane.sharesOf(functionName, alias, advance());
    },
    isEventSourceEnabled: (uuid) => controlPlane.isEventSourceEnabled(uuid, advance()),
    resetCounters() {
      const nowMs = advance();
      baselines = sources.map((source) => readCounters(source, nowMs));
    },
    placeAlias: (functionName, alias) => controlPlane.placeAlias(functionName, alias, advance()),
    setInitFails: (functionName, initFails) => {
      advance();
      controlPlane.setInitFails(functionName, initFails);
    },
    addFault: (fault) => controlPlane.addFault(fault, advance()),
    clearFaults: (id) => controlPlane.clearFaults(advance(), id),
  };
}
