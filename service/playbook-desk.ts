/** Playbooks for people: what there is and how far it has come, what one would do now, and a person's word that it should. */
import type { Playbook } from '../core/playbook.ts';
import type { Clock } from '../core/time.ts';
import { beginByHand } from '../detector/playbook/book.ts';
import type { Run } from '../detector/playbook/run.ts';
import type { PlaybookDesk, PlaybookRunView } from './http/playbooks.ts';
import type { System } from './system.ts';

export interface PlaybookDeskOptions {
  readonly playbooks: readonly Playbook[];
  readonly system: Pick<System, 'admit' | 'playbooks'>;
  readonly clock: Clock;
}

const shownRunsMax = 20;

/** Undefined where no playbook is configured. */
export function createPlaybookDesk({ playbooks, system, clock }: PlaybookDeskOptions): PlaybookDesk | undefined {
  if (playbooks.length === 0) return undefined;
  const find = (name: string): Playbook | undefined => playbooks.find((one) => one.name === name);
  return {
    view: () =>
      playbooks.map(({ name, because, guard }) => ({
        ...{ name, because, mode: guard.mode },
        runs: system.playbooks
          .book()
          .runs.filter(({ playbook }) => playbook.name === name)
          .toReversed()
          .slice(0, shownRunsMax)
          .map(viewOf),
      })),
    dryRun: (name, incidentId) => system.playbooks.dryRun(name, incidentId),
    run(name, incidentId, actor) {
      const playbook = find(name);
      const incident = system.playbooks.incident(incidentId);
      if (!playbook || !incident) return undefined;
      // As the engine will find it at its next tick, unless somebody else is quicker.
      const begun = beginByHand(system.playbooks.book(), playbook, { incident, by: actor, nowMs: clock.nowMs() });
      if ('refused' in begun) return begun;
      system.admit({ kind: 'playbook-asked', name, incidentId, by: actor });
      return { runId: begun.run.id };
    },
  };
}

function viewOf({ id, incidentId, by, startedAtMs, phase, at, playbook, end }: Run): PlaybookRunView {
  const step = phase === 'ended' ? null : (playbook.steps[at]?.id ?? null);
  return { id, incidentId, by, startedAtMs, phase, step, end: end ?? null };
}
