/**
 * How Lambda speaks: REST-JSON answers and errors, in the words and shapes that were recorded from the real service.
 */

export interface TwinRequest {
  readonly method: string;
  /** Path and query as sent: `/2019-09-30/functions/orders/provisioned-concurrency?Qualifier=live`. */
  readonly target: string;
  readonly body: string;
  /** `X-Amz-Invocation-Type` of an Invoke: `RequestResponse` where absent. */
  readonly invocationType?: string;
  /** `X-Amz-Target` of the services that speak JSON to one path: `AnyScaleFrontendService.RegisterScalableTarget`. */
  readonly amzTarget?: string;
  /** The address that the caller used: what an answer is made of that names one. */
  readonly host?: string;
}

export interface TwinResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** By a fault: the answer never comes (nothing was done), or is lost on its way (the call was carried out). */
  readonly fate?: 'hang' | 'lose';
}

/**
 * A refusal by Lambda, thrown where it is found and turned into an answer at the one place that answers. It never leaves the control
 * plane: with a dozen checks to an operation, values would bury what the operation does.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly response: TwinResponse;

  constructor(response: TwinResponse) {
    super(response.body);
    this.response = response;
  }
}

export function answer(status: number, body?: object): TwinResponse {
  return body === undefined
    ? { status, headers: {}, body: '' }
    : { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

/**
 * An error that SDKs recognise by the header. The members of the body differ from error to error in the real service, down to the case of
 * `message`; the functions below know which is which.
 */
export function errorAnswer(
  status: number,
  code: string,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): TwinResponse {
  const plain = answer(status, body);
  return { ...plain, headers: { ...plain.headers, 'x-amzn-errortype': code, ...headers } };
}

export function notFound(message: string): Refusal {
  return new Refusal(errorAnswer(404, 'ResourceNotFoundException', { Type: 'User', Message: message }));
}

export function noConfigFound(): Refusal {
  const message = 'No Provisioned Concurrency Config found for this function';
  return new Refusal(errorAnswer(404, 'ProvisionedConcurrencyConfigNotFoundException', { Type: 'User', message }));
}

export function conflict(message: string): Refusal {
  return new Refusal(errorAnswer(409, 'ResourceConflictException', { Type: 'User', message }));
}

export function invalidParameter(message: string): Refusal {
  return new Refusal(errorAnswer(400, 'InvalidParameterValueException', { Type: 'User', message }));
}

/** Refusals by the account's limits are recorded without a `Type`. */
export function overLimit(message: string): Refusal {
  return new Refusal(errorAnswer(400, 'InvalidParameterValueException', { message }));
}

export function invalidMember(value: string, member: string, constraint: string): Refusal {
  const message = `1 validation error detected: Value ${value} at '${member}' failed to satisfy constraint: ${constraint}`;
  return new Refusal(errorAnswer(400, 'ValidationException', { message }));
}

/** A request that is refused in a sentence, not for the constraint of one member. */
export function badRequest(message: string): Refusal {
  return new Refusal(errorAnswer(400, 'ValidationException', { message }));
}

export function unreadable(message: string): Refusal {
  return new Refusal(errorAnswer(400, 'SerializationException', { Type: 'User', message }));
}

export function tooManyRequests(retryAfterSeconds: number): Refusal {
  const body = { Reason: 'CallerRateLimitExceeded', Type: 'User', message: 'Rate exceeded' };
  return new Refusal(errorAnswer(429, 'TooManyRequestsException', body, { 'retry-after': String(retryAfterSeconds) }));
}

export function preconditionFailed(): Refusal {
  const message =
    'The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id';
  return new Refusal(errorAnswer(412, 'PreconditionFailedException', { Type: 'User', message }));
}

/** An invocation beyond what is reserved for the function. */
export function invocationThrottled(): Refusal {
  const body = {
    Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
    Type: 'User',
    message: 'Rate Exceeded.',
  };
  return new Refusal(errorAnswer(429, 'TooManyRequestsException', body));
}

export function serviceFailure(status: number): Refusal {
  const body = { Type: 'Service', Message: 'An error occurred and the request cannot be processed.' };
  return new Refusal(errorAnswer(status, 'ServiceException', body));
}

export function codeStorageExceeded(): Refusal {
  return new Refusal(
    errorAnswer(400, 'CodeStorageExceededException', { Type: 'User', message: 'Code storage limit exceeded.' }),
  );
}

export function unknownOperation(method: string, path: string): Refusal {
  const message = `The twin does not know ${method} ${path.slice(0, 200)}`;
  return new Refusal(errorAnswer(404, 'UnknownOperationException', { message }));
}
