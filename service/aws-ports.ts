/** The ports that AWS is behind, for the one account and region that a service watches: the same over real HTTP in `serve` and in the demo. */
import type { AwsDoors } from '../actuators/aws-doors.ts';
import { createBookedCalls } from '../actuators/booked-calls.ts';
import { createActuator } from '../actuators/carry-out.ts';
import { readAccountLimits } from '../actuators/control-plane.ts';
import { createScalableTargets, type ScalableTargets } from '../actuators/scalable-target.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import { parseFunctionKey, type FunctionName } from '../core/series-key.ts';
import type { Clock } from '../core/time.ts';
import type { SystemPorts } from './system-options.ts';

export interface AwsPortsOptions {
  readonly doorsOf: (name: FunctionName) => AwsDoors;
  readonly clock: Clock;
  readonly specs: readonly FunctionSpec[];
  /** Of EventBridge Scheduler; the twin needs neither. */
  readonly roleArn?: string | undefined;
  readonly groupName?: string | undefined;
  readonly signal: AbortSignal;
}

export type AwsPorts = Pick<
  SystemPorts,
  'actuator' | 'bookkeeper' | 'readAccountLimits' | 'endpointKindOf' | 'queueWaitMs'
> & { readonly scalableTargets: ScalableTargets };

export function createAwsPorts({ doorsOf, clock, specs, roleArn, groupName, signal }: AwsPortsOptions): AwsPorts {
  const doors = doorsOf(parseFunctionKey(specs[0]!.key)!);
  const bookedCalls = createBookedCalls({ doorsOf, clock, roleArn, groupName });
  const scalableTargets = createScalableTargets({ doorsOf, clock });
  const steered = new Set(specs.filter(({ ownership }) => ownership === 'steer').map(({ key }) => key));
  return {
    actuator: createActuator({ doorsOf, clock, bookedCalls, scalableTargets, isSteered: (key) => steered.has(key) }),
    bookkeeper: bookedCalls,
    scalableTargets,
    readAccountLimits: () => readAccountLimits(doors.lambda, signal),
    endpointKindOf: () => doors.lambda.endpointKind(),
    queueWaitMs: (callCount) => doors.lambda.queue.expectedWaitMs('urgent', callCount),
  };
}
