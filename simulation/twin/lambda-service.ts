/**
 * Lambda as one of the services on the port: its routes, its operations, and the calls a second that an account has.
 */
import { serviceFailure, tooManyRequests } from './answer.ts';
import type { AwsService } from './aws-service.ts';
import type { OperationName } from './operation-names.ts';
import { operations, type OperationContext } from './operations.ts';
import { createRateBucket } from './rate-bucket.ts';
import { routeOf } from './routes.ts';

export function createLambdaService(context: OperationContext): AwsService {
  const { registry, params } = context;
  const shared = createRateBucket({ perSecond: params.controlPlanePerSecond, burst: params.controlPlaneBurst });
  const getFunction = createRateBucket({ perSecond: params.getFunctionPerSecond, burst: params.getFunctionPerSecond });
  return {
    callOf(request) {
      const call = routeOf(request);
      const { functionName } = call.functionName === '' ? call : registry.nameIn(call.functionName, undefined);
      return {
        operation: call.operation,
        functionName,
        carryOut: (nowMs) => operations[call.operation](context, call, nowMs),
      };
    },
    // GetFunction has a rate of its own; invocations are no calls of the control plane.
    allow: (operation: OperationName, nowMs) =>
      operation === 'Invoke' || (operation === 'GetFunction' ? getFunction : shared).take(nowMs),
    throttled: () => tooManyRequests(params.retryAfterSeconds).response,
    failed: (status) => serviceFailure(status).response,
    inItsForm: (refusal) => refusal,
  };
}
