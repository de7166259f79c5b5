/** A configuration for tests: the least that is right, on a disk that is not there. */
import { ConfigError, type Fault } from './faults.ts';
import type { Files } from './files.ts';
import { loadConfig, type Config, type ConfigPorts } from './load.ts';

/** The least that is right; each case below changes a line of it. */
export const minimal = `functions:
  - function: 123456789012/us-east-1/orders:live
    memoryMb: 1024
    initDurationMs: 800
    runDurationMs: { p50: 60, p99: 250 }
    spilloverRatioMax: 0.001
    concurrencyCeiling: 500
    volume: { csv: orders.csv.gz }
limits:
  concurrencyMax: 800
  usdPerHourMax: 20
  usdPerEventMax: 15
`;

export const token = 'a-token-that-nobody-should-see';

export function portsFor(content: string | Uint8Array, others: Readonly<Record<string, string>> = {}): ConfigPorts {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const files: Files = {
    readFile: async (name) => {
      if (name === '/etc/foreshock.yaml') return bytes;
      const other = others[name];
      if (other === undefined) throw new Error('no such file');
      return new TextEncoder().encode(other);
    },
    isFile: async (name) => !name.includes('missing'),
  };
  return { env: { FORESHOCK_TOKEN: token, FORESHOCK_SHORT: 'hunter2' }, files };
}

export async function load(content: string | Uint8Array, others?: Readonly<Record<string, string>>): Promise<Config> {
  return loadConfig('/etc/foreshock.yaml', portsFor(content, others));
}

export async function faultsOf(content: string | Uint8Array): Promise<readonly Fault[]> {
  try {
    await load(content);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

/** The lines of the message, without the name of the file. */
export async function linesOf(content: string): Promise<readonly string[]> {
  const error = await load(content).then(
    () => undefined,
    (thrown: unknown) => thrown as ConfigError,
  );
  return error?.message.split('\n').map((line) => line.replace('/etc/foreshock.yaml:', '')) ?? [];
}

export const secondFunction = minimal.slice(minimal.indexOf('  - function'), minimal.indexOf('limits:'));
