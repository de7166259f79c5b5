/**
 * What the twin is told of one function before the world begins.
 */
import { InputError } from '../../core/errors.ts';
import type { Architecture } from '../../core/function-spec.ts';
import { parseFunctionKey, type FunctionKey } from '../../core/series-key.ts';

export interface TwinFunction {
  /** Account, region, function and the alias that traffic comes to. */
  readonly key: FunctionKey;
  /** The published version that the alias points at; versions 1 up to the highest of the function's aliases exist. */
  readonly version: string;
  readonly memoryMb: number;
  readonly architecture: Architecture;
  /** Initialisation of a new environment, 99th percentile; a cold start draws from a log-normal through it. */
  readonly initDurationMs: number;
  /** Duration of a request on a warm environment; log-normal through these two. */
  readonly runDurationMs: { readonly p50: number; readonly p99: number };
  readonly reservedConcurrency?: number;
  /** New environments fail in their initialisation: provisioned concurrency ends FAILED. */
  readonly initFails?: boolean;
}

/** One account in one region: the place that a twin plays. */
export interface TwinPlace {
  readonly accountId: string;
  readonly region: string;
}

/**
 * The account and region of all functions.
 * @throws InputError when there is none, a key is not one, they lie in different places, one comes twice, or two aliases of a function
 * contradict each other.
 */
export function placeOf(functions: readonly TwinFunction[]): TwinPlace {
  const names = functions.map(({ key, version }) => {
    const name = parseFunctionKey(key);
    if (!name)
      throw new InputError('function-key', `'${key}' is no function key; expected account/region/function:alias`);
    if (!/^[1-9]\d{0,3}$/.test(version)) {
      throw new InputError(
        'function-version',
        `version '${version}' of ${key} is none; expected a number from 1 to 9999`,
      );
    }
    return name;
  });
  const [first] = names;
  if (!first) throw new InputError('function-missing', 'the twin needs at least one function');
  for (const { accountId, region, functionName } of names) {
    if (accountId !== first.accountId || region !== first.region) {
      throw new InputError(
        'function-place',
        `a twin plays one account and region; ${functionName} is in ${accountId}/${region}, the first function in ${first.accountId}/${first.region}`,
      );
    }
  }
  refuseContradictions(functions);
  return { accountId: first.accountId, region: first.region };
}

/** A key comes once; what belongs to the function and not to its alias is stated alike by all its aliases. */
function refuseContradictions(functions: readonly TwinFunction[]): void {
  const seen = new Map<string, TwinFunction>();
  for (const spec of functions) {
    if (seen.has(spec.key)) throw new InputError('function-twice', `function ${spec.key} comes twice`);
    const functionPart = spec.key.slice(0, spec.key.lastIndexOf(':'));
    const other = seen.get(functionPart);
    seen.set(spec.key, spec);
    if (!other) {
      seen.set(functionPart, spec);
      continue;
    }
    for (const member of ['memoryMb', 'architecture', 'initDurationMs', 'reservedConcurrency'] as const) {
      if (other[member] !== spec[member]) {
        const stated = `${spec[member] ?? 'none'} for ${spec.key}, ${other[member] ?? 'none'} for ${other.key}`;
        throw new InputError('function-contradiction', `${member} is ${stated}; the aliases of one function share it`);
      }
    }
  }
}
