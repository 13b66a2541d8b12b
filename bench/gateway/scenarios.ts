/** What is asked in each scenario, and what must be true of an answer for the scenario to have measured what it says. Pure. */
export type ScenarioName = 'local_table' | 'cache_hit' | 'remote_scan';
export type Scenario = {
  readonly name: ScenarioName;
  readonly endpoint: string;
  /** What every answer's meta must say. */
  readonly meta: { readonly cache: 'hit' | 'miss'; readonly serving_mode: 'local_table' | 'remote_scan' };
  /** Whether no offset is asked for twice, or the same one always. */
  readonly isUnique: boolean;
};
export type Answer = { readonly status: number; readonly body: Buffer; readonly ms: number };

export const scenarios: Readonly<Record<ScenarioName, Scenario>> = {
  local_table: { name: 'local_table', endpoint: 'readings', meta: { cache: 'miss', serving_mode: 'local_table' }, isUnique: true },
  cache_hit: { name: 'cache_hit', endpoint: 'readings', meta: { cache: 'hit', serving_mode: 'local_table' }, isUnique: false },
  remote_scan: { name: 'remote_scan', endpoint: 'readings_remote', meta: { cache: 'miss', serving_mode: 'remote_scan' }, isUnique: true },
};

/** Rows of a page; the offsets of one scenario must all lead to a full one. */
export const pageRows = 50;
/** The page that is asked for again and again; no other scenario asks for it. */
const heldOffset = 0;

/**
 * The offset of the n-th request at one level of concurrency. Levels take turns, so that each has the same mix of near and far
 * pages and none asks for another's.
 */
export const offsetOf = (
  { isUnique }: Scenario,
  { level, levels }: { readonly level: number; readonly levels: number },
  n: number,
): number => (isUnique ? heldOffset + 1 + n * levels + level : heldOffset);

type Envelope = { readonly data: readonly { readonly n: number }[]; readonly meta?: Readonly<Record<string, unknown>> };

/**
 * Throws when a 200 is not what the scenario is about: other rows than those of its offset, or an answer that came another way
 * (a hit of the cache where a query was to be measured). `first` is the `n` of a tenant's first row. The bare server has no meta.
 */
export const check = (
  scenario: Scenario,
  { status, body }: Answer,
  expected: { readonly offset: number; readonly first: number; readonly by: 'gateway' | 'bare' },
): void => {
  if (status !== 200) return;
  const { data, meta } = JSON.parse(body.toString()) as Envelope;
  const about = `${scenario.name}, offset ${expected.offset}, ${expected.by}`;
  const begins = expected.first - expected.offset;
  if (data.length !== pageRows || data.some(({ n }, at) => n !== begins - at))
    throw new Error(`${about}: ${data.length} rows from ${data[0]?.n}, not ${pageRows} from ${begins}`);
  if (expected.by === 'bare') return;
  for (const [name, value] of Object.entries(scenario.meta))
    if (meta?.[name] !== value) throw new Error(`${about}: meta.${name} is ${String(meta?.[name])}, not ${value}`);
};
