import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { realFiles } from './files.ts';
import { loadConfig } from './load.ts';
import { load, minimal, portsFor, secondFunction, token } from './sample.ts';

describe('a file that is right', () => {
  it('becomes plain values, with every default and every path absolute', async () => {
    const config = await load(minimal);
    expect(config).toMatchObject({
      file: '/etc/foreshock.yaml',
      store: '/etc/.foreshock/store.db',
      http: { host: '127.0.0.1', port: 8080, tokens: [] },
      aws: { scheduler: { groupName: 'default' } },
      telemetry: {},
      audit: {},
      retention: { deltasHours: 48, minutesDays: 400, ticksDays: 35, decisionsDays: 2_557, incidentsDays: 2_557 },
      calendars: [],
      limits: { concurrencyMax: 800, usdPerHourMax: 20, usdPerEventMax: 15, controlPlaneCallsPerSecond: 5 },
      planning: {
        quantile: 0.95,
        importanceMin: 2,
        keepWhilePaying: true,
        reviseOnSurge: true,
        peakRatio: 1.6,
        horizonMs: 86_400_000,
        readyBeforeMs: 300_000,
        preparationMs: 120_000,
      },
    });
    expect(config.functions).toEqual([
      {
        spec: {
          key: '123456789012/us-east-1/orders:live',
          memoryMb: 1024,
          architecture: 'x86_64',
          initDurationMs: 800,
          runDurationMs: { p50: 60, p99: 250 },
          spillTarget: { kind: 'spilloverRatioMax', ratio: 0.001 },
          concurrencyFloor: 0,
          concurrencyCeiling: 500,
          mode: 'shadow',
          onDrift: 'restore',
        },
        volume: { csv: '/etc/orders.csv.gz', requestsPerUnit: 1, venue: 'XNYS' },
        symbols: [],
      },
    ]);
    // $0.0000041667 a GB-second is $0.015 a GB-hour.
    expect(config.prices['us-east-1']!.usdPerGbSecond.x86_64.provisioned * 3600).toBeCloseTo(0.015, 6);
  });

  it('is frozen to the leaves', async () => {
    const config = await load(minimal);
    expect(() => Object.assign(config.functions[0]!.spec.runDurationMs, { p50: 1 })).toThrow(TypeError);
    expect(() => Object.assign(config.prices['us-east-1']!.usdPerGbSecond.arm64, { onDemand: 0 })).toThrow(TypeError);
  });

  it('has a hash that follows what is meant, not how or where it is written', async () => {
    const { sha256 } = await load(minimal);
    const limitsAt = minimal.indexOf('limits:');
    const turned = `# a comment\n${minimal.slice(limitsAt)}${minimal.slice(0, limitsAt)}http: { port: 8080 }\n`;
    expect((await load(turned)).sha256).toBe(sha256);
    const elsewhere = portsFor(minimal);
    const files = { ...elsewhere.files, readFile: async () => new TextEncoder().encode(minimal) };
    expect((await loadConfig('/home/someone/else.yaml', { ...elsewhere, files })).sha256).toBe(sha256);
    expect((await load(minimal.replace('usdPerHourMax: 20', 'usdPerHourMax: 21'))).sha256).not.toBe(sha256);
  });

  it('may repeat a block through an anchor', async () => {
    const repeated = secondFunction.replace('orders:live', 'quotes:live').replace('{ p50: 60, p99: 250 }', '*run');
    const text = minimal
      .replace('{ p50: 60, p99: 250 }', '&run { p50: 60, p99: 250 }')
      .replace('limits:', `${repeated}limits:`);
    expect((await load(text)).functions[1]!.spec.runDurationMs).toEqual({ p50: 60, p99: 250 });
  });

  it.each(readdirSync(new URL('examples/', import.meta.url)).filter((name) => name.endsWith('.yaml')))(
    'examples/%s',
    async (name) => {
      const file = new URL(`examples/${name}`, import.meta.url).pathname;
      const config = await loadConfig(file, {
        env: {
          FORESHOCK_TOKEN: token,
          FORESHOCK_EVENTS_SECRET: `whsec_${'A'.repeat(43)}=`,
          ORDERS_ROUTING_KEY: 'o'.repeat(32),
          LEAD_ROUTING_KEY: 'l'.repeat(32),
          ORDERS_WEBHOOK_SECRET: token,
          ORDERS_SLACK_WEBHOOK: 'https://hooks.slack.com/services/T/B/orders',
          QUOTES_SLACK_WEBHOOK: 'https://hooks.slack.com/services/T/B/quotes',
          HEARTBEAT_URL: 'https://heartbeat.example.com/foreshock',
          ...Object.fromEntries(
            ['ADA_TOKEN', 'BREAKER_TOKEN', 'GRACE_TOKEN', 'ORDERS_OTLP_TOKEN', 'POSITIONS_OTLP_TOKEN'].map((name) => [
              name,
              `${name.toLowerCase()}-${'0'.repeat(32)}`,
            ]),
          ),
        },
        files: { ...realFiles, isFile: async () => true },
      });
      expect(config.functions.length).toBeGreaterThan(0);
    },
  );
});

it.each([
  { written: 'usdPerColdStart: 0.02', target: { kind: 'usdPerColdStart', usd: 0.02 } },
  { written: 'usdPerSpill: 0.00001', target: { kind: 'usdPerSpill', usd: 0.000_01 } },
  { written: 'spilloverRatioMax: 0.01', target: { kind: 'spilloverRatioMax', ratio: 0.01 } },
])('takes $written for what a spilled request is worth', async ({ written, target }) => {
  const { functions } = await load(minimal.replace('spilloverRatioMax: 0.001', written));
  expect(functions[0]!.spec.spillTarget).toEqual(target);
});

it('places each calendar, with the format that its key says', async () => {
  const { calendars } = await load(
    minimal.replace('limits:', 'calendars: [{ ics: feeds/us }, { yaml: /srv/own.txt }, { csv: a.csv }]\nlimits:'),
  );
  expect(calendars).toEqual([
    { order: 0, format: 'ics', path: '/etc/feeds/us' },
    { order: 1, format: 'yaml', path: '/srv/own.txt' },
    { order: 2, format: 'csv', path: '/etc/a.csv' },
  ]);
});

it('keeps feeds in their order among the files, and their tokens to itself', async () => {
  const config = await load(
    minimal.replace(
      'limits:',
      `calendars:
  - { csv: a.csv }
  - { url: 'https://bls.example/bls.ics?lang=en' }
  - { url: 'http://127.0.0.1:8080/x', format: yaml, refreshMs: 60000, token: '\${env:FORESHOCK_TOKEN}', privateNetwork: true }
limits:`,
    ),
  );
  expect(config.calendars).toMatchObject([{ order: 0 }]);
  expect(config.feeds).toEqual([
    { order: 1, url: 'https://bls.example/bls.ics?lang=en', refreshMs: 900_000, isPrivate: false },
    {
      ...{ order: 2, url: 'http://127.0.0.1:8080/x', format: 'yaml', refreshMs: 60_000, isPrivate: true },
      token: expect.anything() as unknown,
    },
  ]);
  expect(config.feeds[1]!.token!.reveal()).toBe(token);
  expect(JSON.stringify(config)).not.toContain(token);
});
