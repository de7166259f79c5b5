/**
 * The one schema of `foreshock.yaml`. It says what the operator wants, in keys that carry their units; every default carries its reason.
 * The editors' JSON Schema is made from it (json-schema.ts); rules that span keys stand in rules.ts.
 */
import { z } from 'zod';
import type { Prices } from '../core/function-spec.ts';
import { msPerDay, msPerHour, msPerMinute } from '../core/time.ts';
import { detection, maintenance, signal, telemetry } from './schema-traces.ts';
import {
  day,
  endpointUrl,
  feedUrl,
  filePath,
  flag,
  functionKey,
  listOf,
  numberAbove,
  numberBetween,
  numberFrom,
  oneOf,
  region,
  resourceName,
  secretReference,
  secureUrl,
  stated,
  strictMap,
  text,
  venue,
  wholeNumber,
} from './fields.ts';
import { breakers } from './breaker-schema.ts';
import { oncall } from './oncall-schema.ts';
import { approvals, people, remedies } from './remedy-schema.ts';

/** Lambda's own longest run, 15 minutes: nothing that it runs or initialises lasts longer. */
const durationMsMax = 900_000;

/** "Tens of thousands" is what AWS grants on request; above this it is a slip of the keyboard. */
const concurrencyMax = 100_000;

const usdMax = 1_000_000;

export const volumeSources = ['csv', 'cloudwatch'] as const;

const volume = strictMap({
  csv: filePath()
    .optional()
    .describe(
      'History of demand: CSV or CSV.gz with the columns ts,volume; UTC bucket starts. Either this or cloudwatch.',
    ),
  cloudwatch: z
    .literal(true, { error: 'true, or left out' })
    .optional()
    .describe('Demand as CloudWatch counts it, kept by the minute in the folder history beside the store.'),
  // One unit is one request unless said: right for request logs, and visibly wrong for shares traded.
  requestsPerUnit: numberAbove(0, 1_000_000)
    .default(1)
    .describe('Requests to this function for each unit of volume (0.02: one request for fifty shares).'),
  // Demand that follows the market follows New York's clock; a service that never closes names its time zone.
  venue: venue()
    .default('XNYS')
    .describe('The exchange whose sessions shape the day (XNYS, XNAS), or a time zone when demand never closes.'),
}).meta({ oneOf: volumeSources.map(stated) });

const sharedResource = strictMap({
  name: resourceName().describe('How functions name it.'),
  perEnvironment: numberAbove(0, 10_000).describe(
    'What one environment takes of it, warm or on demand: connections of its pool.',
  ),
  limit: wholeNumber(1, 10_000_000).describe('What there is of it for these functions together.'),
});

