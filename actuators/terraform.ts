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

/** Remedies that are enforced, all of one account and region. */
export interface RemedyGrants {
  /** By what is done to them. */
  readonly functions: Readonly<
    Record<'reserve-concurrency' | 'switch-event-source' | 'weigh-alias', readonly FunctionKey[]>
  >;
  /** That breakers are written to. */
  readonly tables: readonly string[];
  /** Whether dead letters may be moved: of which queues, playbooks say. */
  readonly isRedriving: boolean;
  readonly place: Pick<FunctionName, 'accountId' | 'region'>;
}

/**
 * What remedies need beside that, for Foreshock and for the role that gives back what they set. Empty where none is enforced. A policy for each kind: several lists of functions would not fit into one.
 */
export function remedyPermissionsSnippet({ functions, tables, isRedriving, place }: RemedyGrants): string {
  const { accountId, region } = place;
  const partition = partitionOf(region);
  const arnOf = (service: string, rest: string): string => `arn:${partition}:${service}:${region}:${accountId}:${rest}`;
  const { aliases, functionArns } = resourcesOf(functions['weigh-alias'].map(nameOf));
  const weights = grantsOf([...functionArns, ...aliases], ['Get', 'Update'], 'Alias');
  const reserved = resourcesOf(functions['reserve-concurrency'].map(nameOf)).functionArns;
  const limits = grantsOf(reserved, ['Get', 'Put', 'Delete'], 'FunctionConcurrency');
  const sources = grantsOf([arnOf('lambda', 'event-source-mapping:*')], ['Get', 'Update'], 'EventSourceMapping');
  const granted = [
    ...(aliases.length > 0
      ? [{ ...weights, label: 'weights', own: statement(['lambda:GetProvisionedConcurrencyConfig'], aliases) }]
      : []),
    ...(reserved.length > 0 ? [{ ...limits, label: 'limits', own: '' }] : []),
    ...(functions['switch-event-source'].length > 0 ? [{ ...sources, label: 'event_sources', own: '' }] : []),
  ];
  const tableArns = tables.map((table) => arnOf('dynamodb', `table/${table}`));
  const foreshock = [
    ...granted.map(({ label, foreshock: first, own }) => policyDocument(`foreshock_${label}`, first + own)),
    ...(tableArns.length > 0
      ? [policyDocument('foreshock_breakers', statement(['dynamodb:GetItem', 'dynamodb:PutItem'], tableArns))]
      : []),
    ...(isRedriving
      ? [
          `# Narrow it to your dead-letter queues and where their messages came from.\n${policyDocument('foreshock_dead_letters', statement(redriveActions, [arnOf('sqs', '*')]))}`,
        ]
      : []),
  ];
  if (foreshock.length === 0) return '';
  const scheduler = granted.map((one) => policyDocument(`foreshock_scheduler_${one.label}`, one.scheduler));
  const undoing = `\n# What gives remedies back should Foreshock not: attach it to the role in aws.scheduler.roleArn.\n`;
  return `# What remedies need beside that: attach it to the role that Foreshock runs as.
${foreshock.join('\n')}${scheduler.length > 0 ? undoing : ''}${scheduler.join('\n')}`;
}

/** To look and to change for Foreshock; to change for who gives back. */
function grantsOf(
  resources: readonly string[],
  verbs: readonly string[],
  noun: string,
): { readonly foreshock: string; readonly scheduler: string } {
  const actions = (some: readonly string[]): readonly string[] => some.map((verb) => `lambda:${verb}${noun}`);
  return {
    foreshock: statement(actions(verbs), resources),
    scheduler: statement(actions(verbs.filter((verb) => verb !== 'Get')), resources),
  };
}

/** AWS asks for all of these of whoever starts a move. */
const redriveActions = [
  'sqs:DeleteMessage',
  'sqs:GetQueueAttributes',
  'sqs:ListMessageMoveTasks',
  'sqs:ReceiveMessage',
  'sqs:SendMessage',
  'sqs:StartMessageMoveTask',
];

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
