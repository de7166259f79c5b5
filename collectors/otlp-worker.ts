/** Inflates and decodes large bodies beside the thread that answers: batches of spans go back one by one, the next when the last was folded. */
import { parentPort, workerData, type Transferable } from 'node:worker_threads';
import { createInterner } from './interner.ts';
import { createAllowList } from './otlp-attributes.ts';
import { decodeBody, inflate, inflatedByteCountMax, tooLarge, type OtlpBody } from './otlp-body.ts';
import { packBatch, type WorkerAnswer } from './packed-batch.ts';
import { createSpanBatch } from './span-batch.ts';

const port = parentPort!;
const allowList = createAllowList(workerData as readonly string[]);

port.on('message', ({ bytes, isGzip, form }: { readonly bytes: Uint8Array } & Omit<OtlpBody, 'bytes'>) => {
  const body: OtlpBody = { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), isGzip, form };
  const raw = inflate(body, inflatedByteCountMax);
  if (raw === tooLarge) {
    answer({
      kind: 'problem',
      problem: { status: 413, message: `the body is larger than ${inflatedByteCountMax} bytes` },
    });
  } else if (Buffer.isBuffer(raw)) read(raw, form);
  else answer({ kind: 'problem', problem: raw });
});

function read(bytes: Buffer, form: OtlpBody['form']): void {
  const interner = createInterner();
  const batch = createSpanBatch(allowList.signalAttributes.length);
  let toldCount = 0;
  const problem = decodeBody(bytes, form, { batch, allowList, interner }, () => {
    const texts: string[] = [];
    while (toldCount < interner.size) texts.push(interner.textOf(++toldCount));
    const { packed, transfer } = packBatch(batch, texts);
    answer({ kind: 'batch', packed }, transfer);
  });
  answer(problem === undefined ? { kind: 'done' } : { kind: 'problem', problem });
}

function answer(message: WorkerAnswer, transfer: readonly Transferable[] = []): void {
  port.postMessage(message, transfer);
}
