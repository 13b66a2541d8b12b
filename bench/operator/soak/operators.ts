/** The operators of a soak: one that leads, one that stands by, both on a way to the API server that can be cut. */
import { type OperatorEnvironment, type OperatorProcess, startOperatorProcess } from '../operator-process.ts';
import { until } from './replicas.ts';

export type Named = { readonly name: string; readonly process: OperatorProcess };
type Signal = 'SIGTERM' | 'SIGKILL';

export class Operators {
  readonly #environment: Omit<OperatorEnvironment, 'name'>;
  #started = 0;
  #leader: Named | undefined;
  #standby: Named | undefined;

  constructor(environment: Omit<OperatorEnvironment, 'name'>) {
    this.#environment = environment;
  }

  get all(): readonly Named[] {
    return [this.#leader, this.#standby].filter((one) => one !== undefined);
  }

  get leader(): OperatorProcess {
    if (this.#leader === undefined) throw new Error('nobody leads');
    return this.#leader.process;
  }

  async open(): Promise<void> {
    this.#leader = await this.#start();
    await this.#leads();
    this.#standby = await this.#start();
  }

  /** The one that stands by ends and another takes its place. */
  async replaceStandby(signal: Signal): Promise<void> {
    const before = this.#standby;
    this.#standby = undefined;
    await before?.process.end(signal);
    this.#standby = await this.#start();
  }

  /** The leader ends, the one that stands by follows, and another stands by from then on. */
  async failOver(signal: Signal): Promise<void> {
    const before = this.#leader;
    this.#leader = this.#standby;
    this.#standby = undefined;
    await before?.process.end(signal);
    await this.#leads();
    this.#standby = await this.#start();
  }

  async stop(): Promise<void> {
    for (const { process } of this.all) await process.end('SIGKILL');
  }

  async #start(): Promise<Named> {
    this.#started += 1;
    const name = `operator-${this.#started}`;
    return { name, process: await startOperatorProcess({ ...this.#environment, name }) };
  }

  async #leads(): Promise<void> {
    await until(async () => (await this.leader.metric('offloader_operator_leader')) === 1);
  }
}
