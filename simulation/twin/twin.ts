/**
 * The twin of AWS Lambda for one account and region: its control plane joined to its data plane, under a clock and one seed.
 *
 * What the control plane allocates serves requests from that very instant, and is billed from the Put on. The world feeds arrivals ahead of
 * the clock; every reading and every call first serves what has come due. A twin that is fed the same arrivals and gets no calls is the
 * comparison: the same day without anybody's help.
 */
import { assert } from '../../core/assert.ts';
import { createRandom } from '../../core/random.ts';
import { parseFunctionKey, type FunctionKey } from '../../core/series-key.ts';
import { msPerMinute, type Clock, type EpochMs } from '../../core/time.ts';
import type { TwinRequest, TwinResponse } from './answer.ts';
import type { Arrivals } from './arrivals.ts';
import { createControlPlane, type CapacityChange } from './control-plane.ts';
import { countersBetween, readCounters, type Counters, type CounterSource } from './counters.ts';
import { createDataPlane } from './data-plane.ts';
import type { AliasRecord } from './function-registry.ts';
import { defaultParams, type TwinParams } from './limits.ts';
import { createProvisionedBill } from './provisioned-bill.ts';
import { placeOf, type TwinFunction } from './twin-function.ts';

/** What came to a function in one minute of the clock; all that came, served or throttled. */
export interface MinuteCount {
  readonly key: FunctionKey;
  readonly startsAtMs: EpochMs;
  readonly arrivalCount: number;
}

export interface TwinOptions {
  readonly functions: readonly TwinFunction[];
  readonly seed: number | string;
  readonly clock: Clock;
  readonly params?: Partial<TwinParams>;
  /** Told once for each function and whole minute, as soon as the minute is over. */
  readonly onMinute?: (count: MinuteCount) => void;
}

export interface Twin {
  readonly params: TwinParams;
  /** Answers one call of the control plane at the clock's time. */
  handle(request: TwinRequest): TwinResponse;
  /** Hands over arrivals that the clock has not reached yet, in time order. They are kept, not copied. */
  feed(key: FunctionKey, arrivals: Arrivals): void;
  /** Serves and settles everything up to the clock's time. */
  advance(): void;
  /** Totals of one function since the start or the last reset, at the clock's time. */
  countersOf(key: FunctionKey): Counters;
  /** Starts the totals anew, as after a warm-up. Environments and configurations stay. */
  resetCounters(): void;
  placeAlias(functionName: string, alias: Omit<AliasRecord, 'revisionId'>): void;
  setInitFails(functionName: string, initFails: boolean): void;
}

export function createTwin({ functions, seed, clock, params: changed, onMinute }: TwinOptions): Twin {
  placeOf(functions);
  const params = { ...defaultParams, ...changed };
  const random = createRandom(seed);
  const fromMs = clock.nowMs();
  const dataPlane = createDataPlane({ functions, params, random: random.fork('data-plane'), fromMs });
  const sources = functions.map((spec, index) => ({
    spec,
    plane: dataPlane.planes[index]!,
    bill: createProvisionedBill(params.provisionedBillingMs),
    params,
  }));
  const indexByName = new Map(functions.map(({ key }, index) => [parseFunctionKey(key)!.functionName, index]));

  const onChange = ({ functionName, atMs, allocated, claimed }: CapacityChange): void => {
    const index = indexByName.get(functionName)!;
    dataPlane.serve(atMs);
    dataPlane.setCapacity(index, { allocated, claimed }, atMs);
    sources[index]!.bill.set(claimed, atMs);
  };
  const controlPlane = createControlPlane({ functions, params, random: random.fork('control-plane'), onChange });
  const minutes = createMinuteCounter({ sources, fromMs, ...(onMinute && { onMinute }) });
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
    const index = functions.findIndex((spec) => spec.key === key);
    assert(index >= 0, `the twin has no function ${key}`);
    return index;
  };

  return {
    params,
    handle: (request) => controlPlane.handle(request, advance()),
    feed: (key, arrivals) => dataPlane.feed(indexOf(key), arrivals),
    advance: () => void advance(),
    countersOf(key) {
      const index = indexOf(key);
      return countersBetween(baselines[index]!, readCounters(sources[index]!, advance()));
    },
    resetCounters() {
      const nowMs = advance();
      baselines = sources.map((source) => readCounters(source, nowMs));
    },
    placeAlias: (functionName, alias) => controlPlane.placeAlias(functionName, alias, advance()),
    setInitFails: (functionName, initFails) => {
      advance();
      controlPlane.setInitFails(functionName, initFails);
    },
  };
}

interface MinuteCounter {
  /** End of the minute that is being counted. */
  endsAtMs(): EpochMs;
  /** Tells of the minute and begins the next; everything until its end has been served. */
  close(): void;
}

interface MinuteCounterOptions {
  readonly sources: readonly CounterSource[];
  readonly fromMs: EpochMs;
  readonly onMinute?: (count: MinuteCount) => void;
}

function createMinuteCounter({ sources, fromMs, onMinute }: MinuteCounterOptions): MinuteCounter {
  const total = ({ plane }: CounterSource): number => plane.requests + plane.throttles;
  // A minute that had begun before the twin did is not whole, and is not told of.
  let startsAtMs = Math.ceil(fromMs / msPerMinute) * msPerMinute - msPerMinute;
  let totals = sources.map(total);
  return {
    endsAtMs: () => startsAtMs + msPerMinute,
    close() {
      if (startsAtMs >= fromMs) {
        sources.forEach((source, index) => {
          onMinute?.({ key: source.spec.key, startsAtMs, arrivalCount: total(source) - totals[index]! });
        });
      }
      totals = sources.map(total);
      startsAtMs += msPerMinute;
    },
  };
}
