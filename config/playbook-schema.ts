/** The one schema of a playbook file. Keys carry their units; every default carries its reason. Rules that span keys stand in playbook-rules.ts. */
import { z } from 'zod';
import { keyWords, playbookMeasures } from '../core/playbook.ts';
import { parseFunctionKey } from '../core/series-key.ts';
import {
  flag,
  hours,
  listOf,
  numberAbove,
  numberFrom,
  oneOf,
  resourceName,
  strictMap,
  text,
  timeZone,
  wholeNumber,
} from './fields.ts';

const daySeconds = 86_400;
const concurrencyMax = 100_000;

const sentence = (what: string) => text(`${what}, in one line of 1 to 500 characters`, /^[^\x00-\x1f\x7f]{1,500}$/);

/** A key, or which of the incident's is meant. */
const anyKey = () => text('origin, caller, callee, or a key of what is watched', /^[^\s\x00-\x1f\x7f]{1,700}$/);

const aFunction = () => {
  const error = 'origin, caller, callee, or account/region/name:alias';
  return z
    .string({ error })
    .refine((value) => (keyWords as readonly string[]).includes(value) || parseFunctionKey(value) !== undefined, {
      error,
    })
    .describe('origin (where it begins; of an edge, who is called), caller, callee, or account/region/name:alias.');
};

const limitExpected = `none, or a whole number from 0 to ${concurrencyMax}`;

function isLimit(value: unknown): value is number | 'none' {
  return value === 'none' || (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= concurrencyMax);
}

const reroute = strictMap({
  function: aFunction(),
  version: text('previous, or the number of a version', /^(?:previous|[1-9]\d{0,9})$/).describe(
    'previous: the one that served before the newest; or a number.',
  ),
  weight: numberFrom(0, 1).describe('Share of its calls that go there.'),
  // What ends by itself would bring the trouble back only where the version is what was wrong; that is for its author to say.
  rollback: flag().default(false).describe('It stays until a person moves the alias.'),
});

const addProvisioned = strictMap({
  function: aFunction(),
  concurrency: wholeNumber(1, concurrencyMax).describe('On top of what the plan holds.'),
});

const reserve = strictMap({
  function: aFunction(),
  concurrency: z
    .custom<number | 'none'>(isLimit, { error: limitExpected })
    .describe('Calls at a time; 0 stops all of them; none lifts the limit.'),
});

const eventSource = strictMap({
  function: aFunction(),
  uuid: text('the uuid of an event source mapping', /^[0-9a-fA-F-]{8,64}$/).describe('Of the event source mapping.'),
  to: oneOf(['paused', 'running']).describe('paused stops polling; running begins again.'),
});

const redrive = strictMap({
  queueArn: text(
    'the ARN of a queue such as arn:aws:sqs:us-east-1:123456789012:orders-dead',
    /^arn:aws(?:-cn|-us-gov)?:sqs:[a-z0-9-]{1,32}:\d{12}:[A-Za-z0-9_.-]{1,80}$/,
  ).describe('Of the dead-letter queue: what it holds goes back to where it came from.'),
  // The bound of SQS itself is 500; what has failed once is not sent back in a flood.
  messagesPerSecondMax: wholeNumber(1, 500).default(10).describe('How fast.'),
});

const breaker = strictMap({
  name: resourceName().describe('Of the breaker; origin: the first whose callee the incident is about.'),
  to: oneOf(['open', 'closed']).describe('open stops the calls; closed lets all through.'),
});

const webhook = strictMap({
  target: resourceName().describe('A cloudevent target among oncall.targets: the call is signed with its secret.'),
  message: sentence('what it says').describe('What it says, beside the incident and its origin.'),
});

const seconds = (from: number, to = daySeconds) => wholeNumber(from, to);

const acts = {
  reroute: reroute.optional().describe('A share of an alias goes to another version.'),
  addProvisioned: addProvisioned.optional().describe('Provisioned concurrency for a time.'),
  reserve: reserve.optional().describe('Sets or lifts reserved concurrency.'),
  eventSource: eventSource.optional().describe('Pauses or resumes an event source mapping.'),
  redrive: redrive.optional().describe('Moves dead letters back to where they came from. Cannot be taken back.'),
  breaker: breaker.optional().describe('Moves a breaker.'),
  webhook: webhook.optional().describe('A signed call. Cannot be taken back but by another one.'),
};
export const actKeys = Object.keys(acts) as (keyof typeof acts)[];

const pauses = {
  wait: strictMap({ seconds: seconds(1).describe('For so long.') })
    .optional()
    .describe('Nothing, for a time.'),
  approval: strictMap({
    question: sentence('what is asked').describe('What a person is asked.'),
    withinSeconds: seconds(10).describe('The answer counts until then.'),
    // Who does not answer has not agreed.
    onNoAnswer: oneOf(['fail', 'go-on']).default('fail').describe('fail: as a no. go-on: as a yes.'),
  })
    .optional()
    .describe('A person must say yes.'),
  escalate: strictMap({ because: sentence('why').describe('What they are told.') })
    .optional()
    .describe('Somebody else is told.'),
};
export const stepKeys = [...actKeys, ...(Object.keys(pauses) as (keyof typeof pauses)[])];

