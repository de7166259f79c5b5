/**
 * Moves what a dead-letter queue holds back to the queues that it came from: a task of SQS, of which one at a time runs for a queue.
 *
 * A move leaves no level behind that could be looked at, only its task. So what was moved is known by when its task was started.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
 */
import {
  ListMessageMoveTasksCommand,
  StartMessageMoveTaskCommand,
  type ListMessageMoveTasksResultEntry,
} from '@aws-sdk/client-sqs';
import type { RedriveDeadLetters, Standing } from '../../core/remedy.ts';
import { requireSameEnd } from '../aws-doors.ts';
import { isCount, unreadable } from '../service-door.ts';
import { doorsAt, refusal, type Place, type RemedyPorts } from './ask.ts';

export type RedriveStanding = Extract<Standing, { readonly kind: 'redrive' }>;

/** SQS takes no more. */
const perSecondMax = 500;

/** @throws WorldError `QueueArn` where it is no name of a queue; what the door throws. */
export async function lookAtRedrive(
  ports: RemedyPorts,
  queueArn: string,
  signal: AbortSignal,
): Promise<RedriveStanding> {
  const tasks = await listTasks(ports, queueArn, signal);
  // The newest first, as SQS documents. One that failed or was cancelled has not done what was asked.
  const latest = tasks.find(({ Status }) => Status === 'RUNNING' || Status === 'COMPLETED');
  if (!latest) return { kind: 'redrive', queueArn, isRunning: false, movedCount: 0 };
  const { ApproximateNumberOfMessagesMoved: movedCount = 0, StartedTimestamp: startedAtMs } = latest;
  if (!isCount(movedCount) || !isCount(startedAtMs)) throw unreadable('a task without its beginning');
  return { kind: 'redrive', queueArn, isRunning: latest.Status === 'RUNNING', movedCount, startedAtMs };
}

/** One task. @throws what the door throws: SQS refuses a second one while one runs, and a queue that takes nobody's dead letters. */
export async function redriveDeadLetters(
  ports: RemedyPorts,
  { queueArn, messagesPerSecondMax }: RedriveDeadLetters,
  signal: AbortSignal,
): Promise<void> {
  const doors = doorsAt(ports, placeOfQueue(queueArn));
  await requireSameEnd(doors, 'queues', () => listTasks(ports, queueArn, signal));
  const command = new StartMessageMoveTaskCommand({
    SourceArn: queueArn,
    MaxNumberOfMessagesPerSecond: Math.max(1, Math.min(perSecondMax, Math.floor(messagesPerSecondMax))),
  });
  await doors.queues.send({ urgency: 'urgent', signal }, (client, abortSignal) =>
    client.send(command, { abortSignal }),
  );
}

async function listTasks(
  ports: RemedyPorts,
  queueArn: string,
  signal: AbortSignal,
): Promise<readonly ListMessageMoveTasksResultEntry[]> {
  const command = new ListMessageMoveTasksCommand({ SourceArn: queueArn, MaxResults: 10 });
  const { queues } = doorsAt(ports, placeOfQueue(queueArn));
  const { Results } = await queues.send({ urgency: 'urgent', signal }, (client, abortSignal) =>
    client.send(command, { abortSignal }),
  );
  return Results ?? [];
}

function placeOfQueue(queueArn: string): Place {
  const match = /^arn:aws(?:-[a-z]+)*:sqs:([a-z0-9-]{1,32}):(\d{12}):[A-Za-z0-9_-]{1,80}(?:\.fifo)?$/.exec(queueArn);
  if (!match) throw refusal('QueueArn', `'${queueArn.slice(0, 200)}' is no ARN of a queue`);
  return { region: match[1]!, accountId: match[2]! };
}
