/**
 * Calls of the services around Lambda, and of what recordings of Lambda lack, each with the code that AWS documents or that is recorded: what boto3 must make of the twin's answer.
 */
export interface CodedCall {
  readonly service: 'application-autoscaling' | 'cloudwatch' | 'dynamodb' | 'lambda' | 'scheduler' | 'sqs';
  readonly operation: string;
  readonly params: object;
  /** The error's code; `ok` where there is none. */
  readonly code: string;
  /** Members that the answer must have, with these values. */
  readonly has?: Readonly<Record<string, unknown>>;
}

export const startMs = Date.UTC(2026, 8, 4, 12);

const role = 'arn:aws:iam::123456789012:role/booked-calls';
const resource = {
  ServiceNamespace: 'lambda',
  ResourceId: 'function:orders:live',
  ScalableDimension: 'lambda:function:ProvisionedConcurrency',
};
const target = {
  Arn: 'arn:aws:scheduler:::aws-sdk:lambda:deleteProvisionedConcurrencyConfig',
  RoleArn: role,
  Input: JSON.stringify({ FunctionName: 'orders', Qualifier: 'live' }),
};
const booking = {
  Name: 'end',
  ScheduleExpression: 'at(2026-09-04T12:30:00)',
  FlexibleTimeWindow: { Mode: 'OFF' },
  Target: target,
  ClientToken: 'once',
};
const action = {
  ...resource,
  ScheduledActionName: 'open',
  Schedule: 'at(2026-09-04T12:20:00)',
  ScalableTargetAction: { MinCapacity: 4, MaxCapacity: 20 },
};
const seconds = (ms: number): object => ({ $epoch: ms / 1_000 });
const query = (more: object = {}) => ({
  Id: 'invocations',
  MetricStat: {
    Metric: {
      Namespace: 'AWS/Lambda',
      MetricName: 'Invocations',
      Dimensions: [
        { Name: 'FunctionName', Value: 'orders' },
        { Name: 'Resource', Value: 'orders:live' },
      ],
    },
    Period: 300,
    Stat: 'Sum',
  },
  ...more,
});
const metrics = (more: object = {}) => ({
  MetricDataQueries: [query()],
  StartTime: seconds(startMs - 3_600_000),
  EndTime: seconds(startMs),
  ...more,
});

const scheduler = (operation: string, params: object, code: string, has?: CodedCall['has']): CodedCall => ({
  service: 'scheduler',
  operation,
  params,
  code,
  ...(has && { has }),
});
const scaling = (operation: string, params: object, code: string, has?: CodedCall['has']): CodedCall => ({
  ...scheduler(operation, params, code, has),
  service: 'application-autoscaling',
});
const cloudwatch = (operation: string, params: object, code: string, has?: CodedCall['has']): CodedCall => ({
  ...scheduler(operation, params, code, has),
  service: 'cloudwatch',
});

const of =
  (service: CodedCall['service']) =>
  (operation: string, params: object, code: string, has?: CodedCall['has']): CodedCall => ({
    ...scheduler(operation, params, code, has),
    service,
  });
const lambda = of('lambda');
const dynamodb = of('dynamodb');
const sqs = of('sqs');

const source = { FunctionName: 'orders', EventSourceArn: 'arn:aws:sqs:us-east-1:123456789012:orders' };
const table = {
  TableName: 'breakers',
  KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
  AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
  BillingMode: 'PAY_PER_REQUEST',
};
const Key = { id: { S: 'orders-table' } };
const circuit = (revision: number) => ({
  TableName: 'breakers',
  Item: { ...Key, revision: { N: String(revision) } },
  ConditionExpression: 'attribute_not_exists(id) OR revision < :new',
  ExpressionAttributeValues: { ':new': { N: String(revision) } },
});
const queueArn = (name: string): string => `arn:aws:sqs:us-east-1:123456789012:${name}`;
const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: queueArn('dead'), maxReceiveCount: 1 });

