/**
 * Services that take every operation at one path, named by `X-Amz-Target`, with JSON both ways: Application Auto Scaling, CloudWatch, DynamoDB and SQS.
 */
import type { EpochMs } from '../../core/time.ts';
import { unknownOperation, type TwinRequest, type TwinResponse } from './answer.ts';
import { saidBy, type AwsService, type PlayedCall } from './aws-service.ts';
import type { OperationName } from './operation-names.ts';
import type { RateBucket } from './rate-bucket.ts';
import { membersIn, type Members } from './request-body.ts';

export interface JsonServiceOptions<Name extends OperationName> {
  /** Before the dot of `X-Amz-Target`. */
  readonly prefix: string;
  readonly version: '1.0' | '1.1';
  readonly rate: RateBucket;
  readonly names: readonly Name[];
  /** @throws Refusal */
  readonly carryOut: (operation: Name, members: Members, nowMs: EpochMs, request: TwinRequest) => object;
  /** The function that a call is about, where it says one. */
  readonly functionNameIn: (members: Members) => string;
  /** How the service names what happens to any call. */
  readonly codes: { readonly throttled: string; readonly failed: string };
  /** The headers and members of an error. */
  readonly errorForm: (code: string, message: string) => Pick<TwinResponse, 'headers'> & { readonly body: object };
  /** Statuses of refusals that stay as they are; whoever is at fault gets a 400 for all others. */
  readonly keptStatuses?: readonly number[];
}

export function isForService(prefix: string, { amzTarget }: TwinRequest): boolean {
  return amzTarget?.startsWith(`${prefix}.`) ?? false;
}

export function createJsonService<Name extends OperationName>(options: JsonServiceOptions<Name>): AwsService {
  const { prefix, rate, names, codes, functionNameIn, errorForm, keptStatuses = [] } = options;
  const contentType = `application/x-amz-json-${options.version}`;
  const error = (status: number, code: string, message: string): TwinResponse => {
    const { headers, body } = errorForm(code, message);
    const own = { 'content-type': contentType, 'x-amzn-errortype': code };
    return { status, headers: { ...own, ...headers }, body: JSON.stringify(body) };
  };
  return {
    callOf(request): PlayedCall {
      const { amzTarget = '', method, body } = request;
      const operation = names.find((name) => `${prefix}.${name}` === amzTarget);
      if (method !== 'POST' || operation === undefined) throw unknownOperation(method, amzTarget);
      const members = membersIn(body);
      return {
        operation,
        functionName: functionNameIn(members),
        carryOut: (nowMs) => ({
          status: 200,
          headers: { 'content-type': contentType },
          body: JSON.stringify(options.carryOut(operation, members, nowMs, request)),
        }),
      };
    },
    allow: (_, nowMs) => rate.take(nowMs),
    throttled: () => error(400, codes.throttled, 'Rate exceeded'),
    failed: (status) => error(status, codes.failed, 'An internal error occurred.'),
    inItsForm(refusal) {
      const { code, message, item } = saidBy(refusal);
      const { status } = refusal;
      const said = error(status >= 500 || keptStatuses.includes(status) ? status : 400, code, message);
      return item === undefined ? said : { ...said, body: JSON.stringify({ ...JSON.parse(said.body), Item: item }) };
    },
  };
}
