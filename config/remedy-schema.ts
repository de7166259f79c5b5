/** The part of the schema that says what may be done about trouble, by whom, and how much of it. */
import { remedyKinds } from '../core/remedy.ts';
import {
  listOf,
  numberAbove,
  numberFrom,
  oneOf,
  resourceName,
  secretReference,
  strictMap,
  text,
  wholeNumber,
} from './fields.ts';

const mode = () => oneOf(['shadow', 'advise', 'enforce']);

const keyPattern = () => text('a function; * at its end stands for any ending', /^[^\s*]{1,256}\*?$/);

const functions = () =>
  listOf(keyPattern(), { items: 'functions', countMin: 1, countMax: 1_000 })
    .optional()
    .describe('Functions; * at the end stands for any ending. Left out, and no groups: all.');

const groups = () =>
  listOf(resourceName(), { items: 'groups', countMin: 1, countMax: 100 })
    .optional()
    .describe('All functions of these groups.');

const kinds = () => listOf(oneOf(remedyKinds), { items: 'kinds', countMin: 1, countMax: remedyKinds.length });

const remedyMode = strictMap({
  functions: functions(),
  groups: groups(),
  kinds: kinds().optional().describe('Which remedies. Left out: all.'),
  mode: mode().describe('shadow decides and records; advise also tells people; enforce acts.'),
});

export const remedies = strictMap({
  // What acts is earned, as for capacity.
  mode: mode().default('shadow').describe('For functions and remedies that no entry of modes names.'),
  // None: who may be touched by what, the operator knows.
  modes: listOf(remedyMode, { items: 'entries', countMax: 200 })
    .default([])
    .describe('The first that matches a function and a kind of remedy decides.'),
  // An ordinary episode takes one or two: twelve in an hour is several at once, or one that does not end.
  actionsPerHourMax: wholeNumber(1, 1_000)
    .default(12)
    .describe('Remedies in an hour over all functions. The first beyond it puts the brake on.'),
  // Money is for the operator to state: what is not stated is not spent.
  usdPerHourMax: numberFrom(0, 1_000_000)
    .default(0)
    .describe('What remedies of an hour may promise to pay, over all functions. 0: nothing that costs.'),
  // A fifth at one time is an outage that a remedy would make worse; one function always may be touched.
  fleetShareMax: numberAbove(0, 1)
    .default(0.2)
    .describe('Share of the functions that remedies may touch at one time; one always may be.'),
  // Longer than an alias with provisioned concurrency takes to move and be judged.
  cooldownMinutes: numberFrom(0, 1_440)
    .default(10)
    .describe('From a remedy to the same at the same place for another incident.'),
  // Once is chance, twice is doubt.
  withoutEffectMax: wholeNumber(1, 100)
    .default(3)
    .describe('Remedies in an hour that were taken and changed nothing: so many put the brake on.'),
  // As long as on-call has before a page is escalated.
  approvalMinutes: wholeNumber(1, 1_440)
    .default(15)
    .describe('How long a remedy waits for a yes; a reminder comes at half of it.'),
});

const approval = strictMap({
  functions: functions(),
  groups: groups(),
  prewarm: oneOf(['none', 'required'])
    .default('none')
    .describe('required: an event is warmed for after a yes, which is asked for 18 hours before it.'),
  // Whoever wants to be asked has a reason: without an answer nothing is spent.
  onNoAnswer: oneOf(['skip', 'warm'])
    .default('skip')
    .describe('Nobody has answered when it is time. skip: nothing is warmed until somebody does. warm: it is.'),
  // None: those that AWS does not confirm are asked about anyway.
  remedies: listOf(oneOf(remedyKinds), { items: 'kinds', countMax: remedyKinds.length })
    .default([])
    .describe('Remedies that want a yes each time.'),
});

// None: then nobody is asked.
export const approvals = listOf(approval, { items: 'entries', countMax: 200 })
  .default([])
  .describe('What waits for the yes of an operator. The first that matches a function decides.');

const person = strictMap({
  name: resourceName().describe('How the record names them.'),
  role: oneOf(['viewer', 'editor', 'operator']).describe(
    'viewer reads; editor also says what is so (a calendar is right, an incident has been seen); operator also acts.',
  ),
  token: secretReference().describe('Their own bearer token: ${env:NAME} or file:PATH, never the token itself.'),
});

// None: those who hold one of http.tokens act as operators without a name.
export const people = listOf(person, { items: 'people', countMax: 200 })
  .default([])
  .describe('Who may use the API, by name. Each change names its person.');
