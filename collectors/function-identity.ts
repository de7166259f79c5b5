/**
 * Whose span it is. A Lambda function's key is made of its ARN with the alias; where emitters leave the alias out (Python, the collector's telemetry
 * API receiver) the version leads to it, through what Lambda's ListAliases answered or through spans that said both. What is no function goes by its `service.name`.
 */
import { functionKeyOf, parseFunctionKey, type FunctionKey } from '../core/series-key.ts';
import type { NodeKey } from '../core/window.ts';

/** The alias under which a version of a function is called, by what ListAliases answered; undefined where that is not known. */
export type AliasOf = (functionArn: string, version: string) => string | undefined;

/** What a span and its resource say of who they are; empty texts for what they do not say. */
export interface Naming {
  readonly arn: string;
  readonly name: string;
  readonly version: string;
  readonly accountId: string;
  readonly region: string;
  readonly service: string;
}

export interface FunctionIdentity {
  /** Undefined for what has no name at all. */
  nodeOf(naming: Naming): NodeKey | undefined;
  /** The function that an ARN names, in whole or in part, as seen by a caller; undefined when its alias is not known. */
  functionOf(name: string, caller: { readonly accountId: string; readonly region: string }): FunctionKey | undefined;
  readonly counts: IdentityCounts;
  /** Functions and versions whose alias nobody knows, for people; at most a hundred. */
  unknownAliases(): readonly string[];
}

export interface IdentityCounts {
  /** Namings (not spans) of a function whose alias is not known: it went by its service's name. */
  unknownAlias: number;
  /** Namings of a function whose account or region is not known. */
  unknownAccount: number;
}

export interface IdentityOptions {
  readonly aliasOf: AliasOf;
  /** Of functions that do not say where they are, and have not been seen with an ARN either. */
  readonly home?: { readonly accountId: string; readonly region: string };
}

/** arn:aws:lambda:us-east-1:123456789012:function:orders:live, or from the account on, or the name alone; each with or without what follows the name. */
const functionPattern =
  /^(?:(?:arn:aws[a-z-]*:lambda:([a-z0-9-]{1,32}):)?(\d{12}):function:)?([A-Za-z0-9-_]{1,64})(?::([A-Za-z0-9-_$]{1,128}))?$/;

const learnedCountMax = 50_000;
const toldCountMax = 100;

export function createFunctionIdentity({ aliasOf, home }: IdentityOptions): FunctionIdentity {
  /** Where a function of this name was last seen, and which key its version went by. */
  const places = new Map<string, { readonly accountId: string; readonly region: string }>();
  const keys = new Map<string, FunctionKey>();
  const unknown = new Set<string>();
  const counts: IdentityCounts = { unknownAlias: 0, unknownAccount: 0 };

  const keyOf = (place: Place, functionName: string, qualifier: string): FunctionKey | undefined => {
    const arn = `arn:aws:lambda:${place.region}:${place.accountId}:function:${functionName}`;
    const isAlias = qualifier !== '' && qualifier !== '$LATEST' && !/^\d+$/.test(qualifier);
    const alias = isAlias ? qualifier : aliasOf(arn, qualifier === '' ? '$LATEST' : qualifier);
    const key = alias === undefined ? undefined : functionKeyOf({ ...place, functionName, alias });
    return key !== undefined && parseFunctionKey(key) ? key : undefined;
  };

  const tellUnknown = (functionName: string, version: string): FunctionKey | undefined => {
    counts.unknownAlias++;
    if (unknown.size < toldCountMax) unknown.add(`${functionName}:${version || '$LATEST'}`);
    return undefined;
  };

  const byArn = ({ arn, version, name }: Naming): FunctionKey | undefined => {
    const match = functionPattern.exec(arn);
    if (!match?.[1]) return undefined;
    const [, region, accountId, functionName, qualifier = ''] = match;
    const place = { region, accountId: accountId! };
    const key =
      keyOf(place, functionName!, qualifier === '' ? version : qualifier) ?? keys.get(`${functionName!}:${version}`);
    remember(places, functionName!, place);
    if (key === undefined) return tellUnknown(functionName!, qualifier || version);
    if (version !== '') remember(keys, `${name || functionName!}:${version}`, key);
    return key;
  };

  const byName = ({ name, version, accountId, region }: Naming): FunctionKey | undefined => {
    const seen = places.get(name) ?? home;
    const place = { accountId: accountId || (seen?.accountId ?? ''), region: region || (seen?.region ?? '') };
    const learned = keys.get(`${name}:${version}`);
    if (place.accountId === '' || place.region === '') {
      if (learned === undefined) counts.unknownAccount++;
      return learned;
    }
    return keyOf(place, name, version) ?? learned ?? tellUnknown(name, version);
  };

  return {
    counts,
    unknownAliases: () => [...unknown].sort(),
    nodeOf(naming) {
      const key = naming.arn === '' ? undefined : byArn(naming);
      if (key !== undefined) return key;
      const named = naming.name === '' || naming.arn !== '' ? undefined : byName(naming);
      if (named !== undefined) return named;
      const service = naming.service || naming.name || (functionPattern.exec(naming.arn)?.[3] ?? '');
      return service === '' ? undefined : `service:${printableName(service)}`;
    },
    functionOf(name, caller) {
      const match = functionPattern.exec(name);
      if (!match) return undefined;
      const [, region = caller.region, accountId = caller.accountId, functionName, qualifier = ''] = match;
      return accountId === '' || region === '' ? undefined : keyOf({ region, accountId }, functionName!, qualifier);
    },
  };
}

interface Place {
  readonly accountId: string;
  readonly region: string;
}

/** Keeps the newest of each; what was learned longest ago goes first. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  if (map.size >= learnedCountMax && !map.has(key)) map.delete(map.keys().next().value!);
  map.set(key, value);
}

const nameLengthMax = 128;

/** A name as part of a key: no separators of ours, nothing that a terminal would obey, not longer than people read. */
export function printableName(name: string): string {
  return name.slice(0, nameLengthMax).replace(/[^\p{L}\p{N}\p{P}\p{S}]|[>]/gu, '_');
}
