// What a run says of the faults that its suites have made. In gateway/test/faults each test whose title begins with `survives` is
// one of them.

/** A suite's results, as far as Jest's reporters hand them over and they count here. */
export type Suite = {
  readonly testFilePath: string;
  readonly testExecError?: unknown;
  readonly testResults: readonly { readonly title: string; readonly status: string }[];
};

const ends = ['passed', 'failed'];
const faultsOf = ({ testExecError, testResults }: Suite): readonly string[] => [
  ...testResults.filter(({ title, status }) => title.startsWith('survives ') && ends.includes(status)).map(({ status }) => status),
  // A suite that could not even run has survived nothing: at least one fault.
  ...(testExecError == null ? [] : ['failed']),
];

/** The closing line; null for a run that made no fault. One that was left out was not made; one that did not survive was. */
export const faultsSurvived = (suites: readonly Suite[]): string | null => {
  const faults = suites.filter(({ testFilePath }) => testFilePath.includes('/gateway/test/faults/')).flatMap(faultsOf);
  const survived = faults.filter((status) => status === 'passed').length;
  return faults.length === 0 ? null : `faults survived: ${survived}/${faults.length}`;
};
