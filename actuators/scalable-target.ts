/**
 * The scalable target of one alias: what Application Auto Scaling keeps its provisioned concurrency within.
 *
 * We do not fight it for the number; we move what it must keep to. Registering a target again sets its bounds and moves the capacity inside them at once,
 * and its tracking goes on between them.
 *
 * @see https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
 */
import {
  DescribeScalableTargetsCommand,
  RegisterScalableTargetCommand,
} from '@aws-sdk/client-application-auto-scaling';
import type { HoldProvisionedConcurrency, Outcome, SteeredBounds } from '../core/action.ts';
import type { ScalableBounds } from '../core/booking.ts';
import { WorldError } from '../core/errors.ts';
import type { Urgency } from '../core/ports.ts';
import type { FunctionKey, FunctionName } from '../core/series-key.ts';
import type { Clock, EpochMs } from '../core/time.ts';
import { nameOf, placeOf } from './arn.ts';
import { requireSameEnd, type AwsDoors, type ScalingDoor } from './aws-doors.ts';
import { readFailure, worldErrorOf } from './aws-failure.ts';
import { isCount, unreadable } from './service-door.ts';

export type SteeredHold = HoldProvisionedConcurrency & { readonly steered: SteeredBounds };

export interface ScalableTargets {
  /**
   * The bounds of those that have a target.
   *
   * @throws WorldError when it does not answer, or not as it should.
   */
  describe(
    keys: readonly FunctionKey[],
    signal: AbortSignal,
    urgency?: Urgency,
  ): Promise<ReadonlyMap<FunctionKey, ScalableBounds>>;
  /**
   * Holds a level by the minimum. A lower one takes two calls: the maximum down to it, which brings capacity down now and not when tracking gets to it,
   * and the maximum back. When the second fails the outcome is `unknown`: a look shows the maximum lowered, and the same action mends it.
   */
  apply(action: SteeredHold, signal: AbortSignal): Promise<Outcome>;
}

export interface ScalableTargetsOptions {
  readonly doorsOf: (name: FunctionName) => AwsDoors;
  readonly clock: Clock;
}

/** As many as one call takes, and one page answers. */
const describedCountMax = 50;

export function createScalableTargets({ doorsOf, clock }: ScalableTargetsOptions): ScalableTargets {
  return {
    async describe(keys, signal, urgency = 'routine') {
      const keysByPlace = Map.groupBy(keys, (key) => placeOf(nameOf(key)));
      const found = new Map<FunctionKey, ScalableBounds>();
      for (const keysThere of keysByPlace.values()) {
        const door = doorsOf(nameOf(keysThere[0]!)).scaling;
        for (let from = 0; from < keysThere.length; from += describedCountMax) {
          const chunk = keysThere.slice(from, from + describedCountMax);
          for (const [key, bounds] of await describeChunk(door, chunk, { signal, urgency })) found.set(key, bounds);
        }
      }
      return found;
    },
    async apply(action, signal) {
      const doors = doorsOf(nameOf(action.key));
      try {
        await requireSameEnd(doors, 'scaling', () =>
          describeChunk(doors.scaling, [action.key], { signal, urgency: 'urgent' }),
        );
        return await hold(doors.scaling, action, { signal, clock });
      } catch (error) {
        return { ...readFailure(error, signal), atMs: clock.nowMs() };
      }
    },
  };
}

