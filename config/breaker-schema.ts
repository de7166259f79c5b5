/** The part of the schema that says which breakers there are. */
import {
  envSecretReference,
  listOf,
  numberAbove,
  numberBetween,
  numberFrom,
  oneOf,
  resourceName,
  stated,
  strictMap,
  text,
  wholeNumber,
} from './fields.ts';

export const breakerMeans = ['sharedState', 'aliasWeight', 'reservedConcurrency'] as const;

/** As edges name whom they lead to; `edge:` and `>` are of their keys. */
const calleePattern = /^(?!edge:|signal:)[^\s>*]{1,300}$/;

const table = strictMap({
  format: oneOf(['circuitbreaker-lambda', 'powertools']).describe(
    'Which clients read it: circuitbreaker-lambda (npm, or its layer), or the circuit breaker of Powertools for AWS Lambda (Python).',
  ),
  table: text(
    'account/region/table such as 123456789012/us-east-1/CircuitBreakerState',
    /^\d{12}\/[a-z]{2}(?:-[a-z]+)+-\d\/[A-Za-z0-9_.-]{3,255}$/,
  ).describe('account/region/name of the table of DynamoDB; its partition key is id.'),
  id: text('a text of 1 to 256 characters', /^[^\x00-\x1f\x7f]{1,256}$/)
    .optional()
    .describe('What the circuit is called there. Left out: as the breaker.'),
  // That of the clients of powertools, whose end of an open circuit is reckoned from it; the others are told their end outright.
  recoveryTimeoutMs: wholeNumber(1_000, 900_000)
    .default(30_000)
    .describe(
      'recovery_timeout of the clients there, the longest that one has. One that is longer stays open beyond its end.',
    ),
});

const circuit = strictMap({
  name: resourceName().describe('What clients ask for, and what the record calls it.'),
  callee: text(
    'what is called, as spans name it: dynamodb/orders, service:ledger or a function',
    calleePattern,
  ).describe('What is called, as spans name it: dynamodb/orders, service:ledger, a host or a function.'),
  // None: the callee is what is in trouble, whoever calls it.
  callers: listOf(text('a function or service:name', calleePattern), { items: 'callers', countMax: 1_000 })
    .default([])
    .describe('Functions and services that ask this breaker before they call. Left out: all who call.'),
  sharedState: strictMap({
    // None: it is read over HTTP in any case.
    tables: listOf(table, { items: 'tables', countMax: 10 })
      .default([])
      .describe('Tables in which clients of other makes look it up.'),
  })
    .optional()
    .describe('Callers read it, over HTTP (/v1/breakers) or in a table, and it ends by itself.'),
  aliasWeight: strictMap({
    fallbackVersion: text('a published version such as 7', /^[1-9]\d{0,9}$/).describe(
      'Takes the calls while it is open.',
    ),
  })
    .optional()
    .describe('The callee is a function, and calls go to another version of it.'),
  reservedConcurrency: strictMap({
    concurrency: wholeNumber(0, 100_000).describe('Calls at a time while it is open; AWS refuses the others.'),
  })
    .optional()
    .describe('The last resort: the callee is a function, and is limited by AWS, whoever calls it.'),
  // Below ten, three failures are a third of everything.
  requestCountMin: wholeNumber(1, 100_000).default(10).describe('Fewer calls since the trouble began say nothing.'),
  // Open, every call is stopped: below half, more are harmed by that than by the trouble.
  harmedRatioMin: numberFrom(0.01, 1)
    .default(0.5)
    .describe('Share of calls that has to be failed, throttled or slow. Lower where callers have a good fallback.'),
  holdOffMs: wholeNumber(1_000, 600_000)
    .default(30_000)
    .describe('For so long nothing goes through at first; twice as long each time that was too short.'),
  // Recovery is seen this much later at worst.
  holdOffMsMax: wholeNumber(1_000, 3_600_000).default(120_000).describe('The longest of these.'),
  probeShares: listOf(numberAbove(0, 0.99), { items: 'shares', countMin: 2, countMax: 10 })
    .default([0.05, 0.2, 0.5])
    .describe('Shares of calls that are let through in turn to see how they fare: the first while it is open.'),
}).meta({ oneOf: breakerMeans.map(stated) });

export const breakers = strictMap({
  circuits: listOf(circuit, { items: 'breakers', countMin: 1, countMax: 500 }).describe('The breakers.'),
  // None: functions on the same machine, as in a trial.
  readTokens: listOf(envSecretReference(), { items: 'secrets', countMax: 100 })
    .default([])
    .describe(
      'Bearer tokens by which functions read breakers, and nothing else: ${env:NAME}. Left out: whoever is on this machine.',
    ),
  // One in ten, as Envoy ejects of its hosts.
  openRatioMax: numberFrom(0, 1)
    .default(0.1)
    .describe('Share of functions that open breakers may touch together; one breaker may always be open.'),
  // As the panic threshold of Envoy.
  panicRatioMin: numberBetween(0, 1)
    .default(0.5)
    .describe('When a larger share of functions is in other trouble, no breaker opens.'),
});
