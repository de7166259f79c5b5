/**
 * Application Auto Scaling for provisioned concurrency: scalable targets, scheduled actions, policies.
 *
 * Registering a target, anew or again, moves what is provisioned into its bounds at once, whoever put it there. Scheduled actions set the bounds
 * and do the same. Policies of target tracking are kept and shown; their alarms are not played.
 */
import type { EpochMs } from '../../core/time.ts';
import { badRequest, errorAnswer, Refusal } from './answer.ts';
import { uuidFrom } from './function-registry.ts';
import type { TwinParams } from './limits.ts';
import { matching, membersOf, numberIn, oneOf, required, textIn, upTo, type Members } from './request-body.ts';
import {
  boundsIn,
  dimension,
  namespaceIn,
  pageIn,
  resourceIn,
  scheduleAtMs,
  suspendedIn,
  wholeBounds,
  type Resource,
} from './scaling-request.ts';
import type { ScalableTarget, ScalableTargets, ScalingPolicy, ScheduledAction } from './scaling-targets.ts';
import type { TwinPlace } from './twin-function.ts';

export type ScalingOperationName =
  | 'DeleteScalingPolicy'
  | 'DeleteScheduledAction'
  | 'DeregisterScalableTarget'
  | 'DescribeScalableTargets'
  | 'DescribeScalingPolicies'
  | 'DescribeScheduledActions'
  | 'PutScalingPolicy'
  | 'PutScheduledAction'
  | 'RegisterScalableTarget';

export interface ScalingContext {
  readonly targets: ScalableTargets;
  readonly params: TwinParams;
  readonly place: TwinPlace;
}

/** Documented quotas of one target. */
const actionCountMax = 200;
const policyCountMax = 50;
/** A policy is kept as sent, so it is bounded here. */
const configurationBytesMax = 8_192;

const actionNamePattern = /^(?! )(?!.*[\u0000-\u001f\u007f-\u009f:/|])(?!.* $).+$/;
const notSuspended = {
  DynamicScalingInSuspended: false,
  DynamicScalingOutSuspended: false,
  ScheduledScalingSuspended: false,
};

type Operation = (context: ScalingContext, members: Members, nowMs: EpochMs) => object;

