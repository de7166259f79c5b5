/** What `foreshock.yaml` says of traces: who may send them, how sure a finding must be, what of the business is watched, when nobody is to be told. */
import { z } from 'zod';
import {
  endpointUrl,
  flag,
  instant,
  listOf,
  numberAbove,
  oneOf,
  secretReference,
  strictMap,
  text,
  wholeNumber,
} from './fields.ts';

const senderName = () =>
  text('a name of at most 64 letters, digits, dots and dashes', /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);

// No default is right: to take sampled spans for all there are would be demand that is not there, or a drop that never was.
const samplingRatio = () => {
  const error = "a number above 0 and at most 1, 'unknown' or 'tail'";
  return z
    .union([z.number({ error }).gt(0, { error }).max(1, { error }), z.literal('unknown'), z.literal('tail')], { error })
    .default('unknown')
    .describe(
      'Share of traces that are sent, where spans do not say it themselves: 1 where all are. unknown or tail (chosen after the fact): shapes and shares are judged, rates never.',
    );
};

const otlpSender = strictMap({
  name: senderName().describe('What the record calls this sender.'),
  token: secretReference().describe('Its bearer token: ${env:NAME} or file:PATH, never the token itself.'),
  samplingRatio: samplingRatio(),
  // One observer alone must not be able to spend money: who may, the operator says.
  countsDemand: flag()
    .default(false)
    .describe('Its counts are live demand: a surge in them may raise capacity, within all limits.'),
});

const otlp = strictMap({
  // Only this machine, until senders with tokens are named.
  host: text('a host name or address to listen on', /^[A-Za-z0-9.:_-]{1,253}$/)
    .default('127.0.0.1')
    .describe('Address that traces are received on. Anything but loopback needs senders.'),
  // As OpenTelemetry has it.
  port: wholeNumber(0, 65_535).default(4318).describe('Port of OTLP over HTTP; 0 takes a free one.'),
  // None: whoever is on this machine may send, and is called local.
  senders: listOf(otlpSender, { items: 'senders', countMax: 100 })
    .default([])
    .describe('Who may send, by a token each. Left out: whoever is on this machine, as local.'),
  samplingRatio: samplingRatio().describe('The same for local, where no senders are named.'),
});

export const telemetry = strictMap({
  otlpEndpoint: endpointUrl()
    .optional()
    .describe("Address of an OpenTelemetry collector for Foreshock's own traces. Left out: no traces."),
  otlp: otlp
    .optional()
    .describe('Receives traces of your functions (OTLP over HTTP). Left out: none are received, and no port is open.'),
});

export const detection = strictMap({
  // What ten functions may cost whoever is on call is then one page for nothing in six days; data are rarely the worst that it allows for.
  incidentsPerFunctionMonth: numberAbove(0, 1_000)
    .default(0.5)
    .describe(
      'Incidents for nothing that one function, with all that it calls, may have in 30 days. Sets every threshold: half as many are seen a little later.',
    ),
  // Some 7,000 functions with two edges each, in 1.7 GB: what a machine of 4 GB has to spare. Of 20,000 it takes 60,000, and a heap that may grow to 4 GB.
  keysMax: wholeNumber(100, 100_000)
    .default(20_000)
    .describe(
      'Functions, edges and signals that are watched, at most; what comes beyond is not. Each takes about 85 kB of memory (20,000: 1.7 GB), 40 kB of it in the heap: above 40,000 start Node with --max-old-space-size.',
    ),
});

const attributeName = () => text('the name of a span attribute', /^[A-Za-z0-9_.:/-]{1,128}$/);

const signalAggregations = ['count', 'sum', 'ratio', 'quantile'] as const;

export const signal = strictMap({
  name: senderName().describe('What the signal is called.'),
  spanAttribute: attributeName().describe('The attribute that is measured; a span without it is no measurement.'),
  keyAttribute: attributeName()
    .optional()
    .describe('One series for each of its values (an algorithm, a feed). Left out: one series.'),
  aggregation: oneOf(signalAggregations).describe(
    'ratio: share of spans for which it holds; count: how many a second; sum: the attribute added up; quantile: how large it is, without its sign.',
  ),
  where: strictMap({
    attribute: attributeName().describe('The attribute that decides.'),
    equals: listOf(
      z.union([z.string().max(128), z.number(), z.boolean()], { error: 'a text, a number, true or false' }),
      { items: 'values', countMin: 1, countMax: 50 },
    ).describe('Any of these.'),
  })
    .optional()
    .describe('Of a ratio: when it holds. Of the others: which spans count.'),
});

export const maintenance = strictMap({
  id: senderName().describe('What the record calls it.'),
  // Empty: everything.
  keys: listOf(text('a function, an edge or a signal; * at its end stands for any ending', /^[^\x00-\x1f]{1,400}$/), {
    items: 'keys',
    countMax: 1_000,
  })
    .default([])
    .describe('Functions and edges that are worked on; * at the end stands for any ending. Left out: everything.'),
  from: instant().describe('When the work begins.'),
  until: instant().describe('When it is over: what stands then is told.'),
  because: text('one line of 1 to 200 characters', /^[^\x00-\x1f\x7f]{1,200}$/).describe('What is being done.'),
});
