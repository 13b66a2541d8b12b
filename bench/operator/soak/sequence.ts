/** What users do during a soak, one thing after the other: pure, so that a seed always makes the same sequence. */
import { type Random, weighted } from './random.ts';

/** What keeps a dataset from its newest snapshot. */
export type Hold = 'none' | 'bad' | 'pinned' | 'blocked' | 'refused';
export type BadManifest = 'rows' | 'schema' | 'file' | 'shape';
export type Deed =
  | { readonly kind: 'publish' | 'pin' | 'unpin' | 'block' | 'unblock' | 'refresh' | 'rebuild' | 'version'; readonly dataset: number }
  | { readonly kind: 'refuseCredentials' | 'renewCredentials'; readonly dataset: number }
  | { readonly kind: 'publishBad'; readonly dataset: number; readonly fault: BadManifest }
  | { readonly kind: 'arrive' | 'leave'; readonly guest: number }
  | { readonly kind: 'mint' | 'rotate' | 'revoke' | 'forget'; readonly key: number };

export type Standing = {
  /** The datasets that stay, by number. */
  readonly holds: readonly Hold[];
  /** Datasets that come and go, each with an endpoint, and keys: numbers that are never used again. */
  readonly guests: readonly number[];
  readonly keys: readonly { readonly key: number; readonly isRevoked: boolean }[];
  readonly serial: number;
};

const most = { guests: 3, keys: 4 };
const faults: readonly BadManifest[] = ['rows', 'schema', 'file', 'shape'];

export const firstStanding = (datasets: number): Standing => ({
  holds: Array.from({ length: datasets }, () => 'none'),
  guests: [],
  keys: [],
  serial: 0,
});

type Choice = { readonly weight: number; readonly deed: Deed };

/** Only the first dataset lies in a store that asks for credentials. */
const holdChoices = (hold: Hold, dataset: number, random: Random): readonly Choice[] => {
  const held: Record<Hold, readonly Choice[]> = {
    none: [
      { weight: 6, deed: { kind: 'publish', dataset } },
      { weight: 2, deed: { kind: 'publishBad', dataset, fault: faults[Math.floor(random() * faults.length)] ?? 'rows' } },
      { weight: 1, deed: { kind: 'pin', dataset } },
      { weight: 1, deed: { kind: 'block', dataset } },
      ...(dataset === 0 ? [{ weight: 2, deed: { kind: 'refuseCredentials', dataset } } as const] : []),
    ],
    bad: [{ weight: 8, deed: { kind: 'publish', dataset } }],
    pinned: [{ weight: 6, deed: { kind: 'unpin', dataset } }],
    blocked: [{ weight: 6, deed: { kind: 'unblock', dataset } }],
    refused: [{ weight: 8, deed: { kind: 'renewCredentials', dataset } }],
  };
  const always: readonly Choice[] = [
    { weight: 3, deed: { kind: 'version', dataset } },
    ...(hold === 'refused' ? [] : [{ weight: 2, deed: { kind: 'refresh', dataset } } as const]),
    ...(hold === 'none' ? [{ weight: 1, deed: { kind: 'rebuild', dataset } } as const] : []),
  ];
  return [...held[hold], ...always];
};

const guestChoices = ({ guests, serial }: Standing): readonly Choice[] => [
  ...(guests.length < most.guests ? [{ weight: 4, deed: { kind: 'arrive', guest: serial } } as const] : []),
  ...guests.map((guest) => ({ weight: 2, deed: { kind: 'leave', guest } }) as const),
];

const keyChoices = ({ keys, serial }: Standing): readonly Choice[] => [
  ...(keys.length < most.keys ? [{ weight: 4, deed: { kind: 'mint', key: serial } } as const] : []),
  ...keys.flatMap(({ key, isRevoked }): readonly Choice[] => [
    { weight: 1, deed: { kind: 'forget', key } },
    ...(isRevoked ? [] : [{ weight: 2, deed: { kind: 'rotate', key } } as const, { weight: 1, deed: { kind: 'revoke', key } } as const]),
  ]),
];

const holdAfter: Partial<Record<Deed['kind'], Hold>> = {
  publish: 'none',
  publishBad: 'bad',
  pin: 'pinned',
  unpin: 'none',
  block: 'blocked',
  unblock: 'none',
  refuseCredentials: 'refused',
  renewCredentials: 'none',
};

const after = (standing: Standing, deed: Deed): Standing => {
  const { guests, keys, serial } = standing;
  if ('dataset' in deed) {
    const hold = holdAfter[deed.kind];
    return hold === undefined ? standing : { ...standing, holds: standing.holds.with(deed.dataset, hold) };
  }
  if ('guest' in deed)
    return deed.kind === 'arrive'
      ? { ...standing, guests: [...guests, deed.guest], serial: serial + 1 }
      : { ...standing, guests: guests.filter((guest) => guest !== deed.guest) };
  if (deed.kind === 'mint') return { ...standing, keys: [...keys, { key: deed.key, isRevoked: false }], serial: serial + 1 };
  if (deed.kind === 'revoke') return { ...standing, keys: keys.map((one) => (one.key === deed.key ? { ...one, isRevoked: true } : one)) };
  return deed.kind === 'forget' ? { ...standing, keys: keys.filter(({ key }) => key !== deed.key) } : standing;
};

/** The next thing that is done, and how everything stands then. */
export const next = (standing: Standing, random: Random): readonly [Deed, Standing] => {
  const choices = [
    ...standing.holds.flatMap((hold, dataset) => holdChoices(hold, dataset, random)),
    ...guestChoices(standing),
    ...keyChoices(standing),
  ];
  const { deed } = weighted(choices, random);
  return [deed, after(standing, deed)];
};