const arn = 'arn:aws:scheduler:us-east-1:123456789012:schedule/default/end';

export const codedCalls: readonly CodedCall[] = [
  scheduler('GetSchedule', { Name: 'end' }, 'ResourceNotFoundException'),
  scheduler('CreateSchedule', booking, 'ok', { ScheduleArn: arn }),
  scheduler('CreateSchedule', booking, 'ok', { ScheduleArn: arn }),
  scheduler('CreateSchedule', { ...booking, ClientToken: 'again' }, 'ConflictException'),
  scheduler('CreateSchedule', { ...booking, Name: 'a b', ClientToken: 'c' }, 'ValidationException'),
  scheduler('CreateSchedule', { ...booking, GroupName: 'none', ClientToken: 'd' }, 'ResourceNotFoundException'),
  scheduler(
    'CreateSchedule',
    { ...booking, ScheduleExpression: 'at(2026-09-04)', ClientToken: 'e' },
    'ValidationException',
  ),
  scheduler('GetSchedule', { Name: 'end' }, 'ok', { Arn: arn, State: 'ENABLED', CreationDate: startMs / 1_000 }),
  scheduler('UpdateSchedule', { ...booking, State: 'DISABLED' }, 'ok', { ScheduleArn: arn }),
  scheduler('UpdateSchedule', { ...booking, Name: 'none', ClientToken: 'f' }, 'ResourceNotFoundException'),
  scheduler('GetSchedule', { Name: 'end' }, 'ok', { State: 'DISABLED' }),
  scheduler('ListSchedules', { NamePrefix: 'en', MaxResults: 1 }, 'ok'),
  scheduler('ListSchedules', { MaxResults: 101 }, 'ValidationException'),
  scheduler('CreateScheduleGroup', { Name: 'events' }, 'ok'),
  scheduler('CreateScheduleGroup', { Name: 'events' }, 'ConflictException'),
  scheduler('GetScheduleGroup', { Name: 'events' }, 'ok', { State: 'ACTIVE' }),
  scheduler('ListScheduleGroups', {}, 'ok'),
  scheduler('DeleteScheduleGroup', { Name: 'events' }, 'ok'),
  scheduler('GetScheduleGroup', { Name: 'events' }, 'ResourceNotFoundException'),
  scheduler('DeleteSchedule', { Name: 'end' }, 'ok'),
  scheduler('DeleteSchedule', { Name: 'end' }, 'ResourceNotFoundException'),

  scaling('DescribeScalableTargets', { ServiceNamespace: 'lambda' }, 'ok', { ScalableTargets: [] }),
  scaling('PutScheduledAction', action, 'ObjectNotFoundException'),
  scaling('DeregisterScalableTarget', resource, 'ObjectNotFoundException'),
  scaling('RegisterScalableTarget', { ...resource, MinCapacity: 9, MaxCapacity: 1 }, 'ValidationException'),
  scaling('RegisterScalableTarget', { ...resource, ResourceId: 'function:orders:$LATEST' }, 'ValidationException'),
  scaling('RegisterScalableTarget', { ...resource, MinCapacity: 1, MaxCapacity: 20 }, 'ok'),
  scaling('RegisterScalableTarget', { ...resource, MaxCapacity: 10 }, 'ok'),
  scaling('PutScheduledAction', action, 'ok'),
  scaling('PutScheduledAction', { ...action, Schedule: 'at(12:20)' }, 'ValidationException'),
  scaling('DescribeScheduledActions', { ServiceNamespace: 'lambda' }, 'ok'),
  scaling('DescribeScheduledActions', { ServiceNamespace: 'lambda', NextToken: 'x' }, 'InvalidNextTokenException'),
  scaling('DeleteScheduledAction', { ...resource, ScheduledActionName: 'open' }, 'ok'),
  scaling('DeleteScheduledAction', { ...resource, ScheduledActionName: 'open' }, 'ObjectNotFoundException'),
  scaling('PutScalingPolicy', { ...resource, PolicyName: 'p', PolicyType: 'StepScaling' }, 'ValidationException'),
  scaling('DescribeScalingPolicies', { ServiceNamespace: 'lambda' }, 'ok', { ScalingPolicies: [] }),
  scaling('DeregisterScalableTarget', resource, 'ok'),

  cloudwatch('GetMetricData', metrics(), 'ok'),
  cloudwatch('GetMetricData', metrics({ EndTime: seconds(startMs - 3_600_000) }), 'ValidationError'),
  cloudwatch('GetMetricData', metrics({ MetricDataQueries: [query({ Id: 'Upper' })] }), 'ValidationError'),
  cloudwatch('GetMetricData', metrics({ NextToken: 'x' }), 'InvalidNextToken'),
  cloudwatch('ListMetrics', { Namespace: 'AWS/Lambda', MetricName: 'Invocations' }, 'ok'),
  cloudwatch('ListMetrics', { Namespace: 'AWS/EC2' }, 'ok', { Metrics: [] }),

  lambda('CreateEventSourceMapping', source, 'ok', { State: 'Creating', BatchSize: 10 }),
  lambda('CreateEventSourceMapping', source, 'ResourceConflictException'),
  lambda('CreateEventSourceMapping', { ...source, FunctionName: 'none' }, 'ResourceNotFoundException'),
  lambda('ListEventSourceMappings', { FunctionName: 'orders' }, 'ok'),
  lambda('GetEventSourceMapping', { UUID: 'none' }, 'ResourceNotFoundException'),
  lambda('UpdateEventSourceMapping', { UUID: 'none', Enabled: false }, 'ResourceNotFoundException'),

  dynamodb('PutItem', circuit(1), 'ResourceNotFoundException'),
  dynamodb('CreateTable', table, 'ok'),
  dynamodb('CreateTable', table, 'ResourceInUseException'),
  dynamodb('PutItem', circuit(2), 'ok'),
  dynamodb('PutItem', circuit(1), 'ConditionalCheckFailedException'),
  dynamodb('PutItem', { ...circuit(3), ConditionExpression: 'status = :new' }, 'ValidationException'),
  dynamodb('PutItem', { TableName: 'breakers', Item: { revision: { N: '1' } } }, 'ValidationException'),
  dynamodb('GetItem', { TableName: 'breakers', Key }, 'ok', { Item: { ...Key, revision: { N: '2' } } }),
  dynamodb(
    'UpdateItem',
    {
      TableName: 'breakers',
      Key,
      UpdateExpression: 'SET #state = :open ADD revision :one',
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: { ':open': { S: 'OPEN' }, ':one': { N: '1' } },
      ReturnValues: 'ALL_NEW',
    },
    'ok',
    { Attributes: { ...Key, revision: { N: '3' }, state: { S: 'OPEN' } } },
  ),
  dynamodb('DeleteItem', { TableName: 'breakers', Key }, 'ok'),

  sqs('GetQueueUrl', { QueueName: 'dead' }, 'AWS.SimpleQueueService.NonExistentQueue'),
  sqs('CreateQueue', { QueueName: 'dead' }, 'ok'),
  sqs('CreateQueue', { QueueName: 'orders', Attributes: { RedrivePolicy } }, 'ok'),
  sqs('StartMessageMoveTask', { SourceArn: queueArn('none') }, 'ResourceNotFoundException'),
  sqs('StartMessageMoveTask', { SourceArn: queueArn('orders') }, 'InvalidParameterValue'),
  sqs('StartMessageMoveTask', { SourceArn: queueArn('dead') }, 'ok'),
  sqs('ListMessageMoveTasks', { SourceArn: queueArn('dead') }, 'ok'),
  sqs('CancelMessageMoveTask', { TaskHandle: 'bm9uZQ==' }, 'InvalidParameterValue'),
];
