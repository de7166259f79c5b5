/**
 * The twin against what the real Lambda answered, through the real SDK and a real socket: same status, same code, same words, same members.
 */
import { readFileSync } from 'node:fs';
import {
  DeleteProvisionedConcurrencyConfigCommand,
  GetAccountSettingsCommand,
  GetAliasCommand,
  GetFunctionConfigurationCommand,
  GetProvisionedConcurrencyConfigCommand,
  LambdaClient,
  ListProvisionedConcurrencyConfigsCommand,
  PutProvisionedConcurrencyConfigCommand,
} from '@aws-sdk/client-lambda';
import { afterEach, describe, expect, it } from 'vitest';
import type { FunctionKey } from '../../core/series-key.ts';
import type { TwinResponse } from './answer.ts';
import { listenTwin, type TwinServer } from './control-plane-http.ts';
import { createTwin, type Twin } from './twin.ts';
import type { TwinFunction } from './twin-function.ts';

interface Recording {
  readonly 'recorded-content': Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const recordings = JSON.parse(
  readFileSync(new URL('./fixtures/recorded-responses.json', import.meta.url), 'utf8'),
) as Record<string, Recording>;

const orders: TwinFunction = {
  key: '111111111111/us-east-1/orders:live' as FunctionKey,
  version: '2',
  memoryMb: 128,
  architecture: 'x86_64',
  initDurationMs: 500,
  runDurationMs: { p50: 50, p99: 200 },
};

interface Stage {
  readonly twin: Twin;
  /** Lets time pass, by default enough for a call and never enough for a preparation. */
  wait(ms?: number): void;
  /** Sends, and gives what came back: the SDK's reading of it and the raw answer. */
  send(command: unknown): Promise<{ readonly error?: Error & { readonly Type?: string }; readonly raw: TwinResponse }>;
}

let server: TwinServer | undefined;
let client: LambdaClient | undefined;
afterEach(async () => {
  client?.destroy();
  await server?.close();
});

async function stage(spec: TwinFunction = orders): Promise<Stage> {
  let nowMs = Date.UTC(2026, 8, 4, 12);
  let raw: TwinResponse | undefined;
  const twin = createTwin({ functions: [spec], seed: 7, clock: { nowMs: () => nowMs } });
  server = await listenTwin({
    host: '127.0.0.1',
    port: 0,
    handle: (request) => (raw = twin.handle(request)),
  });
  const ownClient = new LambdaClient({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'twin', secretAccessKey: 'twin' },
    maxAttempts: 1,
  });
  client = ownClient;
  return {
    twin,
    wait: (ms = 1_000) => void (nowMs += ms),
    async send(command) {
      nowMs += 1_000;
      try {
        await ownClient.send(command as GetAccountSettingsCommand);
        return { raw: raw! };
      } catch (error) {
        return { error: error as Error, raw: raw! };
      }
    },
  };
}

/** The recorded step with the twin's names in the place of the placeholders. */
function recorded(test: string, step: string): Record<string, unknown> {
  const found = recordings[`Test${test}`]?.['recorded-content'][step];
  if (!found) throw new Error(`no recording ${test} ${step}`);
  const text = JSON.stringify(found)
    .replaceAll('<partition>', 'aws')
    .replaceAll('<region>', 'us-east-1')
    .replaceAll('<function-name:1>', 'orders')
    .replaceAll('<alias-name>', 'live')
    .replaceAll('<unreserved_concurrency>', '1000')
    .replaceAll('<min_unreserved_concurrency>', '100');
  return JSON.parse(text) as Record<string, unknown>;
}

