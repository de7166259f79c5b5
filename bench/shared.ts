/**
 * Forty functions behind a database of 4,000 connections, through a known kind of event: the most connections open at a tick with the limit configured, without it, and without
 * Foreshock, for each way to say what a spill is worth, with the nowcast and without, at the largest size seen and beyond it.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { SpillTarget } from '../core/function-spec.ts';
import {
  connectionsEach,
  sharedDatabase,
  type ConnectionPeak,
  type SharedDatabase,
} from '../simulation/world/shared-database.ts';

const targets: readonly (readonly [name: string, target: SpillTarget])[] = [
  ['0.1 % may spill', { kind: 'spilloverRatioMax', ratio: 0.001 }],
  ['30 cents a cold start', { kind: 'usdPerColdStart', usd: 0.3 }],
  ['a tenth of a cent a spill', { kind: 'usdPerSpill', usd: 0.001 }],
];

export async function run(args: readonly string[]): Promise<void> {
  const { values: flags } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: 'one' },
      times: { type: 'string', default: '1,1.5' },
      usual: { type: 'string', default: '1000' },
      functions: { type: 'string', default: '40' },
      limit: { type: 'string', default: '4000' },
      minutes: { type: 'string', default: '10' },
    },
  });
  const limit = Number(flags.limit);
  const functionCount = Number(flags.functions);
  print(
    `shared: ${functionCount} functions, ${connectionsEach} connections an environment, ${limit} there are; ${flags.usual} requests/s at other minutes; T-20 to T+${flags.minutes} min, every second; Node ${process.versions.node}, ${cpus().length} cores`,
  );
  for (const seed of flags.seeds.split(','))
    for (const times of flags.times.split(',').map(Number)) {
      print(`seed ${seed}, ${times} times the largest seen`);
      for (const [name, spillTarget] of targets) {
        const day = {
          functionCount,
          seed,
          times,
          spillTarget,
          usualPerSecond: Number(flags.usual),
          minutesAfter: Number(flags.minutes),
        };
        const free = await sharedDatabase({ ...day, hasNowcast: true });
        print(`  ${name}`);
        print(`    without Foreshock      ${tellPeak(free.without, limit)}`);
        print(`    limit not configured   ${tell(free, limit)}`);
        for (const hasNowcast of [true, false]) {
          const bound = await sharedDatabase({ ...day, hasNowcast, limit });
          print(`    ${hasNowcast ? 'with the nowcast   ' : 'without the nowcast'}    ${tell(bound, limit)}`);
          for (const { name: limitName, concurrency, isKept } of bound.givenUp) {
            print(
              `      ${limitName}: ${concurrency} environments given up${isKept ? '' : '; demand alone takes more'}`,
            );
          }
        }
      }
    }
}

function tell(one: SharedDatabase, limit: number): string {
  const share = ((100 * one.spillover) / one.requests).toFixed(2);
  return `${tellPeak(one.with, limit)}; ${one.concurrencyBefore} warm at T, ${share} % spilled after it`;
}

function tellPeak({ connections, provisioned, onDemand, atSeconds }: ConnectionPeak, limit: number): string {
  const place = `${provisioned} provisioned, ${onDemand} on demand, at T${atSeconds < 0 ? '' : '+'}${atSeconds} s`;
  return `${connections > limit ? 'EXCEEDED' : 'kept'}: ${connections} (${place})`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
