/** Where targets answer: what comes is judged by its signature before anything else of it is looked at, and is a fact like all others. */
import { readPagerdutyAnswer } from '../actuators/notify/pagerduty-answer.ts';
import { msPerDay, msPerMinute, type Clock } from '../core/time.ts';
import type { Fact } from './facts.ts';

export interface OncallInbox {
  /** @returns `unsigned` for a target that nobody named too: whoever has no secret learns no names. */
  take(target: string, bytes: Uint8Array, signatures: string | undefined): 'unsigned' | 'ignored' | 'taken';
}

/** A target that may answer, and by which secrets it is believed. */
export interface AnsweringTarget {
  readonly name: string;
  readonly webhookSecrets: readonly { reveal(): string }[];
}

/** PagerDuty tries for a day or so; what was recorded by somebody and is sent later is not an answer any more. */
const ageMsMax = 2 * msPerDay;
const aheadMsMax = 5 * msPerMinute;

export function createOncallInbox(
  targets: readonly AnsweringTarget[],
  { clock, admit }: { readonly clock: Clock; readonly admit: (fact: Fact) => unknown },
): OncallInbox {
  const secretsOf = new Map(targets.map(({ name, webhookSecrets }) => [name, webhookSecrets]));
  return {
    take(target, bytes, signatures) {
      const secrets = (secretsOf.get(target) ?? []).map((secret) => secret.reveal());
      const read = readPagerdutyAnswer(bytes, { signatures, secrets });
      if (read.kind !== 'answered') return read.kind;
      const ageMs = clock.nowMs() - read.answer.atMs;
      if (ageMs > ageMsMax || ageMs < -aheadMsMax) return 'ignored';
      admit({ kind: 'answered', answer: { target, ...read.answer } });
      return 'taken';
    },
  };
}
