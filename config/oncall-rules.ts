/** Rules that span the keys of on-call. */
import type { Path } from './document.ts';
import { targetKindKeys } from './oncall-schema.ts';
import { repeatsOf } from './repeats.ts';
import type { Rule } from './rules.ts';

const targetsAreOneKind: Rule = ({ oncall }) =>
  (oncall?.targets ?? []).flatMap((entry, index) => {
    if (entry === undefined) return [];
    const stated = targetKindKeys.filter((kind) => kind in entry);
    const expected = `exactly one of ${targetKindKeys.join(', ')}`;
    if (stated.length === 0) return [{ path: ['oncall', 'targets', index], got: 'no kind', expected }];
    return stated.slice(1).map((kind) => ({
      path: ['oncall', 'targets', index, kind],
      got: `${stated[0]!} as well`,
      expected,
    }));
  });

/** A name that nobody has explained would page nobody. */
const oncallNamesAreKnown: Rule = ({ oncall, functions = [] }) => {
  const targets = new Set(oncall?.targets?.map((entry) => entry?.name));
  const owners = new Set(oncall?.owners?.map((entry) => entry?.name));
  const unknownTargets = (oncall?.owners ?? []).flatMap((entry, index) =>
    (['page', 'notice', 'escalate'] as const).flatMap((key) =>
      (entry?.[key] ?? []).flatMap((name, place) =>
        name === undefined || targets.has(name)
          ? []
          : [{ path: ['oncall', 'owners', index, key, place], expected: 'a name among oncall.targets' }],
      ),
    ),
  );
  const named: (readonly [Path, string | undefined])[] = [
    [['oncall', 'defaultOwner'], oncall?.defaultOwner],
    ...(oncall?.routes ?? []).flatMap((entry, index) =>
      (entry?.owners ?? []).map((name, place) => [['oncall', 'routes', index, 'owners', place], name] as const),
    ),
    ...functions.map((entry, index) => [['functions', index, 'owner'], entry?.owner] as const),
  ];
  const unknownOwners = named.flatMap(([path, name]) =>
    name === undefined || owners.has(name) ? [] : [{ path, expected: 'a name among oncall.owners' }],
  );
  return [...unknownTargets, ...unknownOwners];
};

const oncallNamesOnce: Rule = ({ oncall }) =>
  (['targets', 'owners'] as const).flatMap((list) =>
    repeatsOf<{ readonly name?: string | undefined }>(oncall?.[list], (entry) => entry.name).map(
      ({ index, firstIndex }) => ({
        path: ['oncall', list, index, 'name'],
        expected: `each name once (it is oncall.${list}[${firstIndex}] already)`,
      }),
    ),
  );

/** By its key the alert of an episode is one there: an escalation to where the page went would be swallowed. */
const escalationGoesElsewhere: Rule = ({ oncall }) =>
  (oncall?.owners ?? []).flatMap((entry, index) =>
    (entry?.escalate ?? []).flatMap((name, place) =>
      name === undefined || entry?.page?.includes(name) !== true
        ? []
        : [{ path: ['oncall', 'owners', index, 'escalate', place], expected: 'a target that is not among page' }],
    ),
  );

export const oncallRules: readonly Rule[] = [
  targetsAreOneKind,
  oncallNamesAreKnown,
  oncallNamesOnce,
  escalationGoesElsewhere,
];
