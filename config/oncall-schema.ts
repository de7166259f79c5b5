/** The part of the schema that says who is told of trouble, when and how loudly. */
import {
  envSecretReference,
  flag,
  hours,
  listOf,
  numberFrom,
  oneOf,
  resourceName,
  secureUrl,
  stated,
  strictMap,
  text,
  timeOfDay,
  timeZone,
  wholeNumber,
} from './fields.ts';

const nameList = (items: string) => listOf(resourceName(), { items, countMax: 20 }).default([]);

const routingKey = () => envSecretReference().describe('Integration key of the service: ${env:NAME}.');

export const targetKindKeys = ['alertmanager', 'cloudevent', 'opsgenie', 'pagerduty', 'slack'] as const;

const target = strictMap({
  name: resourceName().describe('How owners name it, and how the record does.'),
  pagerduty: strictMap({
    routingKey: routingKey(),
    // The United States; accounts in Europe have events.eu.pagerduty.com.
    url: secureUrl().default('https://events.pagerduty.com').describe('Address of the Events API.'),
    webhookSecret: envSecretReference()
      .optional()
      .describe(
        'Secret of a webhook subscription (V3) that posts to /api/oncall/pagerduty/<name of the target>: ${env:NAME}. Left out: what is acknowledged there is not heard here.',
      ),
    webhookSecretBefore: envSecretReference()
      .optional()
      .describe('The secret before, while it is being changed: either is believed. Left out: one is.'),
  })
    .optional()
    .describe('PagerDuty: pages open alerts; notices and pre-warms are change events, which page nobody.'),
  slack: strictMap({
    webhookUrl: envSecretReference().describe('Address of an incoming webhook, which is a secret: ${env:NAME}.'),
  })
    .optional()
    .describe('A channel of Slack.'),
  opsgenie: strictMap({
    apiKey: envSecretReference().describe('Key of an API integration: ${env:NAME}.'),
    // Atlassian ends Opsgenie; Jira Service Management answers to the same calls under an address of its own.
    url: secureUrl()
      .default('https://api.opsgenie.com')
      .describe('Address before /v2/alerts: Opsgenie, api.eu.opsgenie.com, or that of Jira Service Management.'),
  })
    .optional()
    .describe('Opsgenie, or Jira Service Management.'),
  alertmanager: strictMap({
    url: secureUrl().describe('Address that takes webhooks of Alertmanager, version 4.'),
    token: envSecretReference().optional().describe('Bearer token: ${env:NAME}. Left out: none.'),
  })
    .optional()
    .describe('Whatever takes webhooks of Alertmanager.'),
  cloudevent: strictMap({
    url: secureUrl().describe('Address that takes CloudEvents.'),
    secret: envSecretReference().describe('whsec_ and the base64 of 24 to 64 bytes: ${env:NAME}.'),
    secretBefore: envSecretReference()
      .optional()
      .describe('The secret before, while it is being changed: both sign. Left out: one signs.'),
  })
    .optional()
    .describe('A CloudEvent, signed as Standard Webhooks say.'),
  // A name can be made to mean any address, so what is inside has to be said to be.
  privateNetwork: flag().default(false).describe('It is inside your own network: private addresses are allowed.'),
}).meta({ oneOf: targetKindKeys.map(stated) });

const owner = strictMap({
  name: resourceName().describe('How functions and routes name them.'),
  page: nameList('targets').describe('Targets that wake them.'),
  notice: nameList('targets').describe('Targets that they read later.'),
  escalate: nameList('targets').describe('Targets for a page that nobody acknowledges.'),
  keys: listOf(text('a key of 1 to 256 characters, a * at its end for any ending', /^[^\s*]{1,256}\*?$/), {
    items: 'keys',
    countMax: 1_000,
  })
    .default([])
    .describe('What they own beside functions that name them: service:payments, signal:reject-ratio/*.'),
});

const route = strictMap({
  owners: listOf(resourceName(), { items: 'owners', countMin: 1, countMax: 100 })
    .optional()
    .describe("Whose trouble. Left out: anybody's."),
  severities: listOf(oneOf(['critical', 'major', 'minor']), { items: 'severities', countMin: 1, countMax: 3 })
    .optional()
    .describe('How bad. Left out: any.'),
  hours: hours().optional().describe('When, in the time zone of on-call. Left out: always.'),
  tell: oneOf(['page', 'notice', 'digest']).describe(
    'page wakes somebody, notice waits to be read, digest comes once a day.',
  ),
});

export const oncall = strictMap({
  targets: listOf(target, { items: 'targets', countMin: 1, countMax: 50 }).describe('Where messages go to.'),
  owners: listOf(owner, { items: 'owners', countMin: 1, countMax: 100 }).describe('Who is told.'),
  defaultOwner: resourceName().optional().describe('Owns what nobody else does. Left out: the first of the owners.'),
  // None: then critical and major trouble pages, and minor trouble is a notice.
  routes: listOf(route, { items: 'routes', countMax: 200 })
    .default([])
    .describe('The first that matches decides. Where none does: critical and major page, minor is a notice.'),
  timeZone: timeZone().default('America/New_York').describe('In which hours are meant.'),
  // From the close of after-hours trading to the hour in which data before the open come.
  night: hours().default('20:00-07:00').describe('When only much harm pages.'),
  // The share from which trouble is critical: what harms fewer is looked at by somebody who has slept.
  nightHarmedRatioMin: numberFrom(0, 1)
    .default(0.2)
    .describe(
      'At night, trouble that harms a smaller share of requests is a notice, and pages in the morning if it still stands.',
    ),
  digestAt: timeOfDay().default('08:00').describe('When the digest of the day leaves.'),
  // Long enough to find a laptop, short enough for a market that is open.
  escalateAfterMinutes: wholeNumber(1, 1_440)
    .default(15)
    .describe('A page that nobody has acknowledged for so long is escalated, once.'),
  // Neither account numbers nor trace ids: those who watch over the messages need not be those who may know them.
  attributes: listOf(oneOf(['account', 'owner', 'harmed', 'harmedRatio', 'evidence', 'actions', 'traceIds']), {
    items: 'attributes',
    countMax: 7,
  })
    .default(['owner', 'harmed', 'harmedRatio', 'evidence', 'actions'])
    .describe('What may leave beside what, where and since when.'),
  publicUrl: secureUrl()
    .optional()
    .describe('Where people reach this service. Left out: messages carry no link to it.'),
  traceUrl: text(
    'an https address with {traceId} in it',
    /^https:\/\/[A-Za-z0-9.:-]{1,253}\/[!-~]{0,500}\{traceId\}[!-~]{0,500}$/,
  )
    .optional()
    .describe('Where one trace is looked at. Left out: messages carry no links to traces.'),
  heartbeat: strictMap({
    url: envSecretReference().describe('Address that is posted to each minute: ${env:NAME}.'),
    privateNetwork: flag().default(false).describe('It is inside your own network.'),
  })
    .optional()
    .describe('Who pages when nothing comes from here. Left out: nobody does.'),
});