const functionEntry = strictMap({
  function: functionKey().describe('account/region/name:alias. An alias, because $LATEST cannot hold warm capacity.'),
  memoryMb: wholeNumber(128, 10_240).describe('Memory of the function: sets the price of holding it warm.'),
  // What Lambda takes when nothing is said.
  architecture: oneOf(['x86_64', 'arm64']).default('x86_64').describe('Instruction set: sets the price.'),
  initDurationMs: wholeNumber(0, durationMsMax).describe('Initialisation of a new environment, 99th percentile.'),
  runDurationMs: strictMap({
    p50: numberAbove(0, durationMsMax).describe('Median duration of a request on a warm environment.'),
    p99: numberAbove(0, durationMsMax).describe('99th percentile of the same.'),
  }).describe('How long a request runs when it is warm.'),
  usdPerColdStart: numberAbove(0, usdMax)
    .optional()
    .describe('What one cold start costs the business. Either this, usdPerSpill or spilloverRatioMax.'),
  usdPerSpill: numberAbove(0, usdMax)
    .optional()
    .describe(
      'What one request costs the business that finds no provisioned environment free, warm on demand or not (0.00001: ten dollars a million). Either this, usdPerColdStart or spilloverRatioMax.',
    ),
  spilloverRatioMax: numberBetween(0, 1)
    .optional()
    .describe(
      'Share of requests that may miss warm capacity (0.001: one in a thousand). Either this, usdPerColdStart or usdPerSpill.',
    ),
  // Nothing is held outside event windows unless asked for: warmth around the clock costs 180 times as much as eight half hours a month.
  concurrencyFloor: wholeNumber(0, concurrencyMax).default(0).describe('Held outside event windows; 0 holds nothing.'),
  concurrencyCeiling: wholeNumber(1, concurrencyMax).describe('Never more than this, whatever is forecast.'),
  reservedConcurrency: wholeNumber(1, concurrencyMax)
    .optional()
    .describe('Reserved concurrency of the function, where it has one: warm capacity counts inside it.'),
  volume: volume.describe('Where the demand of this function is read from.'),
  // Empty: moved by events that move everything, and by no single company's results.
  symbols: listOf(text('a ticker such as AAPL', /^[A-Z0-9][A-Z0-9.=^-]{0,31}$/), { items: 'tickers', countMax: 1_000 })
    .default([])
    .describe('Companies whose own events (results) move this function.'),
  group: text('a name of at most 64 letters, digits, dots and dashes', /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)
    .optional()
    .describe('A name shared by functions that serve one purpose.'),
  owner: resourceName().optional().describe('Who is told of its trouble, by a name among oncall.owners.'),
  // None: what stands behind a function only the operator knows.
  sharedResources: listOf(resourceName(), { items: 'names', countMax: 20 })
    .default([])
    .describe('What stands behind this function, by its name among sharedResources: each environment takes its share.'),
  // Deciding and recording costs nothing and can break nothing; acting is earned.
  mode: oneOf(['shadow', 'advise', 'enforce'])
    .default('shadow')
    .describe('shadow decides and records; advise also tells people; enforce acts.'),
  // No default: two controllers on one knob are an outage, and only the operator knows the other one.
  ownership: oneOf(['observe', 'own', 'steer'])
    .optional()
    .describe(
      'Who sets provisioned concurrency. own: Foreshock, and nobody else. steer: Application Auto Scaling, whose minimum Foreshock moves for its windows. observe: somebody else. Mode enforce needs own or steer.',
    ),
  // Where calls must go through whatever else fails, cancelling an order above all, the operator says.
  neverBreak: flag()
    .default(false)
    .describe('No remedy keeps calls away from it or sends them elsewhere: no breaker, no limit, no pause.'),
  // What an event was promised is worth one more call; twice would be a fight.
  onDrift: oneOf(['restore', 'yield'])
    .default('restore')
    .describe(
      'Somebody else changes what an event window holds. restore: put it back, once in a window. yield: leave it to them.',
    ),
}).meta({ oneOf: ['usdPerColdStart', 'usdPerSpill', 'spilloverRatioMax'].map(stated) });

const usdPerGbSecond = strictMap({
  onDemand: numberAbove(0, 1).describe('Duration on demand.'),
  provisioned: numberAbove(0, 1).describe('Provisioned concurrency as configured, idle or not.'),
  provisionedDuration: numberAbove(0, 1).describe('Duration while on provisioned concurrency.'),
});

const regionPrices = strictMap({
  region: region().describe('Where these prices hold.'),
  asOf: day().describe('The day these were read: it goes into the audit log with every decision.'),
  usdPerGbSecond: strictMap({
    x86_64: usdPerGbSecond.describe('For functions on x86_64.'),
    arm64: usdPerGbSecond.describe('For functions on arm64.'),
  }).describe('Prices of a gigabyte of memory for a second.'),
  usdPerRequest: numberAbove(0, 1).describe('Price of one request.'),
});

/** AWS's published prices, first tier, without savings plans (https://aws.amazon.com/lambda/pricing/). */
export const pricesUsEast1: Prices = {
  region: 'us-east-1',
  asOf: '2026-11-01',
  usdPerGbSecond: {
    x86_64: { onDemand: 0.0000166667, provisioned: 0.0000041667, provisionedDuration: 0.0000097222 },
    arm64: { onDemand: 0.0000133334, provisioned: 0.0000033334, provisionedDuration: 0.0000077778 },
  },
  usdPerRequest: 0.0000002,
};

const http = strictMap({
  // Only this machine, until tokens are set.
  host: text('a host name or address to listen on', /^[A-Za-z0-9.:_-]{1,253}$/)
    .default('127.0.0.1')
    .describe('Address to listen on. Anything but loopback needs tokens.'),
  port: wholeNumber(0, 65_535).default(8080).describe('Port of the API and the page; 0 takes a free one.'),
  tokens: listOf(secretReference(), { items: 'secrets', countMax: 100 })
    .default([])
    .describe('Bearer tokens that may call the API: ${env:NAME} or file:PATH, never the token itself.'),
});

