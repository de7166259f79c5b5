/** The ports that AWS is behind, for the one account and region that a service watches: the same over real HTTP in `serve` and in the demo. */
import type { AwsDoors } from '../actuators/aws-doors.ts';
import { createBookedCalls } from '../actuators/booked-calls.ts';
import { createActuator } from '../actuators/carry-out.ts';
import { readAccountLimits } from '../actuators/control-plane.ts';
import { createRemedies, type Remedies } from '../actuators/remedies/index.ts';
import { createScalableTargets, type ScalableTargets } from '../actuators/scalable-target.ts';
import type { BreakerSpec } from '../core/breaker.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import { parseFunctionKey, type FunctionName } from '../core/series-key.ts';
import type { Clock } from '../core/time.ts';
import { createBreakerItems } from './remedies/breaker-items.ts';
import type { SystemPorts } from './system-options.ts';

export interface AwsPortsOptions {
  readonly doorsOf: (place: Pick<FunctionName, 'accountId' | 'region'>) => AwsDoors;
  readonly clock: Clock;
  readonly specs: readonly FunctionSpec[];
  /** Of EventBridge Scheduler; the twin needs neither. */
  readonly roleArn?: string | undefined;
  readonly groupName?: string | undefined;
  readonly signal: AbortSignal;
  /** Their items are written for clients that read tables. */
  readonly breakers?: readonly BreakerSpec[];
}

export type AwsPorts = Pick<
  SystemPorts,
  'actuator' | 'bookkeeper' | 'readAccountLimits' | 'endpointKindOf' | 'queueWaitMs'
> & { readonly scalableTargets: ScalableTargets; readonly remediesAtAws: Remedies };

export function createAwsPorts(options: AwsPortsOptions): AwsPorts {
  const { doorsOf, clock, specs, roleArn, groupName, signal, breakers = [] } = options;
  const doors = doorsOf(parseFunctionKey(specs[0]!.key)!);
  const bookedCalls = createBookedCalls({ doorsOf, clock, roleArn, groupName });
  const scalableTargets = createScalableTargets({ doorsOf, clock });
  const steered = new Set(specs.filter(({ ownership }) => ownership === 'steer').map(({ key }) => key));
  return {
    actuator: createActuator({ doorsOf, clock, bookedCalls, scalableTargets, isSteered: (key) => steered.has(key) }),
    bookkeeper: bookedCalls,
    scalableTargets,
    remediesAtAws: createRemedies({
      ...{ doorsOf, clock, roleArn, groupName },
      breakerItems: createBreakerItems(breakers, clock),
    }),
    readAccountLimits: () => readAccountLimits(doors.lambda, signal),
    endpointKindOf: () => doors.lambda.endpointKind(),
    queueWaitMs: (callCount) => doors.lambda.queue.expectedWaitMs('urgent', callCount),
  };
}
