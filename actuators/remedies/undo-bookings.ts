/**
 * Undos that AWS is asked to carry out at a remedy's end: one-time schedules beside those of capacity (booked-calls.ts).
 *
 * They know no revision: what an alias is at by then cannot be known now, and a lock that never fits would give nothing back.
 */
import type { BookUndo, CancelUndo } from '../../core/remedy.ts';
import { assertNever } from '../../core/assert.ts';
import { msPerDay } from '../../core/time.ts';
import { undoNameOf, type Undo } from '../../core/undo.ts';
import { functionArnOf, nameOf } from '../arn.ts';
import { requireSameEnd } from '../aws-doors.ts';
import { bookSchedule, cancelSchedule, listSchedulePage, type OneTimeSchedule } from '../one-time-schedule.ts';
import type { RemedyPorts } from './ask.ts';

export interface UndoBookingOptions extends RemedyPorts {
  /** The role that EventBridge Scheduler makes the calls as. Absent: a name that only the twin takes. */
  readonly roleArn?: string | undefined;
  /** Of schedules; `default` is always there. */
  readonly groupName?: string | undefined;
}

/** @throws WorldError `AnotherEnd` where Scheduler is not at Lambda's end; what the door throws. */
export async function carryOutBooking(
  { doorsOf, roleArn, groupName = 'default' }: UndoBookingOptions,
  { kind, undo }: BookUndo | CancelUndo,
  signal: AbortSignal,
): Promise<void> {
  const doors = doorsOf(nameOf(undo.key));
  const options = { groupName, roleArn, signal };
  await requireSameEnd(doors, 'scheduler', () => listSchedulePage(doors.scheduler, { groupName, signal, countMax: 1 }));
  if (kind === 'cancel-undo') await cancelSchedule(doors.scheduler, undoNameOf(undo), options);
  else await bookSchedule(doors.scheduler, scheduleOf(undo), options);
}

function scheduleOf(undo: Undo): OneTimeSchedule {
  return {
    name: undoNameOf(undo),
    atMs: undo.atMs,
    // The longest there is: given up, a function stays stopped until somebody looks.
    retriedForMs: msPerDay,
    place: nameOf(undo.key),
    ...callOf(undo),
  };
}

/** The API's own words for the call, as universal targets spell them: `Uuid` where Lambda itself says `UUID`. */
function callOf(undo: Undo): Pick<OneTimeSchedule, 'api' | 'input'> {
  const name = nameOf(undo.key);
  const FunctionName = functionArnOf(name);
  switch (undo.kind) {
    case 'restore-weights': {
      const RoutingConfig = { AdditionalVersionWeights: undo.weights };
      return { api: 'lambda:updateAlias', input: { FunctionName, Name: name.alias, RoutingConfig } };
    }
    case 'restore-reserved':
      return undo.concurrency === null
        ? { api: 'lambda:deleteFunctionConcurrency', input: { FunctionName } }
        : {
            api: 'lambda:putFunctionConcurrency',
            input: { FunctionName, ReservedConcurrentExecutions: undo.concurrency },
          };
    case 'restore-event-source':
      return { api: 'lambda:updateEventSourceMapping', input: { Uuid: undo.uuid, Enabled: undo.isEnabled } };
    default:
      return assertNever(undo);
  }
}
