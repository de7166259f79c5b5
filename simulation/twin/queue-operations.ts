/**
 * SQS as far as dead letters need it: queues, messages that are sent, received too often and given up, and tasks that move them back. Words and codes of moves as recorded.
 */
import { createHash } from 'node:crypto';
import type { EpochMs } from '../../core/time.ts';
import { errorAnswer, Refusal } from './answer.ts';
import type { TwinParams } from './limits.ts';
import type { Message, MoveTask, Queue, QueueBook } from './queue-book.ts';
import { integerIn, membersIn, membersOf, textIn, type Members } from './request-body.ts';
import type { TwinPlace } from './twin-function.ts';

export const queueOperationNames = [
  'CancelMessageMoveTask',
  'CreateQueue',
  'DeleteMessage',
  'DeleteQueue',
  'GetQueueAttributes',
  'GetQueueUrl',
  'ListMessageMoveTasks',
  'ReceiveMessage',
  'SendMessage',
  'SetQueueAttributes',
  'StartMessageMoveTask',
] as const;

export type QueueOperationName = (typeof queueOperationNames)[number];

export interface QueueContext {
  readonly book: QueueBook;
  readonly params: TwinParams;
  readonly place: TwinPlace;
  /** What queues are reached by: their addresses are made of it. */
  readonly host: string | undefined;
}

type Operation = (context: QueueContext, members: Members, nowMs: EpochMs) => object;

