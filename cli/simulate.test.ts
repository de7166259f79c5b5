import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatInstant, msPerMinute } from '../core/time.ts';
import { eventsAtMs, flatSeries, lastEventMs } from '../simulation/policies/sample.ts';
import { simulateVerb } from './simulate.ts';
import type { Terminal } from './verb.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'foreshock-'));
  const rows = [...flatSeries.values].map(
    (volume, minute) => `${formatInstant(flatSeries.fromMs + minute * msPerMinute)},${volume}\n`,
  );
  writeFileSync(join(folder, 'history.csv'), `ts,volume\n${rows.join('')}`);
  const events = eventsAtMs.map((atMs) => `${formatInstant(atMs)},nfp,made up,3,,made up\n`);
  // Importance 1: no window.
  const small = `${formatInstant(lastEventMs - 300 * msPerMinute)},ppi,made up,1,,made up\n`;
  writeFileSync(join(folder, 'calendar.csv'), `ts,kind,title,importance,symbol,source\n${events.join('')}${small}`);
  writeFileSync(join(folder, 'windows.csv'), `window_start,class\n${formatInstant(lastEventMs)},event:nfp\n`);
  writeFileSync(join(folder, 'elsewhere.csv'), 'window_start,class\n2030-01-01T00:00:00Z,event:nfp\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...words: readonly string[]): Promise<string> {
  let out = '';
  const terminal: Terminal = {
    env: {},
    isInteractive: false,
    hasColour: false,
    out: (text) => void (out += text),
    err: () => undefined,
    signal: new AbortController().signal,
  };
  const files = ['--history', join(folder, 'history.csv'), '--calendar', join(folder, 'calendar.csv')];
  await simulateVerb.run([...files, '--venue', 'Etc/UTC', '--workers', '1', ...words], terminal);
  return out;
}

/** 10 requests a second of one second each: the history as it stands. */
const asRecorded = ['--requests-per-second', '10', '--duration-ms', '1000'];
const span = ['--from', formatInstant(eventsAtMs[3]!), '--to', formatInstant(lastEventMs + 1)];

describe('simulate', () => {
  it('prints a row for each policy, and draws the busiest window', async () => {
    const plot = join(folder, 'plot.svg');
    const words = [...span, ...asRecorded, '--policy', 'none,static-peak,oracle', '--json', '--plot', plot];
    const { policies, ...about } = JSON.parse(await run(...words)) as {
      policies: Record<string, unknown>[];
    };
    expect(about).toEqual({ windows: 2, windowsLeftOut: 0, seed: '1', usualVolumePerMinute: 600, requestsPerUnit: 1 });
    expect(policies.map(({ policy }) => policy)).toEqual(['none', 'static-peak', 'oracle']);
    for (const row of policies) expect(row).toMatchObject({ windows: 2, requests: 2 * 30 * 2_400, throttles: 0 });
    expect(policies[0]).toMatchObject({ provisionedUsd: 0, spillover: 0, overflowRatio: 1, usdPerOracle: 0 });
    expect(policies[1]!['provisionedUsd']).toBeCloseTo(2 * 60 * 12 * 300 * 0.000_004_166_7, 6);
    expect(policies[2]).toMatchObject({ usdPerOracle: 1 });
    expect(readFileSync(plot, 'utf8')).toContain('none: 100.00 % of what comes in windows overflows');
  });

  it('takes its windows from a file', async () => {
    const out = await run('--windows-file', join(folder, 'windows.csv'), ...asRecorded, '--policy', 'none');
    expect(out).toContain('1 windows; the usual volume of 600 a minute stands for 10 requests a second; seed 1');
  });

  it.each([
    ['a policy that is none', [...span, '--policy', 'nobody'], /--policy nobody: "nobody" is none of/],
    ['a policy twice', [...span, '--policy', 'none,none'], /"none" comes twice/],
    ['no span', ['--policy', 'none'], /--from is needed/],
    ['a span that ends before it begins', ['--from', '2026-02-01', '--to', '2026-01-01'], /--to must be later/],
    ['a class that is none', [...span, '--windows', 'quiet'], /--windows quiet: "quiet" is none of event, open/],
    [
      'a rate that is none',
      [...span, '--requests-per-second', 'many'],
      /--requests-per-second many: expected a number/,
    ],
    [
      'a tail below the median',
      [...span, '--duration-ms-p99', '10'],
      /--duration-ms-p99 10: expected a number from 120/,
    ],
    ['a windows file that is not there', ['--windows-file', '/nowhere'], /\/nowhere: cannot be read \(ENOENT\)/],
    ['a span without a window', ['--from', '2026-01-08', '--to', '2026-01-09'], /no window lies inside the history/],
    [
      'no usual level',
      ['--from', '2026-01-01', '--to', '2026-01-20'],
      /no usual volume in the 28 days before 2026-01-01/,
    ],
  ])('refuses %s', async (_, words, sentence) => {
    await expect(run(...words)).rejects.toThrow(sentence);
  });

  it('refuses windows that lie outside the history', async () => {
    await expect(run('--windows-file', join(folder, 'elsewhere.csv'))).rejects.toThrow(/no window lies inside/);
  });

  it('names a picture that cannot be written', async () => {
    const words = [...span, ...asRecorded, '--policy', 'none', '--plot', join(folder, 'no', 'plot.svg')];
    await expect(run(...words)).rejects.toThrow(/plot\.svg: cannot be written \(ENOENT\)/);
  });
});
