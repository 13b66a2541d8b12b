/** What an object's own name can get wrong. The API server holds the same rules as CEL, at the object's root. */
import { identifierPattern } from '../names.ts';
import type { Problem } from '../problem.ts';
import { problem } from './problems.ts';

const isIdentifier = (name: string): boolean => new RegExp(identifierPattern).test(name);

/** A manifest's dataset_id is an identifier and equals the Dataset's name: any other name could never be served. */
export const checkDatasetName = (name: string): readonly Problem[] =>
  isIdentifier(name)
    ? []
    : [
        problem(
          'unsafe_identifier',
          'metadata.name',
          'a manifest names its dataset by an identifier: metadata.name begins with a letter and holds up to 63 of a-z, 0-9 and -; rename it',
        ),
      ];

/** The name in the URL is an identifier, wherever it comes from. */
export const checkEndpointName = (name: string, spec: { readonly name?: string }): readonly Problem[] =>
  spec.name !== undefined || isIdentifier(name)
    ? []
    : [
        problem(
          'unsafe_identifier',
          'metadata.name',
          'the name in the URL is metadata.name when spec.name is absent, and this one cannot stand there; set spec.name',
        ),
      ];
