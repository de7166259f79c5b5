/**
 * Application Auto Scaling as one of the services on the port.
 */
import type { Random } from '../../core/random.ts';
import type { EpochMs } from '../../core/time.ts';
import type { AwsService } from './aws-service.ts';
import type { Send } from './door.ts';
import type { FunctionRegistry } from './function-registry.ts';
import { createJsonService, isForService } from './json-service.ts';
import type { TwinParams } from './limits.ts';
import type { TwinRequest } from './answer.ts';
import { createRateBucket } from './rate-bucket.ts';
import { scalingOperationNames, scalingOperations, type ScalingContext } from './scaling-operations.ts';
import { functionNameIn } from './scaling-request.ts';
import { createScalableTargets } from './scaling-targets.ts';

export interface Scaling {
  readonly service: AwsService;
  /** When a scheduled action runs, or a pending update is tried again. */
  nextDueMs(): EpochMs | undefined;
  happenNext(): void;
}

export interface ScalingOptions {
  readonly registry: FunctionRegistry;
  readonly params: TwinParams;
  readonly random: Random;
  readonly send: Send;
}

const prefix = 'AnyScaleFrontendService';

export function isScalingRequest(request: TwinRequest): boolean {
  return isForService(prefix, request);
}

export function createScaling({ registry, params, random, send }: ScalingOptions): Scaling {
  const targets = createScalableTargets(registry, send, random);
  const context: ScalingContext = { targets, params, place: registry.place };
  return {
    service: createJsonService({
      prefix,
      version: '1.1',
      rate: createRateBucket({ perSecond: params.scalingPerSecond, burst: params.scalingPerSecond }),
      names: scalingOperationNames,
      carryOut: (operation, members, nowMs) => scalingOperations[operation](context, members, nowMs),
      functionNameIn,
      codes: { throttled: 'ThrottlingException', failed: 'InternalServiceException' },
      errorForm: (code, message) => ({ headers: {}, body: { __type: code, Message: message } }),
    }),
    nextDueMs: () => targets.nextDueMs(),
    happenNext: () => targets.happenNext(),
  };
}
