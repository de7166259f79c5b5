/**
 * The switch for faults on the twin's own port, under a path that no call of AWS has: JSON in, JSON out, every value bounded.
 *
 * ```
 *   POST   /_twin/faults      {"kind":"throttle","operations":["PutProvisionedConcurrencyConfig"],"forMs":60000}
 *   GET    /_twin/faults      what is in force
 *   DELETE /_twin/faults[/3]  all, or one by its id
 * ```
 */
import type { EpochMs } from '../../core/time.ts';
import { answer, badRequest, errorAnswer, type TwinRequest, type TwinResponse } from './answer.ts';
import { faultCountMax, type CallFault, type Fault, type Faults } from './faults.ts';
import { membersIn, textIn, type Members } from './request-body.ts';
import { operationNames, type OperationName } from './operation-names.ts';

export const faultsPath = '/_twin/faults';

export function isFaultRequest({ target }: TwinRequest): boolean {
  return target.startsWith('/_twin/');
}

export function handleFaultRequest(
  faults: Faults,
  { method, target, body }: TwinRequest,
  nowMs: EpochMs,
): TwinResponse {
  const id = /^\/_twin\/faults\/([1-9]\d{0,8})$/.exec(target)?.[1];
  if (method === 'DELETE' && (target === faultsPath || id !== undefined)) {
    faults.clear(nowMs, id === undefined ? undefined : Number(id));
    return answer(204);
  }
  if (target !== faultsPath || (method !== 'GET' && method !== 'POST')) {
    return errorAnswer(404, 'UnknownOperationException', {
      message: `expected GET, POST or DELETE ${faultsPath}, or DELETE ${faultsPath}/ID`,
    });
  }
  if (method === 'GET') return answer(200, { faults: faults.inForce(nowMs) });
  if (faults.inForce(nowMs).length >= faultCountMax) throw badRequest(`at most ${faultCountMax} faults at once`);
  return answer(201, faults.add(faultIn(body), nowMs));
}

const callKinds = ['throttle', 'error', 'hang', 'lose'] as const;
const allocationKinds = ['stuck', 'initFails', 'slow'] as const;
const commonMembers = ['kind', 'functionName', 'forMs'];

/** @throws Refusal that names the member and what was expected. */
function faultIn(body: string): Fault {
  const members = membersIn(body);
  const kind = textIn(members, 'kind');
  const functionName = textIn(members, 'functionName');
  if (functionName !== undefined && !/^[a-zA-Z0-9-_]{1,64}$/.test(functionName)) {
    throw badRequest("functionName: expected a function's name alone");
  }
  const forMs = numberIn(members, 'forMs', { min: 1, max: 1e12 });
  const lasting = { ...(functionName !== undefined && { functionName }), ...(forMs !== undefined && { forMs }) };
  const callKind = callKinds.find((one) => one === kind);
  if (callKind) return { kind: callKind, ...lasting, ...callFaultIn(members, callKind) };
  const allocationKind = allocationKinds.find((one) => one === kind);
  if (!allocationKind) throw badRequest(`kind: expected one of ${[...callKinds, ...allocationKinds].join(', ')}`);
  onlyMembers(members, allocationKind === 'slow' ? ['times'] : []);
  const times = numberIn(members, 'times', { min: 0.001, max: 1_000 });
  if (allocationKind === 'slow' && times === undefined) throw badRequest('times: expected a number from 0.001 to 1000');
  return { kind: allocationKind, ...lasting, ...(times !== undefined && { times }) };
}

function callFaultIn(members: Members, kind: CallFault['kind']): Omit<CallFault, 'kind'> {
  onlyMembers(members, ['operations', 'ratio', 'count', ...(kind === 'error' ? ['status'] : [])]);
  const operations = operationsIn(members);
  const ratio = numberIn(members, 'ratio', { min: 1e-6, max: 1 });
  const count = numberIn(members, 'count', { min: 1, max: 1e9, isWhole: true });
  const status = numberIn(members, 'status', { min: 500, max: 599, isWhole: true });
  return {
    ...(operations && { operations }),
    ...(ratio !== undefined && { ratio }),
    ...(count !== undefined && { count }),
    ...(status !== undefined && { status }),
  };
}

function operationsIn(members: Members): readonly OperationName[] | undefined {
  const asked = members['operations'];
  if (asked === undefined) return undefined;
  const found = Array.isArray(asked) ? operationNames.filter((name) => asked.includes(name)) : [];
  if (!Array.isArray(asked) || found.length === 0 || found.length !== asked.length) {
    throw badRequest(`operations: expected a list out of ${operationNames.join(', ')}`);
  }
  return found;
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly isWhole?: boolean;
}

function numberIn(members: Members, member: string, { min, max, isWhole }: Bounds): number | undefined {
  const value = members[member];
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !(value >= min && value <= max) || (isWhole && !Number.isInteger(value))) {
    throw badRequest(`${member}: expected a ${isWhole ? 'whole ' : ''}number from ${min} to ${max}`);
  }
  return value;
}

function onlyMembers(members: Members, more: readonly string[]): void {
  const known = [...commonMembers, ...more];
  const unknown = Object.keys(members).find((member) => !known.includes(member));
  if (unknown !== undefined) throw badRequest(`${unknown.slice(0, 100)}: not known here; expected ${known.join(', ')}`);
}
