/**
 * The calls behind the recordings, test by test. Requests were not recorded; they are inferred from a step's name and answer. Steps without a call
 * here are listed with the reason.
 */
import * as lambda from '@aws-sdk/client-lambda';
import { accountId, arn, name, type Command, type Stage } from './recorded-steps.contract.ts';

export type Begin = (test: string) => Promise<Stage>;

export interface RecordedScript {
  readonly name: string;
  readonly run: (begin: Begin) => Promise<void>;
}

export const notPlayed: Readonly<Record<string, string>> = {
  'LambdaConcurrency::test_reserved_concurrency put_event_invoke_conf':
    'destinations of asynchronous calls are not played',
  'LambdaConcurrency::test_reserved_concurrency msg': 'is an answer of SQS',
};

const scripts: RecordedScript[] = [];
const script = (called: string, run: RecordedScript['run']): void => void scripts.push({ name: called, run });

export const recordedScripts: readonly RecordedScript[] = scripts;

const named = { FunctionName: name };
const zip = (text: string): { readonly ZipFile: Uint8Array } => ({ ZipFile: new TextEncoder().encode(text) });
const create = (more: Partial<lambda.CreateFunctionCommandInput> = {}): Command =>
  new lambda.CreateFunctionCommand({
    ...named,
    Runtime: 'python3.12',
    Handler: 'handler.handler',
    Role: `arn:aws:iam::${accountId}:role/lambda-role`,
    Code: zip('version 1'),
    ...more,
  });
const withEnvironment = (Variables: Record<string, string>): Partial<lambda.CreateFunctionCommandInput> => ({
  Environment: { Variables },
});
const staging = { Handler: 'index.handler', ...withEnvironment({ testenv: 'staging' }) };
const publish = (more: Partial<lambda.PublishVersionCommandInput> = {}): Command =>
  new lambda.PublishVersionCommand({ ...named, ...more });
const changeCode = new lambda.UpdateFunctionCodeCommand({ ...named, ...zip('version 2') });
const createAlias = (Name: string, more: Partial<lambda.CreateAliasCommandInput> = {}): Command =>
  new lambda.CreateAliasCommand({ ...named, Name, FunctionVersion: '1', ...more });
const updateAlias = (Name: string, more: Partial<lambda.UpdateAliasCommandInput> = {}): Command =>
  new lambda.UpdateAliasCommand({ ...named, Name, ...more });
const getAlias = (Name: string): Command => new lambda.GetAliasCommand({ ...named, Name });
const deleteAlias = (Name: string): Command => new lambda.DeleteAliasCommand({ ...named, Name });
const listAliases = (more: Partial<lambda.ListAliasesCommandInput> = {}): Command =>
  new lambda.ListAliasesCommand({ ...named, ...more });
const getFunction = (FunctionName = name, Qualifier?: string): Command =>
  new lambda.GetFunctionCommand({ FunctionName, ...(Qualifier !== undefined && { Qualifier }) });
const getConfiguration = (Qualifier: string): Command =>
  new lambda.GetFunctionConfigurationCommand({ ...named, Qualifier });
const put = (Qualifier: string, count: number, FunctionName = name): Command =>
  new lambda.PutProvisionedConcurrencyConfigCommand({
    FunctionName,
    Qualifier,
    ProvisionedConcurrentExecutions: count,
  });
const get = (Qualifier: string, FunctionName = name): Command =>
  new lambda.GetProvisionedConcurrencyConfigCommand({ FunctionName, Qualifier });
const remove = (Qualifier: string, FunctionName = name): Command =>
  new lambda.DeleteProvisionedConcurrencyConfigCommand({ FunctionName, Qualifier });
const list = (FunctionName = name): Command => new lambda.ListProvisionedConcurrencyConfigsCommand({ FunctionName });
const reserve = (count: number, FunctionName = name): Command =>
  new lambda.PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: count });
const getReserved = (FunctionName = name): Command => new lambda.GetFunctionConcurrencyCommand({ FunctionName });
const unreserve = new lambda.DeleteFunctionConcurrencyCommand(named);
const invoke = (more: Partial<lambda.InvokeCommandInput> = {}): Command =>
  new lambda.InvokeCommand({ ...named, ...more });

script('LambdaAccountSettings', async (begin) => {
  const on = await begin('LambdaAccountSettings::test_account_settings');
  await on.step('acc_settings_modded', new lambda.GetAccountSettingsCommand({}));
});

