/**
 * DynamoDB as one of the services on the port: items of tables by their keys, written under conditions.
 */
import type { TwinRequest } from './answer.ts';
import type { AwsService } from './aws-service.ts';
import { createJsonService, isForService } from './json-service.ts';
import type { TwinParams } from './limits.ts';
import { createRateBucket } from './rate-bucket.ts';
import { tableOperationNames, tableOperations, type Table } from './table-operations.ts';
import type { TwinPlace } from './twin-function.ts';

const prefix = 'DynamoDB_20120810';

export function isTableRequest(request: TwinRequest): boolean {
  return isForService(prefix, request);
}

export function createTableService(place: TwinPlace, params: TwinParams): AwsService {
  const context = { place, params, tables: new Map<string, Table>() };
  return createJsonService({
    prefix,
    version: '1.0',
    rate: createRateBucket({ perSecond: params.tableCallsPerSecond, burst: params.tableCallsPerSecond }),
    names: tableOperationNames,
    carryOut: (operation, members, nowMs) => tableOperations[operation](context, members, nowMs),
    functionNameIn: () => '',
    codes: { throttled: 'ThrottlingException', failed: 'InternalServerError' },
    errorForm: (code, message) => ({
      headers: {},
      body: { __type: `com.amazonaws.dynamodb.v20120810#${code}`, message },
    }),
  });
}
