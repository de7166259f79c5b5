/**
 * What the fleet holds and has promised to pay, summed once a tick: the gate asks for the total of all functions but one, for each of them.
 */
import type { GateContext } from '../actuators/gate.ts';
import type { HoldProvisionedConcurrency } from '../core/action.ts';
import type { CapacityPlan } from '../core/capacity.ts';
import type { FunctionSpec, Prices } from '../core/function-spec.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerHour, type EpochMs } from '../core/time.ts';
import { usdOfHolding } from '../forecaster/cost.ts';
import { heldConcurrencyOf, type FunctionState } from './function-state.ts';

export interface Commitments {
  /** All functions but the action's, and what the action itself would cost. */
  around(spec: FunctionSpec, action: HoldProvisionedConcurrency): Pick<GateContext, 'others' | 'cost'>;
  /** An action has passed in this tick. Its level counts from now on where it is more; what it gives back is there until that was seen. */
  pass(spec: FunctionSpec, action: HoldProvisionedConcurrency): void;
}

export function sumCommitments(
  functions: ReadonlyMap<FunctionKey, FunctionState>,
  {
    plan,
    prices,
    nowMs,
  }: { readonly plan: CapacityPlan | undefined; readonly prices: Prices; readonly nowMs: EpochMs },
): Commitments {
  const held = new Map([...functions].map(([key, { pursuit }]) => [key, heldConcurrencyOf(pursuit)]));
  const usdPerHourOf = (spec: FunctionSpec, concurrency: number): number =>
    usdOfHolding(spec, prices, { concurrency, fromMs: 0, untilMs: msPerHour });
  let concurrency = 0;
  let usdPerHour = 0;
  for (const { spec } of functions.values()) {
    concurrency += held.get(spec.key)!;
    usdPerHour += usdPerHourOf(spec, held.get(spec.key)!);
  }
  const usdOfEvent = usdByEvent(plan);
  return {
    around(spec, action) {
      const own = held.get(spec.key)!;
      const event = usdOfEvent.get(action.eventId ?? '');
      return {
        others: {
          concurrency: concurrency - own,
          // Sums of differences of dollars may end a hair below zero.
          usdPerHour: Math.max(0, usdPerHour - usdPerHourOf(spec, own)),
          usdOfEvent: event ? Math.max(0, event.usd - (event.usdByFunction.get(spec.key) ?? 0)) : 0,
        },
        cost: {
          usdPerHour: usdPerHourOf(spec, action.concurrency),
          usd: usdOfHolding(spec, prices, {
            concurrency: action.concurrency,
            fromMs: nowMs,
            untilMs: Math.max(nowMs, action.untilMs),
          }),
        },
      };
    },
    pass(spec, action) {
      const before = held.get(spec.key)!;
      const now = Math.max(before, action.concurrency);
      held.set(spec.key, now);
      concurrency += now - before;
      usdPerHour += usdPerHourOf(spec, now) - usdPerHourOf(spec, before);
    },
  };
}

function usdByEvent(
  plan: CapacityPlan | undefined,
): ReadonlyMap<string, { usd: number; usdByFunction: Map<FunctionKey, number> }> {
  const sums = new Map<string, { usd: number; usdByFunction: Map<FunctionKey, number> }>();
  for (const { eventId, key, usd } of plan?.steps ?? []) {
    if (eventId === undefined) continue;
    const sum = sums.get(eventId) ?? { usd: 0, usdByFunction: new Map<FunctionKey, number>() };
    sum.usd += usd;
    sum.usdByFunction.set(key, (sum.usdByFunction.get(key) ?? 0) + usd);
    sums.set(eventId, sum);
  }
  return sums;
}
