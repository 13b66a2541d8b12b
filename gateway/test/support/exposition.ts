// The metrics page read as Prometheus reads it: families with help, type and samples. Throws at a sample that has neither.
export type Sample = { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly value: number };
export type Family = { readonly name: string; readonly help: string; readonly type: string; readonly samples: readonly Sample[] };

const sampleOf = (line: string): Sample => {
  const [, name, labels, value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === undefined) throw new Error(`not a sample: ${line}`);
  const pairs = [...(labels ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [String(key), String(text)] as const);
  return { name, labels: Object.fromEntries(pairs), value: Number(value) };
};

/** The families of a page, in its order. */
export const parseExposition = (page: string): readonly Family[] => {
  const families: { name: string; help: string; type: string; samples: Sample[] }[] = [];
  for (const line of page.split('\n').filter((text) => text !== '')) {
    const [, keyword, name = '', text = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    const last = families.at(-1);
    if (keyword === 'HELP') families.push({ name, help: text, type: '', samples: [] });
    else if (keyword === 'TYPE' && last?.name === name) last.type = text;
    else {
      const sample = sampleOf(line);
      const ends = last?.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
      if (last === undefined || last.type === '' || !ends.some((end) => `${last.name}${end}` === sample.name))
        throw new Error(`no help and type stand before: ${line}`);
      last.samples.push(sample);
    }
  }
  return families;
};

/** The value of the one sample with this name and these labels; undefined when there is none. */
export const valueOf = (page: string, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined =>
  parseExposition(page)
    .flatMap(({ samples }) => samples)
    .find((sample) => sample.name === name && JSON.stringify(Object.entries(sample.labels).toSorted()) === JSON.stringify(Object.entries(labels).toSorted()))?.value; // prettier-ignore
