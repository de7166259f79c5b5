/**
 * Universal targets: a call of another AWS service, written as the service's name, the operation's, and its members in JSON. What a schedule fires
 * goes over the same wire as anybody's call, so a target is the request that an SDK would make of it.
 */
import { badRequest, type Refusal, type TwinRequest } from './answer.ts';
import type { Members } from './request-body.ts';

interface UniversalTarget {
  /** Members as the operation spells them, and what they hold. */
  readonly members: Readonly<Record<string, 'string' | 'number' | 'boolean' | 'object'>>;
  readonly required: readonly string[];
  readonly request: (input: Members) => TwinRequest;
}

const functions = '/2015-03-31/functions';
const provisionedPath = (input: Members): string =>
  `/2019-09-30/functions/${segment(input, 'FunctionName')}/provisioned-concurrency?Qualifier=${segment(input, 'Qualifier')}`;
const reservedPath = (input: Members): string => `/2017-10-31/functions/${segment(input, 'FunctionName')}/concurrency`;
const qualified = { FunctionName: 'string', Qualifier: 'string' } as const;

const scalableTarget = { ServiceNamespace: 'string', ResourceId: 'string', ScalableDimension: 'string' } as const;

const targets: Readonly<Record<string, UniversalTarget>> = {
  'applicationautoscaling:deregisterScalableTarget': {
    members: scalableTarget,
    required: Object.keys(scalableTarget),
    request: (input) => scalingRequest('DeregisterScalableTarget', input),
  },
  'applicationautoscaling:registerScalableTarget': {
    members: {
      ...scalableTarget,
      MinCapacity: 'number',
      MaxCapacity: 'number',
      RoleARN: 'string',
      SuspendedState: 'object',
    },
    required: Object.keys(scalableTarget),
    request: (input) => scalingRequest('RegisterScalableTarget', input),
  },
  'lambda:deleteFunctionConcurrency': {
    members: { FunctionName: 'string' },
    required: ['FunctionName'],
    request: (input) => ({ method: 'DELETE', target: reservedPath(input), body: '' }),
  },
  'lambda:deleteProvisionedConcurrencyConfig': {
    members: qualified,
    required: ['FunctionName', 'Qualifier'],
    request: (input) => ({ method: 'DELETE', target: provisionedPath(input), body: '' }),
  },
  'lambda:invoke': {
    members: { ...qualified, InvocationType: 'string', Payload: 'string', ClientContext: 'string', LogType: 'string' },
    required: ['FunctionName'],
    request: (input) => ({
      method: 'POST',
      target: `${functions}/${segment(input, 'FunctionName')}/invocations${
        input['Qualifier'] === undefined ? '' : `?Qualifier=${segment(input, 'Qualifier')}`
      }`,
      body: typeof input['Payload'] === 'string' ? input['Payload'] : '',
      ...(typeof input['InvocationType'] === 'string' && { invocationType: input['InvocationType'] }),
    }),
  },
  'lambda:putFunctionConcurrency': {
    members: { FunctionName: 'string', ReservedConcurrentExecutions: 'number' },
    required: ['FunctionName', 'ReservedConcurrentExecutions'],
    request: (input) => ({
      method: 'PUT',
      target: reservedPath(input),
      body: bodyOf(input, ['FunctionName']),
    }),
  },
  'lambda:putProvisionedConcurrencyConfig': {
    members: { ...qualified, ProvisionedConcurrentExecutions: 'number' },
    required: ['FunctionName', 'Qualifier', 'ProvisionedConcurrentExecutions'],
    request: (input) => ({
      method: 'PUT',
      target: provisionedPath(input),
      body: bodyOf(input, ['FunctionName', 'Qualifier']),
    }),
  },
  'lambda:updateAlias': {
    members: {
      FunctionName: 'string',
      Name: 'string',
      FunctionVersion: 'string',
      Description: 'string',
      RoutingConfig: 'object',
      RevisionId: 'string',
    },
    required: ['FunctionName', 'Name'],
    request: (input) => ({
      method: 'PUT',
      target: `${functions}/${segment(input, 'FunctionName')}/aliases/${segment(input, 'Name')}`,
      body: bodyOf(input, ['FunctionName', 'Name']),
    }),
  },
  // Members are spelled as no acronym: Uuid, where Lambda's own API says UUID.
  'lambda:updateEventSourceMapping': {
    members: { Uuid: 'string', FunctionName: 'string', Enabled: 'boolean', BatchSize: 'number' },
    required: ['Uuid'],
    request: (input) => ({
      method: 'PUT',
      target: `/2015-03-31/event-source-mappings/${segment(input, 'Uuid')}`,
      body: bodyOf(input, ['Uuid']),
    }),
  },
};

const arnPattern = /^arn:aws(?:-[a-z]+)*:scheduler:::aws-sdk:([a-z0-9]{1,64}:[a-zA-Z0-9]{1,64})$/;

/** The call that a schedule makes. @throws Refusal when the twin does not play the target, or its input does not fit it. */
export function readTarget(arn: string, input: string | undefined): TwinRequest {
  const name = arnPattern.exec(arn)?.[1] ?? '';
  const target = Object.hasOwn(targets, name) ? targets[name] : undefined;
  if (!target) {
    const played = Object.keys(targets).join(', ');
    throw badRequest(
      `Provided Arn is not in correct format, or not played here: arn:aws:scheduler:::aws-sdk: ${played}`,
    );
  }
  const members = objectIn(input);
  for (const [member, value] of Object.entries(members)) {
    if (!Object.hasOwn(target.members, member)) throw badInput(`The field "${member.slice(0, 100)}" is not known`);
    const kind = target.members[member]!;
    if (typeof value !== kind || value === null) throw badInput(`The field "${member}" is no ${kind}`);
  }
  const missing = target.required.find((member) => members[member] === undefined);
  if (missing !== undefined) throw badInput(`The field "${missing}" is required`);
  return target.request(members);
}

function objectIn(input: string | undefined): Members {
  try {
    const parsed: unknown = JSON.parse(input ?? '{}');
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Members;
  } catch {
    // Said below, as of everything that is no object.
  }
  throw badInput('It is no JSON object');
}

function badInput(reason: string): Refusal {
  return badRequest(`Invalid RequestJson provided. Reason ${reason}.`);
}

function scalingRequest(operation: string, input: Members): TwinRequest {
  return {
    method: 'POST',
    target: '/',
    body: JSON.stringify(input),
    amzTarget: `AnyScaleFrontendService.${operation}`,
  };
}

function segment(input: Members, member: string): string {
  return encodeURIComponent(String(input[member]));
}

/** What is not in the path. */
function bodyOf(input: Members, inPath: readonly string[]): string {
  return JSON.stringify(Object.fromEntries(Object.entries(input).filter(([member]) => !inPath.includes(member))));
}
