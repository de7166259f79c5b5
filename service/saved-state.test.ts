import { expect, it } from 'vitest';
import { createMemoryStore } from '../store/memory.ts';
import { loadState, recoverState, saveState } from './saved-state.ts';

const engine = { pursuits: {}, openIntents: {}, preparationsMs: [90_000] };

it('goes on from a state that a release before saved as JSON, without what was usual of spans', async () => {
  const store = createMemoryStore();
  const watch = { atMs: 1, told: {}, ended: [], detection: [], graph: {}, stood: [], waiting: [] };
  const text = JSON.stringify({ position: 0, engine: { ...engine, watch } });
  await store.put('engine', 'latest', new TextEncoder().encode(text));
  expect((await recoverState(store, {}, 0)).engine).toEqual(engine);
});

// The first bytes are a length, which may look like anything.
it('reads back what it saved, however long it is', async () => {
  const store = createMemoryStore();
  for (let count = 0; count < 300; count++) {
    const state = { position: 3, engine: { ...engine, preparationsMs: new Array<number>(count).fill(1) }, minutes: [] };
    await saveState(store, state);
    expect(await loadState(store)).toEqual(state);
  }
});
