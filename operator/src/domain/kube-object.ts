/** Kubernetes objects as the operator reads them: only the fields that decide something. */

export type OwnerReference = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
};

export type Metadata = {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
};

export type KubeObject = {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: Metadata;
  /** The field manager, not the operator's, that wrote last; absent when there is none. Read out of managedFields, never written. */
  readonly changedBy?: string;
};

/** One of the three kinds, spec not yet judged. */
export type CustomResource = KubeObject & { readonly spec?: unknown; readonly status?: unknown };
export type ConfigMap = KubeObject & {
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
};
/** Values in base64. */
export type Secret = KubeObject & { readonly type?: string; readonly data?: Readonly<Record<string, string>> };
export type Pod = KubeObject & {
  readonly status?: {
    readonly podIP?: string;
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
};
/** A PersistentVolumeClaim. */
export type Claim = KubeObject & { readonly spec?: { readonly volumeName?: string } };
