/**
 * The twin against what the real Lambda answered: each recorded test is driven from an empty account through the real SDK and a real socket,
 * step by step, and every step gives the recorded status, code, words and members.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { notPlayed, recordedScripts } from './recorded-scripts.contract.ts';
import { allSteps, openSdkCaller, Stage } from './recorded-steps.contract.ts';

const driven = new Set<string>();

describe('recorded', () => {
  it.each(recordedScripts.map(({ name, run }) => [name, run] as const))('%s', async (_, run) => {
    const stages: Stage[] = [];
    try {
      await run(async (test) => {
        const stage = new Stage(test, { openCaller: openSdkCaller, onStep: (step) => driven.add(step) });
        stages.push(stage);
        return stage.listen();
      });
    } finally {
      for (const stage of stages) await stage.close();
    }
  });
});

afterAll(() => {
  expect(allSteps.filter((step) => !driven.has(step))).toEqual(allSteps.filter((step) => step in notPlayed));
});