export const scalingOperations: Readonly<Record<ScalingOperationName, Operation>> = {
  RegisterScalableTarget(context, members, nowMs) {
    const { targets, params } = context;
    const resource = resourceIn(members);
    const before = targets.all.get(resource.resourceId);
    refusePending(before);
    if (!before && targets.all.size >= params.scalableTargetCountMax) throw limitExceeded('scalable targets');
    const target: ScalableTarget = {
      ...resource,
      arn: before?.arn ?? arnOf(context, 'application-autoscaling', `scalable-target/${identifier(context)}`),
      bounds: wholeBounds({ ...before?.bounds, ...boundsIn(members) }),
      suspended: suspendedIn(members) ?? before?.suspended ?? notSuspended,
      createdAtMs: before?.createdAtMs ?? nowMs,
      clampsAtMs: undefined,
      actions: before?.actions ?? new Map(),
      policies: before?.policies ?? new Map(),
    };
    targets.clamp(target, nowMs);
    return { ScalableTargetARN: target.arn };
  },
  DeregisterScalableTarget({ targets }, members) {
    const resource = resourceIn(members);
    if (!targets.all.has(resource.resourceId)) throw noneFound('scalable target', resource);
    targets.remove(resource.resourceId);
    return {};
  },
  DescribeScalableTargets(context, members) {
    const wanted = textsIn(members, 'ResourceIds');
    const found = targetsIn(context, members).filter(({ resourceId }) => wanted?.includes(resourceId) ?? true);
    const { page, next } = pageIn(found, members);
    return { ScalableTargets: page.map((target) => targetBody(context, target)), ...next };
  },
  PutScheduledAction(context, members, nowMs) {
    const { targets } = context;
    const resource = resourceIn(members);
    const name = upTo(
      256,
      required(textIn(members, 'ScheduledActionName'), 'ScheduledActionName'),
      'ScheduledActionName',
    );
    matching(actionNamePattern, name, 'ScheduledActionName');
    const target = registered(targets, resource);
    refusePending(target);
    const before = target.actions.get(name);
    if (!before && target.actions.size >= actionCountMax) throw limitExceeded('scheduled actions');
    const expression = required(textIn(members, 'Schedule') ?? before?.expression, 'Schedule');
    const timeZone = textIn(members, 'Timezone') ?? before?.timeZone;
    const isSet = textIn(members, 'Schedule') !== undefined || textIn(members, 'Timezone') !== undefined;
    const action: ScheduledAction = {
      name,
      arn: before?.arn ?? ownedArn(context, resource, 'scheduledAction', `scheduledActionName/${name}`),
      expression,
      timeZone,
      // What is not sent of these two is taken away, as documented.
      startTime: numberIn(members, 'StartTime'),
      endTime: numberIn(members, 'EndTime'),
      bounds: actionBounds(members, before),
      createdAtMs: before?.createdAtMs ?? nowMs,
      runsAtMs: isSet
        ? runsAtMs(context, { of: `${resource.resourceId} ${name}`, expression, timeZone }, nowMs)
        : before?.runsAtMs,
    };
    targets.set({ ...target, actions: new Map(target.actions).set(name, action) });
    return {};
  },
  DescribeScheduledActions(context, members) {
    const wanted = textsIn(members, 'ScheduledActionNames');
    const found = targetsIn(context, members)
      .filter((target) => isAsked(target, members))
      .flatMap((target) => [...target.actions.values()].map((action) => ({ target, action })))
      .filter(({ action }) => wanted?.includes(action.name) ?? true);
    const { page, next } = pageIn(found, members);
    return { ScheduledActions: page.map(({ target, action }) => actionBody(target, action)), ...next };
  },
  DeleteScheduledAction({ targets }, members) {
    const resource = resourceIn(members);
    const name = required(textIn(members, 'ScheduledActionName'), 'ScheduledActionName');
    const target = targets.all.get(resource.resourceId);
    const actions = new Map(target?.actions);
    if (!target || !actions.delete(name))
      throw noneFound('scheduled action', resource, `, scheduled action name: ${name}`);
    targets.set({ ...target, actions });
    return {};
  },
  PutScalingPolicy(context, members, nowMs) {
    const resource = resourceIn(members);
    const name = upTo(256, required(textIn(members, 'PolicyName'), 'PolicyName'), 'PolicyName');
    const types = ['StepScaling', 'TargetTrackingScaling', 'PredictiveScaling'] as const;
    const type = oneOf(types, textIn(members, 'PolicyType'), 'PolicyType') ?? 'StepScaling';
    if (type !== 'TargetTrackingScaling') {
      throw badRequest(`${type} is not supported for service namespace: lambda`);
    }
    const member = 'TargetTrackingScalingPolicyConfiguration';
    const configuration = required(membersOf(members, member), member);
    required(numberIn(configuration, 'TargetValue'), `${member}.TargetValue`);
    if (Buffer.byteLength(JSON.stringify(configuration)) > configurationBytesMax)
      throw badRequest('The policy is too large');
    const target = registered(context.targets, resource);
    const before = target.policies.get(name);
    if (!before && target.policies.size >= policyCountMax) throw limitExceeded('scaling policies');
    const arn = before?.arn ?? ownedArn(context, resource, 'scalingPolicy', `policyName/${name}`);
    const policy = { name, arn, configuration, createdAtMs: before?.createdAtMs ?? nowMs };
    context.targets.set({ ...target, policies: new Map(target.policies).set(name, policy) });
    return { PolicyARN: arn, Alarms: [] };
  },
  DescribeScalingPolicies(context, members) {
    const wanted = textsIn(members, 'PolicyNames');
    const found = targetsIn(context, members)
      .filter((target) => isAsked(target, members))
      .flatMap((target) => [...target.policies.values()].map((policy) => ({ target, policy })))
      .filter(({ policy }) => wanted?.includes(policy.name) ?? true);
    const { page, next } = pageIn(found, members);
    return { ScalingPolicies: page.map(({ target, policy }) => policyBody(target, policy)), ...next };
  },
  DeleteScalingPolicy({ targets }, members) {
    const resource = resourceIn(members);
    const name = required(textIn(members, 'PolicyName'), 'PolicyName');
    const target = targets.all.get(resource.resourceId);
    const policies = new Map(target?.policies);
    if (!target || !policies.delete(name)) throw noneFound('scaling policy', resource, `, policy name: ${name}`);
    targets.set({ ...target, policies });
    return {};
  },
};

export const scalingOperationNames = Object.keys(scalingOperations) as ScalingOperationName[];

function actionBounds(members: Members, before: ScheduledAction | undefined): ScheduledAction['bounds'] {
  const sent = membersOf(members, 'ScalableTargetAction');
  const bounds = sent ? boundsIn(sent) : before?.bounds;
  if (!bounds || Object.keys(bounds).length === 0) {
    throw badRequest('ScalableTargetAction must have a minimum capacity, a maximum capacity, or both');
  }
  if (bounds.min !== undefined && bounds.max !== undefined) wholeBounds(bounds);
  return bounds;
}

