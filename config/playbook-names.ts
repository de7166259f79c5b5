/** Whether what a playbook names is there: a step that wants a breaker or a target of another name would fail in the night for which it was written. */
import type { Playbook, PlaybookAct, PlaybookStep } from '../core/playbook.ts';
import type { ConfigDraft } from './rules.ts';

export interface UnknownName {
  readonly got: string;
  readonly expected: string;
}

/** Of steps, and of what takes them back. */
export function unknownNamesOf({ steps }: Playbook, { breakers, oncall }: ConfigDraft): readonly UnknownName[] {
  const circuits = new Set((breakers?.circuits ?? []).map((circuit) => circuit?.name));
  const targets = new Set((oncall?.targets ?? []).filter((target) => target?.cloudevent).map((target) => target?.name));
  return steps.flatMap((step) =>
    actsOf(step).flatMap((act): UnknownName[] => {
      if (act.kind === 'breaker' && act.breaker !== 'origin' && !circuits.has(act.breaker))
        return [{ got: `breaker ${act.breaker} in its step ${step.id}`, expected: 'a name among breakers.circuits' }];
      if (act.kind === 'webhook' && !targets.has(act.target))
        return [{ got: `target ${act.target} in its step ${step.id}`, expected: 'a cloudevent among oncall.targets' }];
      return [];
    }),
  );
}

function actsOf({ does, compensate }: PlaybookStep): readonly (PlaybookAct | PlaybookStep['does'])[] {
  return typeof compensate === 'string' ? [does] : [does, compensate];
}
