/** What an ApiKey alone can get wrong beyond its structure. The API server holds the same rules as CEL (resources/api-key.ts). */
import type { ApiKeySpec } from '../resources/api-key.ts';
import type { Problem } from '../problem.ts';
import { isRealDay } from './param-values.ts';
import { problem, repeats } from './problems.ts';
import { noSuchDay } from '../resources/shapes.ts';

type Rule = (spec: ApiKeySpec) => readonly Problem[];

const oneToken: Rule = (spec) =>
  (spec.hash === undefined) === (spec.tokenSecret === undefined)
    ? [
        problem(
          spec.hash === undefined ? 'missing' : 'conflicting_origin',
          'spec.hash',
          'set exactly one of hash (you bring the token) and tokenSecret (the operator mints it)',
        ),
      ]
    : [];

const rotationMints: Rule = (spec) =>
  spec.rotation !== undefined && spec.tokenSecret === undefined
    ? [
        problem(
          'conflicting_origin',
          'spec.rotation',
          'rotation mints a new token, which needs tokenSecret; with hash, put the new hash in its place',
        ),
      ]
    : [];

const allStandsAlone: Rule = ({ endpoints }) =>
  endpoints.includes('*') && endpoints.length > 1
    ? [problem('invalid_value', 'spec.endpoints', 'endpoints is either ["*"] alone or a list of names; remove "*" or the names')]
    : [];

const endpointsAreUnique: Rule = ({ endpoints }) =>
  repeats(endpoints).map((at) => problem('duplicate_endpoint', `spec.endpoints[${at}]`, `${endpoints[at] ?? ''} is listed before`));

const burstHasARate: Rule = ({ limits }) =>
  limits?.burst !== undefined && limits.requestsPerSecond === undefined
    ? [problem('missing', 'spec.limits.requestsPerSecond', 'limits.burst needs limits.requestsPerSecond; set it or remove burst')]
    : [];

/** A key whose end cannot be read must not pass for one without end. */
const endIsADay: Rule = ({ expiresAt }) =>
  expiresAt !== undefined && !isRealDay(expiresAt.slice(0, 10)) ? [problem('invalid_value', 'spec.expiresAt', noSuchDay)] : [];

export const apiKeyRules: readonly Rule[] = [oneToken, rotationMints, allStandsAlone, endpointsAreUnique, burstHasARate, endIsADay];
