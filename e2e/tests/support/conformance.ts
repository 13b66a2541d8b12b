/** The kstatus rules, held against an object as it is: what `kubectl wait`, Flux and Argo CD rely on. */
import { kubectl, type Condition, type KubeObject } from './kubectl.ts';

const reason = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;

const shapeProblems = (condition: Condition, generation: number): readonly string[] => [
  ...(['True', 'False', 'Unknown'].includes(condition.status) ? [] : [`${condition.type}: status ${condition.status}`]),
  ...(reason.test(condition.reason) ? [] : [`${condition.type}: reason ${condition.reason}`]),
  ...(Number.isNaN(Date.parse(condition.lastTransitionTime)) ? [`${condition.type}: lastTransitionTime`] : []),
  ...((condition.observedGeneration ?? 0) > generation ? [`${condition.type}: observedGeneration is ahead`] : []),
];

/** Every rule that the object breaks, in words. */
export const conformanceProblems = ({ kind, metadata, status }: KubeObject): readonly string[] => {
  const conditions = status?.conditions ?? [];
  const statusOf = (type: string): string | undefined => conditions.find((condition) => condition.type === type)?.status;
  const [ready, reconciling, stalled] = [statusOf('Ready'), statusOf('Reconciling'), statusOf('Stalled')];
  const generation = metadata.generation ?? 0;
  const observed = status?.observedGeneration ?? NaN;
  const isNew = observed === -1;
  const rules: readonly (readonly [string, boolean])[] = [
    // The CRD's default: a new object never looks finished, also while there is no operator.
    ['an object that nobody has judged has -1 and no conditions', !isNew || conditions.length === 0],
    ['Ready is always there', isNew || ready !== undefined],
    ['observedGeneration is never ahead', observed <= generation],
    ['Reconciling is there only while True', reconciling === undefined || reconciling === 'True'],
    ['Stalled is there only while True', stalled === undefined || stalled === 'True'],
    ['Reconciling and Stalled exclude each other', reconciling === undefined || stalled === undefined],
    ['Ready=True has neither Reconciling nor Stalled', ready !== 'True' || (reconciling ?? stalled) === undefined],
    ['Ready=False says whether it ends by itself', ready !== 'False' || (reconciling ?? stalled) !== undefined],
    ['Ready=True means every replica', ready !== 'True' || status?.gateways?.ready === status?.gateways?.total],
    ['Ready=True leaves no replica behind', ready !== 'True' || (status?.gateways?.behind ?? []).length === 0],
    ['a type stands once', new Set(conditions.map(({ type }) => type)).size === conditions.length],
  ];
  return [
    ...rules.filter(([, holds]) => !holds).map(([rule]) => `${kind}/${metadata.name}: ${rule}`),
    ...conditions.flatMap((condition) => shapeProblems(condition, generation)),
  ];
};

/** The broken rules of every object of the three kinds, as the API server has them now. */
export const allNonconforming = async (): Promise<readonly string[]> => {
  const found = await kubectl('get', 'datasets.offloader.dev,endpoints.offloader.dev,apikeys.offloader.dev', '--output', 'json');
  return (JSON.parse(found) as { readonly items: readonly KubeObject[] }).items.flatMap(conformanceProblems);
};
