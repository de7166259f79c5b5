/** How things stand in a twin, asked past everybody's queues and counters. */
import { assert } from '../../core/assert.ts';
import { parseFunctionKey, type FunctionKey } from '../../core/series-key.ts';
import type { TwinRequest } from '../twin/answer.ts';
import type { Twin } from '../twin/twin.ts';

export interface Configured {
  readonly requested: number;
  readonly available: number;
  readonly status: string;
}

/** Provisioned concurrency of an alias; undefined where it has none. */
export function configuredIn(twin: Twin, key: FunctionKey): Configured | undefined {
  const answer = twin.handle(provisionedRequest(key, 'GET'));
  if (answer.status === 404) return undefined;
  assert(answer.status === 200, `the twin does not say how ${key} stands: ${answer.body}`);
  const body = JSON.parse(answer.body) as {
    readonly RequestedProvisionedConcurrentExecutions: number;
    readonly AvailableProvisionedConcurrentExecutions?: number;
    readonly Status: string;
  };
  return {
    requested: body.RequestedProvisionedConcurrentExecutions,
    available: body.AvailableProvisionedConcurrentExecutions ?? 0,
    status: body.Status,
  };
}

/** Names of the schedules of ours. */
export function bookedIn(twin: Twin): string[] {
  const target = '/schedules?NamePrefix=foreshock-&MaxResults=100';
  const { status, body } = twin.handle({ method: 'GET', target, body: '' });
  assert(status === 200, `the twin does not say what is booked: ${body}`);
  return (JSON.parse(body) as { Schedules: readonly { Name: string }[] }).Schedules.map(({ Name }) => Name);
}

/** A call by somebody else: `level` 0 deletes. */
export function putByAnotherHand(twin: Twin, key: FunctionKey, level: number): void {
  const answer = twin.handle(provisionedRequest(key, level === 0 ? 'DELETE' : 'PUT', level));
  assert(answer.status < 300, `the other hand was refused: ${answer.body}`);
}

function provisionedRequest(key: FunctionKey, method: 'GET' | 'PUT' | 'DELETE', level?: number): TwinRequest {
  const { functionName, alias } = parseFunctionKey(key)!;
  const target = `/2019-09-30/functions/${functionName}/provisioned-concurrency?Qualifier=${alias}`;
  return { method, target, body: method === 'PUT' ? JSON.stringify({ ProvisionedConcurrentExecutions: level }) : '' };
}
