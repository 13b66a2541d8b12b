/** What a support bundle is made of: redacted files, each with where it came from, and what could not be had. */
import { get, getAdmin, adminUrl } from '../admin-client.ts';
import { renderIncidents } from '../commands/triage.ts';
import { mask, parsedJson, redact } from '../redact.ts';
import { redactJson } from './redact-file.ts';
import type { Incident } from '@offloader/contract';

export type Piece = { readonly path: string; readonly source: string; readonly text: string };
export type Missing = { readonly what: string; readonly why: string };
export type Collected = {
  readonly pieces: readonly Piece[];
  readonly missing: readonly Missing[];
  /** Of what runs, by what it is. */
  readonly versions?: Readonly<Record<string, string>>;
};

/** Several parts as one. */
export const joined = (parts: readonly Collected[]): Collected => ({
  pieces: parts.flatMap(({ pieces }) => pieces),
  missing: parts.flatMap(({ missing }) => missing),
  versions: Object.assign({}, ...parts.map(({ versions }) => versions ?? {})) as Record<string, string>,
});

/** Says why something is not in the bundle. */
export const without = (what: string, why: string): Collected => ({ pieces: [], missing: [{ what, why }] });

/** The verdict as a file. */
export const verdict = (path: string, source: string, incidents: readonly Incident[]): Piece => ({
  path,
  source,
  text: redact(`${renderIncidents(incidents).join('\n')}\n`),
});

export type OpenPath = readonly [path: string, file: string];
/** What the admin port tells everybody, and the file that it goes to. */
const openPaths: readonly OpenPath[] = [
  ['/metrics', 'metrics.txt'],
  ['/status', 'status.json'],
  ['/ready', 'ready.json'],
];

/** What a port tells everybody. */
export const collectOpen = async (base: string, paths: readonly OpenPath[]): Promise<Collected> => {
  const parts = paths.map(async ([path, file]): Promise<Collected> => {
    const answer = await get(adminUrl(base, path));
    if (!answer.ok) return without(path, answer.error);
    const { status, text } = answer.value;
    // /ready answers 503 with a body that is worth having.
    if (status !== 200 && status !== 503) return without(path, `status ${status}`);
    return { pieces: [{ path: file, source: path, text: file.endsWith('.json') ? redactJson(text) : redact(text) }], missing: [] };
  });
  return joined(await Promise.all(parts));
};

/** What a gateway says of itself: report, metrics, status, and the verdict of triage. */
export const collectGateway = async (base: string, token: string | undefined): Promise<Collected> => {
  // All at once: a gateway that does not answer is waited for once.
  const collected = joined(await Promise.all([collectReport(base, token), collectOpen(base, openPaths)]));
  if (token === undefined || token === '') return collected;
  // The token is known, so it goes wherever it stands.
  return { ...collected, pieces: collected.pieces.map((piece) => ({ ...piece, text: piece.text.replaceAll(token, mask) })) };
};

type Told = { readonly incidents?: readonly Incident[]; readonly build_version?: string };

const collectReport = async (base: string, token: string | undefined): Promise<Collected> => {
  const answer = await getAdmin(base, '/diagnostics', token);
  if (!answer.ok) return without('/diagnostics', answer.error);
  const { status, text } = answer.value;
  if (status !== 200) return without('/diagnostics', `status ${status}`);
  const { incidents = [], build_version: version } = (parsedJson(text) ?? {}) as Told;
  return {
    pieces: [
      { path: 'diagnostics.json', source: '/diagnostics', text: redactJson(text) },
      verdict('triage.txt', 'triage of /diagnostics', incidents),
    ],
    missing: [],
    ...(version === undefined ? {} : { versions: { gateway: version } }),
  };
};
