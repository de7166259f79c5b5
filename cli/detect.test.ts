import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../core/random.ts';
import { detectVerb } from './detect.ts';
import type { ExitCode, Terminal } from './verb.ts';

let folder = '';
const file = (name: string): string => join(folder, name);
const random = createRandom('detect');
/** A day's wave of 288 steps, with noise, and one spike that no day has. */
const values = Array.from({ length: 2_000 }, (_, row) =>
  row === 1_500 ? 400 : 100 + 20 * Math.sin((2 * Math.PI * row) / 288) + 3 * random.normal(),
);
const csv = (rows: readonly number[]): string =>
  `timestamp,value\n${rows.map((value, row) => `2026-03-02 ${String(row)},${value}\n`).join('')}`;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'foreshock-'));
  writeFileSync(file('series.csv'), csv(values));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(words: readonly string[]): Promise<{ code: ExitCode; out: string }> {
  let out = '';
  const terminal: Terminal = {
    env: {},
    isInteractive: false,
    hasColour: false,
    out: (text) => void (out += text),
    err: () => undefined,
    signal: new AbortController().signal,
  };
  return { code: await detectVerb.run(words, terminal), out };
}

async function scoresOf(name: string): Promise<readonly string[]> {
  await run(['--series', file(name), '--out', file('out.csv')]);
  return readFileSync(file('out.csv'), 'utf8').trimEnd().split('\n');
}

describe('detect', () => {
  it('finds the spike, and writes a score for every row', async () => {
    const lines = await scoresOf('series.csv');
    expect(lines).toHaveLength(values.length + 1);
    expect(lines[0]).toBe('timestamp,value,anomaly_score,label');
    expect(lines[1_501]).toMatch(/^2026-03-02 1500,400,0\.[5-9]\d*,1$/);
    const { code, out } = await run(['--series', file('series.csv'), '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      values: 2_000,
      mostSurprising: [{ timestamp: '2026-03-02 1500', value: 400 }],
    });
  });

  it('knows nothing of what comes after', async () => {
    const whole = await scoresOf('series.csv');
    writeFileSync(file('half.csv'), csv(values.slice(0, 1_000)));
    expect(await scoresOf('half.csv')).toEqual(whole.slice(0, 1_001));
  });

  it.each([
    ['no header', '1,2\n', 'line 1: expected the header timestamp,value'],
    ['nothing at all', '', 'is empty'],
    [
      'a word for a value',
      'timestamp,value\n2026-03-02,1\n2026-03-03,many\n',
      'line 3: expected a timestamp, a comma and a number',
    ],
    ['no value', 'timestamp,value\n2026-03-02,\n', 'line 2: expected'],
    ['infinity', 'timestamp,value\n2026-03-02,1e999\n', 'line 2: expected'],
    ['a line without end', `timestamp,value\n${'9'.repeat(300_000)}`, 'longer than 1000 characters'],
  ])('refuses %s in one line', async (_, text, message) => {
    writeFileSync(file('bad.csv'), text);
    await expect(run(['--series', file('bad.csv')])).rejects.toThrow(message);
    await expect(run(['--series', file('bad.csv'), '--out', file('bad.csv')])).rejects.toThrow('another file');
  });
});
