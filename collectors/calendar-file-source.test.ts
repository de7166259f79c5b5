import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { formatInstant, type Timers } from '../core/time.ts';
import { createVirtualClock } from '../core/virtual-clock.ts';
import { readCalendar } from './calendar-file.ts';
import { realEyes, watchCalendarFile, type CalendarFileOptions } from './calendar-file-source.ts';

const header = 'ts,kind,title,importance,symbol,source';
const release = (day: number): string => `2025-10-${day}T12:30:00Z,cpi,Consumer prices,3,,bls.gov`;

function watchOne(change: Partial<CalendarFileOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'foreshock-live-'));
  const path = join(folder, 'us.csv');
  const clock = createVirtualClock(Date.UTC(2025, 9, 1));
  const told: string[] = [];
  let signature = 1;
  let touch = (): void => undefined;
  let heard = Promise.withResolvers<string>();
  const tell = (text: string): void => {
    told.push(text.replace(path, 'F'));
    heard.resolve(text);
    heard = Promise.withResolvers();
  };
  const write = (...rows: string[]): void => {
    writeFileSync(path, [header, ...rows, ''].join('\n'));
    signature++;
  };
  write(release(15));
  const source = watchCalendarFile({
    ...{ path, clock, timers: clock },
    eyes: {
      signatureOf: async () => (signature < 0 ? undefined : String(signature)),
      watchFolder: (_, onChange) => {
        touch = () => onChange('us.csv');
        return () => undefined;
      },
    },
    onVersion: ({ events }) => tell(events.map(({ startsAtMs }) => formatInstant(startsAtMs).slice(8, 10)).join()),
    onTrouble: ({ because }) => tell(because),
    onRecovery: () => tell('recovered'),
    ...change,
  });
  onTestFinished(() => {
    source.close();
    rmSync(folder, { recursive: true });
  });
  return {
    ...{ source, path, told, clock, write },
    heard: () => heard.promise,
    touch: () => touch(),
    setSignature: (value: number) => void (signature = value),
    pass: async (lengthMs: number): Promise<void> => {
      clock.advanceTo(clock.nowMs() + lengthMs);
      await new Promise(setImmediate);
    },
  };
}

it('is read when it has been left alone for a moment after a change', async () => {
  const { source, told, touch, write, pass, heard } = watchOne();
  await source.check();
  write(release(24));
  touch();
  await pass(299);
  touch();
  await pass(299);
  expect(told).toEqual(['15']);
  const next = heard();
  await pass(1);
  await next;
  expect(told).toEqual(['15', '24']);
});

it('is looked at every five seconds where nobody tells of changes, and not read when it did not change', async () => {
  const { source, told, write, pass, heard } = watchOne();
  await source.check();
  await source.check();
  write(release(24));
  const next = heard();
  await pass(5_000);
  await pass(300);
  await next;
  expect(told).toEqual(['15', '24']);
});

it('keeps the last good version of one that is faulty, half written or gone, and says so once', async () => {
  const { source, told, write, setSignature } = watchOne();
  await source.check();
  write(release(24), '2025-10-2');
  await source.check();
  await source.check();
  expect(source.health().trouble).toContain('us.csv:3: got 1 fields');
  setSignature(-1);
  await source.check();
  setSignature(9);
  write(release(24));
  await source.check();
  expect(told).toEqual([
    '15',
    'F:3: got 1 fields in "2025-10-2", expected 6 fields on one line',
    'F: no such file',
    'recovered',
    '24',
  ]);
});

it('is mended by the text that was there before', async () => {
  const { source, told, write } = watchOne();
  await source.check();
  write('nonsense');
  await source.check();
  write(release(15));
  await source.check();
  expect(told).toEqual(['15', expect.stringContaining('got 1 fields'), 'recovered']);
});

it('does not take what changed while it was read, and comes back to it', async () => {
  let readCount = 0;
  const { source, told, clock, heard } = watchOne({
    eyes: { signatureOf: async () => String(Math.min(2, readCount++)), watchFolder: () => () => undefined },
  });
  await source.check();
  expect([told, source.health()]).toEqual([
    [],
    expect.not.objectContaining({ answeredAtMs: expect.anything() as number }),
  ]);
  const next = heard();
  clock.advanceTo(clock.nowMs() + 300);
  await next;
  expect(told).toEqual(['15']);
});

it('tells nothing of what is known already', async () => {
  const { source, told, path, clock, write } = watchOne();
  const known = await readCalendar(path, { aroundMs: clock.nowMs() });
  source.close();
  const second = watchCalendarFile({
    ...{ path, clock, timers: clock, known, eyes: realEyes },
    onVersion: ({ events }) => told.push(String(events.length)),
    onTrouble: () => undefined,
    onRecovery: () => undefined,
  });
  onTestFinished(() => second.close());
  await second.check();
  expect(told).toEqual([]);
  write(release(15), release(24));
  await second.check();
  expect(told).toEqual(['2']);
});

// Goal: the system's own words are understood. Method: real watching of a real folder, in which a file is replaced as editors do; what is awaited is the
// telling, and only the settling is played.
it('sees a file that is renamed into place', async () => {
  const timers: Timers = {
    after(delayMs, run) {
      if (delayMs < 1_000) setImmediate(run);
      return () => undefined;
    },
  };
  const { source, path, told, heard } = watchOne({ eyes: realEyes, timers });
  await source.check();
  const next = heard();
  writeFileSync(`${path}.tmp`, [header, release(24), ''].join('\n'));
  renameSync(`${path}.tmp`, path);
  await next;
  expect(told).toEqual(['15', '24']);
});
