/** SQL as data: text with $1, $2 … and the values apart; a value can never enter the text. */
export type SqlValue = string | number | bigint | boolean | null;
export type Sql = { readonly text: string; readonly values: readonly SqlValue[] };
/** An identifier or a name from a resource, quoted for DuckDB. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
/** A string literal for statements that take no parameters (ATTACH, COPY paths of our own making). */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
