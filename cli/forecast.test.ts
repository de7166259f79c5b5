import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openHistoryKeep } from '../collectors/kept-history.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { formatInstant, msPerHour } from '../core/time.ts';
import { localInstant, startMs, stepMs, syntheticSeries, testEvent } from '../models/synthetic.fixture.ts';
import { backtestVerb } from './backtest.ts';
import { forecastVerb } from './forecast.ts';
import type { ExitCode, Terminal, Verb } from './verb.ts';

// Never a week apart, or last week would be the best forecast.
const events = [14, 22, 28, 37, 42].map((day) => testEvent('nfp', localInstant(day, 8.5)));
const series = syntheticSeries({ dayCount: 50, events, liftOf: () => 1.5 });
const atMs = localInstant(42, 8);
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'foreshock-'));
  const rows = (volumeOf: (volume: number, bucketMs: number) => number): string =>
    [...series.values]
      .map((volume, bucket) => [startMs + bucket * stepMs, volume] as const)
      .filter(([, volume]) => !Number.isNaN(volume))
      .map(([bucketMs, volume]) => `${formatInstant(bucketMs)},${volumeOf(volume, bucketMs)}\n`)
      .join('');
  writeFileSync(join(folder, 'history.csv'), `ts,volume\n${rows((volume) => volume)}`);
  writeFileSync(join(folder, 'other.csv'), `ts,volume\n${rows((volume, ms) => (ms >= atMs ? 999_999 : volume))}`);
  const calendar = events.map(({ startsAtMs }) => `${formatInstant(startsAtMs)},nfp,Employment Situation,3,,made up\n`);
  writeFileSync(join(folder, 'calendar.csv'), `ts,kind,title,importance,symbol,source\n${calendar.join('')}`);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(verb: Verb, words: readonly string[]): Promise<{ code: ExitCode; out: string }> {
  let out = '';
  const terminal: Terminal = {
    env: {},
    isInteractive: false,
    hasColour: false,
    out: (text) => void (out += text),
    err: () => undefined,
    signal: new AbortController().signal,
  };
  const code = await verb.run(words, terminal);
  return { code, out };
}
const files = (history = 'history.csv'): string[] => [
  ...['--history', join(folder, history)],
  ...['--calendar', join(folder, 'calendar.csv')],
];
const at = ['--at', formatInstant(atMs)];

describe('forecast', () => {
  it('says the same of a folder in which the same volume is kept', async () => {
    const keep = openHistoryKeep(join(folder, 'kept'));
    const key = '123456789012/us-east-1/orders:live' as FunctionKey;
    const rows = [...series.values].flatMap((volume, bucket) =>
      Number.isNaN(volume) ? [] : [{ atMs: startMs + bucket * stepMs, volume }],
    );
    await keep.fill(key, '5m', rows);
    const words = [...at, '--for', '1h', '--calendar', join(folder, 'calendar.csv')];
    const kept = await run(forecastVerb, ['--history', keep.folderOf(key), ...words]);
    expect(kept.out).toBe((await run(forecastVerb, [...files(), ...at, '--for', '1h'])).out);
    const empty = run(forecastVerb, ['--history', folder, ...words]);
    await expect(empty).rejects.toThrow(`${folder}: holds no minutes or five minutes`);
  });

  it('prints a line for each bucket, and the same from a history with another future', async () => {
    const [plain, other] = await Promise.all(
      ['history.csv', 'other.csv'].map((name) => run(forecastVerb, [...files(name), ...at, '--for', '1h'])),
    );
    expect(plain!.code).toBe(0);
    expect(plain!.out.trim().split('\n')).toHaveLength(13);
    expect(other!.out).toBe(plain!.out);
  });

  it('answers in JSON, in coarser buckets when asked', async () => {
    const { out } = await run(forecastVerb, [
      ...files(),
      ...at,
      '--for',
      '1h',
      '--step',
      '15m',
      '--levels',
      '0.5,0.999',
      '--json',
    ]);
    const answer = JSON.parse(out) as { fromMs: number; stepMs: number; levels: number[]; requestCount: number[][] };
    expect([answer.fromMs, answer.stepMs, answer.levels, answer.requestCount.length]).toEqual([
      atMs,
      900_000,
      [0.5, 0.999],
      4,
    ]);
  });

  it('goes across a gap between the end of the history and the instant asked', async () => {
    const later = formatInstant(startMs + 52 * 24 * msPerHour);
    expect((await run(forecastVerb, [...files(), '--at', later, '--for', '30m'])).code).toBe(0);
  });

  it('says no when it has seen too little', async () => {
    const early = formatInstant(startMs + 4 * 24 * msPerHour);
    const { code, out } = await run(forecastVerb, [...files(), '--at', early, '--for', '30m']);
    expect([code, out]).toEqual([1, expect.stringMatching(/^no forecast: \d+ days/)]);
  });

  it.each([
    ['no --for', [...at], /--for is needed/],
    ['a length without unit', [...at, '--for', '30'], /--for 30: expected a length/],
    ['too far ahead', [...at, '--for', '48h'], /at most 36h/],
    ['levels that do not ascend', [...at, '--for', '1h', '--levels', '0.9,0.5'], /ascending/],
    ['a level of 1', [...at, '--for', '1h', '--levels', '0.5,1'], /ascending/],
    ['a step finer than the history', [...at, '--for', '1h', '--step', '1m'], /multiple/],
    ['a step that does not divide half an hour', [...at, '--for', '1h', '--step', '20m'], /cannot be forecast/],
    ['an unknown venue', [...at, '--for', '1h', '--venue', 'XLON'], /unknown venue "XLON"/],
    ['an unknown zone', [...at, '--for', '1h', '--venue', 'Mars/Base'], /unknown venue "Mars\/Base"/],
  ])('refuses %s in one line', async (_, words, message) => {
    await expect(run(forecastVerb, [...files(), ...words])).rejects.toThrow(message);
  });
});

