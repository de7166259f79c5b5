/** From a playbook file to the plain, frozen value that is carried out. */
import { assert } from '../core/assert.ts';
import { msPerMinute, msPerSecond } from '../core/time.ts';
import type { Playbook, PlaybookAct, PlaybookCondition, PlaybookPause, PlaybookStep } from '../core/playbook.ts';
import { checkAs } from './check.ts';
import { parseYaml } from './document.ts';
import { ConfigError, formatPath } from './faults.ts';
import type { Files } from './files.ts';
import { findPlaybookBreaches } from './playbook-rules.ts';
import { playbookSchema, type PlaybookDocument } from './playbook-schema.ts';
import { readText } from './read-text.ts';

/** @throws ConfigError with all faults of the file. InputError when there is no such file, or it is not text. */
export async function loadPlaybook(file: string, files: Files): Promise<Playbook> {
  return parsePlaybook(file, await readText(file, files));
}

/** @throws ConfigError with all faults of the text. */
export function parsePlaybook(file: string, text: string): Playbook {
  const yaml = parseYaml(text);
  const checked =
    yaml.content &&
    checkAs(yaml.content.value, { schema: playbookSchema, findBreaches: findPlaybookBreaches, secretPaths: [] });
  const placed = (checked?.faults ?? []).map((fault) => ({
    ...fault,
    ...(fault.at === 'key' ? yaml.placeOfKey(fault.path) : yaml.placeOf(fault.path)),
  }));
  const faults = [...yaml.faults, ...placed]
    .map(({ path, line, column, got, expected }) => ({ path: formatPath(path), line, column, got, expected }))
    .sort((one, other) => one.line - other.line || one.column - other.column);
  if (faults.length > 0) throw new ConfigError(file, faults);
  assert(checked?.document !== undefined, 'a file without faults has a document');
  return buildPlaybook(checked.document);
}

type StepDocument = PlaybookDocument['steps'][number];
type ActDocument = Exclude<StepDocument['compensate'], string>;

function buildPlaybook({ name, because, trigger, guard, steps, helpsWithinSeconds }: PlaybookDocument): Playbook {
  const { newVersion, signal, ...when } = trigger;
  const { mode, fleetShareMax, observersMin, cooldownMinutes, hours, timeZone } = guard;
  return {
    ...{ name, because, steps: steps.map(buildStep), helpsWithinMs: helpsWithinSeconds * msPerSecond },
    trigger: { ...when, isAfterNewVersion: newVersion, ...(signal !== undefined && { signal }) },
    guard: {
      ...{ mode, fleetShareMax, observersMin, cooldownMs: cooldownMinutes * msPerMinute },
      ...(hours !== undefined && { hours: { ...minutesOf(hours), timeZone } }),
    },
  };
}

function minutesOf(hours: string): { readonly fromMinute: number; readonly untilMinute: number } {
  const [fromMinute, untilMinute] = hours.split('-').map((time) => {
    const [hour, minute] = time.split(':').map(Number);
    return 60 * hour! + minute!;
  });
  return { fromMinute: fromMinute!, untilMinute: untilMinute! };
}

function buildStep(step: StepDocument): PlaybookStep {
  const { id, verify, compensate, onFailure, when, forSeconds } = step;
  return {
    ...{ id, onFailure, when, standsForMs: forSeconds * msPerSecond },
    does: buildPause(step) ?? buildAct(step),
    compensate: typeof compensate === 'string' ? compensate : buildAct(compensate),
    ...(verify && { verify: buildCondition(verify) }),
  };
}

function buildPause({ wait, approval, escalate }: StepDocument): PlaybookPause | undefined {
  if (wait) return { kind: 'wait', forMs: wait.seconds * msPerSecond };
  if (escalate) return { kind: 'escalate', because: escalate.because };
  if (!approval) return undefined;
  const { question, onNoAnswer, withinSeconds } = approval;
  return { kind: 'approval', question, onNoAnswer, withinMs: withinSeconds * msPerSecond };
}

function buildAct({
  reroute,
  addProvisioned,
  reserve,
  eventSource,
  redrive,
  breaker,
  webhook,
}: ActDocument): PlaybookAct {
  if (reroute) {
    const { rollback, ...rest } = reroute;
    return { kind: 'reroute', ...rest, isRollback: rollback };
  }
  if (addProvisioned) return { kind: 'add-provisioned', ...addProvisioned };
  if (reserve)
    return {
      kind: 'reserve',
      function: reserve.function,
      concurrency: reserve.concurrency === 'none' ? null : reserve.concurrency,
    };
  if (eventSource)
    return {
      kind: 'event-source',
      function: eventSource.function,
      uuid: eventSource.uuid,
      isEnabled: eventSource.to === 'running',
    };
  if (redrive) return { kind: 'redrive', ...redrive };
  if (breaker) return { kind: 'breaker', breaker: breaker.name, state: breaker.to };
  assert(webhook !== undefined, 'a step is of one kind');
  return { kind: 'webhook', ...webhook };
}

function buildCondition(verify: NonNullable<StepDocument['verify']>): PlaybookCondition {
  const { of, measure, below, belowOfBefore, forSeconds, withinSeconds, requestCountMin, silenceIsFine } = verify;
  return {
    ...{ key: of, measure, requestCountMin, isSilenceFine: silenceIsFine },
    bound: below === undefined ? { ofBefore: belowOfBefore! } : { below },
    ...{ forMs: forSeconds * msPerSecond, withinMs: withinSeconds * msPerSecond },
  };
}
