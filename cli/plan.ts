/** `foreshock plan`: what would be warmed, when, at what cost, and which limit binds. Reads files only; asks nobody, changes nothing. */
import { InputError } from '../core/errors.ts';
import type { CapacityPlan, CapacityStep, GivenUp, PeakProfileUse } from '../core/capacity.ts';
import type { EventDoubt, MarketEvent } from '../core/market-event.ts';
import { defaultAccountLimits } from '../core/ports.ts';
import { formatInstant } from '../core/time.ts';
import { staleHistories } from '../detector/stale-history.ts';
import { readSystemOptions } from '../service/from-config.ts';
import { createPlanning } from '../service/planning.ts';
import { loadNamedConfig } from './config-flags.ts';
import { instantFlag, numberFlag } from './flags.ts';
import { clearProgress, drawProgress } from './progress.ts';
import { formatTable } from './table.ts';
import { parseFlags, printJson, type Verb } from './verb.ts';

/** What Lambda gives an account that has not asked for more. */
const accountConcurrencyDefault = String(defaultAccountLimits.concurrencyLimit);

export const planVerb: Verb = {
  name: 'plan',
  summary: 'what would be warmed, when, at what cost, and which limit binds',
  usage: `
  foreshock plan --config F [--at T] [--event ID] [--account-concurrency N] [--json]

Makes the plan that the service would make at that instant, from the files of the configuration: no row at or after it is read, AWS is not asked.

  --config F                the configuration
  --at T                    the instant (default: now)
  --event ID                only what is for this event, such as nfp@2025-09-05T12:30:00Z
  --account-concurrency N   the account's concurrency limit, which a service would ask AWS for (default ${accountConcurrencyDefault})
  --json                    { "issuedAtMs", "untilMs", "steps": [...], "events": [...], "notPlanned": [...], "givenUp": [...], "peakProfiles": [...], "findings": [...] }

A time that no calendar gives, but the convention of its kind, is marked as assumed; so is what only doubt keeps warm.`,
  async run(args, terminal) {
    const { values } = parseFlags(args, {
      config: { type: 'string' },
      at: { type: 'string' },
      event: { type: 'string' },
      'account-concurrency': { type: 'string', default: accountConcurrencyDefault },
      json: { type: 'boolean', default: false },
    });
    const concurrency = numberFlag('--account-concurrency', values['account-concurrency'], {
      min: 100,
      max: 1e7,
      isWhole: true,
    });
    const nowMs = values.at === undefined ? Date.now() : instantFlag('--at', values.at);
    const config = await loadNamedConfig(values.config, terminal);
    const options = await readSystemOptions(config, {
      untilMs: nowMs,
      signal: terminal.signal,
      onProgress: (file, { lineCount }) => {
        drawProgress(terminal, `${lineCount} lines of ${file}`);
      },
    });
    clearProgress(terminal);
    const planning = createPlanning(options);
    const account = { concurrencyLimit: concurrency, unreservedConcurrency: concurrency };
    const { plan } = planning.decide({
      nowMs,
      account,
      previous: undefined,
      held: 0,
      lead: options.lead,
      queueWaitMs: 0,
    });
    const shown = values.event === undefined ? plan : onlyFor(plan, values.event, planning.eventsAround(nowMs));
    const eventIds = new Set(shown.steps.map(({ eventId }) => eventId));
    const events = planning.eventsAround(nowMs).filter(({ id }) => eventIds.has(id));
    const histories = options.functions.map(({ history }) => history);
    const findings = staleHistories(histories, nowMs);
    if (values.json) {
      const { issuedAtMs, untilMs, notPlanned, givenUp = [] } = shown;
      const peakProfiles = (shown.peakProfiles ?? []).map(({ name, keys }) => ({ name, functions: keys }));
      const steps = shown.steps.map(({ key, ...step }) => ({ function: key, ...step }));
      const about = { events: events.map(viewOf), notPlanned, givenUp, peakProfiles, findings };
      printJson(terminal, { issuedAtMs, untilMs, steps, ...about });
    } else {
      terminal.out(formatPlan(shown, events));
      for (const finding of findings) terminal.out(`\nnote: ${finding}\n`);
    }
    return 0;
  },
};

/** The steps in force at the event's instant, or made for it: events close together share the steps of the greatest. */
function onlyFor(plan: CapacityPlan, id: string, events: readonly MarketEvent[]): CapacityPlan {
  const event = events.find((candidate) => candidate.id === id);
  if (!event) {
    const near = events
      .filter(({ startsAtMs }) => startsAtMs >= plan.issuedAtMs)
      .slice(0, 3)
      .map((one) => one.id);
    throw new InputError(
      'plan.event',
      `--event ${id}: not in the calendar until ${formatInstant(plan.untilMs)}; the next are ${near.join(', ') || 'none'}`,
    );
  }
  const holds = (step: CapacityStep): boolean =>
    step.eventId !== undefined && step.fromMs <= event.startsAtMs && event.startsAtMs < step.untilMs;
  const sharedIds = new Set(plan.steps.filter(holds).map((step) => step.eventId));
  return {
    ...plan,
    steps: plan.steps.filter(
      (step) => step.eventId === id || (step.eventId !== undefined && sharedIds.has(step.eventId)),
    ),
    notPlanned: plan.notPlanned.filter(({ eventId }) => eventId === undefined || eventId === id),
  };
}

