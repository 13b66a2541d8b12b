/** What was measured, against what is promised: printed as it comes, kept for the page, counted when missed. */
type Row = { readonly what: string; readonly measured: string; readonly bound: string; readonly met: boolean };

const spelled = (value: number, unit: string): string =>
  `${value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 2 : 0 })} ${unit}`;

export class Figures {
  readonly #rows: Row[] = [];

  /** One figure; without a bound it is told and nothing else. */
  add(what: string, value: number, unit: string, under?: number): void {
    const bound = under === undefined ? '' : `under ${spelled(under, unit)}`;
    const row = { what, measured: spelled(value, unit), bound, met: under === undefined || value < under };
    this.#rows.push(row);
    process.stderr.write(`${what}: ${row.measured}${bound === '' ? '' : ` (${bound})`}${row.met ? '' : ' MISSED'}\n`);
  }

  get missed(): readonly string[] {
    return this.#rows.filter(({ met }) => !met).map(({ what }) => what);
  }

  /** A Markdown table. */
  get table(): string {
    const rows = this.#rows.map(({ what, measured, bound, met }) => `| ${what} | ${measured} | ${bound}${met ? '' : ': missed'} |`);
    return ['| what | measured | bound |', '| --- | --- | --- |', ...rows].join('\n');
  }
}
