/**
 * Provisioned concurrency of one alias: look, and ask.
 *
 * Asking is not having. A Put answers 202 and Lambda allocates in the background, so `apply` says `accepted` and only a later `observe` can say
 * READY. Nothing here retries or waits for READY: each call is one attempt, and what follows from its answer is decided by the pursuit and the
 * gate (pursuit.ts, gate.ts).
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/API_PutProvisionedConcurrencyConfig.html
 */
import {
  DeleteProvisionedConcurrencyConfigCommand,
  GetAliasCommand,
  GetProvisionedConcurrencyConfigCommand,
  ProvisionedConcurrencyConfigNotFoundException,
  PutProvisionedConcurrencyConfigCommand,
  type GetProvisionedConcurrencyConfigCommandOutput,
} from '@aws-sdk/client-lambda';
import type { HoldProvisionedConcurrency, Outcome } from '../core/action.ts';
import type { Observed } from '../core/capacity.ts';
import type { Urgency } from '../core/ports.ts';
import type { FunctionKey, FunctionName } from '../core/series-key.ts';
import type { Clock, EpochMs } from '../core/time.ts';
import { functionArnOf, nameOf } from './arn.ts';
import { readFailure, worldErrorOf } from './aws-failure.ts';
import type { ControlPlane } from './control-plane.ts';
import { isCount, unreadable } from './service-door.ts';

export interface ProvisionedConcurrencyActuator {
  /**
   * Looks at the alias and then at its provisioned concurrency: two calls, `urgent` when a raise waits for the answer. `atMs` is the instant in
   * which the second was sent, so that what changed after it is never taken as seen.
   *
   * @throws WorldError, `retryable` but for a refusal (no such alias, no permission).
   */
  observe(key: FunctionKey, signal: AbortSignal, urgency?: Urgency): Promise<Observed>;
  /** One Put, or one Delete for a level of 0. */
  apply(action: HoldProvisionedConcurrency, signal: AbortSignal): Promise<Outcome>;
}

export interface ProvisionedConcurrencyOptions {
  /** The door for an account and region: always the same one for the same two, because the call budget is theirs. */
  readonly controlPlaneOf: (name: FunctionName) => ControlPlane;
  readonly clock: Clock;
}

export function createProvisionedConcurrencyActuator(
  options: ProvisionedConcurrencyOptions,
): ProvisionedConcurrencyActuator {
  const { controlPlaneOf, clock } = options;
  return {
    async observe(key, signal, urgency = 'routine') {
      const name = nameOf(key);
      try {
        return await look(controlPlaneOf(name), { key, name, signal, urgency, clock });
      } catch (error) {
        throw worldErrorOf(readFailure(error, signal), `looking at ${key}`);
      }
    },
    apply: (action, signal) => hold(controlPlaneOf(nameOf(action.key)), action, { signal, clock }),
  };
}

interface Look {
  readonly key: FunctionKey;
  readonly name: FunctionName;
  readonly signal: AbortSignal;
  readonly urgency: Urgency;
  readonly clock: Clock;
}

async function look(controlPlane: ControlPlane, { key, name, signal, urgency, clock }: Look): Promise<Observed> {
  const FunctionName = functionArnOf(name);
  const alias = await controlPlane.send({ urgency, signal }, (client, abortSignal) =>
    client.send(new GetAliasCommand({ FunctionName, Name: name.alias }), { abortSignal }),
  );
  if (!alias.FunctionVersion) throw unreadable('the alias names no version');
  let atMs: EpochMs = clock.nowMs();
  const provisioned = await controlPlane.send({ urgency, signal }, (client, abortSignal) => {
    atMs = clock.nowMs();
    const command = new GetProvisionedConcurrencyConfigCommand({ FunctionName, Qualifier: name.alias });
    return client.send(command, { abortSignal }).catch((error: unknown) => {
      // An answer, not a failure: the alias exists and holds none.
      if (error instanceof ProvisionedConcurrencyConfigNotFoundException) return undefined;
      throw error;
    });
  });
  return {
    key,
    atMs,
    version: alias.FunctionVersion,
    hasRoutingWeights: Object.keys(alias.RoutingConfig?.AdditionalVersionWeights ?? {}).length > 0,
    ...(provisioned && { provisioned: readProvisioned(provisioned) }),
  };
}

/** Takes nothing on trust: a number that is missing or odd is an unreadable answer, never a zero. */
function readProvisioned(answer: GetProvisionedConcurrencyConfigCommandOutput): NonNullable<Observed['provisioned']> {
  const requested = answer.RequestedProvisionedConcurrentExecutions;
  const allocated = answer.AllocatedProvisionedConcurrentExecutions;
  const available = answer.AvailableProvisionedConcurrentExecutions;
  const { Status: status, StatusReason: statusReason } = answer;
  if (!isCount(requested) || !isCount(allocated) || !isCount(available)) throw unreadable('a count is missing');
  if (status !== 'IN_PROGRESS' && status !== 'READY' && status !== 'FAILED') throw unreadable('the status is unknown');
  return { requested, allocated, available, status, ...(statusReason !== undefined && { statusReason }) };
}

async function hold(
  controlPlane: ControlPlane,
  action: HoldProvisionedConcurrency,
  { signal, clock }: { readonly signal: AbortSignal; readonly clock: Clock },
): Promise<Outcome> {
  const name = nameOf(action.key);
  const target = { FunctionName: functionArnOf(name), Qualifier: name.alias };
  const isRelease = action.concurrency === 0;
  // The gate judged the deadline before the queue, and lets a level through after it only when that lowers: what is left to watch is a
  // deadline that passes while we wait.
  const startByMs = isRelease || action.deadlineMs < clock.nowMs() ? undefined : action.deadlineMs;
  try {
    await controlPlane.send(
      { urgency: isRelease ? 'routine' : 'urgent', signal, ...(startByMs !== undefined && { startByMs }) },
      async (client, abortSignal): Promise<unknown> =>
        isRelease
          ? client.send(new DeleteProvisionedConcurrencyConfigCommand(target), { abortSignal })
          : client.send(
              new PutProvisionedConcurrencyConfigCommand({
                ...target,
                ProvisionedConcurrentExecutions: action.concurrency,
              }),
              { abortSignal },
            ),
    );
    return { kind: 'accepted', atMs: clock.nowMs() };
  } catch (error) {
    return { ...readFailure(error, signal), atMs: clock.nowMs() };
  }
}
