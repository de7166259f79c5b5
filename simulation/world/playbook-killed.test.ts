import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { learnUsual, playPlaybook } from './playbook-killed.ts';
import { judgePlaybook, outlivingMsMax } from './playbook-verdict.ts';

const play = { name: 'throttle-surge', ending: 'fails' } as const;
let learned: string;
beforeAll(async () => {
  learned = await learnUsual(play.name);
}, 60_000);
afterAll(() => rm(learned, { recursive: true, force: true }));

describe('a playbook whose service is killed', () => {
  it('sets its limit once and takes it back once, wherever it dies; and AWS takes it back where nobody comes again', async () => {
    const whole = await playPlaybook({ ...play, learned });
    expect(whole.turned.map(({ level }) => level)).toEqual(['400', 'none']);
    expect(Object.values(whole.told.alerts)).toEqual([1, 1]);
    const put = whole.steps.findIndex((step) => step.startsWith('done PUT') && step.includes('/concurrency'));
    const sound = { lost: [], twice: [], missing: [], pagesLost: [], pagesTwice: [] };
    for (const cutAt of [put - 1, put, put + 1]) {
      const played = await playPlaybook({ ...play, learned, cutAt, restartAfterMs: 3_000 });
      expect(played.diedAt).toBe(whole.steps[cutAt]);
      expect(judgePlaybook(played, whole)).toMatchObject(sound);
    }
    const left = judgePlaybook(await playPlaybook({ ...play, learned, cutAt: put }), undefined);
    expect(left).toMatchObject(sound);
    expect(left.outlivingMs).toBeGreaterThan(0);
    expect(left.outlivingMs).toBeLessThanOrEqual(outlivingMsMax);
  }, 120_000);
});
