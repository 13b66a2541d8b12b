/** The status of the three kinds: kstatus conditions, who serves it, and for datasets what is served. */
import { type Static, Type } from '@sinclair/typebox';
import { OneOf } from './shapes.ts';

const text = Type.String({ maxLength: 4096 });
const ConditionShape = Type.Object({
  type: Type.String({ maxLength: 316 }),
  status: OneOf(['True', 'False', 'Unknown']),
  reason: Type.String({ maxLength: 1024 }),
  message: Type.String({ maxLength: 32768 }),
  lastTransitionTime: Type.String({ format: 'date-time' }),
  observedGeneration: Type.Optional(Type.Integer()),
});
export type Condition = Static<typeof ConditionShape>;

const Conditions = Type.Array(ConditionShape, { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] });
const Gateways = Type.Object({
  ready: Type.Integer(),
  total: Type.Integer(),
  revision: Type.Optional(text),
  behind: Type.Optional(Type.Array(text)),
  /** For the column: n/m. */
  summary: Type.Optional(text),
});
const base = {
  observedGeneration: Type.Integer({ default: -1 }),
  conditions: Type.Optional(Conditions),
  gateways: Type.Optional(Gateways),
};
const Attempt = Type.Object({ id: Type.Optional(text), status: OneOf(['ok', 'unchanged', 'rejected', 'failed']), at: text });

export const DatasetStatusShape = Type.Object({
  ...base,
  activeSnapshot: Type.Optional(
    Type.Object({ id: text, watermark: Type.Optional(text), age: Type.Optional(text), rows: Type.Optional(Type.Integer()) }),
  ),
  kept: Type.Optional(Type.Array(text)),
  quarantined: Type.Optional(Type.Array(Type.Object({ id: text, at: text, reason: text }))),
  lastAttempt: Type.Optional(Attempt),
  refreshError: Type.Optional(Type.Object({ code: text, path: text, message: text })),
  stale: Type.Optional(Type.Boolean()),
  sourceReachable: Type.Optional(Type.Boolean()),
  /** The tokens that every replica has acted on. */
  handledRefresh: Type.Optional(text),
  handledRebuild: Type.Optional(text),
  /** The replicas that have yet to act on a token; absent when there is none. */
  pending: Type.Optional(Type.Object({ refresh: Type.Optional(Type.Array(text)), rebuild: Type.Optional(Type.Array(text)) })),
});
export const EndpointStatusShape = Type.Object({ ...base, path: Type.Optional(text) });
export const ApiKeyStatusShape = Type.Object({
  ...base,
  state: Type.Optional(text),
  lastUsed: Type.Optional(text),
  handledRotation: Type.Optional(text),
});
export type DatasetStatus = Static<typeof DatasetStatusShape>;
export type EndpointStatus = Static<typeof EndpointStatusShape>;
export type ApiKeyStatus = Static<typeof ApiKeyStatusShape>;