export const queueOperations: Readonly<Record<QueueOperationName, Operation>> = {
  CreateQueue(context, members, nowMs) {
    const { book, params, place } = context;
    const name = textIn(members, 'QueueName') ?? '';
    if (!/^[A-Za-z0-9_-]{1,80}$/.test(name)) {
      throw refused(
        'InvalidParameterValue',
        'Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length',
      );
    }
    const attributes = membersOf(members, 'Attributes') ?? {};
    const before = book.queues.get(name);
    // The same again is the same queue; other attributes are another's.
    if (before && JSON.stringify(settingsIn(attributes, before)) !== JSON.stringify(settingsOf(before))) {
      throw refused(
        'QueueAlreadyExists',
        'A queue already exists with the same name and a different value for attribute RedrivePolicy',
      );
    }
    if (!before) {
      if (book.queues.size >= params.queueCountMax)
        throw refused('OverLimit', `The twin keeps ${params.queueCountMax} queues.`);
      const arn = `arn:aws:sqs:${place.region}:${place.accountId}:${name}`;
      const queue = { name, arn, createdAtMs: nowMs, redrive: undefined, visibilityTimeoutSeconds: 30, messages: [] };
      book.queues.set(name, { ...queue, ...settingsIn(attributes, queue) });
    }
    return { QueueUrl: urlOf(context, name) };
  },
  GetQueueUrl(context, members) {
    const name = textIn(members, 'QueueName') ?? '';
    if (!context.book.queues.has(name)) throw noQueue();
    return { QueueUrl: urlOf(context, name) };
  },
  DeleteQueue({ book }, members) {
    book.queues.delete(queueIn(book, members).name);
    return {};
  },
  SetQueueAttributes({ book }, members) {
    const queue = queueIn(book, members);
    Object.assign(queue, settingsIn(membersOf(members, 'Attributes') ?? {}, queue));
    return {};
  },
  GetQueueAttributes({ book }, members, nowMs) {
    const asked = members['AttributeNames'];
    const names = Array.isArray(asked) ? (asked as unknown[]).map(String) : [];
    const all = Object.entries(attributesOf(queueIn(book, members), nowMs));
    return { Attributes: Object.fromEntries(all.filter(([name]) => names.includes('All') || names.includes(name))) };
  },
  SendMessage({ book, params }, members, nowMs) {
    const queue = queueIn(book, members);
    const body = textIn(members, 'MessageBody') ?? '';
    if (body === '') throw refused('MissingParameter', 'The request must contain the parameter MessageBody.');
    if (book.messageCount >= params.messageCountMax)
      throw refused('OverLimit', `The twin keeps ${params.messageCountMax} messages.`);
    const message: Message = { id: book.nextId(), body, receiveCount: 0, visibleAtMs: nowMs };
    queue.messages = [...queue.messages, message];
    return { MessageId: message.id, MD5OfMessageBody: md5Of(body) };
  },
  ReceiveMessage({ book }, members, nowMs) {
    const queue = queueIn(book, members);
    const countMax = integerIn(members, 'MaxNumberOfMessages') ?? 1;
    if (countMax < 1 || countMax > 10) {
      throw refused(
        'InvalidParameterValue',
        `Value ${countMax} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.`,
      );
    }
    const hiddenForMs = (integerIn(members, 'VisibilityTimeout') ?? queue.visibilityTimeoutSeconds) * 1_000;
    giveUp(book, queue, nowMs);
    const given = queue.messages
      .filter(({ visibleAtMs }) => visibleAtMs <= nowMs)
      .slice(0, countMax)
      .map((message) => ({
        ...message,
        receiveCount: message.receiveCount + 1,
        visibleAtMs: nowMs + hiddenForMs,
        receipt: book.nextId(),
      }));
    const byId = new Map(given.map((message) => [message.id, message]));
    queue.messages = queue.messages.map((message) => byId.get(message.id) ?? message);
    if (given.length === 0) return {};
    return {
      Messages: given.map(({ id, body, receipt, receiveCount }) => ({
        MessageId: id,
        Body: body,
        MD5OfBody: md5Of(body),
        ReceiptHandle: receipt,
        Attributes: { ApproximateReceiveCount: String(receiveCount) },
      })),
    };
  },
  DeleteMessage({ book }, members) {
    const queue = queueIn(book, members);
    const receipt = textIn(members, 'ReceiptHandle') ?? '';
    queue.messages = queue.messages.filter((message) => message.receipt !== receipt);
    return {};
  },
  StartMessageMoveTask({ book, params }, members, nowMs) {
    const sourceArn = textIn(members, 'SourceArn') ?? '';
    const destinationArn = textIn(members, 'DestinationArn');
    const perSecond = integerIn(members, 'MaxNumberOfMessagesPerSecond');
    if (perSecond !== undefined && (perSecond < 1 || perSecond > params.movedPerSecondMax)) {
      throw refused(
        'InvalidParameterValue',
        `Value ${perSecond} for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: Must be between 1 and ${params.movedPerSecondMax}.`,
      );
    }
    sourceIn(book, sourceArn);
    const feeds = [...book.queues.values()].some(({ redrive }) => redrive?.deadLetterTargetArn === sourceArn);
    if (!feeds) throw refused('InvalidParameterValue', 'Source queue must be configured as a Dead Letter Queue.');
    if (destinationArn !== undefined && !book.queueAt(destinationArn)) throw noResource('DestinationArn');
    if (book.tasks.some((task) => task.sourceArn === sourceArn && task.status === 'RUNNING')) {
      throw refused(
        'InvalidParameterValue',
        'There is already a task running. Only one active task is allowed for a source queue arn at a given time.',
      );
    }
    return { TaskHandle: handleOf(book.start({ sourceArn, destinationArn, perSecond }, nowMs)) };
  },
  ListMessageMoveTasks({ book }, members) {
    const sourceArn = textIn(members, 'SourceArn') ?? '';
    sourceIn(book, sourceArn);
    const countMax = integerIn(members, 'MaxResults') ?? 1;
    const found = book.tasks
      .filter((task) => task.sourceArn === sourceArn)
      .slice(0, Math.max(1, Math.min(10, countMax)));
    return { Results: found.map(taskBody) };
  },
  CancelMessageMoveTask({ book }, members) {
    const { taskId, sourceArn } = handleIn(textIn(members, 'TaskHandle') ?? '');
    sourceIn(book, sourceArn);
    const task = book.tasks.find(({ id, status }) => id === taskId && status === 'RUNNING');
    if (!task) throw notThere('Task does not exist.');
    task.status = 'CANCELLED';
    return { ApproximateNumberOfMessagesMoved: task.movedCount };
  },
};

/** What has been received as often as it may be, and is to be seen again, goes to the dead letters. */
function giveUp(book: QueueBook, queue: Queue, nowMs: EpochMs): void {
  const { redrive } = queue;
  const target = redrive && book.queueAt(redrive.deadLetterTargetArn);
  if (!redrive || !target) return;
  const isOver = ({ receiveCount, visibleAtMs }: Message): boolean =>
    receiveCount >= redrive.maxReceiveCount && visibleAtMs <= nowMs;
  const given = queue.messages.filter(isOver);
  if (given.length === 0) return;
  queue.messages = queue.messages.filter((message) => !isOver(message));
  const moved = given.map(({ id, body }) => ({ id, body, originArn: queue.arn, receiveCount: 0, visibleAtMs: nowMs }));
  target.messages = [...target.messages, ...moved];
}

type Settings = Pick<Queue, 'redrive' | 'visibilityTimeoutSeconds'>;

function settingsOf({ redrive, visibilityTimeoutSeconds }: Settings): Settings {
  return { redrive, visibilityTimeoutSeconds };
}