/** Within the minute after its time, the same by the same seed. */
function runsAtMs(
  { targets, params }: ScalingContext,
  action: { readonly of: string; readonly expression: string; readonly timeZone: string | undefined },
  nowMs: EpochMs,
): EpochMs {
  const atMs = scheduleAtMs(action.expression, action.timeZone ?? 'UTC', { params, nowMs });
  const ratio = targets.random.fork(`${action.of} at ${atMs}`).next();
  return Math.max(nowMs, atMs + Math.floor(ratio * params.schedulePrecisionMs));
}

function registered({ all }: ScalableTargets, resource: Resource): ScalableTarget {
  const target = all.get(resource.resourceId);
  if (!target) throw objectNotFound(`No scalable target registered for ${addressOf(resource)}`);
  return target;
}

/** Of Lambda all, of another namespace none: the twin scales nothing else. */
function targetsIn({ targets }: ScalingContext, members: Members): readonly ScalableTarget[] {
  const asked = textIn(members, 'ScalableDimension') ?? dimension;
  return namespaceIn(members) === 'lambda' && asked === dimension ? [...targets.all.values()] : [];
}

function isAsked({ resourceId }: ScalableTarget, members: Members): boolean {
  return (textIn(members, 'ResourceId') ?? resourceId) === resourceId;
}

function textsIn(members: Members, member: string): readonly string[] | undefined {
  const texts = members[member] ?? undefined;
  if (texts === undefined) return undefined;
  if (!Array.isArray(texts) || texts.length > 50) throw badRequest(`${member} must be a list of at most 50`);
  return texts.map(String);
}

function targetBody({ place }: ScalingContext, target: ScalableTarget): object {
  return {
    ...addressBody(target),
    MinCapacity: target.bounds.min,
    MaxCapacity: target.bounds.max,
    RoleARN: `arn:aws:iam::${place.accountId}:role/aws-service-role/lambda.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency`,
    CreationTime: target.createdAtMs / 1_000,
    SuspendedState: target.suspended,
    ScalableTargetARN: target.arn,
  };
}

function actionBody(target: ScalableTarget, action: ScheduledAction): object {
  const { min, max } = action.bounds;
  return {
    ...addressBody(target),
    ScheduledActionName: action.name,
    ScheduledActionARN: action.arn,
    Schedule: action.expression,
    ...(action.timeZone !== undefined && { Timezone: action.timeZone }),
    ...(action.startTime !== undefined && { StartTime: action.startTime }),
    ...(action.endTime !== undefined && { EndTime: action.endTime }),
    ScalableTargetAction: {
      ...(min !== undefined && { MinCapacity: min }),
      ...(max !== undefined && { MaxCapacity: max }),
    },
    CreationTime: action.createdAtMs / 1_000,
  };
}

function policyBody(target: ScalableTarget, { name, arn, configuration, createdAtMs }: ScalingPolicy): object {
  return {
    ...addressBody(target),
    PolicyARN: arn,
    PolicyName: name,
    PolicyType: 'TargetTrackingScaling',
    TargetTrackingScalingPolicyConfiguration: configuration,
    Alarms: [],
    CreationTime: createdAtMs / 1_000,
  };
}

function addressBody({ resourceId }: Resource): object {
  return { ServiceNamespace: 'lambda', ResourceId: resourceId, ScalableDimension: dimension };
}

function addressOf({ resourceId }: Resource): string {
  return `service namespace: lambda, resource ID: ${resourceId}, scalable dimension: ${dimension}`;
}

function identifier({ targets }: ScalingContext): string {
  return uuidFrom(targets.random);
}

function ownedArn(context: ScalingContext, { resourceId }: Resource, kind: string, named: string): string {
  return arnOf(context, 'autoscaling', `${kind}:${identifier(context)}:resource/lambda/${resourceId}:${named}`);
}

function arnOf({ place }: ScalingContext, service: string, rest: string): string {
  return `arn:aws:${service}:${place.region}:${place.accountId}:${rest}`;
}

function refusePending(target: ScalableTarget | undefined): void {
  if (target?.clampsAtMs === undefined) return;
  const message = `There is already a pending update to ${addressOf(target)}`;
  throw new Refusal(errorAnswer(400, 'ConcurrentUpdateException', { message }));
}

function noneFound(what: string, resource: Resource, more = ''): Refusal {
  return objectNotFound(`No ${what} found for ${addressOf(resource)}${more}`);
}

function objectNotFound(message: string): Refusal {
  return new Refusal(errorAnswer(400, 'ObjectNotFoundException', { message }));
}

function limitExceeded(what: string): Refusal {
  return new Refusal(errorAnswer(400, 'LimitExceededException', { message: `Too many ${what}` }));
}
