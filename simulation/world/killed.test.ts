/** A few deaths of a real process, at the moments at which they could hurt; `npm run bench -- recover` has them by the hundred. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { msPerHour, msPerMinute, msPerSecond, parseInstant } from '../../core/time.ts';
import { playKilledDay, type KilledDay, type KilledRun } from './killed.ts';
import { faultsOf, judgeKilledDay } from './killed-verdict.ts';

const releaseAtMs = parseInstant('2026-11-06T13:30:00Z')!;
const minute = (count: number): number => releaseAtMs + count * msPerMinute;

async function play(options: Omit<KilledDay, 'day' | 'seed' | 'storeFile' | 'baselineConcurrency'>) {
  const folder = mkdtempSync(join(tmpdir(), 'foreshock-killed-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const storeFile = join(folder, 'store.db');
  const day: KilledDay = { ...options, day: 'nfp', seed: '1', baselineConcurrency: 5, storeFile };
  const run = await playKilledDay(day);
  return { day, run, verdict: await judgeKilledDay(day, run) };
}

// Six processes that each learn five months of minutes: seconds where nobody else is at work, and never what decides.
const timeoutMs = 120_000;

it(
  'dies in the night before payrolls, and is not missed: AWS raises, and AWS ends',
  async () => {
    const fromMs = releaseAtMs - 11 * msPerHour;
    const killAtMs = fromMs + 3 * msPerMinute;
    const { day, run, verdict } = await play({ fromMs, killAtMs, moment: { kind: 'second', delayMs: 0 } });
    expect(faultsOf(verdict)).toEqual([]);
    expect(verdict.raisesDueCount).toBe(3);

    // Spoiled, it is seen: none of these checks is one that always passes.
    const raisedAt = run.standings.findIndex(({ requested, status }) => requested > 5 && status === 'IN_PROGRESS');
    const spoiled: readonly [string, Partial<KilledRun>][] = [
      ['missed', { standings: run.standings.slice(0, raisedAt) }],
      ['outlived', { standings: run.standings.slice(0, raisedAt + 1) }],
      ['orphan', { bookedAtEnd: ['foreshock-left'] }],
      ['lost', { durableAtKill: { seq: run.durableAtKill!.seq + 1, hash: run.durableAtKill!.hash } }],
    ];
    for (const [what, part] of spoiled) {
      const faults = faultsOf(await judgeKilledDay(day, { ...run, ...part }));
      expect(faults.some((fault) => fault.startsWith(what))).toBe(true);
    }
  },
  timeoutMs,
);

it(
  'dies after a call was carried out and before its answer came, and never comes back: what it asked for ends',
  async () => {
    const { verdict } = await play({ fromMs: minute(-20), killAtMs: minute(-10), moment: { kind: 'done' } });
    expect(faultsOf(verdict)).toEqual([]);
    expect(verdict.died).toBe('between effect and outcome');
    expect(verdict.overstayMsMax).toBeGreaterThan(0);
  },
  timeoutMs,
);

it.each([
  { kind: 'durable', died: /effect/, restartAfterMs: 0 },
  { kind: 'done', died: /outcome/, restartAfterMs: 40 * msPerSecond },
] as const)(
  'dies at "$kind" and comes back: nothing lost, nothing repeated, nothing left',
  async ({ kind, died, restartAfterMs }) => {
    const { verdict } = await play({
      fromMs: minute(-20),
      killAtMs: minute(-10),
      untilMs: minute(20),
      moment: { kind },
      restartAfterMs,
    });
    expect(faultsOf(verdict)).toEqual([]);
    expect(verdict.died).toMatch(died);
  },
  timeoutMs,
);
