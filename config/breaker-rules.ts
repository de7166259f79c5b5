/** Rules that span the keys of breakers. */
import { isLoopback } from '../core/loopback.ts';
import { parseFunctionKey } from '../core/series-key.ts';
import { breakerMeans } from './breaker-schema.ts';
import type { Path } from './document.ts';
import { repeatsOf } from './repeats.ts';
import type { Breach, ConfigDraft, Rule } from './rules.ts';

type CircuitDraft = NonNullable<NonNullable<NonNullable<ConfigDraft['breakers']>['circuits']>[number]>;

const eachCircuit =
  (find: (circuit: CircuitDraft, at: Path, draft: ConfigDraft) => readonly Breach[]): Rule =>
  (draft) =>
    (draft.breakers?.circuits ?? []).flatMap((circuit, index) =>
      circuit ? find(circuit, ['breakers', 'circuits', index], draft) : [],
    );

const exactlyOneMeans = eachCircuit((circuit, at) => {
  const given = breakerMeans.filter((key) => key in circuit);
  const expected = `exactly one of ${breakerMeans.join(', ')}`;
  if (given.length === 0) return [{ path: at, got: 'none of them', expected }];
  return given.slice(1).map((key) => ({ path: [...at, key], got: `${given[0]!} as well`, expected }));
});

/** AWS moves and limits functions, and nothing else. */
const awsMeansWantFunctions = eachCircuit((circuit, at) =>
  circuit.callee === undefined || 'sharedState' in circuit || parseFunctionKey(circuit.callee)
    ? []
    : breakerMeans
        .filter((key) => key !== 'sharedState' && key in circuit)
        .map((key) => ({ path: [...at, 'callee'], expected: `a function (account/region/name:alias) for ${key}` })),
);

/** What is never to be stopped is neither called nor calls through a breaker. Who calls beside those named is seen when it is about to open. */
const neverBreakIsKept = eachCircuit(({ callee, callers }, at, { functions = [] }) => {
  const never = new Set(functions.filter((entry) => entry?.neverBreak === true).map((entry) => entry?.function));
  const expected = 'a function that is not marked neverBreak';
  return [
    ...(callee !== undefined && never.has(callee) ? [{ path: [...at, 'callee'], expected }] : []),
    ...(callers ?? []).flatMap((caller, place) =>
      caller !== undefined && never.has(caller) ? [{ path: [...at, 'callers', place], expected }] : [],
    ),
  ];
});

const holdOffsGrow = eachCircuit(({ holdOffMs, holdOffMsMax }, at) =>
  holdOffMs !== undefined && holdOffMsMax !== undefined && holdOffMsMax < holdOffMs
    ? [{ path: [...at, 'holdOffMsMax'], expected: `at least holdOffMs (${holdOffMs})` }]
    : [],
);

const sharesGrow = eachCircuit(({ probeShares = [] }, at) =>
  probeShares.flatMap((share, place) => {
    const before = probeShares[place - 1];
    if (share === undefined || before === undefined || share > before) return [];
    return [{ path: [...at, 'probeShares', place], expected: `more than the share before it (${before})` }];
  }),
);

const circuitsOnce: Rule = ({ breakers }) =>
  repeatsOf(breakers?.circuits, (circuit) => circuit.name).map(({ index, firstIndex }) => ({
    path: ['breakers', 'circuits', index, 'name'],
    expected: `each name once (it is breakers.circuits[${firstIndex}] already)`,
  }));

/** Two that write one item, or move one alias, would undo each other. */
const placesOnce: Rule = ({ breakers }) => {
  const seen = new Map<string, number>();
  return (breakers?.circuits ?? []).flatMap((circuit, index) => {
    if (circuit === undefined) return [];
    const { name, callee, sharedState } = circuit;
    const tables = (sharedState?.tables ?? []).flatMap((entry) =>
      entry?.table === undefined ? [] : [`${entry.table} ${entry.id ?? name ?? ''}`],
    );
    const places = 'sharedState' in circuit || callee === undefined ? tables : [callee.replace(/:[^:]*$/, '')];
    return places.flatMap((place) => {
      const first = seen.get(place);
      if (first === undefined) seen.set(place, index);
      return first === undefined
        ? []
        : [
            {
              path: ['breakers', 'circuits', index],
              got: place,
              expected: `each once (breakers.circuits[${first}] has it already)`,
            },
          ];
    });
  });
};

/** From elsewhere nobody could read it. */
const readersBeyondLoopback: Rule = ({ http, breakers }) => {
  if (http?.host === undefined || isLoopback(http.host) || !breakers) return [];
  if ('readTokens' in breakers && breakers.readTokens?.length !== 0) return [];
  const isReadOverHttp = breakers.circuits?.some(
    (circuit) => circuit?.sharedState !== undefined && !circuit.sharedState.tables?.length,
  );
  const expected = 'readTokens beside it, by which functions read them, or tables for all of them';
  return isReadOverHttp === true
    ? [{ path: ['breakers', 'circuits'], got: 'breakers that nobody can read', expected }]
    : [];
};

/** It lies in every function that reads breakers: it must not open anything else. */
const readersOnlyRead: Rule = ({ breakers, http, people = [] }) => {
  const others = [...(http?.tokens ?? []), ...people.map((person) => person?.token)];
  return (breakers?.readTokens ?? []).flatMap((token, index) =>
    token !== undefined && others.includes(token)
      ? [
          {
            path: ['breakers', 'readTokens', index],
            got: 'the same secret',
            expected: 'a token that is neither in http.tokens nor of people',
          },
        ]
      : [],
  );
};

export const breakerRules: readonly Rule[] = [
  exactlyOneMeans,
  awsMeansWantFunctions,
  neverBreakIsKept,
  holdOffsGrow,
  sharesGrow,
  circuitsOnce,
  placesOnce,
  readersBeyondLoopback,
  readersOnlyRead,
];
