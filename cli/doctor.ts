/** `doctor`: does what the configuration names answer from this machine? Looks, and changes nothing. */
import type { Config } from '../config/load.ts';
import { whyUnreachable } from '../service/reach.ts';
import { supportOf, supportRow, type Supported } from './doctor-remedies.ts';
import { loadNamedConfig } from './config-flags.ts';
import { formatTable } from './table.ts';
import { parseFlags, printJson, type Verb } from './verb.ts';

interface Examined {
  readonly target: string;
  readonly kind: string;
  /** Without path: of some, the path is the secret. */
  readonly host: string;
  readonly isReachable: boolean;
  readonly because: string | null;
}

export const doctorVerb: Verb = {
  name: 'doctor',
  summary: 'can whoever is to be told be reached from here? Nobody is told of anything',
  usage: `
foreshock doctor --config F [--json]

  --config F   the configuration (see config/examples/)
  --json       { "oncall": [{ "target", "kind", "host", "isReachable", "because" }],
                 "remedies": [{ "function", "observers", "missing", "remedies": { KIND: { "mode", "support" } } }] }

Connects to each target of on-call, and to where the heartbeat goes, as a message would, secured and within the same bounds of address, and says nothing there.
Whether a target takes what it is sent is shown by foreshock oncall test. Exit 1: one cannot be reached.

Then says of each function who could confirm a trouble of it by what is configured, and which remedies that can ever support: alone, or only with a yes.
`,
  async run(args, terminal) {
    const { values } = parseFlags(args, { config: { type: 'string' }, json: { type: 'boolean', default: false } });
    const config = await loadNamedConfig(values.config, terminal);
    const oncall = await Promise.all(addressesOf(config).map(examine));
    const remedies = supportOf(config);
    if (values.json) printJson(terminal, { oncall, remedies });
    else terminal.out(`${tell(oncall)}\n${tellSupport(remedies)}`);
    return oncall.every(({ isReachable }) => isReachable) ? 0 : 1;
  },
};

interface Addressed {
  readonly target: string;
  readonly kind: string;
  readonly address: string;
  readonly isPrivate: boolean;
}

function addressesOf({ oncall }: Config): readonly Addressed[] {
  if (!oncall) return [];
  const targets = oncall.targets.map(({ name, kind, url, isPrivate, secrets }): Addressed => {
    // Where no address is configured, it is the secret.
    const address = url === '' ? secrets[0]!.reveal() : url;
    return { target: name, kind, address, isPrivate };
  });
  if (!oncall.heartbeat) return targets;
  const { url, isPrivate } = oncall.heartbeat;
  return [...targets, { target: '(heartbeat)', kind: 'heartbeat', address: url.reveal(), isPrivate }];
}

async function examine({ target, kind, address, isPrivate }: Addressed): Promise<Examined> {
  const because = await whyUnreachable(address, { isPrivate });
  const { host } = new URL(address);
  return { target, kind, host, isReachable: because === undefined, because: because ?? null };
}

function tell(oncall: readonly Examined[]): string {
  if (oncall.length === 0) return 'on-call: the configuration names nobody; trouble is only on record\n';
  const columns = [{ title: 'target' }, { title: 'kind' }, { title: 'host' }, { title: 'from here' }];
  const rows = oncall.map(({ target, kind, host, because }) => [target, kind, host, because ?? 'reachable']);
  return `${formatTable(columns, rows)}\n`;
}

function tellSupport(supported: readonly Supported[]): string {
  const columns = [
    { title: 'function' },
    { title: 'could confirm' },
    { title: 'remedies alone' },
    { title: 'with a yes' },
    { title: 'what would add a witness' },
  ];
  return `${formatTable(columns, supported.map(supportRow))}\n`;
}
