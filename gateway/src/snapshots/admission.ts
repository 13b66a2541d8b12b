/** Lets loads run side by side within one memory and one disk budget for the whole pod. */
import { err, type Problem, type Result } from '@offloader/contract';
import pLimit from 'p-limit';
import { decideRoom, neededBytes, type RoomDecision } from '../domain/room.ts';
import { freeBytes } from '../free-bytes.ts';
import { bytesIn } from './disk.ts';
import type { LoadFailure } from './load-job.ts';

type Room = { readonly folder: string; readonly fileBytes: number; readonly signal: AbortSignal };
export type Admission = {
  /** Runs a load in `folder` when its room on the volume is there, and keeps that room from other loads until it has ended. */
  withRoom<T>(room: Room, load: () => Promise<Result<T, LoadFailure>>): Promise<Result<T, LoadFailure>>;
  /** Runs what needs memory when one of the fixed shares is free. Downloads need none: a slow source keeps nobody from loading. */
  withMemory<T>(work: () => Promise<T>): Promise<T>;
};

const failed = (problem: Problem): Result<never, LoadFailure> => err({ status: 'failed', problems: [problem] });
const givenUp: Problem = { code: 'load_failed', path: '', message: 'the load was given up while it waited for room on the volume' };

export const createAdmission = (cacheDir: string, loadConcurrency: number): Admission => {
  const memory = pLimit(loadConcurrency);
  const oneAtATime = pLimit(1);
  const reserved = new Map<string, number>();
  let ended = Promise.withResolvers<undefined>();

  /** Judged and reserved in one turn, so that two loads never count the same room. */
  const tryToReserve = async ({ folder, fileBytes }: Room): Promise<RoomDecision> =>
    oneAtATime(async () => {
      const needed = neededBytes(fileBytes);
      const others = await Promise.all([...reserved].map(async ([other, bytes]) => ({ bytes, usedBytes: await bytesIn(other) })));
      const decision = decideRoom(needed, await freeBytes(cacheDir), others);
      if (decision.kind === 'go') reserved.set(folder, needed);
      return decision;
    });

  const reserve = async (room: Room): Promise<Problem | null> => {
    const { promise: stopped, resolve: stop } = Promise.withResolvers<undefined>();
    const onAbort = (): void => stop(undefined);
    room.signal.addEventListener('abort', onAbort, { once: true });
    try {
      while (!room.signal.aborted) {
        const next = ended.promise;
        const decision = await tryToReserve(room);
        if (decision.kind === 'go') return null;
        if (decision.kind === 'never') return decision.problem;
        await Promise.race([next, stopped]);
      }
      return givenUp;
    } finally {
      room.signal.removeEventListener('abort', onAbort);
    }
  };

  return {
    withRoom: async (room, load) => {
      const problem = await reserve(room);
      if (problem !== null) return failed(problem);
      try {
        return await load();
      } finally {
        reserved.delete(room.folder);
        ended.resolve(undefined);
        ended = Promise.withResolvers();
      }
    },
    withMemory: async (work) => memory(work),
  };
};
