/** The thread that decodes and folds what the listener read, and seals when the service asks for it. */
import { parentPort, workerData } from 'node:worker_threads';
import { packColumns } from '../collectors/delta-columns.ts';
import { createIntake } from '../collectors/otlp-intake.ts';
import { serveIntake } from '../collectors/remote-intake.ts';
import { createWindower } from '../collectors/windower.ts';
import { realClock } from './real-time.ts';
import type { FolderStart, FromFolder, KnownAlias, ToFolder } from './receiver-messages.ts';

const { bodies, signals, home, samplings, functionArns, aliases } = workerData as FolderStart;
const port = parentPort!;

/** Versions of our own functions that spans named; senders may invent some, so their number has a bound. */
const versionCountMax = Math.max(256, 4 * functionArns.length);
const ours = new Set(functionArns);
const known = new Map<string, string | undefined>();
learn(aliases);

const windower = createWindower({
  aliasOf,
  home,
  signals,
  samplingOf: (sender) => samplings[sender] ?? { kind: 'unknown' },
});
// The listener keeps the queue within its bounds.
const unbounded = { requestCountMax: Infinity, byteCountMax: Infinity };
serveIntake(bodies, createIntake({ windower, nowMs: () => realClock.nowMs(), ...unbounded }));

port.on('message', (message: ToFolder) => {
  if (message.kind === 'aliases') {
    learn(message.aliases);
    windower.relearn();
    return;
  }
  const { columns, transfer } = packColumns(windower.seal(realClock.nowMs()));
  port.postMessage({ kind: 'sealed', columns, senders: windower.report() } satisfies FromFolder, transfer);
});

/** What is not known is asked for: the answer counts from the seal after it. */
function aliasOf(functionArn: string, version: string): string | undefined {
  if (!ours.has(functionArn)) return undefined;
  const name = nameOf(functionArn, version);
  if (!known.has(name) && known.size < versionCountMax) {
    known.set(name, undefined);
    port.postMessage({ kind: 'wanted', functionArn, version } satisfies FromFolder);
  }
  return known.get(name);
}

function learn(learned: readonly KnownAlias[]): void {
  for (const { functionArn, version, alias } of learned) known.set(nameOf(functionArn, version), alias);
}

function nameOf(functionArn: string, version: string): string {
  return `${functionArn}:${version}`;
}
