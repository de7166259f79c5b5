import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { calendarCheckVerb } from './calendar-check.ts';
import type { Terminal } from './verb.ts';

const worldCup = fileURLToPath(new URL('../examples/worldcup98/calendar.csv', import.meta.url));

async function run(...args: string[]): Promise<{ code: number; out: string }> {
  let out = '';
  const terminal: Terminal = {
    env: {},
    isInteractive: false,
    hasColour: false,
    out: (text) => (out += text),
    err: (text) => expect.unreachable(text),
    signal: new AbortController().signal,
  };
  return { code: await calendarCheckVerb.run(args, terminal), out };
}

describe('calendar check', () => {
  it('prints only the result as JSON', async () => {
    const { code, out } = await run('--calendar', worldCup, '--at', '1998-06-27T14:30:00Z', '--json');
    expect(code).toBe(0);
    const found = JSON.parse(out) as { next: { id: string }[] };
    expect(found).toMatchObject({
      calendar: worldCup,
      eventCount: 44,
      cancelledCount: 0,
      assumedTimeCount: 0,
      dateOnlyCount: 0,
      firstAtMs: Date.UTC(1998, 5, 10, 15, 30),
      lastAtMs: Date.UTC(1998, 5, 28, 19),
      kinds: [{ kind: 'match', count: 44, importanceMax: 3 }],
      warnings: [],
    });
    expect(found.next.map((event) => event.id)).toEqual([
      'match@1998-06-27T14:30:00Z',
      'match@1998-06-27T19:00:00Z',
      'match@1998-06-28T14:30:00Z',
      'match@1998-06-28T19:00:00Z',
    ]);
  });

  it('prints a summary for people', async () => {
    const { out } = await run('--calendar', worldCup, '--at', '1998-06-28T19:00:00Z');
    const lines = out.split('\n').map((line) => line.replace(worldCup, 'F'));
    expect(lines).toEqual([
      expect.stringMatching(/^F: sound; 44 events, version [0-9a-f]{12}$/),
      '',
      '  kind   count  importance  first       last',
      '  match     44           3  1998-06-10  1998-06-28',
      '',
      'next from 1998-06-28T19:00:00Z',
      '  1998-06-28T19:00:00Z  match  2  Nigeria v Denmark (round of 16)',
      '',
    ]);
  });

  it('tells what is cancelled and what is only a date, and announces neither as sure', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'foreshock-check-'));
    const path = join(folder, 'calendar.csv');
    const rows = [
      'ts,kind,title,importance,symbol,source,status',
      '2025-10-15T12:30:00Z,cpi,Consumer prices,3,,bls.gov,cancelled',
      '2025-10-29,fomc,Decision,3,,federalreserve.gov,',
      '2025-10-30,earnings,Results,3,AAPL,SEC,',
    ];
    writeFileSync(path, rows.join('\n'));
    const { out } = await run('--calendar', path, '--at', '2025-10-01');
    rmSync(folder, { recursive: true });
    expect(out).toContain('sound; 3 events, 1 cancelled, 1 at the time assumed for their kind, 1 with a date only');
    expect(out.slice(out.indexOf('next from')).split('\n').slice(1, 3)).toEqual([
      '  2025-10-29T18:00:00Z (assumed)  fomc           3  Decision',
      '  2025-10-30 (date only)          earnings:AAPL  3  Results',
    ]);
    expect(out.slice(out.indexOf('next from'))).not.toContain('cpi');
  });

  it('shows what is doubtful, and what humans expect', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'foreshock-check-'));
    const path = join(folder, 'calendar.yaml');
    const rows = [
      '- { ts: 2025-11-14T01:30:00Z, kind: cpi, title: Consumer prices, importance: 3 }',
      '- { ts: 2025-11-15T15:00:00Z, kind: campaign, title: Advert, importance: 2, expect: { group: app, lift: 4, minutes: 45 } }',
    ];
    writeFileSync(path, rows.join('\n'));
    const [people, programs] = [
      await run('--calendar', path, '--at', '2025-11-01'),
      await run('--calendar', path, '--at', '2025-11-13T12:00:00Z', '--json'),
    ];
    rmSync(folder, { recursive: true });
    expect(people.out).toContain('campaign  2  Advert (app: 4 times the usual for 45 min)');
    expect(people.out).toContain(
      'finding: unusual-hour: cpi at 2025-11-14T01:30:00Z, 20:30 in America/New_York, where 08:30 is the convention: is it morning, and not evening?',
    );
    expect(JSON.parse(programs.out)).toMatchObject({
      findings: [{ kind: 'unusual-hour', eventId: 'cpi@2025-11-14T01:30:00Z', severity: 'notice' }],
    });
  });

  it('says so when nothing comes any more', async () => {
    expect((await run('--calendar', worldCup, '--at', '1998-06-28T19:00:01Z')).out).toContain(
      'no event from 1998-06-28T19:00:01Z on',
    );
  });

  it.each([
    ['no file', [], '--calendar F is needed'],
    ['a file that is not there', ['--calendar', 'none.csv'], 'none.csv: no such file'],
    ['a time that is none', ['--calendar', worldCup, '--at', 'noon'], '--at "noon" is not an instant'],
    ['a flag of another verb', ['--calender', worldCup], '--calender'],
    ['a word too many', ['--calendar', worldCup, 'now'], 'unexpected word "now"'],
  ])('refuses %s', async (_, args, message) => {
    await expect(run(...args)).rejects.toMatchObject({
      name: 'InputError',
      message: expect.stringContaining(message) as string,
    });
  });
});
