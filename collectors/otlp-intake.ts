/**
 * The queue between the socket and the windower: bounded in requests and bytes, worked off in slices short enough that whatever else the process answers is
 * answered in between. Large bodies go by way of a thread.
 */
import type { EpochMs } from '../core/time.ts';
import { acceptance, refusal, type OtlpAnswer, type OtlpForm, type Problem } from './otlp-answer.ts';
import { claimedByteCount, decodeBody, discard, inflate, tooLarge, type OtlpBody } from './otlp-body.ts';
import { createDecoderThread } from './otlp-decoder-thread.ts';
import { unpackBatch } from './packed-batch.ts';
import { createSpanBatch, type SpanBatch } from './span-batch.ts';
import type { Windower } from './windower.ts';

export interface RoomOptions {
  /** Bodies received and not yet folded. */
  readonly requestCountMax?: number;
  /** Bytes of bodies on the way and received, as they came over the wire. */
  readonly byteCountMax?: number;
}

export interface IntakeOptions extends RoomOptions {
  readonly windower: Windower;
  readonly nowMs: () => EpochMs;
}

/** Room for bytes that come, and for requests that wait. */
export interface Room {
  /** Asks for room; false when there is none, and then nothing is held. */
  reserve(byteCount: number): boolean;
  release(byteCount: number): void;
  /** True when another request would be refused. */
  readonly isFull: boolean;
  /** Asks for the place of a request; false when there is none. */
  enter(): boolean;
  leave(): void;
}

export interface Intake extends Pick<Room, 'reserve' | 'release' | 'isFull'> {
  /** Decodes and folds in turn. The bytes stay reserved until the answer is there; they are the caller's to release. */
  take(body: OtlpBody, sender: string): Promise<OtlpAnswer>;
  readonly counts: Readonly<IntakeCounts>;
  close(): Promise<void>;
}

export interface IntakeCounts {
  accepted: number;
  /** Turned away for lack of room. */
  shed: number;
  /** Malformed, or too large. */
  refused: number;
  /** Bytes of accepted bodies over the wire. */
  byteCount: number;
}

/** A tenth of a second of work at the most: a queue that is longer delays what is in it and helps nobody. */
const requestCountMaxDefault = 256;
const byteCountMaxDefault = 96 << 20;

/** Decoded on the thread that answers: 4 MiB of protobuf are about 15 ms, of JSON 40; JSON is held to a quarter. */
const inlineByteCountMax: Readonly<Record<OtlpForm, number>> = { proto: 4 << 20, json: 1 << 20 };

/** Inflated bytes worked off before other tasks have their turn: about 4 ms. */
const sliceByteCount = 1 << 20;

interface Waiting {
  readonly body: OtlpBody;
  readonly sender: string;
  readonly answer: (answer: OtlpAnswer) => void;
}

export function createRoom({
  requestCountMax = requestCountMaxDefault,
  byteCountMax = byteCountMaxDefault,
}: RoomOptions): Room {
  let requestCount = 0;
  let heldByteCount = 0;
  return {
    get isFull() {
      return requestCount >= requestCountMax || heldByteCount >= byteCountMax;
    },
    reserve(byteCount) {
      if (heldByteCount + byteCount > byteCountMax) return false;
      heldByteCount += byteCount;
      return true;
    },
    release(byteCount) {
      heldByteCount -= byteCount;
    },
    enter() {
      if (requestCount >= requestCountMax) return false;
      requestCount++;
      return true;
    },
    leave() {
      requestCount--;
    },
  };
}

