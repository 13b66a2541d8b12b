/** A result's rows as the bytes of a JSON list: built once, kept as bytes, never parsed again. */
import type { ColumnType, CompiledEndpoint } from '@offloader/contract';
import type { Page } from '../cache/responses.ts';
import type { RowStream } from '../domain/engine.ts';
import type { Request } from '../domain/request.ts';
import { jsonOf } from '../duckdb/values.ts';

type Cell = { readonly at: number; readonly prefix: string; readonly type: ColumnType };

/** The columns that were asked for, with the text that stands before each value. */
const cellsOf = ({ select }: CompiledEndpoint, { columns }: Request): readonly Cell[] => {
  const asked = select.flatMap((one, at) =>
    columns.includes(one.as) ? [{ at, as: one.as, type: one.agg === null ? one.type : ('VARCHAR' as const) }] : [],
  );
  return asked.map(({ at, as, type }, n) => ({ at, prefix: `${n === 0 ? '{' : ','}${JSON.stringify(as)}:`, type }));
};

/** Reads limit rows and notices the one more that tells of a next page. */
export const readPage = async (rows: RowStream, endpoint: CompiledEndpoint, request: Request): Promise<Page> => {
  const cells = cellsOf(endpoint, request);
  const parts: string[] = [];
  let seen = 0;
  for await (const chunk of rows.chunks) {
    for (const row of chunk) {
      seen += 1;
      if (seen > request.limit) break;
      let text = parts.length === 0 ? '' : ',';
      for (const { at, prefix, type } of cells) text += prefix + jsonOf(row[at], type);
      parts.push(`${text}}`);
    }
  }
  return { data: Buffer.from(`[${parts.join('')}]`), rowCount: Math.min(seen, request.limit), hasMore: seen > request.limit };
};
