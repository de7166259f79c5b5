import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { madeUpIncident } from '../detector/playbook/rehearsal-stub.ts';
import { playbookCheckVerb, playbookDryRunVerb } from './playbook.ts';
import type { Terminal, Verb } from './verb.ts';

const shipped = path.join(import.meta.dirname, '../config/examples/playbooks/runaway-cost.yaml');
const orders = '123456789012/us-east-1/orders-validate:live';

async function run(verb: Verb, args: readonly string[]) {
  let out = '';
  let err = '';
  const terminal: Terminal = {
    ...{ env: {}, isInteractive: false, hasColour: false, signal: new AbortController().signal },
    out: (text) => void (out += text),
    err: (text) => void (err += text),
  };
  return { code: await verb.run(args, terminal), out, err };
}

async function write(name: string, content: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'foreshock-playbook-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, name);
  await writeFile(file, content);
  return file;
}

describe('playbook check', () => {
  it('says that a file is right', async () => {
    expect(await run(playbookCheckVerb, [shipped])).toEqual({
      code: 0,
      out: 'runaway-cost is right: 2 steps, mode shadow\n',
      err: '',
    });
  });

  it('says each fault on a line of its own, with exit 2', async () => {
    const file = await write(
      'p.yaml',
      'name: a b\nbecause: c\ntrigger: {}\nsteps:\n  - id: x\n    wiat: { seconds: 5 }\n',
    );
    const { code, out, err } = await run(playbookCheckVerb, [file]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(
      err
        .trimEnd()
        .split('\n')
        .map((line) => line.replace(`${file}:`, '').split(':', 2).join(':')),
    ).toEqual(['1:7 name', '6:5 steps[0].wiat']);
  });
});

describe('playbook dry-run of files', () => {
  const cost = { detector: 'cost-rate', key: orders, because: 'dear' };

  it('shows each step, how it is seen to help and what takes it back', async () => {
    const incident = madeUpIncident(orders, { findings: [cost as never] });
    const file = await write('incident.json', JSON.stringify(incident));
    const { code, out } = await run(playbookDryRunVerb, [shipped, '--incident', file]);
    expect(out).toContain('at most 10 at a time of origin, for 3600 s');
    expect(out).toContain('busyEnvironments of origin below 0.5 of what it was over 60 s, within 300 s');
    // Two observers are wanted, and a file has none.
    expect([code, out.split('\n')[0]]).toEqual([
      1,
      `runaway-cost for ${orders}@1: would not begin: 0 independent observers confirm it, 2 are wanted`,
    ]);
  });

  it.each([
    ['{', 'not JSON'],
    ['null', 'expected an incident'],
    ['{"id":"x","origin":"y","lastTroubleAtMs":1,"findings":[null],"changes":[]}', 'expected an incident'],
  ])('refuses %s in one line', async (content, message) => {
    await expect(
      run(playbookDryRunVerb, [shipped, '--incident', await write('incident.json', content)]),
    ).rejects.toThrow(message);
  });
});
