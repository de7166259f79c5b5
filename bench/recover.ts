/**
 * What a death of the service costs: it is killed (SIGKILL, a real process) at random instants of the demo, and never restarted, or restarted on the same store.
 * Half of the instants are uniform over the day; the others are the moments at which a death could hurt: while a record is being written, between a record
 * and its effect, between an effect and its record. See docs/recover.md.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRandom, type Random } from '../core/random.ts';
import { formatInstant, msPerHour, msPerMinute, msPerSecond, parseInstant } from '../core/time.ts';
import { playKilledDay, type DeathMoment, type KilledDay } from '../simulation/world/killed.ts';
import { warmUpMs } from '../simulation/world/world.ts';
import { faultsOf, judgeKilledDay, type DeathPlace, type KilledVerdict } from '../simulation/world/killed-verdict.ts';

/** `--count N` of each kind, `--seed S`, `--workers N` at once, `--only NUMBER` plays one again, as the report names it. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      count: { type: 'string', default: '200' },
      seed: { type: 'string', default: '1' },
      workers: { type: 'string', default: String(cpus().length) },
      only: { type: 'string' },
    },
  });
  const count = Number(values.count);
  const folder = mkdtempSync(join(tmpdir(), 'foreshock-recover-'));
  const drawn = Array.from({ length: 2 * count }, (_, number) => drawDay(number, { seed: values.seed, folder }));
  const days = values.only === undefined ? drawn : drawn.filter(({ number }) => String(number) === values.only);
  print(`recover: seed ${values.seed}, ${days.length} kills, Node ${process.version}, ${cpus().length} cores`);
  const beganAtMs = performance.now();
  try {
    const played = await playAll(days, Number(values.workers));
    report(played, performance.now() - beganAtMs);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface NumberedDay extends KilledDay {
  readonly number: number;
}

interface Played {
  readonly day: NumberedDay;
  readonly verdict: KilledVerdict;
}

/** The demo's spans: from an hour before the release, with a quarter of an hour to warm up, to two hours after it. */
const releases = { nfp: '2026-11-06T13:30:00Z', cpi: '2026-11-10T13:30:00Z', fomc: '2026-12-09T19:00:00Z' } as const;
const days = ['nfp', 'cpi', 'fomc'] as const;
const spanMs = { before: 75 * msPerMinute, after: 120 * msPerMinute };
/** One in five of those that are never restarted dies in the night before, from twelve and a half hours ahead, after a start up to an hour before. */
const night = { beforeMs: 12.5 * msPerHour, startedMs: msPerHour };
/** What has been restarted is played that long, or to the end of the day, and stopped; then AWS has the last word. */
const afterRestartMs = 80 * msPerMinute;

/** Of each pair of numbers the second is restarted. */
function drawDay(number: number, { seed, folder }: { readonly seed: string; readonly folder: string }): NumberedDay {
  const random = createRandom(`recover ${seed} ${number}`);
  const pair = Math.floor(number / 2);
  const day = days[pair % days.length]!;
  const isRestarted = number % 2 === 1;
  const isNight = !isRestarted && pair % 5 === 0;
  const releaseAtMs = parseInstant(releases[day])!;
  const spanFromMs = releaseAtMs - (isNight ? night.beforeMs : spanMs.before);
  const spanUntilMs = isNight ? releaseAtMs - spanMs.before : releaseAtMs + spanMs.after;
  // The first second is its start.
  const killFromMs = spanFromMs + 2 * msPerSecond;
  const killAtMs = killFromMs + Math.floor(random.next() * (spanUntilMs - killFromMs));
  const startMs = Math.floor(Math.max(spanFromMs, killAtMs - night.startedMs) / msPerMinute) * msPerMinute;
  return {
    number,
    day,
    seed,
    ...(isNight && { fromMs: startMs + warmUpMs }),
    ...(isRestarted && {
      restartAfterMs: random.next() < 0.25 ? 0 : Math.ceil(random.next() * 120) * msPerSecond,
      untilMs: Math.min(spanUntilMs, Math.ceil(killAtMs / msPerMinute) * msPerMinute + afterRestartMs),
    }),
    killAtMs,
    // In the night nothing is asked for long: a moment of action would be one of the morning.
    moment: isNight ? { kind: 'second', delayMs: 10 * random.next() } : drawMoment(random),
    baselineConcurrency: random.next() < 0.5 ? 0 : 5,
    storeFile: join(folder, `${number}.db`),
    // One in four dies again in its first seconds, before or after it has put what it left behind on record.
    ...(isRestarted && random.next() < 0.25 && { secondMoment: { kind: 'second', delayMs: 20 * random.next() } }),
  };
}