const scheduler = strictMap({
  roleArn: text(
    'the ARN of a role such as arn:aws:iam::123456789012:role/foreshock-scheduler',
    /^arn:aws(?:-cn|-us-gov)?:iam::\d{12}:role\/[\w+=,.@/-]{1,576}$/,
  )
    .optional()
    .describe(
      'The role that EventBridge Scheduler makes the booked calls as (foreshock config check --terraform prints it). Mode enforce on AWS needs it.',
    ),
  // Every account has it.
  groupName: text('a name of at most 64 letters, digits, dots, dashes and underscores', /^[0-9A-Za-z._-]{1,64}$/)
    .default('default')
    .describe('The schedule group that bookings are made in; it must exist.'),
});

const aws = strictMap({
  endpoint: endpointUrl()
    .optional()
    .describe('Address of a Lambda twin. Left out: AWS itself, in the region that each function names.'),
  scheduler: scheduler.prefault({}).describe('EventBridge Scheduler, where the end of all capacity is booked.'),
});

export const anchorKinds = ['file', 'stdout', 'webhook', 's3'] as const;

const anchorWebhook = strictMap({
  url: secureUrl().describe('Where each checkpoint is posted as JSON; https, unless it is on this machine.'),
  secret: secretReference()
    .optional()
    .describe(
      'Signs each request (HMAC-SHA256, header foreshock-signature): ${env:NAME} or file:PATH. Left out: not signed.',
    ),
});

const anchorS3 = strictMap({
  bucket: text('the name of a bucket', /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/).describe(
    'A bucket with Object Lock, best in an account of its own.',
  ),
  prefix: text('at most 512 letters, digits and _ . / = -', /^(?!\/)[A-Za-z0-9_./=-]{0,512}$/)
    .default('')
    .describe('What the names of the objects begin with, the slash included.'),
  region: region().optional().describe('Region of the bucket. Left out: the region of the functions.'),
  endpoint: secureUrl()
    .optional()
    .describe('Address of a store that speaks S3 and locks objects. Left out: Amazon S3.'),
  // A year and a month: an audit looks back a year. Nobody can shorten it, the account's root included, so what rules demand is for the operator to state.
  retainDays: wholeNumber(1, 36_500)
    .default(400)
    .describe('Days for which nobody can change or remove a checkpoint (compliance mode).'),
});

const anchor = strictMap({
  file: filePath().optional().describe('Appended to this file: put it where who can write the store cannot.'),
  stdout: z
    .literal(true, { error: 'true, or left out' })
    .optional()
    .describe('Printed, for whoever collects the output of the service.'),
  webhook: anchorWebhook.optional().describe('Posted to a web address.'),
  s3: anchorS3.optional().describe('Put into a bucket, locked.'),
}).meta({ oneOf: anchorKinds.map(stated) });

const audit = strictMap({
  anchorFile: filePath()
    .optional()
    .describe('The same as a file among the anchors: one place is said in one line. Left out: none.'),
  // None: which place is out of reach of whoever can write the store, only the operator knows.
  anchors: listOf(anchor, { items: 'places', countMax: 10 })
    .default([])
    .describe('Where checkpoints of the audit chain go to, at each interval and at each stop.'),
  // What was written since the last one is held by the chain alone; an hour of it is 24 requests a day.
  anchorEveryMinutes: wholeNumber(1, 1_440)
    .default(60)
    .describe('How often a checkpoint goes to each place, counted from midnight UTC.'),
  signingKey: secretReference()
    .optional()
    .describe('Ed25519 private key (PEM) that signs the checkpoints: ${env:NAME} or file:PATH. Left out: not signed.'),
});

export const calendarFormats = ['csv', 'ics', 'yaml'] as const;
export const calendarPlaces = [...calendarFormats, 'url'] as const;
/** What is said only of a calendar behind an address. */
export const feedKeys = ['format', 'refreshMs', 'token', 'privateNetwork'] as const;
/** Agencies change their schedules in hours, not minutes; and an edit inside the last day is seen with time to spare. */
export const refreshMsDefault = 15 * msPerMinute;

const calendar = strictMap({
  csv: filePath().optional().describe('Market events: CSV with the columns ts,kind,title,importance,symbol,source.'),
  ics: filePath()
    .optional()
    .describe('Market events: iCalendar, a feed of an agency or an export of Outlook or Google.'),
  yaml: filePath().optional().describe('Market events: a YAML list of maps with the words of the CSV as keys.'),
  url: feedUrl()
    .optional()
    .describe(
      'Market events: the address of a feed in any of these formats. It is kept in the audit log: a key goes into token.',
    ),
  format: oneOf(calendarFormats)
    .optional()
    .describe('Format of what is behind the url. Left out: told by its type, its name or its first words.'),
  refreshMs: wholeNumber(msPerMinute, msPerDay)
    .optional()
    .describe('How often the url is asked whether it has changed. Left out: every 15 minutes.'),
  token: secretReference()
    .optional()
    .describe('Bearer token for the host of the url, and for no other: ${env:NAME} or file:PATH.'),
  // A name can be made to mean any address, so what is inside has to be said to be.
  privateNetwork: flag()
    .optional()
    .describe('The url is inside your own network: private addresses are allowed. Left out: public ones only.'),
}).meta({ oneOf: calendarPlaces.map(stated) });

