/**
 * Does a playbook do each thing once, wherever the service dies? A real process with one of the shipped playbooks, killed by SIGKILL at each step around each append, each
 * call that changes the twin and each message, and restarted on what it left; and killed for good. Counted on the twin and at the targets.
 *
 *     npm run bench -- playbooks [--only NAME] [--ending helps|fails] [--every 1]
 *
 * `--every 3` cuts at one step in three; of those for good at one in three of these again.
 */
import { rm } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { msPerSecond } from '../core/time.ts';
import { playbookNames, type PlaybookName } from '../simulation/world/playbook-cast.ts';
import {
  learnUsual,
  playPlaybook,
  type PlaybookEndings,
  type PlaybookPlayed,
} from '../simulation/world/playbook-killed.ts';
import { judgePlaybook, outlivingMsMax, type PlaybookVerdict } from '../simulation/world/playbook-verdict.ts';

const restartAfterMs = 3 * msPerSecond;
const forGoodEvery = 3;
const endings: readonly PlaybookEndings[] = ['helps', 'fails'];

export async function run(args: readonly string[]): Promise<void> {
  const { values: flags } = parseArgs({
    args: [...args],
    options: { only: { type: 'string' }, ending: { type: 'string' }, every: { type: 'string', default: '1' } },
  });
  const every = Number(flags.every);
  print(
    `playbooks: SIGKILL at ${every === 1 ? 'each step' : `one step in ${every}`}, restarted after ${restartAfterMs / msPerSecond} s, and one kill in ${forGoodEvery} for good; Node ${process.versions.node}, ${cpus().length} cores`,
  );
  print(
    'playbook              harm   ends             steps  kills  lost  twice  left  pages lost  twice  outlives (s)',
  );
  let isSound = true;
  for (const name of playbookNames) {
    if (flags.only !== undefined && flags.only !== name) continue;
    const learned = await learnUsual(name);
    try {
      for (const ending of endings)
        if (flags.ending === undefined || flags.ending === ending)
          isSound = (await campaign({ name, ending, learned, every })) && isSound;
    } finally {
      await rm(learned, { recursive: true, force: true });
    }
  }
  if (!isSound) process.exitCode = 1;
}

interface Campaign {
  readonly name: PlaybookName;
  readonly ending: PlaybookEndings;
  readonly learned: string;
  readonly every: number;
}

async function campaign({ name, ending, learned, every }: Campaign): Promise<boolean> {
  const whole = await playPlaybook({ name, ending, learned });
  const verdicts: PlaybookVerdict[] = [judgePlaybook(whole, whole)];
  const keep = (played: PlaybookPlayed, cutAt: number, beside: PlaybookPlayed | undefined): void => {
    if (played.diedAt === undefined) return;
    const verdict = judgePlaybook(played, beside);
    verdicts.push(verdict);
    if (isFaulty(verdict))
      print(
        `  step ${cutAt} (${played.diedAt}), ${beside ? 'restarted' : 'for good'}, ended ${played.end}: ${JSON.stringify(verdict)}`,
      );
  };
  for (let cutAt = 0; cutAt < whole.steps.length; cutAt += every) {
    keep(await playPlaybook({ name, ending, learned, cutAt, restartAfterMs }), cutAt, whole);
    if ((cutAt / every) % forGoodEvery === 0)
      keep(await playPlaybook({ name, ending, learned, cutAt }), cutAt, undefined);
  }
  const sum = (part: 'lost' | 'missing' | 'pagesLost' | 'pagesTwice' | 'twice'): string =>
    String(verdicts.reduce((all, verdict) => all + verdict[part].length, 0));
  const worst = Math.max(...verdicts.map(({ outlivingMs }) => outlivingMs)) / msPerSecond;
  const cells = [whole.steps.length, verdicts.length - 1, sum('lost'), sum('twice'), sum('missing')];
  const told = [sum('pagesLost'), sum('pagesTwice'), worst.toFixed(0)];
  const widths = [5, 5, 4, 5, 4, 10, 5, 12];
  const row = [...cells, ...told].map((cell, index) => String(cell).padStart(widths[index]!)).join('  ');
  print(`${name.padEnd(20)}  ${ending}  ${(whole.end ?? 'it never began').padEnd(15)}  ${row}`);
  return !verdicts.some(isFaulty);
}

function isFaulty({ lost, twice, missing, pagesLost, pagesTwice, outlivingMs }: PlaybookVerdict): boolean {
  return [lost, twice, missing, pagesLost, pagesTwice].some(({ length }) => length > 0) || outlivingMs > outlivingMsMax;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
