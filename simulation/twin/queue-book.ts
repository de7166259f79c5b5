/**
 * The queues of an account: messages, where they go that nobody could handle, and the tasks that move those back.
 *
 * Nothing happens between calls that could be seen: what a task has moved by now is worked out when somebody asks.
 */
import type { Random } from '../../core/random.ts';
import type { EpochMs } from '../../core/time.ts';
import { uuidFrom } from './function-registry.ts';
import type { TwinParams } from './limits.ts';
import type { TwinPlace } from './twin-function.ts';

export interface Message {
  readonly id: string;
  readonly body: string;
  /** The queue that gave it up; messages that were sent here have none. */
  readonly originArn?: string;
  readonly receiveCount: number;
  /** Hidden from receivers until then. */
  readonly visibleAtMs: EpochMs;
  /** Of its last receive. */
  readonly receipt?: string;
}

export interface Queue {
  readonly name: string;
  readonly arn: string;
  readonly createdAtMs: EpochMs;
  redrive: { readonly deadLetterTargetArn: string; readonly maxReceiveCount: number } | undefined;
  visibilityTimeoutSeconds: number;
  messages: readonly Message[];
}

export type MoveStatus = 'CANCELLED' | 'COMPLETED' | 'FAILED' | 'RUNNING';

export interface MoveTask {
  readonly id: string;
  readonly sourceArn: string;
  readonly destinationArn: string | undefined;
  readonly perSecond: number | undefined;
  readonly startedAtMs: EpochMs;
  readonly toMoveCount: number;
  movedCount: number;
  status: MoveStatus;
  failureReason?: string;
}

export interface QueueBook {
  /** By name. */
  readonly queues: Map<string, Queue>;
  /** The newest first; of a queue no more than SQS lists. */
  readonly tasks: readonly MoveTask[];
  readonly messageCount: number;
  nextId(): string;
  queueAt(arn: string): Queue | undefined;
  start(task: Pick<MoveTask, 'sourceArn' | 'destinationArn' | 'perSecond'>, nowMs: EpochMs): MoveTask;
  /** Moves what is due by then. */
  settle(nowMs: EpochMs): void;
}

/** Documented: a listing shows ten at most. */
const taskCountMax = 10;

export function createQueueBook({
  place,
  params,
  random,
}: {
  readonly place: TwinPlace;
  readonly params: TwinParams;
  readonly random: Random;
}): QueueBook {
  const queues = new Map<string, Queue>();
  let tasks: readonly MoveTask[] = [];
  const prefix = `arn:aws:sqs:${place.region}:${place.accountId}:`;
  const queueAt = (arn: string): Queue | undefined =>
    arn.startsWith(prefix) ? queues.get(arn.slice(prefix.length)) : undefined;

  /** One message, from the head of the queue. */
  const moveOne = (task: MoveTask, nowMs: EpochMs): void => {
    const source = queueAt(task.sourceArn);
    const [message, ...others] = source?.messages ?? [];
    if (!source || !message) {
      task.status = 'COMPLETED';
      return;
    }
    const targetArn = task.destinationArn ?? message.originArn;
    const target = targetArn === undefined ? undefined : queueAt(targetArn);
    if (!target) {
      task.status = 'FAILED';
      task.failureReason =
        targetArn === undefined ? 'CouldNotDetermineMessageSource' : 'AWS.SimpleQueueService.NonExistentQueue';
      return;
    }
    source.messages = others;
    const { id, body } = message;
    target.messages = [...target.messages, { id, body, receiveCount: 0, visibleAtMs: nowMs }];
    task.movedCount++;
  };

  return {
    queues,
    get tasks() {
      return tasks;
    },
    get messageCount() {
      return [...queues.values()].reduce((sum, { messages }) => sum + messages.length, 0);
    },
    nextId: () => uuidFrom(random),
    queueAt,
    start(asked, nowMs) {
      const task: MoveTask = {
        ...asked,
        id: uuidFrom(random),
        startedAtMs: nowMs,
        toMoveCount: queueAt(asked.sourceArn)?.messages.length ?? 0,
        movedCount: 0,
        status: 'RUNNING',
      };
      const ofQueue = [task, ...tasks.filter(({ sourceArn }) => sourceArn === asked.sourceArn)].slice(0, taskCountMax);
      tasks = [...ofQueue, ...tasks.filter(({ sourceArn }) => sourceArn !== asked.sourceArn)];
      return task;
    },
    settle(nowMs) {
      for (const task of tasks) {
        const perSecond = task.perSecond ?? params.movedPerSecondMax;
        const dueCount = Math.min(
          task.toMoveCount,
          Math.floor(((nowMs - task.startedAtMs) / 1_000) * perSecond + 1e-9),
        );
        while (task.status === 'RUNNING' && task.movedCount < dueCount) moveOne(task, nowMs);
        if (task.status === 'RUNNING' && task.movedCount >= task.toMoveCount) task.status = 'COMPLETED';
      }
    },
  };
}
