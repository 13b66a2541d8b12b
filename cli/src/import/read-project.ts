/** Reads the files of an original project: offloader.yml, and the datasets, endpoints and keys that it names. */
import { access, readFile, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { err, ok } from '@offloader/contract';
import type { AuthMode, Result } from '@offloader/contract';
import { YAMLParseError, parse } from 'yaml';
import { ioProblem } from '../io-problem.ts';
import { convertDataset, convertEndpoint, convertKey } from './convert.ts';
import type { Converted, Fields } from './convert.ts';

/** One file to write, with the resources in it and where they came from. */
export type ImportedFile = { readonly path: string; readonly from: string; readonly objects: readonly Converted[] };
export type ImportedProject = { readonly auth: AuthMode; readonly files: readonly ImportedFile[] };

class Unreadable extends Error {}

/** The project in a folder, or of an offloader.yml, converted; the error names the file that cannot be read. */
export const readProject = async (place: string): Promise<Result<ImportedProject, string>> => {
  try {
    const isFile = await stat(place).then((found) => found.isFile());
    const folder = resolve(isFile ? dirname(place) : place);
    return ok(await convertAll(folder, isFile ? basename(place) : 'offloader.yml'));
  } catch (error) {
    if (error instanceof Unreadable) return err(error.message);
    return err(`${place}: cannot be read: ${ioProblem(error)}`);
  }
};

const convertAll = async (folder: string, name: string): Promise<ImportedProject> => {
  const project = await readFields(join(folder, name), folder);
  const facts = { folderUrl: `${pathToFileURL(folder).href}/`, objectStoreMode: project['object_store_mode'] };
  const datasets = await convertFolder(folder, text(project['datasets_dir'], 'datasets'), (file) => convertDataset(file, facts));
  const endpoints = await convertFolder(folder, text(project['endpoints_dir'], 'endpoints'), convertEndpoint);
  const keys = await convertKeys(folder, project['keys']);
  return {
    auth: project['auth'] === 'none' ? 'none' : 'required',
    files: [...datasets.map(placed('datasets')), ...endpoints.map(placed('endpoints')), ...keys],
  };
};

const text = (value: unknown, fallback: string): string => (typeof value === 'string' ? value : fallback);
const placed =
  (into: string) =>
  (file: ImportedFile): ImportedFile => ({ ...file, path: `${into}/${file.path}` });

const convertFolder = async (folder: string, sub: string, convert: (file: Fields) => Converted): Promise<readonly ImportedFile[]> => {
  const found = await readdir(join(folder, sub)).catch((error: unknown) => {
    throw new Unreadable(`${sub}: cannot be read: ${ioProblem(error)}`);
  });
  const names = found.filter((name) => /\.ya?ml$/i.test(name)).sort();
  return Promise.all(
    names.map(async (name) => ({
      path: name.replace(/\.ya?ml$/i, '.yaml'),
      from: join(sub, name),
      objects: [convert(await readFields(join(folder, sub, name), folder))],
    })),
  );
};

const convertKeys = async (folder: string, stated: unknown): Promise<readonly ImportedFile[]> => {
  const path = join(folder, text(stated, 'keys.yml'));
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (!isThere && typeof stated !== 'string') return [];
  const { keys } = await readFields(path, folder);
  const objects = (Array.isArray(keys) ? keys : []).map((key: unknown) => convertKey((key ?? {}) as Fields));
  return [{ path: 'keys.yaml', from: relative(folder, path), objects }];
};

const readFields = async (path: string, folder: string): Promise<Fields> => {
  const name = relative(folder, path);
  let value: unknown;
  try {
    value = parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof YAMLParseError) throw new Unreadable(`${name}: is not YAML, at line ${error.linePos?.[0].line ?? 1}`);
    throw new Unreadable(`${name}: cannot be read: ${ioProblem(error)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Unreadable(`${name}: is no mapping of fields`);
  return value as Fields;
};