/** What `steps` name, with what is not certain of it. */
function viewOf({ id, kind, title, startsAtMs, importance, isTimeAssumed, doubt }: MarketEvent) {
  return { id, kind, title, startsAtMs, importance, isTimeAssumed: isTimeAssumed === true, doubt: doubt?.kind ?? null };
}

const doubtWords: Readonly<Record<EventDoubt['kind'], string>> = {
  'held-over': 'kept until confirmed',
  'sources-disagree': 'another calendar says otherwise',
  'lost-events': 'lost by its feed, kept until confirmed',
};

function marksOf({ isTimeAssumed, doubt }: MarketEvent): string {
  const marks = [...(isTimeAssumed ? ['time assumed'] : []), ...(doubt ? [doubtWords[doubt.kind]] : [])];
  return marks.length === 0 ? '' : ` (${marks.join(', ')})`;
}

function formatPlan(
  { steps, notPlanned, givenUp = [], peakProfiles = [], issuedAtMs, untilMs }: CapacityPlan,
  events: readonly MarketEvent[],
): string {
  const marks = new Map(events.map((event) => [event.id, marksOf(event)]));
  const columns = [
    { title: 'function' },
    { title: 'from' },
    { title: 'until' },
    { title: 'warm', isNumber: true },
    { title: 'wanted', isNumber: true },
    { title: 'usd', isNumber: true },
    { title: 'saves', isNumber: true },
    { title: 'bound by' },
    { title: 'for' },
  ];
  const rows = steps.map((step) => [
    step.key.split('/').at(-1)!,
    formatInstant(step.fromMs),
    formatInstant(step.untilMs).slice(11),
    String(step.concurrency),
    String(step.concurrencyWanted),
    step.usd.toFixed(3),
    (step.worthUsd ?? 0).toFixed(3),
    step.bindingLimit,
    step.eventId === undefined ? 'no event' : `${step.eventId}${marks.get(step.eventId) ?? ''}`,
  ]);
  const usd = steps.reduce((sum, step) => sum + step.usd, 0);
  const savedUsd = steps.reduce((sum, step) => sum + (step.worthUsd ?? 0), 0);
  // What is kept after an event steps down often, and says the same each time but for the number.
  const told = steps.filter(
    (step, index) =>
      step.eventId !== undefined || steps[index - 1]?.eventId !== undefined || steps[index - 1]?.key !== step.key,
  );
  const reasons = [...new Set(told.map(({ key, because }) => `${key.split('/').at(-1)!}: ${because}`))];
  const lines = [
    `plan of ${formatInstant(issuedAtMs)}, until ${formatInstant(untilMs)}`,
    '',
    rows.length === 0 ? 'nothing ahead asks for warm capacity' : formatTable(columns, rows),
    ...(rows.length === 0
      ? []
      : [
          '',
          `together $${usd.toFixed(2)}; run time, starts and cold starts saved $${savedUsd.toFixed(2)}`,
          '',
          ...reasons,
        ]),
    ...(peakProfiles.length === 0 ? [] : ['', ...peakProfiles.map(tellPeakProfile)]),
    ...(givenUp.length === 0 ? [] : ['', 'given up:', ...givenUp.map(tellGivenUp)]),
    ...(notPlanned.length === 0
      ? []
      : [
          '',
          'not planned:',
          ...notPlanned.map(({ key, eventId, because }) => `  ${[key, eventId].filter(Boolean).join(' ')}: ${because}`),
        ]),
  ];
  return `${lines.join('\n')}\n`;
}

function tellPeakProfile({ name, keys }: PeakProfileUse): string {
  return `seconds of a minute: ${name} (${keys.length} ${keys.length === 1 ? 'function' : 'functions'})`;
}

function tellGivenUp({ name, eventId, concurrency, usd, marginalUsd, unit, isKept }: GivenUp): string {
  const doubt = isKept ? '' : '; demand alone takes more than there is';
  const next = marginalUsd > 0 ? `; one more ${unit} would save $${marginalUsd.toFixed(marginalUsd < 1 ? 4 : 2)}` : '';
  return `  ${name}${eventId === undefined ? '' : `, ${eventId}`}: up to ${concurrency} environments, worth $${usd.toFixed(2)} beyond their price${next}${doubt}`;
}