script('LambdaAlias::test_alias_lifecycle', async (begin) => {
  const on = await begin('LambdaAlias::test_alias_lifecycle');
  await on.step('create_response', create(staging));
  await on.step('publish_v1', publish());
  await on.call(new lambda.UpdateFunctionConfigurationCommand({ ...named, ...withEnvironment({ testenv: 'prod' }) }));
  await on.step('publish_v2', publish());
  const described = { Description: 'custom-alias' };
  const weights = { RoutingConfig: { AdditionalVersionWeights: { '2': 0.2 } } };
  await on.step('create_alias_1_1', createAlias('aliasname1_1', { ...described, ...weights }));
  await on.step('create_alias_1_2', createAlias('aliasname1_2', described));
  await on.step('create_alias_1_3', createAlias('aliasname1_3'));
  await on.step('create_alias_2', createAlias('aliasname2', { ...described, FunctionVersion: '2' }));
  for (const one of ['1_1', '1_2', '1_3', '2']) await on.step(`get_alias_${one}`, getAlias(`aliasname${one}`));
  await on.step('get_function_alias_1_1', getFunction(name, 'aliasname1_1'));
  await on.step('get_function_byarn_alias_1_1', getFunction(`${arn}:aliasname1_1`));
  await on.step('get_function_alias_notfound_exc', getFunction(name, 'aliasdoesnotexist'));
  await on.step('get_function_alias_byarn_notfound_exc', getFunction(`${arn}:aliasdoesnotexist`));
  await on.step('list_aliases_for_fnname', listAliases());
  const none = { RoutingConfig: { AdditionalVersionWeights: {} } };
  await on.step('update_alias_1_1', updateAlias('aliasname1_1', none));
  await on.step('get_alias_1_1_after_update', getAlias('aliasname1_1'));
  await on.step('list_aliases_for_fnname_after_update', listAliases());
  await on.step('update_alias_1_2', updateAlias('aliasname1_2', none));
  await on.step('get_alias_1_2_after_update', getAlias('aliasname1_2'));
  await on.step('list_aliases_for_fnname_after_update_2', listAliases());
  await on.step('list_aliases_for_version', listAliases({ FunctionVersion: '1' }));
  await on.step('delete_alias_response', deleteAlias('aliasname1_1'));
  await on.step('list_aliases_for_fnname_afterdelete', listAliases());
});

script('LambdaAlias::test_alias_naming', async (begin) => {
  const on = await begin('LambdaAlias::test_alias_naming');
  await on.step('create_response', create(staging));
  await on.step('publish_v1', publish());
  await on.step('create_alias_number_exception', createAlias('2024', { Description: 'custom-alias' }));
  await on.step('create_alias_date', createAlias('2024-01-02', { Description: 'custom-alias' }));
  await on.step('get_alias_date', getAlias('2024-01-02'));
});

script('LambdaAlias: what does not exist', async (begin) => {
  const deleting = await begin('LambdaAlias::test_non_existent_alias_deletion');
  await deleting.step('create_response', create(staging));
  await deleting.step('delete_alias_response', deleteAlias('non-existent'));
  await deleting.close();
  const updating = await begin('LambdaAlias::test_non_existent_alias_update');
  await updating.step('create_response', create(staging));
  await updating.step('update_alias_response', updateAlias('non-existent', { Description: 'custom-alias' }));
});

script('LambdaAliases::test_alias_routingconfig', async (begin) => {
  const on = await begin('LambdaAliases::test_alias_routingconfig');
  await on.call(create({ Publish: true }));
  await on.call(changeCode);
  await on.call(publish());
  const weights = { RoutingConfig: { AdditionalVersionWeights: { '2': 0.5 } } };
  await on.step('create_alias_response', createAlias('alias1', weights));
});

script('LambdaAliases::test_lambda_alias_moving', async (begin) => {
  const on = await begin('LambdaAliases::test_lambda_alias_moving');
  const byAlias = invoke({ Qualifier: 'alias1' });
  await on.step('create_response', create({ Description: 'No version :(' }));
  await on.call(publish({ Description: 'First version description :)' }));
  await on.step('create_alias_response', createAlias('alias1'));
  await on.step('invocation_result_qualifier_v1', byAlias);
  await on.step('invocation_result_qualifier_v1_arn', invoke({ FunctionName: `${arn}:alias1` }));
  await on.step('update_lambda_response', changeCode);
  await on.step('invocation_result_qualifier_v1_after_update', byAlias);
  await on.step('second_publish_response', publish({ Description: 'Second version description :)' }));
  await on.step('invocation_result_qualifier_v1_after_publish', byAlias);
  await on.step('update_alias_response', updateAlias('alias1', { FunctionVersion: '2' }));
  await on.step('invocation_result_qualifier_v2', byAlias);
  await on.step('invocation_exc_not_existent', invoke({ Qualifier: 'non-existent-alias' }));
});

