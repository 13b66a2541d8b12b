/** What may grow during a soak, and by how much. */
const mebibyte = 2 ** 20;

export type Bound = {
  readonly of: 'gateway' | 'operator' | 'namespace';
  readonly figure: string;
  readonly what: string;
  readonly unit: 'MiB' | 'KiB' | '';
  /** It may be more at the end by this part of what it was, or by this much, whichever is more. */
  readonly part: number;
  readonly atLeast: number;
  /** What stands for a stretch of time: its middle, or its lowest, which for a heap is what is alive. */
  readonly stands: 'median' | 'lowest';
  /** Whether its slope counts. What moves within a steady set, with what comes and goes, has one in a short run. */
  readonly drawn: boolean;
};

const bound = (of: Bound['of'], figure: string, what: string, rest: Partial<Bound> = {}): Bound => ({
  of,
  figure,
  what,
  unit: '',
  part: 0.05,
  atLeast: 4,
  stands: 'median',
  drawn: true,
  ...rest,
});

const ofProcess = (of: 'gateway' | 'operator'): readonly Bound[] => [
  bound(of, 'rssBytes', 'resident memory', { unit: 'MiB', part: 0.1, atLeast: 16 * mebibyte }),
  bound(of, 'heapBytes', 'heap after a collection', { unit: 'MiB', part: 0.1, atLeast: 8 * mebibyte, stands: 'lowest' }),
  bound(of, 'externalBytes', 'buffers after a collection', { unit: 'MiB', part: 0.1, atLeast: 4 * mebibyte, stands: 'lowest' }),
  bound(of, 'descriptors', 'open descriptors', { atLeast: 8 }),
  bound(of, 'threads', 'threads', { atLeast: 2 }),
  bound(of, 'resources', 'timers, sockets and other live resources', { atLeast: 8 }),
];

/** Of what moves with the guests and their keys: the least that it may be more covers some of them. */
const inSet = { drawn: false, atLeast: 8 };

export const bounds: readonly Bound[] = [
  ...ofProcess('gateway'),
  // A guest has nearly a hundred: of names that are gone none may stay.
  bound('gateway', 'series', 'series of /metrics', { ...inSet, atLeast: 200 }),
  bound('gateway', 'snapshotsOpen', 'snapshot files that are open', inSet),
  bound('gateway', 'deletedOpen', 'deleted files that are still open', { part: 0, atLeast: 2 }),
  // Two files for each snapshot: those of guests, and of copies that rebuilds have set aside.
  bound('gateway', 'cacheFiles', 'files on the cache volume', { ...inSet, atLeast: 20 }),
  bound('gateway', 'cacheBytes', 'bytes on the cache volume', { ...inSet, unit: 'MiB', part: 0.1, atLeast: 8 * mebibyte }),
  bound('gateway', 'answersBytes', 'bytes of cached answers', { ...inSet, unit: 'MiB', part: 0.1, atLeast: 2 * mebibyte }),
  ...ofProcess('operator'),
  bound('operator', 'series', 'series of /metrics', { ...inSet, atLeast: 40 }),
  bound('operator', 'queued', 'keys that wait for a turn', { part: 0, atLeast: 2 }),
  bound('operator', 'watched', 'objects that are watched', inSet),
  bound('namespace', 'configmaps', 'ConfigMaps', { ...inSet, part: 0, atLeast: 1 }),
  bound('namespace', 'configmapsBytes', 'their bytes', { ...inSet, unit: 'KiB', part: 0.1, atLeast: 8 * 1024 }),
  bound('namespace', 'secrets', 'Secrets', { ...inSet, atLeast: 4 }),
  bound('namespace', 'secretsBytes', 'their bytes', { ...inSet, unit: 'KiB', part: 0.1, atLeast: 8 * 1024 }),
  bound('namespace', 'events', 'Events', { ...inSet, part: 0.25, atLeast: 50 }),
  bound('namespace', 'statusesBytes', 'bytes of the Datasets with their statuses', {
    ...inSet,
    unit: 'KiB',
    part: 0.1,
    atLeast: 16 * 1024,
  }),
];
