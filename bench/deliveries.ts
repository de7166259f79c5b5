/**
 * Is a page told once, whatever its target does and wherever the service dies? A real process with the messenger of `serve`, killed by SIGKILL at each step around each
 * delivery of one episode (a page to a pager and to a signed webhook, and that it is over), restarted on what it left, against a pager that spoils the first attempts at each
 * message and honours keys.
 *
 *     npm run bench -- deliveries [--only NAME] [--every 1] [--spoilt 2]
 *
 * `--every 3` cuts at one step in three.
 */
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { DeliveryReport, DeliveryStart } from './deliveries-process.ts';
import { listenTargets, misdeeds, type DeliveryTargets } from './deliveries-targets.ts';

interface Verdict {
  readonly lost: number;
  readonly repeated: number;
  /** Alerts that nobody resolved. */
  readonly open: number;
  /** Requests that brought what was there already: absorbed by their key. */
  readonly absorbed: number;
  readonly stray: number;
}

export async function run(args: readonly string[]): Promise<void> {
  const { values: flags } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      every: { type: 'string', default: '1' },
      spoilt: { type: 'string', default: '2' },
    },
  });
  const every = Number(flags.every);
  const spoiltCount = Number(flags.spoilt);
  print(
    `deliveries: one episode, SIGKILL at ${every === 1 ? 'each step' : `one step in ${every}`}, the first ${spoiltCount} attempts at each message spoilt; Node ${process.versions.node}, ${cpus().length} cores`,
  );
  print('the pager                          kills  pages lost  repeated  left open  absorbed by key  neighbour late');
  const total = { kills: 0, lost: 0, repeated: 0, open: 0, absorbed: 0, stray: 0 };
  for (const name of Object.keys(misdeeds)) {
    if (flags.only !== undefined && flags.only !== name) continue;
    const whole = await play({ name, spoiltCount, cutAt: undefined });
    const verdicts = [whole.verdict];
    for (let cutAt = 0; cutAt < whole.stepCount; cutAt += every) {
      const { verdict, diedAt } = await play({ name, spoiltCount, cutAt });
      if (diedAt === undefined) continue;
      verdicts.push(verdict);
      if (verdict.lost + verdict.repeated + verdict.open + verdict.stray > 0)
        print(`  ${name}: killed at step ${cutAt} (${diedAt}): ${JSON.stringify(verdict)}`);
    }
    const sum = (key: keyof Verdict): number => verdicts.reduce((all, verdict) => all + verdict[key], 0);
    const kills = verdicts.length - 1;
    const cells = [kills, sum('lost'), sum('repeated'), sum('open'), sum('absorbed')].map(String);
    const widths = [5, 10, 8, 9, 15];
    const late = `${(whole.neighbourLateMs / 1_000).toFixed(0)} s`.padStart(14);
    print(`${name.padEnd(33)}  ${cells.map((cell, index) => cell.padStart(widths[index]!)).join('  ')}  ${late}`);
    total.kills += kills;
    for (const key of ['lost', 'repeated', 'open', 'absorbed', 'stray'] as const) total[key] += sum(key);
  }
  print(
    `together: ${total.kills} kills; ${total.lost} pages lost, ${total.repeated} repeated, ${total.open} left open, ${total.stray} requests to where nobody was to be told; ${total.absorbed} requests absorbed by their key`,
  );
  if (total.lost + total.repeated + total.open + total.stray > 0) process.exitCode = 1;
}

interface Run {
  readonly verdict: Verdict;
  readonly stepCount: number;
  /** The step at which it was killed. */
  readonly diedAt: string | undefined;
  /** The longest that the webhook beside the pager waited for a message, in virtual time. */
  readonly neighbourLateMs: number;
}

async function play({
  name,
  spoiltCount,
  cutAt,
}: {
  readonly name: string;
  readonly spoiltCount: number;
  readonly cutAt: number | undefined;
}): Promise<Run> {
  const folder = await mkdtemp(path.join(tmpdir(), 'foreshock-deliveries-'));
  const life: Life = { stepCount: 0, cutAt, diedAt: undefined, kill: () => undefined, neighbourLateMs: 0 };
  const targets = await listenTargets({ misdeed: misdeeds[name], spoiltCount, isDeadly: (step) => isLast(life, step) });
  try {
    const start = { storeFile: path.join(folder, 'store.db'), urls: targets.urls };
    await livesOn(start, life);
    if (life.diedAt !== undefined) await livesOn(start, { ...life, cutAt: undefined });
    return { ...life, verdict: judge(targets) };
  } finally {
    await targets.close();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Life {
  stepCount: number;
  readonly cutAt: number | undefined;
  diedAt: string | undefined;
  kill: () => void;
  neighbourLateMs: number;
}

/** Counts a step, and kills at the one that is to be the last. */
function isLast(life: Life, step: string): boolean {
  if (life.diedAt !== undefined || life.stepCount++ !== life.cutAt) return false;
  life.diedAt = step;
  life.kill();
  return true;
}

/** One process, to its end or to its death. */
function livesOn(start: DeliveryStart, life: Life): Promise<void> {
  const program = new URL('./deliveries-process.ts', import.meta.url);
  const child = fork(program, [JSON.stringify(start)], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  let hasEnded = false;
  life.kill = () => void child.kill('SIGKILL');
  child.on('message', (report: DeliveryReport) => {
    if (report.kind === 'ended') hasEnded = true;
    else if (report.kind === 'taken') {
      if (report.target === 'events') life.neighbourLateMs = Math.max(life.neighbourLateMs, report.lateMs);
    } else if (!isLast(life, report.name) && child.connected) child.send({ id: report.id }, () => undefined);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (hasEnded || (signal === 'SIGKILL' && life.diedAt !== undefined)) resolve();
      else reject(new Error(`the service ended by itself: ${signal ?? code}`));
    });
  });
}

/** What those who were told have of the one episode. Where the pager does not take it, its lead is to have it. */
function judge(targets: DeliveryTargets): Verdict {
  const atPager = targets.alertsOf('pager');
  const atLead = targets.alertsOf('lead');
  // That a target refuses is trouble of its own, and told too.
  const isOfEpisode = ({ summary }: { readonly summary: string }): boolean => summary.includes('43 %');
  const alerts = [...atPager, ...atLead].filter(isOfEpisode);
  const ofType = (type: string) =>
    [...targets.events().values()].filter((one) => one.type === type && isOfEpisode(one));
  const opened = ofType('foreshock.incident.trigger');
  const closed = ofType('foreshock.incident.resolve');
  const extra = (count: number): number => Math.max(0, count - 1);
  return {
    lost: Number(alerts.length === 0) + Number(opened.length === 0),
    repeated: extra(alerts.length) + extra(opened.length),
    open: alerts.filter(({ resolvedAtMs }) => resolvedAtMs === undefined).length + Number(closed.length === 0),
    absorbed:
      alerts.reduce((sum, { triggerCount }) => sum + triggerCount - 1, 0) +
      [...targets.events().values()].reduce((sum, { count }) => sum + count - 1, 0),
    stray: targets.strayCount(),
  };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