/** The body of an answer with what changes from call to call blanked, after a look at its form. */
function blanked(body: string): Record<string, unknown> {
  if (body === '') return {};
  const parsed = JSON.parse(body) as Record<string, unknown>;
  if ('LastModified' in parsed) {
    expect(parsed['LastModified']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?\+0000$/);
    parsed['LastModified'] = 'date';
  }
  if ('RevisionId' in parsed) {
    expect(parsed['RevisionId']).toMatch(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    parsed['RevisionId'] = 'revision';
  }
  return parsed;
}

async function expectRecorded(on: Stage, test: string, step: string, command: unknown): Promise<void> {
  const { Error: failure, ResponseMetadata: metadata, ...members } = recorded(test, step);
  if ('RevisionId' in members) members['RevisionId'] = 'revision';
  const { error, raw } = await on.send(command);
  expect(raw.status, step).toBe((metadata as { HTTPStatusCode: number }).HTTPStatusCode);
  if (failure) {
    const { Code, Message } = failure as { Code: string; Message: string };
    expect({ code: error?.name, message: error?.message }, step).toEqual({ code: Code, message: Message });
    // Of an error, SDKs record only the members that its model names; what they leave out is its message.
    expect(JSON.parse(raw.body), step).toMatchObject(members);
  } else {
    expect(error, step).toBeUndefined();
    expect(blanked(raw.body), step).toEqual(members);
  }
}

const put = (qualifier: string, concurrency: number, name = 'orders'): unknown =>
  new PutProvisionedConcurrencyConfigCommand({
    FunctionName: name,
    Qualifier: qualifier,
    ProvisionedConcurrentExecutions: concurrency,
  });
const get = (qualifier: string, name = 'orders'): unknown =>
  new GetProvisionedConcurrencyConfigCommand({ FunctionName: name, Qualifier: qualifier });
const remove = (qualifier: string, name = 'orders'): unknown =>
  new DeleteProvisionedConcurrencyConfigCommand({ FunctionName: name, Qualifier: qualifier });
const list = (name = 'orders'): unknown => new ListProvisionedConcurrencyConfigsCommand({ FunctionName: name });

describe('provisioned concurrency, as recorded', () => {
  const exceptions = 'LambdaProvisionedConcurrency::test_provisioned_concurrency_exceptions';
  it.each<[step: string, command: unknown]>([
    ['delete_provisioned_config_doesnotexist', remove('1')],
    ['delete_provisioned_functionname_doesnotexist', remove('1', 'doesnotexist')],
    ['delete_provisioned_latest', remove('$LATEST')],
    ['delete_provisioned_qualifier_doesnotexist', remove('noalias')],
    ['delete_provisioned_version_doesnotexist', remove('10')],
    ['get_provisioned_config_doesnotexist', get('1')],
    ['get_provisioned_functionname_doesnotexist', get('noalias', 'doesnotexist')],
    ['get_provisioned_latest', get('$LATEST')],
    ['get_provisioned_qualifier_doesnotexist', get('noalias')],
    ['get_provisioned_version_doesnotexist', get('10')],
    ['list_provisioned_functionname_doesnotexist', list('doesnotexist')],
    ['list_provisioned_noconfigs', list()],
    ['put_provisioned_functionname_doesnotexist_alias', put('noalias', 1, 'doesnotexist')],
    ['put_provisioned_functionname_doesnotexist_version', put('1', 1, 'doesnotexist')],
    ['put_provisioned_invalid_param_0', put('1', 0)],
    ['put_provisioned_latest', put('$LATEST', 1)],
    ['put_provisioned_qualifier_doesnotexist', put('doesnotexist', 1)],
    ['put_provisioned_version_doesnotexist', put('10', 1)],
  ])('%s', async (step, command) => {
    await expectRecorded(await stage(), exceptions, step, command);
  });

  it('refuses what the account cannot give', async () => {
    const on = await stage();
    const limits = 'LambdaProvisionedConcurrency::test_provisioned_concurrency_limits';
    await expectRecorded(on, limits, 'put_provisioned_concurrency_account_limit_exceeded', put('1', 1_001));
    await expectRecorded(on, limits, 'put_provisioned_concurrency_below_unreserved_min_value', put('1', 901));
    expect((await on.send(put('1', 900))).raw.status).toBe(202);
  });

  it('belongs to a version or to an alias of it, and to nothing after a delete', async () => {
    const on = await stage({ ...orders, version: '1' });
    const lifecycle = 'LambdaProvisionedConcurrency::test_lambda_provisioned_lifecycle';
    await expectRecorded(on, lifecycle, 'put_provisioned_on_version', put('1', 1));
    await expectRecorded(on, lifecycle, 'put_provisioned_on_alias_versionconflict', put('live', 1));
    on.wait(180_000);
    await expectRecorded(on, lifecycle, 'delete_provisioned_version', remove('1'));
    await expectRecorded(on, lifecycle, 'get_provisioned_version_postdelete', get('1'));
    await expectRecorded(on, lifecycle, 'put_provisioned_on_alias', put('live', 1));
    await expectRecorded(on, lifecycle, 'put_provisioned_on_version_conflict', put('1', 1));
    await on.send(remove('live'));
    await expectRecorded(on, lifecycle, 'list_response_postdeletes', list());
  });

  it.each<[test: string, qualifier: string, wanted: number, putStep: string]>([
    ['test_provisioned_concurrency', '1', 5, 'put_provisioned_5'],
    ['test_provisioned_concurrency_on_alias', 'live', 5, 'put_provisioned_5'],
    ['test_provisioned_concurrency_init_failure', '1', 1, 'put_provisioned'],
  ])('%s: IN_PROGRESS, then its end', async (test, qualifier, wanted, putStep) => {
    const on = await stage({ ...orders, initFails: test.endsWith('init_failure') });
    await expectRecorded(on, `LambdaConcurrency::${test}`, putStep, put(qualifier, wanted));
    await expectRecorded(on, `LambdaConcurrency::${test}`, 'get_provisioned_prewait', get(qualifier));
    on.wait(180_000);
    await expectRecorded(on, `LambdaConcurrency::${test}`, 'get_provisioned_postwait', get(qualifier));
  });

  it('has settled the level that a schedule would have set', async () => {
    const on = await stage();
    await on.send(put('live', 1));
    on.wait(180_000);
    const test = 'LambdaConcurrency::test_lambda_provisioned_concurrency_scheduling';
    await expectRecorded(on, test, 'get_provisioned_postwait', get('live'));
  });
});

describe('aliases, as recorded', () => {
  it.each([
    ['get_alias_1_1', 'aliasname1_1', 'custom-alias', { '2': 0.2 }],
    ['get_alias_1_2', 'aliasname1_2', 'custom-alias', undefined],
    ['get_alias_1_3', 'aliasname1_3', '', undefined],
  ])('%s', async (step, name, description, weights) => {
    const on = await stage();
    const target = { name, functionVersion: '1', description };
    on.twin.placeAlias('orders', weights ? { ...target, additionalVersionWeights: weights } : target);
    const command = new GetAliasCommand({ FunctionName: 'orders', Name: name });
    await expectRecorded(on, 'LambdaAlias::test_alias_lifecycle', step, command);
  });

  it('are told apart from versions in what is said of a missing one', async () => {
    const on = await stage();
    const numbered = await on.send(new GetAliasCommand({ FunctionName: 'orders', Name: '2024' }));
    const { Error: failure } = recorded('LambdaAlias::test_alias_naming', 'create_alias_number_exception');
    expect(numbered.error?.message).toBe((failure as { Message: string }).Message);
    const missing = await on.send(new GetAliasCommand({ FunctionName: 'orders', Name: 'blue' }));
    expect([missing.raw.status, missing.error?.name, missing.error?.message]).toEqual([
      404,
      'ResourceNotFoundException',
      'Cannot find alias arn: arn:aws:lambda:us-east-1:111111111111:function:orders:blue',
    ]);
  });
});

describe('functions and the account, as recorded', () => {
  const volatile = new Set(['CodeSize', 'CodeSha256', 'Description', 'Handler', 'MemorySize', 'RevisionId', 'Role']);
  for (const member of ['Runtime', 'RuntimeVersionConfig', 'Timeout', 'LastModified']) volatile.add(member);
  const fixed = (body: object): object =>
    Object.fromEntries(Object.entries(body).filter(([member]) => !volatile.has(member)));

  it('describes a function with the members of the real service', async () => {
    const on = await stage();
    const { ResponseMetadata: _, ...version2 } = recorded(
      'LambdaAliases::test_lambda_alias_moving',
      'second_publish_response',
    );
    const { raw } = await on.send(new GetFunctionConfigurationCommand({ FunctionName: 'orders', Qualifier: '2' }));
    const body = JSON.parse(raw.body) as object;
    expect(Object.keys(body).sort()).toEqual(Object.keys(version2).sort());
    expect(fixed(body)).toEqual(fixed(version2));
  });

  it.each<[qualifier: string | undefined, arn: string, version: string]>([
    [undefined, 'arn:aws:lambda:us-east-1:111111111111:function:orders', '$LATEST'],
    ['$LATEST', 'arn:aws:lambda:us-east-1:111111111111:function:orders:$LATEST', '$LATEST'],
    ['1', 'arn:aws:lambda:us-east-1:111111111111:function:orders:1', '1'],
    ['live', 'arn:aws:lambda:us-east-1:111111111111:function:orders:live', '2'],
  ])('names the function by the qualifier asked for: %s', async (qualifier, arn, version) => {
    const on = await stage();
    const asked = { FunctionName: 'orders', ...(qualifier !== undefined && { Qualifier: qualifier }) };
    const { raw } = await on.send(new GetFunctionConfigurationCommand(asked));
    expect(JSON.parse(raw.body)).toMatchObject({ FunctionArn: arn, Version: version, MemorySize: 128 });
  });

  it.each([
    'arn:aws:lambda:us-east-1:111111111111:function:orders:nope',
    '111111111111:function:orders:nope',
    'orders:nope',
  ])('finds nothing under %s', async (name) => {
    const on = await stage();
    const { error, raw } = await on.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
    const arn = 'arn:aws:lambda:us-east-1:111111111111:function:orders:nope';
    expect([raw.status, error?.message]).toEqual([404, `Function not found: ${arn}`]);
  });

  it('states the limits of the account', async () => {
    const on = await stage({ ...orders, reservedConcurrency: 200 });
    const { raw } = await on.send(new GetAccountSettingsCommand({}));
    const body = JSON.parse(raw.body) as Record<'AccountLimit' | 'AccountUsage', Record<string, number>>;
    const { acc_settings_modded: members } =
      recordings['TestLambdaAccountSettings::test_account_settings']!['recorded-content'];
    expect(Object.keys(body.AccountLimit).sort()).toEqual(members!['AccountLimit']);
    expect(Object.keys(body.AccountUsage).sort()).toEqual(members!['AccountUsage']);
    expect(body.AccountLimit).toMatchObject({ ConcurrentExecutions: 1_000, UnreservedConcurrentExecutions: 800 });
  });
});