script('LambdaConcurrency: reservations come and go', async (begin) => {
  const crud = await begin('LambdaConcurrency::test_lambda_concurrency_crud');
  await crud.call(create());
  await crud.step('get_function_concurrency_default', getReserved());
  await crud.step('put_function_concurrency', reserve(0));
  await crud.step('get_function_concurrency_updated', getReserved());
  await crud.call(unreserve);
  await crud.step('get_function_concurrency_deleted', getReserved());
  await crud.close();
  const update = await begin('LambdaConcurrency::test_lambda_concurrency_update');
  await update.call(create({ Timeout: 30, ...withEnvironment({}) }));
  await update.step('put_function_concurrency', reserve(3));
  await update.step('get_function_concurrency_updated', getReserved());
  await update.step('get_function_concurrency_info', getFunction());
  await update.call(unreserve);
  await update.step('get_function_concurrency_deleted', getReserved());
});

for (const [test, qualifier, count, putStep] of [
  ['test_provisioned_concurrency', '1', 5, 'put_provisioned_5'],
  ['test_provisioned_concurrency_on_alias', 'live', 5, 'put_provisioned_5'],
  ['test_provisioned_concurrency_init_failure', '1', 1, 'put_provisioned'],
] as const) {
  script(`LambdaConcurrency::${test}`, async (begin) => {
    const on = await begin(`LambdaConcurrency::${test}`);
    await on.call(create({ Publish: true }));
    await on.call(createAlias('live'));
    if (test.endsWith('init_failure')) on.twin.addFault({ kind: 'initFails', functionName: name });
    await on.step(putStep, put(qualifier, count));
    await on.step('get_provisioned_prewait', get(qualifier));
    on.waitUntilSettled();
    await on.step('get_provisioned_postwait', get(qualifier));
  });
}

script(
  'LambdaConcurrency::test_lambda_provisioned_concurrency_scheduling, as the schedule would have set it',
  async (begin) => {
    const on = await begin('LambdaConcurrency::test_lambda_provisioned_concurrency_scheduling');
    await on.call(create({ Publish: true }));
    await on.call(put('1', 1));
    on.waitUntilSettled();
    await on.step('get_provisioned_postwait', get('1'));
  },
);

script('LambdaConcurrency: a reservation that is used up', async (begin) => {
  const none = await begin('LambdaConcurrency::test_reserved_concurrency');
  await none.call(create({ Timeout: 20, ...withEnvironment({}) }));
  await none.step('fn', getConfiguration('$LATEST'));
  await none.step('put_reserved', reserve(0));
  await none.step('exc_no_cap_requestresponse', invoke());
  await none.step('invoke_result', invoke({ InvocationType: 'Event' }));
  await none.close();
  const one = await begin('LambdaConcurrency::test_reserved_concurrency_async_queue');
  await one.call(create({ Timeout: 30, ...withEnvironment({}) }));
  await one.step('fn', getConfiguration('$LATEST'));
  await one.step('put_fn_concurrency', reserve(1));
  await one.call(invoke({ InvocationType: 'Event' }));
  await one.step('too_many_requests_exc', invoke());
});

script('LambdaFunction::test_ops_on_nonexisting_fn', async (begin) => {
  const on = await begin('LambdaFunction::test_ops_on_nonexisting_fn[get_function_concurrency]');
  await on.step('not_found_exception', getReserved('nonexisting'));
});

script('LambdaProvisionedConcurrency::test_lambda_provisioned_lifecycle', async (begin) => {
  const on = await begin('LambdaProvisionedConcurrency::test_lambda_provisioned_lifecycle');
  await on.call(create({ Timeout: 30, ...withEnvironment({}) }));
  await on.step('publish_version_result', publish());
  await on.step('create_alias_result', createAlias('live'));
  await on.step('put_provisioned_on_version', put('1', 1));
  await on.step('put_provisioned_on_alias_versionconflict', put('live', 1));
  on.waitUntilSettled();
  await on.step('delete_provisioned_version', remove('1'));
  await on.step('get_provisioned_version_postdelete', get('1'));
  await on.step('put_provisioned_on_alias', put('live', 1));
  await on.step('put_provisioned_on_version_conflict', put('1', 1));
  on.waitUntilSettled();
  await on.step('delete_alias_result', deleteAlias('live'));
  await on.step('get_provisioned_alias_postaliasdelete', get('live'));
  await on.step('list_response_postdeletes', list());
});

