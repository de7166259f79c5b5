/**
 * A known kind of event at three times the largest size ever seen of it: what is asked for and when, what spills, and what it costs, with the nowcast and
 * without. Lambda is the twin's; the pessimistic case, that nothing serves while a raise is prepared, is what decides, and is not what the twin does.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { SpillTarget } from '../core/function-spec.ts';
import { surprise, type Surprise } from '../simulation/world/surprise.ts';

const targets: readonly (readonly [name: string, target: SpillTarget])[] = [
  ['0.1 % may spill', { kind: 'spilloverRatioMax', ratio: 0.001 }],
  ['30 cents a cold start', { kind: 'usdPerColdStart', usd: 0.3 }],
];

export async function run(args: readonly string[]): Promise<void> {
  const { values: flags } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: 'one,two,three' },
      times: { type: 'string', default: '1,3' },
      minutes: { type: 'string', default: '60' },
    },
  });
  print(
    `surprise: Node ${process.versions.node}, ${cpus().length} cores; spill and dollars from T+0 to T+${flags.minutes} min`,
  );
  for (const seed of flags.seeds.split(','))
    for (const times of flags.times.split(',').map(Number))
      for (const [name, spillTarget] of targets) {
        const play = (hasNowcast: boolean): Promise<Surprise> =>
          surprise({ seed, times, hasNowcast, spillTarget, minutesAfter: Number(flags.minutes) });
        const withNowcast = await play(true);
        const { requestsPerSecond, largestSeenPerSecond, concurrencyBefore } = withNowcast;
        print(
          `seed ${seed}, ${times} times the largest seen (${requestsPerSecond.toFixed(0)} requests/s, ${largestSeenPerSecond.toFixed(0)} before), ${name}, ${concurrencyBefore} held at T`,
        );
        print(`  with     ${tell(withNowcast)}`);
        print(`  without  ${tell(await play(false))}`);
        for (const notice of [...withNowcast.notices, ...withNowcast.incidents]) print(`  ${notice}`);
      }
}

function tell({ asked, concurrencyBefore, readyAtSeconds, with: ours, without, incidents }: Surprise): string {
  const raise = asked.find(({ concurrency }) => concurrency > concurrencyBefore);
  const share = (100 * ours.spillover) / (ours.requests + ours.throttles);
  return [
    raise
      ? `${raise.concurrency} asked at T+${raise.atSeconds} s, READY at T+${readyAtSeconds ?? NaN} s`
      : 'nothing asked',
    `spill ${ours.spillover} (${share.toFixed(2)} %)`,
    `cold starts ${ours.coldStarts} (${without.coldStarts} unaided)`,
    `throttles ${ours.throttles}`,
    `${ours.provisionedUsd.toFixed(3)} dollars provisioned, ${ours.totalUsd.toFixed(3)} in all`,
    `${incidents.length} incidents`,
  ].join('; ');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
