/**
 * What gateways can mount has an end. When everything together is too large, what serves already stays, and of what is new or
 * changed the older goes in first, as far as there is room; the rest is told so and keeps its last good form. Pure.
 */
import type { Bundle } from '../bundle.ts';
import { canonicalOf } from '../canonical.ts';
import { compile, type Compiled, type CompileInput, type Verdict } from './compile.ts';
import { objectId } from './objects.ts';

export type Fits = (bundle: Bundle) => Promise<boolean>;
type FitsWith = (admitted: readonly string[]) => Promise<boolean>;

/** How many objects that are too large by themselves are passed over before the rest is refused: each costs a search. */
const passedOver = 8;

/** How long the longest beginning is that fits: doubled until it does not, then halved. Cheap when next to nothing fits. */
const longestFitting = async (list: readonly string[], fits: FitsWith): Promise<number> => {
  let [low, high] = [0, 1];
  while (low < list.length && (await fits(list.slice(0, high)))) [low, high] = [high, Math.min(2 * high, list.length)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (await fits(list.slice(0, middle))) low = middle;
    else high = middle;
  }
  return Math.min(low, list.length);
};

const admit = async (wanting: readonly string[], fits: FitsWith): Promise<readonly string[]> => {
  const admitted: string[] = [];
  let rest = wanting;
  for (let turn = 0; turn < passedOver && rest.length > 0; turn += 1) {
    const count = await longestFitting(rest, async (ids) => fits([...admitted, ...ids]));
    admitted.push(...rest.slice(0, count));
    rest = rest.slice(count + 1);
  }
  return admitted;
};

const idOf = ({ kind, name }: Verdict): string => objectId(kind, name);
const formsOf = (bundle: Bundle | null): ReadonlyMap<string, string> =>
  new Map([
    ...(bundle?.datasets ?? []).map((one): [string, string] => [objectId('Dataset', one.name), canonicalOf(one)]),
    ...(bundle?.endpoints ?? []).map((one): [string, string] => [objectId('Endpoint', one.object), canonicalOf(one)]),
    ...(bundle?.keys ?? []).map((one): [string, string] => [objectId('ApiKey', one.id), canonicalOf(one)]),
  ]);

/** `compiled` when it fits, else what comes out when the objects that find no room are refused. `fits` is asked a few dozen times. */
export const fitBundle = async (input: CompileInput, compiled: Compiled, fits: Fits): Promise<Compiled> => {
  if (await fits(compiled.bundle)) return compiled;
  const [asked, held] = [formsOf(compiled.bundle), formsOf(input.lastGood)];
  // Verdicts stand in the order of age, datasets before endpoints before keys.
  const changed = compiled.verdicts.map(idOf).filter((id) => asked.has(id) && asked.get(id) !== held.get(id));
  const compiledWith = (admitted: readonly string[]): Compiled => {
    const taken = new Set(admitted);
    return compile({ ...input, refused: new Set(changed.filter((id) => !taken.has(id))) });
  };
  const fitsWith: FitsWith = async (admitted) => fits(compiledWith(admitted).bundle);
  // Keys have a part of their own, so that neither takes the other's room.
  const isKey = (id: string): boolean => id.startsWith(objectId('ApiKey', ''));
  const served = await admit(
    changed.filter((id) => !isKey(id)),
    fitsWith,
  );
  const keys = await admit(changed.filter(isKey), async (admitted) => fitsWith([...served, ...admitted]));
  return compiledWith([...served, ...keys]);
};
