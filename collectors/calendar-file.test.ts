import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, it } from 'vitest';
import { readCalendar } from './calendar-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'foreshock-calendar-'));
afterAll(() => rmSync(folder, { recursive: true }));

const aroundMs = Date.UTC(2025, 9, 1);

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const csv = 'ts,kind,title,importance,symbol,source\n2025-09-05T12:30:00Z,nfp,Jobs,3,,bls.gov\n';
const yaml = '- { ts: 2025-09-05T12:30:00Z, kind: nfp, title: Jobs, importance: 3, source: bls.gov }\n';
const ics =
  'BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:x\nDTSTART:20250905T123000Z\nSUMMARY:Nonfarm Payrolls\nEND:VEVENT\nEND:VCALENDAR\n';

it.each([
  ['its name', 'a.csv', csv],
  ['its name in capitals', 'A.ICS', ics],
  ['its name', 'a.yaml', yaml],
  ['its name', 'a.yml', yaml],
  ['its name without the compression', 'a.ics.gz', gzipSync(ics)],
  ['its first words', 'feed', ics],
  ['its first words after a mark and an empty line', 'feed', `\ufeff\r\n${ics}`],
  ['its first sign', 'events.txt', `# by hand\n${yaml}`],
  ['nothing else', 'events.txt', csv],
])('knows a file by %s: %s', async (_, name, content) => {
  const { events } = await readCalendar(write(name, content), { aroundMs });
  expect(events).toMatchObject([{ kind: 'nfp', importance: 3, startsAtMs: Date.UTC(2025, 8, 5, 12, 30) }]);
});

it('says the same of the same events, whatever they are written in', async () => {
  const versions = [];
  for (const [name, content] of [
    ['v.csv', csv],
    ['v.yaml', yaml],
    ['w.csv', `\ufeff${csv.replaceAll('\n', '\r\n')}`],
  ] as const)
    versions.push((await readCalendar(write(name, content), { aroundMs })).version);
  expect(new Set(versions).size).toBe(1);
});

it('believes the configuration before the name', async () => {
  const path = write('b.csv', ics);
  await expect(readCalendar(path, { aroundMs })).rejects.toMatchObject({ code: 'calendar-faulty' });
  expect(await readCalendar(path, { aroundMs, format: 'ics' })).toMatchObject({ events: [{ id: 'x' }] });
});

it.each([
  ['CSV that is not UTF-8', 'c.csv', Buffer.from([0x74, 0x73, 0xff]), 'calendar-text'],
  ['YAML that is not UTF-8', 'c.yaml', Buffer.from([0x2d, 0x20, 0xff]), 'calendar-text'],
  ['too large', 'd.csv', Buffer.alloc(16 * 1024 ** 2 + 1, 10), 'calendar-size'],
  ['too large once it is unpacked', 'd.ics.gz', gzipSync(Buffer.alloc(16 * 1024 ** 2 + 1, 10)), 'calendar-size'],
  ['YAML that no hand wrote', 'd.yaml', '#'.repeat(1024 ** 2 + 1), 'calendar-size'],
])('refuses a file that is %s', async (_, name, content, code) => {
  await expect(readCalendar(write(name, content), { aroundMs })).rejects.toMatchObject({ code });
});

it('says so when there is no file', async () => {
  const path = join(folder, 'none.csv');
  await expect(readCalendar(path, { aroundMs })).rejects.toThrow(`${path}: no such file`);
});
