/** A playbook's word to another system: a signed webhook through one of the targets of on-call, whose addresses and secrets the operator has set. */
import { dedupKeyOf, type Notification } from '../../actuators/notify/notification.ts';
import { truncate } from '../../actuators/notify/text.ts';
import type { DeliveryOutcome } from '../../actuators/notify/outbox.ts';
import type { Outcome } from '../../core/action.ts';
import { assertNever } from '../../core/assert.ts';
import type { CallWebhook } from '../../core/remedy.ts';
import type { Clock } from '../../core/time.ts';
import type { Messenger } from '../messenger.ts';

/**
 * @param messenger absent: there is no on-call, and so no target.
 * @returns a caller. What is said carries `remedy.id`, the same at each attempt: by it a receiver knows a repetition.
 */
export function createWebhookCaller(messenger: Messenger | undefined, clock: Clock) {
  return async (remedy: CallWebhook, signal: AbortSignal): Promise<Outcome> => {
    const { target, id } = remedy;
    if (!messenger) return refused(clock, 'there is no on-call, and so no target that could be called');
    const delivery = {
      ...{ laneId: `playbook ${id}`, target, attempt: 1, mayRepeat: true },
      notification: notificationOf(remedy, clock),
      cause: { subject: 'account', because: remedy.because },
    };
    return outcomeOf(await messenger.deliver(delivery, signal));
  };
}

function notificationOf({ id, body, because }: CallWebhook, clock: Clock): Notification {
  const nowMs = clock.nowMs();
  const dedupKey = dedupKeyOf('playbook', id);
  return {
    ...{
      id: dedupKey.slice(0, 32),
      dedupKey,
      level: 'notice',
      step: 'trigger',
      isEscalation: false,
      severity: 'minor',
    },
    ...{ summary: truncate(body, 500), source: 'playbook', startsAtMs: nowMs, atMs: nowMs },
    ...{ harmed: [], evidence: [because], done: [], decide: [], links: [], attributes: { remedy: id } },
  };
}

function outcomeOf(outcome: DeliveryOutcome): Outcome {
  const { atMs } = outcome;
  switch (outcome.kind) {
    case 'taken':
      return { kind: 'accepted', atMs };
    case 'refused':
    case 'gone':
      return { kind: 'refused', atMs, code: 'TargetRefused', message: outcome.because };
    case 'failed': {
      const { because, mayHaveArrived, retryAfterMs } = outcome;
      const told = {
        atMs,
        code: 'TargetFailed',
        message: because,
        ...(retryAfterMs !== undefined && { retryAfterMs }),
      };
      return { kind: mayHaveArrived ? 'unknown' : 'unavailable', ...told };
    }
    default:
      return assertNever(outcome);
  }
}

function refused(clock: Clock, message: string): Outcome {
  return { kind: 'refused', atMs: clock.nowMs(), code: 'NoTarget', message };
}
