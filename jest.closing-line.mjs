// Ends a run with the plain line `N passed, N failed`, and with what was survived of the faults that were made in it. A suite that
// could not even load counts as one failure.
import { faultsSurvived } from './gateway/test/faults/support/total.ts';

export default class ClosingLine {
  onRunComplete(_contexts, results) {
    const survived = faultsSurvived(results.testResults);
    if (survived !== null) process.stdout.write(`\n${survived}\n`);
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    process.stdout.write(`\n${results.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  }
}
