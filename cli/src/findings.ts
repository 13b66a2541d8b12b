/** How findings are shown: one line each, sorted by file then path, and a total. */
import type { Finding } from '@offloader/contract';

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Findings in the order people read them: file, object, path, code. */
export const sorted = (findings: readonly Finding[]): readonly Finding[] =>
  [...findings].sort(
    (a, b) =>
      byText(a.file ?? '', b.file ?? '') || byText(a.path, b.path) || byText(a.object ?? '', b.object ?? '') || byText(a.code, b.code),
  );

/** One finding as one line: `file: Kind/name: path: code: message (hint)`. */
export const renderFinding = (finding: Finding): string =>
  [finding.file, finding.object, finding.path === '' ? undefined : finding.path, finding.code, finding.message]
    .filter((part) => part !== undefined)
    .join(': ') + (finding.hint === undefined ? '' : ` (${finding.hint})`);

/** All lines of a report of findings, the total last. */
export const renderFindings = (findings: readonly Finding[]): readonly string[] => [
  ...sorted(findings).map(renderFinding),
  `${findings.length} ${findings.length === 1 ? 'problem' : 'problems'} found`,
];
