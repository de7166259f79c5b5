/** Goal: the forms of files and flags that `explain` takes, and one clear line for those that it does not. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { explainVerb } from './explain.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'explain-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function run(args: readonly string[]): Promise<string> {
  let text = '';
  await explainVerb.run(args, {
    env: {},
    isInteractive: false,
    hasColour: false,
    out: (more) => (text += more),
    err: () => undefined,
    signal: new AbortController().signal,
  });
  return text;
}

function file(name: string, text: string | Buffer): string {
  const place = path.join(folder, name);
  writeFileSync(place, text);
  return place;
}

const atUnix = 1_700_000_000;
const at = new Date(atUnix * 1_000).toISOString();

/** Forty traces of api > orders in OTLP; from the twentieth on, orders needs 200 ms more. */
const otlp = Array.from({ length: 40 }, (_, index) => {
  const startNs = BigInt(atUnix - 20 + index) * 1_000_000_000n;
  const lengthNs = BigInt((index >= 20 ? 205 : 5) * 1_000_000);
  const attributes = (name: string) => [{ key: 'service.name', value: { stringValue: name } }];
  const span = (spanId: string, parentSpanId: string, name: string, padNs: bigint) => ({
    traceId: index.toString(16).padStart(32, '0').toUpperCase(),
    spanId,
    parentSpanId,
    name,
    startTimeUnixNano: String(startNs - padNs),
    endTimeUnixNano: String(startNs + lengthNs + padNs),
    kind: 2,
  });
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributes('orders') },
        scopeSpans: [{ spans: [span('cc', 'bb', 'GET /orders', 0n)] }],
      },
      {
        resource: { attributes: attributes('api') },
        scopeSpans: [{ spans: [span('bb', 'aa', 'GET', 500_000n), span('aa', '', 'GET /', 900_000n)] }],
      },
    ],
  });
}).join('\n');

describe('traces', () => {
  it.each<[string, string | Buffer]>([
    ['OTLP, one request a line', otlp],
    ['OTLP, compressed', gzipSync(otlp)],
  ])('%s', async (name, content) => {
    const text = await run(['--traces', file(`${name}.json`, content), '--at', at, '--json']);
    expect(JSON.parse(text)).toMatchObject({ causes: [{ node: 'orders', operation: 'GET /orders' }] });
  });

  it('OTLP as one document laid out over lines', async () => {
    const whole = {
      resourceSpans: otlp
        .split('\n')
        .flatMap((line) => (JSON.parse(line) as { resourceSpans: unknown[] }).resourceSpans),
    };
    const text = await run(['--traces', file('one.json', JSON.stringify(whole, null, 2)), '--at', at, '--json']);
    expect(JSON.parse(text)).toMatchObject({ causes: [{ node: 'orders' }] });
  });

  it('trace-lines', async () => {
    const header = {
      format: 'trace-lines/1',
      origin_unix_us: (atUnix - 20) * 1e6,
      services: ['api', 'orders'],
      operations: ['GET'],
    };
    const lines = Array.from({ length: 40 }, (_, index) => {
      const lengthUs = index >= 20 ? 205_000 : 5_000;
      const s = [
        [-1, 0, 0, 0, lengthUs + 900],
        [0, 0, 0, 100, lengthUs + 500],
        [1, 1, 0, 300, lengthUs],
      ];
      return JSON.stringify({ t: String(index), o: index * 1e6, s });
    });
    const text = await run([
      '--traces',
      file('lines.ndjson', [JSON.stringify(header), ...lines].join('\n')),
      '--at',
      at,
    ]);
    expect(text).toContain('orders');
  });
});

const stretch = (issue: string, node: string, unix: number): object => ({
  issue,
  target: { node: 'web', metric: 'latency', timestamp: unix },
  unix: [0, 1, 2, 3, 4].map((row) => unix - 300 + row * 300),
  series: ['web', 'cart', 'pay'].flatMap((name) => [
    {
      node: name,
      metric: 'latency',
      stat: 'Average',
      v: [0.1, ...Array<number>(4).fill(name === node || name === 'web' ? 0.9 : 0.1)],
    },
    { node: name, metric: 'latency', stat: 'p99', v: [9, 9, 9, 9, null] },
    { node: name, metric: 'requests', stat: 'Sum', v: [500, 500, 500, 500, 500] },
  ]),
});

describe('metrics', () => {
  const graph = file(
    'graph.json',
    JSON.stringify(
      {
        calls: [
          ['web', 'cart'],
          ['web', 'pay'],
        ],
      },
      null,
      1,
    ),
  );
  const both = file(
    'issues.ndjson',
    [stretch('a', 'cart', atUnix), stretch('b', 'pay', atUnix + 60)].map((one) => JSON.stringify(one)).join('\n'),
  );
  const ask = (metrics: string, instant: string): Promise<string> =>
    run(['--metrics', metrics, '--graph', graph, '--target', 'web:latency', '--at', instant, '--json']);

  it('takes the stretch whose alarm is asked about', async () => {
    expect(JSON.parse(await ask(both, at))).toMatchObject({
      verdict: 'CONFIRMED',
      causes: [{ node: 'cart', score: 1 }],
    });
    const later = new Date((atUnix + 60) * 1_000).toISOString();
    expect(JSON.parse(await ask(both, later))).toMatchObject({ causes: [{ node: 'pay' }] });
  });

  it('takes a header and a line a series', async () => {
    const { unix, series } = stretch('a', 'pay', atUnix) as { unix: number[]; series: object[] };
    const lines = [{ kind: 'rows', unix }, ...series].map((one) => JSON.stringify(one)).join('\n');
    expect(JSON.parse(await ask(file('rows.ndjson', lines), at))).toMatchObject({ causes: [{ node: 'pay' }] });
  });
});

it.each<[string, readonly string[], string]>([
  ['neither traces nor metrics', ['--at', at], 'give either --traces, or --metrics'],
  [
    'a target without a metric',
    ['--metrics', 'x', '--graph', 'x', '--target', 'web', '--at', at],
    '--target web: expected NODE:METRIC',
  ],
  [
    'another metric',
    ['--metrics', 'x', '--graph', 'x', '--target', 'web:cpu', '--at', at],
    'one of availability, latency',
  ],
  ['no JSON', ['--traces', file('bad.json', 'hello\n'), '--at', at], 'is not JSON'],
  ['other JSON', ['--traces', file('other.json', '{"a":1}\n'), '--at', at], 'is neither OTLP in JSON'],
  ['broken lines', ['--traces', file('cut.json', `${otlp}\n{"resource`), '--at', at], 'line 41: is not JSON'],
  [
    'a parent after its child',
    [
      '--traces',
      file(
        'parent.json',
        '{"format":"trace-lines/1","origin_unix_us":0,"services":["a"],"operations":["b"]}\n{"t":"1","o":0,"s":[[1,0,0,0,1]]}',
      ),
      '--at',
      at,
    ],
    'line 2: expected {"t","o","s"',
  ],
])('refuses %s in one line', async (_, args, words) => {
  await expect(run(args)).rejects.toThrow(words);
});
