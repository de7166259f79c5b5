import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ConfigError } from './faults.ts';
import { parsePlaybook } from './playbooks.ts';
import { linesOf as configLinesOf, load, minimal as configuration } from './sample.ts';

const minimal = `name: calm
because: orders fail
trigger: {}
steps:
  - id: limit
    reserve: { function: origin, concurrency: 20 }
`;

function linesOf(text: string): readonly string[] {
  try {
    parsePlaybook('p.yaml', text);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n').map((line) => line.replace('p.yaml:', ''));
    throw error;
  }
  return [];
}

describe('a playbook file', () => {
  it('is a plain value with every default: it acts on nothing before somebody says so', () => {
    expect(parsePlaybook('p.yaml', minimal)).toEqual({
      ...{ name: 'calm', because: 'orders fail', helpsWithinMs: 300_000 },
      trigger: {
        ...{ detectors: [], origins: [], keys: [], severityMin: 'major', verdictMin: 'LIKELY' },
        isAfterNewVersion: false,
      },
      guard: { mode: 'shadow', fleetShareMax: 0.1, observersMin: 2, cooldownMs: 1_800_000 },
      steps: [
        {
          ...{ id: 'limit', compensate: 'inverse', onFailure: 'undo', when: 'trouble', standsForMs: 3_600_000 },
          does: { kind: 'reserve', function: 'origin', concurrency: 20 },
        },
      ],
    });
  });

  it.each([
    [
      'a misspelt key',
      minimal.replace('because', 'becuase'),
      '2:1 becuase: got an unknown key, expected a known key: did you mean because?',
    ],
    [
      'two kinds',
      minimal.replace('reserve:', 'wait: { seconds: 5 }\n    reserve:'),
      /^6:11 steps\[0\]\.wait: got reserve as well, expected exactly one of reroute, /,
    ],
    ['no kind', minimal.replace(/ {4}reserve.*\n/, ''), /^5:5 steps\[0\]: got none of them, expected exactly one of/],
    [
      'no function',
      minimal.replace('origin', 'orders'),
      '6:26 steps[0].reserve.function: got "orders", expected origin, caller, callee, or account/region/name:alias',
    ],
    ['a count below none', minimal.replace('20', '-1'), /concurrency: got -1, expected none, or a whole number from 0/],
    [
      'a name twice',
      `${minimal}  - id: limit\n    wait: { seconds: 5 }\n`,
      '7:9 steps[1].id: got "limit", expected each id once (it is steps[0] already)',
    ],
    [
      'a bound twice',
      `${minimal}    verify: { measure: errorRatio, below: 1, belowOfBefore: 0.5 }\n`,
      /verify\.belowOfBefore: got below as well, expected exactly one of/,
    ],
    [
      'a verification of a wait',
      `${minimal}  - id: w\n    wait: { seconds: 5 }\n    verify: { measure: errorRatio, below: 1 }\n`,
      /^9:\d+ steps\[1\]\.verify: got a verification of what changes nothing/,
    ],
    [
      'what ends before it is judged',
      `${minimal}    forSeconds: 299\n`,
      '7:17 steps[0].forSeconds: got 299, expected at least 300: so long it can take from this step until it is known whether all of them helped',
    ],
    ['a file with nothing in it', '', /^1:1: got nothing, expected a map of name, because, trigger, guard, …$/],
  ])('refuses %s, with its place', (_, text, line) => {
    const lines = linesOf(text);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toEqual(typeof line === 'string' ? line : expect.stringMatching(line));
  });

  it('takes a step that stands just long enough', () => {
    expect(linesOf(`${minimal}    forSeconds: 300\n`)).toEqual([]);
  });

  it('says all faults at once', () => {
    expect(linesOf(minimal.replace('concurrency: 20', 'concurrency: 0.5').replace('calm', 'so calm'))).toHaveLength(2);
  });
});

it('every shipped playbook is right, begins in shadow, and has the name of its file', () => {
  const folder = new URL('examples/playbooks/', import.meta.url);
  const names = readdirSync(folder);
  expect(names).toHaveLength(6);
  for (const name of names) {
    const playbook = parsePlaybook(name, readFileSync(new URL(name, folder), 'utf8'));
    expect([`${playbook.name}.yaml`, playbook.guard.mode]).toEqual([name, 'shadow']);
  }
});

describe('playbooks of a configuration', () => {
  const named = (...files: readonly string[]) => `${configuration}playbooks: [${files.join(', ')}]\n`;

  it('are read with it, and what they say is part of its hash', async () => {
    const one = await load(named('calm.yaml'), { '/etc/calm.yaml': minimal });
    const other = await load(named('calm.yaml'), { '/etc/calm.yaml': minimal.replace('20', '21') });
    expect(one.playbooks.map(({ name }) => name)).toEqual(['calm']);
    expect(one.sha256).not.toBe(other.sha256);
  });

  it('are refused where a file is not there, where two have one name, and with their own faults', async () => {
    expect(await configLinesOf(named('missing.yaml'))).toEqual([
      expect.stringContaining('playbooks[0]: got "missing.yaml", expected a file that exists'),
    ]);
    const files = { '/etc/a.yaml': minimal, '/etc/b.yaml': minimal };
    await expect(load(named('a.yaml', 'b.yaml'), files)).rejects.toThrow(
      /playbooks\[1\]: got "b.yaml", expected playbooks of different/,
    );
    await expect(load(named('a.yaml'), { '/etc/a.yaml': 'name: a' })).rejects.toThrow(/^\/etc\/a\.yaml:1:/);
  });

  it('are refused where they name a breaker or a target that is not there', async () => {
    const steps = (target: string, breaker: string): string =>
      `${minimal}  - id: stop\n    breaker: { name: ${breaker}, to: open }\n  - id: tell\n    webhook: { target: ${target}, message: x }\n`;
    const system = `${named('a.yaml')}breakers: { circuits: [{ name: orders, callee: orders, sharedState: {} }] }
oncall:
  targets:
    - { name: events, cloudevent: { url: 'https://events.example.com', secret: '\${env:EVENTS}' } }
    - { name: channel, slack: { webhookUrl: '\${env:SLACK}' } }
  owners: [{ name: all, page: [channel] }]
`;
    const faultsOf = async (target: string, breaker: string) => {
      const text = steps(target, breaker);
      const failure = await load(system, { '/etc/a.yaml': text }).catch((error: unknown) => (error as Error).message);
      return (typeof failure === 'string' ? failure.split('\n') : []).filter((line) => line.includes(' playbooks'));
    };
    expect(await faultsOf('events', 'orders')).toEqual([]);
    expect(await faultsOf('events', 'origin')).toEqual([]);
    expect(await faultsOf('channel', 'order')).toEqual([
      expect.stringContaining(
        'playbooks[0]: got breaker order in its step stop, expected a name among breakers.circuits',
      ),
      expect.stringContaining('playbooks[0]: got target channel in its step tell, expected a cloudevent among oncall'),
    ]);
  });
});
