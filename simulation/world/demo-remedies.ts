/** What may be done in a demo: one breaker before what the orders call, read by its callers over HTTP and in a table. */
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { createRemedies } from '../../actuators/remedies/index.ts';
import type { Outcome } from '../../core/action.ts';
import { remedyKinds } from '../../core/remedy.ts';
import { parseFunctionKey, type FunctionKey } from '../../core/series-key.ts';
import { msPerMinute, msPerSecond, type Clock } from '../../core/time.ts';
import type { BreakerSpec } from '../../core/breaker.ts';
import type { BreakerBoard } from '../../service/breaker-board.ts';
import { createBreakerItems } from '../../service/remedies/breaker-items.ts';
import { createRemedyCaller, type RemedyCaller } from '../../service/remedies/caller.ts';
import type { RemedyOptions } from '../../service/remedies/options.ts';
import type { SystemOptions } from '../../service/system-options.ts';
import { demoFleet } from './fleet.ts';
import type { WorldPorts } from './drive.ts';

/** Before what the first of the fleet calls. */
function demoBreaker(): BreakerSpec {
  const { spec, service } = demoFleet[0]!;
  const { accountId, region } = parseFunctionKey(spec.key)!;
  const place = { accountId, region, table: breakerTable, id: service, recoveryTimeoutMs: 10 * msPerSecond };
  return {
    ...{ name: service, callee: `service:${service}`, callers: [spec.key] },
    enactment: { kind: 'shared-state', places: [{ format: 'powertools', ...place }] },
    requestCountMin: 20,
    harmedRatioMin: 0.2,
    windowMs: 30 * msPerSecond,
    holdOffMs: 30 * msPerSecond,
    holdOffMsMax: 2 * msPerMinute,
    probeShares: [0.05, 0.2, 0.5],
    probeMs: 10 * msPerSecond,
    probeCountMin: 20,
    quietMs: msPerMinute,
    probeHarmedRatioMax: 0.15,
    settleMs: 5 * msPerSecond,
    leaseMs: msPerMinute,
  };
}

/** In the twin's DynamoDB. */
export const breakerTable = 'breakers';

export function demoRemedies(keys: readonly FunctionKey[]): RemedyOptions {
  const enforced = Object.fromEntries(remedyKinds.map((kind) => [kind, 'enforce' as const]));
  return {
    breakers: [demoBreaker()],
    guards: { openRatioMax: 0.5, panicRatioMin: 0.5 },
    limits: { actionsPerHourMax: 12, usdPerHourMax: 0, fleetShareMax: 0.5, cooldownMs: 10 * msPerMinute },
    brake: { withoutEffectMax: 3 },
    modes: Object.fromEntries(keys.map((key) => [key, enforced])),
    ...{ approvals: {}, approvalMs: 15 * msPerMinute, playbooks: [] },
    neverBreak: [],
  };
}

/** As the functions of the world read it, once a second: whoever has no breaker calls. */
export function admitRatioOf(key: FunctionKey, board: Pick<BreakerBoard, 'find'> | undefined): number {
  const { name, callers } = demoBreaker();
  return callers.includes(key) ? (board?.find(name)?.admitRatio ?? 1) : 1;
}

/** As somebody who deployed the functions would have done. */
export async function createBreakerTable({ doorsOf }: Pick<WorldPorts, 'doorsOf'>): Promise<void> {
  const command = new CreateTableCommand({
    TableName: breakerTable,
    BillingMode: 'PAY_PER_REQUEST',
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
  });
  const { signal } = new AbortController();
  const { tables } = doorsOf(parseFunctionKey(demoFleet[0]!.spec.key)!);
  await tables.send({ urgency: 'urgent', signal }, (client, abortSignal) => client.send(command, { abortSignal }));
}

export function createDemoRemedyCaller(
  { clock, doorsOf, whileInFlight }: WorldPorts,
  { remedies }: Pick<SystemOptions, 'remedies'>,
  board: BreakerBoard,
): RemedyCaller {
  const breakerItems = createBreakerItems(remedies?.breakers ?? [], clock);
  const caller = createRemedyCaller({
    remedies: createRemedies({ doorsOf, clock, breakerItems }),
    clock,
    board,
    callWebhook: async () => notHere(clock),
    addProvisioned: async () => notHere(clock),
  });
  return { call: (call, signal) => whileInFlight(() => caller.call(call, signal)) };
}

function notHere(clock: Clock): Outcome {
  return { kind: 'refused', atMs: clock.nowMs(), code: 'NotHere', message: 'the demo has no such remedy' };
}
