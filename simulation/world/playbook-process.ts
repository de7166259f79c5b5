/**
 * The production system with one playbook, in a process of its own, so that it can be killed: on a store in a file, on a clock that moves by order, against a twin and
 * targets that live elsewhere. The first argument is a PlaybookStart; everything else comes by message.
 */
import type { AuditEvent } from '../../core/audit.ts';
import type { LogRecord, Store } from '../../core/ports.ts';
import { msPerMinute, msPerSecond } from '../../core/time.ts';
import { createVirtualClock } from '../../core/virtual-clock.ts';
import { createVenue } from '../../calendar/venue.ts';
import { createBreakerBoard } from '../../service/breaker-board.ts';
import { openCalendarDesk } from '../../service/calendar-desk.ts';
import { createMessenger, type Messenger } from '../../service/messenger.ts';
import { createCapacityCaller } from '../../service/remedies/added-capacity.ts';
import { createBreakerItems } from '../../service/remedies/breaker-items.ts';
import { createRemedyCaller } from '../../service/remedies/caller.ts';
import { createWebhookCaller } from '../../service/remedies/webhook.ts';
import { createRemedies } from '../../actuators/remedies/index.ts';
import { openEmbeddedStore } from '../../store/embedded.ts';
import type { WindowDelta } from '../../core/window.ts';
import { listenToOrders, type Orders } from './child-orders.ts';
import { silentLog } from './audit-ear.ts';
import { composeOn } from './demo.ts';
import { createDrive } from './drive.ts';
import { playbookOptions, playbookTargets } from './playbook-cast.ts';
import type { PlaybookOrder, PlaybookReport, PlaybookStart, ToldSecond } from './playbook-messages.ts';

const decoder = new TextDecoder();
const stepKinds = ['action.', 'approval.', 'breaker.', 'brake.', 'incident.', 'notification.', 'playbook.', 'prewarm.'];

await live(JSON.parse(process.argv[2]!) as PlaybookStart);

async function live({ name, uuid, nowMs, storeFile, endpointUrl, urls }: PlaybookStart): Promise<void> {
  const orders = listenToOrders<PlaybookOrder, PlaybookReport>();
  const clock = createVirtualClock(nowMs);
  const beforeCall = (): Promise<void> => orders.ask((id) => ({ kind: 'reached', id, atMs: clock.nowMs() }));
  const drive = createDrive({ clock, endpointUrl, beforeCall });
  const { whileInFlight, doorsOf } = drive.ports;
  const kept = await openEmbeddedStore(storeFile, { survives: 'crash' });
  const known = await readEvents(kept);
  const store = reportAppends(kept, orders);
  const options = playbookOptions(name, uuid);
  const desk = await openCalendarDesk({
    ...{ store, clock, log: silentLog, sessionClock: createVenue('Etc/UTC'), given: [], sources: [] },
  });
  const sender = createMessenger({ targets: playbookTargets(urls), clock });
  const messenger: Messenger = { deliver: (delivery, signal) => whileInFlight(() => sender.deliver(delivery, signal)) };
  const addCapacity = createCapacityCaller({ specs: options.functions.map(({ spec }) => spec), desk, clock });
  // Calls to AWS wait for their turn in virtual time, and are counted once they are on the wire.
  const remedies = createRemedyCaller({
    remedies: createRemedies({
      ...{ doorsOf, clock, breakerItems: createBreakerItems(options.remedies?.breakers ?? [], clock) },
    }),
    ...{ clock, board: createBreakerBoard(clock) },
    callWebhook: createWebhookCaller(messenger, clock),
    addProvisioned: (remedy) => whileInFlight(() => addCapacity(remedy)),
  });
  let deltas: readonly WindowDelta[] = [];
  const system = await composeOn(
    { ...drive.ports, sealSpans: () => deltas },
    { ...options, calendar: desk.calendar() },
    { store, log: silentLog, remedies, messenger },
  );
  desk.connect((fact) => system.admit(fact));
  await drive.settled();
  report({ kind: 'began', events: known });

  const play = async (second: ToldSecond): Promise<void> => {
    await drive.passTo(clock.nowMs() + msPerSecond);
    deltas = second.deltas;
    for (const fact of second.facts) system.admit(fact);
    await drive.tick(system);
    // As often as the service does.
    if (clock.nowMs() % msPerMinute === 0) await system.saveSnapshot({ isRoutine: true });
  };
  for (;;) {
    const order = await orders.next();
    if (order.kind === 'play') {
      for (const second of order.seconds) await play(second);
      report({ kind: 'played' });
      continue;
    }
    await desk.close();
    await system.stop('the play is over');
    report({ kind: 'stopped' });
    process.disconnect();
    return;
  }
}

/** Whoever is gone is not told; `disconnect` ends this process. */
function report(said: PlaybookReport): void {
  process.send!(said, undefined, undefined, () => undefined);
}

/** Asks before and after each append by which a run, a job or a message moves; of the rest nothing is part of a step. */
function reportAppends(store: Store, orders: Orders<PlaybookOrder, PlaybookReport>): Store {
  return {
    ...store,
    async append(records, after) {
      const moved = movesOf(records);
      if (moved.length === 0) return store.append(records, after);
      const about = moved.join(', ');
      await orders.ask((id) => ({ kind: 'step', id, step: `before ${about}`, events: [] }));
      const head = await store.append(records, after);
      const events = eventsIn(records);
      await orders.ask((id) => ({ kind: 'step', id, step: `after ${about}`, events }));
      return head;
    },
  };
}

/** What is seen of trouble, and what the service says of itself, is part of no step. */
function isStep(kind: string): boolean {
  return stepKinds.some((prefix) => kind.startsWith(prefix));
}

function movesOf(records: readonly LogRecord[]): readonly string[] {
  const kinds = eventsIn(records).flatMap(({ kind }) => (isStep(kind) ? [kind] : []));
  if (kinds.length > 0) return kinds;
  const isSealed = records.some(
    ({ stream, bytes }) => stream === 'tick' && decoder.decode(bytes).includes('"remedies":'),
  );
  return isSealed ? ['a change of remedies'] : [];
}

function eventsIn(records: readonly Pick<LogRecord, 'stream' | 'bytes'>[]): readonly AuditEvent[] {
  return records.flatMap(({ stream, bytes }) =>
    stream === 'audit' ? [JSON.parse(decoder.decode(bytes)) as AuditEvent] : [],
  );
}

async function readEvents(store: Store): Promise<readonly AuditEvent[]> {
  const events: AuditEvent[] = [];
  for await (const record of store.read(0, 'audit')) events.push(...eventsIn([record]));
  return events.filter(({ kind }) => isStep(kind));
}
