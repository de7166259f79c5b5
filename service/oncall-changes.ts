/** What a tick changed of on-call, so that a row of the store holds that and not all of it. */
import type { OncallState } from './oncall-state.ts';

/** The entries that are new or other than before; null for those that are gone. */
type Changes<T> = Readonly<Record<string, T | null>>;

export type OncallChanges = { readonly [Part in keyof OncallState]?: Changes<OncallState[Part][string]> };

const parts = ['lanes', 'targets', 'episodes', 'digests'] as const satisfies readonly (keyof OncallState)[];

/** @returns undefined where nothing changed. */
export function changesOf(before: OncallState, after: OncallState): OncallChanges | undefined {
  if (before === after) return undefined;
  const changed = parts.flatMap((part) => {
    const changes = changesIn<unknown>(before[part], after[part]);
    return Object.keys(changes).length === 0 ? [] : [[part, changes] as const];
  });
  return changed.length === 0 ? undefined : Object.fromEntries(changed);
}

export function applyChanges(state: OncallState, changes: OncallChanges): OncallState {
  const applied = parts.map((part) => [part, applyIn<unknown>(state[part], changes[part] ?? {})] as const);
  return Object.fromEntries(applied) as unknown as OncallState;
}

function changesIn<T>(before: Readonly<Record<string, T>>, after: Readonly<Record<string, T>>): Changes<T> {
  const gone = Object.keys(before).filter((key) => !(key in after));
  const other = Object.entries(after).filter(([key, value]) => before[key] !== value);
  return Object.fromEntries([...gone.map((key) => [key, null] as const), ...other]);
}

function applyIn<T>(before: Readonly<Record<string, T>>, changes: Changes<T>): Readonly<Record<string, T>> {
  return Object.fromEntries(
    Object.entries({ ...before, ...changes }).filter((entry): entry is [string, T & {}] => entry[1] !== null),
  );
}
