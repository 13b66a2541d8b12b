/** The kstatus rules, held against an object as it is: what `kubectl wait`, Flux and Argo CD rely on. */
import { get, type Condition, type KubeObject } from './kubectl.ts';

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
  const rules: readonly (readonly [string, boolean])[] = [
    ['Ready is always there', ready !== undefined],
    ['Reconciling is there only while True', reconciling === undefined || reconciling === 'True'],
    ['Stalled is there only while True', stalled === undefined || stalled === 'True'],
    ['Reconciling and Stalled exclude each other', reconciling === undefined || stalled === undefined],
    ['Ready=True has neither Reconciling nor Stalled', ready !== 'True' || (reconciling ?? stalled) === undefined],
    ['Ready=False says whether it ends by itself', ready !== 'False' || (reconciling ?? stalled) !== undefined],
    ['Ready=True is about this generation', ready !== 'True' || status?.observedGeneration === generation],
    ['Ready=True means every replica', ready !== 'True' || status?.gateways?.ready === status?.gateways?.total],
    ['Ready=True leaves no replica behind', ready !== 'True' || (status?.gateways?.behind ?? []).length === 0],
    ['a type stands once', new Set(conditions.map(({ type }) => type)).size === conditions.length],
  ];
  return [
    ...rules.filter(([, holds]) => !holds).map(([rule]) => `${kind}/${metadata.name}: ${rule}`),
    ...conditions.flatMap((condition) => shapeProblems(condition, generation)),
  ];
};

/** The broken rules of several objects as the API server has them now. */
export const nonconforming = async (...targets: readonly string[]): Promise<readonly string[]> =>
  (await Promise.all(targets.map(get))).flatMap(conformanceProblems);
