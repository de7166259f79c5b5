/**
 * What went wrong with a call to CloudWatch: whether a person must mend it, and whether asking again can help.
 *
 * | what came back                                       | is            | asked again |
 * |------------------------------------------------------|---------------|-------------|
 * | access denied, a bad signature or token, no credentials | InputError | no          |
 * | throttled, 5xx, timeout, no connection, no JSON      | WorldError    | yes         |
 * | any other 4xx                                        | WorldError    | no          |
 *
 * CloudWatch answers a throttle with 400 and says so in the name alone.
 */
import { CloudWatchServiceException } from '@aws-sdk/client-cloudwatch';
import { InputError, WorldError } from '../core/errors.ts';

const throttleNames: readonly string[] = [
  'Throttling',
  'ThrottlingException',
  'LimitExceededException',
  'TooManyRequestsException',
  'RequestLimitExceeded',
];
const deniedNames: readonly string[] = ['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation'];
const credentialNames: readonly string[] = [
  'CredentialsProviderError',
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidClientTokenId',
  'IncompleteSignature',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
];

export function readMetricFailure(error: unknown, endpointName: string): InputError | WorldError {
  if (error instanceof InputError || error instanceof WorldError) return error;
  const { name, message } = error as Error;
  const doing = `reading metrics from ${endpointName}`;
  const said = firstLine(message);
  if (deniedNames.includes(name)) {
    const what = 'these credentials may not read metrics; allow the action cloudwatch:GetMetricData on resource *';
    return new InputError('cloudwatch-denied', `${doing}: ${what} (${said})`, { cause: error });
  }
  if (credentialNames.includes(name)) {
    const what = 'no usable AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY';
    return new InputError('cloudwatch-credentials', `${doing}: ${what} (${said})`, { cause: error });
  }
  const status = error instanceof CloudWatchServiceException ? (error.$metadata.httpStatusCode ?? 0) : 0;
  const isRefused = status >= 400 && status < 500 && status !== 429 && !throttleNames.includes(name);
  return new WorldError(name, `${doing}: ${said}`, { retryable: !isRefused, cause: error });
}

/** Below the first line a refused signature repeats the signed request with its session token, which must reach no log. */
function firstLine(message: string): string {
  return message.split('\n', 1)[0]!.slice(0, 300);
}
