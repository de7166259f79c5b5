import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { calendarDiffVerb } from './calendar-diff.ts';
import { calendarImportVerb } from './calendar-import.ts';
import type { Terminal, Verb } from './verb.ts';

const folder = mkdtempSync(join(tmpdir(), 'foreshock-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function run(verb: Verb, ...args: string[]): Promise<{ code: number; out: string }> {
  let out = '';
  const terminal: Terminal = {
    env: {},
    isInteractive: false,
    hasColour: false,
    out: (text) => (out += text),
    err: (text) => expect.unreachable(text),
    signal: new AbortController().signal,
  };
  return { code: await verb.run(args, terminal), out };
}

function write(name: string, ...rows: string[]): string {
  const path = join(folder, name);
  writeFileSync(path, ['ts,kind,title,importance,symbol,source,status', ...rows, ''].join('\n'));
  return path;
}

const fixture = (name: string): string => fileURLToPath(new URL(`../collectors/fixtures/${name}.ics`, import.meta.url));
const at = ['--at', '2025-11-01'];

const before = write(
  'before.csv',
  '2025-10-03T12:30:00Z,nfp,Employment Situation,3,,bls.gov,',
  '2025-10-15T12:30:00Z,cpi,Consumer prices,3,,bls.gov,',
  '2025-10-29,fomc,Decision,3,,federalreserve.gov,',
  '2025-11-13T13:30:00Z,ppi,Producer prices,2,,bls.gov,',
);
const after = write(
  'after.csv',
  '2025-10-20T12:30:00Z,cpi,Consumer prices,3,,bls.gov,',
  '2025-10-29,fomc,Decision and dots,3,,federalreserve.gov,',
  '2025-10-30T20:30:00Z,earnings,Results,2,AAPL,SEC,',
  '2025-11-13T13:30:00Z,ppi,Producer prices,2,,bls.gov,cancelled',
);

describe('calendar diff', () => {
  it('tells people what happens to each event, in order of time', async () => {
    const { code, out } = await run(calendarDiffVerb, '--from', before, '--to', after);
    expect(code).toBe(1);
    expect(out.split('\n').map((line) => line.replace(/\s{2,}/g, ' | '))).toEqual([
      '1 added, 1 moved, 1 cancelled, 1 removed, 1 changed',
      '',
      ' | at | kind | symbols | title',
      'removed | 2025-10-03T12:30:00Z | nfp | Employment Situation',
      'moved | 2025-10-20T12:30:00Z | cpi | Consumer prices | from 2025-10-15T12:30:00Z',
      'changed | 2025-10-29T18:00:00Z (assumed) | fomc | Decision and dots | title "Decision" → "Decision and dots"',
      'added | 2025-10-30T20:30:00Z | earnings | AAPL | Results',
      'cancelled | 2025-11-13T13:30:00Z | ppi | Producer prices',
      '',
    ]);
  });

  it('tells programs the same', async () => {
    const { code, out } = await run(calendarDiffVerb, '--from', before, '--to', after, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      isEqual: false,
      added: [{ kind: 'earnings' }],
      moved: [
        { before: { kind: 'cpi' }, after: { startsAtMs: Date.UTC(2025, 9, 20, 12, 30) }, fields: ['startsAtMs'] },
      ],
      cancelled: [{ after: { kind: 'ppi' } }],
      removed: [{ kind: 'nfp' }],
      changed: [{ fields: ['title'] }],
    });
  });

  it('tells what would stay warm, and what it doubts, were it taken over at an instant', async () => {
    const typo = write('typo.csv', '2025-10-16T00:30:00Z,cpi,Consumer prices,3,,bls.gov,');
    const right = write('right.csv', '2025-10-15T12:30:00Z,cpi,Consumer prices,3,,bls.gov,');
    const { out } = await run(calendarDiffVerb, '--from', right, '--to', typo, '--at', '2025-10-15T06:00:00Z');
    expect(out).toContain('\nnotice: unusual-hour: cpi at 2025-10-16T00:30:00Z, 20:30 in America/New_York');
    expect(out).toContain(
      '\nnotice: held-over: cpi at 2025-10-15T12:30:00Z moved to 2025-10-16T00:30:00Z less than 24 h before',
    );
    const later = await run(calendarDiffVerb, '--from', right, '--to', typo, '--at', '2025-10-01', '--json');
    expect(JSON.parse(later.out)).toMatchObject({ findings: [{ kind: 'unusual-hour', severity: 'finding' }] });
  });

  it('says yes to two that say the same', async () => {
    const { code, out } = await run(calendarDiffVerb, '--from', before, '--to', before);
    expect([code, out]).toEqual([0, `${before} says what ${before} says: 4 events\n`]);
  });

  it.each([
    ['one file', ['--from', before], '--to is needed'],
    ['a file that is not there', ['--from', before, '--to', 'none.ics'], 'none.ics: no such file'],
  ])('refuses %s', async (_, args, message) => {
    await expect(run(calendarDiffVerb, ...args)).rejects.toThrow(message);
  });
});

describe('calendar import', () => {
  it.each(['agency', 'outlook', 'meetings'])('writes %s.ics as CSV that says the same', async (name) => {
    const [from, to] = [fixture(name), join(folder, `${name}.csv`)];
    const { code, out } = await run(calendarImportVerb, '--from', from, '--to', to, ...at, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ from, to });
    expect((await run(calendarDiffVerb, '--from', from, '--to', to, ...at)).code).toBe(0);
  });

  it('writes a day as a day', async () => {
    const to = join(folder, 'days.csv');
    await run(calendarImportVerb, '--from', fixture('meetings'), '--to', to, ...at);
    const rows = readFileSync(to, 'utf8').split('\n');
    expect(rows).toContain('2025-10-29,fomc,FOMC Meeting,3,,UID fomc-2025-10,fomc-2025-10,scheduled,');
    expect(rows).toContain(
      '2025-10-30,results_of_the_quarter,Results of the quarter,1,,UID results,results,scheduled,date',
    );
  });

  it('leaves a file alone that is there, until it is told to', async () => {
    const to = write('kept.csv');
    const args = ['--from', before, '--to', to, ...at];
    await expect(run(calendarImportVerb, ...args)).rejects.toThrow('is there already; say --overwrite');
    expect((await run(calendarImportVerb, ...args, '--overwrite')).out).toMatch(
      /kept\.csv: 4 events of .*, version [0-9a-f]{12}\n$/,
    );
    expect((await run(calendarDiffVerb, '--from', before, '--to', to)).code).toBe(0);
    const nowhere = join(folder, 'none', 'a.csv');
    await expect(run(calendarImportVerb, '--from', before, '--to', nowhere)).rejects.toThrow(
      'cannot be written (ENOENT)',
    );
  });
});
