/** Keeps the bundle within what gateways can mount. Searching for what fits takes seconds, so the answer is kept while it holds. */
import { canonicalJson, fitBundle, fitsGateways } from '@offloader/contract';
import type { CompileInput, Compiled, Credentials } from '@offloader/contract';

type Question = { readonly input: CompileInput; readonly compiled: Compiled; readonly credentials: Credentials };
export type Fit = (question: Question) => Promise<Compiled>;

/** Packing a large bundle takes a second: between two, the lease must be renewed. */
const letOthersRun = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** A Fit that remembers its last search. */
export const createFit = (): Fit => {
  let known: { readonly asked: string; readonly fitted: Compiled } | undefined;
  return async ({ input, compiled, credentials }) => {
    if (fitsGateways(compiled.bundle, credentials)) return compiled;
    const asked = canonicalJson([compiled.bundle.revision, input.lastGood?.revision ?? null, credentials]);
    if (known?.asked === asked) return known.fitted;
    const fitted = await fitBundle(input, compiled, async (bundle) => {
      await letOthersRun();
      return fitsGateways(bundle, credentials);
    });
    known = { asked, fitted };
    return fitted;
  };
};