function settingsIn(attributes: Members, before: Settings): Settings {
  const policy = textIn(attributes, 'RedrivePolicy');
  const timeout = textIn(attributes, 'VisibilityTimeout');
  if (timeout !== undefined && !/^\d{1,5}$/.test(timeout)) {
    throw refused('InvalidAttributeValue', 'Invalid value for the parameter VisibilityTimeout.');
  }
  return {
    redrive: policy === undefined ? before.redrive : policy === '' ? undefined : redriveIn(policy),
    visibilityTimeoutSeconds: timeout === undefined ? before.visibilityTimeoutSeconds : Number(timeout),
  };
}

function redriveIn(policy: string): Settings['redrive'] {
  const members = membersIn(policy);
  const deadLetterTargetArn = textIn(members, 'deadLetterTargetArn');
  // Sent as a number or as a text: both are documented.
  const maxReceiveCount = Number(members['maxReceiveCount']);
  if (deadLetterTargetArn === undefined || !(maxReceiveCount >= 1 && maxReceiveCount <= 1_000)) {
    throw refused('InvalidParameterValue', `Value ${policy.slice(0, 300)} for parameter RedrivePolicy is invalid.`);
  }
  return { deadLetterTargetArn, maxReceiveCount };
}

function attributesOf(queue: Queue, nowMs: EpochMs): Readonly<Record<string, string>> {
  const visibleCount = queue.messages.filter(({ visibleAtMs }) => visibleAtMs <= nowMs).length;
  return {
    QueueArn: queue.arn,
    ApproximateNumberOfMessages: String(visibleCount),
    ApproximateNumberOfMessagesNotVisible: String(queue.messages.length - visibleCount),
    ApproximateNumberOfMessagesDelayed: '0',
    CreatedTimestamp: String(Math.floor(queue.createdAtMs / 1_000)),
    VisibilityTimeout: String(queue.visibilityTimeoutSeconds),
    ...(queue.redrive && { RedrivePolicy: JSON.stringify(queue.redrive) }),
  };
}

function taskBody(task: MoveTask): object {
  const { sourceArn, destinationArn, perSecond, failureReason } = task;
  return {
    ...(task.status === 'RUNNING' && { TaskHandle: handleOf(task) }),
    Status: task.status,
    SourceArn: sourceArn,
    ...(destinationArn !== undefined && { DestinationArn: destinationArn }),
    ...(perSecond !== undefined && { MaxNumberOfMessagesPerSecond: perSecond }),
    ApproximateNumberOfMessagesMoved: task.movedCount,
    ApproximateNumberOfMessagesToMove: task.toMoveCount,
    ...(failureReason !== undefined && { FailureReason: failureReason }),
    StartedTimestamp: task.startedAtMs,
  };
}

function handleOf({ id, sourceArn }: MoveTask): string {
  return Buffer.from(JSON.stringify({ taskId: id, sourceArn })).toString('base64');
}

function handleIn(handle: string): { readonly taskId: string; readonly sourceArn: string } {
  try {
    const { taskId, sourceArn } = JSON.parse(Buffer.from(handle, 'base64').toString()) as Members;
    if (typeof taskId === 'string' && typeof sourceArn === 'string') return { taskId, sourceArn };
  } catch {
    // Said below, as of everything that is no handle.
  }
  throw refused('InvalidParameterValue', 'Value for parameter TaskHandle is invalid.');
}

function sourceIn(book: QueueBook, arn: string): Queue {
  const queue = book.queueAt(arn);
  if (!queue) throw noResource('SourceArn');
  return queue;
}

/** By the last part of its address, whatever the host is called by whoever asks. */
function queueIn(book: QueueBook, members: Members): Queue {
  const queue = book.queues.get((textIn(members, 'QueueUrl') ?? '').split('/').at(-1) ?? '');
  if (!queue) throw noQueue();
  return queue;
}

function urlOf({ host, place }: QueueContext, name: string): string {
  return `http://${host ?? `sqs.${place.region}.localhost`}/${place.accountId}/${name}`;
}

function refused(code: string, message: string): Refusal {
  return new Refusal(errorAnswer(400, code, { message }));
}

function noQueue(): Refusal {
  return refused('AWS.SimpleQueueService.NonExistentQueue', 'The specified queue does not exist.');
}

function noResource(parameter: string): Refusal {
  return notThere(`The resource that you specified for the ${parameter} parameter doesn't exist.`);
}

function notThere(message: string): Refusal {
  return new Refusal(errorAnswer(404, 'ResourceNotFoundException', { message }));
}

function md5Of(body: string): string {
  return createHash('md5').update(body).digest('hex');
}
