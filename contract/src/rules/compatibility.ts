/** The gate between what a snapshot declares and what the dataset's contract needs. */
import type { Column, ColumnType, CompiledDataset } from '../bundle.ts';
import type { SoundFields } from '../manifest.ts';
import type { Problem } from '../problem.ts';
import { problem } from './problems.ts';

/** Narrow to wide: a snapshot may be as wide as the contract or wider, never narrower. */
const ladder: readonly ColumnType[] = ['INTEGER', 'BIGINT', 'DOUBLE'];

const fits = (contract: ColumnType, offered: ColumnType): boolean => {
  if (contract === offered) return true;
  const [from, to] = [ladder.indexOf(contract), ladder.indexOf(offered)];
  return from !== -1 && to !== -1 && to >= from;
};

const columnFinding = (contract: Column, offered: readonly Column[]): readonly Problem[] => {
  const at = offered.findIndex((column) => column.name === contract.name);
  const column = offered[at];
  if (column === undefined)
    return [
      problem(
        'incompatible_schema',
        'schema',
        `column ${contract.name} is missing: it was dropped or renamed`,
        'bring it back, or change the Dataset first',
      ),
    ];
  return fits(contract.type, column.type)
    ? []
    : [
        problem(
          'incompatible_schema',
          `schema[${at}].type`,
          `column ${contract.name} is ${column.type}, the dataset needs ${contract.type}`,
        ),
      ];
};

const extraFindings = (
  offered: readonly Column[],
  dataset: CompiledDataset,
  policy: SoundFields['compatibility_policy'],
): readonly Problem[] =>
  policy !== 'exact'
    ? []
    : offered.flatMap(({ name }, at) =>
        dataset.schema.some((column) => column.name === name)
          ? []
          : [
              problem(
                'incompatible_schema',
                `schema[${at}].name`,
                `column ${name} is not in the dataset, and compatibility_policy is exact`,
              ),
            ],
      );

/** Every reason why this manifest's schema cannot serve this dataset; the policy is the manifest's. A schema that is none is judged elsewhere. */
export const checkCompatibility = ({ schema, compatibility_policy: policy }: SoundFields, dataset: CompiledDataset): readonly Problem[] =>
  schema === undefined
    ? []
    : [...dataset.schema.flatMap((column) => columnFinding(column, schema)), ...extraFindings(schema, dataset, policy)];
