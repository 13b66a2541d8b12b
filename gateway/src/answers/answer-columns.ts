/** Which of a result's columns are answered. */
import type { AnswerColumn } from '../domain/encoder.ts';
import type { RowStream } from '../domain/engine.ts';
import type { QueryPlan } from '../domain/query-plan.ts';

/** The columns that were asked for, in the endpoint's order; an aggregate is never JSON, whatever it was made of. */
export const answerColumns = ({ endpoint, request }: QueryPlan, { columns }: RowStream): readonly AnswerColumn[] =>
  endpoint.select.flatMap(({ as, agg, type }, at) => {
    const found = columns[at];
    return found !== undefined && request.columns.includes(as)
      ? [{ name: as, type: found.type, at, declared: agg === null ? type : 'VARCHAR' }]
      : [];
  });
