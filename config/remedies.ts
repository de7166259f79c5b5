/** From what the file says of remedies, approvals and people to plain values for each function. */
import type { Mode } from '../core/function-spec.ts';
import { remedyKinds, type RemedyKind } from '../core/remedy.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerMinute } from '../core/time.ts';
import type { ConfigDocument } from './schema.ts';
import type { Secret } from './secrets.ts';

/** Plain JSON: it is recorded with what a run decides with. */
export interface RemedySettings {
  readonly limits: {
    readonly actionsPerHourMax: number;
    readonly usdPerHourMax: number;
    readonly fleetShareMax: number;
    readonly cooldownMs: number;
  };
  readonly brake: { readonly withoutEffectMax: number };
  /** How long a remedy waits for a yes. */
  readonly approvalMs: number;
  /** Of every function, for every kind. */
  readonly modes: Readonly<Record<FunctionKey, Readonly<Record<RemedyKind, Mode>>>>;
  /** Functions whose calls always go through. */
  readonly neverBreak: readonly FunctionKey[];
  /** Of functions for which a human is asked; the others are not in it. */
  readonly approvals: Readonly<Record<FunctionKey, ApprovalSettings>>;
}

export interface ApprovalSettings {
  readonly isPrewarmAsked: boolean;
  readonly onNoAnswer: 'skip' | 'warm';
  /** Kinds that want a yes each time. */
  readonly remedies: readonly RemedyKind[];
}

export interface ConfiguredPerson {
  readonly name: string;
  readonly role: ConfigDocument['people'][number]['role'];
  readonly token: Secret;
}

interface Named {
  readonly key: FunctionKey;
  readonly group: string | undefined;
  readonly neverBreak: boolean;
}

export function buildRemedies(
  { remedies, approvals }: Pick<ConfigDocument, 'remedies' | 'approvals'>,
  functions: readonly Named[],
): RemedySettings {
  const { actionsPerHourMax, usdPerHourMax, fleetShareMax, cooldownMinutes } = remedies;
  const modesOf = (named: Named) =>
    Object.fromEntries(
      remedyKinds.map((kind) => {
        const entry = remedies.modes.find(({ kinds, ...to }) => isFor(to, named) && (kinds?.includes(kind) ?? true));
        return [kind, entry?.mode ?? remedies.mode];
      }),
    ) as Record<RemedyKind, Mode>;
  const asked = functions.flatMap((named): [FunctionKey, ApprovalSettings][] => {
    const entry = approvals.find((to) => isFor(to, named));
    if (!entry || (entry.prewarm === 'none' && entry.remedies.length === 0)) return [];
    const { prewarm, onNoAnswer, remedies: wanted } = entry;
    return [[named.key, { isPrewarmAsked: prewarm === 'required', onNoAnswer, remedies: wanted }]];
  });
  return {
    limits: { actionsPerHourMax, usdPerHourMax, fleetShareMax, cooldownMs: cooldownMinutes * msPerMinute },
    brake: { withoutEffectMax: remedies.withoutEffectMax },
    approvalMs: remedies.approvalMinutes * msPerMinute,
    modes: Object.fromEntries(functions.map((named) => [named.key, modesOf(named)])),
    neverBreak: functions.flatMap(({ key, neverBreak }) => (neverBreak ? [key] : [])),
    approvals: Object.fromEntries(asked),
  };
}

/** Functions and groups add up; where neither is said, it is for all. */
function isFor(
  {
    functions,
    groups,
  }: { readonly functions?: readonly string[] | undefined; readonly groups?: readonly string[] | undefined },
  { key, group }: Named,
): boolean {
  if (!functions && !groups) return true;
  const isNamed = functions?.some((pattern) =>
    pattern.endsWith('*') ? key.startsWith(pattern.slice(0, -1)) : pattern === key,
  );
  return isNamed === true || (group !== undefined && groups?.includes(group) === true);
}

/** As written, but for what is secret. */
export function maskPeople(people: ConfigDocument['people']): unknown {
  return people.map((person) => ({ ...person, token: '[secret]' }));
}

export function buildPeople(people: ConfigDocument['people'], tokens: ReadonlyMap<number, Secret>): ConfiguredPerson[] {
  return people.map(({ name, role }, index) => ({ name, role, token: tokens.get(index)! }));
}
