/**
 * From the wire to an operation: the route table, and the reading of what callers send in a path and a query. Everything here is hostile
 * until it is read.
 */
import { invalidMember, invalidParameter, unknownOperation, unreadable, type TwinRequest } from './answer.ts';
import { inRange } from './request-body.ts';

export type LambdaOperationName =
  | 'CreateAlias'
  | 'CreateEventSourceMapping'
  | 'CreateFunction'
  | 'DeleteAlias'
  | 'DeleteEventSourceMapping'
  | 'DeleteFunction'
  | 'DeleteFunctionConcurrency'
  | 'DeleteProvisionedConcurrencyConfig'
  | 'GetAccountSettings'
  | 'GetAlias'
  | 'GetEventSourceMapping'
  | 'GetFunction'
  | 'GetFunctionConcurrency'
  | 'GetFunctionConfiguration'
  | 'GetProvisionedConcurrencyConfig'
  | 'Invoke'
  | 'ListAliases'
  | 'ListEventSourceMappings'
  | 'ListFunctions'
  | 'ListProvisionedConcurrencyConfigs'
  | 'ListVersionsByFunction'
  | 'PublishVersion'
  | 'PutFunctionConcurrency'
  | 'PutProvisionedConcurrencyConfig'
  | 'UpdateAlias'
  | 'UpdateEventSourceMapping'
  | 'UpdateFunctionCode'
  | 'UpdateFunctionConfiguration';

export interface Call {
  readonly operation: LambdaOperationName;
  /** As sent: a name, or an ARN whole or in part. Empty where the operation has none in its path. */
  readonly functionName: string;
  readonly aliasName: string;
  /** Of an event source mapping; empty where the path names none. */
  readonly uuid: string;
  readonly query: URLSearchParams;
  readonly body: string;
  readonly invocationType: string;
}

interface Route {
  readonly method: string;
  readonly path: RegExp;
  readonly list?: boolean;
  readonly operation: LambdaOperationName;
}

const functions = '/2015-03-31/functions';
const provisioned = /^\/2019-09-30\/functions\/([^/]+)\/provisioned-concurrency$/;
const reserved = /^\/2017-10-31\/functions\/([^/]+)\/concurrency$/;
const each = new RegExp(`^${functions}/([^/]+)$`);
const all = new RegExp(`^${functions}/?$`);
const under = (name: string): RegExp => new RegExp(`^${functions}/([^/]+)/${name}$`);
const aliases = under('aliases');
const alias = under('aliases/([^/]+)');
const mappings = /^\/2015-03-31\/event-source-mappings\/?$/;
const mapping = /^\/2015-03-31\/event-source-mappings\/(?<uuid>[^/]+)$/;

const routes: readonly Route[] = [
  { method: 'PUT', path: provisioned, operation: 'PutProvisionedConcurrencyConfig' },
  { method: 'DELETE', path: provisioned, operation: 'DeleteProvisionedConcurrencyConfig' },
  { method: 'GET', path: provisioned, list: true, operation: 'ListProvisionedConcurrencyConfigs' },
  { method: 'GET', path: provisioned, list: false, operation: 'GetProvisionedConcurrencyConfig' },
  { method: 'PUT', path: reserved, operation: 'PutFunctionConcurrency' },
  { method: 'DELETE', path: reserved, operation: 'DeleteFunctionConcurrency' },
  { method: 'GET', path: /^\/2019-09-30\/functions\/([^/]+)\/concurrency$/, operation: 'GetFunctionConcurrency' },
  { method: 'GET', path: alias, operation: 'GetAlias' },
  { method: 'PUT', path: alias, operation: 'UpdateAlias' },
  { method: 'DELETE', path: alias, operation: 'DeleteAlias' },
  { method: 'GET', path: aliases, operation: 'ListAliases' },
  { method: 'POST', path: aliases, operation: 'CreateAlias' },
  { method: 'GET', path: mapping, operation: 'GetEventSourceMapping' },
  { method: 'PUT', path: mapping, operation: 'UpdateEventSourceMapping' },
  { method: 'DELETE', path: mapping, operation: 'DeleteEventSourceMapping' },
  { method: 'GET', path: mappings, operation: 'ListEventSourceMappings' },
  { method: 'POST', path: mappings, operation: 'CreateEventSourceMapping' },
  { method: 'GET', path: under('versions'), operation: 'ListVersionsByFunction' },
  { method: 'POST', path: under('versions'), operation: 'PublishVersion' },
  { method: 'GET', path: under('configuration'), operation: 'GetFunctionConfiguration' },
  { method: 'PUT', path: under('configuration'), operation: 'UpdateFunctionConfiguration' },
  { method: 'PUT', path: under('code'), operation: 'UpdateFunctionCode' },
  { method: 'POST', path: under('invocations'), operation: 'Invoke' },
  { method: 'GET', path: each, operation: 'GetFunction' },
  { method: 'DELETE', path: each, operation: 'DeleteFunction' },
  { method: 'GET', path: all, operation: 'ListFunctions' },
  { method: 'POST', path: all, operation: 'CreateFunction' },
  { method: 'GET', path: /^\/2016-08-19\/account-settings\/?$/, operation: 'GetAccountSettings' },
];

