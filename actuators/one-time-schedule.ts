/**
 * One-time schedules of EventBridge Scheduler whose target is a call of another service: made, made again, and taken back.
 *
 * @see https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
 */
import {
  ConflictException,
  CreateScheduleCommand,
  DeleteScheduleCommand,
  ListSchedulesCommand,
  ResourceNotFoundException,
  UpdateScheduleCommand,
  type CreateScheduleCommandInput,
  type ListSchedulesCommandOutput,
} from '@aws-sdk/client-scheduler';
import { bookingNamePrefix } from '../core/booking.ts';
import type { FunctionName } from '../core/series-key.ts';
import { msPerSecond, type EpochMs } from '../core/time.ts';
import { partitionOf } from './arn.ts';
import type { SchedulerDoor } from './aws-doors.ts';

export interface OneTimeSchedule {
  /** Says all of it: a schedule of that name is this one. */
  readonly name: string;
  /** To the second, as AWS keeps it; the call comes within 60 s of it. */
  readonly atMs: EpochMs;
  /** The call as universal targets spell it: `lambda:updateAlias`. */
  readonly api: string;
  readonly input: object;
  /** How long AWS goes on trying: a minute to a day. */
  readonly retriedForMs: number;
  readonly place: Pick<FunctionName, 'accountId' | 'region'>;
}

export interface ScheduleOptions {
  readonly groupName: string;
  /** The role that EventBridge Scheduler makes the calls as. Absent: a name that only the twin takes (see ownership.ts for AWS). */
  readonly roleArn?: string | undefined;
  readonly signal: AbortSignal;
}

/** Booked already under its name is done. @throws what the door throws. */
export async function bookSchedule(
  door: SchedulerDoor,
  schedule: OneTimeSchedule,
  options: ScheduleOptions,
): Promise<void> {
  const input = inputOf(schedule, options);
  // After its instant it would go out at once or never.
  const request = { urgency: 'urgent', signal: options.signal, startByMs: schedule.atMs } as const;
  try {
    await door.send(request, (client, abortSignal) => client.send(new CreateScheduleCommand(input), { abortSignal }));
  } catch (error) {
    if (!(error instanceof ConflictException)) throw error;
    // It is there. That somebody disabled it, or that it goes out as a role of last year, its name does not say: it is made what it should be.
    await door.send(request, (client, abortSignal) => client.send(new UpdateScheduleCommand(input), { abortSignal }));
  }
}

/** What is not there is taken back already. @throws what the door throws. */
export async function cancelSchedule(
  door: SchedulerDoor,
  name: string,
  { groupName, signal }: Pick<ScheduleOptions, 'groupName' | 'signal'>,
): Promise<void> {
  const command = new DeleteScheduleCommand({ Name: name, GroupName: groupName });
  await door.send({ urgency: 'routine', signal }, (client, abortSignal) =>
    client.send(command, { abortSignal }).catch((error: unknown) => {
      // Taken back before, or carried out: either way it is no longer booked.
      if (!(error instanceof ResourceNotFoundException)) throw error;
    }),
  );
}

/** One page of the names that begin like ours, without the disabled: what will not go out is not booked. @throws what the door throws. */
export function listSchedulePage(
  door: SchedulerDoor,
  { groupName, signal, nextToken, countMax = 100 }: PageRequest,
): Promise<ListSchedulesCommandOutput> {
  const command = new ListSchedulesCommand({
    GroupName: groupName,
    NamePrefix: bookingNamePrefix,
    State: 'ENABLED',
    MaxResults: countMax,
    ...(nextToken && { NextToken: nextToken }),
  });
  return door.send({ urgency: 'routine', signal }, (client, abortSignal) => client.send(command, { abortSignal }));
}

export interface PageRequest extends Pick<ScheduleOptions, 'groupName' | 'signal'> {
  readonly nextToken?: string | undefined;
  readonly countMax?: number;
}

function inputOf(schedule: OneTimeSchedule, { groupName, roleArn }: ScheduleOptions): CreateScheduleCommandInput {
  const { name, atMs, api, input, retriedForMs, place } = schedule;
  const partition = partitionOf(place.region);
  // No ClientToken of ours: a call that is made again with its token is answered from memory, even where the schedule was deleted in between.
  return {
    Name: name,
    GroupName: groupName,
    // To the second, without a zone: the form of EventBridge Scheduler.
    ScheduleExpression: `at(${new Date(atMs).toISOString().slice(0, 19)})`,
    ScheduleExpressionTimezone: 'UTC',
    FlexibleTimeWindow: { Mode: 'OFF' },
    ActionAfterCompletion: 'DELETE',
    State: 'ENABLED',
    Target: {
      Arn: `arn:${partition}:scheduler:::aws-sdk:${api}`,
      RoleArn: roleArn ?? `arn:${partition}:iam::${place.accountId}:role/foreshock-scheduler`,
      Input: JSON.stringify(input),
      RetryPolicy: {
        MaximumEventAgeInSeconds: retriedForMs / msPerSecond,
        MaximumRetryAttempts: retryCountMax,
      },
    },
  };
}

/** What EventBridge Scheduler offers at most: the age alone ends the attempts. */
const retryCountMax = 185;