async function hold(
  door: ScalingDoor,
  action: SteeredHold,
  { signal, clock }: { readonly signal: AbortSignal; readonly clock: Clock },
): Promise<Outcome> {
  const { key, concurrency, steered, deadlineMs } = action;
  if (concurrency > steered.max) return { ...aboveMaximum(action), atMs: clock.nowMs() };
  const name = nameOf(key);
  const min = Math.max(concurrency, steered.min);
  if (!steered.isLowered) {
    // As for a Put: what is left to watch is a deadline that passes while we wait.
    const startByMs = deadlineMs < clock.nowMs() ? undefined : deadlineMs;
    await register(door, name, { min, max: steered.max }, { signal, startByMs });
    return { kind: 'accepted', atMs: clock.nowMs() };
  }
  const lowered = { min, max: Math.min(steered.max, Math.max(1, min, steered.concurrencyBefore ?? 0)) };
  await register(door, name, lowered, { signal });
  try {
    await register(door, name, { min, max: steered.max }, { signal });
  } catch (error) {
    const { code, message } = readFailure(error, signal);
    const words = `the maximum was lowered to ${lowered.max} and is not known to be back at ${steered.max}: ${message}`;
    return { kind: 'unknown', atMs: clock.nowMs(), code, message: words };
  }
  return { kind: 'accepted', atMs: clock.nowMs() };
}

function aboveMaximum({ key, concurrency, steered }: SteeredHold): Omit<Extract<Outcome, { kind: 'refused' }>, 'atMs'> {
  const message = `${concurrency} is above ${steered.max}, the maximum of the scalable target of ${key}: raise its max_capacity, or lower concurrencyCeiling to ${steered.max}`;
  return { kind: 'refused', code: 'AboveScalableMaximum', message };
}

interface RegisterRequest {
  readonly signal: AbortSignal;
  readonly startByMs?: EpochMs | undefined;
}

async function register(
  door: ScalingDoor,
  name: FunctionName,
  { min, max }: ScalableBounds,
  { signal, startByMs }: RegisterRequest,
): Promise<void> {
  const command = new RegisterScalableTargetCommand({
    ...scalableTargetIdOf(name),
    MinCapacity: min,
    MaxCapacity: max,
  });
  await door.send({ urgency: 'urgent', signal, ...(startByMs !== undefined && { startByMs }) }, (client, abortSignal) =>
    client.send(command, { abortSignal }),
  );
}

async function describeChunk(
  door: ScalingDoor,
  keys: readonly FunctionKey[],
  { signal, urgency }: { readonly signal: AbortSignal; readonly urgency: Urgency },
): Promise<readonly (readonly [FunctionKey, ScalableBounds])[]> {
  const { ServiceNamespace, ScalableDimension } = targetKind;
  const keyOf = new Map(keys.map((key) => [scalableTargetIdOf(nameOf(key)).ResourceId, key]));
  const found: (readonly [FunctionKey, ScalableBounds])[] = [];
  let nextToken: string | undefined;
  try {
    // A page may hold less than it could, but one at least.
    for (let pageCount = 0; pageCount < keys.length + 1; pageCount++) {
      const command = new DescribeScalableTargetsCommand({
        ServiceNamespace,
        ScalableDimension,
        ResourceIds: [...keyOf.keys()],
        MaxResults: describedCountMax,
        ...(nextToken && { NextToken: nextToken }),
      });
      const page = await door.send({ urgency, signal }, (client, abortSignal) => client.send(command, { abortSignal }));
      for (const { ResourceId = '', MinCapacity: min, MaxCapacity: max } of page.ScalableTargets ?? []) {
        const key = keyOf.get(ResourceId);
        if (key === undefined) continue;
        if (!isCount(min) || !isCount(max)) throw unreadable('a bound is missing');
        found.push([key, { min, max }]);
      }
      nextToken = page.NextToken;
      if (!nextToken) return found;
    }
    throw new WorldError('UnreadableAnswer', 'the pages do not end', { retryable: true });
  } catch (error) {
    throw worldErrorOf(readFailure(error, signal), `looking at the scalable targets in ${door.endpointName}`);
  }
}

const targetKind = { ServiceNamespace: 'lambda', ScalableDimension: 'lambda:function:ProvisionedConcurrency' } as const;

/** What names the target, in the API's own words. */
export function scalableTargetIdOf({ functionName, alias }: FunctionName) {
  return { ...targetKind, ResourceId: `function:${functionName}:${alias}` };
}
