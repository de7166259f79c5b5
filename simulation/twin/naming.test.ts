/**
 * How a caller may name a function, through the real SDK, and what it is told where nothing has that name.
 */
import { GetAccountSettingsCommand, GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { FunctionKey } from '../../core/series-key.ts';
import { listenTwin, type TwinServer } from './control-plane-http.ts';
import { createTwin } from './twin.ts';

let server: TwinServer;
let client: LambdaClient;
beforeEach(async () => {
  const orders = {
    key: '111111111111/us-east-1/orders:live' as FunctionKey,
    version: '2',
    memoryMb: 128,
    architecture: 'x86_64' as const,
    initDurationMs: 500,
    runDurationMs: { p50: 50, p99: 200 },
    reservedConcurrency: 200,
  };
  const twin = createTwin({ functions: [orders], seed: 7, clock: { nowMs: () => 0 } });
  server = await listenTwin({ host: '127.0.0.1', port: 0, handle: (request) => twin.handle(request) });
  client = new LambdaClient({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'twin', secretAccessKey: 'twin' },
    maxAttempts: 1,
  });
});
afterEach(async () => {
  client.destroy();
  await server.close();
});

it.each<[qualifier: string | undefined, arn: string, version: string]>([
  [undefined, 'arn:aws:lambda:us-east-1:111111111111:function:orders', '$LATEST'],
  ['$LATEST', 'arn:aws:lambda:us-east-1:111111111111:function:orders:$LATEST', '$LATEST'],
  ['1', 'arn:aws:lambda:us-east-1:111111111111:function:orders:1', '1'],
  ['live', 'arn:aws:lambda:us-east-1:111111111111:function:orders:live', '2'],
])('a function is named by the qualifier asked for: %s', async (qualifier, arn, version) => {
  const asked = { FunctionName: 'orders', ...(qualifier !== undefined && { Qualifier: qualifier }) };
  const described = await client.send(new GetFunctionConfigurationCommand(asked));
  expect(described).toMatchObject({ FunctionArn: arn, Version: version, MemorySize: 128 });
});

it.each([
  'arn:aws:lambda:us-east-1:111111111111:function:orders:nope',
  '111111111111:function:orders:nope',
  'orders:nope',
])('nothing is found under %s', async (name) => {
  const missing = client.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
  const arn = 'arn:aws:lambda:us-east-1:111111111111:function:orders:nope';
  await expect(missing).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
    message: `Function not found: ${arn}`,
  });
});

it('reservations are taken off what the account has unreserved', async () => {
  const { AccountLimit } = await client.send(new GetAccountSettingsCommand({}));
  expect(AccountLimit).toMatchObject({ ConcurrentExecutions: 1_000, UnreservedConcurrentExecutions: 800 });
});