script('LambdaProvisionedConcurrency::test_provisioned_concurrency_exceptions', async (begin) => {
  const on = await begin('LambdaProvisionedConcurrency::test_provisioned_concurrency_exceptions');
  await on.call(create({ Timeout: 30, ...withEnvironment({}) }));
  await on.step('publish_version_result', publish());
  await on.step('put_provisioned_latest', put('$LATEST', 1));
  await on.step('get_provisioned_latest', get('$LATEST'));
  await on.step('delete_provisioned_latest', remove('$LATEST'));
  await on.step('put_provisioned_functionname_doesnotexist_alias', put('noalias', 1, 'doesnotexist'));
  await on.step('put_provisioned_functionname_doesnotexist_version', put('1', 1, 'doesnotexist'));
  await on.step('get_provisioned_functionname_doesnotexist', get('noalias', 'doesnotexist'));
  await on.step('delete_provisioned_functionname_doesnotexist', remove('1', 'doesnotexist'));
  await on.step('list_provisioned_functionname_doesnotexist', list('doesnotexist'));
  await on.step('put_provisioned_qualifier_doesnotexist', put('doesnotexist', 1));
  await on.step('put_provisioned_version_doesnotexist', put('10', 1));
  await on.step('get_provisioned_qualifier_doesnotexist', get('noalias'));
  await on.step('get_provisioned_version_doesnotexist', get('10'));
  await on.step('delete_provisioned_qualifier_doesnotexist', remove('noalias'));
  await on.step('delete_provisioned_version_doesnotexist', remove('10'));
  await on.step('get_provisioned_config_doesnotexist', get('1'));
  await on.step('delete_provisioned_config_doesnotexist', remove('1'));
  await on.step('list_provisioned_noconfigs', list());
  await on.step('put_provisioned_invalid_param_0', put('1', 0));
});

script('LambdaProvisionedConcurrency::test_provisioned_concurrency_limits', async (begin) => {
  const on = await begin('LambdaProvisionedConcurrency::test_provisioned_concurrency_limits');
  await on.call(create({ Publish: true }));
  await on.step('put_provisioned_concurrency_account_limit_exceeded', put('1', 1_001));
  await on.step('put_provisioned_concurrency_below_unreserved_min_value', put('1', 901));
  await on.call(put('1', 900));
});

script('LambdaReservedConcurrency', async (begin) => {
  const on = await begin('LambdaReservedConcurrency::test_function_concurrency');
  await on.call(create());
  await on.step('put_function_concurrency_with_reserved_0', reserve(0));
  await on.step('put_function_concurrency_with_reserved_1', reserve(1));
  await on.step('get_function_concurrency', getReserved());
  await on.step('delete_response', unreserve);
  await on.step('get_function_concurrency_after_delete', getReserved());
  await on.close();
  const refused = await begin('LambdaReservedConcurrency::test_function_concurrency_exceptions');
  await refused.call(create({ Publish: true }));
  const missing = 'put_function_concurrency_with_function_name_doesnotexist';
  await refused.step(missing, reserve(1, 'doesnotexist'));
  await refused.step(`${missing}_and_invalid_concurrency`, reserve(-1, 'doesnotexist'));
  await refused.step('put_function_concurrency_with_qualified_arn', reserve(1, `${arn}:1`));
});

script('LambdaRevisions::test_function_revisions_version_and_alias', async (begin) => {
  const on = await begin('LambdaRevisions::test_function_revisions_version_and_alias');
  const created = await on.step('create_function_response_rev1', create({ Timeout: 30, ...withEnvironment({}) }));
  const { Configuration } = await on.step('get_function_active_rev2', getFunction());
  const revisionOf = (body: unknown): { readonly RevisionId: string } => ({
    RevisionId: (body as { RevisionId: string }).RevisionId,
  });
  await on.step('publish_version_revision_exception', publish(revisionOf(created)));
  await on.step('publish_version_response_rev_v1', publish(revisionOf(Configuration)));
  await on.step('get_function_published_version_rev_v2', getFunction(name, '1'));
  await on.step('get_function_latest_rev3', getFunction());
  const alias = await on.step('create_alias_response_rev_a1', createAlias('revision_alias'));
  await on.step('get_function_published_version_rev_v3', getFunction(name, '1'));
  await on.step('get_function_latest_rev4', getFunction());
  const changed = { Description: 'something changed' };
  const wrong = { RevisionId: 'wrong', ...changed };
  await on.step('update_alias_revision_exception', updateAlias('revision_alias', wrong));
  const right = { ...revisionOf(alias), ...changed };
  await on.step('update_alias_response_rev_a2', updateAlias('revision_alias', right));
});