/** A second with calls takes some 10 ms, an append 3 ms on a disk and a tenth of one in memory: most of its deaths are early. */
function drawMoment(random: Random): DeathMoment {
  const kind = (['second', 'second', 'second', 'second', 'append', 'durable', 'asked', 'done'] as const)[
    Math.floor(random.next() * 8)
  ]!;
  if (kind === 'second') return { kind, delayMs: 10 * random.next() };
  if (kind === 'append') return { kind, delayMs: 3 * random.next() ** 4 };
  return { kind };
}

async function playAll(waiting: readonly NumberedDay[], workerCount: number): Promise<Played[]> {
  const queue = [...waiting];
  const played: Played[] = [];
  // Stopped early it reports what it has.
  process.once('SIGINT', () => queue.splice(0));
  const work = async (): Promise<void> => {
    for (let day = queue.shift(); day !== undefined; day = queue.shift()) {
      const verdict = await judgeKilledDay(day, await playKilledDay(day));
      played.push({ day, verdict });
      for (const suffix of ['', '-lock', '-shm', '-wal', '-writer']) rmSync(day.storeFile + suffix, { force: true });
      for (const fault of faultsOf(verdict)) print(`  run ${describe(day)}: ${fault}`);
      if (played.length % 10 === 0) process.stderr.write(`${played.length} of ${waiting.length}\n`);
    }
  };
  await Promise.all(Array.from({ length: workerCount }, work));
  return played;
}

function describe({ number, day, killAtMs, moment, restartAfterMs }: NumberedDay): string {
  const after = restartAfterMs === undefined ? 'never restarted' : `restarted after ${restartAfterMs / msPerSecond} s`;
  return `${number} (${day}, killed from ${formatInstant(killAtMs)} on at "${moment.kind}", ${after})`;
}

const places: readonly DeathPlace[] = [
  'at rest',
  'in an append',
  'between intent and effect',
  'between effect and outcome',
];

function report(played: readonly Played[], tookMs: number): void {
  const alone = played.filter(({ day }) => day.restartAfterMs === undefined);
  const restarted = played.filter(({ day }) => day.restartAfterMs !== undefined);
  const sum = (some: readonly Played[], of: (verdict: KilledVerdict) => number): number =>
    some.reduce((total, { verdict }) => total + of(verdict), 0);
  const row = (what: string, of: (some: readonly Played[]) => string | number): void =>
    print(`${what.padEnd(44)}${String(of(alone)).padStart(16)}${String(of(restarted)).padStart(16)}`);
  row('', (some) => (some === alone ? 'never restarted' : 'restarted'));
  row('killed', (some) => some.length);
  for (const place of places) row(`  ${place}`, (some) => some.filter(({ verdict }) => verdict.died === place).length);
  row('audit events lost, or a chain broken', (some) => sum(some, ({ lost }) => lost.length));
  row('effects repeated', (some) => sum(some, ({ repeated }) => repeated.length));
  row('orphans', (some) => sum(some, ({ orphans }) => orphans.length));
  row('outlived its end by over 2 minutes', (some) => sum(some, ({ outlived }) => outlived.length));
  row('longest after its end, in seconds', (some) =>
    Math.round(Math.max(0, ...some.map(({ verdict }) => verdict.overstayMsMax)) / msPerSecond),
  );
  row('raises of importance 3 due without us', (some) => sum(some, ({ raisesDueCount }) => raisesDueCount));
  row('  missed', (some) => sum(some, ({ missed }) => missed.length));
  const faulty = played.filter(({ verdict }) => faultsOf(verdict).length > 0);
  const again = faulty.map(({ day }) => day.number).join(', ');
  print(`${Math.round(tookMs / msPerSecond)} s; ${faulty.length} runs with a fault${again && `: --only ${again}`}`);
  if (faulty.length > 0) process.exitCode = 1;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
