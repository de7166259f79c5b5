import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuditDraft } from '../core/audit.ts';
import type { Json } from '../core/json.ts';
import { createAuditChain, genesisHash, openAuditChain, readAuditRecord } from './audit-log.ts';
import { canonicalJson } from './canonical-json.ts';
import { createMemoryStore } from './memory.ts';
import { readAll, record } from './store.contract.ts';

const draft = (body: AuditDraft['body'] = {}, more: Partial<AuditDraft> = {}): AuditDraft => ({
  atMs: 1_000,
  kind: 'plan.decided',
  actor: 'engine',
  body,
  ...more,
});

describe('canonical JSON', () => {
  it.each([
    // The sorting and number examples of RFC 8785, sections 3.2.2 and 3.2.3.
    {
      name: 'numbers as ECMAScript writes them',
      value: [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001, -0],
      text: '[333333333.3333333,1e+30,4.5,0.002,1e-27,0]',
    },
    {
      name: 'members by UTF-16 code units',
      value: { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 },
      text: '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}',
    },
    {
      name: 'literals',
      value: { b: [true, false, null], a: '\u20ac$\u000f\nA\'B"\\' },
      text: '{"a":"€$\\u000f\\nA\'B\\"\\\\","b":[true,false,null]}',
    },
    { name: 'half a surrogate pair as U+FFFD', value: { 'a\ud800': 'b\udc00' }, text: '{"a\ufffd":"b\ufffd"}' },
    {
      name: 'a member that JavaScript would take for more',
      value: JSON.parse('{"__proto__":{"x":1},"a":1}') as Json,
      text: '{"__proto__":{"x":1},"a":1}',
    },
  ])('writes $name', ({ value, text }) => {
    expect(canonicalJson(value)).toBe(text);
  });

  it.each([
    { name: 'NaN', value: Number.NaN },
    { name: 'an infinity deep inside', value: { a: [{ b: Number.POSITIVE_INFINITY }] } },
    { name: 'undefined', value: { a: undefined } as unknown as Json },
    { name: 'a value nested beyond 64', value: JSON.parse('['.repeat(66) + ']'.repeat(66)) as Json },
  ])('refuses $name', ({ value }) => {
    expect(() => canonicalJson(value)).toThrow('JSON');
  });
});

