/** A well-formed manifest against the dataset that it is offered to: whose it is, where its files lie, its quality. */
import type { CompiledDataset } from '../bundle.ts';
import type { SoundFields } from '../manifest.ts';
import type { Problem } from '../problem.ts';
import { problem } from './problems.ts';

/** Of a web address only what stands before `?` and `#` says where it lies; in a bucket and on a disk these are letters like others. */
const placeOf = (url: string): string => (/^https?:/i.test(url) ? url.replace(/[?#].*$/su, '') : url);
const folderOf = (url: string): string => placeOf(url).slice(0, placeOf(url).lastIndexOf('/') + 1);

/** Where a path of a manifest points: an absolute URL stays, a relative one is resolved from the manifest's own place. */
export const resolveFileUrl = (manifestUrl: string, path: string): string =>
  /^[a-z][a-z0-9+.-]*:\/\//i.test(path) ? path : `${folderOf(manifestUrl)}${path.replace(/^(\.\/)+/, '')}`;

/** Scheme, host and path segments, decoded as far as it takes to see a `..`; undefined for what cannot be told. */
const segmentsOf = (url: string): readonly string[] | undefined => {
  const parts = /^([a-z0-9]+):\/\/([^/?#]*)(\/.*)?$/isu.exec(placeOf(url));
  if (parts === null) return undefined;
  const [, scheme, host, path] = parts;
  const segments = (path ?? '/').split('/').slice(1);
  const isSafe = segments.every((segment) => !/^(\.|%2e){1,2}$/i.test(segment) && !/%2f|%5c|%00|\\|[\0-\x1f]/i.test(segment));
  return isSafe && scheme !== undefined && host !== undefined ? [scheme.toLowerCase(), host, ...segments] : undefined;
};

/** Whether a URL lies in the folder that `root` names (root is a prefix ending at a folder). */
export const isUnderRoot = (url: string, root: string): boolean => {
  const inner = segmentsOf(url);
  const outer = segmentsOf(root)?.filter((segment, at, all) => at < all.length - 1 || segment !== '');
  return inner !== undefined && outer !== undefined && inner.length > outer.length && outer.every((segment, at) => segment === inner[at]);
};

/** Whether a manifest's `dataset_id` names this Dataset: as it is called, or with _ for -. */
export const namesDataset = (id: string, { name }: Pick<CompiledDataset, 'name'>): boolean =>
  id === name || id === name.replaceAll('-', '_');

const belongsToDataset = ({ dataset_id: id }: SoundFields, dataset: CompiledDataset): readonly Problem[] =>
  id === undefined || namesDataset(id, dataset)
    ? []
    : [problem('dataset_mismatch', 'dataset_id', `is not ${dataset.name}, the Dataset that reads this manifest`)];

const filesAreUnderRoots = (manifest: SoundFields, dataset: CompiledDataset, manifestUrl: string): readonly Problem[] => {
  const roots = [folderOf(dataset.source.url), folderOf(manifestUrl), ...dataset.source.allowedRoots];
  return manifest.files.flatMap((file, at) =>
    file === null || roots.some((root) => isUnderRoot(resolveFileUrl(manifestUrl, file.path), root))
      ? []
      : [
          problem(
            'root_not_allowed',
            `files[${at}].path`,
            "lies outside the manifest's folder and the dataset's allowedRoots",
            'move the file or add its root to source.allowedRoots',
          ),
        ],
  );
};

const qualityIsGood = (manifest: SoundFields, dataset: CompiledDataset): readonly Problem[] =>
  manifest.data_quality_status === 'failed' && !dataset.guards.allowFailedQuality
    ? [
        problem(
          'quality_failed',
          'data_quality_status',
          'the producer marked this snapshot as failed',
          'publish a mended snapshot, or set guards.allowFailedQuality',
        ),
      ]
    : [];

/** Every finding of a manifest, or of what is sound of it, against its dataset; schema apart (see compatibility.ts). */
export const checkManifest = (manifest: SoundFields, dataset: CompiledDataset, manifestUrl: string): readonly Problem[] => [
  ...belongsToDataset(manifest, dataset),
  ...filesAreUnderRoots(manifest, dataset, manifestUrl),
  ...qualityIsGood(manifest, dataset),
];
