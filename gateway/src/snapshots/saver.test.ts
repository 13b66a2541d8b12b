import { expect, test } from '@jest/globals';
import { createSaver } from './saver.ts';

/** Something that changes, and is written as slowly as the test wants. */
const played = () => {
  const world = { now: 0, written: [] as number[] };
  const gates: PromiseWithResolvers<undefined>[] = [];
  const save = createSaver(async () => {
    const { now } = world;
    gates.push(Promise.withResolvers());
    await gates.at(-1)!.promise;
    world.written.push(now);
  });
  const endWrites = async (): Promise<void> => {
    for (let turn = 0; turn < 30; turn += 1) {
      gates.at(-1)?.resolve(undefined);
      await Promise.resolve();
    }
  };
  return { world, gates, save, endWrites };
};
const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await Promise.resolve();
};

test.each(Array.from({ length: 16 }, (_, turn) => turn))('what changes %i turns after a write has ended is written', async (turn) => {
  const { world, gates, save, endWrites } = played();
  const first = save();
  await turns(5);
  gates[0]!.resolve(undefined);
  await turns(turn);
  world.now = 1;
  const second = save();
  await endWrites();
  await Promise.all([first, second]);
  expect(world.written.at(-1)).toBe(1);
});

test('a save resolves when what was true at its call is written', async () => {
  const { world, save, endWrites } = played();
  void save();
  await turns(5);
  world.now = 1;
  const second = save().then(() => [...world.written]);
  await endWrites();
  expect(await second).toEqual([0, 1]);
});

test('what changes during a write is written once, after it, as it is then', async () => {
  const { world, save, endWrites } = played();
  void save();
  await turns(5);
  for (const now of [1, 2, 3]) {
    world.now = now;
    void save();
  }
  await endWrites();
  expect(world.written).toEqual([0, 3]);
});

test('nobody waits for more than the write that is under way and the next, however often others ask', async () => {
  let begun = 0;
  const save = createSaver(async () => {
    begun += 1;
    await turns(3);
  });
  const asked: Promise<void>[] = [];
  for (let turn = 0; turn < 50; turn += 1) {
    asked.push(save());
    await Promise.resolve();
  }
  const before = begun;
  const asking = (async () => {
    while (begun < before + 20) {
      asked.push(save());
      await Promise.resolve();
    }
  })();
  await save();
  expect(begun - before).toBeLessThanOrEqual(2);
  await asking;
  await Promise.all(asked);
});

test('a write that fails fails for those who asked for it, and not for those who ask during it', async () => {
  const ended: string[] = [];
  const gate = Promise.withResolvers<undefined>();
  let writes = 0;
  const save = createSaver(async () => ((writes += 1) === 1 ? gate.promise : undefined));
  const first = save().catch(() => ended.push('first failed'));
  await turns(5);
  const second = save().then(() => ended.push('second written'));
  gate.reject(new Error('the disk is full'));
  await Promise.all([first, second]);
  expect(ended).toEqual(['first failed', 'second written']);
});
