/**
 * Who carries out which action. The only Actuator that the service is given; what it is made of each knows one of AWS's services.
 */
import { assertNever } from '../core/assert.ts';
import type { Actuator } from '../core/ports.ts';
import type { FunctionKey, FunctionName } from '../core/series-key.ts';
import type { Clock } from '../core/time.ts';
import type { AwsDoors } from './aws-doors.ts';
import type { BookedCalls } from './booked-calls.ts';
import { createProvisionedConcurrencyActuator } from './provisioned-concurrency.ts';
import type { ScalableTargets } from './scalable-target.ts';

export interface ActuatorOptions {
  readonly doorsOf: (name: FunctionName) => AwsDoors;
  readonly clock: Clock;
  readonly bookedCalls: BookedCalls;
  readonly scalableTargets: ScalableTargets;
  /** Where it is, a look shows what Application Auto Scaling keeps the function within. */
  readonly isSteered: (key: FunctionKey) => boolean;
}

export function createActuator(options: ActuatorOptions): Actuator {
  const { doorsOf, clock, bookedCalls, scalableTargets, isSteered } = options;
  const provisioned = createProvisionedConcurrencyActuator({ controlPlaneOf: (name) => doorsOf(name).lambda, clock });
  return {
    async observe(key, signal, urgency) {
      const observed = await provisioned.observe(key, signal, urgency);
      if (!isSteered(key)) return observed;
      // After the look at Lambda, whose instant the whole carries: what changed after that instant is never taken as seen.
      const scalable = (await scalableTargets.describe([key], signal, urgency)).get(key);
      return { ...observed, ...(scalable && { scalable }) };
    },
    async apply(action, signal) {
      switch (action.kind) {
        case 'book-call':
        case 'cancel-booking':
          return bookedCalls.apply(action, signal);
        case 'hold-provisioned-concurrency': {
          const { steered } = action;
          return steered ? scalableTargets.apply({ ...action, steered }, signal) : provisioned.apply(action, signal);
        }
        default:
          return assertNever(action);
      }
    },
  };
}
