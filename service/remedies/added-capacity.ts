/**
 * Provisioned concurrency that a playbook adds: an event that begins now, as a person would have started it by hand. So it is planned beside everything else, within the
 * limits, its end is booked, and it is over by itself.
 */
import { createWarmEvent } from '../../calendar/warm-event.ts';
import type { Outcome } from '../../core/action.ts';
import { InputError } from '../../core/errors.ts';
import type { FunctionSpec } from '../../core/function-spec.ts';
import type { AddProvisioned } from '../../core/remedy.ts';
import { msPerMinute, msPerSecond, type Clock } from '../../core/time.ts';
import type { CalendarDesk } from '../calendar-desk.ts';

export interface AddedCapacityOptions {
  readonly specs: readonly FunctionSpec[];
  readonly desk: Pick<CalendarDesk, 'add'>;
  readonly clock: Clock;
}

/** As many requests are expected as that concurrency serves: what it is worth beyond them is the planner's to say. None: the event is called off. */
export function createCapacityCaller({ specs, desk, clock }: AddedCapacityOptions) {
  return async ({ key, concurrency, untilMs, because }: AddProvisioned): Promise<Outcome> => {
    const atMs = clock.nowMs();
    const spec = specs.find((one) => one.key === key);
    const others = specs.filter(({ group, key: other }) => group === spec?.group && other !== key);
    // What is expected of a group is expected of each of its functions.
    if (spec?.group === undefined || others.length > 0)
      return refused(atMs, `${key} has no group of its own: give it one, and capacity can be added to it alone`);
    const { group } = spec;
    const requestsPerSecond = Math.ceil((Math.max(1, concurrency) * msPerSecond) / spec.runDurationMs.p50);
    const forMs = Math.max(msPerMinute, untilMs - atMs);
    try {
      const event = createWarmEvent({ group, requestsPerSecond, forMs, because, actor: 'playbook', nowMs: atMs });
      const status = concurrency === 0 ? 'cancelled' : event.status;
      // One a group: asked again after a lost answer, it is the same.
      await desk.add({ ...event, id: `${event.kind}:${group}@playbook`, status }, 'playbook');
      return { kind: 'accepted', atMs: clock.nowMs() };
    } catch (error) {
      if (error instanceof InputError) return refused(clock.nowMs(), error.message);
      throw error;
    }
  };
}

function refused(atMs: number, message: string): Outcome {
  return { kind: 'refused', atMs, code: 'NotAdded', message };
}
