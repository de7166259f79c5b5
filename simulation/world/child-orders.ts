/** A process that lives by its parent's leave: orders come in turn, and where it asks it goes on only once it is told to. */
import { assert } from '../../core/assert.ts';

interface Go {
  readonly kind: 'go';
  readonly id: number;
}

export interface Orders<Order extends { readonly kind: string }, Report extends object> {
  next(): Promise<Exclude<Order, { readonly kind: 'go' }>>;
  /** Tells something and waits for leave to go on. */
  ask(question: (id: number) => Report): Promise<void>;
}

/** Of the process that this one was started by. */
export function listenToOrders<Order extends { readonly kind: string }, Report extends object>(): Orders<
  Order,
  Report
> {
  type Work = Exclude<Order, { readonly kind: 'go' }>;
  const waiting: Work[] = [];
  const answers = new Map<number, () => void>();
  let idNext = 0;
  let wake = (): void => undefined;
  process.on('message', (order: Go | Work) => {
    if (!isGo(order)) {
      waiting.push(order);
      wake();
      return;
    }
    const answer = answers.get(order.id);
    assert(answer !== undefined, 'an answer to a question of ours');
    answers.delete(order.id);
    answer();
  });
  // A world that is gone gives no more time, and nobody else would end this process.
  process.on('disconnect', () => process.exit());
  return {
    async next() {
      while (waiting.length === 0) await new Promise<void>((resolve) => void (wake = resolve));
      return waiting.shift()!;
    },
    ask(question) {
      const id = idNext++;
      return new Promise((resolve) => {
        answers.set(id, resolve);
        // A parent that is gone is heard of by the disconnect, not here.
        process.send!(question(id), undefined, undefined, () => undefined);
      });
    },
  };
}

function isGo(order: { readonly kind: string }): order is Go {
  return order.kind === 'go';
}
