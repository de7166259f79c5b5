/**
 * What Terraform must leave alone, and what it must grant, so that Foreshock may act: text to copy, for the AWS provider's own resources.
 *
 * @see https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/lambda_provisioned_concurrency_config
 * @see https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/appautoscaling_target
 */
import { bookingNamePrefix } from '../core/booking.ts';
import type { FunctionKey, FunctionName } from '../core/series-key.ts';
import { functionArnOf, nameOf, partitionOf } from './arn.ts';
import { scalableTargetIdOf } from './scalable-target.ts';

/** Acted on, one way or the other. */
export interface ActedOn {
  readonly key: FunctionKey;
  readonly ownership: 'own' | 'steer';
}

/** The lines of the function's own resource that keep Terraform's hands off what Foreshock moves. */
export function ownershipSnippet({ key, ownership }: ActedOn): string {
  const name = nameOf(key);
  const label = labelOf(`${name.functionName}_${name.alias}`);
  if (ownership === 'own') {
    return `# ${key}: Foreshock sets the number. Where Terraform holds this resource, it needs the lifecycle; where it holds none, add none.
resource "aws_lambda_provisioned_concurrency_config" "${label}" {
  function_name                     = "${name.functionName}"
  qualifier                         = "${name.alias}"
  provisioned_concurrent_executions = 1 # what stands outside Foreshock's windows

  lifecycle {
    ignore_changes = [provisioned_concurrent_executions]
  }
}
`;
  }
  const { ServiceNamespace, ResourceId, ScalableDimension } = scalableTargetIdOf(name);
  return `# ${key}: Foreshock moves the bounds; the scaling policies stay as they are.
resource "aws_appautoscaling_target" "${label}" {
  service_namespace  = "${ServiceNamespace}"
  resource_id        = "${ResourceId}"
  scalable_dimension = "${ScalableDimension}"
  min_capacity       = 1   # your own bounds
  max_capacity       = 100 # nothing above it can be asked for

  lifecycle {
    ignore_changes = [min_capacity, max_capacity]
  }
}
`;
}

export interface SchedulerPlace {
  readonly roleArn?: string | undefined;
  readonly groupName: string;
}

/** What Foreshock itself may do, and the role that EventBridge Scheduler makes its calls as. All of one account and region. */
export function permissionsSnippet(functions: readonly [ActedOn, ...ActedOn[]], scheduler: SchedulerPlace): string {
  const { accountId, region } = nameOf(functions[0].key);
  const partition = partitionOf(region);
  const roleArn = scheduler.roleArn ?? `arn:${partition}:iam::${accountId}:role/foreshock-scheduler`;
  const schedules = `arn:${partition}:scheduler:${region}:${accountId}:schedule/${scheduler.groupName}/${bookingNamePrefix}*`;
  const { aliases, functionArns } = resourcesOf(functions.map(({ key }) => nameOf(key)));
  const isSteering = functions.some(({ ownership }) => ownership === 'steer');
  const set = statement(setActions, aliases);
  const steer = isSteering ? [statement(['application-autoscaling:RegisterScalableTarget'], ['*'])] : [];
  const foreshock = [
    statement(['lambda:GetAlias'], [...functionArns, ...aliases]),
    set,
    ...steer,
    statement(readActions, ['*']),
    statement(['scheduler:CreateSchedule', 'scheduler:DeleteSchedule', 'scheduler:UpdateSchedule'], [schedules]),
    statement(['iam:PassRole'], [roleArn], { 'iam:PassedToService': 'scheduler.amazonaws.com' }),
  ];
  const trust = `  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

${condition({ 'aws:SourceAccount': accountId })}
  }
`;
  const rolePath = roleArn.slice(roleArn.indexOf(':role/') + ':role/'.length);
  const [roleName = '', ...folders] = rolePath.split('/').reverse();
  const inFolder = folders.length > 0 ? `\n  path               = "/${folders.reverse().join('/')}/"` : '';
  return `# What Foreshock itself may do: attach it to the role that it runs as.
${policyDocument('foreshock', foreshock.join('\n'))}
# What EventBridge Scheduler may do for it, so that capacity ends by itself: name it in aws.scheduler.roleArn.
resource "aws_iam_role" "foreshock_scheduler" {
  name               = "${roleName}"${inFolder}
  assume_role_policy = data.aws_iam_policy_document.foreshock_scheduler_trust.json
}

resource "aws_iam_role_policy" "foreshock_scheduler" {
  role   = aws_iam_role.foreshock_scheduler.id
  policy = data.aws_iam_policy_document.foreshock_scheduler.json
}

${policyDocument('foreshock_scheduler_trust', trust)}
${policyDocument('foreshock_scheduler', [set, ...steer].join('\n'))}`;
}

/** A policy takes 6,144 characters; what is not a list of functions takes under 1,500. */
const resourceLengthMax = 4_500;

/** By name, or where that is too long every function with the same aliases. */
function resourcesOf(names: readonly FunctionName[]): { aliases: readonly string[]; functionArns: readonly string[] } {
  const aliases = [...new Set(names.map((name) => `${functionArnOf(name)}:${name.alias}`))];
  const functionArns = [...new Set(names.map(functionArnOf))];
  const length = [...functionArns, ...aliases, ...aliases].join('","').length;
  const isNamed = length <= resourceLengthMax || names.every(({ functionName }) => functionName === '*');
  return isNamed ? { aliases, functionArns } : resourcesOf(names.map((name) => ({ ...name, functionName: '*' })));
}

/** Application Auto Scaling asks the same of whoever moves its bounds. */
const setActions = [
  'lambda:DeleteProvisionedConcurrencyConfig',
  'lambda:GetProvisionedConcurrencyConfig',
  'lambda:PutProvisionedConcurrencyConfig',
];

/** These know no resources. */
const readActions = [
  'application-autoscaling:DescribeScalableTargets',
  'lambda:GetAccountSettings',
  'scheduler:ListSchedules',
];

function policyDocument(label: string, statements: string): string {
  return `data "aws_iam_policy_document" "${label}" {\n${statements}}\n`;
}

function statement(
  actions: readonly string[],
  resources: readonly string[],
  equals?: Readonly<Record<string, string>>,
): string {
  const conditions = equals ? `\n${condition(equals)}\n` : '';
  return `  statement {\n    actions   = ${listOf(actions)}\n    resources = ${listOf(resources)}\n${conditions}  }\n`;
}

function condition(equals: Readonly<Record<string, string>>): string {
  return Object.entries(equals)
    .map(
      ([variable, value]) =>
        `    condition {\n      test     = "StringEquals"\n      variable = "${variable}"\n      values   = ["${value}"]\n    }`,
    )
    .join('\n');
}

function listOf(items: readonly string[]): string {
  if (items.length === 1) return `["${items[0]!}"]`;
  return `[\n${items.map((item) => `      "${item}",\n`).join('')}    ]`;
}

/** Terraform's names begin with no digit. */
function labelOf(text: string): string {
  return /^[A-Za-z_]/.test(text) ? text : `_${text}`;
}
