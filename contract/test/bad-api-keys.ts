/** Faulty ApiKeys. */
import { apiKey, type BadResource, without } from './support/bad-resource.ts';

const minted = { hash: undefined, tokenSecret: { name: 'acme-token' } };

// prettier-ignore
export const badApiKeys: readonly BadResource[] = [
  { name: 'a token in the open', object: apiKey({ token: 'x' }), code: 'unknown_field', path: 'spec.token', refusal: 'unknown field "spec.token"' },
  { name: 'no endpoints', object: without(apiKey(), 'endpoints'), code: 'missing', path: 'spec.endpoints', refusal: 'spec.endpoints: Required value' },
  { name: 'an empty list of endpoints', object: apiKey({ endpoints: [] }), code: 'invalid_value', path: 'spec.endpoints', refusal: 'should have at least 1 items' },
  { name: 'an endpoint name in capitals', object: apiKey({ endpoints: ['Daily'] }), code: 'unsafe_identifier', path: 'spec.endpoints[0]', refusal: 'spec.endpoints[0] in body should match' },
  { name: 'all endpoints and one by name', object: apiKey({ endpoints: ['*', 'daily'] }), code: 'invalid_value', path: 'spec.endpoints', refusal: 'endpoints is either ["*"] alone or a list of names' },
  { name: 'an endpoint listed twice', object: apiKey({ endpoints: ['daily', 'daily'] }), code: 'duplicate_endpoint', path: 'spec.endpoints[1]', refusal: 'spec.endpoints[1]: Duplicate value' },
  { name: 'neither hash nor tokenSecret', object: without(apiKey(), 'hash'), code: 'missing', path: 'spec.hash', refusal: 'set exactly one of hash (you bring the token) and tokenSecret (the operator mints it)' },
  { name: 'both hash and tokenSecret', object: apiKey({ tokenSecret: { name: 'acme-token' } }), code: 'conflicting_origin', path: 'spec.hash', refusal: 'set exactly one of hash' },
  { name: 'a token where its hash belongs', object: apiKey({ hash: 'sesame' }), code: 'invalid_value', path: 'spec.hash', refusal: "should match '^[0-9a-f]{64}$'" },
  { name: 'a hash in capitals', object: apiKey({ hash: 'A'.repeat(64) }), code: 'invalid_value', path: 'spec.hash', refusal: "should match '^[0-9a-f]{64}$'" },
  { name: 'the rotation of a hash', object: apiKey({ rotation: { token: 'q4' } }), code: 'conflicting_origin', path: 'spec.rotation', refusal: 'rotation mints a new token, which needs tokenSecret' },
  { name: 'a rotation without token', object: apiKey({ ...minted, rotation: {} }), code: 'missing', path: 'spec.rotation.token', refusal: 'spec.rotation.token: Required value' },
  { name: 'an overlap that is no duration', object: apiKey({ ...minted, rotation: { token: 'q4', overlap: 'a day' } }), code: 'invalid_value', path: 'spec.rotation.overlap', refusal: 'spec.rotation.overlap in body should match' },
  { name: 'a token Secret in capitals', object: apiKey({ ...minted, tokenSecret: { name: 'Acme' } }), code: 'invalid_value', path: 'spec.tokenSecret.name', refusal: 'spec.tokenSecret.name in body should match' },
  { name: 'a token Secret by a name that no Secret can have', object: apiKey({ ...minted, tokenSecret: { name: 'acme..token' } }), code: 'invalid_value', path: 'spec.tokenSecret.name', refusal: 'spec.tokenSecret.name in body should match' },
  { name: 'a state that there is not', object: apiKey({ state: 'Paused' }), code: 'invalid_value', path: 'spec.state', refusal: 'supported values: "Active", "Revoked"' },
  { name: 'an end without time', object: apiKey({ expiresAt: '2027-01-01' }), code: 'invalid_value', path: 'spec.expiresAt', refusal: 'spec.expiresAt in body should match' },
  { name: 'an end without offset', object: apiKey({ expiresAt: '2027-01-01T00:00:00' }), code: 'invalid_value', path: 'spec.expiresAt', refusal: 'spec.expiresAt in body should match' },
  { name: 'an end on 31 April', object: apiKey({ expiresAt: '2027-04-31T00:00:00Z' }), code: 'invalid_value', path: 'spec.expiresAt', refusal: 'names a day that its month does not have' },
  { name: 'an empty tenant', object: apiKey({ tenant: '' }), code: 'invalid_value', path: 'spec.tenant', refusal: 'should be at least 1 chars long' },
  { name: 'no request a second', object: apiKey({ limits: { requestsPerSecond: 0 } }), code: 'invalid_value', path: 'spec.limits.requestsPerSecond', refusal: 'should be greater than or equal to 1' },
  { name: 'a burst without rate', object: apiKey({ limits: { burst: 5 } }), code: 'missing', path: 'spec.limits.requestsPerSecond', refusal: 'limits.burst needs limits.requestsPerSecond; set it or remove burst' },
];
