/**
 * Everything that a resource can get wrong, one row a rule: the finding that every checker tells, and the words in which the API
 * server refuses the object where it alone shows the fault. What users read, so a row changes only with the contract.
 */
import { badApiKeys } from './bad-api-keys.ts';
import { badDatasets } from './bad-datasets.ts';
import { badEndpoints } from './bad-endpoints.ts';
import { badParams } from './bad-params.ts';
import { badReferences } from './bad-references.ts';
import type { BadResource } from './support/bad-resource.ts';

export type { BadResource } from './support/bad-resource.ts';
export const badResources: readonly BadResource[] = [...badDatasets, ...badEndpoints, ...badParams, ...badApiKeys, ...badReferences];
