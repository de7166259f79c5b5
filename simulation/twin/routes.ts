/**
 * From the wire to an operation: the route table, and the reading of what callers send. Everything here is hostile until it is read.
 */
import { invalidMember, invalidParameter, unknownOperation, unreadable, type TwinRequest } from './answer.ts';

export type OperationName =
  | 'DeleteProvisionedConcurrencyConfig'
  | 'GetAccountSettings'
  | 'GetAlias'
  | 'GetFunctionConfiguration'
  | 'GetProvisionedConcurrencyConfig'
  | 'ListProvisionedConcurrencyConfigs'
  | 'PutProvisionedConcurrencyConfig';

export interface Call {
  readonly operation: OperationName;
  /** As sent: a name, or an ARN whole or in part. Empty where the operation has none. */
  readonly functionName: string;
  readonly aliasName: string;
  readonly query: URLSearchParams;
  readonly body: string;
}

interface Route {
  readonly method: string;
  readonly path: RegExp;
  readonly list?: boolean;
  readonly operation: OperationName;
}

const provisioned = /^\/2019-09-30\/functions\/([^/]+)\/provisioned-concurrency$/;

const routes: readonly Route[] = [
  { method: 'PUT', path: provisioned, operation: 'PutProvisionedConcurrencyConfig' },
  { method: 'DELETE', path: provisioned, operation: 'DeleteProvisionedConcurrencyConfig' },
  { method: 'GET', path: provisioned, list: true, operation: 'ListProvisionedConcurrencyConfigs' },
  { method: 'GET', path: provisioned, list: false, operation: 'GetProvisionedConcurrencyConfig' },
  { method: 'GET', path: /^\/2015-03-31\/functions\/([^/]+)\/aliases\/([^/]+)$/, operation: 'GetAlias' },
  { method: 'GET', path: /^\/2015-03-31\/functions\/([^/]+)\/configuration$/, operation: 'GetFunctionConfiguration' },
  { method: 'GET', path: /^\/2016-08-19\/account-settings\/?$/, operation: 'GetAccountSettings' },
];

/** The call that a request makes. @throws Refusal when no operation has such a path, or the path is not readable. */
export function routeOf(request: TwinRequest): Call {
  const [path = '', search = ''] = splitOnce(request.target, '?');
  const query = new URLSearchParams(search);
  const isList = query.get('List') === 'ALL';
  for (const { method, path: pattern, list, operation } of routes) {
    const match = pattern.exec(path);
    if (!match || method !== request.method || (list !== undefined && list !== isList)) continue;
    const [, functionName = '', aliasName = ''] = match;
    return { operation, functionName: decoded(functionName), aliasName: decoded(aliasName), query, body: request.body };
  }
  throw unknownOperation(request.method, path);
}

/** The qualifier, which the operation cannot do without. */
export function qualifierIn(call: Call): string | undefined {
  const qualifier = call.query.get('Qualifier') ?? undefined;
  if (qualifier !== undefined && !/^(?:[a-zA-Z0-9$_-]{1,128})$/.test(qualifier)) {
    const constraint = 'Member must satisfy regular expression pattern: (|[a-zA-Z0-9$_-]+)';
    throw invalidMember(`'${qualifier.slice(0, 200)}'`, 'qualifier', constraint);
  }
  return qualifier;
}

/** The concurrency that a Put asks for, at least 1: 0 is refused and is not a delete. */
export function concurrencyIn(body: string): number {
  const value = memberIn(body, 'ProvisionedConcurrentExecutions');
  const member = 'provisionedConcurrentExecutions';
  if (value === undefined || value === null) throw invalidMember('null', member, 'Member must not be null');
  if (typeof value !== 'number' || !Number.isInteger(value) || Math.abs(value) > 2 ** 31 - 1) {
    throw unreadable(`${member} is not a 32-bit integer`);
  }
  if (value < 1) throw invalidMember(`'${value}'`, member, 'Member must have value greater than or equal to 1');
  return value;
}

const pageSizeMax = 50;

/** One page of a list by `MaxItems` and `Marker`; the marker is opaque to callers and holds the place of the next item. */
export function pageOf<Item>(
  items: readonly Item[],
  query: URLSearchParams,
): { readonly page: readonly Item[]; readonly nextMarker?: string } {
  const size = pageSizeIn(query.get('MaxItems'));
  const from = placeIn(query.get('Marker'));
  const page = items.slice(from, from + size);
  return from + size < items.length
    ? { page, nextMarker: Buffer.from(`place=${from + size}`).toString('base64url') }
    : { page };
}

function pageSizeIn(text: string | null): number {
  if (text === null) return pageSizeMax;
  if (!/^-?\d{1,9}$/.test(text)) throw unreadable('maxItems is not an integer');
  const size = Number(text);
  if (size < 1) throw invalidMember(`'${size}'`, 'maxItems', 'Member must have value greater than or equal to 1');
  if (size > pageSizeMax) {
    throw invalidMember(`'${size}'`, 'maxItems', `Member must have value less than or equal to ${pageSizeMax}`);
  }
  return size;
}

function placeIn(marker: string | null): number {
  if (marker === null) return 0;
  const match = /^place=(\d{1,9})$/.exec(Buffer.from(marker, 'base64url').toString());
  if (!match) throw invalidParameter('Invalid pagination token');
  return Number(match[1]);
}

function memberIn(body: string, name: string): unknown {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw unreadable('Could not parse request body into json');
  }
  if (typeof parsed !== 'object' || parsed === null) throw unreadable('Could not parse request body into json');
  return (parsed as Record<string, unknown>)[name];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidMember(`'${text.slice(0, 200)}'`, 'functionName', 'Member must be percent-encoded UTF-8');
  }
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