describe('backtest', () => {
  const span = ['--from', formatInstant(localInstant(28, 0)), '--to', formatInstant(localInstant(44, 0))];

  it('scores every class against the baselines, and writes the forecasts of its own model', async () => {
    const outFile = join(folder, 'out.csv');
    const { code, out } = await run(backtestVerb, [...files(), ...span, '--out', outFile, '--json']);
    const { classes } = JSON.parse(out) as { classes: { class: string; models: unknown[]; ratio: number }[] };
    expect(code).toBe(0);
    expect(classes.map((score) => score.class).sort()).toEqual(['event', 'open', 'quiet']);
    expect(classes.every(({ models }) => models.length === 4)).toBe(true);
    expect(classes.find((score) => score.class === 'event')!.ratio).toBeLessThan(1);
    const rows = readFileSync(outFile, 'utf8').trim().split('\n');
    expect(rows[0]).toBe('window_start,bucket_ts,level,value');
    expect(rows[1]).toMatch(/^2025-\d\d-\d\dT\d\d:\d\d:00Z,2025-\d\d-\d\dT\d\d:\d\d:00Z,0\.5,[\d.]+$/);
  });

  it('takes its windows from a file, and only those', async () => {
    const windowsFile = join(folder, 'windows.csv');
    writeFileSync(
      windowsFile,
      `window_start,class\n${formatInstant(localInstant(37, 8.5))},event:nfp\n2031-01-01T00:00:00Z,open\n`,
    );
    const { out } = await run(backtestVerb, [...files(), ...span, '--windows-file', windowsFile]);
    expect(out).toMatch(/event +1 +session-event/);
    expect(out).not.toMatch(/^open/m);
  });

  it.each([
    ['an unknown class', [...span, '--windows', 'event,loud'], /"loud" is none of/],
    ['a span that ends before it starts', ['--from', '2025-02-02', '--to', '2025-02-01'], /later than --from/],
    ['no span', [], /--from is needed/],
    ['a span without history', ['--from', '2031-01-01', '--to', '2031-02-01'], /no window lies inside/],
    [
      'a windows file that is not there',
      [...span, '--windows-file', '/nowhere.csv'],
      /\/nowhere.csv: cannot be read \(ENOENT\)/,
    ],
  ])('refuses %s in one line', async (_, words, message) => {
    await expect(run(backtestVerb, [...files(), ...words])).rejects.toThrow(message);
  });
});
