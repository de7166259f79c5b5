/** `oncall test`: one message to one target, by the way that pages take. It goes past routes and outbox: whether the target takes it is the question. */
import { dedupKeyOf, type Notification } from '../actuators/notify/notification.ts';
import { targetKinds } from '../actuators/notify/targets.ts';
import { InputError } from '../core/errors.ts';
import type { EpochMs } from '../core/time.ts';
import { createMessenger } from '../service/messenger.ts';
import { realClock } from '../service/real-time.ts';
import { loadNamedConfig } from './config-flags.ts';
import { parseWord, printJson, type Verb } from './verb.ts';

export const oncallTestVerb: Verb = {
  name: 'oncall test',
  summary: 'sends a test message to one target of on-call',
  usage: `
foreshock oncall test TARGET --config F [--page] [--json]

  TARGET       as the configuration names it
  --config F   the configuration (see config/examples/)
  --page       a page, which wakes somebody, and that it is over; left out: a notice (at PagerDuty a change event, by the same key)
  --json       { "target", "sent": [{ "step", "isTaken", "because" }] }

What is sent says that it is a test. Exit 1: the target did not take it.
`,
  async run(args, terminal) {
    const { word: name, values } = parseWord(
      args,
      {
        config: { type: 'string' },
        page: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
      'a target, as oncall.targets of the configuration names it',
    );
    const { oncall } = await loadNamedConfig(values.config, terminal);
    const targets = oncall?.targets ?? [];
    const target = targets.find((one) => one.name === name);
    if (!target) {
      const known = targets.length === 0 ? 'it has none' : `it has ${targets.map((one) => one.name).join(', ')}`;
      throw new InputError('oncall.target', `there is no target ${name} in the configuration: ${known}`);
    }
    const messenger = createMessenger({ targets, clock: realClock });
    const messages = testMessages(values.page ? 'page' : 'notice', realClock.nowMs()).filter(
      targetKinds[target.kind].isSpoken,
    );
    const sent: { step: string; isTaken: boolean; because: string }[] = [];
    for (const notification of messages) {
      const cause = { subject: 'account', because: 'somebody asked for a test' };
      const delivery = { laneId: name, target: name, notification, cause, attempt: 1, mayRepeat: false };
      const outcome = await messenger.deliver(delivery, terminal.signal);
      const isTaken = outcome.kind === 'taken';
      const because = isTaken ? `it answers ${outcome.status}` : outcome.because;
      sent.push({ step: notification.step, isTaken, because });
      if (!isTaken) break;
    }
    if (values.json) printJson(terminal, { target: name, sent });
    else
      for (const { step, isTaken, because } of sent)
        terminal.out(`${name} ${isTaken ? 'took' : 'did not take'} the ${step}: ${because}\n`);
    return sent.every(({ isTaken }) => isTaken) ? 0 : 1;
  },
};

/** A page is over at once: what stands open would hide a true one, and wake the next person. */
function testMessages(level: 'page' | 'notice', atMs: EpochMs): readonly Notification[] {
  const dedupKey = dedupKeyOf('test', String(atMs));
  const message = (step: 'trigger' | 'resolve'): Notification => ({
    ...{ id: dedupKeyOf(dedupKey, step).slice(0, 32), dedupKey, level, step, isEscalation: false, severity: 'minor' },
    ...{ summary: 'This is a test of Foreshock: nothing is wrong', source: 'foreshock', startsAtMs: atMs, atMs },
    ...{ harmed: [], evidence: ['somebody ran: foreshock oncall test'], done: [], decide: [], links: [] },
    attributes: { incident: 'test' },
  });
  return [message('trigger'), message('resolve')].slice(0, level === 'page' ? 2 : 1);
}