describe('a chain', () => {
  it('numbers events, links each to the one before, and hashes all but the hash', () => {
    const { events, records, next } = createAuditChain().extend([
      draft({ b: 1, a: 'x' }),
      draft({}, { causeSeq: 0, atMs: 2_000 }),
    ]);
    // Computed by other means: the members in order, without the hash.
    const text = `{"actor":"engine","atMs":1000,"body":{"a":"x","b":1},"causeSeq":null,"kind":"plan.decided","prevHash":"${'0'.repeat(64)}","schemaVersion":1,"seq":0}`;
    const hash = createHash('sha256').update(text).digest('hex');
    expect(events[0]).toMatchObject({ seq: 0, prevHash: genesisHash, hash, causeSeq: null });
    expect(events[1]).toMatchObject({ seq: 1, prevHash: hash, causeSeq: 0, atMs: 2_000 });
    expect(records.map(({ stream, atMs }) => [stream, atMs])).toEqual([
      ['audit', 1_000],
      ['audit', 2_000],
    ]);
    expect(new TextDecoder().decode(records[0]!.bytes)).toBe(text.replace('"kind"', `"hash":"${hash}","kind"`));
    expect(next.head).toEqual({ seq: 1, hash: events[1]!.hash });
    expect(next.nextSeq).toBe(2);
  });

  it('is a value: a failed append leaves nothing to undo, and the same drafts give the same bytes', () => {
    const chain = createAuditChain().extend([draft()]).next;
    expect(chain.extend([draft({ n: 1 })]).records).toEqual(chain.extend([draft({ n: 1 })]).records);
    expect(chain.nextSeq).toBe(1);
  });

  it('gives the same records in one call as in many', () => {
    const drafts = [draft({ n: 1 }), draft({ n: 2 }), draft({ n: 3 })];
    let chain = createAuditChain();
    const oneByOne = drafts.flatMap((one) => {
      const { records, next } = chain.extend([one]);
      chain = next;
      return records;
    });
    expect(oneByOne).toEqual(createAuditChain().extend(drafts).records);
  });

  it.each([
    { name: 'itself', causeSeq: 1 },
    { name: 'a later event', causeSeq: 2 },
    { name: 'half an event', causeSeq: 0.5 },
    { name: 'an event before the first', causeSeq: -1 },
  ])('refuses an event caused by $name', ({ causeSeq }) => {
    const chain = createAuditChain().extend([draft()]).next;
    expect(() => chain.extend([draft({}, { causeSeq })])).toThrow('a cause comes before');
    expect(chain.extend([draft({}, { causeSeq: 0 })]).events).toHaveLength(1);
  });

  it.each([
    { name: 'an unknown kind', more: { kind: 'toString' as AuditDraft['kind'] } },
    { name: 'half a millisecond', more: { atMs: 0.5 } },
    { name: 'no actor', more: { actor: '' } },
    { name: 'a number that JSON cannot hold', more: { body: { usd: Number.NaN } } },
  ])('refuses $name', ({ more }) => {
    expect(() => createAuditChain().extend([draft({}, more)])).toThrow();
  });

  // Goal: whatever text a calendar or AWS puts into an event, it is read back as it was handed out, and its hash holds.
  it('reads back every event that it writes', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(',"kind":', '","hash":"', '\ud800', '__proto__'),
    );
    const body = fc.dictionary(text, fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>, { maxKeys: 5 });
    fc.assert(
      fc.property(fc.array(fc.tuple(body, text), { minLength: 1, maxLength: 4 }), (contents) => {
        const drafts = contents.map(([one, actor]) => draft(one, { actor: `by ${actor}` }));
        const { records, events } = createAuditChain().extend(drafts);
        for (const [index, { bytes }] of records.entries()) {
          expect(readAuditRecord(bytes)).toEqual({ ok: true, event: events[index], hash: events[index]!.hash });
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('reading a record refuses', () => {
  const [whole] = createAuditChain().extend([draft({ a: 1 })]).records;
  const text = new TextDecoder().decode(whole!.bytes);
  it.each([
    { name: 'bytes that are no UTF-8', bytes: new Uint8Array([0xff, 0xfe]), reason: 'not JSON' },
    { name: 'a byte order mark', text: `\ufeff${text}`, reason: 'not JSON' },
    { name: 'nothing', text: '', reason: 'not JSON' },
    { name: 'a space', text: text.replace(',', ', '), reason: 'canonical' },
    { name: 'a member twice', text: text.replace('{', '{"actor":"engine",'), reason: 'canonical' },
    { name: 'a member too many', text: text.replace('"seq":0', '"seq":0,"z":1'), reason: 'fields' },
    { name: 'a number written otherwise', text: text.replace('"a":1', '"a":1.0'), reason: 'canonical' },
    { name: 'an array for a body', text: text.replace('{"a":1}', '[]'), reason: 'fields' },
    {
      name: 'a body nested beyond 64',
      text: text.replace('"a":1', `"a":${'['.repeat(99)}${']'.repeat(99)}`),
      reason: 'nested',
    },
  ])('$name', ({ bytes, text: changed = '', reason }) => {
    expect(readAuditRecord(bytes ?? new TextEncoder().encode(changed))).toMatchObject({ ok: false });
    expect(JSON.stringify(readAuditRecord(bytes ?? new TextEncoder().encode(changed)))).toContain(reason);
  });
});

describe('taking a chain up where it was left', () => {
  it('begins one in an empty store, and in one that has only ticks', async () => {
    const store = createMemoryStore();
    expect((await openAuditChain(store)).nextSeq).toBe(0);
    await store.append([record('tick', 1)], 0);
    expect((await openAuditChain(store)).nextSeq).toBe(0);
  });

  it.each([{ tickCount: 0 }, { tickCount: 63 }, { tickCount: 64 }, { tickCount: 5_000 }])(
    'finds the last event behind $tickCount ticks',
    async ({ tickCount }) => {
      const store = createMemoryStore();
      const { records, next } = createAuditChain().extend([draft({ n: 1 }), draft({ n: 2 })]);
      await store.append([...records, ...Array.from({ length: tickCount }, (_, index) => record('tick', index))], 0);
      expect((await openAuditChain(store)).head).toEqual(next.head);
    },
  );

  it('refuses to go on after a damaged event', async () => {
    const store = createMemoryStore();
    const [first] = createAuditChain().extend([draft({ usd: 1 })]).records;
    const changed = new TextEncoder().encode(new TextDecoder().decode(first!.bytes).replace('"usd":1', '"usd":2'));
    await store.append([{ ...first!, bytes: changed }], 0);
    await expect(openAuditChain(store)).rejects.toMatchObject({ code: 'audit-broken', name: 'InputError' });
    expect(await readAll(store)).toHaveLength(1);
  });
});
