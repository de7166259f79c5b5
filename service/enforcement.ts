/** What must be so before anything is acted on: the other end has shown what it is, and nobody else turns the same knob. */
import type { ControlPlane } from '../actuators/control-plane.ts';
import { requireEnforceable } from '../actuators/endpoint.ts';
import { requireOwnership } from '../actuators/ownership.ts';
import type { Config } from '../config/load.ts';
import { WorldError } from '../core/errors.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import type { AwsPorts } from './aws-ports.ts';
import type { Log } from './log.ts';

export interface EnforcedScene {
  readonly door: ControlPlane;
  readonly ports: Pick<AwsPorts, 'readAccountLimits' | 'scalableTargets'>;
  readonly scheduler: Config['aws']['scheduler'];
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** @throws InputError where a function says `enforce` and must not be. */
export async function requireEnforcement(
  specs: readonly FunctionSpec[],
  { door, ports, scheduler, log, signal }: EnforcedScene,
): Promise<void> {
  const keys = specs.filter(({ mode }) => mode === 'enforce').map(({ key }) => key);
  if (keys.length === 0) return;
  // What it answers does not matter here, only who answers; a refusal to answer leaves it unknown.
  await ports.readAccountLimits().catch(() => undefined);
  const { roleArn: schedulerRoleArn } = scheduler;
  requireEnforceable(specs, { kind: door.endpointKind(), name: door.endpointName, schedulerRoleArn });
  try {
    requireOwnership(specs, await ports.scalableTargets.describe(keys, signal));
  } catch (error) {
    if (!(error instanceof WorldError)) throw error;
    // A restart in the middle of an outage must not end in no service at all: what is known without an answer is still asked.
    const owned = specs.filter(({ ownership }) => ownership !== 'steer');
    requireOwnership(owned, new Map());
    const consequence =
      'nobody knows whether Application Auto Scaling turns the same knob; what it changes is seen as drift';
    log.warn('scaling.unread', { error: error.message, consequence });
  }
}
