/** Names of AWS for what a function key names. */
import { assert } from '../core/assert.ts';
import { parseFunctionKey, type FunctionKey, type FunctionName } from '../core/series-key.ts';

export function nameOf(key: FunctionKey): FunctionName {
  const name = parseFunctionKey(key);
  assert(name !== undefined, `a function key names account, region, function and alias: ${key}`);
  return name;
}

/** Where a function lives: `123456789012/us-east-1`. Doors, and what is asked through them, are one for each. */
export function placeOf({ accountId, region }: Pick<FunctionName, 'accountId' | 'region'>): string {
  return `${accountId}/${region}`;
}

/** Which of Amazon's clouds a region is in: the second word of its ARNs. */
export function partitionOf(region: string): string {
  return region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

/**
 * The whole ARN and not the bare name: under another account's credentials a bare name would act on that account's function of the same name,
 * where an ARN is refused.
 */
export function functionArnOf({ accountId, region, functionName }: FunctionName): string {
  return `arn:${partitionOf(region)}:lambda:${region}:${accountId}:function:${functionName}`;
}
