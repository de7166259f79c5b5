/**
 * CloudWatch as one of the services on the port. Its codes are those of its old query protocol, which SDKs still read from a header of their own.
 */
import type { TwinRequest } from './answer.ts';
import type { AwsService } from './aws-service.ts';
import { createJsonService, isForService } from './json-service.ts';
import type { TwinParams } from './limits.ts';
import type { MetricBook } from './metric-book.ts';
import { metricOperationNames, metricOperations } from './metric-operations.ts';
import { createRateBucket } from './rate-bucket.ts';

const prefix = 'GraniteServiceVersion20100801';

export function isMetricRequest(request: TwinRequest): boolean {
  return isForService(prefix, request);
}

export function createMetricService(book: MetricBook, params: TwinParams): AwsService {
  return createJsonService({
    prefix,
    version: '1.0',
    rate: createRateBucket({ perSecond: params.metricCallsPerSecond, burst: params.metricCallsPerSecond }),
    names: metricOperationNames,
    carryOut: (operation, members, nowMs) => metricOperations[operation]({ book, params }, members, nowMs),
    functionNameIn: () => '',
    codes: { throttled: 'Throttling', failed: 'InternalServiceError' },
    errorForm: (code, message) => ({
      headers: { 'x-amzn-query-error': `${code};${code === 'InternalServiceError' ? 'Receiver' : 'Sender'}` },
      body: { __type: code, message },
    }),
  });
}
