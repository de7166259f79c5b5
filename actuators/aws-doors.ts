/**
 * All doors of one account and region. Each client is made when it is first needed: who books nothing talks to no scheduler.
 */
import { ApplicationAutoScalingClient } from '@aws-sdk/client-application-auto-scaling';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SQSClient } from '@aws-sdk/client-sqs';
import { WorldError } from '../core/errors.ts';
import { createControlPlane, type ControlPlane } from './control-plane.ts';
import type { AwsService } from './endpoint.ts';
import { createServiceDoor, type DoorOptions, type ServiceDoor } from './service-door.ts';

export type SchedulerDoor = ServiceDoor<SchedulerClient>;
export type ScalingDoor = ServiceDoor<ApplicationAutoScalingClient>;
export type TableDoor = ServiceDoor<DynamoDBClient>;
export type QueueDoor = ServiceDoor<SQSClient>;

/** For an account and region always the same ones, because the call budgets are theirs. */
export interface AwsDoors {
  readonly lambda: ControlPlane;
  readonly scheduler: SchedulerDoor;
  readonly scaling: ScalingDoor;
  readonly tables: TableDoor;
  readonly queues: QueueDoor;
}

export interface AwsDoorsOptions extends Omit<DoorOptions, 'callsPerSecond' | 'endpointUrl'> {
  /** Of Lambda's control plane, where everybody in the account shares 15. */
  readonly callsPerSecond?: number | undefined;
  /** Undefined: Amazon's own (see `resolveEndpointUrl`). */
  readonly endpointUrlOf: (service: AwsService) => string | undefined;
}

/** EventBridge Scheduler takes at least 250 creations a second in any region, and no deployment waits for it. This books 500 ends in 25 s. */
const schedulerCallsPerSecond = 20;

/** A look at a steered function is two calls to Lambda and one here, so it never lags behind; its quota is not published. */
const scalingCallsPerSecond = 5;

/** A breaker that stands is written every twenty seconds: 200 at once. A table on demand takes thousands. */
const tableCallsPerSecond = 10;

/** Moves of dead letters are rare. Of its quota AWS says nothing. */
const queueCallsPerSecond = 2;

export function createAwsDoors({ endpointUrlOf, callsPerSecond, ...rest }: AwsDoorsOptions): AwsDoors {
  let lambda: ControlPlane | undefined;
  let scheduler: SchedulerDoor | undefined;
  let scaling: ScalingDoor | undefined;
  let tables: TableDoor | undefined;
  let queues: QueueDoor | undefined;
  return {
    get lambda() {
      return (lambda ??= createControlPlane({ ...rest, endpointUrl: endpointUrlOf('lambda'), callsPerSecond }));
    },
    get scheduler() {
      return (scheduler ??= createServiceDoor('EventBridge Scheduler', (settings) => new SchedulerClient(settings), {
        ...rest,
        endpointUrl: endpointUrlOf('scheduler'),
        callsPerSecond: schedulerCallsPerSecond,
      }));
    },
    get scaling() {
      const createClient = (settings: ConstructorParameters<typeof ApplicationAutoScalingClient>[0] & object) =>
        new ApplicationAutoScalingClient(settings);
      return (scaling ??= createServiceDoor('Application Auto Scaling', createClient, {
        ...rest,
        endpointUrl: endpointUrlOf('application-auto-scaling'),
        callsPerSecond: scalingCallsPerSecond,
      }));
    },
    get tables() {
      return (tables ??= createServiceDoor('DynamoDB', (settings) => new DynamoDBClient(settings), {
        ...rest,
        endpointUrl: endpointUrlOf('dynamodb'),
        callsPerSecond: tableCallsPerSecond,
      }));
    },
    get queues() {
      return (queues ??= createServiceDoor('SQS', (settings) => new SQSClient(settings), {
        ...rest,
        endpointUrl: endpointUrlOf('sqs'),
        callsPerSecond: queueCallsPerSecond,
      }));
    },
  };
}

/**
 * Lets a call through only where the service is at the same end as Lambda: a raise booked in AWS for a function of the twin would warm a real one, and
 * an end booked in the twin would never come. A door that has not answered yet is first `met` by a call that changes nothing.
 *
 * @throws WorldError `AnotherEnd`, not retryable.
 */
export async function requireSameEnd(
  doors: AwsDoors,
  service: 'queues' | 'scaling' | 'scheduler' | 'tables',
  meet: () => Promise<unknown>,
): Promise<void> {
  const { lambda, [service]: door } = doors;
  if (door.endpointKind() === 'unknown') await meet();
  const kind = door.endpointKind();
  if (kind === lambda.endpointKind()) return;
  throw new WorldError(
    'AnotherEnd',
    `${door.endpointName} is ${kind} and ${lambda.endpointName} is ${lambda.endpointKind()}: set one endpoint for all of AWS (aws.endpoint, or AWS_ENDPOINT_URL alone)`,
    { retryable: false },
  );
}
