/** How a throttle is written: by Lambda, by DynamoDB, S3, SQS and what stands in front of them, in error types and in messages. */
const throttlePattern =
  /TooManyRequests|Throttl|Rate ?Exceeded|RequestLimitExceeded|ThroughputExceeded|InvocationLimitExceeded|SlowDown/i;

export const tooManyRequests = 429;

/** True for a text (an error's type or message) that says: refused for lack of room, not for what was asked. */
export function isThrottleText(text: string): boolean {
  return throttlePattern.test(text);
}
