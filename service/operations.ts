/** What people may ask of the running service: everything goes through the calendar desk, and from there is an event like all others. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createWarmEvent } from '../calendar/warm-event.ts';
import type { Config } from '../config/load.ts';
import { InputError } from '../core/errors.ts';
import { msPerSecond, type EpochMs } from '../core/time.ts';
import type { CalendarDesk } from './calendar-desk.ts';
import type { Operations } from './http/operations.ts';
import { realClock } from './real-time.ts';
import type { System } from './system.ts';
import type { PlanStepView } from './view.ts';

/** The next tick plans anew; a large fleet takes a second or two for it. */
const plannedWithinMs = 10 * msPerSecond;
const lookEveryMs = 100;

export function createOperations({ functions }: Config, desk: CalendarDesk, system: System): Operations {
  return {
    async confirmCalendar(id, actor) {
      const released = await desk.confirm(id, actor);
      return released?.map((event) => event.id);
    },
    acknowledge(id, actor) {
      if (!system.view.incidents().open.some((incident) => incident.id === id && incident.kind === 'trouble'))
        return false;
      system.admit({ kind: 'acknowledged', acknowledgement: { incidentId: id, by: actor, atMs: realClock.nowMs() } });
      return true;
    },
    async warm({ group, lift, forMs, because }, actor) {
      const members = functions.filter(({ spec }) => spec.group === group).map(({ spec }) => spec.key);
      if (members.length === 0) {
        const groups = [...new Set(functions.flatMap(({ spec }) => spec.group ?? []))];
        const known = groups.length === 0 ? 'no function names a group' : `there are ${groups.join(', ')}`;
        throw new InputError('warm.group', `group: no function is of group ${group}: ${known}`);
      }
      const event = createWarmEvent({ group, lift, forMs, because, nowMs: realClock.nowMs(), actor });
      await desk.add(event, actor);
      const steps = await stepsFrom(system, event.startsAtMs);
      return { eventId: event.id, functions: members, steps: steps?.filter((step) => isOneOf(members, step)) ?? null };
    },
  };
}

function isOneOf(members: readonly string[], step: PlanStepView): boolean {
  return members.includes(step.function);
}

/** What is in force at the first plan that knows of the instant; undefined where none is made in time. */
async function stepsFrom({ view }: System, atMs: EpochMs): Promise<readonly PlanStepView[] | undefined> {
  const untilMs = realClock.nowMs() + plannedWithinMs;
  while (realClock.nowMs() < untilMs) {
    const { issuedAtMs, steps } = view.plan();
    if (issuedAtMs !== null && issuedAtMs >= atMs)
      return steps.filter((step) => step.fromMs <= issuedAtMs && issuedAtMs < step.untilMs);
    await sleep(lookEveryMs);
  }
  return undefined;
}
