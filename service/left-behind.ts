/** Capacity that an earlier run asked for, of functions that nobody gives back any more under this configuration: it is paid for until a person does. */
import type { Mode } from '../core/function-spec.ts';
import type { FunctionKey } from '../core/series-key.ts';
import type { EngineSnapshot } from './engine-snapshot.ts';
import type { Incidents, Note } from './incidents.ts';
import type { SystemOptions } from './system-options.ts';

export interface LeftBehind {
  readonly key: FunctionKey;
  readonly concurrency: number;
  readonly because: string;
}

export function leftBehindOf(
  { functions }: Pick<SystemOptions, 'functions'>,
  pursuits: EngineSnapshot['pursuits'],
): readonly LeftBehind[] {
  const modes = new Map<string, Mode>(functions.map(({ spec }) => [spec.key, spec.mode]));
  return Object.entries(pursuits).flatMap(([key, { askedConcurrency = 0, inFlight }]): LeftBehind[] => {
    const concurrency = Math.max(askedConcurrency, inFlight?.concurrency ?? 0);
    const mode = modes.get(key);
    if (concurrency === 0 || mode === 'enforce') return [];
    const why = mode === undefined ? 'is not in the configuration any more' : `is in ${mode}`;
    const because = `up to ${concurrency} that we asked for may still stand on ${key}, which ${why}: nobody gives them back, and Lambda charges for them`;
    return [{ key: key as FunctionKey, concurrency, because }];
  });
}

/** Told once, however often the service starts after it, and over when the function is looked after again: what became of it otherwise only AWS knows. */
export function reportLeftBehind(
  left: readonly LeftBehind[],
  {
    incidents,
    write,
    modeOf,
  }: { readonly incidents: Incidents; readonly write: Note; readonly modeOf: (key: string) => Mode | undefined },
): void {
  for (const { key, concurrency, because } of left)
    incidents.report(write, key, 'left-behind', because, { concurrency });
  for (const { subject, kind } of incidents.list())
    if (kind === 'left-behind' && modeOf(subject) === 'enforce')
      incidents.close(write, subject, kind, 'the function is looked after again');
}
