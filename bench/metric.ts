/** One value of a /metrics page: the sum over the labels of a name, or over those that begin as in `name{label="…"`. Without the page 0. */
export const metric = async (port: number, name: string): Promise<number> => {
  const page = await fetch(`http://127.0.0.1:${port}/metrics`).then(
    async (response) => response.text(),
    () => '',
  );
  return page
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(name.includes('{') ? name : `${name}{`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
};
