/**
 * SQS as one of the services on the port. Its codes are those of its old query protocol, which SDKs still read from a header of their own.
 */
import type { Random } from '../../core/random.ts';
import type { TwinRequest } from './answer.ts';
import type { AwsService } from './aws-service.ts';
import { createJsonService, isForService } from './json-service.ts';
import type { TwinParams } from './limits.ts';
import { createQueueBook } from './queue-book.ts';
import { queueOperationNames, queueOperations } from './queue-operations.ts';
import { createRateBucket } from './rate-bucket.ts';
import type { TwinPlace } from './twin-function.ts';

const prefix = 'AmazonSQS';

export function isQueueRequest(request: TwinRequest): boolean {
  return isForService(prefix, request);
}

export interface QueueServiceOptions {
  readonly place: TwinPlace;
  readonly params: TwinParams;
  readonly random: Random;
}

export function createQueueService({ place, params, random }: QueueServiceOptions): AwsService {
  const book = createQueueBook({ place, params, random });
  return createJsonService({
    prefix,
    version: '1.0',
    rate: createRateBucket({ perSecond: params.queueCallsPerSecond, burst: params.queueCallsPerSecond }),
    names: queueOperationNames,
    carryOut: (operation, members, nowMs, { host }) => {
      book.settle(nowMs);
      return queueOperations[operation]({ book, params, place, host }, members, nowMs);
    },
    functionNameIn: () => '',
    codes: { throttled: 'RequestThrottled', failed: 'InternalError' },
    // A queue or a task that does not exist is answered with 404 in the recordings of moves.
    keptStatuses: [404],
    errorForm: (code, message) => ({
      headers: { 'x-amzn-query-error': `${code};${code === 'InternalError' ? 'Receiver' : 'Sender'}` },
      body: { __type: `com.amazonaws.sqs#${code}`, message },
    }),
  });
}
