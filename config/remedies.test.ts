import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ConfigError } from './faults.ts';
import { realFiles } from './files.ts';
import { loadConfig } from './load.ts';

const minimalFile = new URL('examples/minimal.yaml', import.meta.url).pathname;
const minimal = readFileSync(minimalFile, 'utf8');
const env = { ADA_TOKEN: 'token-of-ada-0123456', BOB_TOKEN: 'token-of-bob-0123456' };

/** The minimal example, with lines at its end. */
async function load(lines: string, text = minimal) {
  const files = {
    ...realFiles,
    readFile: async (path: string, max: number) =>
      path === minimalFile ? new TextEncoder().encode(`${text}\n${lines}`) : realFiles.readFile(path, max),
  };
  return loadConfig(minimalFile, { env, files });
}

const faultsOf = async (lines: string): Promise<string> =>
  load(lines).then(
    () => 'none',
    (error: unknown) => (error instanceof ConfigError ? error.message : String(error)),
  );

it('does nothing about trouble, spends nothing and asks nobody, until it is said', async () => {
  const { remedies, people, functions } = await load('');
  const key = functions[0]!.spec.key;
  expect(new Set(Object.values(remedies.modes[key]!))).toEqual(new Set(['shadow']));
  expect(remedies).toMatchObject({
    limits: { actionsPerHourMax: 12, usdPerHourMax: 0, fleetShareMax: 0.2, cooldownMs: 600_000 },
    ...{ neverBreak: [], approvals: {}, approvalMs: 900_000 },
  });
  expect(people).toEqual([]);
});

it('takes the first entry that matches a function and a kind', async () => {
  const { functions, remedies } = await load(`
remedies:
  mode: advise
  modes:
    - { functions: ['123456789012/*'], kinds: [move-breaker], mode: enforce }
    - { functions: ['other*'], mode: enforce }
    - { kinds: [weigh-alias], mode: shadow }
approvals:
  - { functions: ['other'], prewarm: required }
  - { remedies: [weigh-alias] }`);
  const key = functions[0]!.spec.key;
  expect(remedies.modes[key]).toMatchObject({
    ...{ 'move-breaker': 'enforce', 'weigh-alias': 'shadow', 'add-provisioned': 'advise' },
  });
  expect(remedies.approvals).toEqual({
    [key]: { isPrewarmAsked: false, onNoAnswer: 'skip', remedies: ['weigh-alias'] },
  });
});

it('knows people by name, and never tells their tokens', async () => {
  const { people, effective } = await load("people: [{ name: ada, role: operator, token: '${env:ADA_TOKEN}' }]");
  expect(people.map(({ name, role, token }) => [name, role, token.reveal()])).toEqual([
    ['ada', 'operator', env.ADA_TOKEN],
  ]);
  expect(JSON.stringify(effective)).not.toContain('token-of');
  expect(JSON.stringify(effective)).not.toContain('ADA_TOKEN');
});

it.each([
  ["people: [{ name: ada, role: root, token: '${env:ADA_TOKEN}' }]", 'viewer, editor or operator'],
  ['people: [{ name: ada, role: viewer, token: plainly-written-0123 }]', 'an inline value (not shown)'],
  ["people: [{ name: token-1, role: viewer, token: '${env:ADA_TOKEN}' }]", 'stands for those who have none'],
  [
    "people: [{ name: a, role: viewer, token: '${env:ADA_TOKEN}' }, { name: a, role: viewer, token: '${env:BOB_TOKEN}' }]",
    'each name once',
  ],
  [
    "people: [{ name: a, role: viewer, token: '${env:ADA_TOKEN}' }, { name: b, role: viewer, token: '${env:ADA_TOKEN}' }]",
    'a token of their own',
  ],
  ['remedies: { modes: [{ groups: [nobody], mode: enforce }] }', 'the group of a function'],
  ['approvals: [{ groups: [nobody] }]', 'the group of a function'],
  ['remedies: { fleetShareMax: 0 }', 'above 0'],
  ['remedies: { modes: [{ kinds: [reboot], mode: enforce }] }', 'add-provisioned'],
])('refuses %s', async (lines, fault) => expect(await faultsOf(lines)).toContain(fault));
