/** One function as the engine sees it: what is wanted of it, what is known of it, and why nothing is being done. */
import type { Verdict } from '../actuators/gate.ts';
import { createPursuit, type Pursuit } from '../actuators/pursuit.ts';
import type { CapacityStep } from '../core/capacity.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import { createRandom } from '../core/random.ts';

export interface FunctionState {
  readonly spec: FunctionSpec;
  /** Keeps functions that were asked together from being polled together. */
  readonly spreadRatio: number;
  pursuit: Pursuit;
  /** It has been looked at once, or is being. */
  isKnown: boolean;
  /** A look is under way. */
  isLooking: boolean;
  /** The plan's step in force; absent while the floor holds. */
  step: CapacityStep | undefined;
  verdict: Verdict | undefined;
  /** The last refusal that was written down. */
  refusal: string;
}

/** What it holds or has asked for, as far as is known. */
export function heldConcurrencyOf({ askedConcurrency = 0, observed, inFlight }: Pursuit): number {
  return Math.max(askedConcurrency, observed?.provisioned?.requested ?? 0, inFlight?.concurrency ?? 0);
}

/** What the last look showed as available; nothing while a deployment moves the alias. */
export function readyConcurrencyOf({ observed }: Pursuit): number {
  return observed && !observed.hasRoutingWeights ? (observed.provisioned?.available ?? 0) : 0;
}

/** A function that begins, or goes on from where an earlier run left its pursuit. */
export function createFunctionState(
  spec: FunctionSpec,
  seed: string,
  pursuit: Pursuit = createPursuit(0),
): FunctionState {
  return {
    spec,
    spreadRatio: createRandom(`${seed}/${spec.key}/polling`).next(),
    pursuit,
    isKnown: false,
    isLooking: false,
    step: undefined,
    verdict: undefined,
    refusal: '',
  };
}
