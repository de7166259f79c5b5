/**
 * EventBridge Scheduler: schedules and their groups. Words as recorded where a recording shows them; an Update sets every member anew, those
 * that are not sent to their defaults.
 */
import type { EpochMs } from '../../core/time.ts';
import { answer, badRequest, errorAnswer, Refusal, type TwinResponse } from './answer.ts';
import type { TwinParams } from './limits.ts';
import { inRange, membersIn, oneOf, textIn } from './request-body.ts';
import {
  defaultGroup,
  type ScheduleBook,
  type ScheduleGroup,
  type ScheduleRecord,
  type ScheduleSettings,
} from './schedule-book.ts';
import { checkedName, settingsIn, tokenIn } from './scheduler-request.ts';
import type { SchedulerCall, SchedulerOperationName } from './scheduler-routes.ts';
import type { TwinPlace } from './twin-function.ts';

export interface SchedulerContext {
  readonly book: ScheduleBook;
  readonly params: TwinParams;
  readonly place: TwinPlace;
  /** The first attempt of a schedule that is set now; undefined when it is disabled. */
  readonly firstAttempt: (name: string, settings: ScheduleSettings, nowMs: EpochMs) => ScheduleRecord['pending'];
  /** Carries out a call once for each client token: what is sent again is answered again, and not done again. */
  readonly once: (call: SchedulerCall, token: string | undefined, act: () => TwinResponse) => TwinResponse;
}

type Operation = (context: SchedulerContext, call: SchedulerCall, nowMs: EpochMs) => TwinResponse;

export const schedulerOperations: Readonly<Record<SchedulerOperationName, Operation>> = {
  CreateSchedule(context, call, nowMs) {
    const { book, params } = context;
    const { name, groupName, settings, token } = scheduleIn(context, call, nowMs);
    return context.once(call, token, () => {
      const { schedules } = groupOf(book, groupName);
      if (schedules.has(name)) throw conflict(`Schedule ${name} already exists.`);
      if (book.scheduleCount() >= params.scheduleCountMax) throw quotaExceeded('schedules');
      const pending = context.firstAttempt(`${groupName}/${name}`, settings, nowMs);
      book.set({ groupName, name, settings, createdAtMs: nowMs, modifiedAtMs: nowMs, pending });
      return answer(200, { ScheduleArn: arnOf(context, groupName, name) });
    });
  },
  UpdateSchedule(context, call, nowMs) {
    const { name, groupName, settings, token } = scheduleIn(context, call, nowMs);
    return context.once(call, token, () => {
      const before = find(context.book, groupName, name);
      const pending = context.firstAttempt(`${groupName}/${name}`, settings, nowMs);
      context.book.set({ ...before, settings, modifiedAtMs: nowMs, pending });
      return answer(200, { ScheduleArn: arnOf(context, groupName, name) });
    });
  },
  GetSchedule(context, call) {
    const { name, groupName } = namedIn(call);
    return answer(200, scheduleBody(context, find(context.book, groupName, name)));
  },
  DeleteSchedule({ book, once }, call) {
    const { name, groupName } = namedIn(call);
    return once(call, tokenIn(call.query.get('clientToken') ?? undefined), () => {
      book.remove(find(book, groupName, name));
      return answer(200, {});
    });
  },
  ListSchedules(context, call) {
    const { query } = call;
    const groupName = query.get('ScheduleGroup');
    const prefix = prefixIn(query);
    const state = oneOf(['ENABLED', 'DISABLED'], query.get('State') ?? undefined, 'State');
    const groups =
      groupName === null ? context.book.groups.values() : [groupOf(context.book, checkedName(groupName, 'GroupName'))];
    const found = [...groups]
      .flatMap(({ schedules }) => [...schedules.values()])
      .filter(({ name, settings }) => name.startsWith(prefix) && (state ?? stateOf(settings)) === stateOf(settings))
      .sort((a, b) => compare(a.name, b.name) || compare(a.groupName, b.groupName));
    const { page, next } = pageOf(found, query);
    return answer(200, { Schedules: page.map((record) => summaryBody(context, record)), ...next });
  },
  CreateScheduleGroup(context, call, nowMs) {
    const { book, params } = context;
    const name = checkedName(call.name, 'Name');
    const members = membersIn(call.body);
    return context.once(call, tokenIn(textIn(members, 'ClientToken')), () => {
      if (book.groups.has(name)) throw conflict(`Schedule group ${name} already exists.`);
      if (book.groups.size >= params.scheduleGroupCountMax) throw quotaExceeded('schedule groups');
      book.addGroup(name, nowMs);
      return answer(200, { ScheduleGroupArn: groupArnOf(context, name) });
    });
  },
  GetScheduleGroup(context, call) {
    return answer(200, groupBody(context, groupOf(context.book, checkedName(call.name, 'Name'))));
  },
  DeleteScheduleGroup({ book, once }, call) {
    const name = checkedName(call.name, 'Name');
    return once(call, tokenIn(call.query.get('clientToken') ?? undefined), () => {
      if (name === defaultGroup) throw badRequest('The default schedule group cannot be deleted.');
      book.removeGroup(groupOf(book, name).name);
      return answer(200, {});
    });
  },
  ListScheduleGroups(context, call) {
    const prefix = prefixIn(call.query);
    const found = [...context.book.groups.values()]
      .filter(({ name }) => name.startsWith(prefix))
      .sort((a, b) => compare(a.name, b.name));
    const { page, next } = pageOf(found, call.query);
    return answer(200, { ScheduleGroups: page.map((group) => groupBody(context, group)), ...next });
  },
};

