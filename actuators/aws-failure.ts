/**
 * What went wrong with a call to AWS, in our words. The question behind every row is: can the call have taken effect?
 *
 * | what came back                                     | kind          | effect        |
 * |----------------------------------------------------|---------------|---------------|
 * | never left: queue full, deadline, no credentials   | `unavailable` | none          |
 * | connection refused, name not found                 | `unavailable` | none          |
 * | 429, or a throttle's name under any status         | `throttled`   | none          |
 * | any other 4xx, or what we refuse to send ourselves  | `refused`     | none          |
 * | 3xx, 5xx                                           | `unavailable` | not likely    |
 * | timeout, reset, abort, an answer that is not JSON  | `unknown`     | may be either |
 */
import { WorldError } from '../core/errors.ts';

export interface AwsFailure {
  readonly kind: 'refused' | 'throttled' | 'unavailable' | 'unknown';
  /** The service's own code (`ResourceConflictException`), the system's (`ECONNREFUSED`), or ours. */
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs?: number;
}

/** Answers of a connection that was never made. */
const neverConnectedCodes: readonly string[] = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
];

/** Lambda and EventBridge Scheduler throttle with 429; the older protocols of the others with another status and a name. */
const throttleCodes: readonly string[] = [
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'RequestThrottled',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
];

/** Every service's errors are alike in these. */
interface ServiceException extends Error {
  readonly $fault: 'client' | 'server';
  readonly $metadata: { readonly httpStatusCode?: number };
}

/** `signal` is the caller's: it tells giving up from a timeout. */
export function readFailure(error: unknown, signal: AbortSignal): AwsFailure {
  if (error instanceof WorldError) {
    return { kind: error.retryable ? 'unavailable' : 'refused', code: error.code, message: error.message };
  }
  if (isServiceException(error)) return readServiceFailure(error);
  const { name, code, message } = error as { readonly name: string; readonly code?: unknown; readonly message: string };
  if (signal.aborted) return { kind: 'unknown', code: 'Aborted', message: 'given up while the answer was awaited' };
  if (/Abort|Timeout/.test(name)) return { kind: 'unknown', code: 'Timeout', message: firstLine(message) };
  if (name === 'CredentialsProviderError') return { kind: 'unavailable', code: name, message: firstLine(message) };
  if (name === 'SyntaxError') return { kind: 'unknown', code: 'UnreadableAnswer', message: firstLine(message) };
  const systemCode = typeof code === 'string' ? code : name;
  const kind = neverConnectedCodes.includes(systemCode) ? 'unavailable' : 'unknown';
  return { kind, code: systemCode, message: firstLine(message) };
}

function isServiceException(error: unknown): error is ServiceException {
  return error instanceof Error && '$fault' in error && '$metadata' in error;
}

function readServiceFailure(error: ServiceException): AwsFailure {
  const status = error.$metadata.httpStatusCode ?? 0;
  const code = error.name;
  const message = firstLine(error.message);
  if (status === 429 || throttleCodes.includes(code)) {
    const { retryAfterSeconds } = error as { readonly retryAfterSeconds?: string };
    const retryAfterMs = parseRetryAfter(retryAfterSeconds);
    return { kind: 'throttled', code, message, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  }
  return { kind: status >= 400 && status < 500 ? 'refused' : 'unavailable', code, message };
}

/** However long a service asks us to stay away, we look again after this: the event will not wait. */
const retryAfterMsMax = 60_000;

/** `retryAfterSeconds` is a string in the API; undefined unless it is a plain number. */
function parseRetryAfter(seconds: string | undefined): number | undefined {
  if (seconds === undefined || !/^\d{1,9}(\.\d{1,3})?$/.test(seconds)) return undefined;
  return Math.min(retryAfterMsMax, Number(seconds) * 1_000);
}

/**
 * The first line and no more: below it, a refused signature repeats the signed request with its session token, which must reach no log.
 */
function firstLine(message: string): string {
  return message.split('\n', 1)[0]!.slice(0, 300);
}

/** For calls whose failure is an exception and not an answer: looking. */
export function worldErrorOf(failure: AwsFailure, doing: string): WorldError {
  const retryable = failure.kind !== 'refused';
  return new WorldError(failure.code, `${doing}: ${failure.message}`, { retryable });
}
