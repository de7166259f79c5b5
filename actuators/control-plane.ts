/**
 * The door to Lambda's control plane for one account and region.
 */
import { GetAccountSettingsCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { AccountLimits } from '../core/ports.ts';
import { readFailure, worldErrorOf } from './aws-failure.ts';
import { createServiceDoor, isCount, unreadable, type DoorOptions, type ServiceDoor } from './service-door.ts';

export type ControlPlane = ServiceDoor<LambdaClient>;

export function createControlPlane(options: DoorOptions): ControlPlane {
  return createServiceDoor('Lambda', (settings) => new LambdaClient(settings), options);
}

/**
 * The account's limits as Lambda states them; reading them also tells who is at the other end.
 *
 * @throws WorldError when it did not answer, or answered without them.
 */
export async function readAccountLimits(controlPlane: ControlPlane, signal: AbortSignal): Promise<AccountLimits> {
  try {
    const { AccountLimit } = await controlPlane.send({ urgency: 'urgent', signal }, (client, abortSignal) =>
      client.send(new GetAccountSettingsCommand({}), { abortSignal }),
    );
    const concurrencyLimit = AccountLimit?.ConcurrentExecutions;
    const unreservedConcurrency = AccountLimit?.UnreservedConcurrentExecutions;
    if (!isCount(concurrencyLimit) || !isCount(unreservedConcurrency)) {
      throw unreadable('the account settings hold no concurrency limits');
    }
    return { concurrencyLimit, unreservedConcurrency };
  } catch (error) {
    throw worldErrorOf(readFailure(error, signal), `reading the account limits from ${controlPlane.endpointName}`);
  }
}
