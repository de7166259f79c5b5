/** Operators' words on their way to the engine: a fact each, judged and on record at the next tick. */
import { InputError } from '../core/errors.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import type { Clock } from '../core/time.ts';
import type { Command } from './acting.ts';
import type { ActingView } from './acting-view.ts';
import type { Fact } from './facts.ts';
import type { ActingDesk } from './http/acting.ts';

export interface ActingPorts {
  readonly clock: Clock;
  readonly admit: (fact: Fact) => unknown;
  /** As of the last tick. */
  readonly view: () => ActingView;
}

export function createActingDesk(
  specs: readonly Pick<FunctionSpec, 'key' | 'group'>[],
  { clock, admit, view }: ActingPorts,
): ActingDesk {
  const say = (command: Command): void => void admit({ kind: 'commanded', command });
  return {
    view,
    answer(id, answer, by) {
      const atMs = clock.nowMs();
      const asked = view().approvals.find((approval) => approval.id === id);
      if (!asked || asked.state === 'expired' || asked.expiresAtMs <= atMs) return undefined;
      say({ kind: 'answer', id, ...answer, by, atMs });
      const state = answer.isGranted ? 'granted' : 'denied';
      return { ...asked, state, answeredBy: by, answeredBecause: answer.because };
    },
    setBrake(scope, because, by) {
      const atMs = clock.nowMs();
      say({ kind: 'brake', ...(scope && { scope }), by, because, atMs });
      return { isOn: scope !== undefined, scope: scope ?? null, sinceMs: atMs, by, because };
    },
    hold(subject, { forMs, because }, by) {
      if (!specs.some(({ key, group }) => key === subject || group === subject)) {
        const groups = [...new Set(specs.flatMap(({ group }) => group ?? []))];
        const known = groups.length === 0 ? 'no function names a group' : `there are the groups ${groups.join(', ')}`;
        throw new InputError(
          'hold.subject',
          `subject: ${subject} is neither a function that is watched nor a group: ${known}`,
        );
      }
      const atMs = clock.nowMs();
      const until = forMs === undefined ? {} : { untilMs: atMs + forMs };
      say({ kind: 'hold', subject, ...until, by, because, atMs });
      return { subject, by, because, sinceMs: atMs, untilMs: until.untilMs ?? null };
    },
    release(subject, because, by) {
      if (!view().holds.some((hold) => hold.subject === subject)) return false;
      say({ kind: 'release', subject, by, because, atMs: clock.nowMs() });
      return true;
    },
  };
}