export function createIntake(options: IntakeOptions): Intake {
  const { windower, nowMs } = options;
  const room = createRoom(options);
  const { signalAttributes } = windower.allowList;
  const batch = createSpanBatch(signalAttributes.length);
  const thread = createDecoderThread(signalAttributes);
  const queue: Waiting[] = [];
  const counts: IntakeCounts = { accepted: 0, shed: 0, refused: 0, byteCount: 0 };
  let isAwake = false;

  const settle = (waiting: Waiting, left: Left, problem: Problem | undefined): void => {
    room.leave();
    if (problem === undefined) {
      counts.accepted++;
      counts.byteCount += waiting.body.bytes.length;
      waiting.answer(acceptance(waiting.body.form, totalOf(left), sentenceOf(left)));
    } else {
      counts.refused++;
      waiting.answer(refusal(waiting.body.form, problem));
    }
  };

  const fold = (folded: SpanBatch, sender: string, left: Left): void => {
    left.invalid += folded.rejected.invalid;
    const result = windower.fold(folded, sender, nowMs());
    left.late += result.lateCount;
    left.ahead += result.aheadCount;
    left.crowded += result.crowdedCount;
    left.unnamed += result.unnamedCount;
  };

  const sendToThread = (waiting: Waiting): void => {
    const left = noneLeft();
    const known: string[] = [];
    void thread
      .decode(waiting.body, (packed) => {
        fold(unpackBatch(packed, windower.internerOf(waiting.sender), known), waiting.sender, left);
      })
      .then((problem) => settle(waiting, left, problem));
  };

  /** Works one body off; answers how many bytes it was. */
  const work = (waiting: Waiting): number => {
    const { body, sender } = waiting;
    const inlineMax = inlineByteCountMax[body.form];
    const raw = claimedByteCount(body) > inlineMax ? tooLarge : inflate(body, inlineMax);
    if (raw === tooLarge) {
      sendToThread(waiting);
      return 0;
    }
    const left = noneLeft();
    const decoding = { batch, allowList: windower.allowList, interner: windower.internerOf(sender) };
    const problem = Buffer.isBuffer(raw) ? decodeBody(raw, body.form, decoding, () => fold(batch, sender, left)) : raw;
    const byteCount = Buffer.isBuffer(raw) ? raw.length : 0;
    if (Buffer.isBuffer(raw) && body.isGzip) discard(raw);
    settle(waiting, left, problem);
    return byteCount;
  };

  const workSlice = (): void => {
    let doneByteCount = 0;
    while (queue.length > 0 && doneByteCount < sliceByteCount) doneByteCount += work(queue.shift()!);
    isAwake = queue.length > 0;
    if (isAwake) setImmediate(workSlice);
  };

  return {
    counts,
    get isFull() {
      return room.isFull;
    },
    reserve: (byteCount) => room.reserve(byteCount),
    release: (byteCount) => room.release(byteCount),
    take(body, sender) {
      if (!room.enter()) {
        counts.shed++;
        return Promise.resolve(refusal(body.form, fullProblem));
      }
      return new Promise((answer) => {
        queue.push({ body, sender, answer });
        if (isAwake) return;
        isAwake = true;
        setImmediate(workSlice);
      });
    },
    close: () => thread.close(),
  };
}

export const fullProblem: Problem = { status: 429, message: 'the queue is full: send it again later' };

/** Spans of one request that were left out, by why. */
interface Left {
  invalid: number;
  late: number;
  ahead: number;
  crowded: number;
  unnamed: number;
}

function noneLeft(): Left {
  return { invalid: 0, late: 0, ahead: 0, crowded: 0, unnamed: 0 };
}

function totalOf({ invalid, late, ahead, crowded, unnamed }: Left): number {
  return invalid + late + ahead + crowded + unnamed;
}

function sentenceOf({ invalid, late, ahead, crowded, unnamed }: Left): string {
  const parts = [
    [invalid, 'without valid ids, start or end'],
    [late, 'ended too long ago'],
    [ahead, 'end in the future'],
    [crowded, 'more names than are kept apart'],
    [unnamed, 'neither function nor service is named'],
  ] as const;
  return parts
    .filter(([count]) => count > 0)
    .map(([count, why]) => `${count} ${why}`)
    .join('; ');
}
