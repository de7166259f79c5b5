/**
 * Names of what is measured. A function is always named with its alias: provisioned concurrency cannot sit on `$LATEST`.
 */

/** `123456789012/us-east-1/orders-validate:live` */
export type FunctionKey = string & { readonly __brand: 'FunctionKey' };

export interface FunctionName {
  readonly accountId: string;
  readonly region: string;
  readonly functionName: string;
  readonly alias: string;
}

/** Its form, for editors; `parseFunctionKey` has the last word. */
export const functionKeyPattern = /^(\d{12})\/([a-z]{2}(?:-[a-z]+)+-\d)\/([A-Za-z0-9-_]{1,64}):([A-Za-z0-9-_]{1,128})$/;

/** Splits a function key; undefined when the text is not one (an alias of digits only would be a version, and is refused). */
export function parseFunctionKey(text: string): FunctionName | undefined {
  const match = functionKeyPattern.exec(text);
  if (!match || /^\d+$/.test(match[4]!)) return undefined;
  return { accountId: match[1]!, region: match[2]!, functionName: match[3]!, alias: match[4]! };
}

export function functionKeyOf(name: FunctionName): FunctionKey {
  return `${name.accountId}/${name.region}/${name.functionName}:${name.alias}` as FunctionKey;
}
