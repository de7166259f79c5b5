/** What operators want left as it is: a function, or a group of them. Plain JSON, sealed with the tick that changed it. */
import type { FunctionSpec } from '../core/function-spec.ts';
import type { EpochMs } from '../core/time.ts';

export interface OperatorHold {
  readonly by: string;
  readonly because: string;
  readonly sinceMs: EpochMs;
  /** Absent: until somebody lets go. */
  readonly untilMs?: EpochMs;
}

/** By the function's key or the group's name. */
export type Holds = Readonly<Record<string, OperatorHold>>;

export function putHold(holds: Holds, subject: string, hold: OperatorHold): Holds {
  return { ...holds, [subject]: hold };
}

/** @returns the same object where there was none. */
export function releaseHold(holds: Holds, subject: string): Holds {
  const { [subject]: gone, ...others } = holds;
  return gone ? others : holds;
}

/** Those that are over by now; the same object where none is. */
export function endHolds(holds: Holds, nowMs: EpochMs): { readonly holds: Holds; readonly ended: readonly string[] } {
  const ended = Object.keys(holds).filter((subject) => (holds[subject]!.untilMs ?? Infinity) <= nowMs);
  if (ended.length === 0) return { holds, ended };
  return { holds: Object.fromEntries(Object.entries(holds).filter(([subject]) => !ended.includes(subject))), ended };
}

/** The function's own before its group's. */
export function holdOf(holds: Holds, { key, group }: Pick<FunctionSpec, 'key' | 'group'>): OperatorHold | undefined {
  return holds[key] ?? (group === undefined ? undefined : holds[group]);
}
