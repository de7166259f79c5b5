/**
 * EventBridge Scheduler as one of the services on the port, and the hand that fires what was booked.
 *
 * A schedule fires within the minute after its time. Its call goes through the same door as everybody's: it counts in the account's calls a second,
 * faults strike it, and Lambda may refuse it. What may pass by itself (429, 5xx, a lost answer) is tried again by the schedule's retry policy;
 * what Lambda refuses is not.
 */
import type { Random } from '../../core/random.ts';
import type { EpochMs } from '../../core/time.ts';
import { errorAnswer, Refusal, type TwinResponse } from './answer.ts';
import { saidBy, type AwsService } from './aws-service.ts';
import type { Send } from './door.ts';
import type { TwinParams } from './limits.ts';
import { createRateBucket } from './rate-bucket.ts';
import { createScheduleBook, type ScheduleRecord, type ScheduleSettings } from './schedule-book.ts';
import { schedulerOperations, type SchedulerContext } from './scheduler-operations.ts';
import { schedulerRouteOf } from './scheduler-routes.ts';
import type { TwinPlace } from './twin-function.ts';

/** One attempt of a schedule, and what came of it. */
export interface FiredSchedule {
  readonly groupName: string;
  readonly name: string;
  readonly targetArn: string;
  readonly input: string | undefined;
  /** What the schedule was for. */
  readonly scheduledAtMs: EpochMs;
  readonly firedAtMs: EpochMs;
  /** 0 for the first. */
  readonly attempt: number;
  /** Of the call's answer; 0 where none came. */
  readonly status: number;
  readonly code: string | undefined;
  /** Whether another attempt follows. */
  readonly isRetried: boolean;
}

export interface Scheduler {
  readonly service: AwsService;
  /** When the next call is made. */
  nextDueMs(): EpochMs | undefined;
  /** Makes the call that is due first, at its instant. */
  fireNext(): void;
  /** The last attempts, the oldest first. */
  fired(): readonly FiredSchedule[];
}

export interface SchedulerOptions {
  readonly params: TwinParams;
  readonly place: TwinPlace;
  readonly random: Random;
  readonly fromMs: EpochMs;
  readonly send: Send;
}

/** What a test or an operator may look back on; a year of them would not be read. */
const firedCountMax = 1_000;
/** Client tokens that are remembered; AWS says not for how long. */
const tokenCountMax = 10_000;

export function createScheduler({ params, place, random, fromMs, send }: SchedulerOptions): Scheduler {
  const book = createScheduleBook(fromMs);
  const rate = createRateBucket({ perSecond: params.schedulerPerSecond, burst: params.schedulerPerSecond });
  const fired: FiredSchedule[] = [];
  const context: SchedulerContext = {
    book,
    params,
    place,
    firstAttempt: (name, settings, nowMs) => firstAttempt(name, settings, { nowMs, random, params }),
    once: createTokenBook(),
  };

  return {
    service: {
      callOf(request) {
        const call = schedulerRouteOf(request);
        return {
          operation: call.operation,
          functionName: '',
          carryOut: (nowMs) => schedulerOperations[call.operation](context, call, nowMs),
        };
      },
      allow: (_, nowMs) => rate.take(nowMs),
      throttled: () => inItsForm(errorAnswer(429, 'ThrottlingException', { message: 'Rate exceeded' })),
      failed: (status) =>
        inItsForm(errorAnswer(status, 'InternalServerException', { message: 'Unexpected error encountered.' })),
      inItsForm,
    },
    nextDueMs: () => book.firstDue()?.pending.atMs,
    fired: () => fired,
    fireNext() {
      const record = book.firstDue();
      if (!record) return;
      const { settings, pending } = record;
      const response = send(settings.request, pending.atMs);
      const retryAtMs = mayPass(response) ? nextAttemptMs(record, random, params) : undefined;
      const hasAnswer = response.fate === undefined;
      fired.push({
        groupName: record.groupName,
        name: record.name,
        targetArn: settings.target.Arn,
        input: settings.target['Input'] as string | undefined,
        scheduledAtMs: settings.atMs,
        firedAtMs: pending.atMs,
        attempt: pending.attempt,
        status: hasAnswer ? response.status : 0,
        code: hasAnswer ? response.headers['x-amzn-errortype'] : undefined,
        isRetried: retryAtMs !== undefined,
      });
      if (fired.length > firedCountMax) fired.shift();
      if (retryAtMs !== undefined) book.set({ ...record, pending: { atMs: retryAtMs, attempt: pending.attempt + 1 } });
      else if (settings.isDeletedAfterwards) book.remove(record);
      else book.set({ ...record, pending: undefined });
    },
  };
}

interface Draw {
  readonly nowMs: EpochMs;
  readonly random: Random;
  readonly params: TwinParams;
}

/** Somewhere in the minute after its time, or in its flexible window; each booking of a name draws the same by the same seed. */
function firstAttempt(
  name: string,
  settings: ScheduleSettings,
  { nowMs, random, params }: Draw,
): ScheduleRecord['pending'] {
  if (!settings.isEnabled) return undefined;
  const { atMs, windowMinutes } = settings;
  const withinMs = windowMinutes === undefined ? params.schedulePrecisionMs : windowMinutes * 60_000;
  const delayMs = Math.floor(random.fork(`${name} at ${atMs}`).next() * withinMs);
  return { atMs: Math.max(nowMs, atMs + delayMs), attempt: 0 };
}

/** Undefined when its attempts or its time are used up. */
function nextAttemptMs(
  { groupName, name, settings, pending }: ScheduleRecord & { readonly pending: NonNullable<ScheduleRecord['pending']> },
  random: Random,
  params: TwinParams,
): EpochMs | undefined {
  if (pending.attempt >= settings.maximumRetryAttempts) return undefined;
  const { first, max } = params.scheduleRetryMs;
  const jitter = 0.5 + random.fork(`${groupName}/${name} again ${pending.atMs}`).next();
  const nextMs = pending.atMs + Math.ceil(1 + Math.min(max, first * 2 ** pending.attempt) * jitter);
  return nextMs <= settings.atMs + settings.maximumEventAgeSeconds * 1_000 ? nextMs : undefined;
}

/** Throttled, failed, or without an answer. */
function mayPass({ status, fate }: TwinResponse): boolean {
  return fate !== undefined || status === 429 || status >= 500;
}

function inItsForm(refusal: TwinResponse): TwinResponse {
  const { code, message } = saidBy(refusal);
  return errorAnswer(refusal.status, code, { Message: message });
}

function createTokenBook(): SchedulerContext['once'] {
  const answers = new Map<string, { readonly asked: string; readonly response: TwinResponse }>();
  return ({ operation, name, query, body }, token, act) => {
    if (token === undefined) return act();
    const key = `${operation}/${token}`;
    const asked = `${name} ${query.toString()} ${body}`;
    const before = answers.get(key);
    if (before && before.asked !== asked) {
      const message = `The client token ${token} was used with other parameters.`;
      throw new Refusal(errorAnswer(409, 'ConflictException', { message }));
    }
    if (before) return before.response;
    const response = act();
    answers.set(key, { asked, response });
    if (answers.size > tokenCountMax) answers.delete(answers.keys().next().value!);
    return response;
  };
}