export const lambdaOperationNames: readonly LambdaOperationName[] = routes.map(({ operation }) => operation);

/** The call that a request makes. @throws Refusal when no operation has such a path, or the path is not readable. */
export function routeOf(request: TwinRequest): Call {
  const [path = '', search = ''] = splitOnce(request.target, '?');
  const query = new URLSearchParams(search);
  const isList = query.get('List') === 'ALL';
  for (const { method, path: pattern, list, operation } of routes) {
    const match = pattern.exec(path);
    if (!match || method !== request.method || (list !== undefined && list !== isList)) continue;
    const { uuid } = match.groups ?? {};
    const [, functionName = '', aliasName = ''] = uuid === undefined ? match : [];
    const { body, invocationType = 'RequestResponse' } = request;
    return {
      operation,
      functionName: decoded(functionName, 'functionName'),
      aliasName: decoded(aliasName, 'name'),
      uuid: decoded(uuid ?? '', 'uUID'),
      query,
      body,
      invocationType,
    };
  }
  throw unknownOperation(request.method, path);
}

/** The qualifier in the query, where there is one. */
export function qualifierIn(call: Call): string | undefined {
  const qualifier = call.query.get('Qualifier') ?? undefined;
  if (qualifier !== undefined && !/^(?:[a-zA-Z0-9$_-]{1,128})$/.test(qualifier)) {
    const constraint = 'Member must satisfy regular expression pattern: (|[a-zA-Z0-9$_-]+)';
    throw invalidMember(`'${qualifier.slice(0, 200)}'`, 'qualifier', constraint);
  }
  return qualifier;
}

/** What a page holds at most: 50 provisioned configurations; of the other lists 10,000 may be asked for. */
export interface PageSizes {
  readonly askedMax: number;
  readonly givenMax: number;
}

export const provisionedPage: PageSizes = { askedMax: 50, givenMax: 50 };
export const listPage: PageSizes = { askedMax: 10_000, givenMax: 50 };

/** One page of a list by `MaxItems` and `Marker`; the marker is opaque to callers and holds the place of the next item. */
export function pageOf<Item>(
  items: readonly Item[],
  query: URLSearchParams,
  sizes: PageSizes,
): { readonly page: readonly Item[]; readonly next: { readonly NextMarker?: string } } {
  const size = pageSizeIn(query.get('MaxItems'), sizes);
  const from = placeIn(query.get('Marker'));
  const page = items.slice(from, from + size);
  const next = Buffer.from(`place=${from + size}`).toString('base64url');
  return { page, next: from + size < items.length ? { NextMarker: next } : {} };
}

function pageSizeIn(text: string | null, { askedMax, givenMax }: PageSizes): number {
  if (text === null) return givenMax;
  if (!/^-?\d{1,9}$/.test(text)) throw unreadable('maxItems is not an integer');
  return Math.min(givenMax, inRange(Number(text), 'MaxItems', { min: 1, max: askedMax }));
}

function placeIn(marker: string | null): number {
  if (marker === null || marker === '') return 0;
  const match = /^place=(\d{1,9})$/.exec(Buffer.from(marker, 'base64url').toString());
  if (!match) throw invalidParameter('Invalid pagination token');
  return Number(match[1]);
}

function decoded(text: string, member: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidMember(`'${text.slice(0, 200)}'`, member, 'Member must be percent-encoded UTF-8');
  }
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
