/** Parts of other workspaces, tests' parts among them. Loaded by URL: tsc cannot rewrite a path into another project. */
export const from = async <T>(path: string): Promise<T> => (await import(new URL(`../${path}`, import.meta.url).href)) as T;
