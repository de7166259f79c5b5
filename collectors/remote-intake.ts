/** An intake in another thread: bodies are handed over with their memory, answers come back. The room is kept on the side of the socket. */
import type { MessagePort } from 'node:worker_threads';
import { refusal, type OtlpAnswer } from './otlp-answer.ts';
import { discard, type OtlpBody } from './otlp-body.ts';
import { createRoom, fullProblem, type Intake, type IntakeCounts, type RoomOptions } from './otlp-intake.ts';

interface SentBody extends Omit<OtlpBody, 'bytes'> {
  readonly id: number;
  readonly sender: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

interface SentAnswer extends Omit<OtlpAnswer, 'body'> {
  readonly id: number;
  readonly body: Uint8Array;
}

/** The socket's side. */
export function createRemoteIntake(port: MessagePort, options: RoomOptions = {}): Intake {
  const room = createRoom(options);
  const waiting = new Map<number, (answer: OtlpAnswer) => void>();
  const counts: IntakeCounts = { accepted: 0, shed: 0, refused: 0, byteCount: 0 };
  let lastId = 0;
  port.on('message', ({ id, body, ...answer }: SentAnswer) => {
    const settle = waiting.get(id);
    waiting.delete(id);
    room.leave();
    settle?.({ ...answer, body: Buffer.from(body.buffer, body.byteOffset, body.length) });
  });
  return {
    counts,
    get isFull() {
      return room.isFull;
    },
    reserve: (byteCount) => room.reserve(byteCount),
    release: (byteCount) => room.release(byteCount),
    async take({ bytes, ...body }, sender) {
      if (!room.enter()) {
        counts.shed++;
        return refusal(body.form, fullProblem);
      }
      const id = ++lastId;
      const byteCount = bytes.length;
      const owned = ownedOf(bytes);
      port.postMessage({ ...body, id, sender, bytes: owned } satisfies SentBody, [owned.buffer]);
      const answer = await new Promise<OtlpAnswer>((settle) => waiting.set(id, settle));
      if (answer.status === 200) {
        counts.accepted++;
        counts.byteCount += byteCount;
      } else counts.refused++;
      return answer;
    },
    /** Resolves when all that was taken is answered. */
    async close() {
      while (waiting.size > 0) await new Promise((resolve) => port.once('message', resolve));
      port.close();
    },
  };
}

/** The windower's side: takes what comes in turn, and gives its memory back at once. */
export function serveIntake(port: MessagePort, intake: Intake): void {
  port.on('message', ({ id, sender, bytes, ...body }: SentBody) => {
    const taken = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    void intake.take({ ...body, bytes: taken }, sender).then((answer) => {
      discard(taken);
      port.postMessage({ ...answer, id, body: new Uint8Array(answer.body) } satisfies SentAnswer);
    });
  });
}

/** A buffer of its own, to be handed over: what is cut from a pool or is the socket's stays there. */
function ownedOf(bytes: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === bytes.length && bytes.length > Buffer.poolSize;
  return isWhole ? new Uint8Array(buffer) : new Uint8Array(bytes);
}
