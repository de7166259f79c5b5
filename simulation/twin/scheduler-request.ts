/**
 * What a caller of EventBridge Scheduler sends, read and checked. Every value is repeated in a Get, so all of it is bounded.
 */
import type { EpochMs } from '../../core/time.ts';
import { badRequest, invalidMember } from './answer.ts';
import type { TwinParams } from './limits.ts';
import {
  inRange,
  integerIn,
  matching,
  membersOf,
  numberIn,
  oneOf,
  required,
  textIn,
  upTo,
  type Members,
} from './request-body.ts';
import { isTimeZone, readScheduleExpression } from './schedule-expression.ts';
import type { ScheduleSettings } from './schedule-book.ts';
import { readTarget } from './universal-targets.ts';

const namePattern = /^[0-9a-zA-Z\-_.]+$/;
const tokenPattern = /^[a-zA-Z0-9\-_]+$/;
const rolePattern = /^arn:aws(-[a-z]+)?:iam::\d{12}:role\/[\w+=,.@/-]+$/;
const queuePattern = /^arn:aws(-[a-z]+)?:sqs:[a-z0-9-]+:\d{12}:[a-zA-Z0-9\-_]+$/;
const keyPattern = /^arn:aws(-[a-z]+)?:kms:[a-z0-9-]+:\d{12}:(key|alias)\/[0-9a-zA-Z\-_]*$/;

/** Documented defaults of the retry policy: for a day, 185 times. */
const retryDefaults = { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 };

/** Of the call that a schedule makes; undocumented for universal targets, and what one process can keep many of. */
const inputLengthMax = 65_536;

/** @throws Refusal when it is no name of a schedule or a group. */
export function checkedName(name: string, member: string): string {
  return matching(namePattern, upTo(64, name, member), member);
}

export function tokenIn(token: string | undefined): string | undefined {
  return token === undefined ? undefined : matching(tokenPattern, upTo(64, token, 'ClientToken'), 'ClientToken');
}

/** The whole of a schedule, as Create and Update take it. @throws Refusal */
export function settingsIn(members: Members, params: TwinParams, nowMs: EpochMs): ScheduleSettings {
  const when = whenIn(members, params, nowMs);
  const windowMinutes = windowIn(members);
  const description = textIn(members, 'Description');
  const kmsKeyArn = textIn(members, 'KmsKeyArn');
  const { target, ...call } = targetIn(members);
  const startDate = numberIn(members, 'StartDate');
  const endDate = numberIn(members, 'EndDate');
  return {
    ...when,
    isEnabled: (oneOf(['ENABLED', 'DISABLED'], textIn(members, 'State'), 'State') ?? 'ENABLED') === 'ENABLED',
    isDeletedAfterwards:
      oneOf(['NONE', 'DELETE'], textIn(members, 'ActionAfterCompletion'), 'ActionAfterCompletion') === 'DELETE',
    windowMinutes,
    ...call,
    target,
    repeated: {
      ...(description !== undefined && { Description: upTo(512, description, 'Description') }),
      ...(kmsKeyArn !== undefined && {
        KmsKeyArn: matching(keyPattern, upTo(2_048, kmsKeyArn, 'KmsKeyArn'), 'KmsKeyArn'),
      }),
      // Of a one-time schedule both are ignored, as documented, and shown.
      ...(startDate !== undefined && { StartDate: startDate }),
      ...(endDate !== undefined && { EndDate: endDate }),
    },
  };
}

function whenIn(
  members: Members,
  { pastScheduleIsRefused }: TwinParams,
  nowMs: EpochMs,
): Pick<ScheduleSettings, 'expression' | 'timeZone' | 'atMs'> {
  const expression = upTo(
    256,
    required(textIn(members, 'ScheduleExpression'), 'ScheduleExpression'),
    'ScheduleExpression',
  );
  const timeZone = upTo(50, textIn(members, 'ScheduleExpressionTimezone') ?? 'UTC', 'ScheduleExpressionTimezone');
  if (!isTimeZone(timeZone)) throw badRequest(`Invalid Schedule Expression Timezone ${timeZone}.`);
  const when = readScheduleExpression(expression, timeZone);
  if (when.kind === 'recurring') throw badRequest(`The twin plays at(...) alone, not ${expression}.`);
  if (when.kind === 'invalid' || (pastScheduleIsRefused && when.atMs < nowMs)) {
    throw badRequest(`Invalid Schedule Expression ${expression}.`);
  }
  return { expression, timeZone, atMs: when.atMs };
}

function windowIn(members: Members): number | undefined {
  const window = required(membersOf(members, 'FlexibleTimeWindow'), 'FlexibleTimeWindow');
  const mode = required(
    oneOf(['OFF', 'FLEXIBLE'], textIn(window, 'Mode'), 'FlexibleTimeWindow.Mode'),
    'FlexibleTimeWindow.Mode',
  );
  const minutes = integerIn(window, 'MaximumWindowInMinutes');
  const name = 'FlexibleTimeWindow.MaximumWindowInMinutes';
  if (mode === 'OFF') {
    if (minutes !== undefined) throw badRequest('A maximum window length must not be specified when the mode is OFF.');
    return undefined;
  }
  return inRange(required(minutes, name), name, { min: 1, max: 1_440 });
}

function targetIn(
  members: Members,
): Pick<ScheduleSettings, 'maximumEventAgeSeconds' | 'maximumRetryAttempts' | 'request' | 'target'> {
  const target = required(membersOf(members, 'Target'), 'Target');
  const arn = upTo(1_600, required(textIn(target, 'Arn'), 'Target.Arn'), 'Target.Arn');
  const role = upTo(1_600, required(textIn(target, 'RoleArn'), 'Target.RoleArn'), 'Target.RoleArn');
  matching(rolePattern, role, 'Target.RoleArn');
  const sent = textIn(target, 'Input');
  const input = sent && upTo(inputLengthMax, sent, 'Target.Input');
  if (input === '') throw invalidMember("''", 'target.input', 'Member must have length greater than or equal to 1');
  const policy = membersOf(target, 'RetryPolicy') ?? {};
  const maximumEventAgeSeconds = inRange(
    integerIn(policy, 'MaximumEventAgeInSeconds') ?? retryDefaults.MaximumEventAgeInSeconds,
    'Target.RetryPolicy.MaximumEventAgeInSeconds',
    { min: 60, max: 86_400 },
  );
  const maximumRetryAttempts = inRange(
    integerIn(policy, 'MaximumRetryAttempts') ?? retryDefaults.MaximumRetryAttempts,
    'Target.RetryPolicy.MaximumRetryAttempts',
    { min: 0, max: 185 },
  );
  const queue = membersOf(target, 'DeadLetterConfig');
  const queueArn = queue && textIn(queue, 'Arn');
  if (queueArn !== undefined) matching(queuePattern, queueArn, 'Target.DeadLetterConfig.Arn');
  return {
    maximumEventAgeSeconds,
    maximumRetryAttempts,
    request: readTarget(arn, input),
    target: {
      Arn: arn,
      RoleArn: role,
      ...(input !== undefined && { Input: input }),
      ...(queueArn !== undefined && { DeadLetterConfig: { Arn: queueArn } }),
      RetryPolicy: {
        MaximumEventAgeInSeconds: maximumEventAgeSeconds,
        MaximumRetryAttempts: maximumRetryAttempts,
      },
    },
  };
}