const limits = strictMap({
  concurrencyMax: wholeNumber(1, concurrencyMax).describe(
    'Warm capacity over all functions of one account and region together.',
  ),
  usdPerHourMax: numberAbove(0, usdMax).describe('Price of all warm capacity held at one time, for each hour.'),
  usdPerEventMax: numberAbove(0, usdMax).describe('Price of all warm capacity for one market event.'),
  // None: what a database takes when environments start, only the operator knows. Lambda itself starts a hundred a second for each function.
  initsPerSecondMax: numberBetween(0.01, 10_000)
    .optional()
    .describe(
      'Environments initialised a second over all functions, counted over a minute: larger raises are asked for earlier and in parts. Left out: unlimited.',
    ),
  // A third of the 15 a second that AWS gives an account and region for everything, deployments included; it cannot be raised.
  controlPlaneCallsPerSecond: wholeNumber(1, 10)
    .default(5)
    .describe("Calls to Lambda's control plane for each account and region."),
  // A hundred functions each minute, or five hundred every five minutes, which is as often as a plan is made. At AWS's 0.01 dollars for 1,000 metrics that is 0.15 an
  // hour, 109 a month, at the most; ten functions cost 10 a month. A larger fleet is read less often, not at a higher price.
  cloudwatchMetricsPerHour: wholeNumber(60, 1_000_000)
    .default(15_100)
    .describe(
      'Metrics asked of CloudWatch in an hour, all functions together. AWS charges 0.01 dollars for 1,000 of them.',
    ),
});

const planning = strictMap({
  // One event in twenty asks for more than was forecast at this level; calibration is measured at it.
  quantile: numberBetween(0.5, 0.9999)
    .default(0.95)
    .describe('Level of the forecast to be ready for, where spilloverRatioMax is the target.'),
  // Importance 1 is for the many small releases: to warm for all of them is a choice, and a bill, of its own.
  importanceMin: z
    .literal([1, 2, 3], { error: 'a whole number from 1 to 3' })
    .default(2)
    .describe('Least importance of an event that is warmed for.'),
  // What was warm for an event displaced the on-demand environments: to let go of what is in use would start them all again.
  keepWhilePaying: flag()
    .default(true)
    .describe('After an event, keep what is busy enough to cost less than on demand, until demand falls.'),
  // Nobody publishes a broker's log by the second; how far it was read off real quotes is said in forecaster/peak-profile.ts.
  peakRatio: numberFrom(1, 60)
    .default(1.6)
    .describe(
      'The busiest second of a busy minute over the mean of that minute, until seconds of a function were counted. 1: minutes are even.',
    ),
  // What no history foretold is met minutes after it began, or not at all; a raise then is asked for only where it is worth two minutes in which nothing may serve.
  reviseOnSurge: flag()
    .default(true)
    .describe('When far more comes than was foretold, raise again what is held, within all limits.'),
  // A day ahead is what an operator reviews in the morning, and all that a calendar moved overnight should change.
  horizonMs: wholeNumber(msPerHour, 7 * msPerDay)
    .default(msPerDay)
    .describe('How far ahead the plan reaches.'),
  // Five minutes leave two to page a human at T-3 min and for the human to act. Less than three would page after the fact.
  readyBeforeMs: wholeNumber(3 * msPerMinute, msPerHour)
    .default(5 * msPerMinute)
    .describe('Capacity is verified READY this long before an event.'),
  // AWS: "after a minute or two of preparation". The longer one: too early costs cents, too late is the whole loss.
  preparationMs: wholeNumber(0, 30 * msPerMinute)
    .default(2 * msPerMinute)
    .describe('Time that Lambda takes before it starts to allocate environments.'),
});

const days = () => wholeNumber(1, 36_500);

