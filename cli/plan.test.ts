import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { formatInstant, msPerDay, msPerMinute, parseInstant } from '../core/time.ts';
import { planVerb } from './plan.ts';
import type { Terminal } from './verb.ts';

const nowMs = parseInstant('2026-03-17T13:00:00Z')!;
const stepMs = 5 * msPerMinute;

const config = `
functions:
  - function: 123456789012/us-east-1/orders:live
    memoryMb: 1024
    initDurationMs: 800
    runDurationMs: { p50: 120, p99: 400 }
    spilloverRatioMax: 0.001
    concurrencyCeiling: 80
    volume: { csv: volume.csv, venue: Etc/UTC }
calendars: [{ yaml: dates.yaml }, { csv: other.csv }]
limits: { concurrencyMax: 200, usdPerHourMax: 20, usdPerEventMax: 15 }
`;

/** A day without a time, a time that two calendars agree on, and one on which they differ. */
const dates = `
- { date: 2026-03-18, kind: cpi, title: Consumer prices, importance: 3, id: cpi }
- { ts: '2026-03-17T18:00:00Z', kind: fomc, title: Decision, importance: 3, id: fomc }
- { ts: '2026-03-17T15:00:00Z', kind: speech, title: Speech, importance: 3, id: speech }
`;
const other = `ts,kind,title,importance,symbol,source
2026-03-17T18:00:00Z,fomc,Decision,3,,fed
2026-03-17T16:30:00Z,speech,Speech,3,,fed
`;

async function plan(...flags: readonly string[]): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'foreshock-plan-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const rows = Array.from(
    { length: (14 * msPerDay) / stepMs },
    (_, index) => `${formatInstant(nowMs - 14 * msPerDay + index * stepMs)},${3_000 + ((index * 7) % 11) * 50}`,
  );
  const files = {
    'foreshock.yaml': config,
    'dates.yaml': dates,
    'other.csv': other,
    'volume.csv': `ts,volume\n${rows.join('\n')}\n`,
  };
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(folder, name), content);
  let out = '';
  const terminal: Terminal = {
    ...{ env: {}, isInteractive: false, hasColour: false, signal: new AbortController().signal },
    out: (text) => void (out += text),
    err: (text) => void (out += text),
  };
  const args = ['--config', path.join(folder, 'foreshock.yaml'), '--at', formatInstant(nowMs), ...flags];
  expect(await planVerb.run(args, terminal)).toBe(0);
  return out;
}

it('marks what is assumed and what is doubted, and nothing else', async () => {
  const rows = (await plan()).split('\n').filter((line) => line.startsWith('orders:live  '));
  const reasons = rows.map((line) => / (?:concurrency|rate|ceiling|account|usd) +(.*)$/.exec(line)?.[1]);
  expect([...new Set(reasons)].sort()).toEqual([
    'cpi (time assumed)',
    'fomc',
    'speech',
    'speech~also@2026-03-17T16:30:00Z (another calendar says otherwise)',
  ]);
});

it('says what it takes the seconds of a busy minute to be like', async () => {
  const name = 'assumed: the busiest second of a minute has 1.6 times its mean';
  expect((await plan()).split('\n')).toContain(`seconds of a minute: ${name} (1 function)`);
  const { peakProfiles } = JSON.parse(await plan('--json')) as { peakProfiles: unknown };
  expect(peakProfiles).toEqual([{ name, functions: ['123456789012/us-east-1/orders:live'] }]);
});

it('lists the events of its steps in JSON, with the same marks', async () => {
  const { steps, events } = JSON.parse(await plan('--json')) as {
    steps: { eventId: string }[];
    events: { id: string; isTimeAssumed: boolean; doubt: string | null; startsAtMs: number }[];
  };
  expect(
    events.map(({ id, isTimeAssumed, doubt, startsAtMs }) => [id, formatInstant(startsAtMs), isTimeAssumed, doubt]),
  ).toEqual([
    ['speech', '2026-03-17T15:00:00Z', false, null],
    ['speech~also@2026-03-17T16:30:00Z', '2026-03-17T16:30:00Z', false, 'sources-disagree'],
    ['fomc', '2026-03-17T18:00:00Z', false, null],
    ['cpi', '2026-03-18T12:30:00Z', true, null],
  ]);
  expect(new Set(steps.map(({ eventId }) => eventId))).toEqual(new Set(events.map(({ id }) => id)));
});
