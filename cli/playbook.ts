/** `playbook check`, `dry-run`, `run` and `status`: what is written down for the night, and how far it has come. */
import { readFile, stat } from 'node:fs/promises';
import { ConfigError, type Fault } from '../config/faults.ts';
import { realFiles } from '../config/files.ts';
import { loadPlaybook } from '../config/playbooks.ts';
import { InputError } from '../core/errors.ts';
import type { Incident } from '../core/incident.ts';
import { formatInstant } from '../core/time.ts';
import { dryRun, type DryRun } from '../detector/playbook/dry-run.ts';
import type { PlaybookView } from '../service/http/playbooks.ts';
import { needed } from './history.ts';
import { printable } from './printable.ts';
import { askService, findService, personFlagHelp, serviceFlagsHelp, type ServiceAddress } from './service-client.ts';
import { formatTable } from './table.ts';
import { parseFlags, parseWord, printJson, type Verb } from './verb.ts';

const serviceFlags = {
  config: { type: 'string' },
  port: { type: 'string' },
  as: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

export const playbookCheckVerb: Verb = {
  name: 'playbook check',
  summary: 'checks a playbook: all faults at once, each with its place',
  usage: `
foreshock playbook check FILE [--json]

  FILE            the playbook (see config/examples/playbooks/)
  --json          { "valid", "playbook" }, or { "valid", "faults" }

Exit 0: the file is right. Exit 2: it is not; each fault stands on a line of its own as FILE:LINE:COLUMN PATH: got VALUE, expected WHAT.
`,
  async run(args, terminal) {
    const { word: file, values } = parseWord(args, { json: { type: 'boolean', default: false } }, 'the file');
    try {
      const playbook = await loadPlaybook(file, realFiles);
      if (values.json) printJson(terminal, { valid: true, playbook });
      else terminal.out(`${playbook.name} is right: ${playbook.steps.length} steps, mode ${playbook.guard.mode}\n`);
      return 0;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const faults: readonly Fault[] = error.faults;
      if (values.json) printJson(terminal, { valid: false, faults });
      terminal.err(`${error.message}\n`);
      return 2;
    }
  },
};

export const playbookDryRunVerb: Verb = {
  name: 'playbook dry-run',
  summary: 'what a playbook would do about an incident, and what would stand in its way',
  usage: `
foreshock playbook dry-run FILE --incident INCIDENT.json [--json]
foreshock playbook dry-run NAME --incident ID --config F [--as NAME] [--port N] [--json]

  FILE            a playbook, beside an incident in a file (as GET /api/incidents tells it): nobody is asked, so nothing of the gate is told
  NAME            a playbook of the running service, beside the id of an open incident: with what each stage of the gate would say
${serviceFlagsHelp}
${personFlagHelp}
  --json          { "playbook", "incidentId", "holds", "steps" }

Changes nothing. Exit 1: it would not begin.
`,
  async run(args, terminal) {
    const flags = { ...serviceFlags, incident: { type: 'string' } } as const;
    const { word, values } = parseWord(args, flags, 'the playbook');
    const incident = needed('--incident', values.incident);
    const found =
      values.config === undefined
        ? await dryRunOfFiles(word, incident)
        : await dryRunOfService(word, incident, await findService(values, terminal));
    if (values.json) printJson(terminal, found);
    else terminal.out(tellDryRun(found));
    return found.holds.length === 0 ? 0 : 1;
  },
};

async function dryRunOfService(name: string, incidentId: string, service: ServiceAddress): Promise<DryRun> {
  const { body } = await askService(service, `/api/playbooks/${encodeURIComponent(name)}/dry-run`, { incidentId });
  return body as unknown as DryRun;
}

const incidentBytesMax = 4_194_304;

async function dryRunOfFiles(file: string, incidentFile: string): Promise<DryRun> {
  const playbook = await loadPlaybook(file, realFiles);
  const incident = await readIncident(incidentFile);
  return dryRun(playbook, incident, {
    ...{ nowMs: incident.lastTroubleAtMs, seenUntilMs: incident.lastTroubleAtMs, incidents: [incident], earlier: [] },
    countsOf: () => undefined,
    provisionedOf: () => undefined,
    versionsOf: () => [],
    breakersOf: () => [],
    corroborationOf: () => ({ observers: [], disputedBy: [], disputedSenders: [] }),
  });
}

async function readIncident(file: string): Promise<Incident> {
  const refuse = (why: string): never => {
    throw new InputError('playbook.incident', `--incident ${file}: ${why} (the id of an incident wants --config)`);
  };
  const found = await stat(file).catch(() => refuse('no such file'));
  if (!found.isFile() || found.size > incidentBytesMax)
    return refuse(`expected a file of at most ${incidentBytesMax} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return refuse('not JSON');
  }
  const incident = value as Partial<Incident> | null;
  const isOne =
    typeof incident === 'object' &&
    typeof incident?.id === 'string' &&
    typeof incident.origin === 'string' &&
    typeof incident.lastTroubleAtMs === 'number' &&
    Array.isArray(incident.findings) &&
    incident.findings.every((finding: unknown) => typeof (finding as { key?: unknown } | null)?.key === 'string') &&
    Array.isArray(incident.changes);
  return isOne
    ? (incident as Incident)
    : refuse('expected an incident: id, origin, lastTroubleAtMs, findings, changes');
}

function tellDryRun({ playbook, incidentId, holds, steps }: DryRun): string {
  const columns = [
    { title: 'step' },
    { title: 'does' },
    { title: 'seen by' },
    { title: 'on failure' },
    { title: 'stopped by' },
  ];
  const rows = steps.map((step) => [
    step.id,
    printable(step.does),
    step.verify,
    printable(step.compensate),
    printable(step.stops.join('; ') || 'nothing known'),
  ]);
  const head = `${playbook} for ${printable(incidentId)}: ${holds.length === 0 ? 'would begin' : `would not begin: ${printable(holds.join('; '))}`}`;
  return `${head}\n\n${formatTable(columns, rows)}\n`;
}

export const playbookRunVerb: Verb = {
  name: 'playbook run',
  summary: 'begins a playbook for an open incident, whatever its trigger says; the gate is asked all the same',
  usage: `
foreshock playbook run NAME --incident ID --config F [--as NAME] [--port N] [--json]

  NAME            the playbook, by its name
  --incident ID   the incident
${serviceFlagsHelp}
${personFlagHelp}
  --json          { "runId" }
`,
  async run(args, terminal) {
    const { word, values } = parseWord(args, { ...serviceFlags, incident: { type: 'string' } }, 'the playbook');
    const incidentId = needed('--incident', values.incident);
    const service = await findService(values, terminal);
    const path = `/api/playbooks/${encodeURIComponent(word)}/run`;
    const { body } = await askService(service, path, { incidentId });
    if (values.json) printJson(terminal, body);
    else terminal.out(`begun: ${printable(String(body['runId']))}\n`);
    return 0;
  },
};

export const playbookStatusVerb: Verb = {
  name: 'playbook status',
  summary: 'which playbooks there are, and how far their runs have come',
  usage: `
foreshock playbook status --config F [--as NAME] [--port N] [--json]

${serviceFlagsHelp}
${personFlagHelp}
  --json          { "playbooks": […] }: as GET /api/playbooks answers
`,
  async run(args, terminal) {
    const { values } = parseFlags(args, serviceFlags);
    const service = await findService(values, terminal);
    const { body } = await askService(service, '/api/playbooks');
    if (values.json) printJson(terminal, body);
    else terminal.out(tellStatus((body as unknown as { playbooks: readonly PlaybookView[] }).playbooks));
    return 0;
  },
};

function tellStatus(playbooks: readonly PlaybookView[]): string {
  if (playbooks.length === 0) return 'there are no playbooks: see playbooks in the configuration\n';
  const columns = [
    { title: 'playbook' },
    { title: 'mode' },
    { title: 'incident' },
    { title: 'began' },
    { title: 'now' },
    { title: 'why' },
  ];
  const rows = playbooks.flatMap(({ name, mode, because, runs }) =>
    runs.length === 0
      ? [[name, mode, '', '', 'has not run', printable(because)]]
      : runs.map(({ incidentId, startedAtMs, phase, step, end }) => [
          ...[name, mode, printable(incidentId), formatInstant(startedAtMs)],
          end?.kind ?? `${phase}${step === null ? '' : ` ${step}`}`,
          printable(end?.because ?? because),
        ]),
  );
  return `${formatTable(columns, rows)}\n`;
}
