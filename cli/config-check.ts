/**
 * `config check`: is this configuration right, and what does it come to once the defaults are filled in?
 */
import {
  ownershipSnippet,
  permissionsSnippet,
  remedyPermissionsSnippet,
  type ActedOn,
} from '../actuators/terraform.ts';
import { ConfigError } from '../config/faults.ts';
import { realFiles } from '../config/files.ts';
import { loadConfig, type Config, type ConfiguredFunction } from '../config/load.ts';
import { InputError } from '../core/errors.ts';
import type { SpillTarget } from '../core/function-spec.ts';
import type { RemedyKind } from '../core/remedy.ts';
import { parseFunctionKey, type FunctionKey } from '../core/series-key.ts';
import { parseFlags, printJson, type ExitCode, type Terminal, type Verb } from './verb.ts';

export const configCheckVerb: Verb = {
  name: 'config check',
  summary: 'checks a configuration: all faults at once, or what it comes to',
  usage: `
foreshock config check --config FILE [--terraform] [--json]

  --config FILE   the configuration (see config/examples/)
  --terraform     for every function with ownership own or steer: what Terraform must leave alone, and the permissions to grant
  --json          { "valid", "sha256", "config" }: every setting with its default, secrets masked; or { "valid", "faults" }

Exit 0: the file is right. Exit 2: it is not; each fault stands on a line of its own as FILE:LINE:COLUMN PATH: got VALUE, expected WHAT.
Secrets are read, and histories and calendars must exist, but are not opened.
`,
  async run(args, terminal) {
    const { values } = parseFlags(args, {
      config: { type: 'string' },
      terraform: { type: 'boolean' },
      json: { type: 'boolean' },
    });
    if (values.config === undefined) throw new InputError('usage', 'name the configuration: --config FILE');
    try {
      const config = await loadConfig(values.config, { env: terminal.env, files: realFiles });
      const terraform = values.terraform ? terraformOf(config) : undefined;
      if (values.json) {
        const { sha256, effective } = config;
        printJson(terminal, { valid: true, sha256, config: effective, ...(terraform !== undefined && { terraform }) });
      } else if (terraform !== undefined) terminal.out(terraform);
      else terminal.out(summarise(config));
      return 0;
    } catch (error) {
      if (error instanceof ConfigError) return reportFaults(error, { json: values.json === true, terminal });
      throw error;
    }
  },
};

/** One line a fault and nothing before it, so that an editor or a CI annotation can read every line alike. */
function reportFaults(error: ConfigError, { json, terminal }: { json: boolean; terminal: Terminal }): ExitCode {
  if (json) printJson(terminal, { valid: false, faults: error.faults });
  terminal.err(`${error.message}\n`);
  return 2;
}

/** Text to copy; permissions once for each account and region. */
function terraformOf(config: Config): string {
  const { functions, aws } = config;
  const actedOn = functions.flatMap(({ spec: { key, ownership } }): ActedOn[] =>
    ownership === 'own' || ownership === 'steer' ? [{ key, ownership }] : [],
  );
  const byPlace = Map.groupBy(actedOn, ({ key }) => key.slice(0, key.lastIndexOf('/')));
  const permissions = [...byPlace.values()].map(([first, ...others]) =>
    permissionsSnippet([first!, ...others], aws.scheduler),
  );
  if (actedOn.length === 0) return '# No function states ownership: own or steer, so there is nothing to grant.\n';
  return [...actedOn.map(ownershipSnippet), ...permissions, ...remedyPermissionsOf(config)].join('\n');
}

/** For each account and region that remedies are enforced in. */
function remedyPermissionsOf({ functions, remedies, breakers }: Config): readonly string[] {
  const placeOf = (key: FunctionKey) => key.slice(0, key.lastIndexOf('/'));
  const byPlace = Map.groupBy(
    functions.map(({ spec }) => spec.key),
    placeOf,
  );
  const tables = (breakers?.specs ?? []).flatMap(({ enactment }) =>
    enactment.kind === 'shared-state' ? enactment.places : [],
  );
  return [...byPlace.values()].flatMap((keys) => {
    const enforced = (kind: RemedyKind) => keys.filter((key) => remedies.modes[key]?.[kind] === 'enforce');
    const { accountId, region } = parseFunctionKey(keys[0]!)!;
    const own = tables.filter((one) => one.accountId === accountId && one.region === region);
    const text = remedyPermissionsSnippet({
      functions: {
        'reserve-concurrency': enforced('reserve-concurrency'),
        'switch-event-source': enforced('switch-event-source'),
        'weigh-alias': enforced('weigh-alias'),
      },
      tables: [...new Set(own.map(({ table }) => table))],
      isRedriving: enforced('redrive-dead-letters').length > 0,
      place: { accountId, region },
    });
    return text === '' ? [] : [text];
  });
}

function summarise(config: Config): string {
  const calendarCount = config.calendars.length + config.feeds.length;
  const { limits, planning } = config;
  const rows = [
    ['function', 'mode', 'memory', 'floor', 'ceiling', 'spill target', 'demand follows', 'group'],
    ...config.functions.map(rowOf),
  ];
  const prices = Object.values(config.prices).map((price) => `${price.region} of ${price.asOf}`);
  const lines = [
    ...alignColumns(rows),
    '',
    `limits     ${limits.concurrencyMax} warm, ${limits.usdPerHourMax} USD an hour, ${limits.usdPerEventMax} USD an event`,
    `planning   quantile ${planning.quantile}, importance ${planning.importanceMin} and above, READY ${planning.readyBeforeMs / 60_000} min before`,
    `calendars  ${calendarCount === 0 ? 'none: opening and closing bells only' : calendarCount}`,
    `prices     ${prices.join(', ')}`,
    `http       ${config.http.host} port ${config.http.port}, ${config.http.tokens.length} tokens`,
    `sha256     ${config.sha256}`,
  ];
  return `${lines.join('\n')}\n`;
}

function rowOf({ spec, volume }: ConfiguredFunction): readonly string[] {
  return [
    spec.key,
    spec.mode,
    `${spec.memoryMb} MB ${spec.architecture}`,
    String(spec.concurrencyFloor),
    String(spec.concurrencyCeiling),
    describeSpillTarget(spec.spillTarget),
    volume.venue,
    spec.group ?? '',
  ];
}

function describeSpillTarget(target: SpillTarget): string {
  if (target.kind === 'usdPerSpill') return `${target.usd} USD a request`;
  return target.kind === 'usdPerColdStart'
    ? `${target.usd} USD each`
    : `at most ${Number((target.ratio * 100).toPrecision(6))} %`;
}

function alignColumns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}
