/** One call that a remedy wants, to whoever carries out its kind. */
import { isAtAws, type Remedies } from '../../actuators/remedies/index.ts';
import type { Outcome } from '../../core/action.ts';
import { assertNever } from '../../core/assert.ts';
import { WorldError } from '../../core/errors.ts';
import type { AddProvisioned, CallWebhook } from '../../core/remedy.ts';
import type { Clock } from '../../core/time.ts';
import type { BreakerBoard } from '../breaker-board.ts';
import type { JobAnswer, JobCall } from './job.ts';

export interface RemedyCaller {
  /** Never throws for what the world answers: no answer is one. */
  call(call: JobCall, signal: AbortSignal): Promise<JobAnswer>;
}

export interface RemedyCallerOptions {
  readonly remedies: Remedies;
  readonly clock: Clock;
  /** Where clients of breakers read, beside what is written for them at AWS. */
  readonly board: Pick<BreakerBoard, 'put'>;
  /** Both say the same each time they are asked the same. */
  readonly callWebhook: (remedy: CallWebhook, signal: AbortSignal) => Promise<Outcome>;
  readonly addProvisioned: (remedy: AddProvisioned, signal: AbortSignal) => Promise<Outcome>;
}

export function createRemedyCaller(options: RemedyCallerOptions): RemedyCaller {
  return {
    async call(call, signal) {
      try {
        return await make(options, call, signal);
      } catch (error) {
        if (!(error instanceof WorldError)) throw error;
        const { code, message } = error;
        return { kind: 'outcome', outcome: { kind: 'unavailable', atMs: options.clock.nowMs(), code, message } };
      }
    },
  };
}

async function make(options: RemedyCallerOptions, call: JobCall, signal: AbortSignal): Promise<JobAnswer> {
  const { remedies } = options;
  switch (call.kind) {
    case 'look':
      if (!isAtAws(call.remedy)) return refused(options, 'there is nothing to look at');
      return { kind: 'stood', standing: await remedies.look(call.remedy, signal) };
    case 'book':
    case 'cancel': {
      const kind = call.kind === 'book' ? 'book-undo' : 'cancel-undo';
      const outcome = await remedies.book({ kind, undo: call.undo, because: call.because }, signal);
      return { kind: 'outcome', outcome };
    }
    case 'apply':
      return { kind: 'outcome', outcome: await apply(options, call, signal) };
    case 'give-back':
      return { kind: 'outcome', outcome: await remedies.giveBack(call.undo, call.remedy, signal) };
    default:
      return assertNever(call);
  }
}

function apply(
  { remedies, board, callWebhook, addProvisioned }: RemedyCallerOptions,
  { remedy, before }: Extract<JobCall, { kind: 'apply' }>,
  signal: AbortSignal,
): Promise<Outcome> {
  if (remedy.kind === 'call-webhook') return callWebhook(remedy, signal);
  if (remedy.kind === 'add-provisioned') return addProvisioned(remedy, signal);
  // Whoever asks us hears of it at once, and whether or not a table takes it.
  if (remedy.kind === 'move-breaker') board.put(remedy.standing);
  return remedies.apply(remedy, before, signal);
}

function refused({ clock }: RemedyCallerOptions, message: string): JobAnswer {
  return { kind: 'outcome', outcome: { kind: 'refused', atMs: clock.nowMs(), code: 'NotPossible', message } };
}
