/** On-call at work for tests: the production system, and targets that know their own keys. */
import type { Delivery, DeliveryOutcome } from '../actuators/notify/outbox.ts';
import type { AuditDraft, AuditEvent } from '../core/audit.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import type { LogRecord, Store } from '../core/ports.ts';
import { msPerSecond, type EpochMs } from '../core/time.ts';
import { readAuditRecord } from '../store/audit-log.ts';
import { compose } from './compose.ts';
import type { OncallOptions } from './oncall-options.ts';
import { sampleOncall } from './oncall-sample.ts';
import { sampleOptions, samplePorts, spec } from './sample.ts';
import type { System } from './system.ts';

/** A target that honours dedup keys: what it was told, each once, and how often it was asked. */
export interface Desk {
  readonly heard: string[];
  readonly requests: string[];
  answer: (delivery: Delivery, nowMs: EpochMs) => DeliveryOutcome | 'killed' | 'lost';
}

export const taken = (_: Delivery, atMs: EpochMs): DeliveryOutcome => ({ kind: 'taken', atMs, status: 202 });

export function createDesk(): Desk {
  return { heard: [], requests: [], answer: taken };
}

const nameOfMessage = ({ target, notification: { level, step, isEscalation } }: Delivery): string =>
  `${isEscalation ? 'escalation' : level} ${step} ${target}`;

/** The whole system with on-call, in virtual time. */
export async function startDesk(
  store: Store,
  fromMs: EpochMs,
  desk: Desk,
  {
    functions = [spec],
    oncall = {},
  }: { readonly functions?: readonly FunctionSpec[]; readonly oncall?: Partial<OncallOptions> } = {},
) {
  const { ports, clock, lambda } = samplePorts({ store, fromMs });
  const options = { ...sampleOptions(functions), oncall: { ...sampleOncall, ...oncall } };
  const system = await compose(options, {
    ...ports,
    messenger: {
      async deliver(delivery) {
        desk.requests.push(nameOfMessage(delivery));
        const outcome = desk.answer(delivery, clock.nowMs());
        // The process is gone before its request left.
        if (outcome === 'lost') return new Promise<never>(() => undefined);
        const isHeard = outcome === 'killed' || outcome.kind === 'taken' || outcome.kind === 'failed';
        const name = nameOfMessage(delivery);
        if (isHeard && !desk.heard.includes(name)) desk.heard.push(name);
        // The process is gone before the answer came.
        return outcome === 'killed' ? new Promise<never>(() => undefined) : outcome;
      },
    },
  });
  const seconds = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index++) {
      clock.advanceTo(clock.nowMs() + msPerSecond);
      await system.tick();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { system, clock, lambda, seconds };
}

/** Trouble as the engine writes it, by way of a fact that is on record as it stands. */
export function trouble(
  system: System,
  atMs: EpochMs,
  kind: 'opened' | 'closed' | 'changed',
  more: AuditDraft['body'] = {},
): void {
  const body = { function: 'service:orders-db', incident: 'trouble', id: 'service:orders-db@1', severity: 'critical' };
  const because = '43 % of requests to 123456789012/us-east-1/orders-validate:live fail';
  const draft = { atMs, kind: `incident.${kind}`, actor: 'engine', body: { ...body, because, ...more } } as const;
  system.admit({ kind: 'told', draft });
}

export async function eventsOf(store: Store): Promise<AuditEvent[]> {
  const events: AuditEvent[] = [];
  for await (const record of store.read(0, 'audit')) {
    const reading = readAuditRecord((record as LogRecord).bytes);
    if (reading.ok) events.push(reading.event);
  }
  return events;
}
