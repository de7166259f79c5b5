/**
 * What a caller may set of a function, read from a body over what stands already.
 */
import { invalidMember, invalidParameter, unreadable } from './answer.ts';
import type { FunctionSettings } from './function-registry.ts';
import { inRange, integerIn, membersOf, textIn, upTo, type Members } from './request-body.ts';

/** Documented: all environment variables of a function together. */
const environmentBytesMax = 4_096;

/** @throws Refusal when a member is of the wrong type or outside what Lambda takes. */
export function settingsIn(members: Members, before: FunctionSettings): FunctionSettings {
  const environment = environmentIn(members) ?? before.environment;
  return {
    ...before,
    runtime: upTo(64, textIn(members, 'Runtime') ?? before.runtime, 'Runtime'),
    role: upTo(1_000, textIn(members, 'Role') ?? before.role, 'Role'),
    handler: upTo(128, textIn(members, 'Handler') ?? before.handler, 'Handler'),
    timeoutSeconds: inRange(integerIn(members, 'Timeout') ?? before.timeoutSeconds, 'Timeout', { min: 1, max: 900 }),
    memoryMb: inRange(integerIn(members, 'MemorySize') ?? before.memoryMb, 'MemorySize', { min: 128, max: 10_240 }),
    architecture: architectureIn(members) ?? before.architecture,
    ...(environment && { environment }),
  };
}

function architectureIn(members: Members): FunctionSettings['architecture'] | undefined {
  const asked = members['Architectures'] ?? undefined;
  if (asked === undefined) return undefined;
  if (!Array.isArray(asked)) throw unreadable('architectures is not a list');
  const [first] = asked as unknown[];
  if (asked.length === 1 && (first === 'x86_64' || first === 'arm64')) return first;
  const constraint = 'Member must satisfy enum value set: [x86_64, arm64]';
  throw invalidMember(`'[${asked.slice(0, 10).map(String).join(', ').slice(0, 200)}]'`, 'architectures', constraint);
}

function environmentIn(members: Members): Readonly<Record<string, string>> | undefined {
  const environment = membersOf(members, 'Environment');
  if (!environment) return undefined;
  const variables = membersOf(environment, 'Variables') ?? {};
  for (const value of Object.values(variables)) {
    if (typeof value !== 'string') throw unreadable('environment.variables is not a map of strings');
  }
  if (Buffer.byteLength(JSON.stringify(variables)) > environmentBytesMax) {
    throw invalidParameter(
      'Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit.',
    );
  }
  return variables as Readonly<Record<string, string>>;
}
