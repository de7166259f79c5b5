/**
 * The scalable targets of an account: aliases and versions whose provisioned concurrency Application Auto Scaling keeps between two bounds.
 *
 * It keeps them by calls of its own, through the same door as everybody's. What may pass by itself is tried again a minute later, and until then the
 * target has an update pending; what Lambda refuses stays as it is.
 */
import type { Random } from '../../core/random.ts';
import type { EpochMs } from '../../core/time.ts';
import type { Send } from './door.ts';
import type { FunctionRegistry } from './function-registry.ts';
import type { Members } from './request-body.ts';

export interface Bounds {
  readonly min: number;
  readonly max: number;
}

export interface ScheduledAction {
  readonly name: string;
  readonly arn: string;
  readonly expression: string;
  readonly timeZone: string | undefined;
  readonly startTime: number | undefined;
  readonly endTime: number | undefined;
  readonly bounds: Partial<Bounds>;
  readonly createdAtMs: EpochMs;
  /** When it sets its bounds; undefined once it has. */
  readonly runsAtMs: EpochMs | undefined;
}

export interface ScalingPolicy {
  readonly name: string;
  readonly arn: string;
  readonly configuration: Members;
  readonly createdAtMs: EpochMs;
}

export interface ScalableTarget {
  readonly resourceId: string;
  readonly functionName: string;
  readonly qualifier: string;
  readonly arn: string;
  readonly bounds: Bounds;
  readonly suspended: Suspended;
  readonly createdAtMs: EpochMs;
  /** When the call that brings the capacity into the bounds is made again. */
  readonly clampsAtMs: EpochMs | undefined;
  readonly actions: ReadonlyMap<string, ScheduledAction>;
  readonly policies: ReadonlyMap<string, ScalingPolicy>;
}

export interface Suspended {
  readonly DynamicScalingInSuspended: boolean;
  readonly DynamicScalingOutSuspended: boolean;
  readonly ScheduledScalingSuspended: boolean;
}

export interface ScalableTargets {
  readonly all: ReadonlyMap<string, ScalableTarget>;
  set(target: ScalableTarget): void;
  remove(resourceId: string): void;
  /** Moves the capacity into the bounds now, where there is any. */
  clamp(target: ScalableTarget, atMs: EpochMs): void;
  /** The next thing that happens by itself. */
  nextDueMs(): EpochMs | undefined;
  happenNext(): void;
  /** Draws identifiers, and where in its minute an action runs. */
  readonly random: Random;
}

/** A pending update is tried again after a minute; undocumented. */
const clampAgainMs = 60_000;

export function createScalableTargets(registry: FunctionRegistry, send: Send, random: Random): ScalableTargets {
  const all = new Map<string, ScalableTarget>();
  const set = (target: ScalableTarget): void => void all.set(target.resourceId, target);

  const clamp = (target: ScalableTarget, atMs: EpochMs): void => {
    const { functionName, qualifier, bounds } = target;
    const current = registry.records.get(functionName)?.configs.get(qualifier)?.requested;
    const wanted = current === undefined ? undefined : Math.min(bounds.max, Math.max(bounds.min, current));
    const mayPass = wanted !== undefined && wanted !== current && !call(target, wanted, atMs);
    set({ ...target, clampsAtMs: mayPass ? atMs + clampAgainMs : undefined });
  };
  /** Whether that is settled: done, or refused for good. */
  const call = ({ functionName, qualifier }: ScalableTarget, concurrency: number, atMs: EpochMs): boolean => {
    const request = {
      target: `/2019-09-30/functions/${functionName}/provisioned-concurrency?Qualifier=${qualifier}`,
      ...(concurrency === 0
        ? { method: 'DELETE', body: '' }
        : { method: 'PUT', body: JSON.stringify({ ProvisionedConcurrentExecutions: concurrency }) }),
    };
    const { status, fate } = send(request, atMs);
    return fate === undefined && status !== 429 && status < 500;
  };
  const run = (target: ScalableTarget, action: ScheduledAction, atMs: EpochMs): void => {
    const actions = new Map(target.actions).set(action.name, { ...action, runsAtMs: undefined });
    const bounds = { ...target.bounds, ...action.bounds };
    // One bound alone may contradict the other that stands: then it fails as a whole.
    const fails = target.suspended.ScheduledScalingSuspended || bounds.min > bounds.max;
    if (fails) set({ ...target, actions });
    else clamp({ ...target, actions, bounds }, atMs);
  };
  const next = (): { readonly atMs: EpochMs; readonly happen: () => void } | undefined => {
    let first: ReturnType<typeof next>;
    for (const target of all.values()) {
      const { clampsAtMs, actions } = target;
      if (clampsAtMs !== undefined && clampsAtMs < (first?.atMs ?? Infinity)) {
        first = { atMs: clampsAtMs, happen: () => clamp(target, clampsAtMs) };
      }
      for (const action of actions.values()) {
        const { runsAtMs } = action;
        if (runsAtMs !== undefined && runsAtMs < (first?.atMs ?? Infinity)) {
          first = { atMs: runsAtMs, happen: () => run(target, action, runsAtMs) };
        }
      }
    }
    return first;
  };

  return {
    all,
    random,
    set,
    remove: (resourceId) => void all.delete(resourceId),
    clamp,
    nextDueMs: () => next()?.atMs,
    happenNext: () => next()?.happen(),
  };
}
