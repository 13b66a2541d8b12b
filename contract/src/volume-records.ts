/** What is remembered of each replica's cache volume in the ConfigMap `R-gateway-volumes`: the operator writes it, the CLI reads it. */

/** Asked for by an annotation, or by the gateway's own report that its volume has failed. */
export type VolumeCause = 'asked' | 'failed';
/** `waiting` and `refused` are judged anew every turn and differ in this: waiting ends by itself. */
export type VolumePhase = 'waiting' | 'refused' | 'replacing' | 'replaced';

export type VolumeRequest = {
  readonly token: string;
  readonly cause: VolumeCause;
  readonly phase: VolumePhase;
  readonly message: string;
  /** RFC 3339: since when it is in this phase. */
  readonly since: string;
  /** The PersistentVolume that holds the old data, and the claim and pod that stood on it. */
  readonly volume: string | null;
  readonly claimUid: string | null;
  readonly podUid: string | null;
};

/** What is remembered of one replica; it outlives the pod, the claim and the operator. */
export type VolumeRecord = {
  readonly request: VolumeRequest | null;
  /** Tokens that were acted on, newest first. */
  readonly handled: readonly string[];
  /** RFC 3339: when it was last replaced without being asked for. */
  readonly automaticAt: string | null;
};
/** By the pod's name. */
export type VolumeRecords = Readonly<Record<string, VolumeRecord>>;

export const emptyVolumeRecord: VolumeRecord = { request: null, handled: [], automaticAt: null };

/** From the ConfigMap's data, a JSON text by the pod's name. What somebody broke in it counts as nothing remembered. */
export const parseVolumeRecords = (data: Readonly<Record<string, string>>): VolumeRecords =>
  Object.fromEntries(Object.entries(data).map(([pod, text]) => [pod, parseRecord(text)]));

const parseRecord = (text: string): VolumeRecord => {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return emptyVolumeRecord;
  }
  if (typeof raw !== 'object' || raw === null) return emptyVolumeRecord;
  const { request, handled, automaticAt } = raw as Partial<VolumeRecord>;
  return {
    request: isRequest(request) ? request : null,
    handled: Array.isArray(handled) ? handled.filter((token) => typeof token === 'string') : [],
    automaticAt: typeof automaticAt === 'string' ? automaticAt : null,
  };
};

const isRequest = (raw: unknown): raw is VolumeRequest =>
  typeof raw === 'object' &&
  raw !== null &&
  'phase' in raw &&
  ['waiting', 'refused', 'replacing', 'replaced'].includes(String(raw.phase)) &&
  'token' in raw &&
  typeof raw.token === 'string';
