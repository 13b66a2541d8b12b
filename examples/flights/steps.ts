/** The demo's story: each step is a snapshot that holds the flights up to one more day. */
export type Step = { readonly snapshotId: string; readonly until: string };

const days = ['2001-06-15', '2001-06-20', '2001-06-25', '2001-06-30'] as const;

export const steps: readonly Step[] = days.map((until) => ({ snapshotId: until, until }));
