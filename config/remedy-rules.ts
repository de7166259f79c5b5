/** Rules that span the keys of remedies, approvals and people. */
import { repeatsOf } from './repeats.ts';
import type { Rule } from './rules.ts';

const peopleOnce: Rule = ({ people }) =>
  repeatsOf(people, (person) => person.name).map(({ index, firstIndex }) => ({
    path: ['people', index, 'name'],
    expected: `each name once (it is people[${firstIndex}] already)`,
  }));

/** In the record `operator:token-1` and `operator:local` are those who have no name. */
const peopleHaveNames: Rule = ({ people = [] }) =>
  people.flatMap((person, index) =>
    /^(?:local|token-\d+)$/.test(person?.name ?? '')
      ? [{ path: ['people', index, 'name'], expected: 'another name: this one stands for those who have none' }]
      : [],
  );

/** Who may write the record under two names is nobody's witness. */
const tokensAreOnesOwn: Rule = ({ people, http }) => {
  const shared = repeatsOf(people, (person) => person.token).map(({ index, firstIndex }) => ({
    path: ['people', index, 'token'],
    got: 'the same secret',
    expected: `a token of their own (people[${firstIndex}] has it already)`,
  }));
  const nameless = (people ?? []).flatMap((person, index) =>
    person?.token !== undefined && http?.tokens?.includes(person.token) === true
      ? [{ path: ['people', index, 'token'], got: 'the same secret', expected: 'a token that is not in http.tokens' }]
      : [],
  );
  return [...shared, ...nameless];
};

/** A name that nobody has explained would leave its functions without what was meant for them. */
const groupsAreKnown: Rule = ({ remedies, approvals, functions = [] }) => {
  const known = new Set(functions.map((entry) => entry?.group));
  const unknown = (
    entries: readonly ({ readonly groups?: readonly (string | undefined)[] | undefined } | undefined)[],
    at: string[],
  ) =>
    entries.flatMap((entry, index) =>
      (entry?.groups ?? []).flatMap((group, place) =>
        group === undefined || known.has(group)
          ? []
          : [{ path: [...at, index, 'groups', place], expected: 'the group of a function' }],
      ),
    );
  return [...unknown(remedies?.modes ?? [], ['remedies', 'modes']), ...unknown(approvals ?? [], ['approvals'])];
};

export const remedyRules: readonly Rule[] = [peopleOnce, peopleHaveNames, tokensAreOnesOwn, groupsAreKnown];
