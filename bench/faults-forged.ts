/** Telemetry that lies: what is opened, what is spent and who is named, by each way to forge it. */
import { readFileSync } from 'node:fs';
import { parsePlaybook } from '../config/playbooks.ts';
import { msPerMinute } from '../core/time.ts';
import { forgeries, playForgery } from '../simulation/world/faults/forgery.ts';

const requestsPerSecond = 50;
const file = new URL('../config/examples/playbooks/cold-start-storm.yaml', import.meta.url);

export function printForged(seed: string, print: (line: string) => void): void {
  const playbook = parsePlaybook('cold-start-storm.yaml', readFileSync(file, 'utf8'));
  const playbooks = [{ ...playbook, guard: { ...playbook.guard, mode: 'enforce' as const } }];
  const options = { seed, requestsPerSecond, learningMs: 20 * msPerMinute, forgedMs: 15 * msPerMinute, playbooks };
  const quiet = playForgery(undefined, options);
  print(
    `forged: ${requestsPerSecond} true calls a second, and ${10 * requestsPerSecond} that are made up, all failed and cold, for 15 minutes; raises of capacity without any of it: ${quiet.raises}`,
  );
  print(
    `${'by'.padEnd(40)}${['breakers', 'raises', 'incidents', 'named s'].map((text) => text.padStart(10)).join('')}  by`,
  );
  for (const forgery of forgeries) {
    const { breakersOpened, raises, incidentCount, named, refusals } = playForgery(forgery, options);
    const figures = [breakersOpened, raises, incidentCount, named ? named.afterMs / 1_000 : '-'];
    print(
      `${forgery.name.padEnd(40)}${figures.map((figure) => String(figure).padStart(10)).join('')}  ${named?.detector ?? ''}`,
    );
    if (named) print(`    ${named.because}`);
    for (const refusal of refusals) print(`    ${refusal}`);
  }
}
