/** ApiKey: who may call which endpoints, as which tenant, how often, until when. */
import { type Static, Type } from '@sinclair/typebox';
import { ApiKeyStatusShape } from './status.ts';
import { cel, Duration, grantPattern, Moment, ObjectMetaShape, ObjectName, OneOf, Text, Token } from './shapes.ts';

export const ApiKeySpecShape = Type.Object(
  {
    tenant: Type.Optional(Text(200)),
    endpoints: Type.Array(Type.String({ pattern: grantPattern, maxLength: 63 }), {
      minItems: 1,
      maxItems: 1000,
      'x-kubernetes-list-type': 'set',
    }),
    state: Type.Optional(Type.Unsafe<'Active' | 'Revoked'>({ ...OneOf(['Active', 'Revoked']), default: 'Active' })),
    expiresAt: Type.Optional(Moment),
    hash: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$', maxLength: 64 })),
    tokenSecret: Type.Optional(Type.Object({ name: ObjectName })),
    rotation: Type.Optional(Type.Object({ token: Token, overlap: Type.Optional(Type.Unsafe<string>({ ...Duration, default: '24h' })) })),
    limits: Type.Optional(
      Type.Object(
        {
          requestsPerSecond: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
          burst: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
          requestsPerDay: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000_000 })),
        },
        {
          'x-kubernetes-validations': [
            cel('!has(self.burst) || has(self.requestsPerSecond)', 'limits.burst needs limits.requestsPerSecond; set it or remove burst'),
          ],
        },
      ),
    ),
  },
  {
    'x-kubernetes-validations': [
      cel(
        'has(self.hash) != has(self.tokenSecret)',
        'set exactly one of hash (you bring the token) and tokenSecret (the operator mints it)',
      ),
      cel(
        '!has(self.rotation) || has(self.tokenSecret)',
        'rotation mints a new token, which needs tokenSecret; with hash, put the new hash in its place',
      ),
      cel(
        "!('*' in self.endpoints) || size(self.endpoints) == 1",
        'endpoints is either ["*"] alone or a list of names; remove "*" or the names',
      ),
    ],
  },
);
export type ApiKeySpec = Static<typeof ApiKeySpecShape>;

export const ApiKeyShape = Type.Object({
  apiVersion: Type.String(),
  kind: Type.Unsafe<'ApiKey'>({ type: 'string', enum: ['ApiKey'] }),
  metadata: ObjectMetaShape,
  spec: ApiKeySpecShape,
  status: Type.Optional(ApiKeyStatusShape),
});
export type ApiKey = Static<typeof ApiKeyShape>;