const retention = strictMap({
  // Two days: what was judged on a Friday night can be judged again on Sunday. Of 2,000 functions a day is about a gigabyte, and a month would be most of a disk.
  deltasHours: wholeNumber(1, 8_760)
    .default(48)
    .describe(
      'Hours for which what spans showed is kept by the second: as far back as a run that received spans can be replayed.',
    ),
  // A year and five weeks: this day of last year, with what led to it.
  minutesDays: days().default(400).describe('Days for which what spans showed is kept by the minute.'),
  // Five weeks: a monthly release and the one before it can both be replayed from their facts.
  ticksDays: days()
    .default(35)
    .describe('Days for which the other facts of each second are kept: as far back as a decision can be replayed.'),
  // Seven years: what a broker must keep for six in the United States and for five to seven in the European Union is in it.
  decisionsDays: days()
    .default(2_557)
    .describe('Days for which the audit log is kept at least, and with each decision what it names.'),
  // As long as the rest. Made longer, it keeps the log from the first such incident on; made shorter, it only stops holding the rest back.
  incidentsDays: days()
    .default(2_557)
    .describe(
      'Days for which incidents in the audit log are kept at least, and with each of them all that came after it.',
    ),
});

export const configSchema = strictMap({
  store: filePath()
    .default('.foreshock/store.db')
    .describe('The embedded store: decisions, audit log, snapshots. Made when it is not there.'),
  http: http.prefault({}).describe('Where the service listens.'),
  aws: aws.prefault({}).describe('How Lambda is reached. Credentials come from the usual AWS chain.'),
  telemetry: telemetry.prefault({}).describe("Foreshock's own traces, and those of your functions."),
  audit: audit.prefault({}).describe('What proves, from outside the store, that the audit log is whole.'),
  retention: retention.prefault({}).describe('How long what is in the store is kept.'),
  functions: listOf(functionEntry, { items: 'functions', countMin: 1, countMax: 1_000 }).describe(
    'The functions to keep warm.',
  ),
  // None: opening and closing bells come from the venue, and nothing else is foreseen.
  calendars: listOf(calendar, { items: 'calendars', countMax: 100 })
    .default([])
    .describe('Calendars of market events, the first first: it names the events that several of them have.'),
  detection: detection.prefault({}).describe('How sure findings in spans must be.'),
  // None: what is worth watching of a business only its people know.
  signals: listOf(signal, { items: 'signals', countMax: 20 })
    .default([])
    .describe('Measures of the business in span attributes, watched as functions are.'),
  maintenance: listOf(maintenance, { items: 'windows', countMax: 1_000 })
    .default([])
    .describe('Announced work: incidents that begin in it are recorded, and nobody is told.'),
  limits: limits.describe('What all functions may take together. No defaults: money is for the operator to state.'),
  // None: without a name nothing is shared.
  sharedResources: listOf(sharedResource, { items: 'resources', countMax: 100 })
    .default([])
    .describe('What stands behind functions and must not be exhausted, such as the connections of a database.'),
  planning: planning.prefault({}).describe('How far ahead, how surely, and for which events.'),
  remedies: remedies.prefault({}).describe('What may be done about trouble, and how much of it.'),
  approvals,
  people,
  breakers: breakers.optional().describe('Circuit breakers. Left out: there are none.'),
  // None: what is done about trouble without asking is for its owner to write down.
  playbooks: listOf(filePath(), { items: 'files', countMax: 50 })
    .default([])
    .describe('Playbooks, a file each (see config/examples/playbooks/): of those that match, the first begins.'),
  oncall: oncall.optional().describe('Who is told of trouble. Left out: nobody, it is only on record.'),
  prices: listOf(regionPrices, { items: 'regions', countMin: 1, countMax: 100 })
    .default([pricesUsEast1])
    .describe('Prices by region. Left out: the published prices of us-east-1.'),
});

/** The file with its defaults filled in: paths as written, secrets as references. */
export type ConfigDocument = z.output<typeof configSchema>;

/** Settings whose value is a reference to a secret, and is never repeated in a message. */
export const secretPaths: readonly RegExp[] = [
  /^audit\.signingKey/,
  /^breakers\.readTokens/,
  /^audit\.anchors\[\d+\]\.webhook\.secret/,
  /^calendars\[\d+\]\.token/,
  /^http\.tokens/,
  /^people\[\d+\]\.token/,
  /^telemetry\.otlp\.senders\[\d+\]\.token/,
  /^oncall\.heartbeat\.url/,
  /^oncall\.targets\[\d+\]\.\w+\.(?:routingKey|webhookUrl|apiKey|token|secret|secretBefore)/,
];
