/** How rows become the bytes of one form, a chunk at a time, so that an answer of any length needs bounded memory. */
import type { ColumnType } from '@offloader/contract';
import type { ResultColumn } from './engine.ts';

/** A column of the answer: where it stands in a result row, and what it was declared as (a plain type for an aggregate). */
export type AnswerColumn = ResultColumn & { readonly at: number; readonly declared: ColumnType };
export type Rows = readonly (readonly unknown[])[];

export type Encoder = {
  /** Before the first row. */
  head(): Uint8Array;
  /** `isFirst`: no row has been written before. */
  rows(rows: Rows, isFirst: boolean): Uint8Array;
  tail(): Uint8Array;
};
export type CreateEncoder = (columns: readonly AnswerColumn[]) => Encoder;
