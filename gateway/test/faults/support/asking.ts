// Clients that ask all the time and hold every answer against what its snapshot's rows must be.
import { setTimeout as pause } from 'node:timers/promises';

export type Asked = {
  /** Requests that were answered with the rows of the snapshot they name. */
  readonly right: number;
  /** The endpoints that answered so at least once. */
  readonly answered: ReadonlySet<string>;
  /** Answers whose rows are not those of the snapshot they name: there must never be one. */
  readonly wrong: readonly string[];
  /** Every other status, and connections that broke, with how often. */
  readonly failed: ReadonlyMap<string, number>;
  /** Milliseconds that each answer took. */
  readonly tookMs: readonly number[];
};

/** One question: the snapshot's number when all rows agree with it, else what is wrong, else the status. */
export const ask = async (apiPort: number, name: string, limit = 30): Promise<{ n: number } | { wrong: string } | { failed: string }> => {
  const response = await fetch(`http://127.0.0.1:${apiPort}/v1/endpoints/${name}?limit=${limit}`, {
    headers: { authorization: 'Bearer acme-token' },
  }).catch(() => null);
  if (response === null) return { failed: 'no connection' };
  const text = await response.text().catch(() => null);
  if (text === null) return { failed: 'broken connection' };
  if (response.status !== 200) return { failed: String(response.status) };
  const { data, meta } = JSON.parse(text) as { data: { visits: number; rows: number }[]; meta: { snapshot_id: string } };
  const n = Number(meta.snapshot_id.slice(1));
  const isRight = data.length > 0 && data.every((row) => row.visits === n * row.rows);
  return isRight ? { n } : { wrong: `${name} ${text}` };
};

/** Asks for these endpoints in turn, by `clients` side by side, until told to stop. */
export const startAsking = (apiPort: () => number, names: readonly string[], clients = 2, pauseMs = 5) => {
  let isOver = false;
  let right = 0;
  let answered = new Set<string>();
  let wrong: string[] = [];
  let failed = new Map<string, number>();
  const tookMs: number[] = [];
  const seen = (): Asked => ({ right, answered, wrong, failed, tookMs });
  const client = async (first: number): Promise<void> => {
    for (let turn = first; !isOver; turn += 1) {
      const name = names[turn % names.length]!;
      // Both ways: out of the response cache, and past it.
      const startedMs = performance.now();
      const answer = await ask(apiPort(), name, 30 + (turn % 50));
      tookMs.push(performance.now() - startedMs);
      if ('n' in answer) {
        right += 1;
        answered.add(name);
      } else if ('wrong' in answer) wrong.push(answer.wrong);
      else failed.set(`${name} ${answer.failed}`, (failed.get(`${name} ${answer.failed}`) ?? 0) + 1);
      await pause(pauseMs);
    }
  };
  const running = Promise.all(Array.from({ length: clients }, async (_, at) => client(at)));
  return {
    seen,
    /** What was seen since it was taken last, all but the times. */
    take: (): Asked => {
      const taken = seen();
      [right, answered, wrong, failed] = [0, new Set(), [], new Map()];
      return taken;
    },
    stop: async (): Promise<Asked> => {
      isOver = true;
      await running;
      return seen();
    },
  };
};
