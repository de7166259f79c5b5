import { describe, expect, it } from 'vitest';
import { linesOf, minimal, secondFunction } from './sample.ts';

const perGbSecond = '{ onDemand: 0.00002, provisioned: 0.000004, provisionedDuration: 0.00001 }';
const usEast1 = `{ region: us-east-1, asOf: 2026-11-01, usdPerRequest: 0.0000002, usdPerGbSecond: { x86_64: ${perGbSecond}, arm64: ${perGbSecond} } }`;

const declared =
  'own (Foreshock sets provisioned concurrency, and nobody else does) or steer (Application Auto Scaling does, and Foreshock moves its minimum) for mode enforce; config check --terraform prints what Terraform needs';

describe('faults', () => {
  it('come back all together, a line each, in the order of the file', async () => {
    const text = minimal
      .replace('memoryMb: 1024', 'memoryMB: 1024')
      .replace('p99: 250', 'p99: 20')
      .replace('spilloverRatioMax: 0.001', 'spilloverRatioMax: 5')
      .replace('orders:live', 'orders:$LATEST')
      .replace('usdPerHourMax: 20', 'usdPerHourMax: lots');
    expect(await linesOf(text)).toEqual([
      '2:15 functions[0].function: got "123456789012/us-east-1/orders:$LATEST", expected an alias instead of $LATEST, which cannot hold provisioned concurrency: account/region/name:alias, such as 123456789012/us-east-1/orders-validate:live',
      '3:5 functions[0].memoryMB: got an unknown key, expected a known key: did you mean memoryMb?',
      '5:36 functions[0].runDurationMs.p99: got 20, expected at least p50 (60)',
      '6:24 functions[0].spilloverRatioMax: got 5, expected a number between 0 and 1, both excluded',
      '11:18 limits.usdPerHourMax: got "lots", expected a number above 0 and at most 1000000',
    ]);
  });

  /** name, [text, its replacement], the one line that says so */
  const cases: readonly [string, readonly [string, string], string][] = [
    [
      'a calendar of no file',
      ['limits:', 'calendars: [{}]\nlimits:'],
      '9:13 calendars[0]: got no place, expected exactly one of csv, ics, yaml, url',
    ],
    [
      'a calendar of two files',
      ['limits:', 'calendars: [{ csv: a.csv, ics: a.ics }]\nlimits:'],
      '9:32 calendars[0].ics: got csv as well, expected exactly one of csv, ics, yaml, url',
    ],
    [
      'a calendar of another format',
      ['limits:', 'calendars: [{ csvs: a.csv }]\nlimits:'],
      '9:15 calendars[0].csvs: got an unknown key, expected a known key: did you mean csv?',
    ],
    [
      'a calendar that is not there',
      ['limits:', 'calendars: [{ yaml: missing.yaml }]\nlimits:'],
      '9:21 calendars[0].yaml: got "missing.yaml", expected a file that exists (from /etc)',
    ],
    [
      'a feed in the clear',
      ['limits:', 'calendars: [{ url: http://bls.example/bls.ics }]\nlimits:'],
      '9:20 calendars[0].url: got "http://bls.example/bls.ics", expected an https address (http only on this machine) without user and password',
    ],
    [
      'a feed with a password',
      ['limits:', 'calendars: [{ url: https://me:secret@bls.example/ }]\nlimits:'],
      '9:20 calendars[0].url: got an address with more in it, expected an https address (http only on this machine) without user and password',
    ],
    [
      'a token written out',
      ['limits:', 'calendars: [{ url: https://bls.example/, token: sesame }]\nlimits:'],
      '9:49 calendars[0].token: got an inline value (not shown), expected ${env:NAME} or file:PATH (a secret is never written in this file)',
    ],
    [
      'a feed that is asked every second',
      ['limits:', 'calendars: [{ url: https://bls.example/, refreshMs: 1000 }]\nlimits:'],
      '9:53 calendars[0].refreshMs: got 1000, expected a whole number from 60000 to 86400000',
    ],
    [
      'an interval for a file',
      ['limits:', 'calendars: [{ csv: a.csv, refreshMs: 60000 }]\nlimits:'],
      '9:38 calendars[0].refreshMs: got it beside a file, expected it beside a url only',
    ],
    [
      'traces from anywhere',
      ['limits:', 'telemetry: { otlp: { host: 0.0.0.0 } }\nlimits:'],
      '9:28 telemetry.otlp.host: got "0.0.0.0", expected telemetry.otlp.senders with a token each, or a loopback address such as 127.0.0.1',
    ],
    [
      "a sender's token written out",
      ['limits:', 'telemetry: { otlp: { senders: [{ name: web, token: sesame }] } }\nlimits:'],
      '9:52 telemetry.otlp.senders[0].token: got an inline value (not shown), expected ${env:NAME} or file:PATH (a secret is never written in this file)',
    ],
    [
      'a sampling ratio of nothing',
      ['limits:', 'telemetry: { otlp: { samplingRatio: 0 } }\nlimits:'],
      "9:37 telemetry.otlp.samplingRatio: got 0, expected a number above 0 and at most 1, 'unknown' or 'tail'",
    ],
    [
      'no incident for nothing at all',
      ['limits:', 'detection: { incidentsPerFunctionMonth: 0 }\nlimits:'],
      '9:41 detection.incidentsPerFunctionMonth: got 0, expected a number above 0 and at most 1000',
    ],
    [
      'a signal that adds up in a way nobody knows',
      ['limits:', 'signals: [{ name: rejects, spanAttribute: order.status, aggregation: mean }]\nlimits:'],
      '9:70 signals[0].aggregation: got "mean", expected count, sum, ratio or quantile',
    ],
    [
      'two signals of one name',
      [
        'limits:',
        'signals: [{ name: a, spanAttribute: b, aggregation: sum }, { name: a, spanAttribute: c, aggregation: sum }]\nlimits:',
      ],
      '9:68 signals[1].name: got "a", expected each name once (it is signals[0] already)',
    ],
    [
      'work that ends when it begins',
      [
        'limits:',
        'maintenance: [{ id: a, from: 2026-11-20T22:00Z, until: 2026-11-20T22:00Z, because: tables move }]\nlimits:',
      ],
      '9:56 maintenance[0].until: got "2026-11-20T22:00Z", expected an instant after from (2026-11-20T22:00Z)',
    ],
    [
      'work at no instant',
      ['limits:', 'maintenance: [{ id: a, from: tonight, until: 2026-11-20T22:00Z, because: tables move }]\nlimits:'],
      '9:30 maintenance[0].from: got "tonight", expected an instant such as 2026-11-20T22:00:00Z',
    ],
    [
      'an anchor of no place',
      ['limits:', 'audit: { anchors: [{}] }\nlimits:'],
      '9:20 audit.anchors[0]: got no place, expected exactly one of file, stdout, webhook, s3',
    ],
    [
      'an anchor of two places',
      ['limits:', 'audit: { anchors: [{ file: a, stdout: true }] }\nlimits:'],
      '9:39 audit.anchors[0].stdout: got file as well, expected exactly one of file, stdout, webhook, s3',
    ],
    [
      'an anchor that anybody on the way could read',
      ['limits:', 'audit: { anchors: [{ webhook: { url: "http://example.com/a" } }] }\nlimits:'],
      '9:38 audit.anchors[0].webhook.url: got "http://example.com/a", expected an https address such as https://example.com/anchor (http only on this machine), without user, password or query',
    ],
    [
      'an anchor in no bucket',
      ['limits:', 'audit: { anchors: [{ s3: { prefix: a/ } }] }\nlimits:'],
      '9:26 audit.anchors[0].s3.bucket: got nothing, expected the name of a bucket',
    ],
    [
      'acting on a knob that nobody was given',
      ['    memoryMb', '    mode: enforce\n    memoryMb'],
      `3:11 functions[0].mode: got enforce without ownership, expected ownership: ${declared}`,
    ],
    [
      'acting on a knob of somebody else',
      ['    memoryMb', '    mode: enforce\n    ownership: observe\n    memoryMb'],
      `4:16 functions[0].ownership: got "observe", expected ${declared}`,
    ],
    [
      'a role of another account',
      ['limits:', 'aws: { scheduler: { roleArn: "arn:aws:iam::999999999999:role/r" } }\nlimits:'],
      '9:30 aws.scheduler.roleArn: got "arn:aws:iam::999999999999:role/r", expected a role of the account of functions[0]',
    ],
    [
      'a role by its name',
      ['limits:', 'aws: { scheduler: { roleArn: foreshock } }\nlimits:'],
      '9:30 aws.scheduler.roleArn: got "foreshock", expected the ARN of a role such as arn:aws:iam::123456789012:role/foreshock-scheduler',
    ],
    [
      'an unknown key that resembles none',
      ['limits:', 'colour: red\nlimits:'],
      '9:1 colour: got an unknown key, expected one of store, http, aws, telemetry, audit, retention, functions, calendars, detection, signals, maintenance, limits, sharedResources, planning, remedies, approvals, people, breakers, playbooks, oncall, prices',
    ],
    [
      'a missing key',
      ['    memoryMb: 1024\n', ''],
      '2:5 functions[0].memoryMb: got nothing, expected a whole number from 128 to 10240',
    ],
    [
      'a key without a value',
      ['{ csv: orders.csv.gz }', ''],
      '8:13 functions[0].volume: got nothing, expected a map of csv, cloudwatch, requestsPerUnit, venue',
    ],
    [
      'demand from nowhere',
      ['{ csv: orders.csv.gz }', '{ venue: XNYS }'],
      '8:13 functions[0].volume: got neither csv nor cloudwatch, expected exactly one of csv and cloudwatch',
    ],
    [
      'demand from two sources',
      ['{ csv: orders.csv.gz }', '{ csv: orders.csv.gz, cloudwatch: true }'],
      '8:47 functions[0].volume.cloudwatch: got csv as well, expected exactly one of csv and cloudwatch',
    ],
    [
      'a source that is switched off',
      ['{ csv: orders.csv.gz }', '{ cloudwatch: false }'],
      '8:27 functions[0].volume.cloudwatch: got false, expected true, or left out',
    ],
    [
      'a key that stands twice',
      ['memoryMb: 1024', 'memoryMb: 1024\n    memoryMb: 512'],
      '4:5 functions[0].memoryMb: got the key a second time, expected each key once',
    ],
    [
      'memory one below what Lambda has',
      ['1024', '127'],
      '3:15 functions[0].memoryMb: got 127, expected a whole number from 128 to 10240',
    ],
    [
      'memory one above',
      ['1024', '10241'],
      '3:15 functions[0].memoryMb: got 10241, expected a whole number from 128 to 10240',
    ],
    [
      'part of a megabyte',
      ['1024', '1024.5'],
      '3:15 functions[0].memoryMb: got 1024.5, expected a whole number from 128 to 10240',
    ],
    [
      'a number in quotes',
      ['1024', "'1024'"],
      '3:15 functions[0].memoryMb: got "1024", expected a whole number from 128 to 10240',
    ],
    [
      'not a number',
      ['20', '.nan'],
      '11:18 limits.usdPerHourMax: got NaN, expected a number above 0 and at most 1000000',
    ],
    [
      'no end of dollars',
      ['20', '.inf'],
      '11:18 limits.usdPerHourMax: got Infinity, expected a number above 0 and at most 1000000',
    ],
    [
      'a version instead of an alias',
      ['orders:live', 'orders:7'],
      '2:15 functions[0].function: got "123456789012/us-east-1/orders:7", expected an alias instead of a version, which a deployment would leave behind: account/region/name:alias, such as 123456789012/us-east-1/orders-validate:live',
    ],
    [
      'no alias at all',
      ['orders:live', 'orders'],
      '2:15 functions[0].function: got "123456789012/us-east-1/orders", expected account/region/name:alias, such as 123456789012/us-east-1/orders-validate:live',
    ],
    [
      'both spill targets',
      ['spilloverRatioMax: 0.001', 'spilloverRatioMax: 0.001\n    usdPerColdStart: 1'],
      '6:24 functions[0].spilloverRatioMax: got usdPerColdStart as well, expected exactly one of usdPerColdStart, usdPerSpill, spilloverRatioMax',
    ],
    [
      'two prices',
      ['spilloverRatioMax: 0.001', 'usdPerSpill: 0.1\n    usdPerColdStart: 1'],
      '6:18 functions[0].usdPerSpill: got usdPerColdStart as well, expected exactly one of usdPerColdStart, usdPerSpill, spilloverRatioMax',
    ],
    [
      'a busiest second below its mean',
      ['limits:', 'planning: { peakRatio: 0.99 }\nlimits:'],
      '9:24 planning.peakRatio: got 0.99, expected a number from 1 to 60',
    ],
    [
      'neither spill target',
      ['    spilloverRatioMax: 0.001\n', ''],
      '2:5 functions[0]: got none of them, expected exactly one of usdPerColdStart, usdPerSpill, spilloverRatioMax',
    ],
    [
      'a spill target misspelt',
      ['spilloverRatioMax', 'spillOverRatio'],
      '6:5 functions[0].spillOverRatio: got an unknown key, expected a known key: did you mean spilloverRatioMax?',
    ],
    [
      'a floor above the ceiling',
      ['concurrencyCeiling: 500', 'concurrencyFloor: 11\n    concurrencyCeiling: 10'],
      '7:23 functions[0].concurrencyFloor: got 11, expected at most concurrencyCeiling (10)',
    ],
    [
      'a ceiling above the reserve',
      ['concurrencyCeiling: 500', 'concurrencyCeiling: 500\n    reservedConcurrency: 499'],
      '7:25 functions[0].concurrencyCeiling: got 500, expected at most reservedConcurrency (499)',
    ],
    [
      'the same alias twice',
      ['limits:', `${secondFunction}limits:`],
      '9:15 functions[1].function: got "123456789012/us-east-1/orders:live", expected each function once (it is functions[0] already)',
    ],
    [
      'floors that cost more than an hour may',
      ['memoryMb: 1024', 'memoryMb: 10240\n    concurrencyFloor: 500'],
      '12:18 limits.usdPerHourMax: got 20, expected at least 75.01, the price of all floors for an hour',
    ],
    [
      'a region without prices',
      ['us-east-1/orders', 'eu-west-1/orders'],
      '2:15 functions[0].function: got "123456789012/eu-west-1/orders:live", expected a region with prices (us-east-1)',
    ],
    [
      'a door open to all',
      ['limits:', 'http: { host: 0.0.0.0 }\nlimits:'],
      '9:15 http.host: got "0.0.0.0", expected people or http.tokens to be set, or a loopback address such as 127.0.0.1',
    ],
    [
      'a door open to all, with an empty list of tokens',
      ['limits:', 'http: { host: "::", tokens: [] }\nlimits:'],
      '9:15 http.host: got "::", expected people or http.tokens to be set, or a loopback address such as 127.0.0.1',
    ],
    [
      'a region priced twice',
      ['limits:', `prices: [${usEast1}, ${usEast1}]\nlimits:`],
      '9:274 prices[1].region: got "us-east-1", expected each region once (it is prices[0] already)',
    ],
    [
      'the environment where no secret is',
      ['orders.csv.gz', '"${env:HISTORY}"'],
      '8:20 functions[0].volume.csv: got "${env:HISTORY}", expected a path of 1 to 1024 characters, written out (the environment is read only for secrets)',
    ],
    [
      'a history that is not there',
      ['orders.csv.gz', 'missing.csv'],
      '8:20 functions[0].volume.csv: got "missing.csv", expected a file that exists (from /etc)',
    ],
    [
      'a time zone that is none',
      ['orders.csv.gz', 'orders.csv, venue: Mars/Olympus'],
      '8:39 functions[0].volume.venue: got "Mars/Olympus", expected XNYS, XNAS, or a time zone such as UTC or Europe/Paris for demand that never closes',
    ],
    [
      'a terminal told to misbehave',
      ['orders.csv.gz', '"\\e[2J\\u202E"'],
      '8:20 functions[0].volume.csv: got "\\u001b[2J\\u202e", expected a path of 1 to 1024 characters',
    ],
    ['no functions', [secondFunction, ''], '1:11 functions: got nothing, expected a list of 1 to 1000 functions'],
  ];
  it.each(cases)('%s', async (_, [from, to], line) => {
    expect(minimal).toContain(from);
    expect(await linesOf(minimal.replace(from, () => to))).toEqual([line]);
  });

  it.each([
    ['a floor at the ceiling', 'concurrencyCeiling: 500', 'concurrencyFloor: 500\n    concurrencyCeiling: 500'],
    ['a ceiling at the reserve', 'concurrencyCeiling: 500', 'concurrencyCeiling: 500\n    reservedConcurrency: 500'],
    ['a tail at the median', 'p99: 250', 'p99: 60'],
    ['the least memory', '1024', '128'],
    ['the most memory', '1024', '10240'],
    ['another loopback address', 'limits:', 'http: { host: 127.0.0.9 }\nlimits:'],
    ['a door with a lock', 'limits:', 'http: { host: 0.0.0.0, tokens: ["${env:FORESHOCK_TOKEN}"] }\nlimits:'],
    ['a price in cents', 'usdPerHourMax: 20', 'usdPerHourMax: 0.01'],
    ['prices of its own', 'limits:', `prices: [${usEast1}]\nlimits:`],
  ])('are not found in %s', async (_, from, to) => {
    expect(minimal).toContain(from);
    expect(await linesOf(minimal.replace(from, () => to))).toEqual([]);
  });

  it('adds floors up over one account and region, and not over two', async () => {
    const floor = minimal.replace('concurrencyCeiling', 'concurrencyFloor: 401\n    concurrencyCeiling');
    const two = (name: string): string =>
      floor.replace(
        'limits:',
        `${floor.slice(floor.indexOf('  - function'), floor.indexOf('limits:')).replace('123456789012/us-east-1/orders', name)}limits:`,
      );
    expect(await linesOf(two('123456789012/us-east-1/quotes'))).toEqual([
      '19:19 limits.concurrencyMax: got 800, expected at least 802, the sum of the floors in 123456789012/us-east-1',
    ]);
    expect(await linesOf(two('210987654321/us-east-1/quotes'))).toEqual([]);
  });

  it('of a reserve that two aliases of one function state differently', async () => {
    const reserved = minimal.replace('concurrencyCeiling', 'reservedConcurrency: 600\n    concurrencyCeiling');
    const other = secondFunction
      .replace('orders:live', 'orders:next')
      .replace('concurrencyCeiling', 'reservedConcurrency: 700\n    concurrencyCeiling');
    expect(await linesOf(reserved.replace('limits:', `${other}limits:`))).toEqual([
      '15:26 functions[1].reservedConcurrency: got 700, expected 600, as functions[0] states for another alias of the same function',
    ]);
  });

  it('are cut to fifty lines, and the rest is counted', async () => {
    const unknown = Array.from({ length: 60 }, (_, index) => `q${index}: 1\n`).join('');
    const lines = await linesOf(unknown + minimal);
    expect(lines).toHaveLength(51);
    expect(lines.at(-1)).toContain('and 10 more');
  });
});