interface Named {
  readonly name: string;
  readonly groupName: string;
}

function namedIn({ name, query }: SchedulerCall): Named {
  return {
    name: checkedName(name, 'Name'),
    groupName: checkedName(query.get('groupName') ?? defaultGroup, 'GroupName'),
  };
}

function scheduleIn(
  { params }: SchedulerContext,
  call: SchedulerCall,
  nowMs: EpochMs,
): Named & { readonly settings: ScheduleSettings; readonly token: string | undefined } {
  const members = membersIn(call.body);
  return {
    name: checkedName(call.name, 'Name'),
    groupName: checkedName(textIn(members, 'GroupName') ?? defaultGroup, 'GroupName'),
    token: tokenIn(textIn(members, 'ClientToken')),
    settings: settingsIn(members, params, nowMs),
  };
}

function groupOf(book: ScheduleBook, name: string): ScheduleGroup {
  const group = book.groups.get(name);
  if (!group) throw notFound(`Schedule group ${name} does not exist.`);
  return group;
}

function find(book: ScheduleBook, groupName: string, name: string): ScheduleRecord {
  const record = groupOf(book, groupName).schedules.get(name);
  if (!record) throw notFound(`Schedule ${name} does not exist.`);
  return record;
}

function scheduleBody(context: SchedulerContext, record: ScheduleRecord): object {
  const { settings } = record;
  return {
    ...commonBody(context, record),
    ...settings.repeated,
    ActionAfterCompletion: settings.isDeletedAfterwards ? 'DELETE' : 'NONE',
    FlexibleTimeWindow:
      settings.windowMinutes === undefined
        ? { Mode: 'OFF' }
        : { Mode: 'FLEXIBLE', MaximumWindowInMinutes: settings.windowMinutes },
    ScheduleExpression: settings.expression,
    ScheduleExpressionTimezone: settings.timeZone,
    Target: settings.target,
  };
}

function summaryBody(context: SchedulerContext, record: ScheduleRecord): object {
  return { ...commonBody(context, record), Target: { Arn: record.settings.target.Arn } };
}

function commonBody(context: SchedulerContext, { groupName, name, ...record }: ScheduleRecord): object {
  return {
    Arn: arnOf(context, groupName, name),
    GroupName: groupName,
    Name: name,
    State: stateOf(record.settings),
    CreationDate: record.createdAtMs / 1_000,
    LastModificationDate: record.modifiedAtMs / 1_000,
  };
}

function groupBody(context: SchedulerContext, { name, createdAtMs }: ScheduleGroup): object {
  return {
    Arn: groupArnOf(context, name),
    Name: name,
    State: 'ACTIVE',
    CreationDate: createdAtMs / 1_000,
    LastModificationDate: createdAtMs / 1_000,
  };
}

function stateOf({ isEnabled }: ScheduleSettings): 'ENABLED' | 'DISABLED' {
  return isEnabled ? 'ENABLED' : 'DISABLED';
}

function arnOf({ place }: SchedulerContext, groupName: string, name: string): string {
  return `arn:aws:scheduler:${place.region}:${place.accountId}:schedule/${groupName}/${name}`;
}

function groupArnOf({ place }: SchedulerContext, name: string): string {
  return `arn:aws:scheduler:${place.region}:${place.accountId}:schedule-group/${name}`;
}

function prefixIn(query: URLSearchParams): string {
  const prefix = query.get('NamePrefix');
  return prefix === null ? '' : checkedName(prefix, 'NamePrefix');
}

/** A page by `MaxResults` (100 at most) and `NextToken`, which names the place of the next item. */
function pageOf<Item>(
  items: readonly Item[],
  query: URLSearchParams,
): { readonly page: readonly Item[]; readonly next: { readonly NextToken?: string } } {
  const asked = query.get('MaxResults') ?? '100';
  if (!/^-?\d{1,9}$/.test(asked)) throw badRequest('MaxResults is not an integer.');
  const size = inRange(Number(asked), 'MaxResults', { min: 1, max: 100 });
  const token = query.get('NextToken') ?? '';
  const place = /^place=(\d{1,9})$/.exec(Buffer.from(token, 'base64url').toString())?.[1];
  if (token !== '' && place === undefined) throw badRequest('Invalid NextToken.');
  const from = Number(place ?? 0);
  const next = Buffer.from(`place=${from + size}`).toString('base64url');
  return { page: items.slice(from, from + size), next: from + size < items.length ? { NextToken: next } : {} };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function conflict(message: string): Refusal {
  return new Refusal(errorAnswer(409, 'ConflictException', { message }));
}

function notFound(message: string): Refusal {
  return new Refusal(errorAnswer(404, 'ResourceNotFoundException', { message }));
}

function quotaExceeded(what: string): Refusal {
  const message = `The request failed because it exceeds a service quota: ${what}.`;
  return new Refusal(errorAnswer(402, 'ServiceQuotaExceededException', { message }));
}
