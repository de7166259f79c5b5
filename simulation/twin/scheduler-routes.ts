/**
 * EventBridge Scheduler from the wire to an operation.
 */
import { unknownOperation, type TwinRequest } from './answer.ts';

export type SchedulerOperationName =
  | 'CreateSchedule'
  | 'CreateScheduleGroup'
  | 'DeleteSchedule'
  | 'DeleteScheduleGroup'
  | 'GetSchedule'
  | 'GetScheduleGroup'
  | 'ListScheduleGroups'
  | 'ListSchedules'
  | 'UpdateSchedule';

export interface SchedulerCall {
  readonly operation: SchedulerOperationName;
  /** Of the schedule or the group, as sent; empty in a list. */
  readonly name: string;
  readonly query: URLSearchParams;
  readonly body: string;
}

const one = /^\/schedules\/([^/]+)$/;
const oneGroup = /^\/schedule-groups\/([^/]+)$/;

const routes: readonly {
  readonly method: string;
  readonly path: RegExp;
  readonly operation: SchedulerOperationName;
}[] = [
  { method: 'POST', path: one, operation: 'CreateSchedule' },
  { method: 'GET', path: one, operation: 'GetSchedule' },
  { method: 'PUT', path: one, operation: 'UpdateSchedule' },
  { method: 'DELETE', path: one, operation: 'DeleteSchedule' },
  { method: 'GET', path: /^\/schedules\/?$/, operation: 'ListSchedules' },
  { method: 'POST', path: oneGroup, operation: 'CreateScheduleGroup' },
  { method: 'GET', path: oneGroup, operation: 'GetScheduleGroup' },
  { method: 'DELETE', path: oneGroup, operation: 'DeleteScheduleGroup' },
  { method: 'GET', path: /^\/schedule-groups\/?$/, operation: 'ListScheduleGroups' },
];

export const schedulerOperationNames: readonly SchedulerOperationName[] = routes.map(({ operation }) => operation);

export function isSchedulerRequest({ target }: TwinRequest): boolean {
  return /^\/schedule(?:s|-groups)(?:[/?]|$)/.test(target);
}

/** @throws Refusal when no operation has such a path. */
export function schedulerRouteOf({ method, target, body }: TwinRequest): SchedulerCall {
  const at = target.indexOf('?');
  const path = at < 0 ? target : target.slice(0, at);
  const query = new URLSearchParams(at < 0 ? '' : target.slice(at + 1));
  for (const route of routes) {
    const match = route.method === method ? route.path.exec(path) : null;
    if (match) return { operation: route.operation, name: decoded(match[1] ?? ''), query, body };
  }
  throw unknownOperation(method, path);
}

/** A name that is no UTF-8 is left as it is: no name may hold a percent sign, so it is refused as any wrong one. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
