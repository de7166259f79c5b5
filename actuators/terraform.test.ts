import { expect, it } from 'vitest';
import type { FunctionKey } from '../core/series-key.ts';
import { ownershipSnippet, permissionsSnippet, remedyPermissionsSnippet, type RemedyGrants } from './terraform.ts';

const keyOf = (text: string): FunctionKey => text as FunctionKey;
const orders = keyOf('123456789012/us-east-1/orders:live');

const grants: RemedyGrants = {
  functions: { 'reserve-concurrency': [], 'switch-event-source': [], 'weigh-alias': [] },
  tables: [],
  isRedriving: false,
  place: { accountId: '123456789012', region: 'us-east-1' },
};

it('keeps Terraform off the number that is owned, and off the bounds that are steered', () => {
  expect(ownershipSnippet({ key: orders, ownership: 'own' })).toMatch(
    /"aws_lambda_provisioned_concurrency_config" "orders_live"[^]*function_name +=[^]*ignore_changes = \[provisioned_concurrent_executions\]/,
  );
  expect(ownershipSnippet({ key: orders, ownership: 'steer' })).toMatch(
    /"aws_appautoscaling_target" "orders_live"[^]*"function:orders:live"[^]*ignore_changes = \[min_capacity, max_capacity\]/,
  );
  expect(ownershipSnippet({ key: keyOf('123456789012/us-east-1/1st:live'), ownership: 'own' })).toContain(
    '"_1st_live"',
  );
});

it('grants what is called and no more, in the cloud of the region', () => {
  const china = keyOf('123456789012/cn-north-1/orders:live');
  const text = permissionsSnippet([{ key: china, ownership: 'own' }], {
    roleArn: 'arn:aws-cn:iam::123456789012:role/trading/night-shift',
    groupName: 'foreshock',
  });
  expect(text).toContain('"arn:aws-cn:lambda:cn-north-1:123456789012:function:orders:live"');
  expect(text).toContain('"arn:aws-cn:scheduler:cn-north-1:123456789012:schedule/foreshock/foreshock-*"');
  expect(text).toContain('"arn:aws-cn:iam::123456789012:role/trading/night-shift"');
  expect(text).toMatch(/name += "night-shift"\n +path += "\/trading\/"/);
  expect(text).not.toContain('RegisterScalableTarget');
  expect(permissionsSnippet([{ key: orders, ownership: 'steer' }], { groupName: 'default' })).toContain(
    '"application-autoscaling:RegisterScalableTarget"',
  );
});

// A customer-managed policy holds 6,144 characters, white space not counted.
it.each([1, 13, 14, 500])('fits the policies of %i functions into what IAM takes', (count) => {
  const [first, ...others] = Array.from({ length: count }, (_, index) => ({
    key: keyOf(`123456789012/ap-southeast-1/${'a'.repeat(40)}-${index}:live`),
    ownership: 'steer' as const,
  }));
  const text = permissionsSnippet([first!, ...others], { groupName: 'default' });
  const keys = [first!.key, ...others.map(({ key }) => key)];
  const functions = { 'reserve-concurrency': keys, 'switch-event-source': keys, 'weigh-alias': keys };
  const remedies = remedyPermissionsSnippet({ ...grants, functions });
  for (const document of `${text}${remedies}`.split(/^data /m).slice(1)) {
    expect(document.replace(/\s/g, '').length).toBeLessThan(6_144);
  }
});

it.each<[string, Partial<RemedyGrants>, readonly string[], readonly string[]]>([
  ['nothing where nothing is enforced', {}, [], []],
  [
    'a weight of the alias, to whoever gives it back as well',
    { functions: { ...grants.functions, 'weigh-alias': [orders] } },
    ['GetAlias', 'UpdateAlias', 'GetProvisionedConcurrencyConfig'],
    ['UpdateAlias'],
  ],
  [
    'a limit',
    { functions: { ...grants.functions, 'reserve-concurrency': [orders] } },
    ['GetFunctionConcurrency', 'PutFunctionConcurrency', 'DeleteFunctionConcurrency'],
    ['PutFunctionConcurrency', 'DeleteFunctionConcurrency'],
  ],
  [
    'a pause',
    { functions: { ...grants.functions, 'switch-event-source': [orders] } },
    ['GetEventSourceMapping', 'UpdateEventSourceMapping'],
    ['UpdateEventSourceMapping'],
  ],
  ['a breaker’s table', { tables: ['breakers'] }, ['GetItem', 'PutItem'], []],
  [
    'a move of dead letters',
    { isRedriving: true },
    [
      'DeleteMessage',
      'GetQueueAttributes',
      'ListMessageMoveTasks',
      'ReceiveMessage',
      'SendMessage',
      'StartMessageMoveTask',
    ],
    [],
  ],
])('grants remedies %s', (_, changed, foreshock, scheduler) => {
  const documents = remedyPermissionsSnippet({ ...grants, ...changed }).split(/^data /m);
  const others = documents.filter((one) => one.includes('"foreshock_scheduler_')).join('');
  const own = documents.filter((one) => !one.includes('"foreshock_scheduler_')).join('');
  const actionsIn = (text: string): readonly string[] =>
    [...text.matchAll(/"(?:lambda|dynamodb|sqs):(\w+)"/g)].map((match) => match[1]!);
  expect(actionsIn(own)).toEqual(foreshock);
  expect(actionsIn(others)).toEqual(scheduler);
});
