/**
 * What a caller of Application Auto Scaling sends, read and checked.
 */
import type { EpochMs } from '../../core/time.ts';
import { badRequest, errorAnswer, Refusal } from './answer.ts';
import type { TwinParams } from './limits.ts';
import {
  booleanIn,
  inRange,
  integerIn,
  membersOf,
  oneOf,
  required,
  textIn,
  upTo,
  type Members,
} from './request-body.ts';
import type { Bounds, Suspended } from './scaling-targets.ts';
import { isTimeZone, readScheduleExpression } from './schedule-expression.ts';

export const dimension = 'lambda:function:ProvisionedConcurrency';

const namespaces = [
  ...['ecs', 'elasticmapreduce', 'ec2', 'appstream', 'dynamodb', 'rds', 'sagemaker', 'custom-resource', 'comprehend'],
  ...['lambda', 'cassandra', 'kafka', 'elasticache', 'neptune', 'workspaces'],
] as const;
const resourcePattern = /^function:([a-zA-Z0-9-_]{1,64}):([a-zA-Z0-9-_]{1,128})$/;

export interface Resource {
  readonly resourceId: string;
  readonly functionName: string;
  readonly qualifier: string;
}

/** The resource that a call is about. @throws Refusal when the twin, as Lambda, has nothing to scale under that name. */
export function resourceIn(members: Members): Resource {
  const namespace = namespaceIn(members);
  const resourceId = upTo(1_600, required(textIn(members, 'ResourceId'), 'ResourceId'), 'ResourceId');
  const asked = required(textIn(members, 'ScalableDimension'), 'ScalableDimension');
  const [, functionName, qualifier] = resourcePattern.exec(resourceId) ?? [];
  if (namespace !== 'lambda' || asked !== dimension || functionName === undefined || qualifier === undefined) {
    throw badRequest('Unsupported service namespace, resource type or scalable dimension');
  }
  return { resourceId, functionName, qualifier };
}

export function namespaceIn(members: Members): string {
  return required(oneOf(namespaces, textIn(members, 'ServiceNamespace'), 'ServiceNamespace'), 'ServiceNamespace');
}

/** Of whatever the address holds: faults are told it before anything is checked. */
export function functionNameIn(members: Members): string {
  const resourceId = members['ResourceId'];
  return typeof resourceId === 'string' ? (resourcePattern.exec(resourceId)?.[1] ?? '') : '';
}

/** The bounds that are sent, either or both. */
export function boundsIn(members: Members): Partial<Bounds> {
  const min = integerIn(members, 'MinCapacity');
  const max = integerIn(members, 'MaxCapacity');
  return {
    ...(min !== undefined && { min: inRange(min, 'MinCapacity', { min: 0 }) }),
    ...(max !== undefined && { max: inRange(max, 'MaxCapacity', { min: 0 }) }),
  };
}

/** @throws Refusal when one is missing or they contradict each other. */
export function wholeBounds({ min, max }: Partial<Bounds>): Bounds {
  if (min === undefined || max === undefined) {
    throw badRequest('Minimum capacity and maximum capacity are required for a new scalable target');
  }
  if (min > max) throw badRequest('Maximum capacity cannot be less than minimum capacity');
  return { min, max };
}

/** What is suspended; what is not sent is not. */
export function suspendedIn(members: Members): Suspended | undefined {
  const sent = membersOf(members, 'SuspendedState');
  return (
    sent && {
      DynamicScalingInSuspended: booleanIn(sent, 'DynamicScalingInSuspended'),
      DynamicScalingOutSuspended: booleanIn(sent, 'DynamicScalingOutSuspended'),
      ScheduledScalingSuspended: booleanIn(sent, 'ScheduledScalingSuspended'),
    }
  );
}

/** The instant of a scheduled action. @throws Refusal */
export function scheduleAtMs(
  expression: string,
  timeZone: string,
  { params, nowMs }: { readonly params: TwinParams; readonly nowMs: EpochMs },
): EpochMs {
  if (!isTimeZone(timeZone)) throw badRequest(`Invalid timezone: ${timeZone.slice(0, 100)}`);
  const when = readScheduleExpression(expression, timeZone);
  if (when.kind === 'recurring') throw badRequest(`The twin plays at(...) alone, not ${expression}`);
  if (when.kind === 'invalid' || (params.pastScheduleIsRefused && when.atMs < nowMs)) {
    throw badRequest(`Invalid schedule expression: ${expression.slice(0, 200)}`);
  }
  return when.atMs;
}

/** A page by `MaxResults` (50 at most) and `NextToken`, which names the place of the next item. */
export function pageIn<Item>(
  items: readonly Item[],
  members: Members,
): { readonly page: readonly Item[]; readonly next: { readonly NextToken?: string } } {
  const size = inRange(integerIn(members, 'MaxResults') ?? 50, 'MaxResults', { min: 1, max: 50 });
  const token = textIn(members, 'NextToken') ?? '';
  const place = /^place=(\d{1,9})$/.exec(Buffer.from(token, 'base64url').toString())?.[1];
  if (token !== '' && place === undefined) {
    throw new Refusal(errorAnswer(400, 'InvalidNextTokenException', { message: 'The next token is invalid.' }));
  }
  const from = Number(place ?? 0);
  const next = Buffer.from(`place=${from + size}`).toString('base64url');
  return { page: items.slice(from, from + size), next: from + size < items.length ? { NextToken: next } : {} };
}
