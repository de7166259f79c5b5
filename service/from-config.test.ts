import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { realFiles } from '../config/files.ts';
import { loadConfig } from '../config/load.ts';
import { InputError } from '../core/errors.ts';
import { formatInstant } from '../core/time.ts';
import { minute } from './sample.ts';
import { readSystemOptions } from './from-config.ts';
import type { SystemOptions } from './system-options.ts';

const functionOf = (key: string): string => `
  - function: ${key}
    memoryMb: 1024
    initDurationMs: 800
    runDurationMs: { p50: 60, p99: 250 }
    spilloverRatioMax: 0.001
    concurrencyCeiling: 500
    volume: { csv: volume.csv }`;
const orders = functionOf('123456789012/us-east-1/orders:live');

const header = 'id,ts,kind,title,importance,symbol,source';
const cpi = 'cpi-march,2026-03-18T12:30:00Z,cpi,Consumer prices,3,,agency';
const volume = `ts,volume\n${Array.from({ length: 60 }, (_, index) => `${new Date(minute(index - 30)).toISOString()},${index}`).join('\n')}\n`;

interface Files {
  readonly functions?: string;
  readonly calendars: readonly string[];
}

async function read({ functions = orders, calendars }: Files, untilMs = minute(0)): Promise<SystemOptions> {
  const folder = await mkdtemp(path.join(tmpdir(), 'foreshock-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(path.join(folder, 'volume.csv'), volume);
  for (const [index, rows] of calendars.entries())
    await writeFile(path.join(folder, `${index}.csv`), `${header}\n${rows}\n`);
  const file = path.join(folder, 'foreshock.yaml');
  await writeFile(
    file,
    `functions:${functions}
calendars: [${calendars.map((_, index) => `{ csv: ${index}.csv }`).join(', ')}]
limits: { concurrencyMax: 800, usdPerHourMax: 20, usdPerEventMax: 15 }
`,
  );
  const config = await loadConfig(file, { env: {}, files: realFiles });
  return readSystemOptions(config, { untilMs, signal: new AbortController().signal });
}

it('reads each file once, no row at or after its end, and all calendars as one', async () => {
  const options = await read({
    functions: orders + functionOf('123456789012/us-east-1/quotes:live'),
    calendars: [cpi, `${cpi}\nfomc-march,2026-03-18T18:00:00Z,fomc,Decision,3,,agency`],
  });
  const [one, other] = options.functions;
  expect(one!.history).toBe(other!.history);
  expect([...one!.history.history.series.values]).toEqual(Array.from({ length: 30 }, (_, index) => index));
  expect(options.calendar.events.map(({ kind }) => kind)).toEqual(['cpi', 'fomc']);
});

it.each([
  { name: 'has just ended', untilMs: minute(1), rowCount: 31 },
  { name: 'has a second to go', untilMs: minute(1) - 1_000, rowCount: 30 },
])('reads the last bucket where it $name: $rowCount rows', async ({ untilMs, rowCount }) => {
  const options = await read({ calendars: [] }, untilMs);
  expect(options.functions[0]!.history.history.series.values).toHaveLength(rowCount);
});

it('warms for both times where two calendars disagree', async () => {
  const { calendar } = await read({ calendars: [cpi, cpi.replace('12:30', '13:30')] });
  expect(
    calendar.events.map(({ startsAtMs, doubt }) => [formatInstant(startsAtMs).slice(11, 16), doubt?.kind]),
  ).toEqual([
    ['12:30', undefined],
    ['13:30', 'sources-disagree'],
  ]);
});

it.each([
  {
    name: 'functions in two accounts',
    files: { calendars: [cpi], functions: orders + functionOf('210987654321/us-east-1/quotes:live') },
    code: 'config.places',
  },
])('refuses $name in one line', async ({ files, code }) => {
  const failure = await read(files).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(InputError);
  expect(failure).toMatchObject({ code });
  expect((failure as InputError).message).not.toContain('\n');
});