const verify = strictMap({
  of: anyKey().default('origin').describe('origin, caller, callee, or a key.'),
  measure: oneOf(playbookMeasures).describe('What is looked at in live windows.'),
  below: numberAbove(0, 1e9).optional().describe('It must be below this. Either this or belowOfBefore.'),
  belowOfBefore: numberAbove(0, 1)
    .optional()
    .describe('It must be below that multiple of what it was right before the step. Either this or below.'),
  // Long enough for twenty calls of a function that is called once a second, and for a client's next poll.
  forSeconds: seconds(1, 600).default(30).describe('Over so long.'),
  withinSeconds: seconds(1, 3_600).default(300).describe('At last by then, from when the step can be felt.'),
  // With fewer a share is chance.
  requestCountMin: wholeNumber(0, 1_000_000).default(20).describe('Fewer calls than this say nothing.'),
  silenceIsFine: flag().default(false).describe('No call at all is what was wanted: somebody was paused.'),
});

const step = strictMap({
  id: resourceName().describe('Its name in the record.'),
  ...acts,
  ...pauses,
  // Longer than people need to take over in the day, and short enough to be forgotten.
  forSeconds: seconds(60, 7 * daySeconds)
    .default(3_600)
    .describe('It stands for so long, then it ends by itself.'),
  verify: verify.optional().describe('How it is seen that it helped. Left out: that it was accepted is enough.'),
  compensate: z
    .union([oneOf(['inverse', 'none']), strictMap(acts)], { error: 'inverse, none, or a map of one step' })
    .default('inverse')
    .describe('What takes it back. inverse: what stood before. none: it stays for its time. Or another step.'),
  // What did not help is not left behind.
  onFailure: oneOf(['undo', 'next', 'leave'])
    .default('undo')
    .describe(
      'undo: all steps are taken back, in reverse. next: this one is taken back and the next is tried. leave: what stands stays for its time.',
    ),
  // What calms trouble is not needed without it.
  when: oneOf(['trouble', 'always']).default('trouble').describe('trouble: left out once the trouble is over.'),
});

const trigger = strictMap({
  detectors: listOf(resourceName(), { items: 'detectors', countMax: 20 })
    .default([])
    .describe('One of these has a finding. Left out: any.'),
  origins: listOf(oneOf(['edge', 'function', 'service', 'signal']), { items: 'kinds', countMax: 4 })
    .default([])
    .describe('What the origin is. Left out: any.'),
  keys: listOf(text('a key, * for any text', /^[^\s\x00-\x1f\x7f]{1,700}$/), { items: 'keys', countMax: 100 })
    .default([])
    .describe('Of the origin; * stands for any text. Left out: any.'),
  // Below 5 % harmed the remedy may well be worse.
  severityMin: oneOf(['minor', 'major', 'critical']).default('major').describe('From this severity on.'),
  // A remedy at the wrong place is harm of its own.
  verdictMin: oneOf(['INCONCLUSIVE', 'LIKELY', 'CONFIRMED']).default('LIKELY').describe('From this verdict on.'),
  signal: resourceName().optional().describe('A measure of the business, by its name among signals, is in trouble.'),
  newVersion: flag().default(false).describe('A new version is among the changes about its beginning.'),
});

const guard = strictMap({
  // Deciding and recording costs nothing and can break nothing; acting is earned.
  mode: oneOf(['shadow', 'advise', 'enforce'])
    .default('shadow')
    .describe('The strictest of this and of what the configuration says of each function counts.'),
  hours: hours().optional().describe('Only then; 22:00-07:00 goes over midnight. Left out: always.'),
  timeZone: timeZone().default('America/New_York').describe('Of the hours.'),
  // One function of ten; a larger share is a decision for people.
  fleetShareMax: numberAbove(0, 1).default(0.1).describe('Share of the functions watched that may be touched at once.'),
  cooldownMinutes: wholeNumber(0, 10_080).default(30).describe('From the end of a run to the next at the same origin.'),
  // The least that one stolen token cannot be.
  observersMin: wholeNumber(0, 5).default(2).describe('Independent observers that must confirm the incident.'),
});

export const playbookSchema = strictMap({
  name: resourceName().describe('What the record calls it.'),
  because: sentence('what it is for').describe('What it is for, in one sentence.'),
  trigger: trigger.describe('When it is about an incident.'),
  guard: guard.prefault({}).describe('How far it may go.'),
  steps: listOf(step, { items: 'steps', countMin: 1, countMax: 20 }).describe('In turn.'),
  helpsWithinSeconds: seconds(10, 3_600)
    .default(300)
    .describe('After the last step the trouble must be over within this; else it is taken back and a person is told.'),
});

export type PlaybookDocument = z.output<typeof playbookSchema>;
