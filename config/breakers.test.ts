import { describe, expect, it } from 'vitest';
import { linesOf, load, minimal, token } from './sample.ts';

const orders = '123456789012/us-east-1/orders:live';
const withBreakers = (circuits: string, more = ''): string =>
  `${minimal}breakers: { circuits: [${circuits}]${more} }\n`;
const shared = '{ name: a, callee: dynamodb/orders, sharedState: {} }';
const table = 'table: 123456789012/us-east-1/Circuits';

describe('breakers', () => {
  it('are none until they are said', async () => {
    expect((await load(minimal)).breakers).toBeUndefined();
  });

  it('are plain values with every default, and who reads them is shown by nothing', async () => {
    const { breakers, effective } = await load(
      withBreakers(
        `${shared},
        { name: b, callee: dynamodb/fills, callers: [service:web],
          sharedState: { tables: [{ format: powertools, ${table} }, { format: circuitbreaker-lambda, ${table}, id: c }] } },
        { name: d, callee: '${orders}', aliasWeight: { fallbackVersion: '7' } },
        { name: e, callee: 123456789012/us-east-1/quotes:live, reservedConcurrency: { concurrency: 0 } }`,
        ", readTokens: ['${env:FORESHOCK_TOKEN}']",
      ),
    );
    expect(breakers).toMatchObject({ guards: { openRatioMax: 0.1, panicRatioMin: 0.5 } });
    expect(breakers!.specs[0]).toEqual({
      name: 'a',
      callee: 'dynamodb/orders',
      callers: [],
      enactment: { kind: 'shared-state', places: [] },
      requestCountMin: 10,
      harmedRatioMin: 0.5,
      windowMs: 30_000,
      holdOffMs: 30_000,
      holdOffMsMax: 120_000,
      probeShares: [0.05, 0.2, 0.5],
      probeMs: 10_000,
      probeCountMin: 20,
      quietMs: 60_000,
      probeHarmedRatioMax: 0.2,
      settleMs: 5_000,
      leaseMs: 60_000,
    });
    const place = { accountId: '123456789012', region: 'us-east-1', table: 'Circuits', recoveryTimeoutMs: 30_000 };
    expect(breakers!.specs.slice(1).map(({ enactment, leaseMs }) => [enactment, leaseMs])).toEqual([
      [
        {
          kind: 'shared-state',
          places: [
            { ...place, format: 'powertools', id: 'b' },
            { ...place, format: 'circuitbreaker-lambda', id: 'c' },
          ],
        },
        60_000,
      ],
      [{ kind: 'alias-weight', key: orders, fallbackVersion: '7' }, 600_000],
      [{ kind: 'reserved-concurrency', key: '123456789012/us-east-1/quotes:live', concurrency: 0 }, 600_000],
    ]);
    expect(breakers!.readTokens.map((secret) => secret.reveal())).toEqual([token]);
    expect(JSON.stringify(effective)).not.toContain('FORESHOCK_TOKEN');
  });

  it.each([
    ['no means', withBreakers('{ name: a, callee: dynamodb/orders }'), 'got none of them, expected exactly one of'],
    [
      'two means',
      withBreakers(`{ name: a, callee: '${orders}', sharedState: {}, aliasWeight: { fallbackVersion: '7' } }`),
      'sharedState as well',
    ],
    [
      'an alias of a table',
      withBreakers("{ name: a, callee: dynamodb/orders, aliasWeight: { fallbackVersion: '7' } }"),
      'expected a function (account/region/name:alias) for aliasWeight',
    ],
    [
      '$LATEST to fall back on',
      withBreakers(`{ name: a, callee: '${orders}', aliasWeight: { fallbackVersion: $LATEST } }`),
      'expected a published version',
    ],
    ['an edge', withBreakers('{ name: a, callee: edge:f>g, sharedState: {} }'), 'expected what is called'],
    ['one name for two', withBreakers(`${shared}, ${shared}`), 'each name once'],
    [
      'one item for two',
      withBreakers(
        [shared, shared]
          .map((one, index) =>
            one
              .replace('name: a', `name: ${'ab'[index]!}`)
              .replace('{}', `{ tables: [{ format: powertools, ${table}, id: x }] }`),
          )
          .join(','),
      ),
      'each once',
    ],
    [
      'one function limited and moved',
      withBreakers(
        `{ name: a, callee: '${orders}', aliasWeight: { fallbackVersion: '7' } }, { name: b, callee: 123456789012/us-east-1/orders:next, reservedConcurrency: { concurrency: 1 } }`,
      ),
      'each once',
    ],
    [
      'hold-offs that shrink',
      withBreakers(shared.replace(' }', ', holdOffMsMax: 29999 }').replace('{}', '{}')),
      'at least holdOffMs (30000)',
    ],
    [
      'shares that shrink',
      withBreakers(shared.replace('sharedState: {}', 'sharedState: {}, probeShares: [0.2, 0.2]')),
      'more than the share before it (0.2)',
    ],
    [
      'a single share',
      withBreakers(shared.replace('sharedState: {}', 'sharedState: {}, probeShares: [0.2]')),
      'probeShares',
    ],
    [
      'what is never to be stopped, as callee',
      withBreakers(`{ name: a, callee: '${orders}', sharedState: {} }`).replace(
        'memoryMb',
        'neverBreak: true\n    memoryMb',
      ),
      'callee: got',
    ],
    [
      'what is never to be stopped, as caller',
      withBreakers(shared.replace('sharedState', `callers: ['${orders}'], sharedState`)).replace(
        'memoryMb',
        'neverBreak: true\n    memoryMb',
      ),
      'not marked neverBreak',
    ],
    [
      'a token that opens more',
      `${withBreakers(shared, ", readTokens: ['${env:FORESHOCK_TOKEN}']")}http: { tokens: ['\${env:FORESHOCK_TOKEN}'] }\n`,
      'neither in http.tokens nor of people',
    ],
    ['a token written out', withBreakers(shared, ', readTokens: [hunter2]'), 'an inline value (not shown)'],
    [
      'breakers that nobody can read',
      `${withBreakers(shared)}http: { host: 0.0.0.0, tokens: ['\${env:FORESHOCK_TOKEN}'] }\n`,
      'breakers that nobody can read',
    ],
  ])('refuse %s', async (_, content, says) => {
    const lines = await linesOf(content);
    expect(lines).toEqual([expect.stringContaining(says)]);
    expect(lines.join()).not.toContain('hunter2');
  });
});
