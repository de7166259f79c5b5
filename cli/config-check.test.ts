import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configCheckVerb } from './config-check.ts';

const right = `functions:
  - function: 123456789012/us-east-1/orders:live
    memoryMb: 1024
    initDurationMs: 800
    runDurationMs: { p50: 60, p99: 250 }
    spilloverRatioMax: 0.007
    concurrencyCeiling: 500
    volume: { csv: orders.csv }
http: { tokens: ["\${env:FORESHOCK_TOKEN}"] }
limits: { concurrencyMax: 800, usdPerHourMax: 20, usdPerEventMax: 15 }
`;

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'foreshock-'));
  file = path.join(folder, 'foreshock.yaml');
  writeFileSync(path.join(folder, 'orders.csv'), 'ts,volume\n');
});

afterEach(() => rmSync(folder, { recursive: true }));

async function check(
  content: string,
  ...flags: readonly string[]
): Promise<{ code: number; out: string; err: string }> {
  writeFileSync(file, content);
  let out = '';
  let err = '';
  const code = await configCheckVerb.run(['--config', file, ...flags], {
    env: { FORESHOCK_TOKEN: 'a-token-that-nobody-should-see' },
    isInteractive: false,
    hasColour: false,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    signal: new AbortController().signal,
  });
  return { code, out, err };
}

describe('config check', () => {
  it('shows a right file as a table, and ends with 0', async () => {
    const { code, out, err } = await check(right);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(
      '123456789012/us-east-1/orders:live  shadow  1024 MB x86_64  0      500      at most 0.7 %  XNYS',
    );
    expect(out).toContain('limits     800 warm, 20 USD an hour, 15 USD an event');
    expect(out).not.toContain('nobody-should-see');
  });

  it('prints the whole configuration as JSON, defaults filled in and secrets masked', async () => {
    const { code, out } = await check(right, '--json');
    const result = JSON.parse(out) as { valid: boolean; sha256: string; config: unknown };
    expect(code).toBe(0);
    expect(result).toMatchObject({
      valid: true,
      config: { http: { port: 8080, tokens: ['[secret]'] }, planning: { quantile: 0.95 } },
    });
    expect(result.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(out).not.toContain('nobody-should-see');
  });

  it('prints what Terraform must leave alone and grant, for those that are acted on', async () => {
    const enforced = right.replace('    volume', '    ownership: steer\n    mode: enforce\n    volume');
    const { code, out } = await check(enforced, '--terraform');
    expect(code).toBe(0);
    expect(out).toContain('ignore_changes = [min_capacity, max_capacity]');
    expect(out).toContain('arn:aws:scheduler:us-east-1:123456789012:schedule/default/foreshock-*');
    expect(JSON.parse((await check(enforced, '--terraform', '--json')).out)).toMatchObject({ terraform: out });
    expect(out).not.toContain('UpdateAlias');
    expect((await check(`${enforced}\nremedies: { mode: enforce }\n`, '--terraform')).out).toMatch(
      /"foreshock_weights"[^]*UpdateAlias[^]*"foreshock_scheduler_limits"[^]*DeleteFunctionConcurrency/,
    );
    expect((await check(right, '--terraform')).out).toMatch(/^# No function states ownership/);
  });

  const fiveFaults = right
    .replace('memoryMb: 1024', 'memoryMb: 64')
    .replace('orders:live', 'orders:$LATEST')
    .replace('p99: 250', 'p99: 25')
    .replace('orders.csv', 'nowhere.csv')
    .replace('usdPerHourMax', 'usdPerHoursMax');

  it('gives five faults five lines on stderr and nothing on stdout, and ends with 2', async () => {
    const { code, out, err } = await check(fiveFaults);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    const lines = err
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(`${file}:`, ''));
    expect(lines.map((line) => line.split(': got')[0])).toEqual([
      '2:15 functions[0].function',
      '3:15 functions[0].memoryMb',
      '5:36 functions[0].runDurationMs.p99',
      '8:20 functions[0].volume.csv',
      '10:32 limits.usdPerHoursMax',
    ]);
  });

  it('gives the same five as JSON', async () => {
    const { code, out } = await check(fiveFaults, '--json');
    const { valid, faults } = JSON.parse(out) as { valid: boolean; faults: readonly unknown[] };
    expect({ code, valid, count: faults.length }).toEqual({ code: 2, valid: false, count: 5 });
    expect(faults[1]).toEqual({
      path: 'functions[0].memoryMb',
      line: 3,
      column: 15,
      got: '64',
      expected: 'a whole number from 128 to 10240',
    });
  });

  it.each([
    [['--config', '/nowhere/foreshock.yaml'], 'cannot read /nowhere/foreshock.yaml: no such file'],
    [[], 'name the configuration: --config FILE'],
    [['foreshock.yaml'], 'unexpected word "foreshock.yaml": everything is said by flags'],
  ] as const)('refuses %j', async (args, message) => {
    const terminal = {
      env: {},
      isInteractive: false,
      hasColour: false,
      out: () => undefined,
      err: () => undefined,
      signal: new AbortController().signal,
    };
    await expect(configCheckVerb.run(args, terminal)).rejects.toThrow(message);
  });
});
